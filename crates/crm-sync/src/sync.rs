//! One step of one integration: what it takes, what is done, and what the log says of it.

use std::time::Instant;

use chrono::{DateTime, Utc};
use connectors::access::{Access, AccessToken};
use connectors::call::Trouble;
use connectors::hubspot::oauth::OAuth;
use connectors::job::{Job, Notes, Synced};
use connectors::salesforce::Login;
use connectors::verdict::DISABLED;
use connectors::webhook::{Telling, tell};
use connectors::{Error, SecretSource, hubspot, salesforce, words};
use domain::event::Event;
use domain::integration::hubspot::HubspotAuth;
use domain::integration::{Integration, IntegrationConfig, WebhookConfig};
use domain::message::CrmSyncMessage;
use domain::session::VisitorEmail;
use domain::settings::RedactionSettings;
use domain::settings::redaction::ShownText;
use domain::step::Code;
use secrecy::SecretString;
use stage::{Delivery, Outcome};
use store::Store;
use store::integration_log::{SyncKey, SyncStatus, Writing};
use store::integrations::AsOf;
use store::sessions::StoredSession;
use store::webhook_attempts::AttemptOf;
use store::webhook_events::WebhookEvent;
use uuid::Uuid;

use crate::{Context, record};

const NO_EMAIL: Code = Code::new("no_email");
const INVALID_EMAIL: Code = Code::new("invalid_email");

/// The sections of a tenant's settings that a sync follows.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Settings {
    redaction: RedactionSettings,
}

/// What a message asks for.
pub(crate) struct Work<'a> {
    pub(crate) integration: &'a Integration,
    pub(crate) as_of: AsOf,
    stored: &'a StoredSession,
    asked: Asked<'a>,
    pub(crate) delivery: &'a Delivery,
    now: DateTime<Utc>,
    notes: Notes,
}

/// A version of the analysis, which has a row in `integration_log`, or an event, which has none.
pub(crate) enum Asked<'a> {
    Analysis(SyncKey<'a>),
    Event { event_id: Uuid, event: WebhookEvent },
}

impl<'a> Asked<'a> {
    pub(crate) async fn of(message: &'a CrmSyncMessage, store: &Store) -> Result<Self, Error> {
        match message {
            CrmSyncMessage::V1 { tenant_id, session_id, analysis_version, integration_id } => {
                let analysis_version = *analysis_version;
                Ok(Self::Analysis(SyncKey { tenant_id, session_id, integration_id, analysis_version }))
            }
            CrmSyncMessage::V2 { tenant_id, event_id, .. } => {
                let event = store.webhook_event(tenant_id, *event_id).await.map_err(Error::Store)?;
                Ok(Self::Event { event_id: *event_id, event: event.ok_or(Error::UnknownEvent)? })
            }
        }
    }
}

/// What was done, and in how many requests.
pub(crate) struct Done {
    pub(crate) result: Result<Synced, Error>,
    pub(crate) requests: i32,
}

