//! Brings together what was posted, what is stored and what arrived.

use std::collections::HashMap;

use super::collect::Stored;
use super::notification::Notification;
use super::outcome::{Ending, Kind, SessionOutcome};
use super::post::Answer;
use super::stand_ins::Arrived;

/// One outcome per notification, in their order.
pub(super) fn sessions(
    notifications: Vec<Notification>,
    answers: Vec<Answer>,
    mut stored: HashMap<String, Stored>,
    arrived: &mut Arrived,
) -> Vec<SessionOutcome> {
    notifications
        .into_iter()
        .zip(answers)
        .map(|(notification, answer)| {
            let stored = stored.remove(notification.session_id.as_ref());
            session(notification, answer, stored, arrived)
        })
        .collect()
}

fn session(posted: Notification, answer: Answer, stored: Option<Stored>, arrived: &mut Arrived) -> SessionOutcome {
    let mut outcome = SessionOutcome {
        session_id: posted.session_id.to_string(),
        channel: posted.channel,
        visitor: posted.visitor,
        started_at: posted.started_at,
        ended_at: posted.ended_at,
        end_reason: posted.end_reason,
        ending: answer.map_or_else(Ending::Refused, |()| Ending::Missing),
        turns: posted.transcript,
        analysis: None,
        steps: Vec::new(),
        email: None,
        integrations: Vec::new(),
        mail: None,
        note: None,
        task: None,
        webhook: None,
    };
    if let (Ending::Missing, Some(stored)) = (&outcome.ending, stored) {
        outcome.ending = Ending::Stored { status: stored.status, failure_code: stored.failure_code };
        outcome.turns = stored.turns;
        outcome.analysis = stored.analysis;
        outcome.steps = stored.steps;
        outcome.email = stored.email;
        outcome.integrations = stored.integrations;
        attach(&mut outcome, arrived);
    }
    outcome
}

/// Finds what arrived by the ids that the logs hold.
fn attach(outcome: &mut SessionOutcome, arrived: &mut Arrived) {
    let record = |kind| outcome.integration(kind).and_then(|record| record.record_id.as_deref());
    let provider_id = outcome.email.as_ref().and_then(|email| email.provider_id.as_deref());
    let mail = provider_id.and_then(|id| arrived.mails.remove(id));
    let note = record(Kind::Hubspot).and_then(|id| arrived.notes.remove(id));
    let task = record(Kind::Salesforce).and_then(|id| arrived.tasks.remove(id));
    let webhook = record(Kind::Webhook).and_then(|id| arrived.deliveries.remove(id));
    (outcome.mail, outcome.note, outcome.task, outcome.webhook) = (mail, note, task, webhook);
}

#[cfg(test)]
mod tests {
    use domain::session::SessionStatus;

    use super::super::outcome::{LeftBehind, Mail};
    use super::super::{canned, samples};
    use super::*;

    fn arrived() -> Arrived {
        let mail = Mail { subject: "Hello".into(), ..Mail::default() };
        Arrived {
            mails: HashMap::from([("ses-1".to_owned(), mail)]),
            notes: HashMap::from([("501".to_owned(), "<p>note</p>".to_owned())]),
            tasks: HashMap::from([("00T1".to_owned(), canned::task())]),
            deliveries: HashMap::new(),
            counts: LeftBehind::default(),
        }
    }

    fn stored() -> Stored {
        let outcome = canned::complete();
        let mut email = outcome.email.unwrap();
        email.provider_id = Some("ses-1".into());
        Stored {
            status: SessionStatus::Completed,
            failure_code: None,
            turns: outcome.turns,
            analysis: outcome.analysis,
            steps: outcome.steps,
            email: Some(email),
            integrations: outcome.integrations,
        }
    }

    #[test]
    fn what_arrived_is_found_by_the_logged_ids() {
        let posted = samples::notifications("2026-11-23T10:00:00Z".parse().unwrap()).unwrap();
        let ids: Vec<_> = posted.iter().map(|posted| posted.session_id.to_string()).collect();
        let mut answers: Vec<Answer> = vec![Ok(()); posted.len()];
        answers[1] = Err("400 Bad Request".into());
        let stored = HashMap::from([(ids[0].clone(), stored())]);
        let sessions = sessions(posted, answers, stored, &mut arrived());
        assert!(sessions[0].is_completed());
        assert_eq!(sessions[0].mail.as_ref().unwrap().subject, "Hello");
        assert_eq!(sessions[0].note.as_deref(), Some("<p>note</p>"));
        assert_eq!(sessions[0].task, Some(canned::task()));
        assert!(sessions[0].webhook.is_none());
        let endings: Vec<_> = sessions.iter().map(|session| session.ending.as_str()).collect();
        assert_eq!(endings[..3], ["completed", "refused", "missing"]);
    }
}
