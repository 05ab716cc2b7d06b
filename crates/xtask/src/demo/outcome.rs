//! The outcome of a run: one document. `report.json` is this document; the page and the table are made from it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::analysis::Analysis;
use domain::session::{Channel, SessionStatus, VisitorEmail};
use domain::step::FIRST_VERSION;
use domain::transcript::Turn;
use serde::{Deserialize, Serialize};

use super::notification::Notification;

/// One run of the demo.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Outcome {
    /// Name of the tenant's business.
    pub(super) business: String,
    pub(super) tenant_id: String,
    pub(super) finished_at: DateTime<Utc>,
    /// Seconds from the first notification until the last session had ended.
    pub(super) wall_s: f64,
    /// The stand-in or server that answered for the model.
    pub(super) analysed_by: String,
    /// The model that the analyses are priced as.
    pub(super) model: Option<String>,
    /// The sessions in the order of their notifications.
    pub(super) sessions: Vec<SessionOutcome>,
    pub(super) totals: Totals,
    /// Stages of this run in the order of the pipeline.
    pub(super) stages: Vec<StageTime>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Totals {
    /// Notifications that were answered with 202.
    pub(super) accepted: usize,
    pub(super) completed: usize,
    pub(super) failed: usize,
    /// The model's cost in US dollars; `None` if no price is known.
    pub(super) cost_usd: Option<f64>,
    // Additions of the run to third parties and queues, counted there:
    pub(super) emails_sent: usize,
    pub(super) contacts: usize,
    pub(super) notes: usize,
    /// Contacts and leads of Salesforce.
    pub(super) people: usize,
    pub(super) tasks: usize,
    pub(super) webhooks: usize,
    pub(super) dead_letters: usize,
}

/// How long a stage took, from the first claim to the end, retries included.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct StageTime {
    pub(super) stage: String,
    pub(super) median_ms: Option<i64>,
    pub(super) longest_ms: Option<i64>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct SessionOutcome {
    pub(super) session_id: String,
    pub(super) channel: Channel,
    pub(super) name: Option<String>,
    /// Masked.
    pub(super) address: Option<String>,
    pub(super) locale: Option<String>,
    pub(super) started_at: DateTime<Utc>,
    pub(super) duration_ms: i64,
    pub(super) end_reason: Option<String>,
    #[serde(flatten)]
    pub(super) stored: Stored,
    /// Milliseconds by stage: `analyze`, `notify`, and each integration's id.
    pub(super) stages_ms: BTreeMap<String, i64>,
}

/// The session in the database, and the arrivals at third parties because of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Stored {
    /// As stored, `refused` if `ingest` did not answer 202, or `missing` if it did and the session is not stored.
    pub(super) status: String,
    /// Why the session did not complete.
    pub(super) failure: Option<String>,
    pub(super) analysis_status: Option<String>,
    pub(super) category: Option<String>,
    pub(super) sentiment_average: Option<f64>,
    pub(super) email_status: Option<String>,
    pub(super) webhook_status: Option<String>,
    pub(super) email: Delivery,
    pub(super) hubspot: Delivery,
    pub(super) salesforce: Delivery,
    pub(super) webhook: Delivery,
    /// The steps in the order of the pipeline.
    pub(super) steps: Vec<StepOutcome>,
    /// From the first planned step to the last end.
    pub(super) took_ms: Option<i64>,
    /// As the pipeline read it.
    pub(super) turns: Vec<Turn>,
    /// The latest version.
    pub(super) analysis: Option<Analysis>,
}

/// A row of `email_log` or `integration_log`, and what arrived because of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Delivery {
    pub(super) status: Option<String>,
    pub(super) code: Option<String>,
    /// The visitor's id in a CRM.
    pub(super) contact_id: Option<String>,
    /// The id of the mail in SES, the note, the task or the webhook.
    #[serde(alias = "provider_id")]
    pub(super) record_id: Option<String>,
    /// The sender of a mail.
    pub(super) from: Option<String>,
    /// The subject of a mail or a task.
    pub(super) subject: Option<String>,
    /// The HTML of a mail or a note.
    pub(super) html: Option<String>,
    /// Plain text of a mail or a task, JSON of a webhook.
    pub(super) text: Option<String>,
    /// The check of a webhook's signature by its receiver.
    pub(super) verified: Option<bool>,
}

