//! The table of reasons: why a sync ends or is delayed, decided once for each.

use std::time::Duration;

use domain::step::Code;

/// HubSpot's longest interval; for answers that name none.
const RATE_LIMIT_WAIT: Duration = Duration::from_secs(10);
/// A daily limit ends at midnight of the account's time zone, or 24 hours after the requests; one sync an hour finds
/// out.
pub const DAILY_LIMIT_WAIT: Duration = Duration::from_secs(3600);
/// Secrets Manager is back within seconds, or takes minutes; a look costs one request.
const SECRETS_WAIT: Duration = Duration::from_secs(10);
/// A locked record is free again within seconds; HubSpot asks for two at least.
const LOCKED_WAIT: Duration = Duration::from_secs(5);
/// Another function gets a token, or writes another version, within a second.
const SHORT_WAIT: Duration = Duration::from_secs(2);
/// Another function creates the person within seconds. Where it died meanwhile, its lease lasts for a minute, and each
/// look takes two requests.
const PERSON_WAIT: Duration = Duration::from_secs(5);

/// Consequences for the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The step fails: another attempt would end the same way.
    Fail,
    /// The step is skipped: there is nothing to sync for this session.
    Skip,
    /// The integration cannot work: it is disabled, and the step waits until an administrator has fixed it.
    Disable,
    /// Another delivery after the usual back-off.
    Retry,
    /// Another delivery after as long as the third party asks, or this.
    RetryAfter(Duration),
    /// Another delivery after this; it uses up none of the message's deliveries.
    Wait(Duration),
    /// As [`Wait`](Self::Wait), and the integration waits with the step; as long as the third party asks, or this.
    Rest(Duration),
    /// [`Rest`](Self::Rest) if the third party says for how long, else [`Retry`](Self::Retry).
    RestOrRetry,
    /// The gate of the integration says for how long.
    Turn,
}

impl Next {
    /// Whether the sync comes back without an administrator.
    pub fn is_retried(self) -> bool {
        match self {
            Self::Retry | Self::RetryAfter(_) | Self::Wait(_) | Self::Rest(_) | Self::RestOrRetry | Self::Turn => true,
            Self::Fail | Self::Skip | Self::Disable => false,
        }
    }
}

/// Signs of the integration's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthSign {
    /// Nothing: the reason is the session's own, or ours.
    Nothing,
    /// Nothing, although requests may have been made.
    Unsure,
    /// The third party is down.
    Down,
    /// The third party answered: a CRM works, and a webhook's receiver, which should accept every event, fails.
    Answered,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct ReasonRow {
    pub code: Code,
    pub next: Next,
    pub health: HealthSign,
    /// Text for administrators: what happened and what to do; `{party}` stands for the third party.
    pub message: &'static str,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $reason:ident: $code:literal, $next:expr, $health:ident, $message:literal;)+) => {
        /// Reasons why a sync ends or is delayed, or a check fails.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Reason { $($(#[$doc])* $reason,)+ }

        impl Reason {
            pub const ALL: &[Self] = &[$(Self::$reason,)+];

            pub fn row(self) -> ReasonRow {
                let row = |code, next, health, message| ReasonRow { code: Code::new(code), next, health, message };
                match self { $(Self::$reason => row($code, $next, HealthSign::$health, $message),)+ }
            }
        }
    };
}

