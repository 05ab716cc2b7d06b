//! The calls of one sync: with which secret or token, to which client.

use std::time::Instant;

use connectors::access::{Access, AccessToken};
use connectors::hubspot::oauth::OAuth;
use connectors::job::{Job, Synced};
use connectors::reason::Reason;
use connectors::salesforce::Login;
use connectors::webhook::EventDelivery;
use connectors::{Error, SecretSource};
use domain::analysis::Analysis;
use domain::event::Event;
use domain::integration::hubspot::HubspotAuth;
use domain::integration::{HubspotConfig, Integration, IntegrationConfig, SalesforceConfig, WebhookConfig};
use domain::settings::RedactionSettings;
use domain::settings::redaction::ShownText;
use secrecy::SecretString;
use store::integration_log::{SyncKey, Writing};
use store::webhook_attempts::AttemptOf;

use crate::request::{SyncContent, SyncRequest};
use crate::{Context, record};

/// The sections of a tenant's settings that a sync follows.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Settings {
    redaction: RedactionSettings,
}

impl<S: SecretSource> Context<S> {
    /// Writes what the request asks for to its third party.
    pub(crate) async fn write(&self, request: &SyncRequest<'_>) -> Result<Synced, Error> {
        let tenant = self.connectors.store.tenant::<Settings>(&request.integration.tenant_id).await?;
        let redaction = tenant.map(|tenant| tenant.settings.redaction).unwrap_or_default();
        match (&request.integration.config, &request.content) {
            (IntegrationConfig::Webhook(config), content) => {
                self.webhook(request, config, content, redaction.webhooks).await
            }
            (_, SyncContent::Event { .. }) => Err(Error::Reason(Reason::NotAWebhook)),
            (IntegrationConfig::Hubspot(config), SyncContent::Analysis(key)) => {
                let analysis = self.analysis(key, redaction.notes).await?;
                self.hubspot(request, config, &request.job(key, &analysis, redaction.notes)).await
            }
            (IntegrationConfig::Salesforce(config), SyncContent::Analysis(key)) => {
                let analysis = self.analysis(key, redaction.notes).await?;
                self.salesforce(request, config, &request.job(key, &analysis, redaction.notes)).await
            }
        }
    }

    async fn analysis(&self, key: &SyncKey<'_>, shown: ShownText) -> Result<Analysis, Error> {
        let store = &self.connectors.store;
        let analysis = store.shown_analysis(key.tenant_id, key.session_id, key.analysis_version, shown).await?;
        analysis.ok_or(Error::Reason(Reason::UnknownAnalysis))
    }

    async fn hubspot(&self, request: &SyncRequest<'_>, config: &HubspotConfig, job: &Job<'_>) -> Result<Synced, Error> {
        let (hubspot, store) = (&self.connectors.hubspot, &self.connectors.store);
        let sync = async |token: &SecretString| record::sync(job, &hubspot.portal(config, token, job), store).await;
        match config.auth {
            HubspotAuth::Token => self.with_secret(request.integration, sync).await,
            HubspotAuth::Oauth => {
                let sign_in = OAuth { hubspot, config, deadline: request.delivery.deadline, now: request.now };
                let access = self.access(request, &sign_in);
                access.with_token(async |token: &AccessToken| sync(&token.token).await).await
            }
        }
    }

    async fn salesforce(
        &self,
        request: &SyncRequest<'_>,
        config: &SalesforceConfig,
        job: &Job<'_>,
    ) -> Result<Synced, Error> {
        let (salesforce, store) = (&self.connectors.salesforce, &self.connectors.store);
        let login = Login::new(salesforce, config, request.delivery.deadline, request.now)
            .ok_or(Error::Reason(Reason::ForeignUrl))?;
        let sync = async |token: &AccessToken| {
            let org = salesforce.org(config, token, job, store).map_err(Error::Crm)?;
            record::sync(job, &org, store).await
        };
        self.access(request, &login).with_token(sync).await
    }

    fn access<'a, I>(&'a self, request: &SyncRequest<'a>, sign_in: &'a I) -> Access<'a, S, I> {
        let (integration, now) = (request.integration, request.now);
        Access { integration, secrets: &self.connectors.secrets, store: &self.connectors.store, sign_in, now }
    }

    async fn webhook(
        &self,
        request: &SyncRequest<'_>,
        config: &WebhookConfig,
        content: &SyncContent<'_>,
        shown: ShownText,
    ) -> Result<Synced, Error> {
        let analyzed;
        let (event, at, attempt_of) = match content {
            SyncContent::Analysis(key) => {
                analyzed = Event::SessionAnalyzed { version: key.analysis_version };
                (&analyzed, request.stored.session.ended_at, AttemptOf::Analysis(key.analysis_version))
            }
            SyncContent::Event { event_id, event } => (&event.event, event.occurred_at, AttemptOf::Event(*event_id)),
        };
        let event = EventDelivery {
            integration_id: &request.integration.integration_id,
            config,
            session: &request.stored.session,
            event,
            at,
            attempt_of,
            shown,
            delivery: request.delivery,
            now: request.now,
        };
        // Making the body can fail, and the log must not say that writing has begun.
        let body = event.body(&self.connectors.store).await?;
        if let SyncContent::Analysis(key) = content {
            // Versions may be sent side by side: each has a webhook id of its own.
            let writing = Writing { contact_id: None, keyed: true, lease: std::time::Duration::ZERO };
            self.connectors.store.start_writing(key, writing).await?;
        }
        let call = async |secret: &SecretString| {
            request.notes.count_request();
            event.send(&body, &self.connectors.webhooks, secret, &self.connectors.store).await.map(Synced::Written)
        };
        self.with_secret(request.integration, call).await
    }

    /// Calls with the secret. If the secret is refused and was cached, the call is made once more with the current one.
    async fn with_secret(
        &self,
        integration: &Integration,
        call: impl AsyncFn(&SecretString) -> Result<Synced, Error>,
    ) -> Result<Synced, Error> {
        let name = &integration.secret_name;
        let get = async || self.connectors.secrets.get(&integration.tenant_id, name, Instant::now()).await;
        let secret = get().await?;
        let mut result = call(&secret.value).await;
        if secret.is_cached && result.as_ref().is_err_and(Error::is_unauthorized) {
            self.connectors.secrets.forget(name);
            result = call(&get().await?.value).await;
        }
        // The next sync must not find the refused value in the cache.
        if result.as_ref().is_err_and(Error::is_unauthorized) {
            self.connectors.secrets.forget(name);
        }
        result
    }
}

impl<'a> SyncRequest<'a> {
    fn job(&'a self, key: &SyncKey<'a>, analysis: &'a Analysis, shown: ShownText) -> Job<'a> {
        Job {
            key: *key,
            session: &self.stored.session,
            analysis,
            shown,
            connection: &self.integration.connection,
            delivery: self.delivery,
            now: self.now,
            notes: &self.notes,
        }
    }
}
