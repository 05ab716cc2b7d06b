//! Tenants and their settings.

use domain::id::TenantId;
use domain::settings::TenantSettings;

use crate::sql::{json, jsonb, text};
use crate::{Error, Store};

const TENANT_SETTINGS: &str = "
-- tenant_settings()
SELECT settings FROM tenants WHERE tenant_id = $1";

const SAVE_TENANT: &str = "
-- save_tenant()
INSERT INTO tenants (tenant_id, name, settings) VALUES ($1, $2, $3)
ON CONFLICT (tenant_id) DO UPDATE
SET name = EXCLUDED.name, settings = EXCLUDED.settings, settings_version = tenants.settings_version + 1,
    updated_at = now()";

impl Store {
    /// `None` if there is no such tenant.
    pub async fn tenant_settings(&self, tenant: &TenantId) -> Result<Option<TenantSettings>, Error> {
        let row = self.row(TENANT_SETTINGS, &[text(tenant.as_ref())]).await?;
        row.map(|row| json(TENANT_SETTINGS, &row, "settings")).transpose()
    }

    /// Adds a tenant, or changes its name and settings.
    pub async fn save_tenant(&self, tenant: &TenantId, name: &str, settings: &TenantSettings) -> Result<(), Error> {
        let settings = crate::sql::to_json(settings)?;
        self.execute(SAVE_TENANT, &[text(tenant.as_ref()), text(name), jsonb(settings)]).await.map(drop)
    }
}
