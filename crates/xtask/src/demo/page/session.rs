//! One session as the templates read it.

use std::collections::{BTreeMap, BTreeSet};

use domain::analysis::{Analysis, Evidence};
use domain::session::VisitorEmail;
use domain::transcript::Turn;
use serde::Serialize;
use serde_json::Value;

use super::super::outcome::{Ending, Kind, SessionOutcome};
use super::curve::{self, Curve};
use super::steps::Timeline;

#[derive(Serialize)]
pub(super) struct SessionView<'a> {
    /// Prefix of every anchor of this session.
    anchor: String,
    open: bool,
    session_id: &'a str,
    title: &'a str,
    channel: &'static str,
    locale: Option<&'a str>,
    /// Masked; `None` without an address.
    address: Option<String>,
    started: String,
    duration: String,
    end_reason: Option<&'a str>,
    status: &'static str,
    /// Why it did not complete, in words.
    trouble: Option<String>,
    turns: Vec<TurnView<'a>>,
    analysis: Option<&'a Analysis>,
    category_title: Option<&'static str>,
    average: Option<String>,
    curve: Option<Curve>,
    mail: MailView<'a>,
    hubspot: SyncView<'a>,
    note: Option<&'a str>,
    salesforce: SyncView<'a>,
    task: Option<TaskView<'a>>,
    webhook: SyncView<'a>,
    delivery: Option<DeliveryView<'a>>,
    timeline: Option<Timeline>,
}

#[derive(Serialize)]
struct TurnView<'a> {
    role: &'static str,
    text: &'a str,
    /// `m:ss` from the start; voice only.
    at: Option<String>,
    score: Option<String>,
    emotion: Option<&'a str>,
    tone: Option<&'static str>,
    /// Whether the analysis quotes this turn.
    cited: bool,
}

#[derive(Serialize)]
struct MailView<'a> {
    status: Option<&'a str>,
    code: Option<&'a str>,
    template: Option<&'a str>,
    sent: bool,
    from: &'a str,
    subject: &'a str,
    html: Option<&'a str>,
    text: Option<&'a str>,
}

#[derive(Serialize)]
struct SyncView<'a> {
    status: Option<&'a str>,
    code: Option<&'a str>,
    contact_id: Option<&'a str>,
    record_id: Option<&'a str>,
}

#[derive(Serialize)]
struct TaskView<'a> {
    subject: &'a str,
    description: &'a str,
}

#[derive(Serialize)]
struct DeliveryView<'a> {
    id: &'a str,
    verified: bool,
    /// Indented if it is JSON.
    body: String,
}

impl<'a> SessionView<'a> {
    pub(super) fn of(index: usize, session: &'a SessionOutcome, open: bool) -> Self {
        let analysis = session.analysis.as_ref();
        let sentiment = analysis.and_then(|analysis| analysis.sentiment.as_ref());
        Self {
            anchor: format!("s{}", index + 1),
            open,
            session_id: &session.session_id,
            title: session.visitor.name.as_deref().unwrap_or(&session.session_id),
            channel: session.channel.as_str(),
            locale: session.visitor.locale.as_deref(),
            address: match session.visitor.email() {
                VisitorEmail::Absent => None,
                VisitorEmail::Invalid => Some("an unusable address".into()),
                VisitorEmail::Usable(address) => Some(address.to_string()),
            },
            started: session.started_at.format("%a %-d %b %Y, %H:%M").to_string(),
            duration: minutes((session.ended_at - session.started_at).num_milliseconds()),
            end_reason: session.end_reason.as_deref(),
            status: session.ending.as_str(),
            trouble: trouble(session),
            turns: turns(&session.turns, analysis),
            analysis,
            category_title: analysis.and_then(|a| a.category.as_ref()).map(|category| category.label.title()),
            average: sentiment.map(|sentiment| curve::signed(sentiment.average.get())),
            curve: sentiment.and_then(Curve::of),
            mail: mail(session),
            hubspot: sync(session, Kind::Hubspot),
            note: session.note.as_deref(),
            salesforce: sync(session, Kind::Salesforce),
            task: session.task.as_ref().map(|task| TaskView { subject: &task.subject, description: &task.description }),
            webhook: sync(session, Kind::Webhook),
            delivery: session.webhook.as_ref().map(|delivery| DeliveryView {
                id: &delivery.id,
                verified: delivery.verified,
                body: indented(&delivery.body),
            }),
            timeline: Timeline::of(&session.steps),
        }
    }
}

