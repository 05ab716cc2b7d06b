//! The third parties of a tenant.

use chrono::{DateTime, Utc};
use domain::id::{IntegrationId, TenantId};
use domain::integration::{Connection, Disabled, INTEGRATION_DISABLED, Integration, IntegrationState};
use domain::step::Code;

use crate::row::{FromRow, Row};
use crate::sql::{Param, boolean, jsonb, statements, text, time};
use crate::{Error, Store};

/// Resets the gate of an integration, as if the third party had never failed.
macro_rules! fresh_gate {
    () => {
        "
    UPDATE integration_gates
    SET failures = 0, failing_since = NULL, open_until = NULL, probe_until = NULL, limited_until = NULL, limit_code = NULL
    WHERE tenant_id = $1 AND integration_id = $2"
    };
}

statements! {
INTEGRATIONS_TO_SYNC = "
-- integrations_to_sync()
SELECT tenant_id, integration_id, enabled, config, secret_name, disabled_code, disabled_reason, disabled_at, removed_at,
       connection
FROM integrations
WHERE tenant_id = $1 AND removed_at IS NULL AND (enabled OR disabled_code IS NOT NULL) ORDER BY integration_id";

INTEGRATION = "
-- integration()
SELECT tenant_id, integration_id, enabled, config, secret_name, disabled_code, disabled_reason, disabled_at, removed_at,
       connection, updated_at
FROM integrations WHERE tenant_id = $1 AND integration_id = $2";

SAVE_INTEGRATION = "
-- save_integration()
WITH gate AS (", fresh_gate!(), ")
INSERT INTO integrations (tenant_id, integration_id, enabled, config, secret_name, connection, checked_at)
VALUES ($1, $2, $3, $4, $5, $6, now())
ON CONFLICT (tenant_id, integration_id) DO UPDATE
SET enabled = EXCLUDED.enabled, config = EXCLUDED.config, secret_name = EXCLUDED.secret_name,
    connection = EXCLUDED.connection, checked_at = now(), disabled_code = NULL, disabled_reason = NULL, disabled_at = NULL,
    removed_at = NULL, updated_at = now()";

DISABLE_INTEGRATION = "
-- disable_integration()
UPDATE integrations
SET enabled = false, disabled_code = $3, disabled_reason = $4, disabled_at = now(), updated_at = now()
WHERE tenant_id = $1 AND integration_id = $2 AND enabled AND removed_at IS NULL AND updated_at = $5";

SWITCH_INTEGRATION = "
-- switch_integration()
WITH gate AS (", fresh_gate!(), " AND $3)
UPDATE integrations
SET enabled = $3, disabled_code = NULL, disabled_reason = NULL, disabled_at = NULL, updated_at = now(),
    removed_at = CASE WHEN $4 THEN now() ELSE removed_at END
WHERE tenant_id = $1 AND integration_id = $2 AND removed_at IS NULL";

SAVE_CONNECTION = "
-- save_connection()
UPDATE integrations SET connection = $3, checked_at = now(), updated_at = now()
WHERE tenant_id = $1 AND integration_id = $2";

FORGET_NOTE_KEY = "
-- forget_note_key()
UPDATE integrations SET connection = jsonb_set(connection, '{unique_note_property}', 'false'), updated_at = now()
WHERE tenant_id = $1 AND integration_id = $2";

WAKE_STEPS = "
-- wake_steps()
UPDATE steps SET due_at = now()
WHERE tenant_id = $1 AND integration_id = $2 AND status = 'waiting' AND code = ANY ($3::text[])";

SHOWN_INTEGRATIONS = "
-- shown_integrations()
SELECT tenant_id, integration_id, enabled, config, secret_name, disabled_code, disabled_reason, disabled_at, removed_at,
       connection, checked_at, failures, failing_since, last_success_at, open_until, limited_until, limit_code,
       (SELECT count(*) FROM steps WHERE tenant_id = $1 AND status = 'waiting' AND code = ANY ($2::text[])
        AND steps.integration_id = integrations.integration_id) AS waiting
FROM integrations LEFT JOIN integration_gates USING (tenant_id, integration_id)
WHERE tenant_id = $1 AND removed_at IS NULL ORDER BY integration_id";

DISABLED_INTEGRATIONS = "
-- disabled_integrations()
SELECT integration_id, disabled_code, disabled_reason, disabled_at,
       (SELECT count(DISTINCT session_id) FROM steps WHERE tenant_id = $1 AND status = 'waiting' AND code = $2
        AND steps.integration_id = integrations.integration_id) AS waiting
FROM integrations WHERE tenant_id = $1 AND disabled_code IS NOT NULL AND removed_at IS NULL ORDER BY integration_id";
}

