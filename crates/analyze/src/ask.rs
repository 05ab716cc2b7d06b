//! Asks models until an answer is usable, with a limited number of attempts.

use std::time::{Duration, Instant};

use aws_sdk_bedrockruntime::Client;
use domain::step::Code;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use stage::Failure;
use store::model_calls::{Begun, CallEnd, CallOutcome, NewCall, TokenCounts};
use store::parts::PartKey;
use uuid::Uuid;

use crate::bedrock::{ModelError, ModelMessage, ModelReply, NoReply, ReplyContent, Stop, converse};
use crate::check::UsableAnswer;
use crate::journal::Journal;
use crate::models::ChosenModel;
use crate::prompt::{self, Instructions};
use crate::{Error, RefusedBy, split};

/// The least time for a request: even a short answer takes longer, and would be lost.
const SHORTEST_REQUEST: Duration = Duration::from_millis(1500);

/// Time that is kept for each fallback model; the answer about a short conversation takes less.
const FALLBACK_RESERVE: Duration = Duration::from_secs(20);

/// The models of one analysis, and the limits of asking them.
pub(crate) struct ModelCaller<'a, J> {
    pub(crate) client: &'a Client,
    /// Models in order of preference: each one is asked where the model before it does not answer.
    pub(crate) models: &'a [ChosenModel],
    pub(crate) max_attempts: u32,
    pub(crate) until: Instant,
    pub(crate) journal: &'a J,
}

/// A request to a model, and the check of its answer.
pub(crate) struct ModelRequest<'a, A, T> {
    /// The part in the journal: attempts are counted for each part.
    pub(crate) part: PartKey,
    pub(crate) instructions: &'static Instructions,
    pub(crate) message: String,
    /// Enough tokens for a good answer.
    pub(crate) output_tokens: usize,
    /// Returns `Err` with the problems of an answer that cannot be used; the model reads them.
    pub(crate) check: &'a (dyn Fn(A) -> Result<UsableAnswer<T>, Vec<String>> + Sync),
}

/// A reply after checking.
enum CheckedReply<T> {
    Usable(UsableAnswer<T>),
    /// The problems for the model, and their code for the record.
    Unusable(Vec<String>, Code),
    /// An error that asking again does not help.
    Final(Error),
}

