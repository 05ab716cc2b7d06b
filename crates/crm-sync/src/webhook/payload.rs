//! The event that a webhook tells.

use domain::analysis::Analysis;
use domain::id::{AgentId, SessionId, TenantId};
use domain::session::{Channel, Visitor};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::Job;

pub(super) const SESSION_ANALYZED: &str = "session.analyzed";
/// What receivers are commonly set up to take; a longer payload is made shorter where it can be.
pub const MAX_PAYLOAD_BYTES: usize = 20_000;
/// What is left out until the payload is short enough, as JSON pointers into `data`.
const EXPENDABLE: [&str; 6] = [
    "/session/metadata",
    "/analysis/sentiment/timeline",
    "/analysis/insights",
    "/analysis/sentiment/shifts",
    "/analysis/custom_metrics",
    "/analysis/action_items",
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

/// The request's body: for one job the same bytes at every attempt. No transcript.
pub(super) fn render(job: &Job<'_>) -> String {
    let session = job.session;
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
        analysis_version: job.analysis_version,
        analysis: job.analysis,
        omitted: Vec::new(),
    };
    shortened(json!({ "type": SESSION_ANALYZED, "timestamp": ended_at, "data": data }))
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
