//! The gate of an integration: limits, turns, and a circuit that is open while the third party is down.
//!
//! One row per integration, locked for one statement at a time. A sync is admitted before its first request and leaves
//! after its last request; the gate forgets a sync that dies when its lease ends.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::id::{IntegrationId, TenantId};
use domain::integration::Limits;
use domain::step::{Code, StepKey};

use crate::integrations::of_integration;
use crate::row::{FromRow, Row};
use crate::sql::{boolean, float, int, millis, statements, text, time};
use crate::step_rows::{of_step, step_key};
use crate::{Error, Store};

/// Failures in a row after which only one sync at a time asks whether the third party works again.
pub const CIRCUIT_FAILURES: i32 = 5;

statements! {
/// Requests are counted by the second over 13 seconds: third parties count ten, and a sync that was admitted makes its
/// requests within the next few.
///
/// A step without a turn takes the next turn in the line. A step that comes back for its turn need not stand in line
/// again, unless too many syncs are under way: a slow third party would otherwise be asked about ever more often.
ADMIT = "
-- admit()
WITH gate AS (
    SELECT * FROM integration_gates WHERE tenant_id = $1 AND integration_id = $5 FOR UPDATE
), clock AS (
    SELECT gate.*, clock_timestamp() AS at,
           (SELECT booked_at FROM steps WHERE ", step_key!(), ") AS booked_at
    FROM gate
), seen AS (
    SELECT *, extract(epoch FROM at)::bigint AS second,
           ARRAY(SELECT lease FROM unnest(leases) AS lease WHERE lease > at) AS live,
           ARRAY(SELECT coalesce(spent[n + least(extract(epoch FROM at)::bigint - spent_at, 13)::int], 0)
                 FROM generate_series(1, 13) AS n) AS recent
    FROM clock
), judged AS (
    SELECT *, at + $7 * interval '1 millisecond' AS lease, CASE
        WHEN limited_until > at THEN limit_code
        WHEN failures >= $11 AND greatest(open_until, probe_until) > at THEN 'circuit_open'
        WHEN cardinality(live) >= $10 THEN 'too_many_at_once'
        WHEN booked_at > at + interval '1 second' THEN 'paced'
        WHEN (SELECT sum(n) FROM unnest(recent) AS n) + $8 > $9 THEN 'paced'
        WHEN booked_at IS NULL AND line_until > at THEN 'paced'
    END AS refusal
    FROM seen
), placed AS (
    SELECT *, refusal = 'too_many_at_once' OR (refusal = 'paced' AND booked_at IS NULL) AS books,
           greatest(line_until, at) + CASE WHEN refusal = 'paced' THEN 13.0 * $8 / $9 ELSE 0.1 END * interval '1 second'
               AS turn
    FROM judged
), changed AS (
    UPDATE integration_gates
    SET leases = CASE WHEN refusal IS NULL THEN live || lease ELSE live END,
        probe_until = CASE WHEN refusal IS NULL AND placed.failures >= $11 THEN lease ELSE placed.probe_until END,
        spent = CASE WHEN refusal IS NULL THEN recent[1:12] || (recent[13] + $8) ELSE recent END, spent_at = second,
        line_until = CASE WHEN books THEN turn ELSE placed.line_until END
    FROM placed WHERE integration_gates.tenant_id = $1 AND integration_gates.integration_id = $5
), booked AS (
    UPDATE steps SET booked_at = CASE WHEN books THEN turn END
    FROM placed
    WHERE steps.tenant_id = $1 AND steps.session_id = $2
      AND (steps.kind, steps.analysis_version, steps.integration_id, steps.event_id) = ($3, $4, $5, $6)
      AND (books OR (refusal IS NULL AND placed.booked_at IS NOT NULL))
)
SELECT refusal, lease, greatest(extract(epoch FROM CASE
           WHEN limited_until > at THEN limited_until + random() * interval '2 seconds'
           WHEN refusal = 'circuit_open' AND open_until > at THEN open_until + random() * interval '10 seconds'
           WHEN refusal = 'circuit_open' THEN at + interval '5 seconds' + random() * interval '10 seconds'
           WHEN books THEN turn
           WHEN booked_at > at THEN booked_at
           ELSE at + interval '1 second' + random() * interval '1 second'
       END - at) * 1000, 0)::float8 AS wait_ms
FROM placed";

// Inserts nothing for an unknown integration: `admit` then finds no gate.
OPEN_GATE = "
-- open_gate()
INSERT INTO integration_gates (tenant_id, integration_id)
SELECT $1, $2 WHERE EXISTS (SELECT FROM integrations WHERE tenant_id = $1 AND integration_id = $2)
ON CONFLICT (tenant_id, integration_id) DO NOTHING";

/// While the circuit is open, a failure of a sync that was under way does not open it for longer. A probe without a
/// result leaves it open for as long as the last failure did. A third party that refuses what it is sent is not down:
/// that closes the circuit.
LEAVE = "
-- leave()
UPDATE integration_gates
SET leases = array_remove(leases, $3), probe_until = CASE WHEN probe_until = $3 THEN NULL ELSE probe_until END,
    failures = CASE WHEN $4 OR ($6 AND $7::float8 IS NULL) THEN 0
                    WHEN $5 AND coalesce(open_until, '-infinity') < now() THEN failures + 1 ELSE failures END,
    open_until = CASE
        WHEN $4 OR ($6 AND $7::float8 IS NULL) THEN NULL
        WHEN ($5 OR $13) AND coalesce(open_until, '-infinity') < now() AND failures + $5::int >= $10
            THEN now() + least($8 * power(2, least(failures + $5::int - $10, 20)), $9) * interval '1 millisecond'
        ELSE open_until
    END,
    failing_since = CASE WHEN $4 THEN NULL WHEN $5 OR $6 THEN coalesce(failing_since, now()) ELSE failing_since END,
    last_success_at = CASE WHEN $4 THEN now() ELSE last_success_at END,
    limited_until = CASE WHEN $7::float8 IS NULL THEN limited_until
                         ELSE greatest(limited_until, now() + $7 * interval '1 millisecond') END,
    limit_code = CASE WHEN coalesce(limited_until, '-infinity') < now() + $7 * interval '1 millisecond' THEN $11
                      ELSE limit_code END,
    spent = CASE WHEN $12 > 0 THEN spent[1:12] || (coalesce(spent[13], 0) + $12) ELSE spent END
WHERE tenant_id = $1 AND integration_id = $2
RETURNING coalesce(extract(epoch FROM now() - failing_since), 0)::float8 AS failing_seconds,
          CASE WHEN failures >= $10 THEN greatest(extract(epoch FROM open_until - now()), 0)::float8 END AS open_seconds";

TAKE_RENEWAL = "
-- take_renewal()
UPDATE integration_gates SET renewing_until = now() + $3 * interval '1 millisecond'
WHERE tenant_id = $1 AND integration_id = $2 AND coalesce(renewing_until, '-infinity') < clock_timestamp()
RETURNING renewing_until";

END_RENEWAL = "
-- end_renewal()
UPDATE integration_gates SET renewing_until = NULL
WHERE tenant_id = $1 AND integration_id = $2 AND renewing_until = $3";
}

