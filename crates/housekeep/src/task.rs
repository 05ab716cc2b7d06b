//! Tasks of the schedule and of operators, and their reports: the protocol of `housekeep`, `cargo xtask` and tests.

use domain::email_address::EmailAddress;
use domain::id::{SessionId, TemplateName, TenantId};
use domain::locale::Locale;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::erasure::ThirdPartyRecord;
use strum::VariantNames;

use crate::Error;
use crate::integrations::{IntegrationReport, IntegrationTask, problem};

/// Tasks that the function can be invoked with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, VariantNames)]
#[serde(tag = "task", rename_all = "snake_case", deny_unknown_fields)]
#[strum(serialize_all = "snake_case")]
pub enum HousekeepTask {
    /// Sends the messages of lost steps, and of steps that have waited long enough. Invoked by a schedule.
    Requeue,
    /// Sends mails about failures to tenants' admins. Invoked by a schedule, every minute.
    Alerts,
    /// Removes data that is older than its tenant keeps it. Invoked by a schedule, every hour.
    Purge,
    /// Brings the database's schema up to date. Invoked by a deployment.
    Migrate,
    Reanalyze(ReanalyzeRequest),
    EraseVisitor(EraseVisitorRequest),
    SaveSettings(SaveSettingsRequest),
    SaveTemplate(SaveTemplateRequest),
    /// Administers integrations. Invoked by an operator.
    // Parsed by `read`: these tasks have tags of their own.
    #[serde(skip)]
    Integration(IntegrationTask),
}

/// Request to analyse a session once more that has an analysis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReanalyzeRequest {
    pub tenant_id: TenantId,
    pub session_id: SessionId,
    /// Replaces the tenant's model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Whether the new analysis is mailed and synced.
    #[serde(default)]
    pub follow_ups: bool,
}

/// Request to remove a visitor's data, or what links the data to the visitor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EraseVisitorRequest {
    pub tenant_id: TenantId,
    pub email: EmailAddress,
}

/// Request to add a tenant, or to change its name and settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaveSettingsRequest {
    pub tenant_id: TenantId,
    /// Name of the business, which visitors see.
    pub name: String,
    /// `TenantSettings`, parsed later for an error that names the path.
    pub settings: Value,
}

/// Request to add a version of a tenant's own template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaveTemplateRequest {
    pub tenant_id: TenantId,
    pub name: TemplateName,
    pub locale: Locale,
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// Parses the payload of an invocation. An error repeats no value: the value may be a secret in the wrong place.
pub fn read(payload: Value) -> Result<HousekeepTask, Error> {
    let name = payload.get("task").and_then(Value::as_str).unwrap_or_default();
    let own = HousekeepTask::VARIANTS.iter().filter(|name| **name != "integration");
    let task = if IntegrationTask::VARIANTS.contains(&name) {
        serde_json::from_value(payload).map(HousekeepTask::Integration)
    } else if name.is_empty() || own.clone().any(|own| *own == name) {
        serde_json::from_value(payload)
    } else {
        let names: Vec<_> = own.chain(IntegrationTask::VARIANTS).map(|name| format!("`{name}`")).collect();
        return Err(Error::Task(format!("must be one of {}", names.join(", "))));
    };
    task.map_err(|error| Error::Task(problem::of(&error)))
}

/// Reports of tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum TaskReport {
    Requeue(RequeueReport),
    Alerts(AlertsReport),
    Purge(PurgeReport),
    Migrate(MigrateReport),
    Reanalyze(ReanalyzeReport),
    EraseVisitor(EraseVisitorReport),
    SaveSettings(SaveSettingsReport),
    SaveTemplate(SaveTemplateReport),
    Integration(IntegrationReport),
}

/// Steps that were lost or have waited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequeueReport {
    /// Lost steps whose messages were sent again.
    pub requeued: u32,
    /// Steps given up: failed, with their message in the dead-letter queue.
    pub failed: u32,
    /// Steps that have waited, and whose messages were sent.
    pub resumed: u32,
    /// Whether no such step is left; if not, the next run goes on.
    pub complete: bool,
}

/// Alerts and their mails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertsReport {
    /// Tenants examined: with failures, waiting steps, a disabled integration or an alert.
    pub tenants: u32,
    pub opened: u32,
    pub recovered: u32,
    /// Alerts closed because they went on for longer than the cool-down.
    pub cooled_down: u32,
    pub mailed: u32,
    /// Mails to admins that SES did not accept, or may not have accepted.
    pub mails_failed: u32,
    /// Whether every tenant was examined.
    pub complete: bool,
}

/// Numbers of removed rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgeReport {
    pub mails: u64,
    pub email_events: u64,
    /// Subjects and bodies of sent mails.
    pub email_bodies: u64,
    pub transcript_turns: u64,
    /// Analyses and parts of them.
    pub analyses: u64,
    pub failures: u64,
    pub alerts: u64,
    /// Requests to webhooks.
    pub webhook_attempts: u64,
    /// Times of the last mail to an address.
    pub recipients: u64,
    /// Whether nothing old is left; if not, the next run goes on.
    pub complete: bool,
}

/// Migrations, such as `V1__initial`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrateReport {
    pub applied: Vec<String>,
}

/// Version that is being made; it exists when the session has completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReanalyzeReport {
    pub analysis_version: i32,
}

/// Data that an erasure removed, and data that it leaves to others. Holds no address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EraseVisitorReport {
    /// Sessions that no longer name a visitor.
    pub anonymised_sessions: i64,
    /// Mails in the log that no longer name a recipient.
    pub anonymised_mails: i64,
    pub removed_turns: i64,
    pub removed_analyses: i64,
    pub removed_email_events: i64,
    pub removed_email_bodies: i64,
    /// Sessions that have not ended: erase again when they have.
    pub open_sessions: Vec<SessionId>,
    /// Records that stay in third parties until an administrator removes them there. Only this report names them: an
    /// erased session is not found again.
    pub third_party_records: Vec<ThirdPartyRecord>,
    /// Whether there are more records; `integration_log` has them, of sessions with an `erased_at`.
    pub more_third_party_records: bool,
    /// Whether only open sessions are left; if not, erase again.
    pub complete: bool,
}

/// Saved settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaveSettingsReport {
    pub settings_version: i32,
}

/// Saved template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaveTemplateReport {
    pub template: TemplateName,
    pub locale: Locale,
    pub version: i32,
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;

    /// Names of the tasks as serde lists them, when it meets an unknown one.
    fn names<T: DeserializeOwned>() -> Vec<String> {
        let error = serde_json::from_value::<T>(serde_json::json!({ "task": "" })).err().unwrap().to_string();
        error.split('`').skip(3).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn strum_and_serde_name_the_tasks_alike() {
        // Serde skips the one that `read` parses.
        let (last, own) = HousekeepTask::VARIANTS.split_last().unwrap();
        assert_eq!(*last, "integration");
        assert_eq!(names::<HousekeepTask>(), own);
        assert_eq!(names::<IntegrationTask>(), IntegrationTask::VARIANTS);
    }
}
