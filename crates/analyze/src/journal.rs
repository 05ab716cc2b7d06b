//! What is written down while a session is analysed: every request, and what was found in each part.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use domain::settings::analysis::BudgetUsd;
use serde_json::Value;
use store::Store;
use store::model_calls::{Begun, CallEnd, CallOutcome, ModelUsage, NewCall};
use store::steps::Claimed;
use uuid::Uuid;

use crate::Error;

/// Where an [`Analyst`](crate::Analyst) writes down what it does.
pub trait Journal: Sync {
    /// Before a request. `is_priced`: whether the model's price is known.
    fn begin(&self, call: &NewCall<'_>, is_priced: bool) -> impl Future<Output = Result<Begun, Error>> + Send;

    /// After it, whatever came of it.
    fn end(&self, call: Uuid, end: &CallEnd) -> impl Future<Output = Result<(), Error>> + Send;

    /// What earlier deliveries found in parts of a long transcript.
    fn parts(&self) -> impl Future<Output = Result<Vec<(i32, Value)>, Error>> + Send;

    fn store_part(&self, part: i32, found: &Value) -> impl Future<Output = Result<(), Error>> + Send;

    /// Of all requests of this analysis.
    fn usage(&self) -> impl Future<Output = Result<ModelUsage, Error>> + Send;
}

/// The database's, for one claimed step.
pub struct StoreJournal<'a> {
    pub store: &'a Store,
    pub claimed: &'a Claimed,
    /// What the tenant may spend in a month.
    pub budget: Option<BudgetUsd>,
    pub now: DateTime<Utc>,
}

impl Journal for StoreJournal<'_> {
    /// Requests that are under way when the budget is reached are paid for; no other is begun.
    async fn begin(&self, call: &NewCall<'_>, is_priced: bool) -> Result<Begun, Error> {
        if let Some(budget) = self.budget {
            if !is_priced {
                return Err(Error::PriceUnknown { model: call.model.to_owned() });
            }
            let tenant = &self.claimed.key.tenant_id;
            if self.store.model_spend(tenant, self.now).await.map_err(Error::Store)? >= budget.get() {
                return Err(Error::BudgetSpent);
            }
        }
        self.store.begin_model_call(self.claimed, call).await.map_err(Error::Store)
    }

    async fn end(&self, call: Uuid, end: &CallEnd) -> Result<(), Error> {
        self.store.end_model_call(&self.claimed.key, call, end).await.map_err(Error::Store)
    }

    async fn parts(&self) -> Result<Vec<(i32, Value)>, Error> {
        let key = &self.claimed.key;
        self.store.parts(&key.tenant_id, &key.session_id, key.step.version()).await.map_err(Error::Store)
    }

    async fn store_part(&self, part: i32, found: &Value) -> Result<(), Error> {
        match self.store.store_part(self.claimed, part, found).await.map_err(Error::Store)? {
            true => Ok(()),
            false => Err(Error::ClaimLost),
        }
    }

    async fn usage(&self) -> Result<ModelUsage, Error> {
        let key = &self.claimed.key;
        self.store.model_usage(&key.tenant_id, &key.session_id, key.step.version()).await.map_err(Error::Store)
    }
}

/// Without a database, for evaluations and benchmarks: one analysis, from beginning to end.
#[derive(Debug, Default)]
pub struct MemoryJournal(Mutex<Vec<RecordedCall>>);

/// One request.
#[derive(Debug, Clone)]
pub struct RecordedCall {
    id: Uuid,
    pub part: i32,
    pub model: String,
    /// `None` while it is under way.
    pub end: Option<CallEnd>,
}

impl MemoryJournal {
    pub fn calls(&self) -> Vec<RecordedCall> {
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

    async fn parts(&self) -> Result<Vec<(i32, Value)>, Error> {
        Ok(Vec::new())
    }

    async fn store_part(&self, _: i32, _: &Value) -> Result<(), Error> {
        Ok(())
    }

    async fn usage(&self) -> Result<ModelUsage, Error> {
        let calls = self.calls();
        let answered = || {
            let ended = calls.iter().filter_map(|call| call.end.as_ref().map(|end| (call, end)));
            ended.filter(|(_, end)| end.outcome != CallOutcome::NoAnswer)
        };
        let sum = |count: fn(&CallEnd) -> u64| answered().map(|(_, end)| count(end)).sum();
        Ok(ModelUsage {
            attempts: u32::try_from(answered().count()).unwrap_or(u32::MAX),
            input_tokens: sum(|end| end.input_tokens),
            output_tokens: sum(|end| end.output_tokens),
            cached_tokens: sum(|end| end.cached_tokens),
            cache_write_tokens: sum(|end| end.cache_write_tokens),
            cost_usd: answered().map(|(_, end)| end.cost_usd).sum(),
            latency_ms: sum(|end| end.latency_ms),
            last_model: answered().next_back().map(|(call, _)| call.model.clone()),
        })
    }
}
