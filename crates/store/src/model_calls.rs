//! Calls of models, with their results and costs.

use chrono::{DateTime, Utc};
use domain::analysis::Usage;
use domain::id::{SessionId, TenantId};
use domain::step::{Code, StepKey};
use domain::text_enum;
use uuid::Uuid;

use crate::parts::PartKey;
use crate::row::{FromRow, Row};
use crate::sql::{bigint, float, int, statements, text, time, uuid};
use crate::step_rows::{Claimed, of_claim, step_key};
use crate::{Error, Store};

statements! {
// A call without an answer is not an attempt. A row without a number: enough attempts were made; no row: the claim is
// lost.
BEGIN_MODEL_CALL = "
-- begin_model_call()
WITH claimed AS (
    SELECT replays FROM steps
    WHERE ", step_key!(), " AND attempt = $7 AND status = 'running'
    FOR SHARE
), next AS (
    SELECT replays, (SELECT count(*)::int + 1 FROM model_calls
                     WHERE tenant_id = $1 AND session_id = $2 AND analysis_version = $4 AND (split, part) = ($8, $9)
                       AND replay = replays AND outcome <> 'no_answer') AS attempt
    FROM claimed
), begun AS (
    INSERT INTO model_calls (tenant_id, session_id, analysis_version, split, part, call_id, replay, attempt, model,
                             prompt_version)
    SELECT $1, $2, $4, $8, $9, $10, replays, attempt, $11, $12 FROM next WHERE attempt <= $13
    RETURNING attempt
)
SELECT begun.attempt FROM next LEFT JOIN begun ON true";

END_MODEL_CALL = "
-- end_model_call()
WITH ended AS (
    UPDATE model_calls
    SET outcome = $5, code = $6, input_tokens = $7, output_tokens = $8, cached_tokens = $9, cache_write_tokens = $10,
        cost_usd = $11, latency_ms = $12, ended_at = now()
    WHERE tenant_id = $1 AND session_id = $2 AND analysis_version = $3 AND call_id = $4 AND outcome = 'begun'
    RETURNING tenant_id, ended_at, cost_usd, (outcome <> 'no_answer')::int AS answered
)
INSERT INTO model_spend (tenant_id, month, cost_usd, calls)
SELECT tenant_id, date_trunc('month', ended_at AT TIME ZONE 'UTC')::date, coalesce(cost_usd, 0), answered FROM ended
ON CONFLICT (tenant_id, month) DO UPDATE
SET cost_usd = model_spend.cost_usd + EXCLUDED.cost_usd, calls = model_spend.calls + EXCLUDED.calls";

MODEL_USAGE = "
-- model_usage()
SELECT count(*) FILTER (WHERE outcome <> 'no_answer') AS attempts,
       coalesce(sum(input_tokens), 0)::bigint AS input_tokens,
       coalesce(sum(output_tokens), 0)::bigint AS output_tokens,
       coalesce(sum(cached_tokens), 0)::bigint AS cached_tokens,
       coalesce(sum(cache_write_tokens), 0)::bigint AS cache_write_tokens,
       CASE WHEN count(*) FILTER (WHERE outcome <> 'no_answer' AND cost_usd IS NULL) = 0
            THEN coalesce(sum(cost_usd), 0) END AS cost_usd,
       coalesce(sum(latency_ms), 0)::bigint AS latency_ms,
       (array_agg(model ORDER BY began_at DESC, call_id DESC))[1] AS last_model
FROM model_calls WHERE tenant_id = $1 AND session_id = $2 AND analysis_version = $3";

MODEL_SPEND = "
-- model_spend()
SELECT cost_usd FROM model_spend
WHERE tenant_id = $1 AND month = date_trunc('month', $2 AT TIME ZONE 'UTC')::date";
}

/// A request to a model that is about to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewCall<'a> {
    pub part: PartKey,
    pub model: &'a str,
    pub prompt_version: &'a str,
    /// Limit for this part, since the step was planned or replayed.
    pub max_attempts: i32,
}

/// Whether a request may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// `attempt` counts from 1.
    Call { call_id: Uuid, attempt: i32 },
    /// As many attempts as are allowed were made.
    Enough,
    /// The claim is lost.
    ClaimLost,
}

