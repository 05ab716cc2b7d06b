//! Tenants of a local stack: their settings, integrations and secrets.

use std::time::Duration;

use anyhow::{Context, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use domain::id::{IntegrationId, TenantId};
use domain::integration::{Connection, Integration, IntegrationConfig, IntegrationState, WebhookConfig};
use domain::settings::{EmailSettings, TenantSettings};
use serde_json::{Value, json};
use store::Store;

use crate::stack::StackFile;

/// MiniStack tells services apart by this header and checks no signature.
const UNSIGNED: &str = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/secretsmanager/aws4_request, \
                        SignedHeaders=host, Signature=none";

/// As for the functions of the local stack.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// A tenant whose visitors are mailed and synced to the stand-ins.
pub(crate) struct Tenant {
    pub(crate) id: TenantId,
    /// HubSpot's stand-in keeps one portal per token.
    pub(crate) hubspot_token: String,
    /// Salesforce's stand-in keeps one org per consumer key.
    pub(crate) salesforce_key: String,
    /// Name of the receiving hook.
    pub(crate) hook: String,
}

impl Tenant {
    /// A tenant of this run alone, so that runs on one stack do not mix.
    pub(crate) fn of_run(now: DateTime<Utc>) -> anyhow::Result<Self> {
        Self::named(&format!("demo-{}", now.format("%Y%m%d-%H%M%S%3f")))
    }

    pub(crate) fn named(name: &str) -> anyhow::Result<Self> {
        Ok(Self {
            id: name.parse()?,
            hubspot_token: format!("pat-{name}"),
            salesforce_key: format!("3MVG-{name}"),
            hook: name.to_owned(),
        })
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
    let store = open_store(stack)?;
    let email = EmailSettings { from_name: Some(business.to_owned()), ..EmailSettings::default() };
    let settings = TenantSettings { email, ..TenantSettings::default() };
    store.save_tenant(&tenant.id, business, &settings).await.context("save the tenant")?;

    // By name: a function run by `sam local` finds it too.
    let by_name = |fake: &str| anyhow::Ok(stack.fake(fake)?.replace("127.0.0.1", "localhost"));
    let url = format!("{}/hooks/{}", by_name("webhook")?, tenant.hook);
    let hubspot: IntegrationConfig = serde_json::from_value(json!({ "kind": "hubspot" }))?;
    let org = json!({ "kind": "salesforce", "url": by_name("salesforce")? });
    let salesforce: IntegrationConfig = serde_json::from_value(org)?;
    let wanted = [
        ("hubspot", hubspot, tenant.hubspot_token.clone()),
        ("salesforce", salesforce, tenant.salesforce_secret()),
        ("webhook", IntegrationConfig::Webhook(WebhookConfig::to(&url)), tenant.webhook_secret()),
    ];
    for (id, config, secret) in wanted {
        let secret_name = format!("{}{}/{id}", stack.secret_prefix, tenant.id);
        put_secret(stack, http, &secret_name, &secret).await?;
        let integration_id: IntegrationId = id.parse()?;
        let integration = Integration {
            tenant_id: tenant.id.clone(),
            integration_id,
            state: IntegrationState::On,
            config,
            secret_name,
            connection: Connection::default(),
        };
        store.save_integration(&integration).await.with_context(|| format!("save the integration {id}"))?;
    }
    tell_receiver(stack, http, tenant).await?;
    define_external_id(stack, http, tenant).await
}

fn open_store(stack: &StackFile) -> anyhow::Result<Store> {
    let config = store::Config {
        url: stack.database_url.clone(),
        ca_file: None,
        statement_timeout: STATEMENT_TIMEOUT,
        pool_size: 1,
    };
    Store::new(&config).context("open the store")
}

async fn put_secret(stack: &StackFile, http: &reqwest::Client, name: &str, value: &str) -> anyhow::Result<()> {
    let new = json!({ "Name": name, "SecretString": value });
    if ask_secrets(stack, http, "CreateSecret", new).await?.is_success() {
        return Ok(());
    }
    // It is there already.
    let changed = json!({ "SecretId": name, "SecretString": value });
    let status = ask_secrets(stack, http, "PutSecretValue", changed).await?;
    ensure!(status.is_success(), "storing the secret {name} was answered with {status}");
    Ok(())
}

async fn ask_secrets(
    stack: &StackFile,
    http: &reqwest::Client,
    action: &str,
    body: Value,
) -> anyhow::Result<reqwest::StatusCode> {
    let request = http
        .post(&stack.ministack_url)
        .header("authorization", UNSIGNED)
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", format!("secretsmanager.{action}"))
        .body(body.to_string());
    Ok(request.send().await.context("reach Secrets Manager")?.status())
}

/// Lets the webhook receiver check signatures.
async fn tell_receiver(stack: &StackFile, http: &reqwest::Client, tenant: &Tenant) -> anyhow::Result<()> {
    let url = format!("{}/_secrets/{}", stack.fake("webhook")?, tenant.hook);
    let answer = http.put(url).body(tenant.webhook_secret()).send().await.context("reach the webhook receiver")?;
    ensure!(answer.status().is_success(), "the webhook receiver answered {}", answer.status());
    Ok(())
}

/// As the admin of an org does before the first sync: the field by which a task is found again.
async fn define_external_id(stack: &StackFile, http: &reqwest::Client, tenant: &Tenant) -> anyhow::Result<()> {
    let field = json!({
        "object": "Activity", "name": "PostSession_Id__c", "externalId": true, "unique": true, "caseSensitive": true,
    });
    let url = format!("{}/_orgs/{}/fields", stack.fake("salesforce")?, tenant.salesforce_key);
    let answer = http.put(url).json(&field).send().await.context("reach Salesforce's stand-in")?;
    ensure!(answer.status().is_success(), "Salesforce's stand-in answered {}", answer.status());
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
}
