//! Errors of a request to SES, and their meaning for the mail.

use std::error::Error;
use std::iter::successors;

use aws_sdk_sesv2::config::http::HttpResponse;
use aws_sdk_sesv2::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use domain::step::Code;
use domain::text_enum;
use hyper_util::client::legacy;

/// SES may have accepted the mail; an event will say.
pub const OUTCOME_UNKNOWN: Code = Code::new("outcome_unknown");

type BoxError = Box<dyn Error + Send + Sync>;

/// Reasons for which SES returned no message id.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("invalid request to SES")]
    Request(#[source] BuildError),
    #[error("SES is not reachable")]
    NotReached(#[source] BoxError),
    /// The request was sent, and the answer came too late, in part, or not from SES.
    #[error("no answer from SES")]
    Unanswered(#[source] BoxError),
    #[error("answer of SES without a message id")]
    NoMessageId,
    /// SES did not accept the mail. Addresses are masked in `reason`.
    #[error("SES refused the mail: {reason}")]
    Refused { refusal: SesRefusal, reason: String },
}

text_enum! {
    /// Reasons for which SES refuses a mail; their texts are the codes of failed steps.
    pub enum SesRefusal {
        /// The sending rate, the daily quota or the request rate is reached.
        Throttled = "ses_throttled",
        Unavailable = "ses_unavailable",
        AccountSuspended = "ses_account_suspended",
        SendingPaused = "ses_sending_paused",
        /// The content is refused, or a sender or recipient that must be verified is not.
        MessageRejected = "ses_message_rejected",
        SenderNotVerified = "ses_sender_not_verified",
        BadRequest = "ses_bad_request",
        /// The configuration set, for example, does not exist.
        NotFound = "ses_not_found",
        AccessDenied = "ses_access_denied",
        Other = "ses_refused",
    }
}

/// The mails that a refusal concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalScope {
    /// Every mail, until SES has room again.
    Now,
    /// Every mail of the same sender.
    Account,
    /// This mail, and every other one if the fault is the sender's or the configuration set's.
    Unclear,
    Mail,
}

impl SendError {
    pub(crate) fn of(error: SdkError<SendEmailError, HttpResponse>) -> Self {
        match &error {
            SdkError::ServiceError(answer) => {
                let (status, code) = (answer.raw().status().as_u16(), answer.err().code());
                match SesRefusal::of(status, code) {
                    Some(refusal) => Self::Refused { refusal, reason: reason(status, answer.err()) },
                    None => Self::Unanswered(format!("HTTP status {status} without an error code of SES").into()),
                }
            }
            SdkError::ConstructionFailure(_) => Self::NotReached(error.into()),
            SdkError::DispatchFailure(failure) => {
                // A request that was never written cannot have become a mail.
                let unsent = failure.as_connector_error().is_some_and(|error| error.is_user() || is_connecting(error));
                if unsent { Self::NotReached(error.into()) } else { Self::Unanswered(error.into()) }
            }
            // Time-outs and broken answers. The SDK's enum may grow: a mail that is not known to be unsent may be sent.
            _ => Self::Unanswered(error.into()),
        }
    }

    /// Returns whether SES may have accepted the mail: a second request could send it twice.
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::Unanswered(_) | Self::NoMessageId => true,
            Self::Request(_) | Self::NotReached(_) | Self::Refused { .. } => false,
        }
    }

    /// Returns whether another delivery can help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::NotReached(_) | Self::Unanswered(_) | Self::NoMessageId => true,
            Self::Request(_) => false,
            Self::Refused { .. } => self.is_busy(),
        }
    }

    /// Returns whether SES will accept the mail later.
    ///
    /// This excludes `NotReached`: a network without a route to SES does not get better by waiting.
    pub fn is_busy(&self) -> bool {
        match self {
            Self::Refused { refusal, .. } => refusal.scope() == RefusalScope::Now,
            Self::Request(_) | Self::NotReached(_) | Self::Unanswered(_) | Self::NoMessageId => false,
        }
    }

    pub fn code(&self) -> Code {
        match self {
            Self::Request(_) => Code::new("invalid_mail"),
            Self::NotReached(_) => Code::new("ses_unreachable"),
            Self::Unanswered(_) | Self::NoMessageId => OUTCOME_UNKNOWN,
            Self::Refused { refusal, .. } => Code::new(refusal.as_str()),
        }
    }
}

impl SesRefusal {
    pub fn scope(self) -> RefusalScope {
        match self {
            Self::Throttled | Self::Unavailable => RefusalScope::Now,
            Self::AccountSuspended | Self::SendingPaused | Self::SenderNotVerified | Self::AccessDenied => {
                RefusalScope::Account
            }
            Self::MessageRejected | Self::NotFound => RefusalScope::Unclear,
            Self::BadRequest | Self::Other => RefusalScope::Mail,
        }
    }

    /// Reads an answer's status and code; `None` if a gateway in between answered instead of SES.
    fn of(status: u16, code: Option<&str>) -> Option<Self> {
        Some(match (code, status) {
            (Some("AccountSuspendedException"), _) => Self::AccountSuspended,
            (Some("SendingPausedException"), _) => Self::SendingPaused,
            (Some("MessageRejected"), _) => Self::MessageRejected,
            (Some("MailFromDomainNotVerifiedException"), _) => Self::SenderNotVerified,
            (Some("BadRequestException" | "ValidationException"), _) => Self::BadRequest,
            (Some("NotFoundException"), _) => Self::NotFound,
            (Some("AccessDeniedException" | "AccessDenied"), _) => Self::AccessDenied,
            (Some("TooManyRequestsException" | "LimitExceededException"), _) => Self::Throttled,
            // SES also throttles with codes that its API model does not declare.
            (Some("ThrottlingException" | "Throttling"), _) | (_, 429) => Self::Throttled,
            (Some(_), 500..) => Self::Unavailable,
            (Some(_), _) => Self::Other,
            (None, 400..500) => Self::Other,
            // A gateway may have given up while SES accepted the mail.
            (None, _) => return None,
        })
    }
}

/// Returns whether the connection was still being made: no byte of the request was sent.
fn is_connecting(error: &(dyn Error + 'static)) -> bool {
    let mut causes = successors(Some(error), |&cause| cause.source());
    causes.any(|cause| cause.downcast_ref::<legacy::Error>().is_some_and(legacy::Error::is_connect))
}

/// Joins the error code of SES with its message, whose addresses are masked.
fn reason(status: u16, error: &SendEmailError) -> String {
    let code = error.code().map_or_else(|| format!("HTTP status {status}"), str::to_owned);
    let words = error.message().unwrap_or_default().split_whitespace();
    let masked = words.map(|word| if word.contains('@') { "<address>" } else { word }).collect::<Vec<_>>();
    if masked.is_empty() { code } else { format!("{code}: {}", masked.join(" ")) }
}
