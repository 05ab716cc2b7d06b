//! Errors of sending a mail.

use domain::id::TemplateName;
use domain::step::Code;
use mail::{SendError, TemplateError};
use stage::{Failure, NextDelivery};

/// An error that ended the work on a mail in this delivery.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("database error")]
    Database(#[from] store::Error),
    #[error("unknown tenant")]
    UnknownTenant,
    #[error("unknown session")]
    UnknownSession,
    #[error("unknown version {0} of the analysis")]
    UnknownAnalysis(i32),
    /// The tenant has the template in none of the locales that the mail could use.
    #[error("unknown template {0}")]
    NoTemplate(TemplateName),
    /// The template was valid when it was saved, but not with the values of this mail.
    #[error("the template cannot make this mail")]
    Template(#[source] TemplateError),
    #[error("SES does not support the sender or reply-to address of the tenant")]
    SenderAddress,
    #[error("too little time is left in this delivery to send the mail")]
    NoTime,
    #[error("the mail was not sent")]
    Send { source: SendError, next: NextDelivery },
}

impl Error {
    /// Returns the code, and the delivery that follows.
    fn facts(&self) -> (Code, NextDelivery) {
        let is_final = |code| (Code::new(code), NextDelivery::None);
        match self {
            Self::Database(error) => (error.code(), error.next()),
            Self::UnknownTenant => is_final("unknown_tenant"),
            Self::UnknownSession => is_final("unknown_session"),
            Self::UnknownAnalysis(_) => is_final("unknown_analysis"),
            Self::NoTemplate(_) => is_final("template_not_found"),
            Self::Template(_) => is_final("template_failed"),
            Self::SenderAddress => is_final("invalid_sender"),
            Self::NoTime => (Code::new("no_time"), NextDelivery::Retry { after: None }),
            Self::Send { source, next } => (source.code(), *next),
        }
    }

    /// Returns whether the tenant's settings cannot make a mail of this session.
    pub(crate) fn is_unmade(&self) -> bool {
        matches!(self, Self::NoTemplate(_) | Self::Template(_) | Self::SenderAddress)
    }
}

impl Failure for Error {
    fn next(&self) -> NextDelivery {
        self.facts().1
    }

    fn code(&self) -> Code {
        self.facts().0
    }
}
