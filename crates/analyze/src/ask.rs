//! Asking a model until its answer holds, a limited number of times.

use std::time::{Duration, Instant};

use aws_sdk_bedrockruntime::Client;
use domain::step::Code;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use store::model_calls::{Begun, CallEnd, CallOutcome, NewCall};
use uuid::Uuid;

use crate::bedrock::{ModelError, ModelMessage, ModelReply, ReplyContent, Stop, converse};
use crate::check::UsableAnswer;
use crate::journal::Journal;
use crate::models::{ChosenModel, TokenCounts};
use crate::prompt::{self, Instructions};
use crate::{Error, RefusedBy, split};

/// With less than this left, a request is not begun: even a short answer takes longer, and what came of it would be
/// lost.
const SHORTEST_REQUEST: Duration = Duration::from_millis(1500);

/// Time that is kept for each model that may have to stand in; a short conversation's answer takes less.
const FALLBACK_RESERVE: Duration = Duration::from_secs(20);

/// Whom to ask, how often, and until when.
pub(crate) struct ModelCaller<'a, J> {
    pub(crate) client: &'a Client,
    /// In order: each is asked where the one before it is not available.
    pub(crate) models: &'a [ChosenModel],
    pub(crate) max_attempts: u32,
    pub(crate) until: Instant,
    pub(crate) journal: &'a J,
}

/// What to ask, and how to read the answer.
pub(crate) struct ModelRequest<'a, A, T> {
    /// In the journal: attempts are counted for each part on its own.
    pub(crate) part: i32,
    pub(crate) instructions: &'static Instructions,
    pub(crate) message: String,
    /// For a good answer, with room to spare.
    pub(crate) output_tokens: usize,
    /// `Err` tells the model why its answer cannot be used.
    pub(crate) check: &'a (dyn Fn(A) -> Result<UsableAnswer<T>, Vec<String>> + Sync),
}

/// A reply after checking.
enum CheckedReply<T> {
    Usable(UsableAnswer<T>),
    /// What to tell the model, and in short what to record.
    Unusable(Vec<String>, Code),
    /// Asking again cannot help.
    Final(Error),
}

