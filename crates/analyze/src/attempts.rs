//! Asking the model until its answer holds, a limited number of times.

use std::time::Duration;

use domain::analysis::Usage;
use domain::session::Session;
use domain::settings::AnalysisSettings;
use domain::transcript::{Role, Transcript};
use rand::Rng;
use serde_json::error::Category;
use stage::Delivery;

use crate::answer::Answer;
use crate::bedrock::{ModelError, Reply, Said, Stop, converse};
use crate::check::{Checked, Findings, Subject, check};
use crate::evidence::Spoken;
use crate::leak::Instructions;
use crate::{Context, Error, prompt};

/// Output tokens for everything but the timeline, about twice what the longest good answers take.
const BASE_OUTPUT_TOKENS: usize = 4000;
/// Output tokens for one entry of the timeline.
const TURN_OUTPUT_TOKENS: usize = 40;
/// The most output tokens asked for; quota is reserved by what is asked for.
const MAX_OUTPUT_TOKENS: usize = 32_000;

/// With less than this left, a request is not begun: even a short answer takes longer, and what came of it would be lost.
const SHORTEST_REQUEST: Duration = Duration::from_millis(1500);

/// What the model found and what it cost.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub(crate) findings: Findings,
    pub(crate) usage: Usage,
}

/// A reply after checking.
enum Verdict {
    Usable(Box<Checked>),
    /// What to tell the model, and in short what to log.
    Unusable(Vec<String>, &'static str),
}

/// Asks, checks, and asks again naming what was wrong; a usable answer with shortcomings is asked for again once.
pub(crate) async fn ask(
    context: &Context,
    session: &Session,
    transcript: &Transcript,
    settings: &AnalysisSettings,
    delivery: &Delivery,
) -> Result<Found, Error> {
    let model = settings.model.as_deref().unwrap_or(&context.model);
    let max_attempts = i32::try_from(settings.max_attempts.get()).unwrap_or(i32::MAX);
    let mut chat = Chat::new(session, transcript);
    let spoken = Spoken::new(transcript);
    let instructions = Instructions::new(&[prompt::SYSTEM], "");
    let subject = Subject {
        spoken: &spoken,
        own: 0..transcript.turns().len(),
        context: 0..0,
        metrics: &[],
        topics: &settings.topics,
        instructions: &instructions,
    };
    let mut usage =
        Usage { model: Some(model.to_owned()), prompt_version: Some(prompt::VERSION.to_owned()), ..Usage::default() };
    let mut usable: Option<Checked> = None;
    let mut last = "was lost with its delivery";
    loop {
        if delivery.remaining() < SHORTEST_REQUEST {
            return settle(usable, usage).ok_or(Error::OutOfTime);
        }
        let Some(attempt) = begin(context, delivery, max_attempts).await? else {
            return settle(usable, usage).ok_or(Error::InvalidAnswers { attempts: max_attempts, last });
        };
        let reply = match converse(&context.bedrock, model, &chat.said, chat.max_tokens, delivery.remaining()).await {
            Ok(reply) => reply,
            Err(error) => return missed(context, delivery, settle(usable, usage), error).await,
        };
        add(&mut usage, &reply, attempt);
        let was_asked_again = usable.is_some();
        match judge(&reply, &subject)? {
            Verdict::Usable(checked) if checked.shortcomings.is_empty() || was_asked_again => {
                return Ok(Found { findings: better(usable, *checked).findings, usage });
            }
            Verdict::Usable(checked) => {
                tracing::info!(attempt, shortcomings = checked.shortcomings.len(), "the answer has shortcomings");
                chat.correct(&reply, &checked.shortcomings);
                usable = Some(*checked);
            }
            Verdict::Unusable(problems, reason) => {
                tracing::warn!(attempt, problems = problems.len(), reason, "the answer is not valid");
                chat.correct(&reply, &problems);
                last = reason;
            }
        }
    }
}

/// The number of this attempt; `None` if there have been enough.
async fn begin(context: &Context, delivery: &Delivery, max_attempts: i32) -> Result<Option<i32>, Error> {
    let begun = context.store.begin_try(&delivery.claimed).await.map_err(Error::Store)?;
    let attempt = begun.ok_or(Error::ClaimLost)?;
    if attempt > max_attempts {
        context.store.take_back_try(&delivery.claimed).await.map_err(Error::Store)?;
        return Ok(None);
    }
    Ok(Some(attempt))
}

/// No reply: not counted, and no reason to give up an answer that can be used.
async fn missed(
    context: &Context,
    delivery: &Delivery,
    usable: Option<Found>,
    error: ModelError,
) -> Result<Found, Error> {
    context.store.take_back_try(&delivery.claimed).await.map_err(Error::Store)?;
    usable.ok_or(Error::Model(error))
}

fn settle(usable: Option<Checked>, usage: Usage) -> Option<Found> {
    usable.map(|checked| Found { findings: checked.findings, usage })
}

fn better(first: Option<Checked>, second: Checked) -> Checked {
    match first {
        Some(first) if first.flaws < second.flaws => first,
        _ => second,
    }
}

/// `Err` where asking again cannot help.
fn judge(reply: &Reply, subject: &Subject<'_>) -> Result<Verdict, Error> {
    let unusable = |told: &str, logged| Ok(Verdict::Unusable(vec![told.to_owned()], logged));
    match reply.stop {
        Stop::Complete => {}
        Stop::OutOfTokens => return unusable("it was longer than allowed and was cut off", "was cut off"),
        Stop::Malformed => return unusable("it did not follow the JSON schema", "was malformed"),
        Stop::Other => return unusable("it is not one JSON object as text", "stopped for an unknown reason"),
        Stop::Refused => return Err(Error::Refused),
        Stop::InputTooLong => return Err(Error::TranscriptTooLong),
    }
    let mut answer: Answer = match serde_json::from_str(&reply.text) {
        Ok(answer) => answer,
        Err(error) => return unusable(&unreadable(&error), "was not as asked for"),
    };
    // Version 1 of the prompt does not ask for it.
    answer.intent.outcome.get_or_insert_with(|| "unclear".to_owned());
    Ok(match check(answer, subject) {
        Ok(checked) => Verdict::Usable(Box::new(checked)),
        Err(problems) => Verdict::Unusable(problems, "had values out of range"),
    })
}

/// Where the answer goes wrong, not what stands there: that may be a quote of the transcript.
fn unreadable(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Eof => "it ends too early",
        Category::Syntax | Category::Io => "it is not JSON",
        Category::Data => "a field is missing or has the wrong type",
    };
    format!("it does not follow the JSON schema: {what}, at line {} column {}", error.line(), error.column())
}