/// The time of an integration's last change, for a later comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsOf(DateTime<Utc>);

/// An integration that the service has switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisabledIntegration {
    pub integration_id: IntegrationId,
    pub disabled: Disabled,
    /// Sessions that wait until the integration is fixed.
    pub waiting: i64,
}

/// An integration as its administrators see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    pub integration: Integration,
    pub checked_at: Option<DateTime<Utc>>,
    /// Failures in a row.
    pub failures: i32,
    pub failing_since: Option<DateTime<Utc>>,
    pub last_success_at: Option<DateTime<Utc>>,
    /// The end of the time for which the circuit is open.
    pub open_until: Option<DateTime<Utc>>,
    /// The end of the rest that the third party has asked for.
    pub limited_until: Option<DateTime<Utc>>,
    pub limit_code: Option<String>,
    /// Steps that wait for one of the codes asked for.
    pub waiting: i64,
}

impl Store {
    /// Returns the integrations that are on, and those disabled until they are fixed.
    pub async fn integrations_to_sync(&self, tenant: &TenantId) -> Result<Vec<Integration>, Error> {
        self.all(INTEGRATIONS_TO_SYNC, &[text(tenant.as_ref())]).await
    }

    pub async fn integration(&self, tenant: &TenantId, id: &IntegrationId) -> Result<Option<Integration>, Error> {
        Ok(self.integration_as_of(tenant, id).await?.map(|(integration, _)| integration))
    }

    /// Returns an integration with the time of its last change.
    pub async fn integration_as_of(
        &self,
        tenant: &TenantId,
        id: &IntegrationId,
    ) -> Result<Option<(Integration, AsOf)>, Error> {
        let row = self.row(INTEGRATION, &of_integration(tenant, id, [])).await?;
        row.map(|row| Ok((Integration::from_row(&row)?, AsOf(row.get("updated_at")?)))).transpose()
    }

    /// Adds an integration or changes it, also a removed integration. Saving it clears why it was disabled, and it
    /// begins as if it had never failed.
    pub async fn save_integration(&self, integration: &Integration) -> Result<(), Error> {
        let more = [
            boolean(integration.state == IntegrationState::On),
            jsonb(crate::sql::to_json(&integration.config)?),
            text(integration.secret_name.as_str()),
            jsonb(crate::sql::to_json(&integration.connection)?),
        ];
        let Integration { tenant_id, integration_id, .. } = integration;
        self.execute(SAVE_INTEGRATION, &of_integration(tenant_id, integration_id, more)).await.map(drop)
    }

    /// Switches an integration off until an administrator fixes it; `reason` is for the tenant's admins.
    ///
    /// `false` if it was not on, or was changed since `as_of`: what was found says nothing of how it is now.
    pub async fn disable_integration(
        &self,
        tenant: &TenantId,
        id: &IntegrationId,
        as_of: AsOf,
        code: Code,
        reason: &str,
    ) -> Result<bool, Error> {
        let more = [text(code.as_str()), text(reason), time(as_of.0)];
        Ok(self.execute(DISABLE_INTEGRATION, &of_integration(tenant, id, more)).await? > 0)
    }

    /// Switches an integration on, as if it had never failed, off, or for good (`Removed`). `false` if it is unknown.
    pub async fn switch_integration(
        &self,
        tenant: &TenantId,
        id: &IntegrationId,
        state: &IntegrationState,
    ) -> Result<bool, Error> {
        let more = [boolean(*state == IntegrationState::On), boolean(*state == IntegrationState::Removed)];
        Ok(self.execute(SWITCH_INTEGRATION, &of_integration(tenant, id, more)).await? > 0)
    }

