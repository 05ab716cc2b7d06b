//! One conversation between a visitor and an AI agent.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::email_address::EmailAddress;
use crate::id::{AgentId, SessionId, TenantId};
use crate::locale::Locale;
use crate::time_zone::TimeZone;

/// How the conversation was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Voice,
    Text,
}

impl Channel {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Text => "text",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Voice, Self::Text].into_iter().find(|channel| channel.as_str() == text)
    }
}

/// Where a session stands. `Completed` and `Failed` are ends; a replayed step takes `Failed` back to `Processing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// The conversation is going on: the AI engine wrote the row, nobody has notified us yet.
    Active,
    Processing,
    /// One of its steps waits for a time to come; the others go on.
    Waiting,
    Completed,
    Failed,
}

impl SessionStatus {
    pub const ALL: [Self; 5] = [Self::Active, Self::Processing, Self::Waiting, Self::Completed, Self::Failed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Processing => "processing",
            Self::Waiting => "waiting",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// The person who talked with the agent, as far as the AI engine knows.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visitor {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// As it came: see [`Visitor::email`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// As it came: see [`Visitor::locale`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// As it came: see [`Visitor::time_zone`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// `None`: nothing is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_consent: Option<EmailConsent>,
}

/// What a visitor has said about being mailed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailConsent {
    Given,
    Withdrawn,
}

impl EmailConsent {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Withdrawn => "withdrawn",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Given, Self::Withdrawn].into_iter().find(|consent| consent.as_str() == text)
    }
}

impl std::fmt::Debug for Visitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Visitor").field("locale", &self.locale()).finish_non_exhaustive()
    }
}

/// What is known of a visitor's address.
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

    /// `None` if there is none, or text that is not one.
    pub fn locale(&self) -> Option<Locale> {
        self.locale.as_deref()?.trim().parse().ok()
    }

    /// `None` if there is none, or text that is not the name of one.
    pub fn time_zone(&self) -> Option<TimeZone> {
        self.time_zone.as_deref()?.trim().parse().ok()
    }
}

/// A session that has ended, without its transcript.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    pub tenant_id: TenantId,
    pub session_id: SessionId,
    pub agent_id: AgentId,
    pub channel: Channel,
    pub started_at: DateTime<Utc>,
    pub ended_at: DateTime<Utc>,
    /// How the conversation ended technically, such as `visitor_hung_up`; says nothing of what it achieved.
    pub end_reason: Option<String>,
    pub visitor: Visitor,
    /// Free-form values of the AI engine, passed through.
    pub metadata: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unusable_address_is_told_from_a_missing_one() {
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
