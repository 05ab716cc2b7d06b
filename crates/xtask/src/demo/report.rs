//! `report.json`: the run in figures, for programs.

use std::collections::BTreeMap;

use domain::analysis::{AnalysisStatus, CategoryLabel};
use domain::session::{Channel, SessionStatus};
use serde::{Deserialize, Serialize};

use super::outcome::{Ending, Kind, Outcome, SessionOutcome};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) sessions: Vec<SessionReport>,
    pub(super) totals: Totals,
    /// Seconds from the first notification until the last session had ended.
    pub(super) wall_s: f64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SessionReport {
    pub(super) session_id: String,
    pub(super) channel: Channel,
    /// The session's status as stored, or `refused` if `ingest` did not take it.
    pub(super) status: String,
    pub(super) analysis_status: Option<AnalysisStatus>,
    pub(super) category: Option<CategoryLabel>,
    pub(super) sentiment_average: Option<f64>,
    pub(super) email_status: Option<String>,
    pub(super) hubspot: HubspotReport,
    pub(super) salesforce: SalesforceReport,
    pub(super) webhook_status: Option<String>,
    /// By stage: `analyze`, `notify`, and each integration's id.
    pub(super) stages_ms: BTreeMap<String, i64>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct HubspotReport {
    pub(super) contact_id: Option<String>,
    pub(super) note_id: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SalesforceReport {
    /// A contact or a lead.
    pub(super) person_id: Option<String>,
    pub(super) task_id: Option<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Totals {
    /// Notifications answered with 202.
    pub(super) accepted: usize,
    pub(super) completed: usize,
    pub(super) failed: usize,
    /// From here on: counted where they arrived.
    pub(super) emails_sent: usize,
    pub(super) contacts: usize,
    pub(super) notes: usize,
    pub(super) people: usize,
    pub(super) tasks: usize,
    pub(super) webhooks: usize,
    pub(super) dead_letters: usize,
}

impl Report {
    pub(super) fn of(outcome: &Outcome) -> Self {
        Self {
            sessions: outcome.sessions.iter().map(SessionReport::of).collect(),
            totals: Totals::of(outcome),
            wall_s: (outcome.wall.as_secs_f64() * 1000.0).round() / 1000.0,
        }
    }

    /// Whether every session ended well and nothing was left on a dead-letter queue.
    pub(super) fn is_complete(&self) -> bool {
        self.totals.completed == self.sessions.len() && self.totals.dead_letters == 0
    }
}

impl SessionReport {
    fn of(session: &SessionOutcome) -> Self {
        let analysis = session.analysis.as_ref();
        let (hubspot, salesforce) = (session.integration(Kind::Hubspot), session.integration(Kind::Salesforce));
        Self {
            session_id: session.session_id.clone(),
            channel: session.channel,
            status: session.ending.as_str().to_owned(),
            analysis_status: analysis.map(|analysis| analysis.status),
            category: analysis.and_then(|analysis| analysis.category.as_ref()).map(|category| category.label),
            sentiment_average: analysis.and_then(|a| a.sentiment.as_ref()).map(|sentiment| sentiment.average.get()),
            email_status: session.email.as_ref().map(|email| email.status.clone()),
            hubspot: HubspotReport {
                contact_id: hubspot.and_then(|record| record.contact_id.clone()),
                note_id: hubspot.and_then(|record| record.record_id.clone()),
            },
            salesforce: SalesforceReport {
                person_id: salesforce.and_then(|record| record.contact_id.clone()),
                task_id: salesforce.and_then(|record| record.record_id.clone()),
            },
            webhook_status: session.integration(Kind::Webhook).map(|record| record.status.clone()),
            stages_ms: session.steps.iter().filter_map(|step| Some((step.stage(), step.ms()?))).collect(),
        }
    }
}

impl Totals {
    fn of(outcome: &Outcome) -> Self {
        let ended = |wanted: SessionStatus| {
            let is =
                |session: &&SessionOutcome| matches!(session.ending, Ending::Stored { status, .. } if status == wanted);
            outcome.sessions.iter().filter(is).count()
        };
        Self {
            accepted: outcome.sessions.iter().filter(|s| !matches!(s.ending, Ending::Refused(_))).count(),
            completed: ended(SessionStatus::Completed),
            failed: ended(SessionStatus::Failed),
            emails_sent: outcome.left_behind.mails,
            contacts: outcome.left_behind.contacts,
            notes: outcome.left_behind.notes,
            people: outcome.left_behind.people,
            tasks: outcome.left_behind.tasks,
            webhooks: outcome.left_behind.webhooks,
            dead_letters: outcome.left_behind.dead_letters,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::canned;
    use super::*;

    #[test]
    fn the_report_has_the_promised_shape() {
        let report = Report::of(&canned::small());
        insta::assert_json_snapshot!(report, @r#"
        {
          "sessions": [
            {
              "session_id": "brake-complaint",
              "channel": "voice",
              "status": "completed",
              "analysis_status": "ok",
              "category": "facing_issue",
              "sentiment_average": -0.138,
              "email_status": "sent",
              "hubspot": {
                "contact_id": "101",
                "note_id": "501"
              },
              "salesforce": {
                "person_id": "00Q1",
                "task_id": "00T1"
              },
              "webhook_status": "done",
              "stages_ms": {
                "analyze": 852,
                "hubspot": 621,
                "notify": 228,
                "salesforce": 238,
                "webhook": 111
              }
            },
            {
              "session_id": "said-nothing",
              "channel": "voice",
              "status": "completed",
              "analysis_status": "insufficient_content",
              "category": null,
              "sentiment_average": null,
              "email_status": "skipped",
              "hubspot": {
                "contact_id": null,
                "note_id": null
              },
              "salesforce": {
                "person_id": null,
                "task_id": null
              },
              "webhook_status": "done",
              "stages_ms": {
                "analyze": 852,
                "hubspot": 621,
                "notify": 228,
                "salesforce": 238,
                "webhook": 111
              }
            },
            {
              "session_id": "mietrad-stoerung",
              "channel": "text",
              "status": "failed",
              "analysis_status": null,
              "category": null,
              "sentiment_average": null,
              "email_status": null,
              "hubspot": {
                "contact_id": null,
                "note_id": null
              },
              "salesforce": {
                "person_id": null,
                "task_id": null
              },
              "webhook_status": null,
              "stages_ms": {
                "analyze": 852
              }
            }
          ],
          "totals": {
            "accepted": 3,
            "completed": 2,
            "failed": 1,
            "emails_sent": 1,
            "contacts": 1,
            "notes": 1,
            "people": 1,
            "tasks": 1,
            "webhooks": 2,
            "dead_letters": 1
          },
          "wall_s": 4.321
        }
        "#);
    }

    #[test]
    fn a_run_is_complete_only_if_every_session_is() {
        let mut outcome = canned::small();
        assert!(!Report::of(&outcome).is_complete());
        outcome.sessions.retain(SessionOutcome::is_completed);
        outcome.left_behind.dead_letters = 0;
        assert!(Report::of(&outcome).is_complete());
        outcome.left_behind.dead_letters = 1;
        assert!(!Report::of(&outcome).is_complete());
    }
}
