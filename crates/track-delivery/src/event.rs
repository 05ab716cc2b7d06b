//! What SES publishes about a mail.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::id::TenantId;
use domain::ses_tag;
use serde::Deserialize;
use serde_json::{Map, Value};
use store::email_log::{EmailEvent, EmailStatus};
use uuid::Uuid;

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
    tags: HashMap<String, Vec<String>>,
}

/// Which of our mails an event is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tags {
    pub(crate) tenant_id: TenantId,
    pub(crate) email_id: Uuid,
}

impl SesEvent {
    /// `None` if `notify` did not send the mail.
    pub(crate) fn tags(&self) -> Option<Tags> {
        let tag = |name: &str| self.mail.tags.get(name)?.first();
        let tenant_id = ses_tag::decode(tag(ses_tag::TENANT_ID)?).ok()?;
        let email_id = tag(ses_tag::EMAIL_ID)?.parse().ok()?;
        Some(Tags { tenant_id, email_id })
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

    pub(crate) fn for_store<'a>(&'a self, tags: &'a Tags, detail: &'a Value) -> EmailEvent<'a> {
        let own_time = detail.get("timestamp").and_then(Value::as_str).and_then(|time| time.parse().ok());
        EmailEvent {
            tenant_id: &tags.tenant_id,
            email_id: tags.email_id,
            kind: &self.kind,
            occurred_at: own_time.unwrap_or(self.mail.timestamp),
            detail,
            provider_id: &self.mail.message_id,
            sent_at: self.mail.timestamp,
            status: status(&self.kind),
        }
    }
}

/// `None` for events that say nothing about delivery, and for types that SES may add.
fn status(kind: &str) -> Option<EmailStatus> {
    match kind {
        "Send" => Some(EmailStatus::Sent),
        "DeliveryDelay" => Some(EmailStatus::Delayed),
        "Delivery" => Some(EmailStatus::Delivered),
        "Reject" | "Rendering Failure" => Some(EmailStatus::Rejected),
        "Bounce" => Some(EmailStatus::Bounced),
        "Complaint" => Some(EmailStatus::Complained),
        _ => None,
    }
}
