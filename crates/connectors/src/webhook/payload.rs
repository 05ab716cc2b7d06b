//! The bodies of events.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::analysis::Analysis;
use domain::event::EventType;
use domain::session::Session;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// The size that receivers commonly accept; a longer payload is shortened.
///
/// Content that `ingest` and `analyze` let through fits once everything expendable is left out. Private values that a tenant
/// has webhooks show may be longer than their placeholders: with many of them in the summary a payload can stay longer.
pub const MAX_PAYLOAD_BYTES: usize = 20_000;
/// Parts that are left out until the payload is short enough, as JSON pointers into `data`.
const EXPENDABLE: [&str; 13] = [
    "/session/metadata",
    "/analysis/sentiment/timeline",
    "/analysis/insights",
    "/analysis/sentiment/shifts",
    "/analysis/custom_metrics",
    "/analysis/action_items",
    "/analysis/sentiment/patterns",
    "/analysis/category/justification/evidence",
    "/analysis/intent/objectives",
    "/analysis/topics",
    "/analysis/summary/key_points",
    "/analysis/category/justification/reasoning",
    "/analysis/intent",
];

/// A mail, as it stood when the event was planned. Without its recipient: that is the session's visitor.
#[derive(Serialize)]
pub(super) struct EmailData<'a> {
    pub(super) email_id: Uuid,
    pub(super) status: &'a str,
    pub(super) template: &'a str,
    pub(super) analysis_version: i32,
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// The request's body, without the transcript.
///
/// The same bytes at every attempt, unless the tenant changes in between what webhooks show: that is read at each one.
pub(super) fn analyzed(session: &Session, analysis: &Analysis, analysis_version: i32) -> String {
    let data = json!({ "analysis_version": analysis_version, "analysis": analysis });
    event(EventType::SessionAnalyzed, session, session.ended_at, data)
}

/// `failure_code`: of the step that failed first. `at`: when it failed.
pub(super) fn failed(session: &Session, failure_code: &str, at: DateTime<Utc>) -> String {
    event(EventType::SessionFailed, session, at, json!({ "failure_code": failure_code }))
}

/// `at`: when the mail came so far.
pub(super) fn mailed(session: &Session, email: EmailData<'_>, at: DateTime<Utc>) -> String {
    event(EventType::EmailStatus, session, at, json!({ "email": email }))
}

/// Completes `data` with what all events have: the session, and JSON pointers into `data` of what was left out.
fn event(kind: EventType, session: &Session, at: DateTime<Utc>, mut data: Value) -> String {
    data["omitted"] = json!([]);
    data["session"] = json!({
        "tenant_id": session.tenant_id,
        "session_id": session.session_id,
        "agent_id": session.agent_id,
        "channel": session.channel,
        "started_at": text(session.started_at),
        "ended_at": text(session.ended_at),
        "end_reason": session.end_reason,
        "visitor": session.visitor,
        "metadata": session.metadata,
    });
    shortened(json!({ "type": kind, "timestamp": text(at), "data": data }))
}

/// Leaves out what is expendable, and names it: a member that is missing is not a member that is empty.
fn shortened(mut event: Value) -> String {
    let mut text = event.to_string();
    for pointer in EXPENDABLE {
        if text.len() <= MAX_PAYLOAD_BYTES {
            break;
        }
        if let Some(data) = event.get_mut("data")
            && remove(data, pointer)
        {
            if let Some(omitted) = data.get_mut("omitted").and_then(Value::as_array_mut) {
                omitted.push(json!(pointer));
            }
            text = event.to_string();
        }
    }
    text
}

fn remove(data: &mut Value, pointer: &str) -> bool {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return false };
    let parent = data.pointer_mut(parent).and_then(Value::as_object_mut);
    parent.and_then(|parent| parent.remove(name)).is_some()
}

#[cfg(test)]
mod tests {
    use domain::session::{Channel, Visitor};

    use super::*;

    /// As long in JSON as one character of an analysis can be.
    const WIDE: &str = "🙂";
    /// Control characters, which a notification may carry, are longer still.
    const WIDEST: &str = "\u{1}";

