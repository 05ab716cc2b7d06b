//! The function's binary, one instance at a time.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

/// For an instance to start and do its work; a busy machine is slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Starts an instance; it is killed when this is dropped.
pub(crate) fn start(lambda: &str, environment: &[(&str, String)]) -> Child {
    let own = [
        ("AWS_LAMBDA_RUNTIME_API", lambda.to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", "crm-sync".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512".to_owned()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "-".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "-".to_owned()),
        ("AWS_REGION", "eu-west-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("QUEUE_URL", format!("http://{lambda}/crm-sync")),
        ("DEAD_LETTER_QUEUE_URL", format!("http://{lambda}/crm-sync-dead")),
        ("BATCH_CONCURRENCY", "5".to_owned()),
        ("MAX_RECEIVE_COUNT", "5".to_owned()),
        ("RETRY_BASE_SECONDS", "1".to_owned()),
        ("RETRY_MAX_SECONDS", "1".to_owned()),
        ("STATEMENT_TIMEOUT_MS", "30000".to_owned()),
        ("SECRET_PREFIX", "post-session/test/".to_owned()),
        ("LOG_LEVEL", "warn".to_owned()),
    ];
    Command::new(env!("CARGO_BIN_EXE_crm-sync"))
        .env_clear()
        .envs(own)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Ends it as a crash would: without a word.
pub(crate) async fn kill(mut instance: Child) {
    instance.start_kill().unwrap();
    instance.wait().await.unwrap();
}