impl<J: Journal> ModelCaller<'_, J> {
    /// Asks, checks, and asks again naming what was wrong; a usable answer with shortcomings is asked for again once.
    pub(crate) async fn ask<A: DeserializeOwned, T>(&self, question: &ModelRequest<'_, A, T>) -> Result<T, Error> {
        let mut talk = AnswersSoFar { usable: None, last: None };
        let mut missed: Option<ModelError> = None;
        for (n, chosen) in self.models.iter().enumerate() {
            let error = match self.talk(chosen, self.models.len() - n, question, &mut talk).await {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            // A usable answer is worth more than whatever kept us from a better one.
            if let (Some(usable), false) = (talk.usable.take(), matches!(error, Error::ClaimLost | Error::Store(_))) {
                return Ok(usable.findings);
            }
            let error = match error {
                Error::Model(error) => error,
                Error::OutOfTime if missed.is_some() => break,
                error => return Err(error),
            };
            tracing::warn!(code = error.code(), model = chosen.id, "the model did not answer");
            // An error that passes is worth another delivery, whatever the other models said.
            if missed.as_ref().is_none_or(|first| error.is_retryable() && !first.is_retryable()) {
                missed = Some(error);
            }
        }
        Err(missed.map_or(Error::OutOfTime, Error::Model))
    }

    /// The conversation with one model; `models_left` counts it.
    async fn talk<A: DeserializeOwned, T>(
        &self,
        chosen: &ChosenModel,
        models_left: usize,
        question: &ModelRequest<'_, A, T>,
        talk: &mut AnswersSoFar<T>,
    ) -> Result<T, Error> {
        let mut chat = ModelConversation::new(question, chosen);
        loop {
            let (reply, verdict) = self.request(chosen, models_left, question, talk, &chat).await?;
            match verdict {
                CheckedReply::Final(error) => return Err(error),
                CheckedReply::Usable(usable) if usable.shortcomings.is_empty() => return Ok(usable.findings),
                CheckedReply::Usable(usable) => {
                    tracing::info!(shortcomings = usable.flaws, "the answer has shortcomings");
                    chat.correct(reply, &usable.shortcomings);
                    if let Some(found) = talk.better(usable) {
                        return Ok(found);
                    }
                }
                CheckedReply::Unusable(problems, code) => {
                    tracing::warn!(problems = problems.len(), reason = %code, "the answer is not valid");
                    if let Some(usable) = talk.usable.take() {
                        return Ok(usable.findings);
                    }
                    chat.correct(reply, &problems);
                    talk.last = Some(code);
                }
            }
        }
    }

    /// One request, written down before and after.
    async fn request<A: DeserializeOwned, T>(
        &self,
        chosen: &ChosenModel,
        models_left: usize,
        question: &ModelRequest<'_, A, T>,
        talk: &AnswersSoFar<T>,
        chat: &ModelConversation,
    ) -> Result<(ModelReply, CheckedReply<T>), Error> {
        let timeout = self.timeout(models_left);
        if timeout < SHORTEST_REQUEST {
            return Err(Error::OutOfTime);
        }
        let call = self.begin(chosen, question, talk).await?;
        let begun = Instant::now();
        let reply = converse(self.client, chosen, question.instructions, &chat.said, chat.max_tokens, timeout).await;
        match reply {
            Ok(reply) => {
                let verdict = judge(&reply, question);
                self.journal.end(call, &ended(chosen, &reply, &verdict)).await?;
                Ok((reply, verdict))
            }
            Err(error) => {
                self.journal.end(call, &unanswered(chosen, chat, &error, begun.elapsed())).await?;
                Err(unless_too_long(error))
            }
        }
    }

    /// For this model; the others have a share, or what a short answer takes.
    fn timeout(&self, models_left: usize) -> Duration {
        let (left, models) = (self.until.saturating_duration_since(Instant::now()), models_left.max(1) as u32);
        (left / models).max(left.saturating_sub(FALLBACK_RESERVE * (models - 1)))
    }

    async fn begin<A, T>(
        &self,
        chosen: &ChosenModel,
        question: &ModelRequest<'_, A, T>,
        talk: &AnswersSoFar<T>,
    ) -> Result<Uuid, Error> {
        let max_attempts = i32::try_from(self.max_attempts).unwrap_or(i32::MAX);
        let call = NewCall { part: question.part, model: &chosen.id, prompt_version: prompt::VERSION, max_attempts };
        match self.journal.begin(&call, chosen.model.usd_per_million_tokens.is_some()).await? {
            Begun::Call { call_id, attempt } => {
                tracing::debug!(attempt, part = question.part, "asking the model");
                Ok(call_id)
            }
            Begun::Enough => Err(Error::InvalidAnswers { attempts: max_attempts, last: talk.last }),
            Begun::ClaimLost => Err(Error::ClaimLost),
        }
    }
}

/// What came of the questions so far.
struct AnswersSoFar<T> {
    usable: Option<UsableAnswer<T>>,
    /// Why the last answer could not be used.
    last: Option<Code>,
}

impl<T> AnswersSoFar<T> {
    /// Of two usable answers the one with fewer shortcomings; `None` of the first.
    fn better(&mut self, usable: UsableAnswer<T>) -> Option<T> {
        match self.usable.take() {
            None => {
                self.usable = Some(usable);
                None
            }
            Some(first) if first.flaws < usable.flaws => Some(first.findings),
            Some(_) => Some(usable.findings),
        }
    }
}

fn unless_too_long(error: ModelError) -> Error {
    match error {
        ModelError::InputTooLong(_) => Error::TranscriptTooLong,
        error => Error::Model(error),
    }
}