    /// The limits of ids and of `ingest`.
    fn longest_session() -> Session {
        let text = |chars| Some(WIDEST.repeat(chars));
        let id = "x".repeat(domain::id::MAX_ID_LENGTH);
        Session {
            tenant_id: id.parse().unwrap(),
            session_id: id.parse().unwrap(),
            agent_id: id.parse().unwrap(),
            channel: Channel::Voice,
            started_at: "2026-11-22T09:55:00.123456Z".parse().unwrap(),
            ended_at: "2026-11-22T10:00:12.123456Z".parse().unwrap(),
            end_reason: text(256),
            visitor: Visitor {
                id: text(256),
                name: text(256),
                email: text(320),
                phone: text(256),
                locale: Some("zh-Hant-TW".into()),
                time_zone: text(40),
                email_consent: Some(domain::session::EmailConsent::Given),
            },
            metadata: [("x".to_owned(), json!("y".repeat(16 * 1024)))].into_iter().collect(),
        }
    }

    /// The limits of `analyze`'s check: 500 characters a sentence, 2000 a paragraph, 80 a few words, 400 a quote, 20
    /// items.
    fn longest_analysis() -> Analysis {
        let (sentence, paragraph, words) = (WIDE.repeat(500), WIDE.repeat(2000), WIDE.repeat(80));
        let evidence = json!(vec![json!({ "turn": 19_999, "quote": WIDE.repeat(400) }); 20]);
        let feeling = json!({ "turn": 19_999, "score": -0.123, "emotion": words });
        let shift = json!({ "from_turn": 1, "to_turn": 2, "from": -0.5, "to": 0.5, "cause": sentence });
        let item = json!({ "text": sentence, "owner": "business", "due": words, "evidence": evidence });
        let insight = json!({ "text": sentence, "evidence": evidence });
        serde_json::from_value(json!({
            "status": "insufficient_content", "code": "category_without_evidence",
            "intent": { "primary_purpose": sentence, "objectives": vec![sentence.clone(); 20] },
            "summary": { "text": paragraph, "key_points": vec![sentence.clone(); 20] },
            "category": {
                "label": "potential_buyer", "confidence": 0.123,
                "justification": { "reasoning": paragraph, "evidence": evidence }
            },
            "sentiment": {
                "average": -0.123, "label": "negative", "timeline": vec![feeling; 5000], "shifts": vec![shift; 20],
                "patterns": vec![sentence.clone(); 20]
            },
            "topics": vec![words.clone(); 20], "insights": vec![insight; 20], "action_items": vec![item; 20],
            "custom_metrics": {},
            "conversation": {
                "turns": 20_000, "visitor_turns": 10_000, "agent_turns": 10_000, "words": 1_000_000,
                "talk_ratio": 0.123_456_789_012, "duration_s": 1_000_000
            },
            "coverage": { "turns_total": 20_000, "turns_analysed": 20_000, "chunks": 1, "chunks_failed": 0 },
            "usage": {
                "model": "m".repeat(256), "prompt_version": "v1", "attempts": 5, "input_tokens": 1_000_000,
                "output_tokens": 1_000_000, "cached_tokens": 1_000_000, "cost_usd": null, "latency_ms": 1_000_000,
                "quotes_dropped": 1000
            }
        }))
        .unwrap()
    }

    #[test]
    fn the_published_schema_names_all_that_may_be_left_out() {
        let schema: Value = serde_json::from_str(include_str!("../../schemas/session.analyzed.json")).unwrap();
        assert_eq!(schema["properties"]["data"]["properties"]["omitted"]["items"]["enum"], json!(EXPENDABLE));
    }

    #[test]
    fn the_longest_session_with_the_longest_analysis_fits() {
        let text = analyzed(&longest_session(), &longest_analysis(), i32::MAX);
        assert!(text.len() <= MAX_PAYLOAD_BYTES, "{} bytes", text.len());
        let event: Value = serde_json::from_str(&text).unwrap();
        let data = &event["data"];
        let missing: Vec<_> = EXPENDABLE.into_iter().filter(|pointer| data.pointer(pointer).is_none()).collect();
        assert_eq!(data["omitted"], json!(missing));
        assert_eq!(data["analysis"]["summary"]["text"].as_str().unwrap().chars().count(), 2000);
    }
}
