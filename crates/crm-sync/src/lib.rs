#![doc = include_str!("../README.md")]

mod error;
mod http;
mod hubspot;
mod secrets;
mod webhook;

use std::time::Instant;

use domain::analysis::Analysis;
use domain::integration::{Integration, IntegrationConfig};
use domain::message::CrmSyncMessage;
use domain::session::Session;
use domain::settings::RedactionSettings;
use domain::settings::redaction::ShownText;
use domain::step::Code;
use secrecy::SecretString;
use stage::step::StageConfig;
use stage::{Clock, ConfigError, Delivery, Env, Failure, Outcome, SdkConfig, Stage, config};
use store::Store;
use store::integration_log::{SyncKey, SyncStatus};

pub use error::Error;
pub use http::SetupError;
pub use hubspot::{DAILY_LIMIT_WAIT, HubSpot, HubSpotError, MAX_NOTE_LENGTH, REQUEST_TIMEOUT, Refusal};
pub use secrets::{SECRET_LIFETIME, SecretError, SecretSource, Secrets, SecretsManager};
pub use webhook::{AllowedHosts, DELIVERY_TIMEOUT, MAX_PAYLOAD_BYTES, Violation, WebhookError, Webhooks};

const DEFAULT_HUBSPOT_BASE_URL: &str = "https://api.hubapi.com";
const INTEGRATION_DISABLED: Code = Code::new("integration_disabled");

/// The sections of a tenant's settings that a sync follows.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Settings {
    redaction: RedactionSettings,
}

/// The function's configuration.
pub struct Config {
    pub store: store::Config,
    pub stage: StageConfig,
    pub hubspot_base_url: String,
    pub secret_prefix: String,
    pub webhook_allowed_hosts: AllowedHosts,
}

impl Config {
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let stage = StageConfig::from_env(env)?;
        let allowed = env.optional("WEBHOOK_ALLOWED_HOSTS").unwrap_or_default().parse();
        Ok(Self {
            store: config::store(env, stage.queue.concurrency)?,
            stage,
            hubspot_base_url: env.optional("HUBSPOT_BASE_URL").unwrap_or(DEFAULT_HUBSPOT_BASE_URL).to_owned(),
            secret_prefix: env.text("SECRET_PREFIX")?,
            webhook_allowed_hosts: allowed.map_err(|error: webhook::InvalidAllowedHost| ConfigError::Invalid {
                name: "WEBHOOK_ALLOWED_HOSTS",
                reason: error.to_string(),
            })?,
        })
    }
}

/// What the function works with.
pub struct Context<S = SecretsManager> {
    pub store: Store,
    pub secrets: Secrets<S>,
    pub hubspot: HubSpot,
    pub webhooks: Webhooks,
    pub clock: Clock,
}

impl Context {
    pub fn new(config: &Config, aws: &SdkConfig, store: Store) -> Result<Self, SetupError> {
        Ok(Self {
            store,
            secrets: Secrets::new(SecretsManager::new(aws), &config.secret_prefix),
            hubspot: HubSpot::new(&config.hubspot_base_url)?,
            webhooks: Webhooks::new(config.webhook_allowed_hosts.clone())?,
            clock: chrono::Utc::now,
        })
    }
}

/// What is to be synced.
pub(crate) struct Job<'a> {
    pub(crate) key: SyncKey<'a>,
    pub(crate) session: &'a Session,
    pub(crate) analysis: &'a Analysis,
    /// How the analysis, and any other version of it, is shown.
    pub(crate) shown: ShownText,
    pub(crate) delivery: &'a Delivery,
    pub(crate) now: chrono::DateTime<chrono::Utc>,
}

/// What became of a [`Job`].
pub(crate) enum Synced {
    /// The third party holds the record with this id.
    Written(String),
    Skipped(Code),
}

impl<S: SecretSource> Stage for Context<S> {
    type Message = CrmSyncMessage;
    type Error = Error;

