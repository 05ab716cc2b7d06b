#![doc = include_str!("../README.md")]

mod record;
mod sync;

use std::time::Duration;

use connectors::job::Synced;
use connectors::verdict::{DISABLED, DISABLED_WAIT, FAILING_LIMIT, Next, Verdict};
use connectors::{Connectors, Error, SecretSource, SecretsManager, SetupError, words};
use domain::integration::{Integration, IntegrationState};
use domain::message::CrmSyncMessage;
use domain::step::Code;
use stage::backoff::Backoff;
use stage::step::StageConfig;
use stage::{ConfigError, Delivery, Env, Failure, Outcome, SdkConfig, Stage, config, error_chain};
use store::Store;
use store::gates::{Admission, CircuitWaits, Health, Standing};

use sync::{Asked, Done, Work};

const INTEGRATION_OFF: Code = Code::new("integration_off");
const INTEGRATION_REMOVED: Code = Code::new("integration_removed");
/// The integration has failed for [`FAILING_LIMIT`].
const FAILING: Code = Code::new("failing");
/// After so long nobody is going to mend it: the sessions fail, and can be replayed when somebody does.
const LONGEST_DISABLED: Duration = Duration::from_secs(30 * 24 * 3600);

/// The function's configuration.
pub struct Config {
    pub store: store::Config,
    pub stage: StageConfig,
    pub connectors: connectors::Config,
}

impl Config {
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let stage = StageConfig::from_env(env)?;
        let store = config::store(env, stage.queue.concurrency)?;
        Ok(Self { store, stage, connectors: connectors::Config::from_env(env)? })
    }
}

/// What the function works with.
pub struct Context<S = SecretsManager> {
    pub connectors: Connectors<S>,
    /// How long an integration that is down is left alone.
    pub circuit: CircuitWaits,
}

impl Context {
    pub fn new(config: &Config, aws: &SdkConfig, store: Store) -> Result<Self, SetupError> {
        let Backoff { base, max } = config.stage.backoff;
        let connectors = Connectors::new(&config.connectors, aws, store)?;
        Ok(Self { connectors, circuit: CircuitWaits { base, max } })
    }
}

impl<S: SecretSource> Stage for Context<S> {
    type Message = CrmSyncMessage;
    type Error = Error;

    /// `Err` is another delivery if [`Failure::is_retryable`]; else it is in the log already, and the step's end.
    async fn handle(&self, message: CrmSyncMessage, delivery: &Delivery) -> Result<Outcome, Error> {
        let (tenant, integration) = match &message {
            CrmSyncMessage::V1 { tenant_id, integration_id, .. }
            | CrmSyncMessage::V2 { tenant_id, integration_id, .. } => (tenant_id, integration_id),
        };
        let found = self.connectors.store.integration_as_of(tenant, integration).await.map_err(Error::Store)?;
        let (integration, as_of) = found.ok_or(Error::UnknownIntegration)?;
        let session_id = &delivery.claimed.key.session_id;
        let stored = self.connectors.store.session(tenant, session_id).await.map_err(Error::Store)?;
        let stored = stored.ok_or(Error::UnknownSession)?;
        let asked = Asked::of(&message, &self.connectors.store).await?;
        let work = Work::new(asked, (&integration, as_of), &stored, delivery, (self.connectors.clock)());
        if work.is_done(&self.connectors.store).await? {
            return Ok(Outcome::Done);
        }
        if let Some((outcome, why)) = self.standstill(&integration) {
            return work.note_why(outcome, why, &self.connectors.store).await;
        }
        // Boxed: with the futures of the clients inside, the function's is deeper than the compiler follows.
        Box::pin(self.admitted(&work)).await
    }
}

