//! A journal without a database.

use std::sync::{Mutex, PoisonError};

use analyze::Error;
use analyze::journal::Journal;
use domain::analysis::Usage;
use serde_json::Value;
use store::model_calls::{Begun, CallEnd, CallOutcome, NewCall};
use store::parts::{PartKey, StoredPart};
use uuid::Uuid;

/// A record in memory of one analysis, from beginning to end.
#[derive(Debug, Default)]
pub(crate) struct MemoryJournal(Mutex<Vec<RecordedCall>>);

/// A request to the model.
#[derive(Debug, Clone)]
pub(crate) struct RecordedCall {
    id: Uuid,
    pub(crate) part: PartKey,
    model: String,
    /// `None` while the request is running.
    pub(crate) end: Option<CallEnd>,
}

impl MemoryJournal {
    pub(crate) fn calls(&self) -> Vec<RecordedCall> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Journal for MemoryJournal {
    async fn begin(&self, call: &NewCall<'_>, _: bool) -> Result<Begun, Error> {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = |recorded: &&RecordedCall| {
            recorded.part == call.part && recorded.end.as_ref().is_none_or(|end| end.outcome != CallOutcome::NoAnswer)
        };
        let attempt = 1 + i32::try_from(calls.iter().filter(counts).count()).unwrap_or(i32::MAX - 1);
        if attempt > call.max_attempts {
            return Ok(Begun::Enough);
        }
        let id = Uuid::now_v7();
        calls.push(RecordedCall { id, part: call.part, model: call.model.to_owned(), end: None });
        Ok(Begun::Call { call_id: id, attempt })
    }

    async fn end(&self, call: Uuid, end: &CallEnd) -> Result<(), Error> {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(recorded) = calls.iter_mut().find(|recorded| recorded.id == call) {
            recorded.end = Some(*end);
        }
        Ok(())
    }

    async fn parts(&self) -> Result<Vec<StoredPart>, Error> {
        Ok(Vec::new())
    }

    async fn store_part(&self, _: PartKey, _: Option<&Value>) -> Result<(), Error> {
        Ok(())
    }

    async fn usage(&self) -> Result<Usage, Error> {
        let calls = self.calls();
        let answered = || {
            let ended = calls.iter().filter_map(|call| call.end.as_ref().map(|end| (call, end)));
            ended.filter(|(_, end)| end.outcome != CallOutcome::NoAnswer)
        };
        let sum = |count: fn(&CallEnd) -> u64| answered().map(|(_, end)| count(end)).sum();
        Ok(Usage {
            attempts: u32::try_from(answered().count()).unwrap_or(u32::MAX),
            input_tokens: sum(|end| end.tokens.input),
            output_tokens: sum(|end| end.tokens.output),
            cached_tokens: sum(|end| end.tokens.cached),
            cache_write_tokens: sum(|end| end.tokens.cache_write),
            cost_usd: answered().map(|(_, end)| end.cost_usd).sum(),
            latency_ms: sum(|end| end.latency_ms),
            model: answered().next_back().map(|(call, _)| call.model.clone()),
            ..Usage::default()
        })
    }
}