fn add(usage: &mut Usage, reply: &Reply, attempt: i32) {
    usage.attempts = attempt.unsigned_abs();
    usage.input_tokens += reply.input_tokens;
    usage.output_tokens += reply.output_tokens;
    usage.cached_tokens += reply.cached_tokens;
    usage.latency_ms += reply.latency.as_millis() as u64;
}

/// The conversation with the model.
struct Chat {
    said: Vec<Said>,
    max_tokens: i32,
}

impl Chat {
    fn new(session: &Session, transcript: &Transcript) -> Self {
        let nonce = format!("{:016x}", rand::rng().next_u64());
        let tokens = BASE_OUTPUT_TOKENS + TURN_OUTPUT_TOKENS * transcript.of(Role::Visitor).count();
        Self {
            said: vec![Said::User(prompt::user_message(session, transcript, &nonce))],
            max_tokens: tokens.min(MAX_OUTPUT_TOKENS) as i32,
        }
    }

    fn correct(&mut self, reply: &Reply, problems: &[String]) {
        // The first message and one correction: an older answer and what was wrong with it help no further.
        self.said.truncate(1);
        // Bedrock refuses blank text.
        let text = if reply.text.trim().is_empty() { "(no text)".to_owned() } else { reply.text.clone() };
        self.said.push(Said::Model(text));
        self.said.push(Said::User(prompt::correction(problems)));
        if reply.stop == Stop::OutOfTokens {
            self.max_tokens = (self.max_tokens * 2).min(MAX_OUTPUT_TOKENS as i32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_an_answer_is_told_without_its_words() {
        let told = |text: &str| unreadable(&serde_json::from_str::<Answer>(text).unwrap_err());
        let wrong_type = told(r#"{"intent":"my card number is 4111"}"#);
        assert_eq!(
            wrong_type,
            "it does not follow the JSON schema: a field is missing or has the wrong type, at line 1 column 34"
        );
        for text in [r#"{"my card number is 4111":1}"#, "my card number is 4111", r#"{"intent":"my card"#] {
            assert!(!told(text).contains("card") && !told(text).contains("4111"), "{}", told(text));
        }
    }
}
