//! Bodies of events keep to the published schemas.

use std::collections::BTreeSet;

use domain::analysis::{Analysis, CategoryLabel, Feeling, IntentOutcome};
use domain::event::EventType;
use domain::number::Score;
use domain::session::{EmailConsent, Visitor};
use domain::step::Code;
use jsonschema::Validator;
use serde_json::{Value, json};
use store::email_log::EmailStatus;

use super::MAIL;
use crate::world::{World, ana, analysis};

/// Objects whose members have names of a tenant's own.
const FREE: [&str; 3] = ["/metadata", "/custom_metrics", "/redactions"];

fn schema(event: EventType) -> Value {
    let path = format!("{}/../connectors/schemas/{}.json", env!("CARGO_MANIFEST_DIR"), event.as_str());
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn validator(event: EventType) -> Validator {
    jsonschema::draft202012::options().should_validate_formats(true).build(&schema(event)).unwrap()
}

/// With a value in every member.
fn full() -> Analysis {
    let mut full = serde_json::to_value(analysis()).unwrap();
    full["code"] = json!("part_failed");
    full["intent"]["outcome"] = json!("partly");
    full["redactions"] = json!({ "email": 2 });
    full["usage"]["cost_usd"] = json!(0.0123);
    for (member, value) in [
        ("longest_monologue", json!({ "role": "agent", "turn": 1, "words": 40 })),
        ("visitor_waiting", json!({ "times": 2, "mean_ms": 900, "longest_ms": 1500 })),
        ("interruptions", json!({ "by_visitor": 1, "by_agent": 0 })),
        ("end_reason", json!("visitor_hung_up")),
    ] {
        full["conversation"][member] = value;
    }
    serde_json::from_value(full).unwrap()
}

fn shortened() -> Analysis {
    let mut analysis = full();
    let feeling = Feeling { turn: 1, score: Score::NEUTRAL, emotion: "calm".into() };
    analysis.sentiment.as_mut().unwrap().timeline = vec![feeling; 1000];
    analysis.summary.as_mut().unwrap().key_points = vec!["🙂".repeat(500); 20];
    analysis
}

fn everything_known() -> Visitor {
    Visitor {
        id: Some("v-1".into()),
        locale: Some("es".into()),
        time_zone: Some("Europe/Madrid".into()),
        email_consent: Some(EmailConsent::Given),
        ..ana()
    }
}

/// Real requests' bodies: of each event, and of analyses with everything, with nothing, and with parts left out.
async fn payloads() -> Vec<(EventType, Value)> {
    let world = World::new().await;
    world.hook(json!({ "events": EventType::ALL })).await;
    world.session_with("full", everything_known(), &full()).await;
    world.session_with("empty", Visitor::default(), &store::testing::analysis()).await;
    world.session_with("short", ana(), &shortened()).await;
    for session in ["full", "empty", "short"] {
        assert_eq!(world.sync_analysis(session).await, "done");
    }
    world.failed("failed", Code::new("model_refused")).await;
    assert_eq!(world.send_event("failed", "session.failed@model_refused").await, "done");
    world.mail("full", store::email_log::EmailStatus::Delivered).await;
    assert_eq!(world.send_event("full", &format!("email.status@{MAIL}@delivered")).await, "done");
    let kinds = [EventType::SessionAnalyzed; 3].into_iter().chain([EventType::SessionFailed, EventType::EmailStatus]);
    kinds.zip(world.deliveries().await).map(|(kind, delivery)| (kind, delivery["body"].clone())).collect()
}

/// The payload with each of its objects given one more member, and with each value replaced by one of another type.
fn changed(payload: &Value) -> Vec<(String, Value)> {
    let mut changed = Vec::new();
    let mut left = vec![String::new()];
    while let Some(pointer) = left.pop() {
        let with = |at: &str, value: Value| {
            let mut copy = payload.clone();
            *copy.pointer_mut(at).unwrap() = value;
            (at.to_owned(), copy)
        };
        let value = payload.pointer(&pointer).unwrap();
        changed.push(with(&pointer, if value.is_array() { json!({}) } else { json!([]) }));
        match value {
            Value::Object(members) => {
                if FREE.iter().all(|free| !pointer.ends_with(free)) {
                    let mut more = members.clone();
                    more.insert("unheard_of".to_owned(), json!(1));
                    changed.push(with(&pointer, more.into()));
                }
                let below = members.keys().map(|name| format!("{pointer}/{name}"));
                left.extend(below.filter(|below| !below.contains("/metadata/")));
            }
            Value::Array(items) => left.extend((0..items.len().min(2)).map(|index| format!("{pointer}/{index}"))),
            _ => {}
        }
    }
    changed
}

#[tokio::test]
async fn real_payloads_are_as_their_schemas_say_and_changed_ones_are_not() {
    for (kind, payload) in payloads().await {
        let validator = validator(kind);
        let errors: Vec<_> = validator.iter_errors(&payload).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{payload:#}");
        let changed = changed(&payload);
        assert!(changed.len() > 20, "{}", changed.len());
        for (at, payload) in changed {
            assert!(!validator.is_valid(&payload), "{} takes another value at {at:?}", kind.as_str());
        }
        for other in EventType::ALL {
            assert_eq!(self::validator(other).is_valid(&payload), other == kind, "{} as another", kind.as_str());
        }
    }
}

#[tokio::test]
async fn a_member_is_missing_only_where_it_may_be_left_out() {
    for (kind, payload) in payloads().await {
        let validator = validator(kind);
        let required: Vec<_> = changed(&payload).into_iter().map(|(at, _)| at).collect();
        for at in required.iter().filter(|at| !at.contains("/visitor/") && !at.contains("/custom_metrics/")) {
            let Some((parent, name)) = at.rsplit_once('/') else { continue };
            let mut copy = payload.clone();
            let Some(members) = copy.pointer_mut(parent).unwrap().as_object_mut() else { continue };
            members.remove(name);
            let may_be = expendable().contains(at.trim_start_matches("/data")) || at.ends_with("/redactions/email");
            assert_eq!(validator.is_valid(&copy), may_be, "{} without {at}", kind.as_str());
        }
    }
}

/// Optional parts by the schema, as pointers into `data`.
fn expendable() -> BTreeSet<String> {
    let omitted = schema(EventType::SessionAnalyzed).pointer("/properties/data/properties/omitted/items/enum").cloned();
    serde_json::from_value(omitted.unwrap()).unwrap()
}

#[test]
fn the_schemas_know_every_value_and_agree_on_what_they_share() {
    let analyzed = schema(EventType::SessionAnalyzed);
    let listed = |schema: &Value, at: &str| -> Vec<Value> { schema.pointer(at).unwrap().as_array().unwrap().clone() };
    let label = listed(&analyzed, "/$defs/category/properties/label/enum");
    assert_eq!(label, CategoryLabel::ALL.map(|label| json!(label.as_str())));
    let mut outcome = IntentOutcome::ALL.map(|outcome| json!(outcome.as_str())).to_vec();
    outcome.push(Value::Null);
    assert_eq!(listed(&analyzed, "/$defs/intent/properties/outcome/enum"), outcome);
    let mailed = schema(EventType::EmailStatus);
    let status = listed(&mailed, "/properties/data/properties/email/properties/status/enum");
    let status: BTreeSet<_> = status.iter().filter_map(Value::as_str).collect();
    let reported = |status: &EmailStatus| !matches!(status, EmailStatus::Queued | EmailStatus::Sending);
    assert_eq!(
        status,
        EmailStatus::ALL.iter().filter(|status| reported(status)).map(|status| status.as_str()).collect()
    );
    for event in EventType::ALL {
        let schema = schema(event);
        assert_eq!(schema["title"], event.as_str());
        for shared in ["session", "visitor"] {
            assert_eq!(schema["$defs"][shared], analyzed["$defs"][shared], "{shared} of {}", event.as_str());
        }
    }
}