impl<J: Journal> ModelCaller<'_, J> {
    /// Asks, checks, and asks again with a list of problems; an answer with shortcomings gets one more request.
    pub(crate) async fn ask<A: DeserializeOwned, T>(&self, request: &ModelRequest<'_, A, T>) -> Result<T, Error> {
        let mut answers = AnswersSoFar { usable: None, last: None };
        let mut missed: Option<ModelError> = None;
        for (n, chosen) in self.models.iter().enumerate() {
            let error = match self.ask_model(chosen, self.models.len() - n, request, &mut answers).await {
                Ok(findings) => return Ok(findings),
                Err(error) => error,
            };
            // A usable answer is worth more than the error that prevented a better one.
            if let (Some(usable), false) = (answers.usable.take(), matches!(error, Error::ClaimLost | Error::Store(_)))
            {
                return Ok(usable.findings);
            }
            let error = match error {
                Error::Model(error) => error,
                Error::OutOfTime if missed.is_some() => break,
                error => return Err(error),
            };
            tracing::warn!(code = error.code(), model.id = chosen.id, "model request failed");
            // A temporary error is worth another delivery, whatever the errors of the other models.
            if missed.as_ref().is_none_or(|first| error.is_retryable() && !first.is_retryable()) {
                missed = Some(error);
            }
        }
        Err(missed.map_or(Error::OutOfTime, Error::Model))
    }

    /// Holds the conversation with one model; `models_left` counts the model itself.
    async fn ask_model<A: DeserializeOwned, T>(
        &self,
        chosen: &ChosenModel,
        models_left: usize,
        request: &ModelRequest<'_, A, T>,
        answers: &mut AnswersSoFar<T>,
    ) -> Result<T, Error> {
        let mut conversation = ModelConversation::new(request, chosen);
        loop {
            match self.send(chosen, models_left, request, answers, &conversation).await? {
                (_, CheckedReply::Final(error)) => return Err(error),
                (_, CheckedReply::Usable(usable)) if usable.shortcomings.is_empty() => return Ok(usable.findings),
                (reply, CheckedReply::Usable(usable)) => {
                    tracing::info!(shortcomings = usable.flaws, "model answer had shortcomings");
                    conversation.correct(reply, &usable.shortcomings);
                    if let Some(findings) = answers.better(usable) {
                        return Ok(findings);
                    }
                }
                (reply, CheckedReply::Unusable(problems, code)) => {
                    tracing::warn!(problems = problems.len(), code = %code, "model answer rejected");
                    if let Some(usable) = answers.usable.take() {
                        return Ok(usable.findings);
                    }
                    conversation.correct(reply, &problems);
                    answers.last = Some(code);
                }
            }
        }
    }

    /// Sends one request, which is recorded before and after.
    async fn send<A: DeserializeOwned, T>(
        &self,
        chosen: &ChosenModel,
        models_left: usize,
        request: &ModelRequest<'_, A, T>,
        answers: &AnswersSoFar<T>,
        conversation: &ModelConversation,
    ) -> Result<(ModelReply, CheckedReply<T>), Error> {
        let timeout = self.timeout(models_left);
        if timeout < SHORTEST_REQUEST {
            return Err(Error::OutOfTime);
        }
        // The record comes first: a call that dies with the function counts as an attempt.
        let call = self.begin(chosen, request, answers).await?;
        let begun = Instant::now();
        let ModelConversation { messages, max_tokens, .. } = conversation;
        match converse(self.client, chosen, request.instructions, messages, *max_tokens, timeout).await {
            Ok(reply) => {
                let checked = check_reply(&reply, request);
                self.journal.end(call, &answered(chosen, &reply, &checked)).await?;
                Ok((reply, checked))
            }
            Err(error) => {
                self.journal.end(call, &unanswered(chosen, conversation, &error, begun.elapsed())).await?;
                Err(if error.kind() == Some(NoReply::InputTooLong) {
                    Error::TranscriptTooLong
                } else {
                    Error::Model(error)
                })
            }
        }
    }

    /// Returns the time for this model: the others keep their share, or the reserve for a short answer.
    fn timeout(&self, models_left: usize) -> Duration {
        let (left, models) = (self.until.saturating_duration_since(Instant::now()), models_left.max(1) as u32);
        (left / models).max(left.saturating_sub(FALLBACK_RESERVE * (models - 1)))
    }

    async fn begin<A, T>(
        &self,
        chosen: &ChosenModel,
        request: &ModelRequest<'_, A, T>,
        answers: &AnswersSoFar<T>,
    ) -> Result<Uuid, Error> {
        let max_attempts = i32::try_from(self.max_attempts).unwrap_or(i32::MAX);
        let call = NewCall { part: request.part, model: &chosen.id, prompt_version: prompt::VERSION, max_attempts };
        match self.journal.begin(&call, chosen.model.usd_per_million_tokens.is_some()).await? {
            Begun::Call { call_id, attempt } => {
                tracing::debug!(attempt, part = ?request.part, "model request started");
                Ok(call_id)
            }
            Begun::Enough => Err(Error::InvalidAnswers { attempts: max_attempts, last: answers.last }),
            Begun::ClaimLost => Err(Error::ClaimLost),
        }
    }
}

/// The answers to one request so far.
struct AnswersSoFar<T> {
    usable: Option<UsableAnswer<T>>,
    /// The problem of the last answer that could not be used.
    last: Option<Code>,
}

