//! Messages for the administrators of an integration: what happened, and what to do about it.

use domain::integration::IntegrationConfig;

use crate::error::Error;
use crate::reason::Reason;

/// Events that an administrator may expect after the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// The sync may be retried: the table says whether it is.
    Sync,
    /// Nothing more happens without an administrator.
    Ended,
    /// A check failed, which is never retried.
    Check,
}

/// Explains an error, with what its answer says of it; without content of the session.
pub fn of_error(error: &Error, config: &IntegrationConfig, afterwards: Afterwards) -> String {
    let text = of_reason(error.reason(), config, afterwards);
    match error.call().and_then(|call| call.answer()) {
        Some(answer) => format!("{text} ({})", answer.details()),
        None => text,
    }
}

/// Explains a reason.
pub fn of_reason(reason: Reason, config: &IntegrationConfig, afterwards: Afterwards) -> String {
    let row = reason.row();
    let text = row.message.replace("{party}", party(config));
    match afterwards {
        Afterwards::Sync if row.next.is_retried() => text + " The sync is retried automatically.",
        Afterwards::Check if row.next.is_retried() => text + " Test the integration again later.",
        Afterwards::Sync | Afterwards::Ended | Afterwards::Check => text,
    }
}

fn party(config: &IntegrationConfig) -> &'static str {
    match config {
        IntegrationConfig::Hubspot(_) => "HubSpot",
        IntegrationConfig::Salesforce(_) => "Salesforce",
        IntegrationConfig::Webhook(_) => "The webhook's receiver",
    }
}