/// Permission to ask, until its lease ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    lease: DateTime<Utc>,
}

/// The right to get a new access token, until its lease ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewal {
    lease: DateTime<Utc>,
}

/// The answer to asking for a [`Pass`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Admission {
    Go(Pass),
    /// Not before this is over; `code` says what for.
    Wait {
        after: Duration,
        code: Code,
    },
    /// The integration is unknown.
    Unknown,
}

/// The health of a third party, as a sync has found it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Health {
    /// The third party works.
    Works,
    /// The third party is down, or does not answer.
    Down,
    /// The third party refuses every request.
    Refuses,
    /// Nothing is known: the error is the session's own, or the attempt does not count.
    Unknown,
    /// Nothing is known, although the third party was called; the next probe waits as long again.
    Unsure,
    /// The third party asks for no requests for this long.
    Limited { after: Duration, code: Code },
    /// The third party asks for no requests for this long, and refuses every one.
    LimitedAndRefuses { after: Duration, code: Code },
}

/// The time for which the circuit stays open: doubling from `base` with each failure, up to `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CircuitWaits {
    pub base: Duration,
    pub max: Duration,
}

/// The state of an integration after a sync.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// The time since the first failure after the last success; zero without a failure.
    pub failing_for: Duration,
    /// The time for which the circuit stays open; `None` while it is closed.
    pub open_for: Option<Duration>,
}

