//! The demo's tenant: its settings, its integrations and their secrets.

use anyhow::{Context, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use domain::id::{IntegrationId, TenantId};
use domain::integration::{Integration, IntegrationConfig};
use domain::settings::{EmailSettings, TenantSettings};
use serde_json::json;
use store::Store;

use super::stand_ins;
use crate::stack::StackFile;

/// MiniStack tells services apart by this header and checks no signature.
const UNSIGNED: &str = "AWS4-HMAC-SHA256 Credential=demo/20260101/us-east-1/secretsmanager/aws4_request, \
                        SignedHeaders=host, Signature=none";

/// A tenant of this run alone, so that runs on one stack do not mix.
pub(super) struct Tenant {
    pub(super) id: TenantId,
    /// HubSpot's stand-in keeps one portal per token.
    pub(super) hubspot_token: String,
    /// Name of the receiving hook.
    pub(super) hook: String,
}

impl Tenant {
    pub(super) fn of_run(now: DateTime<Utc>) -> anyhow::Result<Self> {
        let name = format!("demo-{}", now.format("%Y%m%d-%H%M%S%3f"));
        Ok(Self { id: name.parse()?, hubspot_token: format!("pat-{name}"), hook: name })
    }

    fn webhook_secret(&self) -> String {
        // Both ends of this hook are stand-ins on this machine: the key has to be long, not secret.
        format!("whsec_{}", BASE64_STANDARD.encode(format!("a key that only signs for {}", self.id)))
    }
}

/// Stores the tenant with HubSpot and a webhook switched on.
pub(super) async fn seed(
    stack: &StackFile,
    http: &reqwest::Client,
    store: &Store,
    tenant: &Tenant,
    business: &str,
) -> anyhow::Result<()> {
    let email = EmailSettings { from_name: Some(business.to_owned()), ..EmailSettings::default() };
    let settings = TenantSettings { email, ..TenantSettings::default() };
    store.save_tenant(&tenant.id, business, &settings).await.context("save the tenant")?;

    let url = format!("{}/hooks/{}", stand_ins::url(stack, "webhook")?, tenant.hook);
    let hubspot: IntegrationConfig = serde_json::from_value(json!({ "kind": "hubspot" }))?;
    let wanted = [
        ("hubspot", hubspot, tenant.hubspot_token.clone()),
        ("webhook", IntegrationConfig::Webhook { url }, tenant.webhook_secret()),
    ];
    for (id, config, secret) in wanted {
        let secret_name = format!("{}{}/{id}", stack.secret_prefix, tenant.id);
        create_secret(stack, http, &secret_name, &secret).await?;
        let integration_id: IntegrationId = id.parse()?;
        let integration =
            Integration { tenant_id: tenant.id.clone(), integration_id, enabled: true, config, secret_name };
        store.save_integration(&integration).await.with_context(|| format!("save the integration {id}"))?;
    }
    tell_receiver(stack, http, tenant).await
}

async fn create_secret(stack: &StackFile, http: &reqwest::Client, name: &str, value: &str) -> anyhow::Result<()> {
    let body = json!({ "Name": name, "SecretString": value });
    let answer = http
        .post(&stack.ministack_url)
        .header("authorization", UNSIGNED)
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "secretsmanager.CreateSecret")
        .body(body.to_string())
        .send()
        .await
        .with_context(|| format!("create the secret {name}"))?;
    ensure!(answer.status().is_success(), "creating the secret {name} was answered with {}", answer.status());
    Ok(())
}

/// Lets the webhook receiver check signatures.
async fn tell_receiver(stack: &StackFile, http: &reqwest::Client, tenant: &Tenant) -> anyhow::Result<()> {
    let url = format!("{}/_secrets/{}", stand_ins::url(stack, "webhook")?, tenant.hook);
    let answer = http.put(url).body(tenant.webhook_secret()).send().await.context("reach the webhook receiver")?;
    ensure!(answer.status().is_success(), "the webhook receiver answered {}", answer.status());
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
