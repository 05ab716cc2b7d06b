//! The event that a webhook tells.

use domain::analysis::Analysis;
use domain::id::{AgentId, SessionId, TenantId};
use domain::session::{Channel, Session, Visitor};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::Job;

pub(super) const SESSION_ANALYZED: &str = "session.analyzed";
/// What receivers are commonly set up to take; a longer payload is made shorter.
///
/// What `ingest` and `analyze` let through always fits once everything expendable is left out.
pub const MAX_PAYLOAD_BYTES: usize = 20_000;
/// What is left out until the payload is short enough, as JSON pointers into `data`.
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

#[derive(Serialize)]
struct Data<'a> {
    session: SessionData<'a>,
    analysis_version: i32,
    analysis: &'a Analysis,
    /// JSON pointers into `data` of what was left out.
    omitted: Vec<&'static str>,
}

#[derive(Serialize)]
struct SessionData<'a> {
    tenant_id: &'a TenantId,
    session_id: &'a SessionId,
    agent_id: &'a AgentId,
    channel: Channel,
    started_at: String,
    ended_at: String,
    end_reason: Option<&'a str>,
    visitor: &'a Visitor,
    metadata: &'a Map<String, Value>,
}

/// The request's body, without the transcript.
///
/// The same bytes at every attempt, unless the tenant changes in between what webhooks show: that is read at each one.
pub(super) fn render(job: &Job<'_>) -> String {
    shortened(event(job.session, job.analysis, job.key.analysis_version))
}

fn event(session: &Session, analysis: &Analysis, analysis_version: i32) -> Value {
    let time = |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
    let ended_at = time(session.ended_at);
    let data = Data {
        session: SessionData {
            tenant_id: &session.tenant_id,
            session_id: &session.session_id,
            agent_id: &session.agent_id,
            channel: session.channel,
            started_at: time(session.started_at),
            ended_at: ended_at.clone(),
            end_reason: session.end_reason.as_deref(),
            visitor: &session.visitor,
            metadata: &session.metadata,
        },
        analysis_version,
        analysis,
        omitted: Vec::new(),
    };
    json!({ "type": SESSION_ANALYZED, "timestamp": ended_at, "data": data })
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

    /// The limits of `analyze`'s check: 500 characters a sentence, 2000 a paragraph, 80 a few words, 400 a quote, 20 items.
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
    fn the_longest_session_with_the_longest_analysis_fits() {
        let text = shortened(event(&longest_session(), &longest_analysis(), i32::MAX));
        assert!(text.len() <= MAX_PAYLOAD_BYTES, "{} bytes", text.len());
        let event: Value = serde_json::from_str(&text).unwrap();
        let data = &event["data"];
        let missing: Vec<_> = EXPENDABLE.into_iter().filter(|pointer| data.pointer(pointer).is_none()).collect();
        assert_eq!(data["omitted"], json!(missing));
        assert_eq!(data["analysis"]["summary"]["text"].as_str().unwrap().chars().count(), 2000);
    }
}
