//! Errors of tasks.

use domain::email_address::EmailAddress;
use domain::id::{SessionId, TemplateName, TenantId};
use domain::step::StepKey;
use lambda_runtime::Diagnostic;
use mail::TemplateError;
use stage::error_chain;
use stage::queues::QueueError;
use store::MigrateError;

use crate::integrations::IntegrationError;

/// Error that ended a task early. Every task may be invoked again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("invalid task: {0}")]
    Task(String),
    #[error(transparent)]
    Integration(#[from] IntegrationError),
    /// The source names the statement.
    #[error("database error")]
    Database(#[from] store::Error),
    #[error("migration error")]
    Migrate(#[source] MigrateError),
    #[error("the message of step {} of session {} was not sent", .key.step, .key.session_id)]
    Queue {
        key: Box<StepKey>,
        #[source]
        source: QueueError,
    },
    #[error("queue message not written as JSON")]
    Message(#[source] serde_json::Error),
    #[error("unknown session {0}")]
    UnknownSession(SessionId),
    #[error("session {0} has no analysis yet")]
    NotAnalysed(SessionId),
    #[error("the transcript of session {0} was removed, by retention or an erasure")]
    TranscriptPurged(SessionId),
    #[error("analysis version {version} is still being made, with another model or other follow-ups")]
    UnderWay { version: i32 },
    #[error("invalid alert mail")]
    AlertEmail(#[source] TemplateError),
    #[error("invalid retention settings of tenant {tenant_id}")]
    UnreadableRetention {
        tenant_id: TenantId,
        #[source]
        source: serde_json::Error,
    },
    #[error("old data of tenant {tenant_id} was not removed")]
    Purge {
        tenant_id: TenantId,
        #[source]
        source: store::Error,
    },
    #[error("invalid name: must have 1 to {max} characters in one line, without space at its ends")]
    TenantName { max: usize },
    #[error("invalid settings: {path}: {problem}")]
    Settings { path: String, problem: String },
    #[error("unknown tenant {0}: save its settings first")]
    UnknownTenant(TenantId),
    #[error("the template makes no mail of a sample session with the tenant's settings")]
    Template(#[source] TemplateError),
    #[error("template {name} in {locale} makes no mail of a sample session with these settings")]
    SavedTemplate {
        name: TemplateName,
        locale: String,
        #[source]
        source: TemplateError,
    },
}

impl Error {
    /// Writes the error with its sources in one line, for a log and for the caller, without addresses: an error about a
    /// row may quote its settings, which have addresses of staff.
    pub fn line(&self) -> String {
        let chain = error_chain(self);
        let words = chain.split(' ').map(|word| if is_address(word) { "<address>" } else { word });
        words.collect::<Vec<_>>().join(" ")
    }
}

fn is_address(word: &str) -> bool {
    word.trim_matches(|c: char| c.is_ascii_punctuation()).parse::<EmailAddress>().is_ok()
}

/// Answers the caller.
impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        Self { error_type: "housekeep::Error".to_owned(), error_message: error.line() }
    }
}
