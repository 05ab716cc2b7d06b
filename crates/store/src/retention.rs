//! Retention: rows older than a tenant keeps them are removed in batches. They are of sessions that are over.
//!
//! A batch is one short statement on rows without a lock: it waits for nothing, and nothing waits for it for long. Each
//! is called until it finds nothing more. Its rows are chosen in a CTE, which runs once; a subquery of `IN` may run
//! again and go beyond the limit.

use chrono::{DateTime, Utc};
use domain::id::TenantId;

use crate::row::{FromRow, row};
use crate::sessions::is_over;
use crate::sql::{Param, bigint, statements, text, time};
use crate::{Error, Store};

/// Rows, or the sessions or mails they belong to, that a batch takes: some ten milliseconds each (`cargo xtask bench
/// purge`).
pub const BATCH: i64 = 250;

statements! {
/// A mail without a final decision, such as a mail that is held, goes when nothing has touched it for this time: no
/// message outlives 18 days, and mails are kept for at least 30.
PURGE_MAILS = "
-- purge_mails()
WITH aged AS (
    SELECT email_id FROM email_log
    WHERE tenant_id = $1 AND created_at < $2
      AND (status NOT IN ('queued', 'sending', 'unknown') OR updated_at < $2)
      AND EXISTS (SELECT FROM sessions WHERE sessions.tenant_id = $1 AND sessions.session_id = email_log.session_id
                  AND sessions.status IN ('completed', 'failed'))
    ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED
), events AS (
    DELETE FROM email_events USING aged WHERE tenant_id = $1 AND email_events.email_id = aged.email_id RETURNING type
), bodies AS (
    DELETE FROM email_bodies USING aged WHERE tenant_id = $1 AND email_bodies.email_id = aged.email_id
    RETURNING created_at
), mails AS (
    DELETE FROM email_log USING aged WHERE tenant_id = $1 AND email_log.email_id = aged.email_id RETURNING created_at
)
SELECT (SELECT count(*) FROM mails) AS mails, (SELECT count(*) FROM events) AS events,
       (SELECT count(*) FROM bodies) AS bodies";

/// Whole sessions only: half a transcript must not be taken for one. A batch ends with the session that fills it; a
/// tenth as many sessions are looked at as turns are wanted, so that few are counted in vain.
PURGE_TRANSCRIPTS = "
-- purge_transcripts()
WITH aged AS (
    SELECT session_id, coalesce(ended_at, started_at) AS over_at FROM sessions
    WHERE tenant_id = $1 AND coalesce(ended_at, started_at) < $2 AND transcript_purged_at IS NULL
      AND ", is_over!(), "
    ORDER BY coalesce(ended_at, started_at) LIMIT greatest($3 / 10, 10) FOR UPDATE SKIP LOCKED
), counted AS (
    SELECT session_id, sum(turns) OVER (ORDER BY over_at, session_id) - turns AS turns_before
    FROM aged CROSS JOIN LATERAL (
        SELECT count(*) AS turns FROM (
            SELECT FROM transcript_turns
            WHERE tenant_id = $1 AND transcript_turns.session_id = aged.session_id LIMIT $3) AS turn
    ) AS own
), batch AS (
    SELECT session_id FROM counted WHERE turns_before < $3
), turns AS (
    DELETE FROM transcript_turns USING batch WHERE tenant_id = $1 AND transcript_turns.session_id = batch.session_id
    RETURNING seq
), purged AS (
    UPDATE sessions SET transcript_purged_at = now()
    FROM batch WHERE sessions.tenant_id = $1 AND sessions.session_id = batch.session_id
    RETURNING sessions.session_id
)
SELECT (SELECT count(*) FROM turns) AS rows, (SELECT count(*) FROM purged) AS sessions";

PURGE_ANALYSES = "
-- purge_analyses()
WITH aged AS (
    SELECT session_id FROM sessions
    WHERE tenant_id = $1 AND ended_at < $2 AND analyses_purged_at IS NULL AND status IN ('completed', 'failed')
    ORDER BY ended_at LIMIT $3 FOR UPDATE SKIP LOCKED
), analyses AS (
    DELETE FROM analyses USING aged WHERE tenant_id = $1 AND analyses.session_id = aged.session_id RETURNING version
), parts AS (
    DELETE FROM analysis_parts USING aged WHERE tenant_id = $1 AND analysis_parts.session_id = aged.session_id
    RETURNING part
), purged AS (
    UPDATE sessions SET analyses_purged_at = now()
    FROM aged WHERE sessions.tenant_id = $1 AND sessions.session_id = aged.session_id
    RETURNING sessions.session_id
)
SELECT (SELECT count(*) FROM analyses) + (SELECT count(*) FROM parts) AS rows,
       (SELECT count(*) FROM purged) AS sessions";

PURGE_FAILURES = "
-- purge_failures()
WITH aged AS (
    SELECT failure_id FROM failures WHERE tenant_id = $1 AND occurred_at < $2
    ORDER BY occurred_at LIMIT $3 FOR UPDATE SKIP LOCKED
)
DELETE FROM failures USING aged WHERE tenant_id = $1 AND failures.failure_id = aged.failure_id";

PURGE_ALERTS = "
-- purge_alerts()
WITH aged AS (
    SELECT alert_id FROM alerts WHERE tenant_id = $1 AND closed_at < $2
    ORDER BY closed_at LIMIT $3 FOR UPDATE SKIP LOCKED
)
DELETE FROM alerts USING aged WHERE tenant_id = $1 AND alerts.alert_id = aged.alert_id";

PURGE_WEBHOOK_ATTEMPTS = "
-- purge_webhook_attempts()
WITH aged AS (
    SELECT attempt_id FROM webhook_attempts WHERE tenant_id = $1 AND began_at < $2
    ORDER BY began_at LIMIT $3 FOR UPDATE SKIP LOCKED
)
DELETE FROM webhook_attempts USING aged WHERE tenant_id = $1 AND webhook_attempts.attempt_id = aged.attempt_id";

PURGE_RECIPIENTS = "
-- purge_recipients()
WITH over AS (
    SELECT address_hash, integration_id FROM person_leases WHERE tenant_id = $1 AND ends_at < $2
    ORDER BY ends_at LIMIT $3 FOR UPDATE SKIP LOCKED
), leases AS (
    DELETE FROM person_leases USING over
    WHERE tenant_id = $1 AND person_leases.address_hash = over.address_hash
      AND person_leases.integration_id = over.integration_id
), aged AS (
    SELECT address_hash FROM email_recipients WHERE tenant_id = $1 AND sending_at < $2
    ORDER BY sending_at LIMIT $3 FOR UPDATE SKIP LOCKED
)
DELETE FROM email_recipients USING aged WHERE tenant_id = $1 AND email_recipients.address_hash = aged.address_hash";
}

