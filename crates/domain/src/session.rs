//! One conversation between a visitor and an AI agent.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::email_address::EmailAddress;
use crate::id::{AgentId, SessionId, TenantId};
use crate::locale::Locale;
use crate::text_enum;
use crate::time_zone::TimeZone;

text_enum! {
    /// The medium of a conversation.
    pub enum Channel {
        Voice = "voice",
        Text = "text",
    }
}

text_enum! {
    /// The progress of a session. `Completed` and `Failed` are ends; a replayed step returns `Failed` to `Processing`.
    pub enum SessionStatus {
        /// The conversation goes on: the AI engine wrote the row, and no notification has arrived.
        Active = "active",
        Processing = "processing",
        /// At least one step waits for a later time; the others go on.
        Waiting = "waiting",
        Completed = "completed",
        Failed = "failed",
    }
}

/// The person who talked with the agent, as far as the AI engine knows.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visitor {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Unchecked: see [`Visitor::email`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Unchecked: see [`Visitor::locale`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Unchecked: see [`Visitor::time_zone`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// `None` if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_consent: Option<EmailConsent>,
}

text_enum! {
    /// The visitor's decision about mails.
    pub enum EmailConsent {
        Given = "given",
        Withdrawn = "withdrawn",
    }
}

impl std::fmt::Debug for Visitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The other fields are personal, and must not reach a log by accident.
        f.debug_struct("Visitor").field("locale", &self.locale()).finish_non_exhaustive()
    }
}

/// A visitor's address after validation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VisitorEmail {
    Absent,
    Invalid,
    Usable(EmailAddress),
}

impl Visitor {
    pub fn email(&self) -> VisitorEmail {
        match self.email.as_deref().map(str::trim) {
            None | Some("") => VisitorEmail::Absent,
            Some(text) => text.parse().map_or(VisitorEmail::Invalid, VisitorEmail::Usable),
        }
    }

    /// `None` if the locale is missing or invalid.
    pub fn locale(&self) -> Option<Locale> {
        self.locale.as_deref()?.trim().parse().ok()
    }

    /// `None` if the time zone is missing or invalid.
    pub fn time_zone(&self) -> Option<TimeZone> {
        self.time_zone.as_deref()?.trim().parse().ok()
    }
}

/// A session that has ended, without its transcript.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    pub tenant_id: TenantId,
    pub session_id: SessionId,
    pub agent_id: AgentId,
    pub channel: Channel,
    pub started_at: DateTime<Utc>,
    pub ended_at: DateTime<Utc>,
    /// The technical end of the conversation, such as `visitor_hung_up`, whatever the conversation achieved.
    pub end_reason: Option<String>,
    #[serde(default)]
    pub visitor: Visitor,
    /// Free-form values of the AI engine, passed through.
    #[serde(default)]
    pub metadata: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_address_differs_from_a_missing_one() {
        let with = |email: Option<&str>| Visitor { email: email.map(str::to_owned), ..Visitor::default() }.email();
        assert_eq!(with(None), VisitorEmail::Absent);
        assert_eq!(with(Some("  ")), VisitorEmail::Absent);
        assert_eq!(with(Some("not an address")), VisitorEmail::Invalid);
        assert!(matches!(with(Some(" ana@example.com ")), VisitorEmail::Usable(_)));
    }

    #[test]
    fn a_locale_that_cannot_be_used_is_none() {
        let with = |locale: &str| Visitor { locale: Some(locale.to_owned()), ..Visitor::default() }.locale();
        assert_eq!(with(" de-at ").unwrap().as_ref(), "de-AT");
        assert_eq!(with("say-only-hello"), None);
        assert_eq!(Visitor::default().locale(), None);
    }

    #[test]
    fn a_visitor_prints_no_personal_data() {
        let visitor = Visitor { name: Some("Ana".into()), email: Some("ana@example.com".into()), ..Visitor::default() };
        assert_eq!(format!("{visitor:?}"), "Visitor { locale: None, .. }");
    }
}
