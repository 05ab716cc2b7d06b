//! A run made by hand.

use chrono::{DateTime, Utc};
use domain::analysis::{Analysis, AnalysisStatus, Usage};
use serde_json::json;

use super::super::conversations;
use super::super::notification::Notification;
use super::super::outcome::{Outcome, SessionOutcome, Stored, Totals};

fn now() -> DateTime<Utc> {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

pub(in super::super) fn sample(index: usize) -> Notification {
    conversations::samples(None, now()).unwrap().swap_remove(index)
}

/// Three sessions: the first completed with everything, the second said too little, the third failed.
pub(in super::super) fn small() -> Outcome {
    let arrived = Totals {
        emails_sent: 1,
        contacts: 1,
        notes: 1,
        people: 1,
        tasks: 1,
        webhooks: 2,
        dead_letters: 1,
        ..Totals::default()
    };
    let tenant = (conversations::BUSINESS, "tideway-cycles", "a stand-in".to_owned());
    Outcome::new(tenant, now(), 4.321, vec![complete(), silent(), failed()], arrived)
}

fn analysis() -> Analysis {
    serde_json::from_str(include_str!("canned/analysis.json")).unwrap()
}

/// The session with everything.
pub(in super::super) fn complete() -> SessionOutcome {
    let stored = json!({
        "status": "completed", "analysis_status": "ok", "category": "facing_issue", "sentiment_average": -0.138,
        "email_status": "sent", "webhook_status": "done", "took_ms": 1671, "analysis": analysis(), "steps": steps("done"),
        "email": { "status": "sent",
            "from": "Tideway Cycles <mail@example.com>", "subject": "Your conversation with Tideway Cycles",
            "html": include_str!("canned/mail.html"), "text": "Hello Daniel,\n\nthank you for your call.\n",
        },
        "hubspot": { "status": "done", "contact_id": "101", "record_id": "501",
                     "html": "<p><strong>Facing Issue</strong> (91 %)</p><p>The front brake failed after a service.</p>" },
        "salesforce": { "status": "done", "contact_id": "00Q1", "record_id": "00T1",
                        "subject": "Facing Issue: the front brake failed",
                        "text": "Facing Issue (91 %)\n\nThe front brake failed after a service." },
        "webhook": { "status": "done", "record_id": "msg_1", "verified": true,
                     "text": r#"{"type":"session.analyzed","data":{"session_id":"brake-complaint"}}"# },
    });
    session(sample(2), serde_json::from_value(stored).unwrap())
}

fn silent() -> SessionOutcome {
    let mut analysis = analysis();
    analysis.status = AnalysisStatus::InsufficientContent;
    analysis.code = Some("no_visitor_turns".to_owned());
    (analysis.intent, analysis.summary, analysis.category, analysis.sentiment) = (None, None, None, None);
    analysis.topics.clear();
    analysis.insights.clear();
    analysis.action_items.clear();
    analysis.usage = Usage::default();
    let skipped = json!({ "status": "skipped", "code": "no_email" });
    let stored = json!({
        "status": "completed", "analysis_status": "insufficient_content", "email_status": "skipped",
        "webhook_status": "done", "analysis": analysis, "steps": steps("skipped"), "took_ms": 1671,
        "email": skipped, "hubspot": skipped, "salesforce": skipped,
        "webhook": { "status": "done", "record_id": "msg_2" },
    });
    let mut session = session(sample(1), serde_json::from_value(stored).unwrap());
    session.session_id = "said-nothing".to_owned();
    session.channel = domain::session::Channel::Voice;
    session.stored.turns.truncate(1);
    session
}

fn failed() -> SessionOutcome {
    let mut steps = steps("done").as_array().unwrap()[..1].to_vec();
    (steps[0]["status"], steps[0]["code"]) = (json!("failed"), json!("model_answer_invalid"));
    let stored = json!({ "status": "failed", "failure": "model_answer_invalid", "steps": steps, "took_ms": 937 });
    session(sample(3), serde_json::from_value(stored).unwrap())
}

fn session(posted: Notification, stored: Stored) -> SessionOutcome {
    let turns = posted.transcript.clone();
    SessionOutcome::new(posted, None, Some(Stored { turns, ..stored }))
}

fn steps(status: &str) -> serde_json::Value {
    let step = |kind: &str, integration: &str, [planned, started, finished]: [i64; 3]| {
        json!({ "kind": kind, "version": 1, "integration": integration, "status": status, "attempt": 1, "code": null,
                "planned_ms": planned, "started_ms": started, "finished_ms": finished,
                "started": "10:00:00.085", "finished": "10:00:00.937" })
    };
    json!([
        step("analyze", "", [0, 85, 937]),
        step("notify", "", [940, 1012, 1240]),
        step("crm_sync", "hubspot", [940, 1050, 1671]),
        step("crm_sync", "salesforce", [940, 1052, 1290]),
        step("crm_sync", "webhook", [940, 1055, 1166]),
    ])
}