reasons! {
    // The integration, or the visitor.
    IntegrationOff: "integration_off", Next::Skip, Nothing, "The integration is switched off.";
    IntegrationRemoved: "integration_removed", Next::Skip, Nothing, "The integration was removed.";
    NoEmail: "no_email", Next::Skip, Nothing, "The visitor gave no e-mail address.";
    InvalidEmail: "invalid_email", Next::Skip, Nothing, "The visitor's e-mail address is not valid.";
    /// The CRM refuses the visitor's address.
    EmailRefused: "invalid_email", Next::Skip, Answered, "{party} refuses the visitor's e-mail address as not valid.";
    /// Unknown visitors are to be skipped.
    NoPerson: "no_person", Next::Skip, Nothing,
        "{party} does not know the visitor, and the integration is set not to create unknown visitors.";
    Superseded: "superseded", Next::Skip, Nothing, "The record already shows a later version of the analysis.";
    UnknownIntegration: "unknown_integration", Next::Fail, Nothing, "The integration has been removed.";
    UnknownSession: "unknown_session", Next::Fail, Nothing, "The session has been removed.";
    UnknownAnalysis: "unknown_analysis", Next::Fail, Nothing, "The analysis has been removed.";
    UnknownEvent: "unknown_event", Next::Fail, Nothing, "The event has been removed.";
    UnknownEmail: "unknown_email", Next::Fail, Nothing, "The mail that the event is about has been removed.";
    NotAWebhook: "no_webhook", Next::Fail, Nothing, "Events are sent to webhooks only, and the integration is a CRM.";

    // Credentials.
    /// A token is wrong, expired or revoked.
    Unauthorized: "unauthorized", Next::Disable, Nothing,
        "{party} refuses the credentials: they are wrong, expired or revoked. Put valid ones into the secret.";
    /// A receiver answers 401.
    SignatureRefused: "unauthorized", Next::Fail, Answered,
        "{party} refuses the signature (401). Put the signing secret that it knows into the secret.";
    /// A scope that every sync needs is missing.
    ScopeMissing: "forbidden", Next::Disable, Nothing,
        "{party} refuses access: the credentials lack a scope. Grant it, or put other credentials into the secret.";
    /// Access to the one record is refused.
    Forbidden: "forbidden", Next::Fail, Answered,
        "{party} refuses access: the credentials lack a permission. Grant it, or put other credentials into the secret.";
    SecretNotAllowed: "secret_not_allowed", Next::Disable, Nothing,
        "The name of the secret is not one of the tenant's own. Save the integration with another secret.";
    UnknownSecret: "unknown_secret", Next::Disable, Nothing,
        "There is no secret of that name in Secrets Manager. Create it.";
    InvalidSecret: "invalid_secret", Next::Disable, Nothing,
        "The secret does not hold what this kind of integration needs. Put it into the secret.";
    InvalidSigningSecret: "invalid_secret", Next::Disable, Nothing,
        "The secret does not hold a signing secret: whsec_ followed by base64 of 24 to 64 bytes, or two of them with a space between them during a rotation. Put one into the secret.";
    SecretDeleted: "secret_deleted", Next::Disable, Nothing,
        "The secret, or the access token stored with it, is marked for deletion in Secrets Manager. Restore it.";
    SecretForbidden: "secret_forbidden", Next::Disable, Nothing,
        "The service may not use the secret: its role, or the policy of the secret's key, does not allow it. Grant it.";
    SecretUnavailable: "secret_unavailable", Next::Wait(SECRETS_WAIT), Nothing, "Secrets Manager did not answer.";
    TokenRenewal: "token_renewal", Next::Wait(SHORT_WAIT), Nothing, "Another sync is renewing the access token.";

    // URLs.
    ForbiddenUrl: "forbidden_url", Next::Disable, Nothing,
        "The URL is not allowed: it must be https on port 443 or 8443, at a public address. Save the integration with another URL.";
    ForeignUrl: "foreign_url", Next::Disable, Nothing,
        "The URL is not one of {party}. Save the integration with the org's own URL, https://….my.salesforce.com.";
    Redirected: "redirected", Next::Fail, Answered,
        "{party} answered with a redirect, which is not followed. Save the integration with the URL that it leads to.";
    Gone: "gone", Next::Disable, Answered,
        "{party} answered 410 Gone: it wants no more events. Enable the integration once it does.";

    // Answers about the one request.
    NotFound: "not_found", Next::Fail, Answered,
        "{party} does not find what the request is about. Check API version and fields with a test of the integration.";
    FieldRefused: "field_refused", Next::Fail, Answered,
        "{party} refuses a field or its value. Check the mapping with a test of the integration.";
    FieldRequired: "field_required", Next::Fail, Answered,
        "{party} requires fields that are not set. Map them, or stop requiring them in the account's settings.";
    Rejected: "rejected", Next::Fail, Answered, "{party} refuses the request.";
    Conflict: "conflict", Next::Retry, Answered, "{party} was writing the same record at the same time.";
    Locked: "locked", Next::RetryAfter(LOCKED_WAIT), Answered, "{party} has locked the record.";
    UnreadableAnswer: "unreadable_answer", Next::Retry, Unsure, "{party} gave an answer that is not as documented.";

    // Limits, and third parties that are down.
    RateLimited: "rate_limited", Next::Rest(RATE_LIMIT_WAIT), Answered,
        "{party} has received more requests than it allows.";
    DailyLimit: "daily_limit", Next::Rest(DAILY_LIMIT_WAIT), Answered,
        "{party} has received as many requests as it allows in a day.";
    Unavailable: "unavailable", Next::RestOrRetry, Down, "{party} is down or overloaded.";
    Unreachable: "unreachable", Next::Retry, Down, "{party} cannot be reached.";
    TimedOut: "timed_out", Next::Retry, Down, "{party} did not answer in time.";

    // The gate, other syncs, and the service itself.
    CircuitOpen: "circuit_open", Next::Turn, Nothing,
        "{party} is down. One sync at a time finds out whether it works again.";
    TooManyAtOnce: "too_many_at_once", Next::Turn, Nothing, "As many syncs as the integration allows are under way.";
    Paced: "paced", Next::Turn, Nothing, "The integration's limit of requests is used up for the moment.";
    OtherVersion: "other_version", Next::Wait(SHORT_WAIT), Nothing, "Another version of the analysis is being written.";
    OtherSession: "other_session", Next::Wait(PERSON_WAIT), Nothing, "Another session of the visitor is being written.";
    OutOfTime: "out_of_time", Next::Retry, Unsure, "The function had no time left.";
    Database: "database", Next::Retry, Unsure, "The service's database did not answer.";
    DatabaseDefect: "database", Next::Fail, Nothing,
        "The service's database refuses a statement. Report it to the operator of the service.";
}

impl Reason {
    /// Finds the first reason with a code, for codes that the gate gives.
    pub fn with_code(code: Code) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.row().code == code)
    }

    pub fn code(self) -> Code {
        self.row().code
    }
}

#[cfg(test)]
mod tests {
    use store::gates;

    use super::*;

    #[test]
    fn the_gate_reads_back_every_code_that_it_is_given() {
        for reason in Reason::ALL {
            let ReasonRow { code, next, .. } = reason.row();
            let rests = matches!(next, Next::Rest(_) | Next::RestOrRetry);
            assert!(!rests || gates::CODES.contains(&code), "{code}");
        }
        assert!(gates::CODES.into_iter().all(|code| Reason::with_code(code).is_some()));
    }
}