/// Why a sync waits for its turn.
pub const CODES: [Code; 6] = [
    Code::new("circuit_open"),
    Code::new("too_many_at_once"),
    Code::new("paced"),
    Code::new("rate_limited"),
    Code::new("daily_limit"),
    Code::new("unavailable"),
];

impl Store {
    /// Asks for leave to make `requests` requests to the third party, on behalf of the step, within `lease`.
    pub async fn admit(
        &self,
        key: &StepKey,
        integration: &IntegrationId,
        limits: Limits,
        requests: i32,
        lease: Duration,
    ) -> Result<Admission, Error> {
        // Made once; twice means that the integration is gone.
        for _ in 0..2 {
            let more = [
                float(millis(lease)),
                int(requests),
                int(i32::try_from(limits.requests_per_ten_seconds).unwrap_or(i32::MAX)),
                int(i32::try_from(limits.concurrency).unwrap_or(i32::MAX)),
                int(CIRCUIT_FAILURES),
            ];
            if let Some(admission) = self.first(ADMIT, &of_step(key, more)).await? {
                return Ok(admission);
            }
            self.execute(OPEN_GATE, &of_integration(&key.tenant_id, integration, [])).await?;
        }
        Ok(Admission::Unknown)
    }

    /// Gives a pass back and says what was found; `more_requests` were made than were asked for.
    pub async fn leave(
        &self,
        tenant: &TenantId,
        integration: &IntegrationId,
        pass: Pass,
        health: Health,
        more_requests: i32,
        waits: CircuitWaits,
    ) -> Result<Standing, Error> {
        let (limited, code) = health.limit();
        let more = [
            time(pass.lease),
            boolean(health == Health::Works),
            boolean(health == Health::Down),
            boolean(matches!(health, Health::Refuses | Health::LimitedAndRefuses { .. })),
            float(limited.map(millis)),
            float(millis(waits.base)),
            float(millis(waits.max)),
            int(CIRCUIT_FAILURES),
            text(code.map(Code::as_str)),
            int(more_requests),
            boolean(health == Health::Unsure),
        ];
        let Some(row) = self.row(LEAVE, &of_integration(tenant, integration, more)).await? else {
            return Ok(Standing { failing_for: Duration::ZERO, open_for: None });
        };
        let open: Option<f64> = row.get("open_seconds")?;
        Ok(Standing {
            failing_for: Duration::from_secs_f64(row.get("failing_seconds")?),
            open_for: open.map(Duration::from_secs_f64),
        })
    }

    /// Takes the right to get a new access token; `None` while another sync has it.
    pub async fn take_renewal(
        &self,
        tenant: &TenantId,
        integration: &IntegrationId,
        lease: Duration,
    ) -> Result<Option<Renewal>, Error> {
        self.execute(OPEN_GATE, &of_integration(tenant, integration, [])).await?;
        let row = self.row(TAKE_RENEWAL, &of_integration(tenant, integration, [float(millis(lease))])).await?;
        row.map(|row| Ok(Renewal { lease: row.get("renewing_until")? })).transpose()
    }

    /// Gives the right back. Does nothing if it is lost.
    pub async fn end_renewal(
        &self,
        tenant: &TenantId,
        integration: &IntegrationId,
        renewal: Renewal,
    ) -> Result<(), Error> {
        self.execute(END_RENEWAL, &of_integration(tenant, integration, [time(renewal.lease)])).await.map(drop)
    }
}

impl Health {
    fn limit(self) -> (Option<Duration>, Option<Code>) {
        match self {
            Self::Limited { after, code } | Self::LimitedAndRefuses { after, code } => (Some(after), Some(code)),
            Self::Works | Self::Down | Self::Refuses | Self::Unknown | Self::Unsure => (None, None),
        }
    }
}

impl FromRow for Admission {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let Some(refusal) = row.get::<Option<String>>("refusal")? else {
            return Ok(Self::Go(Pass { lease: row.get("lease")? }));
        };
        let code = CODES.into_iter().find(|code| code.as_str() == refusal);
        let wait_ms: f64 = row.get("wait_ms")?;
        let code = code.ok_or_else(|| row.unknown("refusal", &refusal))?;
        Ok(Self::Wait { after: Duration::from_secs_f64(wait_ms / 1000.0), code })
    }
}
