//! Why a sync failed, and whether another delivery can help.

use std::time::Duration;

use domain::step::Code;
use stage::Failure;

use crate::hubspot::HubSpotError;
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
    #[error("use the integration's secret")]
    Secret(#[source] SecretError),
    #[error("sync to HubSpot")]
    HubSpot(#[source] HubSpotError),
    #[error("deliver the webhook")]
    Webhook(#[source] WebhookError),
}

impl Error {
    /// The third party refused the secret.
    pub(crate) fn is_unauthorized(&self) -> bool {
        match self {
            Self::HubSpot(error) => error.is_unauthorized(),
            Self::Webhook(error) => error.is_unauthorized(),
            Self::Store(_)
            | Self::UnknownIntegration
            | Self::UnknownSession
            | Self::UnknownAnalysis
            | Self::Secret(_) => false,
        }
    }
}

impl Failure for Error {
    fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable(),
            Self::UnknownIntegration | Self::UnknownSession | Self::UnknownAnalysis => false,
            Self::Secret(error) => match error {
                SecretError::Unavailable(_) => true,
                SecretError::NotAllowed | SecretError::Unknown | SecretError::Empty => false,
            },
            Self::HubSpot(error) => error.is_retryable(),
            Self::Webhook(error) => error.is_retryable(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::UnknownIntegration => Code::new("unknown_integration"),
            Self::UnknownSession => Code::new("unknown_session"),
            Self::UnknownAnalysis => Code::new("unknown_analysis"),
            Self::Secret(SecretError::NotAllowed) => Code::new("secret_not_allowed"),
            Self::Secret(SecretError::Unknown) => Code::new("unknown_secret"),
            Self::Secret(SecretError::Empty) => Code::new("invalid_secret"),
            Self::Secret(SecretError::Unavailable(_)) => Code::new("secret_unavailable"),
            Self::HubSpot(error) => error.code(),
            Self::Webhook(error) => error.code(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::HubSpot(error) => error.retry_after(),
            Self::Webhook(error) => error.retry_after(),
            Self::Store(_)
            | Self::UnknownIntegration
            | Self::UnknownSession
            | Self::UnknownAnalysis
            | Self::Secret(_) => None,
        }
    }
}