impl<'a> Work<'a> {
    pub(crate) fn new(
        asked: Asked<'a>,
        (integration, as_of): (&'a Integration, AsOf),
        stored: &'a StoredSession,
        delivery: &'a Delivery,
        now: DateTime<Utc>,
    ) -> Self {
        Self { integration, as_of, stored, asked, delivery, now, notes: Notes::default() }
    }

    pub(crate) fn is_replay(&self) -> bool {
        matches!(&self.asked, Asked::Event { event, .. } if event.is_replay)
    }

    /// Whether the log says that nothing is left to be done.
    pub(crate) async fn is_done(&self, store: &Store) -> Result<bool, Error> {
        let Asked::Analysis(key) = &self.asked else { return Ok(false) };
        Ok(store.open_sync(key).await.map_err(Error::Store)?.status == SyncStatus::Done)
    }

    /// Why the third party need not be asked, as a code and in words.
    pub(crate) fn skipped_without_asking(&self) -> Option<(Code, &'static str)> {
        match &self.integration.config {
            IntegrationConfig::Hubspot(_) | IntegrationConfig::Salesforce(_) => {
                match self.stored.session.visitor.email() {
                    VisitorEmail::Absent => Some((NO_EMAIL, "The visitor gave no e-mail address.")),
                    VisitorEmail::Invalid => Some((INVALID_EMAIL, "The visitor's e-mail address is none.")),
                    VisitorEmail::Usable(_) => None,
                }
            }
            IntegrationConfig::Webhook(_) => None,
        }
    }

    /// That it takes where the visitor is not known yet: so many have to be free. A CRM that knows them is asked less.
    pub(crate) fn requests(&self) -> i32 {
        match &self.integration.config {
            IntegrationConfig::Hubspot(_) => hubspot::REQUESTS,
            IntegrationConfig::Salesforce(_) => salesforce::REQUESTS,
            IntegrationConfig::Webhook(_) => 1,
        }
    }

    /// HubSpot no longer has the property that the last check found.
    pub(crate) fn relied_on_a_missing_key(&self, error: &Error) -> bool {
        let is_field = matches!(error, Error::Crm(error) if error.is(Trouble::Field));
        is_field && self.integration.connection.unique_note_property
    }

    pub(crate) async fn finish(&self, synced: Synced, store: &Store) -> Result<Outcome, Error> {
        match (synced, &self.asked) {
            (Synced::Skipped(code), _) => self.note_why(Outcome::Skipped(code), words::of_skip(code), store).await,
            (Synced::Written(_), Asked::Event { .. }) => Ok(Outcome::Done),
            (Synced::Written(id), Asked::Analysis(key)) => {
                let notice = self.notes.notice();
                store.record_synced(key, &id, notice.as_deref()).await.map_err(Error::Store)?;
                Ok(Outcome::Done)
            }
        }
    }

    /// Whether the step comes back by itself.
    pub(crate) fn is_tried_again(&self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Retry { .. } => !self.delivery.is_last,
            Outcome::Wait { code, .. } => code != DISABLED,
            Outcome::Done | Outcome::Skipped(_) | Outcome::Final(_) => false,
        }
    }

    /// Enters into the log what becomes of the step, and why.
    pub(crate) async fn note(&self, outcome: Outcome, code: Code, words: &str, store: &Store) -> Result<(), Error> {
        let Asked::Analysis(key) = &self.asked else { return Ok(()) };
        let has_asked = self.notes.requests() > 0;
        let ends = |status, code| store.record_not_synced(key, status, code, Some(words), has_asked);
        let noted = match outcome {
            Outcome::Skipped(code) => ends(SyncStatus::Skipped, code).await,
            Outcome::Final(code) => ends(SyncStatus::Failed, code).await,
            Outcome::Retry { .. } if self.delivery.is_last => ends(SyncStatus::Failed, code).await,
            Outcome::Retry { .. } | Outcome::Wait { .. } if has_asked => store.stop_writing(key, code, words).await,
            Outcome::Retry { .. } | Outcome::Wait { .. } => store.hold_sync(key, code, words).await,
            Outcome::Done => Ok(()),
        };
        noted.map_err(Error::Store)
    }

    /// The same where the outcome says it all; returns it.
    pub(crate) async fn note_why(&self, outcome: Outcome, why: &str, store: &Store) -> Result<Outcome, Error> {
        let code = match outcome {
            Outcome::Skipped(code)
            | Outcome::Final(code)
            | Outcome::Wait { code, .. }
            | Outcome::Retry { code, .. } => code,
            Outcome::Done => return Ok(outcome),
        };
        self.note(outcome, code, why, store).await?;
        Ok(outcome)
    }
}

impl<S: SecretSource> Context<S> {
    pub(crate) async fn work(&self, work: &Work<'_>) -> Done {
        let result = self.sync(work).await;
        Done { result, requests: work.notes.requests() }
    }

    async fn sync(&self, work: &Work<'_>) -> Result<Synced, Error> {
        let tenant_id = &work.integration.tenant_id;
        let tenant = self.connectors.store.tenant::<Settings>(tenant_id).await.map_err(Error::Store)?;
        let redaction = tenant.map(|tenant| tenant.settings.redaction).unwrap_or_default();
        match (&work.integration.config, &work.asked) {
            (IntegrationConfig::Webhook(config), asked) => self.webhook(work, config, asked, redaction.webhooks).await,
            (_, Asked::Event { .. }) => Err(Error::NoWebhook),
            (config, Asked::Analysis(key)) => self.crm(work, config, key, redaction.notes).await,
        }
    }

