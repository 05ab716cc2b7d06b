//! Configurations to save, whose mistakes are reported with their place.

use domain::integration::{IntegrationConfig, WebhookConfig};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::show::MASKED;
use super::{IntegrationError, kind_of, problem};

/// Reads each kind by itself: serde loses the paths of members in an internally tagged enum.
pub(super) fn read(mut config: Value) -> Result<IntegrationConfig, IntegrationError> {
    let given = kind_of(&config);
    let fields = config.as_object_mut().ok_or_else(|| refused("config", format!("must be an object, not {given}")))?;
    match fields.remove("kind").as_ref().and_then(Value::as_str) {
        Some("hubspot") => fields_of(config).map(IntegrationConfig::Hubspot),
        Some("salesforce") => fields_of(config).map(IntegrationConfig::Salesforce),
        Some("webhook") => fields_of(config).and_then(whole).map(IntegrationConfig::Webhook),
        _ => Err(refused("config.kind", "must be hubspot, salesforce or webhook".to_owned())),
    }
}

/// Refuses a webhook's URL as it is shown, without its path.
fn whole(config: WebhookConfig) -> Result<WebhookConfig, IntegrationError> {
    match config.url.ends_with(MASKED) {
        true => Err(refused("config.url", "is as it is shown, without its path: name all of it".to_owned())),
        false => Ok(config),
    }
}

fn fields_of<T: DeserializeOwned>(config: Value) -> Result<T, IntegrationError> {
    serde_path_to_error::deserialize(config).map_err(|error| {
        let path = match error.path().to_string().as_str() {
            "." => "config".to_owned(),
            path => format!("config.{path}"),
        };
        refused(&path, problem::of(error.inner()))
    })
}

fn refused(path: &str, problem: String) -> IntegrationError {
    IntegrationError::Config { path: path.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_configuration_is_read_as_the_table_reads_it() {
        for config in [
            json!({ "kind": "hubspot", "properties": { "hs_language": "visitor.locale" } }),
            json!({ "kind": "webhook", "url": "https://example.com", "events": ["session.failed"] }),
            json!({ "kind": "salesforce", "url": "https://acme.my.salesforce.com" }),
        ] {
            let expected: IntegrationConfig = serde_json::from_value(config.clone()).unwrap();
            assert_eq!(read(config).unwrap(), expected);
        }
    }

    #[test]
    fn a_mistake_is_reported_with_its_place() {
        for (config, expected) in [
            (json!("x"), "config: must be an object, not text"),
            (json!({}), "config.kind: must be hubspot, salesforce or webhook"),
            (json!({ "kind": "pat-x" }), "config.kind: must be hubspot, salesforce or webhook"),
            (
                json!({ "kind": "hubspot", "token": "pat-x" }),
                "config.token: unknown field, expected one of `api_version`, ",
            ),
            (json!({ "kind": "hubspot", "concurrency": 0 }), "config.concurrency: must be between 1 and 50"),
            (
                json!({ "kind": "hubspot", "properties": { "a": "visitor.x" } }),
                "config.properties.a: not a source of a field; sources are visitor.name, ",
            ),
            (json!({ "kind": "webhook" }), "config: missing field `url`"),
            (json!({ "kind": "webhook", "url": "https://x/…" }), "config.url: is as it is shown, without its path"),
            (
                json!({ "kind": "webhook", "url": "https://x", "events": ["x"] }),
                "config.events[0]: must be one of `session.analyzed`, ",
            ),
        ] {
            let error = read(config.clone()).unwrap_err().to_string();
            assert!(error.starts_with(&format!("integration not saved: {expected}")), "{config}: {error}");
        }
    }

    #[test]
    fn a_secret_in_the_place_of_something_else_is_not_repeated() {
        let secret = json!("pat-na1-0b1e`, expected `x\"");
        for (kind, members) in [
            ("hubspot", &["kind", "auth", "api_version", "properties", "concurrency", "requests_per_ten_seconds"][..]),
            (
                "salesforce",
                &["auth", "api_version", "external_id_field", "unknown_visitor", "task_fields", "person_fields"],
            ),
            ("webhook", &["events", "headers", "concurrency", "token"]),
        ] {
            for member in members {
                for value in [secret.clone(), json!([secret]), json!({ "a": secret }), json!({ "flow": secret })] {
                    let mut config = json!({ "kind": kind, "url": "https://acme.my.salesforce.com" });
                    if kind == "hubspot" {
                        config = json!({ "kind": kind });
                    }
                    config[member] = value;
                    let error = read(config.clone()).unwrap_err().to_string();
                    assert!(!error.contains("pat-na1"), "{config}: {error}");
                }
            }
        }
    }
}