/// A row of `steps`. Milliseconds count from the first planned step of the session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StepOutcome {
    pub(super) kind: String,
    /// The version of the analysis.
    pub(super) version: i32,
    /// The integration's id, `webhook/session.failed` for an event, or empty.
    pub(super) integration: String,
    pub(super) status: String,
    pub(super) attempt: i32,
    pub(super) code: Option<String>,
    pub(super) planned_ms: i64,
    pub(super) started_ms: Option<i64>,
    pub(super) finished_ms: Option<i64>,
    /// First claim, as a time of the day.
    pub(super) started: Option<String>,
    pub(super) finished: Option<String>,
}

impl StepOutcome {
    /// From the first claim to the end, retries included.
    fn ms(&self) -> Option<i64> {
        Some(self.finished_ms? - self.started_ms?)
    }

    /// `analyze`, `notify`, or the integration's id; of later versions `analyze@2` and so on.
    fn stage(&self) -> String {
        let name = if self.integration.is_empty() { &self.kind } else { &self.integration };
        if self.version == FIRST_VERSION { name.clone() } else { format!("{name}@{}", self.version) }
    }
}

impl SessionOutcome {
    /// `refused` is the answer of `ingest` where it was not 202.
    pub(super) fn new(posted: Notification, refused: Option<String>, stored: Option<Stored>) -> Self {
        let stored = stored.filter(|_| refused.is_none()).unwrap_or_else(|| Stored {
            status: if refused.is_some() { "refused" } else { "missing" }.to_owned(),
            failure: refused,
            turns: posted.transcript,
            ..Stored::default()
        });
        Self {
            session_id: posted.session_id.to_string(),
            channel: posted.channel,
            address: match posted.visitor.email() {
                VisitorEmail::Absent => None,
                VisitorEmail::Invalid => Some("an unusable address".to_owned()),
                // Displayed it is masked.
                VisitorEmail::Usable(address) => Some(address.to_string()),
            },
            name: posted.visitor.name,
            locale: posted.visitor.locale,
            started_at: posted.started_at,
            duration_ms: (posted.ended_at - posted.started_at).num_milliseconds(),
            end_reason: posted.end_reason,
            stages_ms: stored.steps.iter().filter_map(|step| Some((step.stage(), step.ms()?))).collect(),
            stored,
        }
    }
}

impl Outcome {
    /// `arrived` has what was counted at third parties; the rest is counted here.
    pub(super) fn new(
        (business, tenant_id, analysed_by): (&str, &str, String),
        finished_at: DateTime<Utc>,
        wall_s: f64,
        sessions: Vec<SessionOutcome>,
        arrived: Totals,
    ) -> Self {
        let count = |is: &dyn Fn(&str) -> bool| sessions.iter().filter(|session| is(&session.stored.status)).count();
        let usages = || sessions.iter().filter_map(|session| Some(&session.stored.analysis.as_ref()?.usage));
        let costs: Vec<_> = usages().filter_map(|usage| usage.cost_usd).collect();
        Self {
            business: business.to_owned(),
            tenant_id: tenant_id.to_owned(),
            finished_at,
            wall_s: (wall_s * 1000.0).round() / 1000.0,
            analysed_by,
            model: usages().find_map(|usage| usage.model.clone()),
            totals: Totals {
                accepted: count(&|status| status != "refused"),
                completed: count(&|status| status == SessionStatus::Completed.as_str()),
                failed: count(&|status| status == SessionStatus::Failed.as_str()),
                cost_usd: (!costs.is_empty()).then(|| costs.iter().sum()),
                ..arrived
            },
            stages: stages(&sessions),
            sessions,
        }
    }

    /// Whether every session completed and no message is on a dead-letter queue.
    pub(super) fn is_complete(&self) -> bool {
        self.totals.completed == self.sessions.len() && self.totals.dead_letters == 0
    }
}