/// Kinds of rows that are removed by their age alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgedRows {
    Failures,
    /// Alerts that are closed.
    Alerts,
    WebhookAttempts,
    /// Times of the last mail to an address. Removed sooner than the longest time between two mails, they would let a
    /// mail go too early.
    Recipients,
}

row! {
    /// Mails that a batch removed.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub struct PurgedMails {
        pub mails: i64,
        pub events: i64,
        pub bodies: i64,
    }
}

row! {
    /// Rows of sessions that a batch removed.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub struct PurgedRows {
        /// Turns, or analyses and parts of them.
        pub rows: i64,
        /// Sessions that were purged, also those without rows. The purge is complete when this is 0.
        pub sessions: i64,
    }
}

/// A batch of a tenant's rows to remove: up to `limit` from before `before`.
#[derive(Debug, Clone, Copy)]
pub struct PurgeBatch<'a> {
    pub tenant: &'a TenantId,
    pub before: DateTime<Utc>,
    pub limit: i64,
}

impl PurgeBatch<'_> {
    fn params(&self) -> [Param<'_>; 3] {
        [text(self.tenant.as_ref()), time(self.before), bigint(self.limit)]
    }
}

impl Store {
    /// Removes mails with their events and bodies. A mail of a session that has not ended stays, and so does a mail that
    /// was decided on after `before`.
    pub async fn purge_mails(&self, batch: PurgeBatch<'_>) -> Result<PurgedMails, Error> {
        PurgedMails::from_row(&self.one(PURGE_MAILS, &batch.params()).await?)
    }

    /// Removes the turns of sessions that were over before `before`, until there are `limit` of them with the last
    /// session.
    pub async fn purge_transcripts(&self, batch: PurgeBatch<'_>) -> Result<PurgedRows, Error> {
        PurgedRows::from_row(&self.one(PURGE_TRANSCRIPTS, &batch.params()).await?)
    }

    /// Removes the analyses of up to `limit` sessions that ended before `before`, and what their placeholders stand
    /// for.
    pub async fn purge_analyses(&self, batch: PurgeBatch<'_>) -> Result<PurgedRows, Error> {
        PurgedRows::from_row(&self.one(PURGE_ANALYSES, &batch.params()).await?)
    }

    /// Removes rows by their age alone; returns how many.
    pub async fn purge_rows(&self, aged: AgedRows, batch: PurgeBatch<'_>) -> Result<u64, Error> {
        let sql = match aged {
            AgedRows::Failures => PURGE_FAILURES,
            AgedRows::Alerts => PURGE_ALERTS,
            AgedRows::WebhookAttempts => PURGE_WEBHOOK_ATTEMPTS,
            AgedRows::Recipients => PURGE_RECIPIENTS,
        };
        self.execute(sql, &batch.params()).await
    }
}
