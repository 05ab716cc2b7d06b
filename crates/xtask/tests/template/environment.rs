//! The variables the template sets are those the functions read, with values they accept.

use serde_json::Value;
use stage::Env;

use crate::{functions, template};

/// Values of the parameters that have no default.
const REQUIRED: [(&str, &str); 6] = [
    ("DatabaseUrl", "postgres://user:password@database.example.com/post_session"),
    ("SigningSecrets", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
    ("LinkSecrets", "0123456789abcdef0123456789abcdef"),
    ("BedrockModelId", "global.anthropic.claude-haiku-4-5-20251001-v1:0"),
    ("BedrockFoundationModelId", "anthropic.claude-haiku-4-5-20251001-v1:0"),
    ("SenderAddress", "sessions@example.com"),
];

/// The environment of a function deployed with the defaults.
fn environment(function: &str) -> Env {
    let template = template();
    let globals = template["Globals"]["Function"]["Environment"]["Variables"].clone();
    let own = functions()[function]["Environment"]["Variables"].clone();
    let groups = [globals, own].map(|variables| variables.as_object().cloned().expect("variables"));
    let variables = groups.into_iter().flatten().map(|(name, value)| (name, resolved(&template, &value)));
    // Lambda sets it.
    variables.chain([("AWS_REGION".to_owned(), "us-east-1".to_owned())]).collect()
}

fn resolved(template: &Value, value: &Value) -> String {
    // No condition holds: each is about a parameter that is not empty.
    if let Some(branches) = value["Fn::If"].as_array() {
        return resolved(template, &branches[2]);
    }
    if let Some(text) = value["Fn::Sub"].as_str() {
        return text.replace("${", "").replace('}', "");
    }
    let name = value["Ref"].as_str().expect("each variable refers to a parameter or a resource");
    if let Some((_, value)) = REQUIRED.iter().find(|(required, _)| *required == name) {
        return (*value).to_owned();
    }
    match &template["Parameters"][name]["Default"] {
        Value::Null => {
            assert!(template["Resources"][name].is_object(), "{name} is neither a parameter nor a resource");
            format!("https://sqs.us-east-1.amazonaws.com/123456789012/{name}")
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn expect_exactly_what_is_read<C>(function: &str, from_env: impl FnOnce(&Env) -> Result<C, stage::ConfigError>) {
    let env = environment(function);
    if let Err(error) = from_env(&env) {
        panic!("{function}: {error}");
    }
    // Read before the configuration, by telemetry and the SDK.
    env.optional("LOG_LEVEL");
    env.optional("METRICS_NAMESPACE");
    env.optional("AWS_REGION");
    assert_eq!(env.unread(), [""; 0], "{function} does not read these");
}

#[test]
fn ingest_reads_exactly_the_variables_it_is_given() {
    expect_exactly_what_is_read("IngestFunction", ingest::Config::from_env);
}

#[test]
fn analyze_reads_exactly_the_variables_it_is_given() {
    expect_exactly_what_is_read("AnalyzeFunction", analyze::Config::from_env);
}

#[test]
fn notify_reads_exactly_the_variables_it_is_given() {
    expect_exactly_what_is_read("NotifyFunction", notify::Config::from_env);
}

#[test]
fn crm_sync_reads_exactly_the_variables_it_is_given() {
    expect_exactly_what_is_read("CrmSyncFunction", crm_sync::Config::from_env);
}

#[test]
fn track_delivery_reads_exactly_the_variables_it_is_given() {
    expect_exactly_what_is_read("TrackDeliveryFunction", track_delivery::Config::from_env);
}

#[test]
fn housekeep_reads_exactly_the_variables_it_is_given() {
    expect_exactly_what_is_read("HousekeepFunction", housekeep::Config::from_env);
}
