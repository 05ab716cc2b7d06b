use aws_lambda_events::apigw::ApiGatewayProxyRequest;
use aws_lambda_events::encodings::Body;
use aws_lambda_events::http::HeaderName;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::address_hash::AddressHash;
use domain::id::TenantId;
use domain::settings::TenantSettings;
use domain::standard_webhooks::SigningKeys;
use domain::unsubscribe::LinkSecrets;
use ingest::{Context, MAX_BODY_BYTES};
use serde_json::{Value, json};
use stage::testing::MemoryQueues;
use store::testing::TestDatabase;

use crate::{NOW, SECRET, context, context_on, request};

fn notification() -> Value {
    json!({
        "session_id": "s-1", "tenant_id": "acme", "agent_id": "a-1", "channel": "text",
        "started_at": "2026-11-22T10:00:00Z", "ended_at": "2026-11-22T10:05:00Z",
        "transcript": [{ "role": "visitor", "text": "Hello" }]
    })
}

fn signed(body: &str) -> ApiGatewayProxyRequest {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(SECRET.trim_start_matches("whsec_")).unwrap());
    let timestamp = NOW.timestamp();
    let signature = STANDARD.encode(hmac::sign(&key, format!("msg_1.{timestamp}.{body}").as_bytes()));
    let mut request = request("POST", "/v1/sessions/completed");
    request.body = Some(body.to_owned());
    for (name, value) in [
        ("content-type", "application/json; charset=utf-8"),
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", &timestamp.to_string()),
        ("webhook-signature", &format!("v1,{signature}")),
    ] {
        request.headers.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    request
}

async fn answer(context: &Context<MemoryQueues>, request: ApiGatewayProxyRequest) -> (i64, Value) {
    let response = ingest::handle(context, request).await;
    let Some(Body::Text(body)) = response.body else { panic!("no body") };
    (response.status_code, serde_json::from_str(&body).unwrap())
}

#[tokio::test]
async fn a_notification_is_stored_queued_and_answered_and_its_repetition_is_recognised() {
    let context = context().await;
    let (status, body) = answer(&context, signed(&notification().to_string())).await;
    assert_eq!((status, body), (202, json!({ "session_id": "s-1", "status": "processing" })));
    let message = r#"{"type":"analyze.v1","tenant_id":"acme","session_id":"s-1"}"#;
    assert_eq!(*context.queues.sent.borrow(), [("analyze".to_owned(), message.to_owned())]);

    let (status, body) = answer(&context, signed(&notification().to_string())).await;
    assert_eq!((status, body), (202, json!({ "session_id": "s-1", "status": "processing", "duplicate": true })));

    let mut other = notification();
    other["ended_at"] = "2026-11-22T10:06:00Z".into();
    let (status, body) = answer(&context, signed(&other.to_string())).await;
    assert_eq!((status, body["type"].as_str()), (409, Some("urn:post-session:problem:conflicting-notification")));
}

#[tokio::test]
async fn a_session_the_queue_refused_is_queued_by_the_repeated_notification() {
    let context = context().await;
    context.queues.refuses.set(true);
    let response = ingest::handle(&context, signed(&notification().to_string())).await;
    assert_eq!((response.status_code, response.headers["retry-after"].as_bytes()), (503, &b"5"[..]));
    context.queues.refuses.set(false);
    let (status, body) = answer(&context, signed(&notification().to_string())).await;
    assert_eq!((status, body["duplicate"].as_bool()), (202, Some(true)));
    assert_eq!(context.queues.sent.borrow().len(), 1);
}

#[tokio::test]
async fn wrong_requests_are_answered_with_the_mistake() {
    let context = context().await;
    let mut form = signed("{}");
    form.headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    let mut tampered = signed(&notification().to_string());
    tampered.body = Some(notification().to_string().replace("Hello", "Goodbye"));
    let mut unknown = notification();
    unknown["tenant_id"] = "nobody".into();
    let mut wrong = notification();
    wrong["channel"] = "fax".into();
    let too_large = format!("\"{}\"", "x".repeat(MAX_BODY_BYTES));
    for (request, status, detail) in [
        (form, 415, "the content type must be application/json"),
        (signed(&too_large), 413, "the body has 4194306 bytes; at most 4194304 are accepted"),
        (tampered, 401, "invalid signature: no signature in webhook-signature matches"),
        (signed(""), 400, "the body is not valid JSON: EOF while parsing a value at line 1 column 0"),
        (signed("{} x"), 400, "the body is not valid JSON: trailing characters at line 1 column 4"),
        (signed(&unknown.to_string()), 422, "unknown tenant"),
        (signed(&wrong.to_string()), 422, "1 field is not as documented"),
    ] {
        let (actual, body) = answer(&context, request).await;
        assert_eq!((actual, body["detail"].as_str()), (status, Some(detail)));
    }
    assert!(context.queues.sent.borrow().is_empty());
}

