//! The course of one message, from top to bottom.

use std::time::Duration;

use connectors::explanation::{self, Afterwards};
use connectors::job::{SyncNotes, Synced};
use connectors::reason::Reason;
use connectors::{Error, SecretSource, crm, hubspot, salesforce};
use domain::integration::{Disabled, INTEGRATION_DISABLED, Integration, IntegrationConfig, IntegrationState};
use domain::message::CrmSyncMessage;
use domain::step::Code;
use stage::{Delivery, Outcome, error_chain};
use store::Store;
use store::gates::{Admission, Health, Standing};
use store::integration_log::SyncStatus;

use crate::judgement::{FAILING, FAILING_DAYS, Judgement, counted};
use crate::request::{SyncContent, SyncRequest};
use crate::{Context, DISABLED_WAIT};

/// Sessions of an integration that is disabled for longer fail, and can be replayed once it is fixed.
const LONGEST_DISABLED: Duration = Duration::from_secs(30 * 24 * 3600);

impl<S: SecretSource> Context<S> {
    /// Finds what the message refers to, and ends here if there is nothing to do or the integration is not on.
    pub(crate) async fn sync(&self, message: &CrmSyncMessage, delivery: &Delivery) -> Result<Outcome, Error> {
        let store = &self.connectors.store;
        let (tenant, integration) = match message {
            CrmSyncMessage::V1 { tenant_id, integration_id, .. }
            | CrmSyncMessage::V2 { tenant_id, integration_id, .. } => (tenant_id, integration_id),
        };
        let found = store.integration_as_of(tenant, integration).await?;
        let (integration, as_of) = found.ok_or(Error::Reason(Reason::UnknownIntegration))?;
        let stored = store.session(tenant, &delivery.claimed.key.session_id).await?;
        let request = SyncRequest {
            integration: &integration,
            as_of,
            stored: &stored.ok_or(Error::Reason(Reason::UnknownSession))?,
            content: SyncContent::of(message, store).await?,
            delivery,
            now: (self.connectors.clock)(),
            notes: SyncNotes::default(),
        };
        // A finished sync stays done, even where the integration was switched off since.
        if let SyncContent::Analysis(key) = &request.content
            && store.open_sync(key).await? == SyncStatus::Done
        {
            return Ok(Outcome::Done);
        }
        match &integration.state {
            IntegrationState::On => {}
            IntegrationState::Off => return request.skip(Reason::IntegrationOff, store).await,
            IntegrationState::Removed => return request.skip(Reason::IntegrationRemoved, store).await,
            IntegrationState::Disabled(disabled) => return request.wait_for_administrator(disabled, store).await,
        }
        // The check comes before the gate: a skip must not use up a turn.
        if let Some(reason) = request.needless() {
            return request.skip(reason, store).await;
        }
        // Boxed: with the futures of the clients inside, the function's is deeper than the compiler follows.
        Box::pin(self.admitted(&request)).await
    }

    /// Asks the gate whether the third party may be called now, writes to it, and reports its health to the gate.
    async fn admitted(&self, request: &SyncRequest<'_>) -> Result<Outcome, Error> {
        let store = &self.connectors.store;
        let Integration { tenant_id, integration_id, config, .. } = request.integration;
        let (booked, lease, key) = (requests(config), request.delivery.remaining(), &request.delivery.claimed.key);
        let pass = match store.admit(key, integration_id, config.limits(), booked, lease).await? {
            Admission::Go(pass) => pass,
            Admission::Wait { after, code } => return request.wait_for_turn(after, code, store).await,
            Admission::Unknown => return Err(Error::Reason(Reason::UnknownIntegration)),
        };
        let result = self.write(request).await;
        let judged = result.as_ref().err().map(|error| Judgement::of(error, request.integration));
        let health = match (&result, &judged) {
            (_, Some(judgement)) => judgement.health,
            (Ok(Synced::Written(_)), None) => Health::Works,
            _ => Health::Unknown,
        };
        let health = counted(health, request.is_replay(), request.delivery.remaining().is_zero());
        // Requests that were booked and not made stay counted, which errs on the safe side of the limit.
        let more = (request.notes.requests() - booked).max(0);
        let leave = async || store.leave(tenant_id, integration_id, pass, health, more, self.circuit).await;
        match (result, judged) {
            (Err(error), Some(judgement)) => {
                // The standing must include this failure: it decides whether the integration is disabled.
                let standing = leave().await?;
                self.failed(request, &error, judgement, standing).await
            }
            (result, _) => {
                // The log first: a pass that is not given back ends by itself.
                let outcome = request.finish(result?, store).await;
                leave().await?;
                outcome
            }
        }
    }

