//! Requests to SES.

use std::time::Duration;

use domain::email_address::EmailAddress;
use domain::settings::EmailSettings;
use mail::{Attachment, Envelope, Rendered, Sender, headers, tags};
use serde_json::{Value, json};
use uuid::Uuid;

use mail::testing::FakeSes;

fn address(text: &str) -> EmailAddress {
    text.parse::<EmailAddress>().unwrap().to_ascii().unwrap()
}

fn rendered() -> Rendered {
    Rendered { subject: "s".into(), text: "t".into(), html: "h".into() }
}

/// Sends a mail and returns the request that SES received.
pub(crate) async fn request(envelope: &Envelope<'_>, mail: Rendered, attachments: Vec<Attachment>) -> Value {
    let ses = FakeSes::start([]).await;
    let sender = Sender::new(&ses.sdk_config(), Some("events".to_owned()));
    sender.send(envelope, mail, attachments, Duration::from_secs(10)).await.unwrap();
    ses.requests().remove(0)
}

#[tokio::test]
async fn the_request_names_everyone_and_everything_that_the_envelope_does() {
    let settings: EmailSettings = serde_json::from_value(json!({ "headers": { "X-Campaign": "summary" } })).unwrap();
    let envelope = Envelope {
        from_name: Some("Müller & Söhne"),
        from: &address("hallo@müller.example"),
        reply_to: Some(&address("help@example.com")),
        to: &address("ana@exämple.de"),
        cc: &[address("cc@例え.jp")],
        bcc: &[address("b1@example.com"), address("b2@example.com")],
        configuration_set: Some("acme"),
        headers: &headers(&settings, Some("https://post.example.org/v1/unsubscribe/AbC")),
        tags: &tags(Uuid::nil(), &"acme.eu".parse().unwrap(), &"s_1:a".parse().unwrap()),
    };
    let attachment =
        Attachment { name: "transcript.txt", content_type: "text/plain; charset=utf-8", content: "é".into() };
    let expected = json!({
        "FromEmailAddress": "=?UTF-8?B?TcO8bGxlciAmIFPDtmhuZQ==?= <hallo@xn--mller-kva.example>",
        "Destination": {
            "ToAddresses": ["ana@xn--exmple-cua.de"],
            "CcAddresses": ["cc@xn--r8jz45g.jp"],
            "BccAddresses": ["b1@example.com", "b2@example.com"],
        },
        "ReplyToAddresses": ["help@example.com"],
        "ConfigurationSetName": "acme",
        "EmailTags": [
            { "Name": "email_id", "Value": Uuid::nil().to_string() },
            { "Name": "tenant_id", "Value": "acme_deu" },
            { "Name": "session_id", "Value": "s__1_ca" },
        ],
        "Content": { "Simple": {
            "Subject": { "Data": "s", "Charset": "UTF-8" },
            "Body": { "Text": { "Data": "t", "Charset": "UTF-8" }, "Html": { "Data": "h", "Charset": "UTF-8" } },
            "Headers": [
                { "Name": "X-Campaign", "Value": "summary" },
                { "Name": "Auto-Submitted", "Value": "auto-generated" },
                { "Name": "List-Unsubscribe", "Value": "<https://post.example.org/v1/unsubscribe/AbC>" },
                { "Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click" },
            ],
            "Attachments": [{
                "FileName": "transcript.txt",
                "ContentType": "text/plain; charset=utf-8",
                "ContentDisposition": "ATTACHMENT",
                "ContentTransferEncoding": "BASE64",
                "RawContent": "w6k=",
            }],
        } },
    });
    assert_eq!(request(&envelope, rendered(), vec![attachment]).await, expected);
}

#[test]
fn a_tenants_own_auto_submitted_is_sent_instead_of_ours() {
    let settings: EmailSettings = serde_json::from_value(json!({ "headers": { "auto-submitted": "no" } })).unwrap();
    assert_eq!(headers(&settings, None), [("auto-submitted".to_owned(), "no".to_owned())]);
}

#[tokio::test]
async fn what_the_envelope_does_not_name_is_not_in_the_request() {
    let (from, to) = (address("post@example.org"), address("ana@example.com"));
    let nothing = Envelope {
        from_name: None,
        from: &from,
        reply_to: None,
        to: &to,
        cc: &[],
        bcc: &[],
        configuration_set: None,
        headers: &headers(&EmailSettings::default(), None),
        tags: &[],
    };
    let request = request(&nothing, rendered(), Vec::new()).await;
    assert_eq!(request["Destination"], json!({ "ToAddresses": ["ana@example.com"] }));
    assert_eq!(request["ConfigurationSetName"], "events", "the sender's own");
    assert_eq!(request["ReplyToAddresses"], Value::Null);
    let simple = request["Content"]["Simple"].as_object().unwrap();
    assert_eq!(simple["Headers"], json!([{ "Name": "Auto-Submitted", "Value": "auto-generated" }]));
    assert!(simple.get("Attachments").is_none_or(|list| list.as_array().is_some_and(Vec::is_empty)), "{simple:?}");
}

#[tokio::test]
async fn the_most_headers_that_settings_allow_are_fewer_than_ses_takes() {
    let own: serde_json::Map<_, _> = (0..10).map(|n| (format!("X-{n}"), json!("x"))).collect();
    let settings: EmailSettings = serde_json::from_value(json!({ "headers": own })).unwrap();
    let url = format!("https://{}/v1/unsubscribe/{}", "a".repeat(200), "b".repeat(250));
    let all = headers(&settings, Some(&url));
    assert!(all.len() <= 15 && all.iter().all(|(name, value)| name.len() <= 126 && value.len() <= 870), "{all:?}");
}
