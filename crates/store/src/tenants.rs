//! Tenants and their settings.

use domain::id::TenantId;
use domain::settings::RetentionSettings;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::row::{FromRow, Row};
use crate::sql::{bigint, jsonb, statements, text};
use crate::{Error, Store};

statements! {
TENANT = "
-- tenant()
SELECT name, settings FROM tenants WHERE tenant_id = $1";

SAVE_TENANT = "
-- save_tenant()
INSERT INTO tenants (tenant_id, name, settings) VALUES ($1, $2, $3)
ON CONFLICT (tenant_id) DO UPDATE
SET name = EXCLUDED.name, settings = EXCLUDED.settings, settings_version = tenants.settings_version + 1,
    updated_at = now()
RETURNING settings_version";

RETENTIONS = "
-- retentions() across tenants
SELECT tenant_id, coalesce(settings -> 'retention', '{}') AS retention FROM tenants
WHERE tenant_id > $1 ORDER BY tenant_id LIMIT $2";
}

/// A tenant with the settings that the caller needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant<S> {
    /// As its visitors know it.
    pub name: String,
    pub settings: S,
}

/// The times for which a tenant's data is kept.
#[derive(Debug)]
pub struct Retention {
    pub tenant_id: TenantId,
    /// Settings that cannot be read must not keep the other tenants' data from being purged.
    pub settings: Result<RetentionSettings, serde_json::Error>,
}

impl Store {
    /// Returns a tenant; `None` if it is unknown.
    ///
    /// `S` has a field for each section of [`TenantSettings`](domain::settings::TenantSettings) that the caller needs,
    /// so that a function carries no code for reading the others.
    pub async fn tenant<S: DeserializeOwned>(&self, tenant: &TenantId) -> Result<Option<Tenant<S>>, Error> {
        self.first(TENANT, &[text(tenant.as_ref())]).await
    }

    /// Adds a tenant, or changes its name and settings; returns the version that the settings have now.
    pub async fn save_tenant(&self, tenant: &TenantId, name: &str, settings: &impl Serialize) -> Result<i32, Error> {
        let settings = crate::sql::to_json(settings)?;
        self.one(SAVE_TENANT, &[text(tenant.as_ref()), text(name), jsonb(settings)]).await?.get("settings_version")
    }

    /// Returns up to `limit` tenants in the order of their ids, after the last tenant of the call before.
    pub async fn retentions(&self, after: Option<&TenantId>, limit: i64) -> Result<Vec<Retention>, Error> {
        self.all(RETENTIONS, &[text(after.map_or("", AsRef::as_ref)), bigint(limit)]).await
    }
}

impl<S: DeserializeOwned> FromRow for Tenant<S> {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { name: row.get("name")?, settings: row.json("settings")? })
    }
}

impl FromRow for Retention {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let settings: serde_json::Value = row.get("retention")?;
        Ok(Self { tenant_id: row.get("tenant_id")?, settings: RetentionSettings::deserialize(settings) })
    }
}
