//! A made-up run for the tests of what is written about a run.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::analysis::Analysis;
use domain::session::SessionStatus;

use super::notification::Notification;
use super::outcome::{
    Delivery, EmailRecord, Ending, IntegrationRecord, Kind, LeftBehind, Mail, Outcome, SessionOutcome, StepRecord, Task,
};
use super::samples;

fn now() -> DateTime<Utc> {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

/// One session that completed with everything, one that said too little, and one that failed.
pub(super) fn small() -> Outcome {
    let mut samples = samples::notifications(now()).unwrap().into_iter();
    let mut sample = || samples.nth(1).unwrap();
    let mut silent = outcome_of(sample());
    silent.session_id = "said-nothing".into();
    silent.visitor.email = None;
    silent.turns.truncate(1);
    silent.analysis = Some(insufficient());
    skip(&mut silent, "no_email");
    Outcome {
        business: samples::BUSINESS.into(),
        tenant_id: "tideway-cycles".into(),
        finished_at: now(),
        wall: Duration::from_millis(4321),
        sessions: vec![complete(), silent, failed(sample())],
        left_behind: LeftBehind { mails: 1, contacts: 1, notes: 1, people: 1, tasks: 1, webhooks: 2, dead_letters: 1 },
    }
}

/// The session with everything.
pub(super) fn complete() -> SessionOutcome {
    let mut samples = samples::notifications(now()).unwrap();
    let mut session = outcome_of(samples.remove(2));
    session.analysis = Some(serde_json::from_str(include_str!("canned/analysis.json")).unwrap());
    session.mail = Some(Mail {
        from: "Tideway Cycles <mail@example.com>".into(),
        subject: "Your conversation with Tideway Cycles".into(),
        html: Some(include_str!("canned/mail.html").into()),
        text: Some("Hello Daniel,\n\nthank you for your call.\n".into()),
    });
    session.note =
        Some("<p><strong>Facing Issue</strong> (91 %)</p><p>The front brake failed after a service.</p>".into());
    session.task = Some(task());
    session.webhook = Some(Delivery {
        id: "msg_1".into(),
        verified: true,
        body: r#"{"type":"session.analyzed","data":{"session_id":"brake-complaint"}}"#.into(),
    });
    session
}

pub(super) fn task() -> Task {
    Task {
        subject: "Facing Issue: the front brake failed".into(),
        description: "Facing Issue (91 %)\n\nThe front brake failed after a service.".into(),
    }
}

/// A session whose steps are all done, without what they left behind.
pub(super) fn outcome_of(sample: Notification) -> SessionOutcome {
    SessionOutcome {
        session_id: sample.session_id.to_string(),
        channel: sample.channel,
        visitor: sample.visitor,
        started_at: sample.started_at,
        ended_at: sample.ended_at,
        end_reason: sample.end_reason,
        ending: Ending::Stored { status: SessionStatus::Completed, failure_code: None },
        turns: sample.transcript,
        analysis: None,
        steps: vec![
            step("analyze", [0, 85, 937]),
            step("notify", [940, 1012, 1240]),
            step("crm_sync:hubspot", [940, 1050, 1671]),
            step("crm_sync:salesforce", [940, 1052, 1290]),
            step("crm_sync:webhook", [940, 1055, 1166]),
        ],
        email: Some(EmailRecord {
            provider_id: None,
            status: "sent".into(),
            code: None,
            template: "session_summary".into(),
        }),
        integrations: vec![
            record(Kind::Hubspot, Some("101"), Some("501")),
            record(Kind::Salesforce, Some("00Q1"), Some("00T1")),
            record(Kind::Webhook, None, Some("msg_1")),
        ],
        mail: None,
        note: None,
        task: None,
        webhook: None,
    }
}

fn failed(sample: Notification) -> SessionOutcome {
    let mut session = outcome_of(sample);
    session.ending =
        Ending::Stored { status: SessionStatus::Failed, failure_code: Some("model_answer_invalid".into()) };
    session.steps.truncate(1);
    session.steps[0].status = "failed".into();
    session.steps[0].code = Some("model_answer_invalid".into());
    session.email = None;
    session.integrations.clear();
    session
}

fn skip(session: &mut SessionOutcome, code: &str) {
    for step in &mut session.steps[1..4] {
        step.status = "skipped".into();
        step.code = Some(code.into());
    }
    if let Some(email) = &mut session.email {
        email.status = "skipped".into();
        email.code = Some(code.into());
    }
    for crm in &mut session.integrations[..2] {
        *crm = record(crm.kind, None, None);
        crm.status = "skipped".into();
        crm.code = Some(code.into());
    }
}

fn insufficient() -> Analysis {
    let mut analysis = complete().analysis.unwrap();
    analysis.status = domain::analysis::AnalysisStatus::InsufficientContent;
    analysis.code = Some("no_visitor_turns".into());
    (analysis.intent, analysis.summary, analysis.category, analysis.sentiment) = (None, None, None, None);
    analysis.topics.clear();
    analysis.insights.clear();
    analysis.action_items.clear();
    analysis.usage = domain::analysis::Usage::default();
    analysis
}

/// Milliseconds after the run's time: planned, started, finished.
fn step(name: &str, [created, started, finished]: [i64; 3]) -> StepRecord {
    let at = |ms| now() + TimeDelta::milliseconds(ms);
    StepRecord {
        step: name.into(),
        status: "done".into(),
        attempt: 1,
        code: None,
        created_at: at(created),
        started_at: Some(at(started)),
        finished_at: Some(at(finished)),
    }
}

fn record(kind: Kind, contact: Option<&str>, record: Option<&str>) -> IntegrationRecord {
    IntegrationRecord {
        kind,
        status: "done".into(),
        contact_id: contact.map(str::to_owned),
        record_id: record.map(str::to_owned),
        code: None,
    }
}