    /// `Err` is another delivery if [`Failure::is_retryable`]; else it is in the log already, and the step's end.
    async fn handle(&self, message: CrmSyncMessage, delivery: &Delivery) -> Result<Outcome, Error> {
        let CrmSyncMessage::V1 { tenant_id, session_id, analysis_version, integration_id } = message;
        let key = SyncKey {
            tenant_id: &tenant_id,
            session_id: &session_id,
            integration_id: &integration_id,
            analysis_version,
        };
        let integration = self.store.integration(&tenant_id, &integration_id).await.map_err(Error::Store)?;
        let integration = integration.ok_or(Error::UnknownIntegration)?;
        let stored = self.store.session(&tenant_id, &session_id).await.map_err(Error::Store)?;
        let session = stored.ok_or(Error::UnknownSession)?.session;
        let log = self.store.open_sync(&key).await.map_err(Error::Store)?;
        if log.status == SyncStatus::Done {
            return Ok(Outcome::Done);
        }
        let result = if integration.enabled {
            // Boxed: the futures of both clients, one inside the other, are deeper than the compiler follows.
            Box::pin(self.sync(key, &integration, &session, delivery)).await
        } else {
            Ok(Synced::Skipped(INTEGRATION_DISABLED))
        };
        self.record(&key, result).await
    }
}

impl<S: SecretSource> Context<S> {
    async fn sync(
        &self,
        key: SyncKey<'_>,
        integration: &Integration,
        session: &Session,
        delivery: &Delivery,
    ) -> Result<Synced, Error> {
        let tenant = self.store.tenant::<Settings>(key.tenant_id).await.map_err(Error::Store)?;
        let redaction = tenant.map(|tenant| tenant.settings.redaction).unwrap_or_default();
        let shown = match &integration.config {
            IntegrationConfig::Hubspot { .. } => redaction.notes,
            IntegrationConfig::Webhook { .. } => redaction.webhooks,
        };
        let analysis = self.store.shown_analysis(key.tenant_id, key.session_id, key.analysis_version, shown).await;
        let analysis = &analysis.map_err(Error::Store)?.ok_or(Error::UnknownAnalysis)?;
        let job = Job { key, session, analysis, shown, delivery, now: (self.clock)() };
        match &integration.config {
            IntegrationConfig::Hubspot { api_version } => match hubspot::address(&session.visitor) {
                Ok(email) => {
                    let call = async |token: &SecretString| {
                        let portal = self.hubspot.portal(api_version, token, &job);
                        hubspot::sync(&job, &portal, &email, &self.store).await
                    };
                    self.with_secret(integration, call).await
                }
                Err(code) => Ok(Synced::Skipped(code)),
            },
            IntegrationConfig::Webhook { url } => {
                let call = async |secret: &SecretString| self.webhooks.deliver(&job, url, secret, &self.store).await;
                self.with_secret(integration, call).await
            }
        }
    }

    /// A secret that is refused is read anew; if it has been rotated since it was cached, the call is made once more.
    async fn with_secret(
        &self,
        integration: &Integration,
        call: impl AsyncFn(&SecretString) -> Result<Synced, Error>,
    ) -> Result<Synced, Error> {
        let name = &integration.secret_name;
        let get = async || self.secrets.get(&integration.tenant_id, name, Instant::now()).await.map_err(Error::Secret);
        let secret = get().await?;
        let mut result = call(&secret.value).await;
        if secret.is_cached && result.as_ref().is_err_and(Error::is_unauthorized) {
            self.secrets.forget(name);
            result = call(&get().await?.value).await;
        }
        if result.as_ref().is_err_and(Error::is_unauthorized) {
            self.secrets.forget(name);
        }
        result
    }

    /// An error that another delivery may help leaves the log as it stands: it says whether a record was begun.
    async fn record(&self, key: &SyncKey<'_>, result: Result<Synced, Error>) -> Result<Outcome, Error> {
        match result {
            Ok(Synced::Written(id)) => {
                self.store.record_synced(key, &id).await.map_err(Error::Store)?;
                Ok(Outcome::Done)
            }
            Ok(Synced::Skipped(code)) => {
                self.store.record_not_synced(key, SyncStatus::Skipped, code).await.map_err(Error::Store)?;
                Ok(Outcome::Skipped(code))
            }
            Err(error) => {
                if !error.is_retryable() {
                    let failed = self.store.record_not_synced(key, SyncStatus::Failed, error.code()).await;
                    failed.map_err(Error::Store)?;
                }
                Err(error)
            }
        }
    }
}