    async fn crm(
        &self,
        work: &Work<'_>,
        config: &IntegrationConfig,
        key: &SyncKey<'_>,
        shown: ShownText,
    ) -> Result<Synced, Error> {
        let analysis =
            self.connectors.store.shown_analysis(key.tenant_id, key.session_id, key.analysis_version, shown).await;
        let job = Job {
            key: *key,
            session: &work.stored.session,
            analysis: &analysis.map_err(Error::Store)?.ok_or(Error::UnknownAnalysis)?,
            shown,
            connection: &work.integration.connection,
            delivery: work.delivery,
            now: work.now,
            notes: &work.notes,
        };
        match config {
            IntegrationConfig::Hubspot(config) => {
                let sync = async |token: &SecretString| {
                    record::sync(&job, &self.connectors.hubspot.portal(config, token, &job), &self.connectors.store)
                        .await
                };
                match config.auth {
                    HubspotAuth::Token => self.with_secret(work.integration, sync).await,
                    HubspotAuth::Oauth => {
                        let deadline = work.delivery.deadline;
                        let sign_in = OAuth { hubspot: &self.connectors.hubspot, config, deadline, now: work.now };
                        let access = self.access(work, &sign_in);
                        access.with_token(async |token: &AccessToken| sync(&token.token).await).await
                    }
                }
            }
            IntegrationConfig::Salesforce(config) => {
                let login = Login::new(&self.connectors.salesforce, config, work.delivery.deadline, work.now);
                let login = login.ok_or(Error::ForeignUrl)?;
                let sync = async |token: &AccessToken| {
                    let org = self
                        .connectors
                        .salesforce
                        .org(config, token, &job, &self.connectors.store)
                        .map_err(Error::Crm)?;
                    record::sync(&job, &org, &self.connectors.store).await
                };
                self.access(work, &login).with_token(sync).await
            }
            IntegrationConfig::Webhook(_) => Err(Error::NoWebhook),
        }
    }

    fn access<'a, I>(&'a self, work: &Work<'a>, sign_in: &'a I) -> Access<'a, S, I> {
        let (integration, now) = (work.integration, work.now);
        Access { integration, secrets: &self.connectors.secrets, store: &self.connectors.store, sign_in, now }
    }

    async fn webhook(
        &self,
        work: &Work<'_>,
        config: &WebhookConfig,
        asked: &Asked<'_>,
        shown: ShownText,
    ) -> Result<Synced, Error> {
        let analyzed;
        let (event, at, attempt_of) = match asked {
            Asked::Analysis(key) => {
                analyzed = Event::SessionAnalyzed { version: key.analysis_version };
                (&analyzed, work.stored.session.ended_at, AttemptOf::Analysis(key.analysis_version))
            }
            Asked::Event { event_id, event } => (&event.event, event.occurred_at, AttemptOf::Event(*event_id)),
        };
        let Integration { tenant_id, integration_id, .. } = work.integration;
        let telling = Telling {
            tenant_id,
            session_id: &work.stored.session.session_id,
            integration_id,
            config,
            session: &work.stored.session,
            event,
            at,
            attempt_of,
            shown,
            delivery: work.delivery,
            now: work.now,
        };
        let body = telling.body(&self.connectors.store).await?;
        if let Asked::Analysis(key) = asked {
            let writing = Writing { contact_id: None, keyed: true, lease: std::time::Duration::ZERO };
            self.connectors.store.start_writing(key, writing).await.map_err(Error::Store)?;
        }
        let call = async |secret: &SecretString| {
            work.notes.count_request();
            tell(&telling, &body, &self.connectors.webhooks, secret, &self.connectors.store).await.map(Synced::Written)
        };
        self.with_secret(work.integration, call).await
    }

    /// A secret that is refused is read anew; if it has been rotated since it was cached, the call is made once more.
    async fn with_secret(
        &self,
        integration: &Integration,
        call: impl AsyncFn(&SecretString) -> Result<Synced, Error>,
    ) -> Result<Synced, Error> {
        let name = &integration.secret_name;
        let get = async || {
            self.connectors.secrets.get(&integration.tenant_id, name, Instant::now()).await.map_err(Error::Secret)
        };
        let secret = get().await?;
        let mut result = call(&secret.value).await;
        if secret.is_cached && result.as_ref().is_err_and(Error::is_unauthorized) {
            self.connectors.secrets.forget(name);
            result = call(&get().await?.value).await;
        }
        if result.as_ref().is_err_and(Error::is_unauthorized) {
            self.connectors.secrets.forget(name);
        }
        result
    }
}
