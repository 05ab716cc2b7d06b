//! What the function can be asked for, and what it answers.

use domain::email_address::EmailAddress;
use domain::id::{SessionId, TemplateName, TenantId};
use domain::locale::Locale;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::VariantNames;

use crate::Error;
use crate::alerts::Alerted;
use crate::erase::ErasedVisitor;
use crate::integrations::{IntegrationReport, IntegrationTask, problem};
use crate::purge::Purged;
use crate::requeue::Requeued;

/// What the function can be invoked with.
#[derive(Debug, Clone, PartialEq, Deserialize, VariantNames)]
#[serde(tag = "task", rename_all = "snake_case", deny_unknown_fields)]
#[strum(serialize_all = "snake_case")]
pub enum Task {
    /// Send the messages of steps that are lost, or have waited long enough, again. The schedule asks for it.
    Requeue,
    /// Tell tenants' admins of failures. The schedule asks for it, every minute.
    Alerts,
    /// Remove what is older than its tenant keeps it. The schedule asks for it, every hour.
    Purge,
    /// Bring the database's schema up to date. A deployment asks for it.
    Migrate,
    /// Have a session that was analysed analysed once more. An operator asks for it.
    Reanalyze {
        tenant_id: TenantId,
        session_id: SessionId,
        /// In place of the tenant's model.
        #[serde(default)]
        model: Option<String>,
        /// Whether the new analysis is mailed and synced.
        #[serde(default)]
        follow_ups: bool,
    },
    /// Remove everything of a visitor, or what says whose it is. An operator asks for it.
    EraseVisitor { tenant_id: TenantId, email: EmailAddress },
    /// Add a tenant, or change its name and settings. An operator asks for it.
    SaveSettings {
        tenant_id: TenantId,
        /// As visitors know it.
        name: String,
        /// Read later, for an error that names the place.
        settings: serde_json::Value,
    },
    /// Add a version of a tenant's own template. An operator asks for it.
    SaveTemplate {
        tenant_id: TenantId,
        name: TemplateName,
        locale: Locale,
        subject: String,
        text: String,
        html: String,
    },
    /// Administer integrations. An operator asks for it.
    #[serde(skip)]
    Integration(IntegrationTask),
}

/// Reads a task from what the function was invoked with. An error repeats no value: one may be a secret in the wrong
/// place.
pub fn read(payload: Value) -> Result<Task, Error> {
    let name = payload.get("task").and_then(Value::as_str).unwrap_or_default();
    let own = Task::VARIANTS.iter().filter(|name| **name != "integration");
    let task = if IntegrationTask::VARIANTS.contains(&name) {
        serde_json::from_value(payload).map(Task::Integration)
    } else if name.is_empty() || own.clone().any(|own| *own == name) {
        serde_json::from_value(payload)
    } else {
        let names: Vec<_> = own.chain(IntegrationTask::VARIANTS).map(|name| format!("`{name}`")).collect();
        return Err(Error::Task(format!("must be one of {}", names.join(", "))));
    };
    task.map_err(|error| Error::Task(problem::of(&error)))
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Report {
    Integration(IntegrationReport),
    Requeued(Requeued),
    Alerted(Alerted),
    Purged(Purged),
    Migrated {
        applied: Vec<String>,
    },
    /// It is asked for; it is there when the session has completed.
    Reanalyzed {
        analysis_version: i32,
    },
    ErasedVisitor(ErasedVisitor),
    SettingsSaved {
        settings_version: i32,
    },
    TemplateSaved {
        template: TemplateName,
        locale: Locale,
        version: i32,
    },
}
