//! Why a mail could not be dealt with.

use domain::id::TemplateName;
use domain::step::Code;
use mail::{SendError, TemplateError};
use stage::Failure;

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
    /// In none of the locales that it was looked for in.
    #[error("find the template {0}")]
    NoTemplate(TemplateName),
    /// It was checked when it was saved, but not with what it was given now.
    #[error("make a mail of the template")]
    Template(#[source] TemplateError),
    #[error("use a sender or reply-to address that SES supports")]
    SenderAddress,
    #[error("start sending with so little time left")]
    NoTime,
    #[error("send the mail")]
    Send(#[source] SendError),
}

impl Error {
    /// The tenant's settings make no mail of this session.
    pub(crate) fn is_unmade(&self) -> bool {
        match self {
            Self::NoTemplate(_) | Self::Template(_) | Self::SenderAddress => true,
            Self::Database(_)
            | Self::UnknownTenant
            | Self::UnknownSession
            | Self::UnknownAnalysis(_)
            | Self::NoTime
            | Self::Send(_) => false,
        }
    }
}

impl Failure for Error {
    fn is_retryable(&self) -> bool {
        match self {
            Self::Database(error) => error.is_retryable(),
            Self::NoTime => true,
            Self::UnknownTenant
            | Self::UnknownSession
            | Self::UnknownAnalysis(_)
            | Self::NoTemplate(_)
            | Self::Template(_)
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
            Self::NoTemplate(_) => Code::new("template_not_found"),
            Self::Template(_) => Code::new("template_failed"),
            Self::SenderAddress => Code::new("invalid_sender"),
            Self::NoTime => Code::new("no_time"),
            Self::Send(error) => error.code(),
        }
    }
}
