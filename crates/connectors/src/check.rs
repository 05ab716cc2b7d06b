//! Checks of an integration before sessions rely on it.

mod fit;
mod hubspot;
mod salesforce;

use std::time::Instant;

use domain::integration::hubspot::HubspotAuth;
use domain::integration::{Connection, HubspotConfig, Integration, IntegrationConfig};
use domain::standard_webhooks::SigningKeys;
use secrecy::{ExposeSecret, SecretString};

use crate::access::{Access, AccessToken};
use crate::error::Error;
use crate::explanation::{self, Afterwards};
use crate::hubspot::oauth::{self, OAuth};
use crate::job::SyncNotes;
use crate::reason::Reason;
use crate::salesforce::Login;
use crate::secrets::SecretError;
use crate::{Connectors, SecretSource};

/// Findings of a check.
#[derive(Debug, Default, PartialEq)]
pub struct Checked {
    /// Messages with the place of the mistake, if it has one. With a problem the integration cannot work.
    pub problems: Vec<String>,
    /// Messages about what works differently than expected.
    pub notices: Vec<String>,
    pub connection: Connection,
}

impl Checked {
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }

    fn problem(place: &str, what: &str) -> Self {
        let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
        Self { problems: vec![format!("{place}{what}")], ..Self::default() }
    }

    /// The problems first.
    pub fn findings(self) -> Vec<String> {
        self.problems.into_iter().chain(self.notices).collect()
    }
}

impl<S: SecretSource> Connectors<S> {
    /// Asks the third party whether the integration will work; it need not be saved. `Err` only where that could not be
    /// found out because of ourselves: what the third party answers, or that it does not, is a finding.
    pub async fn check(&self, integration: &Integration, deadline: Instant) -> Result<Checked, Error> {
        // Boxed: with the futures of the clients inside, the function's is deeper than the compiler follows.
        match Box::pin(self.ask(integration, deadline)).await {
            Err(error @ (Error::Store(_) | Error::Secret(SecretError::Unavailable(_)))) => Err(error),
            Err(error) => Ok(Checked::problem(
                place(&error),
                &explanation::of_error(&error, &integration.config, Afterwards::Check),
            )),
            checked => checked,
        }
    }

    async fn ask(&self, integration: &Integration, deadline: Instant) -> Result<Checked, Error> {
        let secret = self.secret_in_shape(integration).await?;
        match &integration.config {
            IntegrationConfig::Hubspot(config) => self.ask_hubspot(integration, config, &secret, deadline).await,
            // Nothing is sent: a receiver hears of sessions only.
            IntegrationConfig::Webhook(config) => {
                let checked = self.webhooks.check_now(&config.url).await;
                Ok(checked.map_or_else(|why| Checked::problem("config.url", &why.to_string()), |()| Checked::default()))
            }
            IntegrationConfig::Salesforce(config) => {
                let (now, notes) = ((self.clock)(), SyncNotes::default());
                let login =
                    Login::new(&self.salesforce, config, deadline, now).ok_or(Error::Reason(Reason::ForeignUrl))?;
                let ask = async |token: &AccessToken| {
                    let api = self.salesforce.api(config, token, deadline, now, &notes).map_err(Error::Crm)?;
                    salesforce::check(&api, config).await.map_err(Error::Crm)
                };
                let (secrets, store) = (&self.secrets, &self.store);
                let access = Access { integration, secrets, store, sign_in: &login, now };
                access.with_new_token(ask).await
            }
        }
    }

    /// Reads the current secret, if it holds what this kind of integration needs.
    async fn secret_in_shape(&self, integration: &Integration) -> Result<SecretString, Error> {
        let Integration { tenant_id, secret_name, config, .. } = integration;
        // The cache may hold the value that the administrator has just replaced.
        self.secrets.forget(secret_name);
        let secret = self.secrets.get(tenant_id, secret_name, Instant::now()).await?.value;
        let fits = match config {
            IntegrationConfig::Hubspot(HubspotConfig { auth: HubspotAuth::Token, .. }) => is_token(&secret),
            IntegrationConfig::Hubspot(HubspotConfig { auth: HubspotAuth::Oauth, .. }) => oauth::is_secret(&secret),
            IntegrationConfig::Salesforce(_) => true,
            IntegrationConfig::Webhook(_) => {
                SigningKeys::parse(secret.expose_secret()).map_err(Error::SigningSecret)?;
                true
            }
        };
        fits.then_some(secret).ok_or(Error::Secret(SecretError::Invalid))
    }

    async fn ask_hubspot(
        &self,
        integration: &Integration,
        config: &HubspotConfig,
        secret: &SecretString,
        deadline: Instant,
    ) -> Result<Checked, Error> {
        let (now, notes) = ((self.clock)(), SyncNotes::default());
        let ask = async |token: &SecretString| {
            hubspot::check(&self.hubspot.account(config, token, deadline, now, &notes)).await.map_err(Error::Crm)
        };
        match config.auth {
            HubspotAuth::Token => ask(secret).await,
            HubspotAuth::Oauth => {
                let sign_in = OAuth { hubspot: &self.hubspot, config, deadline, now };
                let (secrets, store) = (&self.secrets, &self.store);
                let access = Access { integration, secrets, store, sign_in: &sign_in, now };
                // An administrator may just have replaced the secret.
                access.with_new_token(async |token: &AccessToken| ask(&token.token).await).await
            }
        }
    }
}

/// Returns the wrong member of a task that saves the integration.
fn place(error: &Error) -> &'static str {
    match error {
        Error::Secret(_) | Error::SigningSecret(_) => "secret_name",
        Error::Reason(Reason::ForeignUrl) => "config.url",
        _ => "",
    }
}

/// Whether a secret can stand in a header.
fn is_token(secret: &SecretString) -> bool {
    secret.expose_secret().bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b))
}
