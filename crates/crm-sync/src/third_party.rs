//! The calls of one sync: with which secret or token, to which client.

use std::time::Instant;

use connectors::access::{Access, AccessToken};
use connectors::hubspot::oauth::OAuth;
use connectors::job::{Job, Synced};
use connectors::salesforce::Login;
use connectors::webhook::EventDelivery;
use connectors::{Error, SecretSource};
use domain::event::Event;
use domain::integration::hubspot::HubspotAuth;
use domain::integration::{Integration, IntegrationConfig, WebhookConfig};
use domain::settings::RedactionSettings;
use domain::settings::redaction::ShownText;
use secrecy::SecretString;
use store::integration_log::{SyncKey, Writing};
use store::webhook_attempts::AttemptOf;

use crate::course::{SyncContent, SyncRequest};
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
        let tenant_id = &request.integration.tenant_id;
        let tenant = self.connectors.store.tenant::<Settings>(tenant_id).await?;
        let redaction = tenant.map(|tenant| tenant.settings.redaction).unwrap_or_default();
        match (&request.integration.config, &request.content) {
            (IntegrationConfig::Webhook(config), content) => {
                self.webhook(request, config, content, redaction.webhooks).await
            }
            (_, SyncContent::Event { .. }) => Err(Error::NotAWebhook),
            (config, SyncContent::Analysis(key)) => self.crm(request, config, key, redaction.notes).await,
        }
    }

    async fn crm(
        &self,
        request: &SyncRequest<'_>,
        config: &IntegrationConfig,
        key: &SyncKey<'_>,
        shown: ShownText,
    ) -> Result<Synced, Error> {
        let analysis =
            self.connectors.store.shown_analysis(key.tenant_id, key.session_id, key.analysis_version, shown).await;
        let job = Job {
            key: *key,
            session: &request.stored.session,
            analysis: &analysis?.ok_or(Error::UnknownAnalysis)?,
            shown,
            connection: &request.integration.connection,
            delivery: request.delivery,
            now: request.now,
            notes: &request.notes,
        };
        match config {
            IntegrationConfig::Hubspot(config) => {
                let sync = async |token: &SecretString| {
                    record::sync(&job, &self.connectors.hubspot.portal(config, token, &job), &self.connectors.store)
                        .await
                };
                match config.auth {
                    HubspotAuth::Token => self.with_secret(request.integration, sync).await,
                    HubspotAuth::Oauth => {
                        let deadline = request.delivery.deadline;
                        let sign_in = OAuth { hubspot: &self.connectors.hubspot, config, deadline, now: request.now };
                        let access = self.access(request, &sign_in);
                        access.with_token(async |token: &AccessToken| sync(&token.token).await).await
                    }
                }
            }
            IntegrationConfig::Salesforce(config) => {
                let login = Login::new(&self.connectors.salesforce, config, request.delivery.deadline, request.now);
                let login = login.ok_or(Error::ForeignUrl)?;
                let sync = async |token: &AccessToken| {
                    let org = self
                        .connectors
                        .salesforce
                        .org(config, token, &job, &self.connectors.store)
                        .map_err(Error::Crm)?;
                    record::sync(&job, &org, &self.connectors.store).await
                };
                self.access(request, &login).with_token(sync).await
            }
            IntegrationConfig::Webhook(_) => Err(Error::NotAWebhook),
        }
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
        let Integration { tenant_id, integration_id, .. } = request.integration;
        let event = EventDelivery {
            tenant_id,
            session_id: &request.stored.session.session_id,
            integration_id,
            config,
            session: &request.stored.session,
            event,
            at,
            attempt_of,
            shown,
            delivery: request.delivery,
            now: request.now,
        };
        let body = event.body(&self.connectors.store).await?;
        if let SyncContent::Analysis(key) = content {
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
