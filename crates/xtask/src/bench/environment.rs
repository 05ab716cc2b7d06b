//! The environment the functions start in.

use std::time::Duration;

/// One for all of them: a variable means the same wherever it is read.
pub(super) fn of(database_url: &str) -> Vec<(&'static str, String)> {
    // Nobody listens: no function contacts AWS while it starts.
    let queue = || "http://127.0.0.1:9/queue".to_owned();
    let text = |text: &str| text.to_owned();
    vec![
        ("AWS_ACCESS_KEY_ID", text("test")),
        ("AWS_SECRET_ACCESS_KEY", text("test")),
        ("AWS_REGION", text("us-east-1")),
        ("AWS_ENDPOINT_URL", text("http://127.0.0.1:9")),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", text("512")),
        ("DATABASE_URL", text(database_url)),
        ("STATEMENT_TIMEOUT_MS", text("5000")),
        ("METRICS_NAMESPACE", text("PostSession/bench")),
        ("LOG_LEVEL", text("info")),
        ("QUEUE_URL", queue()),
        ("DEAD_LETTER_QUEUE_URL", queue()),
        ("BATCH_CONCURRENCY", text("5")),
        ("MAX_RECEIVE_COUNT", text("5")),
        ("RETRY_BASE_SECONDS", text("30")),
        ("RETRY_MAX_SECONDS", text("900")),
        ("ANALYZE_QUEUE_URL", queue()),
        ("NOTIFY_QUEUE_URL", queue()),
        ("CRM_SYNC_QUEUE_URL", queue()),
        ("ANALYZE_DEAD_LETTER_QUEUE_URL", queue()),
        ("NOTIFY_DEAD_LETTER_QUEUE_URL", queue()),
        ("CRM_SYNC_DEAD_LETTER_QUEUE_URL", queue()),
        ("SIGNING_SECRETS", text("whsec_YSBrZXkgdGhhdCBzaWducyBub3RoaW5nIGF0IGFsbA==")),
        ("LINK_SECRETS", text("a-secret-that-signs-nothing-at-all")),
        ("PUBLIC_URL", text("https://api.example.com")),
        ("SIGNATURE_TOLERANCE_SECONDS", text("300")),
        ("BEDROCK_MODEL_ID", text("none")),
        ("MODEL_OVERRIDES", text("[]")),
        ("PART_CONCURRENCY", text("6")),
        ("TRANSCRIPT_WAIT_SECONDS", text("600")),
        ("SENDER_ADDRESS", text("sessions@example.com")),
        ("SES_CONFIGURATION_SET", text("none")),
        ("UNKNOWN_OUTCOME_WAIT_SECONDS", text("900")),
        ("HUBSPOT_BASE_URL", text("http://127.0.0.1:9")),
        ("SALESFORCE_ALLOWED_HOSTS", text("127.0.0.1:9")),
        ("SECRET_PREFIX", text("post-session/bench/")),
        ("LOST_AFTER_SECONDS", text("3600")),
    ]
}

pub(super) fn store(database_url: &str) -> store::Config {
    store::Config { url: database_url.to_owned(), ca_file: None, statement_timeout: Duration::ZERO, pool_size: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_can_start_in_it() {
        let variables = of("postgres://postgres@127.0.0.1:9/postgres");
        let env: stage::Env = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        ingest::Config::from_env(&env).unwrap();
        analyze::Config::from_env(&env).unwrap();
        notify::Config::from_env(&env).unwrap();
        crm_sync::Config::from_env(&env).unwrap();
        track_delivery::Config::from_env(&env).unwrap();
        housekeep::Config::from_env(&env).unwrap();
    }
}
