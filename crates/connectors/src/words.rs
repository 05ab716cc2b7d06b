//! Errors in words for whoever administers an integration: what happened, and what to do about it.

use domain::integration::IntegrationConfig;
use domain::step::Code;
use stage::Failure;

use crate::call::Refusal;
use crate::error::Error;
use crate::webhook::WebhookError;

/// Ends what passes.
const AGAIN: &str = "It is tried again.";

/// One or two sentences without content of the session.
pub fn of(error: &Error, config: &IntegrationConfig) -> String {
    let party = party(config);
    let what = what(error, party);
    match details(error) {
        Some(details) => format!("{what} ({details})"),
        None => what,
    }
}

/// The same about something that is not tried again by itself.
pub fn once(error: &Error, config: &IntegrationConfig) -> String {
    match of(error, config).replace(&format!(" {AGAIN}"), "").as_str() {
        AGAIN => "It did not work this time.".to_owned(),
        what => what.to_owned(),
    }
}

/// What a sync waits for that was not let through, where that may take longer than a few seconds.
pub fn of_wait(code: Code, config: &IntegrationConfig) -> Option<String> {
    let party = party(config);
    match code.as_str() {
        "circuit_open" => Some(format!("{party} is down. One sync at a time finds out whether it works again.")),
        "daily_limit" => Some(format!("{party}'s limit of requests a day is reached. It goes on when the limit ends.")),
        "rate_limited" | "unavailable" => Some(format!("{party} has asked for a rest. It goes on when that ends.")),
        _ => None,
    }
}

/// Why a CRM was told nothing.
pub fn of_skip(code: Code) -> &'static str {
    match code.as_str() {
        "superseded" => "The record tells a later version of the analysis.",
        "no_person" => "The CRM does not know the visitor, and the integration is to make nobody.",
        _ => "There is nothing to be told.",
    }
}

fn party(config: &IntegrationConfig) -> &'static str {
    match config {
        IntegrationConfig::Hubspot(_) => "HubSpot",
        IntegrationConfig::Salesforce(_) => "Salesforce",
        IntegrationConfig::Webhook(_) => "The webhook's receiver",
    }
}

fn what(error: &Error, party: &str) -> String {
    match error.code().as_str() {
        "unauthorized" => format!(
            "{party} refuses the credentials: they are wrong, expired or revoked. Put valid ones into the secret."
        ),
        "forbidden" => format!(
            "{party} refuses access: the credentials lack a scope or permission. Grant it, or put others into the secret."
        ),
        "secret_not_allowed" => {
            "The name of the secret is not one of the tenant's own. Save the integration with another.".to_owned()
        }
        "unknown_secret" => "There is no secret of that name in Secrets Manager. Create it.".to_owned(),
        "invalid_secret" if matches!(error, Error::Webhook(_)) => {
            "The secret does not hold a signing secret: whsec_ with base64 of 24 to 64 bytes behind it, or two with a \
             space between them while one takes the other's place. Put it there."
                .to_owned()
        }
        "invalid_secret" => "The secret does not hold what this kind of integration needs. Put it there.".to_owned(),
        "secret_deleted" => {
            "The secret, or the access token beside it, is marked for deletion in Secrets Manager. Restore it."
                .to_owned()
        }
        "secret_forbidden" => {
            "The function may not use the secret: its role, or the policy of the secret's key, does not allow it. \
             Grant it."
                .to_owned()
        }
        "secret_unavailable" => "Secrets Manager did not answer. It is tried again.".to_owned(),
        "rate_limited" => format!("{party} was asked more often than it allows. It goes on by itself."),
        "daily_limit" => format!("{party}'s limit of requests a day is reached. It goes on when the limit ends."),
        "unavailable" => format!("{party} is down or overloaded. It is tried again."),
        "unreachable" => format!("{party} cannot be reached. It is tried again."),
        "timed_out" => format!("{party} did not answer in time. It is tried again."),
        "unreadable_answer" => format!("{party} gave an answer that is not as documented. It is tried again."),
        "locked" => format!("{party} holds the record locked. It is tried again."),
        "conflict" => format!("{party} was writing the same record. It is tried again."),
        "field_refused" => {
            format!("{party} refuses a field or its value. Check the mapping with a test of the integration.")
        }
        "field_required" => format!(
            "{party} wants fields that are not set, as the account's settings require. Map them, or require them no \
             longer."
        ),
        "not_found" => format!(
            "{party} does not find what was asked for. Check API version and object with a test of the integration."
        ),
        "rejected" => format!("{party} refuses the request."),
        "invalid_email" => format!("{party} takes the visitor's address for none."),
        "forbidden_url" => {
            "The URL is not allowed: it must be https on port 443 or 8443, at a public address.".to_owned()
        }
        "foreign_url" => format!(
            "The URL is not one of {party}'s. Save the integration with the org's own, https://….my.salesforce.com."
        ),
        "redirected" => format!(
            "{party} answered with a redirect, which is not followed. Save the integration with the URL it leads to."
        ),
        "gone" => format!("{party} answered 410 Gone: it wants no more events."),
        "out_of_time" => "The function's time was over. It is tried again.".to_owned(),
        "unknown_session" | "unknown_analysis" | "unknown_email" => "What was to be told has been removed.".to_owned(),
        "unknown_integration" => "The integration has been removed.".to_owned(),
        "no_webhook" => "The integration is no webhook, and is told of no events.".to_owned(),
        "other_version" => format!("Another version of the analysis is being written. {AGAIN}"),
        "other_session" => format!("Another session of the visitor is being written. {AGAIN}"),
        _ if error.is_retryable() => AGAIN.to_owned(),
        _ => "It did not work.".to_owned(),
    }
}

/// What helps whoever asks the third party.
fn details(error: &Error) -> Option<String> {
    if let Error::Webhook(WebhookError::Refused { status, .. }) = error {
        return Some(format!("HTTP {}", status.as_u16()));
    }
    let Refusal { status, labels, .. } = error.call()?.refusal()?;
    let labels = labels.iter().map(|label| format!(", {label}")).collect::<String>();
    Some(format!("HTTP {}{labels}", status.as_u16()))
}