fn trouble(session: &SessionOutcome) -> Option<String> {
    match &session.ending {
        Ending::Refused(why) => Some(format!("The notification was refused: {why}")),
        Ending::Missing => Some("The notification was accepted, yet the session is not in the database.".into()),
        Ending::Stored { .. } if session.is_completed() => None,
        Ending::Stored { failure_code: Some(code), .. } => Some(format!("The session failed: {code}.")),
        Ending::Stored { status, .. } => Some(format!("The session is {} and has not completed.", status.as_str())),
    }
}

fn turns<'a>(turns: &'a [Turn], analysis: Option<&'a Analysis>) -> Vec<TurnView<'a>> {
    let feelings: BTreeMap<_, _> = analysis
        .and_then(|analysis| analysis.sentiment.as_ref())
        .map(|sentiment| sentiment.timeline.iter().map(|feeling| (feeling.turn, feeling)).collect())
        .unwrap_or_default();
    let cited: BTreeSet<_> = analysis.into_iter().flat_map(evidence).map(|evidence| evidence.turn).collect();
    let view = |(index, turn): (usize, &'a Turn)| {
        let feeling = feelings.get(&index);
        TurnView {
            role: turn.role.as_str(),
            text: &turn.text,
            at: turn.started_ms.map(|ms| minutes(ms.into())),
            score: feeling.map(|feeling| curve::signed(feeling.score.get())),
            emotion: feeling.map(|feeling| feeling.emotion.as_str()),
            tone: feeling.map(|feeling| curve::tone(feeling.score.get())),
            cited: cited.contains(&index),
        }
    };
    turns.iter().enumerate().map(view).collect()
}

/// Every quote of an analysis.
fn evidence(analysis: &Analysis) -> impl Iterator<Item = &Evidence> {
    let category = analysis.category.iter().flat_map(|category| &category.justification.evidence);
    let insights = analysis.insights.iter().flat_map(|insight| &insight.evidence);
    let actions = analysis.action_items.iter().flat_map(|item| &item.evidence);
    category.chain(insights).chain(actions)
}

fn mail(session: &SessionOutcome) -> MailView<'_> {
    let (log, mail) = (session.email.as_ref(), session.mail.as_ref());
    MailView {
        status: log.map(|log| log.status.as_str()),
        code: log.and_then(|log| log.code.as_deref()),
        template: log.map(|log| log.template.as_str()),
        sent: mail.is_some(),
        from: mail.map_or("", |mail| &mail.from),
        subject: mail.map_or("", |mail| &mail.subject),
        html: mail.and_then(|mail| mail.html.as_deref()),
        text: mail.and_then(|mail| mail.text.as_deref()),
    }
}

fn sync(session: &SessionOutcome, kind: Kind) -> SyncView<'_> {
    let record = session.integration(kind);
    SyncView {
        status: record.map(|record| record.status.as_str()),
        code: record.and_then(|record| record.code.as_deref()),
        contact_id: record.and_then(|record| record.contact_id.as_deref()),
        record_id: record.and_then(|record| record.record_id.as_deref()),
    }
}

fn indented(body: &str) -> String {
    let pretty = serde_json::from_str::<Value>(body).and_then(|json| serde_json::to_string_pretty(&json));
    pretty.unwrap_or_else(|_| body.to_owned())
}

/// `m:ss`
fn minutes(ms: i64) -> String {
    let seconds = ms / 1000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
