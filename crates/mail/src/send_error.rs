//! What it means when SES does not say yes.

use std::error::Error;
use std::iter::successors;

use aws_sdk_sesv2::config::http::HttpResponse;
use aws_sdk_sesv2::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use domain::step::Code;
use hyper_util::client::legacy;

/// SES may have taken the mail, and nothing has told yet.
pub const OUTCOME_UNKNOWN: Code = Code::new("outcome_unknown");

type BoxError = Box<dyn Error + Send + Sync>;

/// Why there is no message id.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("build the request to SES")]
    Request(#[source] BuildError),
    #[error("connect to SES")]
    NotReached(#[source] BoxError),
    /// Sent, but not answered in time, not to the end, or by something that is not SES.
    #[error("get an answer from SES")]
    Unanswered(#[source] BoxError),
    #[error("find a message id in the answer of SES")]
    NoMessageId,
    /// SES has not taken the mail. Addresses are masked in `reason`.
    #[error("send through SES: {reason}")]
    Refused { refusal: SesRefusal, reason: String },
}

/// The ways in which SES refuses a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SesRefusal {
    /// Sending rate, daily quota or request rate reached.
    Throttled,
    Unavailable,
    AccountSuspended,
    SendingPaused,
    /// Content refused, or sender or recipient not verified where they have to be.
    MessageRejected,
    SenderNotVerified,
    BadRequest,
    /// No such configuration set, for instance.
    NotFound,
    AccessDenied,
    Other,
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
                let connecting = failure.as_connector_error().is_some_and(|error| is_connecting(error));
                if connecting { Self::NotReached(error.into()) } else { Self::Unanswered(error.into()) }
            }
            SdkError::TimeoutError(_) | SdkError::ResponseError(_) => Self::Unanswered(error.into()),
            // The SDK's enum may grow: what is not known to be unsent may be sent.
            _ => Self::Unanswered(error.into()),
        }
    }

    /// SES may have taken the mail: it must not be sent again before an event has told.
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::Unanswered(_) | Self::NoMessageId => true,
            Self::Request(_) | Self::NotReached(_) | Self::Refused { .. } => false,
        }
    }

    /// Another delivery can help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::NotReached(_) | Self::Unanswered(_) | Self::NoMessageId => true,
            Self::Request(_) => false,
            Self::Refused { refusal, .. } => refusal.is_busy(),
        }
    }

    /// SES has no room now, and will take the mail when it has. One that is not reached at all may never be, such as
    /// from a network without a way to it.
    pub fn is_busy(&self) -> bool {
        match self {
            Self::Refused { refusal, .. } => refusal.is_busy(),
            Self::Request(_) | Self::NotReached(_) | Self::Unanswered(_) | Self::NoMessageId => false,
        }
    }

    pub fn code(&self) -> Code {
        match self {
            Self::Request(_) => Code::new("invalid_mail"),
            Self::NotReached(_) => Code::new("ses_unreachable"),
            Self::Unanswered(_) | Self::NoMessageId => OUTCOME_UNKNOWN,
            Self::Refused { refusal, .. } => refusal.code(),
        }
    }
}

impl SesRefusal {
    fn is_busy(self) -> bool {
        match self {
            Self::Throttled | Self::Unavailable => true,
            Self::AccountSuspended
            | Self::SendingPaused
            | Self::MessageRejected
            | Self::SenderNotVerified
            | Self::BadRequest
            | Self::NotFound
            | Self::AccessDenied
            | Self::Other => false,
        }
    }

    /// Every other mail of the same sender would be refused, too.
    pub fn is_of_account(self) -> bool {
        match self {
            Self::AccountSuspended | Self::SendingPaused | Self::SenderNotVerified | Self::AccessDenied => true,
            Self::Throttled
            | Self::Unavailable
            | Self::MessageRejected
            | Self::BadRequest
            | Self::NotFound
            | Self::Other => false,
        }
    }

    /// `None` if the answer does not come from SES: a gateway in between gave up, or sent a page of its own.
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
            (Some("ThrottlingException" | "Throttling"), _) | (_, 429) => Self::Throttled,
            (Some(_), 500..) => Self::Unavailable,
            (Some(_), _) => Self::Other,
            (None, 400..500) => Self::Other,
            (None, _) => return None,
        })
    }

    fn code(self) -> Code {
        Code::new(match self {
            Self::Throttled => "ses_throttled",
            Self::Unavailable => "ses_unavailable",
            Self::AccountSuspended => "ses_account_suspended",
            Self::SendingPaused => "ses_sending_paused",
            Self::MessageRejected => "ses_message_rejected",
            Self::SenderNotVerified => "ses_sender_not_verified",
            Self::BadRequest => "ses_bad_request",
            Self::NotFound => "ses_not_found",
            Self::AccessDenied => "ses_access_denied",
            Self::Other => "ses_refused",
        })
    }
}

/// No byte of the request has left: the connection was still being made.
fn is_connecting(error: &(dyn Error + 'static)) -> bool {
    let mut causes = successors(Some(error), |&cause| cause.source());
    causes.any(|cause| cause.downcast_ref::<legacy::Error>().is_some_and(legacy::Error::is_connect))
}

/// SES's error code and its words, which may quote addresses.
fn reason(status: u16, error: &SendEmailError) -> String {
    let code = error.code().map_or_else(|| format!("HTTP status {status}"), str::to_owned);
    let words = error.message().unwrap_or_default().split_whitespace();
    let masked = words.map(|word| if word.contains('@') { "<address>" } else { word }).collect::<Vec<_>>();
    if masked.is_empty() { code } else { format!("{code}: {}", masked.join(" ")) }
}
