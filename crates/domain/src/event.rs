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
        /// A session has ended, and a step of it has failed.
        SessionFailed = "session.failed",
        /// The mail to the visitor has a new status.
        EmailStatus = "email.status",
    }
}

/// One event of one session.
///
/// Shown as `session.analyzed`, of later versions `session.analyzed@2`; `session.failed@<code>`, from the second
/// occurrence on `session.failed@<code>@2`; `email.status@<id>@<status>`. The id of a webhook's message is made from
/// the parts of this text, so they never change.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    SessionAnalyzed {
        version: i32,
    },
    SessionFailed {
        /// Code of the step that failed first. The session itself loses the code when a replay fixes it.
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

    /// Lists what distinguishes the event from others of its type and session. The first version and the first
    /// occurrence have no number: the ids of their messages were given before there were others.
    pub fn distinction(&self) -> Vec<String> {
        match self {
            Self::SessionAnalyzed { version: FIRST_VERSION } => vec![],
            Self::SessionAnalyzed { version } => vec![version.to_string()],
            Self::SessionFailed { code, occurrence: FIRST_OCCURRENCE } => vec![code.clone()],
            Self::SessionFailed { code, occurrence } => vec![code.clone(), occurrence.to_string()],
            Self::EmailStatus { email_id, status } => vec![email_id.to_string(), status.clone()],
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.event_type().as_str())?;
        self.distinction().iter().try_for_each(|part| write!(f, "@{part}"))
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
