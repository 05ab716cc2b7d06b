use analyze::answer::{AnalysisAnswer, MergedAnswer};
use analyze::check::{AnswerScope, Conclusions, Findings, MAX_ITEMS, MAX_PARAGRAPH, check, check_merged};
use analyze::evidence::{MAX_QUOTE, QuotableTurns};
use analyze::leak::LeakDetector;
use analyze::{metrics, sentiment};
use domain::analysis::{CustomMetric, MetricStatus};
use domain::settings::analysis::TopicList;
use domain::settings::metrics::CustomMetrics;
use domain::transcript::{Role, Transcript, Turn};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::texts::is_forbidden;
use super::{said, shown, transcript};

fn text() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => said().prop_map(Value::from),
        1 => "[ok\u{0}<>b/ ]{0,9}".prop_map(Value::from),
        1 => prop::sample::select(vec!["", "ok", "price", "nps", "resolved", "product", "reason", "urgency"]).prop_map(Value::from),
    ]
}

fn turn() -> impl Strategy<Value = Value> {
    prop_oneof![5 => (0i64..8).prop_map(Value::from), 1 => any::<i64>().prop_map(Value::from)]
}

/// Generates any JSON.
fn junk() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text()
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,9}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn list(item: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    prop_oneof![9 => prop::collection::vec(item.boxed(), 0..4).prop_map(Value::from), 1 => Just(json!([]))]
}

fn quotes() -> impl Strategy<Value = Value> {
    list((turn(), text()).prop_map(|(turn, quote)| json!({ "turn": turn, "quote": quote })))
}

fn one_of(values: &[&'static str]) -> impl Strategy<Value = Value> + use<> {
    prop_oneof![9 => prop::sample::select(values.to_vec()).prop_map(Value::from), 1 => text()]
}

fn number(max: f64) -> impl Strategy<Value = Value> {
    prop_oneof![9 => (-max..max).prop_map(Value::from), 1 => any::<f64>().prop_map(Value::from)]
}

fn metric() -> impl Strategy<Value = Value> {
    let name = one_of(&["nps", "resolved", "product", "reason", "urgency"]);
    let value = prop_oneof![junk(), (0i64..12).prop_map(Value::from), number(2.0)];
    (name, one_of(&["ok", "ok", "not_evaluated"]), value, text()).prop_map(
        |(name, status, value, why)| json!({ "name": name, "status": status, "value": value, "rationale": why }),
    )
}

/// Generates JSON in the shape of an answer, with values of any kind.
fn answer() -> impl Strategy<Value = Value> {
    let intent = (text(), list(text()), one_of(&["achieved", "partly", "not_achieved", "unclear"]))
        .prop_map(|(purpose, objectives, outcome)| json!({ "primary_purpose": purpose, "objectives": objectives, "outcome": outcome }));
    let summary = (text(), list(text())).prop_map(|(text, points)| json!({ "text": text, "key_points": points }));
    let category = (one_of(&["others", "facing_issue"]), (0.0..1.0).prop_map(Value::from), text(), quotes())
        .prop_map(|(label, confidence, why, evidence)| json!({ "label": label, "confidence": confidence, "reasoning": why, "evidence": evidence }));
    let feeling = (turn(), number(1.0), text())
        .prop_map(|(turn, score, emotion)| json!({ "turn": turn, "score": score, "emotion": emotion }));
    let shift = (turn(), turn(), text())
        .prop_map(|(from, to, cause)| json!({ "from_turn": from, "to_turn": to, "cause": cause }));
    let sentiment = (list(feeling), list(shift), list(text())).prop_map(
        |(timeline, shifts, patterns)| json!({ "timeline": timeline, "shifts": shifts, "patterns": patterns }),
    );
    let insight = (text(), quotes()).prop_map(|(text, evidence)| json!({ "text": text, "evidence": evidence }));
    let item = (text(), one_of(&["visitor", "agent", "business"]), text(), quotes()).prop_map(
        |(text, owner, due, evidence)| json!({ "text": text, "owner": owner, "due": due, "evidence": evidence }),
    );
    (intent, summary, category, sentiment, list(text()), list(insight), list(item), list(metric())).prop_map(
        |(intent, summary, category, sentiment, topics, insights, items, metrics)| {
            json!({ "intent": intent, "summary": summary, "category": category, "patterns": sentiment["patterns"],
                "sentiment": sentiment, "topics": topics, "insights": insights, "action_items": items, "custom_metrics": metrics })
        },
    )
}

fn all_metrics() -> CustomMetrics {
    serde_json::from_value(json!([
        { "name": "resolved", "description": "d", "type": "boolean" },
        { "name": "nps", "description": "d", "type": "integer", "min": 0, "max": 10 },
        { "name": "urgency", "description": "d", "type": "number", "min": 0, "max": 1.5 },
        { "name": "product", "description": "d", "type": "string", "max_length": 5 },
        { "name": "reason", "description": "d", "type": "enum", "values": ["price", "quality"] }
    ]))
    .unwrap()
}

/// Adds an entry for every visitor turn and quotes of whole turns, so that some answers are usable.
fn grounded(mut answer: Value, transcript: &Transcript) -> Value {
    let entry = |(turn, _)| json!({ "turn": turn, "score": -0.5, "emotion": "calm" });
    answer["sentiment"]["timeline"] = transcript.of(Role::Visitor).map(entry).collect();
    let quote = |(turn, said): (usize, &Turn)| json!({ "turn": turn, "quote": said.text });
    answer["category"]["evidence"] = transcript.turns().iter().enumerate().map(quote).collect();
    for item in answer["action_items"].as_array_mut().into_iter().flatten() {
        item["evidence"] = transcript.of(Role::Agent).map(quote).collect();
    }
    answer
}

fn is_metric(name: &str, metric: &CustomMetric) -> bool {
    let value = &metric.value;
    match (metric.status, name) {
        (MetricStatus::NotEvaluated, _) => value.is_null(),
        (MetricStatus::Ok, "resolved") => value.is_boolean(),
        (MetricStatus::Ok, "nps") => value.as_i64().is_some_and(|number| (0..=10).contains(&number)),
        (MetricStatus::Ok, "urgency") => value.as_f64().is_some_and(|number| (0.0..=1.5).contains(&number)),
        (MetricStatus::Ok, "product") => value.as_str().is_some_and(|text| (1..=5).contains(&text.chars().count())),
        (MetricStatus::Ok, _) => value == "price" || value == "quality",
    }
}

/// All strings of a stored document.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields.values().flat_map(strings).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => vec![],
    }
}