impl<T> AnswersSoFar<T> {
    /// Keeps the first usable answer; returns the better of the first and the second one.
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

fn check_reply<A: DeserializeOwned, T>(reply: &ModelReply, request: &ModelRequest<'_, A, T>) -> CheckedReply<T> {
    let unusable = |problem: &str, code| CheckedReply::Unusable(vec![problem.to_owned()], Code::new(code));
    match reply.stop {
        Stop::Complete => {}
        Stop::OutOfTokens => return unusable("it was longer than allowed and was cut off", "cut_off"),
        Stop::Malformed => return unusable("it did not follow the JSON schema", "malformed"),
        Stop::Unknown => return unusable("it is not one JSON object", "stopped_for_unknown_reason"),
        Stop::Guardrail => return CheckedReply::Final(Error::Refused(RefusedBy::Guardrail)),
        Stop::ContentFilter => return CheckedReply::Final(Error::Refused(RefusedBy::ContentFilter)),
        Stop::Refusal => return CheckedReply::Final(Error::Refused(RefusedBy::Model)),
        Stop::InputTooLong => return CheckedReply::Final(Error::TranscriptTooLong),
    }
    match serde_json::from_str(reply.content.json()) {
        Err(error) => unusable(&unreadable(&error), "not_as_asked"),
        Ok(answer) => match (request.check)(answer) {
            Ok(usable) => CheckedReply::Usable(usable),
            Err(problems) => CheckedReply::Unusable(problems, Code::new("not_valid")),
        },
    }
}

fn unanswered(chosen: &ChosenModel, sent: &ModelConversation, error: &ModelError, latency: Duration) -> CallEnd {
    // An answer that comes after the timeout is billed, too: the estimate takes the longest possible answer.
    let estimate = || {
        let input: usize = sent.messages.iter().map(|message| split::tokens(message.text())).sum();
        let tokens = TokenCounts { input: input as u64, output: sent.max_tokens as u64, ..TokenCounts::default() };
        chosen.cost_usd(&tokens)
    };
    let cost_usd = if error.kind() == Some(NoReply::Timeout) { estimate() } else { None };
    let (outcome, code, latency_ms) =
        (CallOutcome::NoAnswer, Some(Code::new(error.code())), latency.as_millis() as u64);
    CallEnd { outcome, code, tokens: TokenCounts::default(), cost_usd, latency_ms }
}

fn answered<T>(chosen: &ChosenModel, reply: &ModelReply, checked: &CheckedReply<T>) -> CallEnd {
    let (outcome, code) = match checked {
        CheckedReply::Usable(usable) if usable.shortcomings.is_empty() => (CallOutcome::Usable, None),
        CheckedReply::Usable(_) => (CallOutcome::Shortcomings, None),
        CheckedReply::Unusable(_, code) => (CallOutcome::Invalid, Some(*code)),
        CheckedReply::Final(error) => (CallOutcome::Refused, Some(error.code())),
    };
    let (tokens, latency_ms) = (reply.tokens, reply.latency.as_millis() as u64);
    CallEnd { outcome, code, tokens, cost_usd: chosen.cost_usd(&tokens), latency_ms }
}

/// Describes the place of an error in an answer without its text, which may quote the transcript.
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
    messages: Vec<ModelMessage>,
    max_tokens: usize,
    most_tokens: usize,
}

impl ModelConversation {
    fn new<A, T>(request: &ModelRequest<'_, A, T>, chosen: &ChosenModel) -> Self {
        let most_tokens = chosen.model.max_output_tokens;
        let messages = vec![ModelMessage::User(request.message.clone())];
        Self { messages, max_tokens: request.output_tokens.min(most_tokens), most_tokens }
    }

    /// Adds the model's reply and its problems.
    fn correct(&mut self, reply: ModelReply, problems: &[String]) {
        // Older answers and their problems cost tokens and do not help further.
        self.messages.truncate(1);
        if reply.stop == Stop::OutOfTokens {
            // The same limit would cut the next answer off, too.
            self.max_tokens = (self.max_tokens * 2).min(self.most_tokens);
        }
        let content = match reply.content {
            // An incomplete call of the tool cannot be repeated as a call.
            ReplyContent::Tool { input, .. } if reply.stop != Stop::Complete => ReplyContent::Text(input),
            content => content,
        };
        self.messages.push(ModelMessage::Model(content));
        self.messages.push(ModelMessage::User(prompt::correction(problems)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::AnalysisAnswer;

    #[test]
    fn the_problem_of_an_answer_does_not_quote_the_answer() {
        let problem = |text: &str| unreadable(&serde_json::from_str::<AnalysisAnswer>(text).err().unwrap());
        let wrong_type = problem(r#"{"intent":"my card number is 4111"}"#);
        assert_eq!(
            wrong_type,
            "it does not follow the JSON schema: a field is missing or has the wrong type, at line 1 column 34"
        );
        for text in [r#"{"my card number is 4111":1}"#, "my card number is 4111", r#"{"intent":"my card"#] {
            assert!(!problem(text).contains("card") && !problem(text).contains("4111"), "{}", problem(text));
        }
    }
}
