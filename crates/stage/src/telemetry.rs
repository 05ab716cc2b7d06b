//! Logs: one JSON object a line, as Lambda's own log filter expects them.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::Env;

/// Sets up logging at `LOG_LEVEL` (default `info`), with `timestamp` and `level` at the top of each line.
///
/// `lambda_runtime`'s own subscriber writes no `timestamp`; Lambda then takes every line for INFO.
pub fn init(env: &Env) {
    let level = env.optional("LOG_LEVEL").and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false);
    // Not `EnvFilter`: its regular expressions are a tenth of each binary.
    tracing_subscriber::registry().with(lines.with_writer(std::io::stdout)).with(filter(level)).init();
    // A panic's text may quote a transcript; its place says enough.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
}

/// Dependencies warn only: at debug level the SDK logs whole requests, mails and transcripts among them.
fn filter(level: LevelFilter) -> Targets {
    let quiet = level.min(LevelFilter::WARN);
    let dependencies = ["aws_", "h2", "hyper", "reqwest", "rustls", "tokio_postgres"];
    Targets::new().with_default(level).with_targets(dependencies.map(|name| (name, quiet)))
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn dependencies_never_log_below_warn() {
        let debug = filter(LevelFilter::TRACE);
        assert!(debug.would_enable("notify::sender", &Level::DEBUG));
        for target in
            ["aws_smithy_runtime::client", "aws_sdk_sesv2::operation", "hyper_util::client", "reqwest::connect"]
        {
            assert!(debug.would_enable(target, &Level::WARN));
            assert!(!debug.would_enable(target, &Level::INFO), "{target}");
        }
        assert!(!filter(LevelFilter::ERROR).would_enable("aws_config", &Level::WARN));
    }
}
