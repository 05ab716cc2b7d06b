//! Tenants and their settings.

use domain::id::TenantId;
use domain::settings::TenantSettings;

use crate::sql::{get, json, jsonb, text};
use crate::{Error, Store};

const TENANT: &str = "
-- tenant()
SELECT name, settings FROM tenants WHERE tenant_id = $1";

const SAVE_TENANT: &str = "
-- save_tenant()
INSERT INTO tenants (tenant_id, name, settings) VALUES ($1, $2, $3)
ON CONFLICT (tenant_id) DO UPDATE
SET name = EXCLUDED.name, settings = EXCLUDED.settings, settings_version = tenants.settings_version + 1,
    updated_at = now()";

/// A tenant as it is configured.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    /// As its visitors know it.
    pub name: String,
    pub settings: TenantSettings,
}

impl Store {
    /// `None` if there is no such tenant.
    pub async fn tenant(&self, tenant: &TenantId) -> Result<Option<Tenant>, Error> {
        let row = self.row(TENANT, &[text(tenant.as_ref())]).await?;
        row.map(|row| Ok(Tenant { name: get(TENANT, &row, "name")?, settings: json(TENANT, &row, "settings")? }))
            .transpose()
    }

    /// Adds a tenant, or changes its name and settings.
    pub async fn save_tenant(&self, tenant: &TenantId, name: &str, settings: &TenantSettings) -> Result<(), Error> {
        let settings = crate::sql::to_json(settings)?;
        self.execute(SAVE_TENANT, &[text(tenant.as_ref()), text(name), jsonb(settings)]).await.map(drop)
    }
}
