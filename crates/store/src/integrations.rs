//! The third parties of a tenant.

use domain::id::{IntegrationId, TenantId};
use domain::integration::Integration;
use tokio_postgres::Row;

use crate::sql::{boolean, get, json, jsonb, parse, text};
use crate::{Error, Store};

const ENABLED_INTEGRATIONS: &str = "
-- enabled_integrations()
SELECT tenant_id, integration_id, enabled, config, secret_name FROM integrations
WHERE tenant_id = $1 AND enabled ORDER BY integration_id";

const INTEGRATION: &str = "
-- integration()
SELECT tenant_id, integration_id, enabled, config, secret_name FROM integrations
WHERE tenant_id = $1 AND integration_id = $2";

const SAVE_INTEGRATION: &str = "
-- save_integration()
INSERT INTO integrations (tenant_id, integration_id, enabled, config, secret_name) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant_id, integration_id) DO UPDATE
SET enabled = EXCLUDED.enabled, config = EXCLUDED.config, secret_name = EXCLUDED.secret_name, disabled_reason = NULL,
    updated_at = now()";

const DISABLE_INTEGRATION: &str = "
-- disable_integration()
UPDATE integrations SET enabled = false, disabled_reason = $3, updated_at = now()
WHERE tenant_id = $1 AND integration_id = $2 AND enabled";

impl Store {
    pub async fn enabled_integrations(&self, tenant: &TenantId) -> Result<Vec<Integration>, Error> {
        let rows = self.rows(ENABLED_INTEGRATIONS, &[text(tenant.as_ref())]).await?;
        rows.iter().map(|row| read(ENABLED_INTEGRATIONS, row)).collect()
    }

    pub async fn integration(&self, tenant: &TenantId, id: &IntegrationId) -> Result<Option<Integration>, Error> {
        let row = self.row(INTEGRATION, &[text(tenant.as_ref()), text(id.as_ref())]).await?;
        row.map(|row| read(INTEGRATION, &row)).transpose()
    }

    /// Adds an integration or changes it; saving one clears the reason it was disabled for.
    pub async fn save_integration(&self, integration: &Integration) -> Result<(), Error> {
        let config = crate::sql::to_json(&integration.config)?;
        let params = [
            text(integration.tenant_id.as_ref()),
            text(integration.integration_id.as_ref()),
            boolean(integration.enabled),
            jsonb(config),
            text(integration.secret_name.as_str()),
        ];
        self.execute(SAVE_INTEGRATION, &params).await.map(drop)
    }

    /// Switches an integration off; `reason` is read by the tenant's admin.
    pub async fn disable_integration(&self, tenant: &TenantId, id: &IntegrationId, reason: &str) -> Result<(), Error> {
        let params = [text(tenant.as_ref()), text(id.as_ref()), text(reason)];
        self.execute(DISABLE_INTEGRATION, &params).await.map(drop)
    }
}

fn read(sql: &'static str, row: &Row) -> Result<Integration, Error> {
    Ok(Integration {
        tenant_id: parse(sql, row, "tenant_id")?,
        integration_id: parse(sql, row, "integration_id")?,
        enabled: get(sql, row, "enabled")?,
        config: json(sql, row, "config")?,
        secret_name: get(sql, row, "secret_name")?,
    })
}
