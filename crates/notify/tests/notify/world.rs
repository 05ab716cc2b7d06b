//! A tenant with one analysed session, and the stage that mails its visitor.

use std::time::{Duration, Instant};

use chrono::Utc;
use domain::address_hash::AddressHash;
use domain::analysis::Analysis;
use domain::message::{AnalyzeMessage, NotifyMessage, StepMessage};
use domain::session::Session;
use domain::settings::{EmailSettings, TenantSettings};
use domain::step::{Step, StepKey};
use domain::transcript::{Role, Transcript, Turn};
use domain::unsubscribe::LinkSecrets;
use mail::Sender;
use notify::{Context, Error, Links};
use redaction::Originals;
use serde_json::Value;
use stage::{Delivery, Outcome, Stage};
use store::analyses::NewAnalysis;
use store::email_events::{EmailEvent, EventRecord};
use store::email_log::{Email, EmailKey, EmailStatus};
use store::reanalysis::Reanalysis;
use store::sessions::NotifiedSession;
use store::steps::{Claim, Claimed, Ending, Planned};
use store::suppressions::SuppressionReason;
use store::testing::TestDatabase;

use crate::sample;
use mail::testing::{FakeSes, SesAnswer};

/// The deployment's wait for an event.
pub(crate) const WAIT: Duration = Duration::from_secs(900);

/// A transcript with a card number.
fn transcript() -> Transcript {
    let turn = |role, text: &str| Turn { role, text: text.to_owned(), started_ms: None, ended_ms: None };
    Transcript::new(vec![
        turn(Role::Visitor, "My dishwasher leaks. My card is 4111 1111 1111 1111."),
        turn(Role::Tool, "INTERNAL tool result"),
        turn(Role::Agent, "A technician comes on Tuesday."),
    ])
}

pub(crate) struct World {
    pub database: TestDatabase,
    pub ses: FakeSes,
    pub context: Context,
    pub session: Session,
}

fn first_message(session: &Session) -> NotifyMessage {
    let Session { tenant_id, session_id, .. } = session.clone();
    NotifyMessage::V1 { tenant_id, session_id, analysis_version: 1 }
}

/// The secret of the links in mails.
pub(crate) fn secrets() -> LinkSecrets {
    LinkSecrets::new("a-secret-of-the-links-for-tests").unwrap()
}

impl World {
    pub(crate) async fn new(script: impl IntoIterator<Item = SesAnswer>) -> Self {
        Self::with(script, |_| ()).await
    }

    /// Makes a world whose session differs from the sample.
    pub(crate) async fn with(script: impl IntoIterator<Item = SesAnswer>, change: impl FnOnce(&mut Session)) -> Self {
        let (database, ses) = (TestDatabase::create().await, FakeSes::start(script).await);
        let context = Context {
            store: database.store.clone(),
            sender: Sender::new(&ses.sdk_config(), Some("events".to_owned())),
            sender_address: "post@example.org".parse().unwrap(),
            unknown_outcome_wait: WAIT,
            links: Links { public_url: "https://post.example.org".parse().unwrap(), secrets: secrets() },
            busy: notify::busy_waits(Duration::from_secs(900)),
            clock: Utc::now,
        };
        let mut session = sample::session();
        change(&mut session);
        let world = Self { database, ses, context, session };
        world.save(|_| ()).await;
        world.store(&world.session).await;
        world
    }

    pub(crate) async fn save_settings(&self, email: EmailSettings) {
        self.save(|settings| settings.email = email).await;
    }

    /// Saves the settings of the sample after a change.
    pub(crate) async fn save(&self, change: impl FnOnce(&mut TenantSettings)) {
        let mut settings = TenantSettings { email: sample::settings(), ..TenantSettings::default() };
        change(&mut settings);
        self.database.store.save_tenant(&self.session.tenant_id, "Acme", &settings).await.unwrap();
    }

    /// Adds a session of the same visitor and returns the message about it.
    pub(crate) async fn another(&self, id: &str) -> NotifyMessage {
        let session = Session { session_id: id.parse().unwrap(), ..self.session.clone() };
        self.store(&session).await;
        first_message(&session)
    }

