//! Sender, recipients and headers of a mail.

use std::collections::BTreeMap;

use domain::email_address::EmailAddress;
use domain::settings::EmailSettings;
use mail::Sender;
use serde_json::{Value, json};
use stage::{Failure, Outcome};
use store::email_log::EmailStatus;
use store::suppressions::SuppressionReason;

use crate::world::{World, secrets};

fn addresses<const N: usize>(texts: [&str; N]) -> Vec<EmailAddress> {
    texts.map(|text| text.parse().unwrap()).into()
}

/// Returns the headers of the only request.
fn headers(world: &World) -> BTreeMap<String, String> {
    let headers = world.sent().remove(0)["Content"]["Simple"]["Headers"].take();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let pairs = headers.as_array().into_iter().flatten().map(|header| (text(&header["Name"]), text(&header["Value"])));
    pairs.collect()
}

#[tokio::test]
async fn a_tenant_without_a_sender_name_mails_under_its_own() {
    let world = World::new([]).await;
    world.save_settings(EmailSettings { from_name: None, ..EmailSettings::default() }).await;
    world.deliver().await.unwrap();
    let request = world.ses.requests().remove(0);
    assert_eq!(request["FromEmailAddress"], "\"Acme\" <post@example.org>");
    let text = request["Content"]["Simple"]["Body"]["Text"]["Data"].as_str().unwrap();
    assert!(text.contains("Acme"), "{text}");
}

#[tokio::test]
async fn the_request_names_sender_recipient_and_tags() {
    let world = World::new([]).await;
    world.deliver().await.unwrap();
    let mut request = world.ses.requests().remove(0);
    let content = request.as_object_mut().unwrap().remove("Content").unwrap();
    let expected = json!({
        "FromEmailAddress": "=?UTF-8?B?TcO8bGxlciAmIENv?= <post@example.org>",
        "Destination": { "ToAddresses": ["ana@example.com"] },
        "ReplyToAddresses": ["help@example.com"],
        "ConfigurationSetName": "events",
        "EmailTags": [
            { "Name": "email_id", "Value": world.email().await.email_id.to_string() },
            { "Name": "tenant_id", "Value": "acme_deu" },
            { "Name": "session_id", "Value": "s__1_ca" },
        ],
    });
    assert_eq!(request, expected);
    let simple = &content["Simple"];
    assert_eq!(simple["Subject"]["Data"], "Your conversation with Müller & Co on 22 November 2026");
    for part in [&simple["Subject"], &simple["Body"]["Text"], &simple["Body"]["Html"]] {
        assert_eq!(part["Charset"], "UTF-8");
        assert!(part["Data"].as_str().is_some_and(|text| !text.is_empty()));
    }
}

#[tokio::test]
async fn a_tenants_own_sender_and_foreign_domains_are_used_in_ascii() {
    let mut world = World::new([]).await;
    world
        .save_settings(EmailSettings {
            from_address: Some("hallo@müller.example".parse().unwrap()),
            ..EmailSettings::default()
        })
        .await;
    world.context.sender = Sender::new(&world.ses.sdk_config(), None);
    world.deliver().await.unwrap();
    let request = world.ses.requests().remove(0);
    assert_eq!(request["FromEmailAddress"], "\"Acme\" <hallo@xn--mller-kva.example>");
    assert_eq!(request["ReplyToAddresses"], Value::Null);
    assert_eq!(request["ConfigurationSetName"], Value::Null);
}

#[tokio::test]
async fn a_sender_that_ses_does_not_support_is_final() {
    let world = World::new([]).await;
    let reply_to = Some("grüße@example.com".parse().unwrap());
    world.save_settings(EmailSettings { reply_to, ..EmailSettings::default() }).await;
    let error = world.deliver().await.unwrap_err();
    assert_eq!((error.code().as_str(), error.is_retryable()), ("invalid_sender", false));
    assert_eq!(world.ses.requests(), Vec::<Value>::new());
    assert_eq!(world.status().await, (EmailStatus::Failed, Some("invalid_sender".to_owned())));
}

#[tokio::test]
async fn staff_get_copies_where_ses_can_send_them_and_each_address_once() {
    let world = World::new([]).await;
    world
        .save(|settings| {
            settings.email.cc =
                addresses(["team@example.org", "büro@example.org", "ana@example.com"]).try_into().unwrap();
            let bcc = addresses(["audit@müller.example", "team@example.org", "gone@example.org", "rude@example.org"]);
            settings.email.bcc = bcc.try_into().unwrap();
        })
        .await;
    world.suppress("gone@example.org", SuppressionReason::HardBounce).await;
    world.suppress("rude@example.org", SuppressionReason::Complaint).await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
    let expected = json!({
        "ToAddresses": ["ana@example.com"],
        "CcAddresses": ["team@example.org"],
        "BccAddresses": ["audit@xn--mller-kva.example"],
    });
    assert_eq!(world.sent().remove(0)["Destination"], expected);
}

#[tokio::test]
async fn a_tenants_configuration_set_and_headers_are_sent() {
    let world = World::new([]).await;
    world
        .save(|settings| {
            settings.email.configuration_set = Some("acme-events".to_owned().try_into().unwrap());
            settings.email.headers = serde_json::from_value(json!({ "X-Campaign": "summary; v=2" })).unwrap();
            settings.email.unsubscribe_link = false;
        })
        .await;
    world.deliver().await.unwrap();
    assert_eq!(world.sent().remove(0)["ConfigurationSetName"], "acme-events");
    let expected = [("Auto-Submitted", "auto-generated"), ("X-Campaign", "summary; v=2")];
    assert_eq!(headers(&world), expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[tokio::test]
async fn a_mail_can_be_ended_with_one_click_and_its_link_is_the_visitors() {
    let world = World::with([], |session| session.visitor.email = Some("Ana@exämple.de".to_owned())).await;
    world.deliver().await.unwrap();
    let headers = headers(&world);
    assert_eq!(headers["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click");
    let link = headers["List-Unsubscribe"].strip_prefix('<').unwrap().strip_suffix('>').unwrap().to_owned();
    let token = link.strip_prefix("https://post.example.org/v1/unsubscribe/").unwrap();
    let opened = secrets().open(token).unwrap();
    assert_eq!(
        (opened.tenant_id, opened.address),
        (world.session.tenant_id.clone(), world.hash("ana@xn--exmple-cua.de"))
    );

    let store = &world.database.store;
    store.suppress(&world.session.tenant_id, &opened.address, SuppressionReason::Unsubscribed, None).await.unwrap();
    let next = world.another("s-2").await;
    let outcome = world.deliver_within(next, std::time::Duration::from_secs(60)).await.unwrap();
    assert!(matches!(outcome, Outcome::Skipped(code) if code.as_str() == "unsubscribed"), "{outcome:?}");
}
