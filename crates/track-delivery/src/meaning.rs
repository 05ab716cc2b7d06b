//! The meaning of an event for the mail and its recipients.

use domain::address_hash::AddressHash;
use domain::email_address::EmailAddress;
use domain::id::TenantId;
use serde_json::Value;
use store::email_log::EmailStatus;
use store::suppressions::SuppressionReason;

/// The meaning of an event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EventMeaning {
    pub(crate) status: EmailStatus,
    /// The recipients that the event names; `None` if it concerns the whole mail.
    pub(crate) concerns: Option<Vec<AddressHash>>,
    pub(crate) suppress: Option<SuppressionReason>,
}

impl EventMeaning {
    /// Reads an event; `detail` is the part that is specific to its type.
    pub(crate) fn of(kind: &str, detail: &Value, destination: &[String], tenant: &TenantId) -> Self {
        let text = |field: &str| detail.get(field).and_then(Value::as_str);
        let (status, suppress) = match kind {
            "DeliveryDelay" => (EmailStatus::Delayed, None),
            "Delivery" => (EmailStatus::Delivered, None),
            "Reject" | "Rendering Failure" => (EmailStatus::Rejected, None),
            // Transient and Undetermined bounces: SES says that they may pass.
            "Bounce" if text("bounceType") != Some("Permanent") => (EmailStatus::SoftBounced, None),
            "Bounce" => (EmailStatus::Bounced, Some(SuppressionReason::HardBounce)),
            // A recipient moved the mail out of the junk folder.
            "Complaint" if text("complaintFeedbackType") == Some("not-spam") => (EmailStatus::Sent, None),
            "Complaint" => (EmailStatus::Complained, Some(SuppressionReason::Complaint)),
            "Subscription" if unsubscribes_from_all(detail) => {
                (EmailStatus::Sent, Some(SuppressionReason::Unsubscribed))
            }
            // Send, Open, Click and types that SES may add: each of them proves that SES has the mail.
            _ => (EmailStatus::Sent, None),
        };
        Self { status, concerns: concerns(kind, detail, destination, tenant), suppress }
    }
}

fn unsubscribes_from_all(detail: &Value) -> bool {
    detail.pointer("/newTopicPreferences/unsubscribeAll") == Some(&Value::Bool(true))
}

/// Returns the recipients that an event names, or `None` if no name is a valid address.
fn concerns(kind: &str, detail: &Value, destination: &[String], tenant: &TenantId) -> Option<Vec<AddressHash>> {
    let named = |list: &str| detail.get(list).and_then(Value::as_array).into_iter().flatten();
    let within = |list| named(list).filter_map(|recipient| recipient.get("emailAddress")?.as_str()).collect();
    let addresses: Vec<&str> = match kind {
        "Bounce" => within("bouncedRecipients"),
        "Complaint" => within("complainedRecipients"),
        "DeliveryDelay" => within("delayedRecipients"),
        "Delivery" => named("recipients").filter_map(Value::as_str).collect(),
        "Subscription" => destination.iter().map(String::as_str).collect(),
        _ => return None,
    };
    let hashes: Vec<_> = addresses.iter().filter_map(|text| Some(AddressHash::of(tenant, &address(text)?))).collect();
    (!hashes.is_empty()).then_some(hashes)
}

/// Reads an address; SES repeats `Name <address>` if the mail had this form.
fn address(text: &str) -> Option<EmailAddress> {
    let plain = text.rsplit_once('<').map_or(text, |(_, rest)| rest.trim_end().trim_end_matches('>'));
    plain.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hash(address: &str) -> AddressHash {
        AddressHash::of(&"acme".parse().unwrap(), &address.parse().unwrap())
    }

    fn concerned(recipients: Value) -> Option<Vec<AddressHash>> {
        concerns("Delivery", &json!({ "recipients": recipients }), &[], &"acme".parse().unwrap())
    }

    #[test]
    fn recipients_match_the_addresses_of_visitors() {
        for named in ["ana@example.com", " Ana@EXAMPLE.com ", "Ana L. <ana@example.com>", "\"<x>\" <ana@example.com>"] {
            assert_eq!(concerned(json!([named])), Some(vec![hash("ana@example.com")]), "{named}");
        }
        assert_eq!(concerned(json!(["ana@XN--exmple-cua.de"])), Some(vec![hash("ana@exämple.de")]));
    }

    #[test]
    fn an_event_without_valid_recipients_concerns_the_whole_mail() {
        for unreadable in
            [json!([]), json!(["undisclosed"]), json!([1, { "emailAddress": "ana@example.com" }]), json!("x")]
        {
            assert_eq!(concerned(unreadable.clone()), None, "{unreadable}");
        }
        assert_eq!(concerned(json!(["undisclosed", "ana@example.com"])), Some(vec![hash("ana@example.com")]));
    }
}
