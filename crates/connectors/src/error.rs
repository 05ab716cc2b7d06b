//! Why a sync failed, and whether another delivery can help.

use domain::step::Code;
use stage::Failure;

use crate::call::{CallError, Trouble};
use crate::secrets::SecretError;
use crate::webhook::WebhookError;

/// A sync that failed; the text completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("use the database")]
    Store(#[source] store::Error),
    #[error("find the integration")]
    UnknownIntegration,
    #[error("find the session")]
    UnknownSession,
    #[error("find the analysis")]
    UnknownAnalysis,
    #[error("find the event")]
    UnknownEvent,
    #[error("find the mail")]
    UnknownEmail,
    #[error("send an event to what is no webhook")]
    NoWebhook,
    /// Credentials are sent nowhere else.
    #[error("sign in at a URL that is not the third party's")]
    ForeignUrl,
    #[error("use the integration's secret")]
    Secret(#[source] SecretError),
    #[error("get an access token")]
    Token(#[source] CallError),
    /// Somebody else is getting one, and there is none meanwhile.
    #[error("get an access token: another function is about to have it")]
    Renewing,
    #[error("write the record: another version of the analysis is being written")]
    OtherVersion,
    #[error("find the person: another session is making them")]
    OtherSession,
    #[error("sync to the CRM")]
    Crm(#[source] CallError),
    #[error("deliver the webhook")]
    Webhook(#[source] WebhookError),
}

impl Error {
    /// The third party refused the secret, or it cannot be used.
    pub fn is_unauthorized(&self) -> bool {
        match self {
            Self::Webhook(error) => error.is_unauthorized(),
            other => other.call().is_some_and(|error| error.is(Trouble::Unauthorized)),
        }
    }

    /// The request to the third party that failed, where it was one.
    pub fn call(&self) -> Option<&CallError> {
        match self {
            Self::Token(error) | Self::Crm(error) => Some(error),
            Self::Store(_)
            | Self::UnknownIntegration
            | Self::UnknownSession
            | Self::UnknownAnalysis
            | Self::UnknownEvent
            | Self::UnknownEmail
            | Self::NoWebhook
            | Self::ForeignUrl
            | Self::Secret(_)
            | Self::Renewing
            | Self::OtherVersion
            | Self::OtherSession
            | Self::Webhook(_) => None,
        }
    }
}

impl Failure for Error {
    fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable(),
            Self::UnknownIntegration
            | Self::UnknownSession
            | Self::UnknownAnalysis
            | Self::UnknownEvent
            | Self::UnknownEmail
            | Self::NoWebhook
            | Self::ForeignUrl => false,
            Self::Secret(error) => error.is_retryable(),
            Self::Token(error) | Self::Crm(error) => error.is_retryable(),
            Self::Renewing | Self::OtherVersion | Self::OtherSession => true,
            Self::Webhook(error) => error.is_retryable(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::UnknownIntegration => Code::new("unknown_integration"),
            Self::UnknownSession => Code::new("unknown_session"),
            Self::UnknownAnalysis => Code::new("unknown_analysis"),
            Self::UnknownEvent => Code::new("unknown_event"),
            Self::UnknownEmail => Code::new("unknown_email"),
            Self::NoWebhook => Code::new("no_webhook"),
            Self::ForeignUrl => Code::new("foreign_url"),
            Self::Secret(error) => error.code(),
            Self::Token(error) | Self::Crm(error) => error.code(),
            Self::Renewing => Code::new("token_renewal"),
            Self::OtherVersion => Code::new("other_version"),
            Self::OtherSession => Code::new("other_session"),
            Self::Webhook(error) => error.code(),
        }
    }
}
