//! The record of an analysis in progress: every request to a model, and the findings of each part.

use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveTime, Utc};
use domain::analysis::Usage;
use domain::settings::analysis::BudgetUsd;
use serde_json::Value;
use store::Store;
use store::model_calls::{Begun, CallEnd, NewCall};
use store::parts::{PartKey, StoredPart};
use store::steps::Claimed;
use uuid::Uuid;

use crate::Error;

/// The time between two checks whether the tenant has raised its budget.
const BUDGET_LOOK: Duration = Duration::from_secs(3600);

/// A record that an analyst keeps of its requests and findings.
pub trait Journal: Sync {
    /// Records a request before it is sent, if it is allowed. `is_priced` says whether the model's price is known.
    fn begin(&self, call: &NewCall<'_>, is_priced: bool) -> impl Future<Output = Result<Begun, Error>> + Send;

    /// Records the end of a request, answered or not.
    fn end(&self, call: Uuid, end: &CallEnd) -> impl Future<Output = Result<(), Error>> + Send;

    /// Returns the parts that earlier deliveries stored.
    fn parts(&self) -> impl Future<Output = Result<Vec<StoredPart>, Error>> + Send;

    fn store_part(&self, part: PartKey, found: Option<&Value>) -> impl Future<Output = Result<(), Error>> + Send;

    /// Adds up the usage of all requests of this analysis; without prompt version and quotes.
    fn usage(&self) -> impl Future<Output = Result<Usage, Error>> + Send;
}

/// A record in the database, for one claimed step.
pub struct StoreJournal<'a> {
    pub store: &'a Store,
    pub claimed: &'a Claimed,
    /// The most that the tenant spends in a month.
    pub budget: Option<BudgetUsd>,
    pub now: DateTime<Utc>,
}

impl Journal for StoreJournal<'_> {
    async fn begin(&self, call: &NewCall<'_>, is_priced: bool) -> Result<Begun, Error> {
        // Requests that are running when the budget is reached are paid for; no other one starts.
        if let Some(budget) = self.budget {
            // The budget starts again with the month, which may be sooner than the next look.
            let look_in = BUDGET_LOOK.min(until_next_month(self.now));
            if !is_priced {
                return Err(Error::PriceUnknown { model: call.model.to_owned(), look_in });
            }
            if self.store.model_spend(&self.claimed.key.tenant_id, self.now).await? >= budget.get() {
                return Err(Error::BudgetSpent { look_in });
            }
        }
        self.store.begin_model_call(self.claimed, call).await.map_err(Error::Store)
    }

    async fn end(&self, call: Uuid, end: &CallEnd) -> Result<(), Error> {
        self.store.end_model_call(&self.claimed.key, call, end).await.map_err(Error::Store)
    }

    async fn parts(&self) -> Result<Vec<StoredPart>, Error> {
        let key = &self.claimed.key;
        self.store.parts(&key.tenant_id, &key.session_id, key.step.version()).await.map_err(Error::Store)
    }

    async fn store_part(&self, part: PartKey, found: Option<&Value>) -> Result<(), Error> {
        if self.store.store_part(self.claimed, part, found).await? { Ok(()) } else { Err(Error::ClaimLost) }
    }

    async fn usage(&self) -> Result<Usage, Error> {
        let key = &self.claimed.key;
        self.store.model_usage(&key.tenant_id, &key.session_id, key.step.version()).await.map_err(Error::Store)
    }
}

/// Returns the time until budgets start again: the beginning of the next month in UTC.
fn until_next_month(now: DateTime<Utc>) -> Duration {
    let next = now.date_naive().with_day(1).and_then(|first| first.checked_add_months(chrono::Months::new(1)));
    let next = next.map(|first| first.and_time(NaiveTime::MIN).and_utc());
    next.and_then(|next| (next - now).to_std().ok()).unwrap_or(BUDGET_LOOK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_ends_at_midnight_in_utc() {
        let until = |text: &str| until_next_month(text.parse().unwrap()).as_secs();
        assert_eq!(until("2026-11-30T23:59:00Z"), 60);
        assert_eq!(until("2026-12-31T23:00:00Z"), 3600);
        assert_eq!(until("2028-02-29T00:00:00Z"), 86_400);
    }
}
