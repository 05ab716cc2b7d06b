//! What became of a run: everything that the report, the page and the table are made from.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::analysis::Analysis;
use domain::session::{Channel, SessionStatus, Visitor};
use domain::step::{FIRST_VERSION, Step};
use domain::transcript::Turn;

/// One run of the demo.
pub(super) struct Outcome {
    /// Name of the tenant's business.
    pub(super) business: String,
    pub(super) tenant_id: String,
    pub(super) finished_at: DateTime<Utc>,
    /// From the first notification until the last session had ended.
    pub(super) wall: Duration,
    /// In the order in which they were posted.
    pub(super) sessions: Vec<SessionOutcome>,
    /// What the run added to the third parties, counted there.
    pub(super) left_behind: LeftBehind,
}

/// What third parties and queues hold because of the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LeftBehind {
    pub(super) mails: usize,
    pub(super) contacts: usize,
    pub(super) notes: usize,
    /// Contacts and leads of Salesforce.
    pub(super) people: usize,
    pub(super) tasks: usize,
    pub(super) webhooks: usize,
    pub(super) dead_letters: usize,
}

pub(super) struct SessionOutcome {
    pub(super) session_id: String,
    pub(super) channel: Channel,
    pub(super) visitor: Visitor,
    pub(super) started_at: DateTime<Utc>,
    pub(super) ended_at: DateTime<Utc>,
    pub(super) end_reason: Option<String>,
    pub(super) ending: Ending,
    /// As the pipeline read it.
    pub(super) turns: Vec<Turn>,
    /// The latest version.
    pub(super) analysis: Option<Analysis>,
    /// In the order in which they were planned.
    pub(super) steps: Vec<StepRecord>,
    pub(super) email: Option<EmailRecord>,
    pub(super) integrations: Vec<IntegrationRecord>,
    pub(super) mail: Option<Mail>,
    /// HTML of the CRM note.
    pub(super) note: Option<String>,
    pub(super) task: Option<Task>,
    pub(super) webhook: Option<Delivery>,
}

/// How far a session came.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ending {
    /// `ingest` did not answer 202; in words.
    Refused(String),
    /// Answered with 202, yet there is no such session.
    Missing,
    /// As stored; neither `Completed` nor `Failed` when the demo gave up waiting.
    Stored { status: SessionStatus, failure_code: Option<String> },
}

impl Ending {
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Missing => "missing",
            Self::Stored { status, .. } => status.as_str(),
        }
    }
}

/// A row of `steps`.
#[derive(Debug, Clone)]
pub(super) struct StepRecord {
    /// `domain::step::Step` as text.
    pub(super) step: String,
    pub(super) status: String,
    pub(super) attempt: i32,
    pub(super) code: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    /// First claim.
    pub(super) started_at: Option<DateTime<Utc>>,
    pub(super) finished_at: Option<DateTime<Utc>>,
}

impl StepRecord {
    /// From the first claim to the end, retries included.
    pub(super) fn ms(&self) -> Option<i64> {
        Some((self.finished_at? - self.started_at?).num_milliseconds())
    }

    /// `None` for a step that this program does not know.
    pub(super) fn parsed(&self) -> Option<Step> {
        self.step.parse().ok()
    }

    /// `analyze`, `notify`, or the integration's id; of later versions `analyze@2` and so on.
    pub(super) fn stage(&self) -> String {
        match self.parsed() {
            Some(Step::CrmSync { version: FIRST_VERSION, integration }) => integration.to_string(),
            Some(Step::CrmSync { version, integration }) => format!("{integration}@{version}"),
            Some(Step::Tell { integration, event, .. }) => format!("{integration}/{event}"),
            Some(Step::Analyze { .. } | Step::Notify { .. }) | None => self.step.clone(),
        }
    }

    /// Sorts as the pipeline goes, one version after the other; what is unknown comes last.
    fn order(&self) -> (i32, u8) {
        match self.parsed() {
            Some(Step::Analyze { version }) => (version, 0),
            Some(Step::Notify { version }) => (version, 1),
            Some(Step::CrmSync { version, .. }) => (version, 2),
            Some(Step::Tell { .. }) => (i32::MAX - 1, 0),
            None => (i32::MAX, 0),
        }
    }
}

/// A row of `email_log`.
#[derive(Debug, Clone)]
pub(super) struct EmailRecord {
    /// SES's message id.
    pub(super) provider_id: Option<String>,
    pub(super) status: String,
    pub(super) code: Option<String>,
    pub(super) template: String,
}

/// A row of `integration_log`.
#[derive(Debug, Clone)]
pub(super) struct IntegrationRecord {
    pub(super) kind: Kind,
    pub(super) status: String,
    pub(super) contact_id: Option<String>,
    pub(super) record_id: Option<String>,
    pub(super) code: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Hubspot,
    Salesforce,
    Webhook,
}

/// A mail as SES was asked to send it.
#[derive(Debug, Clone, Default)]
pub(super) struct Mail {
    pub(super) from: String,
    pub(super) subject: String,
    pub(super) html: Option<String>,
    pub(super) text: Option<String>,
}

/// A task of Salesforce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) subject: String,
    /// Plain text.
    pub(super) description: String,
}

/// A webhook as it was received.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) id: String,
    /// The receiver's check of the signature.
    pub(super) verified: bool,
    pub(super) body: String,
}

impl SessionOutcome {
    pub(super) fn integration(&self, kind: Kind) -> Option<&IntegrationRecord> {
        self.integrations.iter().find(|record| record.kind == kind)
    }

    pub(super) fn is_completed(&self) -> bool {
        matches!(self.ending, Ending::Stored { status: SessionStatus::Completed, .. })
    }
}

impl Outcome {
    /// Steps met in this run, in the order of the pipeline.
    pub(super) fn stages(&self) -> Vec<String> {
        let steps = self.sessions.iter().flat_map(|session| &session.steps);
        let met: BTreeSet<_> = steps.map(|step| (step.order(), step.stage())).collect();
        met.into_iter().map(|(_, stage)| stage).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::canned;

    #[test]
    fn steps_of_later_versions_are_stages_of_their_own_after_the_first() {
        let mut outcome = canned::small();
        let one = outcome.sessions[0].steps[0].clone();
        for step in ["crm_sync@2:hubspot", "notify@2", "analyze@10", "analyze@2", "unheard_of"] {
            let mut later = one.clone();
            later.step = step.to_owned();
            outcome.sessions[0].steps.push(later);
        }
        let stages = outcome.stages();
        assert_eq!(stages[..5], ["analyze", "notify", "hubspot", "salesforce", "webhook"]);
        assert_eq!(stages[5..], ["analyze@2", "notify@2", "hubspot@2", "analyze@10", "unheard_of"]);
    }
}