text_enum! {
    /// The result of a request.
    pub enum CallOutcome {
        Usable = "usable",
        /// Usable, but not all that was asked for.
        Shortcomings = "shortcomings",
        Invalid = "invalid",
        /// Refused by the model, a guardrail or a filter.
        Refused = "refused",
        /// Throttled, timed out or unavailable: no attempt.
        NoAnswer = "no_answer",
    }
}

/// Tokens of one reply, counted by Bedrock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenCounts {
    /// Tokens that were neither read from the cache nor written to it.
    pub input: u64,
    pub output: u64,
    pub cached: u64,
    pub cache_write: u64,
}

/// The end of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CallEnd {
    pub outcome: CallOutcome,
    /// The reason for the outcome, such as `cut_off`.
    pub code: Option<Code>,
    pub tokens: TokenCounts,
    /// `None` where the price is not known. Finite and not negative.
    pub cost_usd: Option<f64>,
    pub latency_ms: u64,
}

impl Store {
    /// Records a request right before it is made; its version is that of the step.
    ///
    /// A request that is never ended counts as an attempt: its answer may have been paid for.
    pub async fn begin_model_call(&self, claimed: &Claimed, new: &NewCall<'_>) -> Result<Begun, Error> {
        // Version 7 sorts by time: `model_usage` breaks ties by the id to find the last model.
        let call_id = Uuid::now_v7();
        let PartKey { split, part } = new.part;
        let (model, prompt_version) = (text(new.model), text(new.prompt_version));
        let more = [int(split), int(part), uuid(call_id), model, prompt_version, int(new.max_attempts)];
        let Some(row) = self.row(BEGIN_MODEL_CALL, &of_claim(claimed, more)).await? else {
            return Ok(Begun::ClaimLost);
        };
        let attempt: Option<i32> = row.get("attempt")?;
        Ok(attempt.map_or(Begun::Enough, |attempt| Begun::Call { call_id, attempt }))
    }

    /// Records the end of a request and adds its cost to the tenant's month. A request that has ended is not changed.
    ///
    /// Needs no claim: what was spent is spent.
    pub async fn end_model_call(&self, key: &StepKey, call_id: Uuid, end: &CallEnd) -> Result<(), Error> {
        let params = [
            text(key.tenant_id.as_ref()),
            text(key.session_id.as_ref()),
            int(key.step.version()),
            uuid(call_id),
            text(end.outcome.as_str()),
            text(end.code.map(Code::as_str)),
            bigint(signed(end.tokens.input)),
            bigint(signed(end.tokens.output)),
            bigint(signed(end.tokens.cached)),
            bigint(signed(end.tokens.cache_write)),
            float(end.cost_usd),
            bigint(signed(end.latency_ms)),
        ];
        self.execute(END_MODEL_CALL, &params).await.map(drop)
    }

    /// Adds up the calls for one version of an analysis: all parts, deliveries and replays.
    ///
    /// All calls count as attempts but the ones without an answer; a call that was lost with its delivery counts. The cost
    /// is `None` if any call's cost is unknown: its model has no price, or the call never ended.
    pub async fn model_usage(&self, tenant: &TenantId, session: &SessionId, version: i32) -> Result<Usage, Error> {
        let usage = self.first(MODEL_USAGE, &[text(tenant.as_ref()), text(session.as_ref()), int(version)]).await?;
        Ok(usage.unwrap_or_default())
    }

    /// Returns the cost of the tenant's calls of this month in UTC, as far as prices are known, without calls under
    /// way.
    pub async fn model_spend(&self, tenant: &TenantId, at: DateTime<Utc>) -> Result<f64, Error> {
        let row = self.row(MODEL_SPEND, &[text(tenant.as_ref()), time(at)]).await?;
        row.map_or(Ok(0.0), |row| row.get("cost_usd"))
    }
}

impl FromRow for Usage {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let count = |column| row.get::<i64>(column).map(i64::unsigned_abs);
        Ok(Self {
            attempts: u32::try_from(count("attempts")?).unwrap_or(u32::MAX),
            input_tokens: count("input_tokens")?,
            output_tokens: count("output_tokens")?,
            cached_tokens: count("cached_tokens")?,
            cache_write_tokens: count("cache_write_tokens")?,
            cost_usd: row.get("cost_usd")?,
            latency_ms: count("latency_ms")?,
            model: row.get("last_model")?,
            ..Self::default()
        })
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
