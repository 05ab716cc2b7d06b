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

/// An event of SES; SNS delivers it raw, without its own envelope.
#[derive(Debug, Deserialize)]
pub(crate) struct SesEvent {
    #[serde(rename = "eventType")]
    pub(crate) kind: String,
    mail: EventMail,
    bounce: Option<Value>,
    complaint: Option<Value>,
    delivery: Option<Value>,
    send: Option<Value>,
    reject: Option<Value>,
    open: Option<Value>,
    click: Option<Value>,
    failure: Option<Value>,
    #[serde(rename = "deliveryDelay")]
    delivery_delay: Option<Value>,
    subscription: Option<Value>,
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

/// The mail of an event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum EventOrigin {
    /// A mail to a visitor.
    Email { tenant_id: TenantId, email_id: Uuid },
    /// A mail that this service did not send.
    Foreign,
}

impl SesEvent {
    pub(crate) fn origin(&self) -> EventOrigin {
        let tag = |name: &str| self.mail.tags.get(name)?.first();
        let tenant_id = tag(ses_tag::TENANT_ID).and_then(|tag| ses_tag::decode(tag).ok());
        let email_id = tag(ses_tag::EMAIL_ID).and_then(|tag| tag.parse().ok());
        match (tenant_id, email_id) {
            (Some(tenant_id), Some(email_id)) => EventOrigin::Email { tenant_id, email_id },
            (_, None) | (None, Some(_)) => EventOrigin::Foreign,
        }
    }

    /// Returns the part that is specific to the type of the event, or an empty object.
    pub(crate) fn detail(&self) -> Value {
        let parts = [
            &self.bounce,
            &self.complaint,
            &self.delivery,
            &self.send,
            &self.reject,
            &self.open,
            &self.click,
            &self.failure,
            &self.delivery_delay,
            &self.subscription,
        ];
        parts.into_iter().flatten().next().cloned().unwrap_or_else(|| Map::new().into())
    }

    pub(crate) fn meaning(&self, tenant: &TenantId, detail: &Value) -> EventMeaning {
        EventMeaning::of(&self.kind, detail, &self.mail.destination, tenant)
    }

    pub(crate) fn for_store<'a>(
        &'a self,
        tenant_id: &'a TenantId,
        email_id: Uuid,
        detail: &'a Value,
        meaning: &'a EventMeaning,
    ) -> EmailEvent<'a> {
        let own_time = detail.get("timestamp").and_then(Value::as_str).and_then(|time| time.parse().ok());
        EmailEvent {
            tenant_id,
            email_id,
            kind: &self.kind,
            occurred_at: own_time.unwrap_or(self.mail.timestamp),
            detail,
            provider_id: &self.mail.message_id,
            sent_at: self.mail.timestamp,
            status: meaning.status,
            concerns: meaning.concerns.as_deref(),
            suppress: meaning.suppress,
        }
    }
}