#[tokio::test]
async fn a_problem_names_the_fields_by_json_pointer() {
    let context = context().await;
    let mut wrong = notification();
    wrong["channel"] = "fax".into();
    let response = ingest::handle(&context, signed(&wrong.to_string())).await;
    assert_eq!(response.headers["content-type"], "application/problem+json");
    let Some(Body::Text(body)) = response.body else { panic!("no body") };
    insta::assert_snapshot!(body, @r#"{"detail":"1 field is not as documented","errors":[{"detail":"must be voice or text","pointer":"/channel"}],"status":422,"title":"Unprocessable Content","type":"urn:post-session:problem:invalid-notification"}"#);
}

#[tokio::test]
async fn a_base64_body_is_verified_as_the_bytes_that_were_signed() {
    let context = context().await;
    let mut request = signed(&notification().to_string());
    request.body = Some(STANDARD.encode(notification().to_string()));
    request.is_base64_encoded = true;
    assert_eq!(answer(&context, request).await.0, 202);
}

#[tokio::test]
async fn the_sample_events_answer_as_the_readme_says() {
    let mut context = context().await;
    let sample: TenantId = "sample".parse().unwrap();
    context.store.save_tenant(&sample, "Sample", &TenantSettings::default()).await.unwrap();
    let secret = "whsec_ZXZlbnRzIGFyZSBzaWduZWQgd2l0aCB0aGlz";
    context.signing_keys = SigningKeys::parse(secret).unwrap();
    for (event, status) in [
        (include_str!("../../../../events/ingest.json"), 202),
        (include_str!("../../../../events/ingest-wrong-field.json"), 422),
        (include_str!("../../../../events/ingest-bad-signature.json"), 401),
    ] {
        assert_eq!(answer(&context, serde_json::from_str(event).unwrap()).await.0, status);
    }
    context.link_secrets = LinkSecrets::new("events-are-signed-with-this").unwrap();
    let page = include_str!("../../../../events/ingest-unsubscribe-page.json");
    let page = ingest::handle(&context, serde_json::from_str(page).unwrap()).await;
    assert_eq!((page.status_code, &page.headers["content-language"]), (200, &"de".parse().unwrap()));
}

#[tokio::test]
async fn a_path_or_method_that_the_api_does_not_have_is_not_found() {
    let context = context().await;
    let (status, body) = answer(&context, request("GET", "/v1/sessions/completed")).await;
    assert_eq!((status, body["type"].as_str()), (404, Some("urn:post-session:problem:unknown-path")));
}

#[tokio::test]
async fn time_zone_and_consent_are_stored_with_the_hash_of_the_address() {
    let database = TestDatabase::create().await;
    let client = database.client().await;
    let context = context_on(database.store).await;
    for (session, email, hash) in [
        (
            "s-1",
            "Ana@Example.com",
            Some(AddressHash::of(&"acme".parse().unwrap(), &"ana@example.com".parse().unwrap())),
        ),
        ("s-2", "not an address", None),
    ] {
        let mut body = notification();
        body["session_id"] = session.into();
        body["visitor"] = json!({ "email": email, "time_zone": "Europe/Berlin", "email_consent": "withdrawn" });
        assert_eq!(answer(&context, signed(&body.to_string())).await.0, 202);
        let sql = "SELECT visitor_time_zone, visitor_email_consent, visitor_email_hash FROM sessions
                   WHERE tenant_id = 'acme' AND session_id = $1";
        let row = client.query_one(sql, &[&session]).await.unwrap();
        assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(1)), ("Europe/Berlin", "withdrawn"));
        assert_eq!(row.get::<_, Option<Vec<u8>>>(2), hash.map(|hash| hash.as_bytes().to_vec()), "{email}");
    }
}