    /// Saves the result of a check.
    pub async fn save_connection(
        &self,
        tenant: &TenantId,
        id: &IntegrationId,
        connection: &Connection,
    ) -> Result<(), Error> {
        let more = [jsonb(crate::sql::to_json(connection)?)];
        self.execute(SAVE_CONNECTION, &of_integration(tenant, id, more)).await.map(drop)
    }

    /// Records that HubSpot no longer has the property that identified notes.
    pub async fn forget_note_key(&self, tenant: &TenantId, id: &IntegrationId) -> Result<(), Error> {
        self.execute(FORGET_NOTE_KEY, &of_integration(tenant, id, [])).await.map(drop)
    }

    /// Has the steps of an integration that wait for one of these codes look again now; returns how many.
    pub async fn wake_steps(&self, tenant: &TenantId, id: &IntegrationId, codes: &[Code]) -> Result<u64, Error> {
        self.execute(WAKE_STEPS, &of_integration(tenant, id, [codes_param(codes)])).await
    }

    /// Returns a tenant's integrations without the removed ones; `waiting` counts steps that wait for one of these
    /// codes.
    pub async fn shown_integrations(&self, tenant: &TenantId, waiting: &[Code]) -> Result<Vec<Shown>, Error> {
        self.all(SHOWN_INTEGRATIONS, &[text(tenant.as_ref()), codes_param(waiting)]).await
    }

    /// Returns the integrations of a tenant that the service has disabled.
    pub async fn disabled_integrations(&self, tenant: &TenantId) -> Result<Vec<DisabledIntegration>, Error> {
        self.all(DISABLED_INTEGRATIONS, &[text(tenant.as_ref()), text(INTEGRATION_DISABLED.as_str())]).await
    }
}

/// The parameters of an integration's key, `$1` and `$2`, and what follows them.
pub(crate) fn of_integration<'a, const N: usize>(
    tenant: &'a TenantId,
    id: &'a IntegrationId,
    more: [Param<'a>; N],
) -> Vec<Param<'a>> {
    [text(tenant.as_ref()), text(id.as_ref())].into_iter().chain(more).collect()
}

pub(crate) fn codes_param(codes: &[Code]) -> Param<'static> {
    crate::sql::texts(codes.iter().map(|code| code.as_str()))
}

impl FromRow for Integration {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let removed: Option<DateTime<Utc>> = row.get("removed_at")?;
        let state = match (removed, row.get("enabled")?, disabled(row)?) {
            (Some(_), _, _) => IntegrationState::Removed,
            (None, true, _) => IntegrationState::On,
            (None, false, Some(disabled)) => IntegrationState::Disabled(disabled),
            (None, false, None) => IntegrationState::Off,
        };
        Ok(Self {
            tenant_id: row.get("tenant_id")?,
            integration_id: row.get("integration_id")?,
            state,
            config: row.json("config")?,
            secret_name: row.get("secret_name")?,
            connection: row.json("connection")?,
        })
    }
}

impl FromRow for Shown {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let failures: Option<i32> = row.get("failures")?;
        Ok(Self {
            integration: Integration::from_row(row)?,
            checked_at: row.get("checked_at")?,
            failures: failures.unwrap_or_default(),
            failing_since: row.get("failing_since")?,
            last_success_at: row.get("last_success_at")?,
            open_until: row.get("open_until")?,
            limited_until: row.get("limited_until")?,
            limit_code: row.get("limit_code")?,
            waiting: row.get("waiting")?,
        })
    }
}

impl FromRow for DisabledIntegration {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let disabled = disabled(row)?.ok_or_else(|| row.unknown("disabled_at", "null"))?;
        Ok(Self { integration_id: row.get("integration_id")?, disabled, waiting: row.get("waiting")? })
    }
}

fn disabled(row: &Row) -> Result<Option<Disabled>, Error> {
    let (code, since): (Option<String>, Option<DateTime<Utc>>) = (row.get("disabled_code")?, row.get("disabled_at")?);
    let reason: Option<String> = row.get("disabled_reason")?;
    let disabled = |(code, since)| Disabled { code, reason: reason.unwrap_or_default(), since };
    Ok(code.zip(since).map(disabled))
}
