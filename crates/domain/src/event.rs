//! What webhooks can be told of.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::step::FIRST_VERSION;

const FIRST_TIME: i32 = 1;

/// A kind of event that a webhook can ask for; its text is the `type` of the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EventType {
    /// A session has been analysed, or analysed again.
    #[serde(rename = "session.analyzed")]
    SessionAnalyzed,
    /// A step of a session has failed for good.
    #[serde(rename = "session.failed")]
    SessionFailed,
    /// The mail to the visitor has come further, or will not be sent.
    #[serde(rename = "email.status")]
    EmailStatus,
}

impl EventType {
    pub const ALL: [Self; 3] = [Self::SessionAnalyzed, Self::SessionFailed, Self::EmailStatus];

    /// As in settings and payloads.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SessionAnalyzed => "session.analyzed",
            Self::SessionFailed => "session.failed",
            Self::EmailStatus => "email.status",
        }
    }
}

/// One event of one session.
///
/// As text: `session.analyzed`, of later versions `session.analyzed@2`; `session.failed@<code>`, from the second time
/// on `session.failed@<code>@2`; `email.status@<id>@<status>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    SessionAnalyzed {
        version: i32,
    },
    SessionFailed {
        /// Of the step that failed first, as the event is told whatever becomes of the session.
        code: String,
        /// From 1 on: a session that is replayed can fail again.
        time: i32,
    },
    /// `status` as in `email_log`.
    EmailStatus {
        email_id: Uuid,
        status: String,
    },
}

impl Event {
    pub fn kind(&self) -> EventType {
        match self {
            Self::SessionAnalyzed { .. } => EventType::SessionAnalyzed,
            Self::SessionFailed { .. } => EventType::SessionFailed,
            Self::EmailStatus { .. } => EventType::EmailStatus,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().as_str())?;
        match self {
            Self::SessionAnalyzed { version: FIRST_VERSION } => Ok(()),
            Self::SessionAnalyzed { version } => write!(f, "@{version}"),
            Self::SessionFailed { code, time: FIRST_TIME } => write!(f, "@{code}"),
            Self::SessionFailed { code, time } => write!(f, "@{code}@{time}"),
            Self::EmailStatus { email_id, status } => write!(f, "@{email_id}@{status}"),
        }
    }
}

/// Why a text is no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no event of a session")]
pub struct InvalidEvent;

impl FromStr for Event {
    type Err = InvalidEvent;

    /// Each event has one text: as [`fmt::Display`] writes it.
    fn from_str(text: &str) -> Result<Self, InvalidEvent> {
        let mut parts = text.split('@');
        let event = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("session.analyzed"), None, None, None) => Self::SessionAnalyzed { version: FIRST_VERSION },
            (Some("session.analyzed"), Some(version), None, None) => {
                Self::SessionAnalyzed { version: version.parse().map_err(|_| InvalidEvent)? }
            }
            (Some("session.failed"), Some(code), None, None) => {
                Self::SessionFailed { code: code.to_owned(), time: FIRST_TIME }
            }
            (Some("session.failed"), Some(code), Some(time), None) => {
                Self::SessionFailed { code: code.to_owned(), time: time.parse().map_err(|_| InvalidEvent)? }
            }
            (Some("email.status"), Some(id), Some(status), None) => {
                Self::EmailStatus { email_id: id.parse().map_err(|_| InvalidEvent)?, status: status.to_owned() }
            }
            _ => return Err(InvalidEvent),
        };
        let is_label = |label: &str| {
            let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            !label.is_empty() && label.bytes().all(known)
        };
        match &event {
            Self::SessionAnalyzed { version } if *version < FIRST_VERSION => Err(InvalidEvent),
            Self::SessionFailed { time, .. } if *time < FIRST_TIME => Err(InvalidEvent),
            Self::SessionFailed { code: label, .. } | Self::EmailStatus { status: label, .. } if !is_label(label) => {
                Err(InvalidEvent)
            }
            event if event.to_string() != text => Err(InvalidEvent),
            _ => Ok(event),
        }
    }
}

impl Serialize for Event {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_round_trips_through_its_text() {
        let id = "0190163d-8694-739b-aea5-966c26f8ad91";
        for (event, text) in [
            (Event::SessionAnalyzed { version: 1 }, "session.analyzed".to_owned()),
            (Event::SessionAnalyzed { version: 2 }, "session.analyzed@2".to_owned()),
            (Event::SessionFailed { code: "model_refused".into(), time: 1 }, "session.failed@model_refused".to_owned()),
            (Event::SessionFailed { code: "lost".into(), time: 2 }, "session.failed@lost@2".to_owned()),
            (
                Event::EmailStatus { email_id: id.parse().unwrap(), status: "soft_bounced".into() },
                format!("email.status@{id}@soft_bounced"),
            ),
        ] {
            assert_eq!(event.to_string(), text);
            assert_eq!(text.parse(), Ok(event));
        }
    }

    #[test]
    fn text_that_no_event_is_written_as_is_refused() {
        for text in [
            "",
            "session",
            "session.analyzed@1",
            "session.analyzed@0",
            "session.analyzed@02",
            "session.failed",
            "session.failed@",
            "session.failed@Lost",
            "session.failed@lost@1",
            "session.failed@lost@0",
            "session.failed@lost@2@3",
            "email.status",
            "email.status@1@sent",
            "email.status@0190163d-8694-739b-aea5-966c26f8ad91@",
            "email.status@0190163D-8694-739B-AEA5-966C26F8AD91@sent",
            "email.status@0190163d-8694-739b-aea5-966c26f8ad91@a/b",
        ] {
            assert_eq!(text.parse::<Event>(), Err(InvalidEvent), "{text:?}");
        }
    }
}