    /// Adds an analysed session whose mail is planned.
    async fn store(&self, session: &Session) {
        let store = &self.database.store;
        let said = transcript();
        let notification = NotifiedSession { session, transcript: Some(&said), hash: b"hash", message: "{}" };
        store.accept_session(&notification).await.unwrap();
        let Session { tenant_id, session_id, .. } = session.clone();
        let key = AnalyzeMessage::V1 { tenant_id, session_id }.step_key();
        let Claim::Run(claimed, _) = store.claim_step(&key, WAIT, false).await.unwrap() else { panic!("not claimed") };
        let message = serde_json::to_string(&first_message(session)).unwrap();
        let follow_ups = &[Planned { step: Step::Notify { version: 1 }, message }];
        let analysis = NewAnalysis { analysis: &sample::analysis(), originals: &Default::default(), follow_ups };
        assert!(store.store_analysis(&claimed, &analysis).await.unwrap());
        store.finish_step(&claimed, Ending::Done).await.unwrap();
    }

    /// Adds a version of the session's analysis and returns the message about it.
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
        first_message(&self.session)
    }

    /// Delivers the session's message once.
    pub(crate) async fn deliver(&self) -> Result<Outcome, Error> {
        self.deliver_within(self.message(), Duration::from_secs(60)).await
    }

    /// Delivers the message and returns what follows.
    pub(crate) async fn outcome(&self) -> Outcome {
        self.deliver().await.unwrap_or_else(|error| Outcome::of(&error))
    }

    /// Delivers the message with this much time.
    pub(crate) async fn deliver_within(&self, message: NotifyMessage, time: Duration) -> Result<Outcome, Error> {
        self.handle(message, time, false).await
    }

    /// Delivers the message for the last time.
    pub(crate) async fn deliver_for_the_last_time(&self) -> Result<Outcome, Error> {
        self.handle(self.message(), Duration::from_secs(60), true).await
    }

    async fn handle(&self, message: NotifyMessage, time: Duration, is_last: bool) -> Result<Outcome, Error> {
        let claimed = Claimed { key: message.step_key(), attempt: 1 };
        self.context.handle(message, &Delivery { claimed, deadline: Instant::now() + time, is_last }).await
    }

    /// Returns the requests to SES.
    pub(crate) fn sent(&self) -> Vec<Value> {
        self.ses.requests()
    }

    /// Returns the hash of the visitor's address.
    pub(crate) fn hash(&self, address: &str) -> AddressHash {
        AddressHash::of(&self.session.tenant_id, &address.parse().unwrap())
    }

    pub(crate) async fn suppress(&self, address: &str, reason: SuppressionReason) {
        let hash = self.hash(address);
        assert!(self.database.store.suppress(&self.session.tenant_id, &hash, reason, None).await.unwrap());
    }

    /// Runs a statement for which the store has no method.
    pub(crate) async fn sql(&self, statement: &str) {
        self.database.client().await.execute(statement, &[]).await.unwrap();
    }

    pub(crate) async fn email(&self) -> Email {
        self.email_of(1).await
    }

    pub(crate) async fn email_of(&self, analysis_version: i32) -> Email {
        let Session { tenant_id, session_id, .. } = &self.session;
        let key = EmailKey { tenant_id, session_id, analysis_version };
        self.database.store.email(&key).await.unwrap().unwrap()
    }

    /// Returns status and code from the log.
    pub(crate) async fn status(&self) -> (EmailStatus, Option<String>) {
        let email = self.email().await;
        (email.status, email.code)
    }

    /// Records SES's event that the mail was sent.
    pub(crate) async fn send_event(&self) {
        let event = EmailEvent {
            tenant_id: &self.session.tenant_id,
            email_id: self.email().await.email_id,
            kind: "Send",
            occurred_at: Utc::now(),
            detail: &serde_json::json!({}),
            provider_id: "0102-ses-1",
            sent_at: Utc::now(),
            status: EmailStatus::Sent,
            concerns: None,
            suppress: None,
        };
        let recorded = EventRecord::Recorded { session_id: self.session.session_id.clone(), suppressed: 0 };
        assert_eq!(self.database.store.record_email_event(&event).await.unwrap(), recorded);
    }
}
