//! What SES publishes about a mail.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::id::TenantId;
use domain::ses_tag;
use serde::Deserialize;
use serde_json::{Map, Value};
use store::email_events::EmailEvent;
use uuid::Uuid;

use crate::reading::Reading;

/// An event as SES publishes it to SNS; delivered raw, so without SNS's envelope.
#[derive(Debug, Deserialize)]
pub(crate) struct SesEvent {
    #[serde(rename = "eventType")]
    pub(crate) kind: String,
    mail: Mail,
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
struct Mail {
    timestamp: DateTime<Utc>,
    #[serde(rename = "messageId")]
    message_id: String,
    #[serde(default)]
    destination: Vec<String>,
    #[serde(default)]
    tags: HashMap<String, Vec<String>>,
}

/// Which of our mails an event is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// To a visitor.
    Email { tenant_id: TenantId, email_id: Uuid },
    /// One that this service did not send.
    Foreign,
}

impl SesEvent {
    pub(crate) fn subject(&self) -> Subject {
        let tag = |name: &str| self.mail.tags.get(name)?.first();
        let tenant_id = tag(ses_tag::TENANT_ID).and_then(|tag| ses_tag::decode(tag).ok());
        let email_id = tag(ses_tag::EMAIL_ID).and_then(|tag| tag.parse().ok());
        match (tenant_id, email_id) {
            (Some(tenant_id), Some(email_id)) => Subject::Email { tenant_id, email_id },
            (_, None) | (None, Some(_)) => Subject::Foreign,
        }
    }

    /// The part that is particular to the type; empty where SES gives none.
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

    pub(crate) fn reading(&self, tenant: &TenantId, detail: &Value) -> Reading {
        Reading::of(&self.kind, detail, &self.mail.destination, tenant)
    }

    pub(crate) fn for_store<'a>(
        &'a self,
        tenant_id: &'a TenantId,
        email_id: Uuid,
        detail: &'a Value,
        reading: &'a Reading,
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
            status: reading.status,
            concerns: reading.concerns.as_deref(),
            suppress: reading.suppress,
        }
    }
}
