//! A tenant with one analysed session, and the stage that is to mail its visitor.

use std::time::{Duration, Instant};

use chrono::Utc;
use domain::analysis::Analysis;
use domain::message::{AnalyzeMessage, NotifyMessage, StepMessage};
use domain::redaction::Originals;
use domain::session::Session;
use domain::settings::{EmailSettings, TenantSettings};
use domain::step::{Step, StepKey};
use notify::{Context, Error, Sender, TEMPLATE, Templates};
use stage::{Delivery, Outcome, Stage};
use store::analyses::NewAnalysis;
use store::email_log::{Email, EmailEvent, EmailKey, EmailStatus, EventRecord};
use store::reanalysis::Reanalysis;
use store::sessions::Notification;
use store::steps::{Claim, Claimed};
use store::testing::TestDatabase;

use crate::fake_ses::{Answer, FakeSes};
use crate::sample;

/// What the deployment waits for an event.
pub(crate) const WAIT: Duration = Duration::from_secs(900);

pub(crate) struct World {
    pub database: TestDatabase,
    pub ses: FakeSes,
    pub context: Context,
    pub session: Session,
}

impl World {
    pub(crate) async fn new(script: impl IntoIterator<Item = Answer>) -> Self {
        let (database, ses) = (TestDatabase::create().await, FakeSes::start(script).await);
        let context = Context {
            store: database.store.clone(),
            sender: Sender::new(&ses.sdk_config(), Some("events".to_owned())),
            templates: Templates::default(),
            sender_address: "post@example.org".parse().unwrap(),
            unknown_outcome_wait: WAIT,
            clock: Utc::now,
        };
        let world = Self { database, ses, context, session: sample::session() };
        world.save_settings(sample::settings()).await;
        world.store_session().await;
        world
    }

    pub(crate) async fn save_settings(&self, email: EmailSettings) {
        let settings = TenantSettings { email, ..TenantSettings::default() };
        self.database.store.save_tenant(&self.session.tenant_id, "Acme", &settings).await.unwrap();
    }

    /// The tenant's `redaction` settings.
    pub(crate) async fn save_redaction(&self, redaction: serde_json::Value) {
        let redaction = serde_json::from_value(redaction).unwrap();
        let settings = TenantSettings { email: sample::settings(), redaction, ..TenantSettings::default() };
        self.database.store.save_tenant(&self.session.tenant_id, "Acme", &settings).await.unwrap();
    }

    async fn store_session(&self) {
        let store = &self.database.store;
        let notification = Notification { session: &self.session, transcript: None, hash: b"hash", message: "{}" };
        store.accept_session(&notification).await.unwrap();
        let Session { tenant_id, session_id, .. } = self.session.clone();
        let key = AnalyzeMessage::V1 { tenant_id, session_id }.step_key();
        let Claim::Run(claimed, _) = store.claim_step(&key, WAIT, false).await.unwrap() else { panic!("not claimed") };
        let analysis = NewAnalysis { analysis: &sample::analysis(), originals: &Default::default(), follow_ups: &[] };
        assert!(store.store_analysis(&claimed, &analysis).await.unwrap());
    }

    /// Another version of the session's analysis, and the message about it.
    pub(crate) async fn analyse_again(&self, analysis_version: i32) -> NotifyMessage {
        self.analyse_again_as(analysis_version, &sample::analysis(), &Originals::default()).await
    }

    pub(crate) async fn analyse_again_as(
        &self,
        analysis_version: i32,
        analysis: &Analysis,
        originals: &Originals,
    ) -> NotifyMessage {
        let (store, Session { tenant_id, session_id, .. }) = (&self.database.store, self.session.clone());
        let planned = store.plan_reanalysis(&tenant_id, &session_id, analysis_version, "again").await.unwrap();
        assert_eq!(planned, Reanalysis::Planned);
        let step = Step::Analyze { version: analysis_version };
        let key = StepKey { tenant_id: tenant_id.clone(), session_id: session_id.clone(), step };
        let Claim::Run(claimed, _) = store.claim_step(&key, WAIT, false).await.unwrap() else { panic!("not claimed") };
        let new = NewAnalysis { analysis, originals, follow_ups: &[] };
        assert!(store.store_analysis(&claimed, &new).await.unwrap());
        NotifyMessage::V1 { tenant_id, session_id, analysis_version }
    }

    pub(crate) fn message(&self) -> NotifyMessage {
        let Session { tenant_id, session_id, .. } = self.session.clone();
        NotifyMessage::V1 { tenant_id, session_id, analysis_version: 1 }
    }

    /// One delivery of the session's message.
    pub(crate) async fn deliver(&self) -> Result<Outcome, Error> {
        self.deliver_within(self.message(), Duration::from_secs(60)).await
    }

    /// One delivery, with this much time.
    pub(crate) async fn deliver_within(&self, message: NotifyMessage, time: Duration) -> Result<Outcome, Error> {
        let claimed = Claimed { key: message.step_key(), attempt: 1 };
        self.context.handle(message, &Delivery { claimed, deadline: Instant::now() + time }).await
    }

    pub(crate) async fn email(&self) -> Email {
        self.email_of(1).await
    }

    pub(crate) async fn email_of(&self, analysis_version: i32) -> Email {
        let Session { tenant_id, session_id, .. } = &self.session;
        let key = EmailKey { tenant_id, session_id, template: TEMPLATE, analysis_version };
        self.database.store.email(&key).await.unwrap().unwrap()
    }

    /// What the log says: status and code.
    pub(crate) async fn status(&self) -> (EmailStatus, Option<String>) {
        let email = self.email().await;
        (email.status, email.code)
    }

    /// SES reports that it took the mail.
    pub(crate) async fn send_event(&self) {
        let event = EmailEvent {
            tenant_id: &self.session.tenant_id,
            email_id: self.email().await.email_id,
            kind: "Send",
            occurred_at: Utc::now(),
            detail: &serde_json::json!({}),
            provider_id: "0102-ses-1",
            sent_at: Utc::now(),
            status: Some(EmailStatus::Sent),
        };
        assert_eq!(self.database.store.record_email_event(&event).await.unwrap(), EventRecord::Recorded);
    }
}
