//! Tenants of a local stack: their settings, integrations and secrets.

use std::time::Duration;

use anyhow::{Context, bail};
use base64::prelude::{BASE64_STANDARD, Engine};
use chrono::{DateTime, Utc};
use domain::id::{IntegrationId, TenantId};
use domain::integration::{Connection, Integration, IntegrationConfig, IntegrationState};
use domain::settings::{EmailSettings, TenantSettings};
use serde_json::json;
use store::Store;

use crate::stack::StackFile;

/// MiniStack tells services apart by this header and checks no signature.
const UNSIGNED: &str = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/secretsmanager/aws4_request, \
                        SignedHeaders=host, Signature=none";

/// As for the functions of the local stack.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// A tenant whose visitors are mailed and synced to the stand-ins.
pub(crate) struct Tenant {
    /// Also the name of the hook that receives the tenant's webhooks.
    pub(crate) id: TenantId,
    /// HubSpot's stand-in keeps one portal per token.
    pub(crate) hubspot_token: String,
    /// Salesforce's stand-in keeps one org per consumer key.
    pub(crate) salesforce_key: String,
}

impl Tenant {
    /// A tenant of this run alone, so that runs on one stack do not mix.
    pub(crate) fn of_run(now: DateTime<Utc>) -> anyhow::Result<Self> {
        Self::named(&format!("demo-{}", now.format("%Y%m%d-%H%M%S%3f")))
    }

    pub(crate) fn named(name: &str) -> anyhow::Result<Self> {
        let (hubspot_token, salesforce_key) = (format!("pat-{name}"), format!("3MVG-{name}"));
        Ok(Self { id: name.parse()?, hubspot_token, salesforce_key })
    }

    fn salesforce_secret(&self) -> String {
        json!({ "client_id": self.salesforce_key, "client_secret": format!("of-{}", self.id) }).to_string()
    }

    fn webhook_secret(&self) -> String {
        // Both ends of this hook are stand-ins on this machine: the key has to be long, not secret.
        format!("whsec_{}", BASE64_STANDARD.encode(format!("a key that only signs for {}", self.id)))
    }
}

/// Stores the tenant with HubSpot, Salesforce and a webhook switched on. Repeated, it changes nothing.
pub(crate) async fn seed(
    stack: &StackFile,
    http: &reqwest::Client,
    tenant: &Tenant,
    business: &str,
) -> anyhow::Result<()> {
    let url = stack.database_url.clone();
    let config = store::Config { url, ca_file: None, statement_timeout: STATEMENT_TIMEOUT, pool_size: 1 };
    let store = Store::new(&config).context("open the store")?;
    let email = EmailSettings { from_name: Some(business.to_owned()), ..EmailSettings::default() };
    let settings = TenantSettings { email, ..TenantSettings::default() };
    store.save_tenant(&tenant.id, business, &settings).await.context("save the tenant")?;

    // By name: a function run by `sam local` finds it too.
    let by_name = |fake: &str| anyhow::Ok(stack.fake(fake)?.replace("127.0.0.1", "localhost"));
    let hook = format!("{}/hooks/{}", by_name("webhook")?, tenant.id);
    let wanted = [
        (json!({ "kind": "hubspot" }), tenant.hubspot_token.clone()),
        (json!({ "kind": "salesforce", "url": by_name("salesforce")? }), tenant.salesforce_secret()),
        (json!({ "kind": "webhook", "url": hook }), tenant.webhook_secret()),
    ];
    for (config, secret) in wanted {
        let config: IntegrationConfig = serde_json::from_value(config)?;
        let integration_id: IntegrationId = config.kind().parse()?;
        let secret_name = format!("{}{}/{integration_id}", stack.secret_prefix, tenant.id);
        put_secret(stack, http, &secret_name, &secret).await?;
        let integration = Integration {
            tenant_id: tenant.id.clone(),
            integration_id,
            state: IntegrationState::On,
            config,
            secret_name,
            connection: Connection::default(),
        };
        store.save_integration(&integration).await.context("save an integration")?;
    }
    prepare_stand_ins(stack, http, tenant).await
}

async fn put_secret(stack: &StackFile, http: &reqwest::Client, name: &str, value: &str) -> anyhow::Result<()> {
    let mut status = reqwest::StatusCode::OK;
    // The second is for a secret that is there already.
    for (action, id) in [("CreateSecret", "Name"), ("PutSecretValue", "SecretId")] {
        let request = http
            .post(&stack.ministack_url)
            .header("authorization", UNSIGNED)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("secretsmanager.{action}"))
            .body(json!({ id: name, "SecretString": value }).to_string());
        status = request.send().await.context("reach Secrets Manager")?.status();
        if status.is_success() {
            return Ok(());
        }
    }
    bail!("storing the secret {name} was answered with {status}")
}

/// Lets the webhook receiver check signatures, and adds to the org what its admin adds before the first sync: the field
/// by which a task is found again.
async fn prepare_stand_ins(stack: &StackFile, http: &reqwest::Client, tenant: &Tenant) -> anyhow::Result<()> {
    let secret = http.put(format!("{}/_secrets/{}", stack.fake("webhook")?, tenant.id)).body(tenant.webhook_secret());
    let field = json!({
        "object": "Activity", "name": "PostSession_Id__c", "externalId": true, "unique": true, "caseSensitive": true,
    });
    let fields = format!("{}/_orgs/{}/fields", stack.fake("salesforce")?, tenant.salesforce_key);
    for request in [secret, http.put(fields).json(&field)] {
        request.send().await?.error_for_status().context("prepare a stand-in")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_has_its_own_tenant_with_a_usable_key() {
        let tenant = |now: &str| Tenant::of_run(now.parse().unwrap()).unwrap();
        let one = tenant("2026-11-23T10:00:00.001Z");
        assert_ne!(one.id, tenant("2026-11-23T10:00:00.002Z").id);
        assert!(one.hubspot_token.starts_with("pat-"));
        let key = BASE64_STANDARD.decode(one.webhook_secret().strip_prefix("whsec_").unwrap()).unwrap();
        assert!((24..=64).contains(&key.len()), "{}", key.len());
    }

    #[tokio::test]
    async fn the_stand_ins_take_what_a_sync_needs() {
        let (webhook, salesforce) = (fakes::webhook::start().await.unwrap(), fakes::salesforce::start().await.unwrap());
        let fakes = [("webhook", &webhook), ("salesforce", &salesforce)];
        let fakes = fakes.map(|(name, running)| (name.to_owned(), running.base_url.clone())).into();
        let stack = StackFile { fakes, ..StackFile::default() };
        prepare_stand_ins(&stack, &reqwest::Client::new(), &Tenant::named("acme").unwrap()).await.unwrap();
    }
}