fn judge<A: DeserializeOwned, T>(reply: &ModelReply, question: &ModelRequest<'_, A, T>) -> CheckedReply<T> {
    let unusable = |told: &str, code| CheckedReply::Unusable(vec![told.to_owned()], Code::new(code));
    match reply.stop {
        Stop::Complete => {}
        Stop::OutOfTokens => return unusable("it was longer than allowed and was cut off", "cut_off"),
        Stop::Malformed => return unusable("it did not follow the JSON schema", "malformed"),
        Stop::Unknown => return unusable("it is not one JSON object", "stopped_for_unknown_reason"),
        Stop::Guardrail => return CheckedReply::Final(Error::Refused(RefusedBy::Guardrail)),
        Stop::ContentFilter => return CheckedReply::Final(Error::Refused(RefusedBy::ContentFilter)),
        Stop::RefusedBy => return CheckedReply::Final(Error::Refused(RefusedBy::Model)),
        Stop::InputTooLong => return CheckedReply::Final(Error::TranscriptTooLong),
    }
    match serde_json::from_str(reply.answered.json()) {
        Err(error) => unusable(&unreadable(&error), "not_as_asked"),
        Ok(answer) => match (question.check)(answer) {
            Ok(usable) => CheckedReply::Usable(usable),
            Err(problems) => CheckedReply::Unusable(problems, Code::new("not_valid")),
        },
    }
}

/// An answer that we did not wait for is billed all the same: its cost is estimated, at the longest it can have been.
fn unanswered(chosen: &ChosenModel, chat: &ModelConversation, error: &ModelError, latency: Duration) -> CallEnd {
    let estimate = || {
        let said = chat.said.iter().map(|said| match said {
            ModelMessage::User(text) => split::tokens(text),
            ModelMessage::Model(answered) => split::tokens(answered.json()),
        });
        let tokens =
            TokenCounts { input: said.sum::<usize>() as u64, output: chat.max_tokens as u64, ..TokenCounts::default() };
        chosen.cost_usd(&tokens)
    };
    CallEnd {
        outcome: CallOutcome::NoAnswer,
        code: Some(Code::new(error.code())),
        input_tokens: 0,
        output_tokens: 0,
        cached_tokens: 0,
        cache_write_tokens: 0,
        cost_usd: if matches!(error, ModelError::Timeout(_)) { estimate() } else { None },
        latency_ms: latency.as_millis() as u64,
    }
}

fn ended<T>(chosen: &ChosenModel, reply: &ModelReply, verdict: &CheckedReply<T>) -> CallEnd {
    use stage::Failure;
    let (outcome, code) = match verdict {
        CheckedReply::Usable(usable) if usable.shortcomings.is_empty() => (CallOutcome::Usable, None),
        CheckedReply::Usable(_) => (CallOutcome::Shortcomings, None),
        CheckedReply::Unusable(_, code) => (CallOutcome::Invalid, Some(*code)),
        CheckedReply::Final(error) => (CallOutcome::Refused, Some(error.code())),
    };
    CallEnd {
        outcome,
        code,
        input_tokens: reply.tokens.input,
        output_tokens: reply.tokens.output,
        cached_tokens: reply.tokens.cached,
        cache_write_tokens: reply.tokens.cache_write,
        cost_usd: chosen.cost_usd(&reply.tokens),
        latency_ms: reply.latency.as_millis() as u64,
    }
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

/// The conversation with one model.
struct ModelConversation {
    said: Vec<ModelMessage>,
    max_tokens: usize,
    most_tokens: usize,
}

impl ModelConversation {
    fn new<A, T>(question: &ModelRequest<'_, A, T>, chosen: &ChosenModel) -> Self {
        let most_tokens = chosen.model.max_output_tokens;
        let said = vec![ModelMessage::User(question.message.clone())];
        Self { said, max_tokens: question.output_tokens.min(most_tokens), most_tokens }
    }

    fn correct(&mut self, reply: ModelReply, problems: &[String]) {
        // The first message and one correction: an older answer and what was wrong with it help no further.
        self.said.truncate(1);
        if reply.stop == Stop::OutOfTokens {
            self.max_tokens = (self.max_tokens * 2).min(self.most_tokens);
        }
        let answered = match reply.answered {
            // Half a call of a tool cannot be repeated as one.
            ReplyContent::Tool { input, .. } if reply.stop != Stop::Complete => ReplyContent::Text(input),
            answered => answered,
        };
        self.said.push(ModelMessage::Model(answered));
        self.said.push(ModelMessage::User(prompt::correction(problems)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::AnalysisAnswer;

    #[test]
    fn what_is_wrong_with_an_answer_is_told_without_its_words() {
        let told = |text: &str| unreadable(&serde_json::from_str::<AnalysisAnswer>(text).err().unwrap());
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