/// Stages one version after the other, and in each version as the pipeline goes.
fn stages(sessions: &[SessionOutcome]) -> Vec<StageTime> {
    let rank = |kind: &str| ["analyze", "notify", "crm_sync"].iter().position(|known| *known == kind);
    let steps = sessions.iter().flat_map(|session| &session.stored.steps);
    let met: BTreeSet<_> =
        steps.map(|step| (step.version, rank(&step.kind).unwrap_or(usize::MAX), step.stage())).collect();
    met.into_iter()
        .map(|(.., stage)| {
            let mut ms: Vec<_> = sessions.iter().filter_map(|session| session.stages_ms.get(&stage).copied()).collect();
            ms.sort_unstable();
            StageTime { median_ms: ms.get(ms.len() / 2).copied(), longest_ms: ms.last().copied(), stage }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::canned;
    use super::*;

    #[test]
    fn the_report_has_the_promised_shape() {
        let report = serde_json::to_value(canned::small()).unwrap();
        let session = &report["sessions"][0];
        for (pointer, value) in [
            ("/session_id", json!("brake-complaint")),
            ("/channel", json!("voice")),
            ("/status", json!("completed")),
            ("/analysis_status", json!("ok")),
            ("/category", json!("facing_issue")),
            ("/sentiment_average", json!(-0.138)),
            ("/email_status", json!("sent")),
            ("/hubspot/contact_id", json!("101")),
            ("/hubspot/record_id", json!("501")),
            ("/salesforce/contact_id", json!("00Q1")),
            ("/salesforce/record_id", json!("00T1")),
            ("/webhook_status", json!("done")),
            ("/stages_ms", json!({ "analyze": 852, "hubspot": 621, "notify": 228, "salesforce": 238, "webhook": 111 })),
        ] {
            assert_eq!(session.pointer(pointer), Some(&value), "{pointer}");
        }
        let failed = &report["sessions"][2];
        assert_eq!((&failed["status"], &failed["failure"]), (&json!("failed"), &json!("model_answer_invalid")));
        for pointer in ["/analysis_status", "/category", "/sentiment_average", "/email_status", "/hubspot/record_id"] {
            assert_eq!(failed.pointer(pointer), Some(&json!(null)), "{pointer}");
        }
        insta::assert_json_snapshot!(report["totals"], @r#"
        {
          "accepted": 3,
          "completed": 2,
          "contacts": 1,
          "cost_usd": 0.00034,
          "dead_letters": 1,
          "emails_sent": 1,
          "failed": 1,
          "notes": 1,
          "people": 1,
          "tasks": 1,
          "webhooks": 2
        }
        "#);
        assert_eq!(report["wall_s"], 4.321);
    }

    #[test]
    fn a_report_has_no_address_in_the_clear() {
        let report = serde_json::to_value(canned::small()).unwrap();
        assert!(
            report["sessions"][0]["address"].as_str().unwrap().contains("***"),
            "{}",
            report["sessions"][0]["address"]
        );
    }

    #[test]
    fn a_run_is_complete_only_if_every_session_is() {
        let outcome = |sessions: Vec<SessionOutcome>, dead_letters| {
            let arrived = Totals { dead_letters, ..Totals::default() };
            Outcome::new(("", "", String::new()), DateTime::UNIX_EPOCH, 1.0, sessions, arrived)
        };
        assert!(outcome(vec![canned::complete()], 0).is_complete());
        assert!(!outcome(vec![canned::complete()], 1).is_complete());
        assert!(!outcome(canned::small().sessions, 0).is_complete());
    }

    #[test]
    fn steps_of_later_versions_are_stages_of_their_own_after_the_first() {
        let mut session = canned::complete();
        for (kind, version, integration) in [
            ("crm_sync", 2, "hubspot"),
            ("notify", 2, ""),
            ("analyze", 10, ""),
            ("analyze", 2, ""),
            ("unheard_of", 1, ""),
        ] {
            let first = session.stored.steps[0].clone();
            let (kind, integration) = (kind.to_owned(), integration.to_owned());
            session.stored.steps.push(StepOutcome { kind, version, integration, ..first });
        }
        let stages: Vec<_> = stages(&[session]).into_iter().map(|stage| stage.stage).collect();
        assert_eq!(stages[..6], ["analyze", "notify", "hubspot", "salesforce", "webhook", "unheard_of"]);
        assert_eq!(stages[6..], ["analyze@2", "notify@2", "hubspot@2", "analyze@10"]);
    }

    #[test]
    fn a_session_that_was_refused_or_is_not_stored_shows_what_was_posted() {
        let sample = || canned::sample(0);
        let refused = SessionOutcome::new(sample(), Some("400 Bad Request".to_owned()), None);
        let stored = refused.stored;
        assert_eq!((stored.status.as_str(), stored.failure.as_deref()), ("refused", Some("400 Bad Request")));
        let missing = SessionOutcome::new(sample(), None, None);
        assert_eq!((missing.stored.status.as_str(), missing.stored.turns.is_empty()), ("missing", false));
    }
}