fn holds(findings: &Findings, transcript: &Transcript) -> Result<(), TestCaseError> {
    let Findings { conclusions, timeline, topics, insights, action_items, .. } = findings;
    let Conclusions { intent, summary, category, patterns, custom_metrics, .. } = conclusions;
    let written = serde_json::to_value((intent, summary, timeline, topics, patterns)).unwrap();
    for text in strings(&written).into_iter().chain(findings.causes.iter().map(|cause| cause.text.as_str())) {
        prop_assert!(text.chars().count() <= MAX_PARAGRAPH && !text.chars().any(is_forbidden), "{text:?}");
    }
    prop_assert!(!intent.primary_purpose.is_empty() && !summary.text.is_empty());
    prop_assert!(timeline.is_sorted_by(|one, other| one.turn < other.turn));
    prop_assert!(timeline.iter().all(|feeling| transcript.turns()[feeling.turn].role == Role::Visitor));
    prop_assert!([topics.len(), insights.len(), action_items.len()].iter().all(|length| *length <= MAX_ITEMS));
    let evidence = category.justification.evidence.iter();
    let evidence = evidence.chain(insights.iter().flat_map(|insight| &insight.evidence));
    for evidence in evidence.chain(action_items.iter().flat_map(|item| &item.evidence)) {
        let said = &transcript.turns()[evidence.turn];
        prop_assert!(matches!(said.role, Role::Visitor | Role::Agent));
        prop_assert!(evidence.quote.chars().count() <= MAX_QUOTE && !evidence.quote.chars().any(char::is_control));
        prop_assert!(shown(&said.text).contains(evidence.quote.trim_end_matches('…')));
    }
    prop_assert!(custom_metrics.iter().all(|(name, metric)| is_metric(name, metric)));
    prop_assert_eq!(custom_metrics.len(), 5);
    let category = category.label;
    prop_assert_eq!(metrics::finish(&all_metrics(), custom_metrics.clone(), Some(category)).len(), 5);
    sentiment::sentiment(timeline.clone(), &findings.causes, vec![]);
    Ok(())
}

proptest! {
    #[test]
    fn whatever_the_model_answers_what_is_kept_is_valid(
        transcript in transcript(), answer in answer(), junk in junk(), field in 0usize..9, mutate in 0u8..4,
        is_whole in any::<bool>(), own in (0usize..9, 0usize..9)
    ) {
        let mut answer = if is_whole { grounded(answer, &transcript) } else { answer };
        let key = answer.as_object().unwrap().keys().nth(field).unwrap().clone();
        if mutate == 0 {
            answer[key] = junk;
        }
        let (all, leaks) = (all_metrics(), LeakDetector::new(&["one two three four five six seven eight"], ""));
        let scope = AnswerScope {
            spoken: &QuotableTurns::new(&transcript),
            own: if is_whole { 0..transcript.turns().len() } else { own.0..own.1 },
            context: 0..1,
            metrics: &all.iter().collect::<Vec<_>>(),
            topics: &TopicList::default(),
            leaks: &leaks,
        };
        if let Ok(read) = serde_json::from_value::<AnalysisAnswer>(answer.clone()) {
            match check(read, &scope) {
                Ok(checked) => holds(&checked.findings, &transcript)?,
                Err(faults) => prop_assert!(!faults.is_empty() && faults.iter().all(|fault| fault.len() < 300)),
            }
        }
        if let Ok(read) = serde_json::from_value::<MergedAnswer>(answer) {
            match check_merged(read, &scope) {
                Ok(checked) => prop_assert_eq!(checked.findings.custom_metrics.len(), 5),
                Err(faults) => prop_assert!(!faults.is_empty()),
            }
        }
    }

    #[test]
    fn any_json_is_read_or_refused(junk in junk()) {
        prop_assert!(serde_json::from_value::<AnalysisAnswer>(junk).is_err());
    }
}
