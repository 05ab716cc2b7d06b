//! Events that SES publishes about a mail.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::id::TenantId;
use domain::ses_tag;
use serde::Deserialize;
use serde_json::{Map, Value};
use store::email_events::EmailEvent;
use uuid::Uuid;

use crate::meaning::EventMeaning;

/// Fields with the details of an event; each type of event has its own.
const DETAILS: [&str; 10] =
    ["bounce", "complaint", "delivery", "send", "reject", "open", "click", "failure", "deliveryDelay", "subscription"];

/// An event of SES; SNS delivers it raw, without its own envelope.
#[derive(Debug, Deserialize)]
pub(crate) struct SesEvent {
    #[serde(rename = "eventType")]
    pub(crate) kind: String,
    mail: EventMail,
    /// The part that is specific to the type of the event, or an empty object.
    #[serde(skip)]
    detail: Value,
}

#[derive(Debug, Deserialize)]
struct EventMail {
    timestamp: DateTime<Utc>,
    #[serde(rename = "messageId")]
    message_id: String,
    #[serde(default)]
    destination: Vec<String>,
    #[serde(default)]
    tags: HashMap<String, Vec<String>>,
}

impl SesEvent {
    pub(crate) fn parse(body: &str) -> Result<Self, serde_json::Error> {
        let document: Value = serde_json::from_str(body)?;
        let detail = DETAILS.iter().filter_map(|name| document.get(name)).find(|detail| !detail.is_null());
        let detail = detail.cloned().unwrap_or_else(|| Map::new().into());
        Ok(Self { detail, ..serde_json::from_value(document)? })
    }

    /// Returns the tenant and the id of a mail to a visitor; `None` for any other mail.
    pub(crate) fn origin(&self) -> Option<(TenantId, Uuid)> {
        let tag = |name: &str| self.mail.tags.get(name)?.first();
        Some((ses_tag::decode(tag(ses_tag::TENANT_ID)?).ok()?, tag(ses_tag::EMAIL_ID)?.parse().ok()?))
    }

    pub(crate) fn meaning(&self, tenant: &TenantId) -> EventMeaning {
        EventMeaning::of(&self.kind, &self.detail, &self.mail.destination, tenant)
    }

    pub(crate) fn for_store<'a>(
        &'a self,
        tenant_id: &'a TenantId,
        email_id: Uuid,
        meaning: &'a EventMeaning,
    ) -> EmailEvent<'a> {
        // Some types, such as Send and Reject, have no time of their own.
        let own_time = self.detail.get("timestamp").and_then(Value::as_str).and_then(|time| time.parse().ok());
        EmailEvent {
            tenant_id,
            email_id,
            kind: &self.kind,
            occurred_at: own_time.unwrap_or(self.mail.timestamp),
            detail: &self.detail,
            provider_id: &self.mail.message_id,
            sent_at: self.mail.timestamp,
            status: meaning.status,
            concerns: meaning.concerns.as_deref(),
            suppress: meaning.suppress,
        }
    }
}
