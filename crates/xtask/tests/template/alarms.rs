//! The alarms watch metrics that the functions write.

use serde_json::{Value, json};
use stage::metrics::{ALERT_MAILS_FAILED, ALERTS_OPENED, PURGED, STEP, STEP_FAILED, UNKNOWN_EMAIL_EVENTS};

use crate::{of_type, template};

const NAMESPACE: &str = "PostSession/${AWS::StackName}";

fn metrics(alarm: &Value) -> impl Iterator<Item = &Value> {
    let of_expression = alarm["Metrics"].as_array().into_iter().flatten().map(|query| &query["MetricStat"]["Metric"]);
    of_expression.chain([alarm])
}

/// The metrics of this service's own namespace that an alarm reads, each with its dimensions.
fn watched(alarm: &Value) -> Vec<(String, Value)> {
    let metrics = metrics(alarm).filter(|metric| metric["Namespace"]["Fn::Sub"] == NAMESPACE);
    metrics
        .map(|metric| (metric["MetricName"].as_str().expect("a name").to_owned(), metric["Dimensions"].clone()))
        .collect()
}

#[test]
fn every_alarm_on_a_metric_of_ours_watches_one_that_is_written() {
    let written = [STEP_FAILED, UNKNOWN_EMAIL_EVENTS, ALERTS_OPENED, ALERT_MAILS_FAILED, PURGED];
    for (name, alarm) in of_type(&template(), "AWS::CloudWatch::Alarm") {
        for (metric, _) in watched(&alarm) {
            assert!(written.contains(&metric.as_str()), "{name}: {metric}");
        }
        let mut literal = metrics(&alarm).filter_map(|metric| metric["Namespace"].as_str());
        assert!(literal.all(|namespace| namespace.starts_with("AWS/")), "{name}");
    }
    let variables = &template()["Globals"]["Function"]["Environment"]["Variables"];
    assert_eq!(variables["METRICS_NAMESPACE"]["Fn::Sub"], NAMESPACE);
}

#[test]
fn failed_steps_of_each_kind_and_alerts_that_could_not_be_mailed_raise_an_alarm() {
    let alarms = of_type(&template(), "AWS::CloudWatch::Alarm");
    let kinds = domain::step::StageName::ALL
        .map(|kind| (STEP_FAILED.to_owned(), json!([{ "Name": STEP, "Value": kind.as_str() }])));
    assert_eq!(watched(&alarms["FailedStepsAlarm"]), kinds);
    assert_eq!(watched(&alarms["AlertMailsFailedAlarm"]), [(ALERT_MAILS_FAILED.to_owned(), Value::Null)]);
}
