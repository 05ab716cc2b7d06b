//! Why a task was not done.

use domain::email_address::EmailAddress;
use domain::id::{SessionId, TemplateName, TenantId};
use lambda_runtime::Diagnostic;
use mail::TemplateError;
use stage::error_chain;
use stage::queues::QueueError;
use store::MigrateError;

use crate::integrations::IntegrationError;

/// A task that was not done to its end; where that can help, it can be invoked again. Completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("read the task: {0}")]
    Task(String),
    #[error(transparent)]
    Integration(IntegrationError),
    #[error("find lost steps")]
    Find(#[source] store::Error),
    #[error("find steps that have waited")]
    FindDue(#[source] store::Error),
    #[error("queue step {step} of session {session_id} again")]
    Queue {
        session_id: String,
        step: String,
        #[source]
        source: QueueError,
    },
    /// It counts as sent, and is found as lost.
    #[error("put step {step} of session {session_id} back")]
    PutBack {
        session_id: String,
        step: String,
        #[source]
        source: store::Error,
    },
    #[error("record that a lost step has failed")]
    Fail(#[source] store::Error),
    #[error("find session {0}")]
    UnknownSession(SessionId),
    #[error("analyse session {0} again: it has no analysis yet")]
    NotAnalysed(SessionId),
    #[error("analyse session {0} again: its transcript was removed, by retention or an erasure")]
    TranscriptPurged(SessionId),
    #[error("have version {version} made as asked for: it was asked for otherwise before and is still to be made")]
    UnderWay { version: i32 },
    #[error("plan another analysis")]
    Plan(#[source] store::Error),
    #[error("write the message")]
    Message(#[source] serde_json::Error),
    #[error("migrate the database")]
    Migrate(#[source] MigrateError),
    #[error("watch what fails")]
    Watch(#[source] store::Error),
    #[error("write to a tenant's admins")]
    Letter(#[source] TemplateError),
    #[error("find out for how long tenants keep their data")]
    Retentions(#[source] store::Error),
    #[error("read for how long tenant {tenant_id} keeps its data")]
    UnreadableRetention {
        tenant_id: TenantId,
        #[source]
        source: serde_json::Error,
    },
    #[error("remove old data of tenant {tenant_id}")]
    Purge {
        tenant_id: TenantId,
        #[source]
        source: store::Error,
    },
    #[error("erase a visitor")]
    Erase(#[source] store::Error),
    #[error("save the settings: name must have 1 to {max} characters in one line, without space at its ends")]
    TenantName { max: usize },
    #[error("save the settings: {path}: {problem}")]
    Settings { path: String, problem: String },
    #[error("find tenant {0}: there is none until its settings are saved")]
    UnknownTenant(TenantId),
    #[error("save what a template and the settings make of a sample session")]
    Template(#[source] TemplateError),
    #[error("save the settings: with them template {name} in {locale} makes no mail of a sample session")]
    SavedTemplate {
        name: TemplateName,
        locale: String,
        #[source]
        source: TemplateError,
    },
    #[error("save what was checked")]
    Save(#[source] store::Error),
}

impl Error {
    /// With what caused it, in one line for a log and for whoever asked: settings that cannot be read may quote an
    /// address of staff.
    pub fn line(&self) -> String {
        let chain = error_chain(self);
        let words = chain.split(' ').map(|word| if is_address(word) { "<address>" } else { word });
        words.collect::<Vec<_>>().join(" ")
    }
}

fn is_address(word: &str) -> bool {
    word.trim_matches(|c: char| c.is_ascii_punctuation()).parse::<EmailAddress>().is_ok()
}

/// The answer to whoever asked.
impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        Self { error_type: "housekeep::Error".to_owned(), error_message: format!("failed to {}", error.line()) }
    }
}
