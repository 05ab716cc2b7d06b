//! Why a mail could not be dealt with.

use domain::step::Code;
use stage::Failure;

use crate::send_error::SendError;

/// Completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("use the database")]
    Database(#[source] store::Error),
    #[error("find the tenant")]
    UnknownTenant,
    #[error("find the session")]
    UnknownSession,
    #[error("find version {0} of the analysis")]
    UnknownAnalysis(i32),
    #[error("render the mail")]
    Render(#[source] minijinja::Error),
    #[error("use a sender or reply-to address that SES supports")]
    SenderAddress,
    #[error("start sending with so little time left")]
    NoTime,
    #[error("send the mail")]
    Send(#[source] SendError),
}

impl Failure for Error {
    fn is_retryable(&self) -> bool {
        match self {
            Self::Database(error) => error.is_retryable(),
            Self::NoTime => true,
            Self::UnknownTenant
            | Self::UnknownSession
            | Self::UnknownAnalysis(_)
            | Self::Render(_)
            | Self::SenderAddress => false,
            Self::Send(error) => error.is_retryable(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Database(error) => error.code(),
            Self::UnknownTenant => Code::new("unknown_tenant"),
            Self::UnknownSession => Code::new("unknown_session"),
            Self::UnknownAnalysis(_) => Code::new("unknown_analysis"),
            Self::Render(_) => Code::new("template_failed"),
            Self::SenderAddress => Code::new("invalid_sender"),
            Self::NoTime => Code::new("no_time"),
            Self::Send(error) => error.code(),
        }
    }
}
