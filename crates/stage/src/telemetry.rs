//! Logs: one JSON object a line, as Lambda's own log filter expects them.

use tracing_subscriber::EnvFilter;

use crate::config::Env;

/// Sets up logging at `LOG_LEVEL` (default `info`), with `timestamp` and `level` at the top of each line.
///
/// `lambda_runtime`'s own subscriber writes no `timestamp`; Lambda then takes every line for INFO.
pub fn init(env: &Env) {
    let level = env.optional("LOG_LEVEL").unwrap_or("info");
    // The SDK logs whole requests at debug level, mails and transcripts among them.
    let directives = format!("{level},aws_=warn,hyper=warn,rustls=warn,tokio_postgres=warn");
    let filter = EnvFilter::builder().parse_lossy(directives);
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(true)
        .with_env_filter(filter)
        .with_writer(std::io::stdout)
        .init();
    // A panic's text may quote a transcript; its place says enough.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
}