impl<S: SecretSource> Context<S> {
    /// What becomes of a step of an integration that is not on, and why it is not.
    fn standstill<'a>(&self, integration: &'a Integration) -> Option<(Outcome, &'a str)> {
        match &integration.state {
            IntegrationState::On => None,
            IntegrationState::Off => Some((Outcome::Skipped(INTEGRATION_OFF), "The integration is switched off.")),
            IntegrationState::Removed => Some((Outcome::Skipped(INTEGRATION_REMOVED), "The integration was removed.")),
            IntegrationState::Disabled(disabled) => {
                let since = ((self.connectors.clock)() - disabled.since).to_std().unwrap_or_default();
                let outcome = match since > LONGEST_DISABLED {
                    true => Outcome::Final(DISABLED),
                    false => Outcome::Wait { after: DISABLED_WAIT, code: DISABLED },
                };
                Some((outcome, &disabled.reason))
            }
        }
    }

    /// Does the work if it may be done now, and says to the gate what it has found.
    async fn admitted(&self, work: &Work<'_>) -> Result<Outcome, Error> {
        let Integration { tenant_id, integration_id, config, .. } = work.integration;
        if let Some((code, why)) = work.skipped_without_asking() {
            return work.note_why(Outcome::Skipped(code), why, &self.connectors.store).await;
        }
        let (asked, lease) = (work.requests(), work.delivery.remaining());
        let key = &work.delivery.claimed.key;
        let admission = self.connectors.store.admit(key, integration_id, config.limits(), asked, lease).await;
        let pass = match admission.map_err(Error::Store)? {
            Admission::Go(pass) => pass,
            Admission::Wait { after, code } => {
                let outcome = Outcome::Wait { after, code };
                return match words::of_wait(code, config) {
                    Some(why) => work.note_why(outcome, &why, &self.connectors.store).await,
                    None => Ok(outcome),
                };
            }
            Admission::Unknown => return Err(Error::UnknownIntegration),
        };
        let Done { result, requests } = self.work(work).await;
        let verdict = match &result {
            Ok(Synced::Written(_)) => Verdict { health: Health::Works, next: Next::Skip },
            Ok(Synced::Skipped(_)) => Verdict::own(Next::Skip),
            Err(error) => Verdict::of(error, config),
        };
        let verdict = if work.delivery.remaining().is_zero() { verdict.cut_short() } else { verdict };
        let health = if work.is_replay() { verdict.of_replay() } else { verdict.health };
        let leave = async || {
            let more = (requests - asked).max(0);
            self.connectors
                .store
                .leave(tenant_id, integration_id, pass, health, more, self.circuit)
                .await
                .map_err(Error::Store)
        };
        match result {
            Ok(synced) => {
                // First what is there: a pass that is not given back ends by itself.
                let outcome = work.finish(synced, &self.connectors.store).await;
                leave().await?;
                outcome
            }
            Err(error) => {
                let standing = leave().await?;
                self.failed(work, error, &verdict, standing).await
            }
        }
    }

    async fn failed(
        &self,
        work: &Work<'_>,
        error: Error,
        verdict: &Verdict,
        standing: Standing,
    ) -> Result<Outcome, Error> {
        let Integration { tenant_id, integration_id, config, .. } = work.integration;
        let mut verdict = verdict.clone();
        if work.relied_on_a_missing_key(&error) {
            self.connectors.store.forget_note_key(tenant_id, integration_id).await.map_err(Error::Store)?;
            verdict.next = Next::Retry(None);
        }
        let fails_for_long = verdict.is_failure() && standing.failing_for >= FAILING_LIMIT && !work.is_replay();
        if verdict.next == Next::Disable {
            self.disable(work, error.code(), &words::once(&error, config)).await?;
        } else if fails_for_long {
            let last = words::once(&error, config);
            self.disable(work, FAILING, &format!("Nothing has been accepted for five days. The last failure: {last}"))
                .await?;
            verdict.next = Next::Disable;
        }
        let outcome = verdict.outcome(error.code(), standing);
        let words = if work.is_tried_again(outcome) { words::of(&error, config) } else { words::once(&error, config) };
        work.note(outcome, error.code(), &words, &self.connectors.store).await?;
        let is_what_it_means = match outcome {
            Outcome::Retry { after: None, .. } => error.is_retryable(),
            Outcome::Final(_) => !error.is_retryable(),
            Outcome::Retry { .. } | Outcome::Wait { .. } | Outcome::Skipped(_) | Outcome::Done => false,
        };
        if is_what_it_means {
            return Err(error);
        }
        tracing::warn!(error = error_chain(&error), ?outcome, "not synced");
        Ok(outcome)
    }

    /// Unless somebody has changed it since it was asked.
    async fn disable(&self, work: &Work<'_>, code: Code, words: &str) -> Result<(), Error> {
        let Integration { tenant_id: tenant, integration_id: id, .. } = work.integration;
        if self.connectors.store.disable_integration(tenant, id, work.as_of, code, words).await.map_err(Error::Store)? {
            tracing::error!(tenant.id = %tenant, integration.id = %id, code = code.as_str(), "disabled an integration");
        }
        Ok(())
    }
}
