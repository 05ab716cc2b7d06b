//! A conversation, good answers about it, and a comparison of schemas with types, for the tests of several modules.

use std::collections::BTreeSet;

use domain::session::{Channel, Session, Visitor};
use domain::transcript::{Role, Transcript, Turn};
use serde::Serialize;
use serde_json::{Value, json};

use crate::answer::{AnalysisAnswer, MergedAnswer};

pub(crate) fn session() -> Session {
    Session {
        tenant_id: "acme".parse().unwrap(),
        session_id: "s-1".parse().unwrap(),
        agent_id: "agent".parse().unwrap(),
        channel: Channel::Voice,
        started_at: "2026-11-22T10:00:00Z".parse().unwrap(),
        ended_at: "2026-11-22T10:05:00Z".parse().unwrap(),
        end_reason: None,
        visitor: Visitor { locale: Some("en".into()), ..Visitor::default() },
        metadata: serde_json::Map::new(),
    }
}

pub(crate) fn transcript() -> Transcript {
    let turn = |role, text: &str| Turn { role, text: text.into(), started_ms: None, ended_ms: None };
    Transcript::new(vec![
        turn(Role::Agent, "Hello, how can I help?"),
        turn(Role::Visitor, "My coffee machine is broken again, I am really annoyed."),
        turn(Role::Agent, "I am sorry. I will send you a new pump by Friday, free of charge."),
        turn(Role::Visitor, "By Friday? That is fine, thanks."),
        turn(Role::Visitor, "Great service, goodbye then."),
    ])
}

pub(crate) fn answer() -> AnalysisAnswer {
    let promise = json!([{ "turn": 2, "quote": "I will send you a new pump by Friday" }]);
    let answer = json!({
        "intent": { "primary_purpose": "Get the machine repaired.", "objectives": ["A working machine"], "outcome": "partly" },
        "summary": { "text": "A machine broke; a pump will be sent.", "key_points": ["New pump by Friday"] },
        "category": {
            "label": "facing_issue", "confidence": 0.9, "reasoning": "The machine is broken.",
            "evidence": [{ "turn": 1, "quote": "coffee machine is broken again" }]
        },
        "sentiment": {
            "timeline": [
                { "turn": 1, "score": -0.8, "emotion": "annoyed" },
                { "turn": 3, "score": 0.1, "emotion": "relieved" },
                { "turn": 4, "score": 0.4, "emotion": "content" }
            ],
            "shifts": [{ "from_turn": 1, "to_turn": 3, "cause": "A pump was promised." }],
            "patterns": ["From annoyed to content"]
        },
        "topics": ["coffee machine", "repair"],
        "insights": [{
            "text": "The machine broke more than once.",
            "evidence": [{ "turn": 1, "quote": "broken again" }]
        }],
        "action_items": [{ "text": "Send a pump.", "owner": "business", "due": "Friday", "evidence": promise }],
        "custom_metrics": [{ "name": "nps", "status": "not_evaluated", "value": null, "rationale": "not asked" }]
    });
    serde_json::from_value(answer).unwrap()
}

pub(crate) fn merged_answer() -> MergedAnswer {
    let AnalysisAnswer { intent, summary, category, sentiment, custom_metrics, .. } = answer();
    MergedAnswer { intent, summary, category, patterns: sentiment.patterns, custom_metrics }
}

/// Asserts that every object of the example has exactly the properties that the schema declares and requires.
///
/// The example must have an item in every list.
pub(crate) fn assert_schema_asks_for(schema: &str, example: &impl Serialize) {
    let schema: Value = serde_json::from_str(schema).unwrap();
    same_shape(&schema, &schema, &serde_json::to_value(example).unwrap(), "");
}

fn same_shape(root: &Value, schema: &Value, example: &Value, place: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let definition = root.pointer(name.trim_start_matches('#')).unwrap();
        return same_shape(root, definition, example, place);
    }
    match example {
        Value::Object(fields) => {
            let actual: BTreeSet<_> = fields.keys().cloned().collect();
            let declared: BTreeSet<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
            let required: BTreeSet<_> =
                schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
            assert_eq!((&actual, &actual), (&declared, &required), "{place}");
            assert_eq!(schema["additionalProperties"], false, "{place}");
            for (name, field) in fields {
                same_shape(root, &schema["properties"][name], field, &format!("{place}/{name}"));
            }
        }
        Value::Array(items) => {
            let [first, ..] = items.as_slice() else { panic!("the example has no item at {place}") };
            same_shape(root, &schema["items"], first, place);
        }
        _ => {}
    }
}
