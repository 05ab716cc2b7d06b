//! Events of a session that webhooks can ask for.

use std::fmt;

use uuid::Uuid;

use crate::step::FIRST_VERSION;
use crate::text_enum;

const FIRST_OCCURRENCE: i32 = 1;

text_enum! {
    /// A type of event that a webhook can ask for; its text is the `type` of the payload.
    pub enum EventType {
        /// A session has been analysed, or analysed again.
        SessionAnalyzed = "session.analyzed",
        /// A step of a session has failed for good.
        SessionFailed = "session.failed",
        /// The mail to the visitor has a new status.
        EmailStatus = "email.status",
    }
}

/// One event of one session.
///
/// Shown as `session.analyzed`, of later versions `session.analyzed@2`; `session.failed@<code>`, from the second
/// occurrence on `session.failed@<code>@2`; `email.status@<id>@<status>`. The id of a webhook's message is made from
/// this text, so the text of an event never changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    SessionAnalyzed {
        version: i32,
    },
    SessionFailed {
        /// Code of the step that failed first. The session itself loses the code when a replay repairs it.
        code: String,
        /// Counts from 1: a session that is replayed can fail again.
        occurrence: i32,
    },
    /// `status` as in `email_log`.
    EmailStatus {
        email_id: Uuid,
        status: String,
    },
}

impl Event {
    pub fn event_type(&self) -> EventType {
        match self {
            Self::SessionAnalyzed { .. } => EventType::SessionAnalyzed,
            Self::SessionFailed { .. } => EventType::SessionFailed,
            Self::EmailStatus { .. } => EventType::EmailStatus,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.event_type().as_str())?;
        match self {
            Self::SessionAnalyzed { version: FIRST_VERSION } => Ok(()),
            Self::SessionAnalyzed { version } => write!(f, "@{version}"),
            Self::SessionFailed { code, occurrence: FIRST_OCCURRENCE } => write!(f, "@{code}"),
            Self::SessionFailed { code, occurrence } => write!(f, "@{code}@{occurrence}"),
            Self::EmailStatus { email_id, status } => write!(f, "@{email_id}@{status}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_shown_with_what_distinguishes_it_from_others_of_its_session() {
        let email_id = "0190163d-8694-739b-aea5-966c26f8ad91";
        for (event, text) in [
            (Event::SessionAnalyzed { version: 1 }, "session.analyzed".to_owned()),
            (Event::SessionAnalyzed { version: 2 }, "session.analyzed@2".to_owned()),
            (Event::SessionFailed { code: "lost".into(), occurrence: 1 }, "session.failed@lost".to_owned()),
            (Event::SessionFailed { code: "lost".into(), occurrence: 2 }, "session.failed@lost@2".to_owned()),
            (
                Event::EmailStatus { email_id: email_id.parse().unwrap(), status: "soft_bounced".into() },
                format!("email.status@{email_id}@soft_bounced"),
            ),
        ] {
            assert_eq!(event.to_string(), text);
        }
    }
}
