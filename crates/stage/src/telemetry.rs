//! Logs: one JSON object a line, as Lambda's own log filter expects them.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::Env;
use crate::metrics;

/// Sets up logging at `LOG_LEVEL` (default `info`), with `timestamp` and `level` at the top of each line, and metrics
/// in `METRICS_NAMESPACE`.
///
/// `lambda_runtime`'s own subscriber writes no `timestamp`; Lambda then treats every line as INFO.
pub fn init(env: &Env) {
    metrics::init(env);
    let level = env.optional("LOG_LEVEL").and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false);
    // Not `EnvFilter`: its regular expressions are a tenth of each binary.
    tracing_subscriber::registry().with(lines.with_writer(std::io::stdout)).with(filter(level)).init();
    // A panic's text may quote a transcript, so only the place is logged.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic caught");
    }));
}

/// The crates of this workspace that log in functions.
const OURS: [&str; 9] =
    ["analyze", "connectors", "crm_sync", "housekeep", "ingest", "notify", "stage", "store", "track_delivery"];

/// Applies `level` to our own crates. Other crates may only warn: the runtime and the SDK log whole events and requests,
/// including mails and transcripts. The runtime's span carries the request's id at INFO.
fn filter(level: LevelFilter) -> Targets {
    let others = level.min(LevelFilter::WARN);
    let ours = OURS.map(|name| (name, level));
    let runtime = ("lambda_runtime", level.min(LevelFilter::INFO));
    Targets::new().with_default(others).with_targets(ours).with_targets([runtime])
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn only_our_own_lines_go_below_warn() {
        let trace = filter(LevelFilter::TRACE);
        for target in ["notify::sender", "track_delivery", "stage::step"] {
            assert!(trace.would_enable(target, &Level::TRACE), "{target}");
        }
        assert!(trace.would_enable("lambda_runtime::layers::trace", &Level::INFO), "the span with the request's id");
        assert!(!trace.would_enable("lambda_runtime::layers::api_response", &Level::TRACE), "the raw event");
        for target in ["aws_smithy_runtime::client", "hyper_util", "reqwest"] {
            assert!(trace.would_enable(target, &Level::WARN), "{target}");
            assert!(!trace.would_enable(target, &Level::INFO), "{target}");
        }
        assert!(!filter(LevelFilter::ERROR).would_enable("aws_config", &Level::WARN));
    }

    #[test]
    fn every_crate_that_logs_is_one_of_ours() {
        let crates = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).unwrap();
        let logs = |folder: &std::path::Path| {
            let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
            manifest.lines().any(|line| line == "tracing.workspace = true")
        };
        let folders = crates.map(|folder| folder.unwrap().path()).filter(|folder| logs(folder));
        let mut names: Vec<_> =
            folders.map(|folder| folder.file_name().unwrap().to_str().unwrap().replace('-', "_")).collect();
        names.sort();
        assert_eq!(names, OURS);
    }
}
