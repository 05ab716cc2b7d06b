//! Errors of syncs and checks, each with its reason.

use domain::standard_webhooks::InvalidSigningSecret;
use domain::step::Code;
use stage::{Failure, NextDelivery};

use crate::call::CallError;
use crate::destination::Violation;
use crate::reason::Reason;
use crate::secrets::SecretError;

/// A sync or check that failed. The texts hold no personal data.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The source names the statement.
    #[error("database error")]
    Store(#[from] store::Error),
    /// Nothing is known beyond the reason.
    #[error("the sync cannot go on: {}", .0.code())]
    Reason(Reason),
    #[error("forbidden URL")]
    ForbiddenUrl(#[source] Violation),
    #[error("secret not usable")]
    Secret(#[from] SecretError),
    #[error("signing secret not usable")]
    SigningSecret(#[source] InvalidSigningSecret),
    #[error("sign-in failed")]
    SignIn(#[source] CallError),
    #[error("CRM request failed")]
    Crm(#[source] CallError),
    #[error("webhook not delivered")]
    Webhook(#[source] CallError),
}

impl Error {
    /// Finds the row of the table that decides what follows.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Store(error) if error.is_retryable() => Reason::Database,
            Self::Store(_) => Reason::DatabaseDefect,
            Self::Reason(reason) => *reason,
            Self::ForbiddenUrl(_) => Reason::ForbiddenUrl,
            Self::Secret(error) => error.reason(),
            Self::SigningSecret(_) => Reason::InvalidSigningSecret,
            Self::SignIn(error) | Self::Crm(error) | Self::Webhook(error) => error.reason(),
        }
    }

    /// Whether the secret was refused, or signs nothing: another value may have replaced it.
    pub fn is_unauthorized(&self) -> bool {
        matches!(self.reason(), Reason::Unauthorized | Reason::SignatureRefused | Reason::InvalidSigningSecret)
    }

    /// The request to the third party that failed, if one was made.
    pub fn call(&self) -> Option<&CallError> {
        match self {
            Self::SignIn(error) | Self::Crm(error) | Self::Webhook(error) => Some(error),
            Self::Store(_) | Self::Reason(_) | Self::ForbiddenUrl(_) | Self::Secret(_) | Self::SigningSecret(_) => None,
        }
    }
}

/// Applies to errors before an integration is admitted, such as a missing session.
impl Failure for Error {
    fn next(&self) -> NextDelivery {
        match self.reason().row().next.is_retried() {
            true => NextDelivery::Retry { after: self.call().and_then(|call| call.answer()?.retry_after) },
            false => NextDelivery::None,
        }
    }

    fn code(&self) -> Code {
        self.reason().code()
    }
}
