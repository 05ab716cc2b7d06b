//! Metrics: each is one line of CloudWatch's embedded metric format on standard output.
//!
//! `LOG_LEVEL` does not affect metrics. Ids are properties of a metric, never dimensions: every value of a dimension is
//! another metric to pay for.

use std::sync::OnceLock;

use chrono::{DateTime, SecondsFormat, Utc};
use domain::step::{Code, StepKey};
use serde_json::{Map, Value, json};

use crate::config::Env;

/// The namespace without `METRICS_NAMESPACE`.
const DEFAULT_NAMESPACE: &str = "PostSession";
static NAMESPACE: OnceLock<String> = OnceLock::new();

/// Steps recorded as failed, by [`STEP`].
pub const STEP_FAILED: &str = "StepFailed";
/// Dimension: the stage that runs the step.
pub const STEP: &str = "Step";
/// Events of SES about mails that are missing in the log.
pub const UNKNOWN_EMAIL_EVENTS: &str = "UnknownEmailEvents";
pub const ALERTS_OPENED: &str = "AlertsOpened";
/// Mails to administrators that were not sent.
pub const ALERT_MAILS_FAILED: &str = "AlertMailsFailed";
/// Rows removed, by [`KIND`].
pub const PURGED: &str = "Purged";
/// Dimension: the kind of the rows.
pub const KIND: &str = "Kind";

/// Sets the namespace. Each deployment has its own, so that its failures do not raise the alarms of another deployment.
pub(crate) fn init(env: &Env) {
    let namespace = env.optional("METRICS_NAMESPACE").unwrap_or(DEFAULT_NAMESPACE);
    // A process has one namespace; later calls change nothing.
    let _ = NAMESPACE.set(namespace.to_owned());
}

/// Counts a step that was recorded as failed.
pub fn step_failed(key: &StepKey, code: Code) {
    let stage = key.step.stage();
    let ids = [
        ("tenant.id", key.tenant_id.to_string()),
        ("session.id", key.session_id.to_string()),
        ("code", code.to_string()),
    ];
    emit(&MetricLine { name: STEP_FAILED, count: 1, dimension: Some((STEP, stage.as_str())), properties: &ids });
}

/// Counts one occurrence of a metric without dimension.
pub fn count(name: &'static str) {
    emit(&MetricLine { name, count: 1, dimension: None, properties: &[] });
}

/// Counts rows that were purged.
pub fn purged(kind: &str, count: u64) {
    emit(&MetricLine { name: PURGED, count, dimension: Some((KIND, kind)), properties: &[] });
}

struct MetricLine<'a> {
    name: &'static str,
    count: u64,
    dimension: Option<(&'static str, &'a str)>,
    properties: &'a [(&'static str, String)],
}

fn emit(metric: &MetricLine<'_>) {
    let namespace = NAMESPACE.get().map_or(DEFAULT_NAMESPACE, String::as_str);
    // Not through `tracing`: the log level must not drop a metric.
    println!("{}", line(namespace, metric, Utc::now()));
}

/// Formats a metric. Lambda's own log filter reads `level` and `timestamp`, and drops lines below its level.
fn line(namespace: &str, metric: &MetricLine<'_>, now: DateTime<Utc>) -> Value {
    let MetricLine { name, count, dimension, properties } = metric;
    let dimensions: Vec<_> = dimension.iter().map(|(name, _)| *name).collect();
    let directive = json!({
        "Namespace": namespace,
        "Dimensions": [dimensions],
        "Metrics": [{ "Name": name, "Unit": "Count" }],
    });
    let mut line = Map::from_iter([
        ("timestamp".to_owned(), now.to_rfc3339_opts(SecondsFormat::Millis, true).into()),
        ("level".to_owned(), "INFO".into()),
        ("_aws".to_owned(), json!({ "Timestamp": now.timestamp_millis(), "CloudWatchMetrics": [directive] })),
        ((*name).to_owned(), (*count).into()),
    ]);
    line.extend(dimension.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())));
    line.extend(properties.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())));
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_ten() -> DateTime<Utc> {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_metric_is_one_line_that_cloudwatch_and_lambdas_filter_read() {
        let ids = [("session.id", "s-1\n".to_owned())];
        let metric = MetricLine { name: "StepFailed", count: 1, dimension: Some(("Step", "notify")), properties: &ids };
        let written = line("PostSession/dev", &metric, at_ten());
        let expected = json!({
            "timestamp": "2026-11-22T10:00:00.000Z",
            "level": "INFO",
            "_aws": {
                "Timestamp": 1_795_341_600_000_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "PostSession/dev",
                    "Dimensions": [["Step"]],
                    "Metrics": [{ "Name": "StepFailed", "Unit": "Count" }],
                }],
            },
            "StepFailed": 1,
            "Step": "notify",
            "session.id": "s-1\n",
        });
        assert_eq!(written, expected);
        assert_eq!(written.to_string().lines().count(), 1);
    }

    #[test]
    fn a_metric_without_dimension_is_counted_as_a_whole() {
        let metric = MetricLine { name: "AlertsOpened", count: 3, dimension: None, properties: &[] };
        let written = line("PostSession/dev", &metric, at_ten());
        assert_eq!(written["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([[]]));
        assert_eq!(written["AlertsOpened"], 3);
    }
}