    /// Decides on the step and the integration after an error, and enters both into the log.
    async fn failed(
        &self,
        request: &SyncRequest<'_>,
        error: &Error,
        judgement: Judgement,
        standing: Standing,
    ) -> Result<Outcome, Error> {
        let store = &self.connectors.store;
        let Integration { tenant_id, integration_id, config, .. } = request.integration;
        if judgement.forgets_note_key {
            store.forget_note_key(tenant_id, integration_id).await?;
        }
        let ended = || explanation::of_error(error, config, Afterwards::Ended);
        if let Some(code) = judgement.disables(standing, request.is_replay()) {
            let text = match code == FAILING {
                true => format!("The integration has failed for {FAILING_DAYS} days. The last failure: {}", ended()),
                false => ended(),
            };
            self.disable(request, code, &text).await?;
        }
        let outcome = judgement.outcome(error, standing, request.is_replay());
        let text = match request.comes_back(&outcome) {
            true => explanation::of_error(error, config, Afterwards::Sync),
            false => ended(),
        };
        request.log(&outcome, judgement.code, &text, store).await?;
        // The stage logs these two.
        if !matches!(outcome, Outcome::Retry { .. } | Outcome::Final { .. }) {
            tracing::warn!(error = error_chain(error), ?outcome, "sync not done");
        }
        Ok(outcome)
    }

    /// Disables the integration, unless an administrator has changed it since it was read.
    async fn disable(&self, request: &SyncRequest<'_>, code: Code, text: &str) -> Result<(), Error> {
        let Integration { tenant_id: tenant, integration_id: id, .. } = request.integration;
        let disabled = self.connectors.store.disable_integration(tenant, id, request.as_of, code, text).await;
        if disabled? {
            tracing::error!(tenant.id = %tenant, integration.id = %id, code = code.as_str(), "integration disabled");
        }
        Ok(())
    }
}

/// Requests that a sync of a visitor needs whom the third party does not know yet; of a known one it makes fewer.
fn requests(config: &IntegrationConfig) -> i32 {
    match config {
        IntegrationConfig::Hubspot(_) => hubspot::REQUESTS,
        IntegrationConfig::Salesforce(_) => salesforce::REQUESTS,
        IntegrationConfig::Webhook(_) => 1,
    }
}

impl SyncRequest<'_> {
    fn is_replay(&self) -> bool {
        matches!(&self.content, SyncContent::Event { event, .. } if event.is_replay)
    }

    /// A reason to skip the session without a request.
    fn needless(&self) -> Option<Reason> {
        let is_webhook = matches!(self.integration.config, IntegrationConfig::Webhook(_));
        crm::address(&self.stored.session.visitor).err().filter(|_| !is_webhook)
    }

    async fn skip(&self, reason: Reason, store: &Store) -> Result<Outcome, Error> {
        let outcome = Outcome::Skipped(reason.code());
        let text = explanation::of_reason(reason, &self.integration.config, Afterwards::Ended);
        self.log(&outcome, reason.code(), &text, store).await?;
        Ok(outcome)
    }

    async fn wait_for_administrator(&self, disabled: &Disabled, store: &Store) -> Result<Outcome, Error> {
        let since = (self.now - disabled.since).to_std().unwrap_or_default();
        let outcome = match since > LONGEST_DISABLED {
            true => Outcome::Final {
                code: INTEGRATION_DISABLED,
                reason: format!("integration disabled: {}", disabled.code),
            },
            false => Outcome::Wait { after: DISABLED_WAIT, code: INTEGRATION_DISABLED },
        };
        self.log(&outcome, INTEGRATION_DISABLED, &disabled.reason, store).await?;
        Ok(outcome)
    }

    async fn wait_for_turn(&self, after: Duration, code: Code, store: &Store) -> Result<Outcome, Error> {
        let outcome = Outcome::Wait { after, code };
        match Reason::with_code(code) {
            // A turn comes within seconds, and needs no entry.
            None | Some(Reason::Paced | Reason::TooManyAtOnce) => {}
            Some(reason) => {
                let text = explanation::of_reason(reason, &self.integration.config, Afterwards::Sync);
                self.log(&outcome, code, &text, store).await?;
            }
        }
        Ok(outcome)
    }

    async fn finish(&self, synced: Synced, store: &Store) -> Result<Outcome, Error> {
        match (synced, &self.content) {
            (Synced::Skipped(reason), _) => return self.skip(reason, store).await,
            (Synced::Written(_), SyncContent::Event { .. }) => {}
            (Synced::Written(id), SyncContent::Analysis(key)) => {
                store.record_synced(key, &id, self.notes.notice().as_deref()).await?;
            }
        }
        Ok(Outcome::Done)
    }

    /// Whether the step comes back without an administrator.
    fn comes_back(&self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Retry { .. } => !self.delivery.is_last,
            Outcome::Wait { code, .. } => *code != INTEGRATION_DISABLED,
            Outcome::Done | Outcome::Skipped(_) | Outcome::Final { .. } => false,
        }
    }

    /// Enters the outcome into the row of the analysis, with a message for administrators.
    async fn log(&self, outcome: &Outcome, code: Code, text: &str, store: &Store) -> Result<(), Error> {
        let SyncContent::Analysis(key) = &self.content else { return Ok(()) };
        let has_called = self.notes.requests() > 0;
        let ends = |status| store.record_not_synced(key, status, code, Some(text), has_called);
        let logged = match outcome {
            Outcome::Skipped(_) => ends(SyncStatus::Skipped).await,
            Outcome::Final { .. } => ends(SyncStatus::Failed).await,
            Outcome::Retry { .. } if self.delivery.is_last => ends(SyncStatus::Failed).await,
            Outcome::Retry { .. } | Outcome::Wait { .. } => store.put_off_sync(key, code, text, has_called).await,
            Outcome::Done => Ok(()),
        };
        logged.map_err(Error::Store)
    }
}
