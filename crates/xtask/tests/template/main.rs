//! Holds `template.yaml` and the code together.

#![expect(clippy::expect_used, reason = "helpers of tests fail like tests")]

mod alarms;
mod environment;
mod gateway;
mod readme;
mod roles;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

const FOUR_DAYS: u64 = 345_600;
const FOURTEEN_DAYS: u64 = 1_209_600;

fn template() -> Value {
    yaml::parse(include_str!("../../../../template.yaml"))
}

fn of_type(template: &Value, kind: &str) -> BTreeMap<String, Value> {
    let resources = template["Resources"].as_object().expect("resources");
    let found = resources.iter().filter(|(_, resource)| resource["Type"] == kind);
    found.map(|(name, resource)| (name.clone(), resource["Properties"].clone())).collect()
}

fn functions() -> BTreeMap<String, Value> {
    let functions = of_type(&template(), "AWS::Serverless::Function");
    assert_eq!(functions.len(), 6);
    functions
}

/// Name of the function, name of the event, properties of the event.
fn queue_mappings() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (name, function) in functions() {
        for event in function["Events"].as_object().expect("events").values() {
            if event["Type"] == "SQS" {
                found.push((name.clone(), event["Properties"].clone()));
            }
        }
    }
    assert_eq!(found.len(), 4);
    found
}

fn default_of(parameter: &str) -> Value {
    template()["Parameters"][parameter]["Default"].clone()
}

#[test]
fn each_function_is_built_from_the_crate_it_is_named_after() {
    for (name, function) in functions() {
        let code = function["CodeUri"].as_str().expect("CodeUri");
        let package = code.strip_prefix("crates/").expect("a crate");
        let words = package.split('-').map(|word| word[..1].to_uppercase() + &word[1..]);
        assert_eq!(name, words.collect::<String>() + "Function");
        assert!(
            std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(code).join("Cargo.toml").exists()
        );
    }
}

#[test]
fn every_queue_mapping_reports_single_failures_and_bounds_concurrency() {
    for (function, mapping) in queue_mappings() {
        assert_eq!(mapping["FunctionResponseTypes"], serde_json::json!(["ReportBatchItemFailures"]), "{function}");
        assert_eq!(mapping["ScalingConfig"]["MaximumConcurrency"]["Ref"], "MaximumConcurrency", "{function}");
        // A message that waits for others of its batch would be claimed when most of its lease is over.
        assert_eq!(mapping["BatchSize"]["Ref"], "BatchConcurrency", "{function}");
    }
    assert_eq!(template()["Parameters"]["MaximumConcurrency"]["MinValue"], 2);
}

#[test]
fn every_queue_is_encrypted_and_has_a_dead_letter_queue_that_keeps_messages_longer() {
    let queues = of_type(&template(), "AWS::SQS::Queue");
    assert_eq!(queues.len(), 8);
    for (name, queue) in &queues {
        assert_eq!(queue["SqsManagedSseEnabled"], true, "{name}");
        if name.ends_with("DeadLetterQueue") {
            assert_eq!(queue["MessageRetentionPeriod"], FOURTEEN_DAYS, "{name}");
            assert_eq!(queue["RedriveAllowPolicy"]["redrivePermission"], "byQueue", "{name}");
            continue;
        }
        let dead_letters = name.replace("Queue", "DeadLetterQueue");
        assert!(queues.contains_key(&dead_letters), "{name}");
        assert!(queue["MessageRetentionPeriod"].as_u64().is_some_and(|seconds| seconds <= FOUR_DAYS), "{name}");
        assert_eq!(queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"], format!("{dead_letters}.Arn"));
        assert_eq!(queue["RedrivePolicy"]["maxReceiveCount"]["Ref"], "MaxReceiveCount", "{name}");
        let source = &queues[&dead_letters]["RedriveAllowPolicy"]["sourceQueueArns"][0]["Fn::Sub"];
        let own = queue["QueueName"]["Fn::Sub"].as_str().expect("a name");
        assert!(source.as_str().is_some_and(|arn| arn.ends_with(&format!(":{own}"))), "{name}");
    }
    assert_eq!(default_of("MaxReceiveCount"), 5);
}

#[test]
fn a_message_stays_invisible_for_at_least_six_timeouts_of_its_function() {
    let template = template();
    let queues = of_type(&template, "AWS::SQS::Queue");
    let seconds = template["Mappings"]["VisibilityTimeout"].as_object().expect("a mapping");
    for (timeout, visibility) in seconds {
        let timeout: u64 = timeout.parse().expect("seconds");
        assert!(visibility["Seconds"].as_u64().is_some_and(|seconds| seconds >= 6 * timeout), "{timeout}");
    }
    for (function, mapping) in queue_mappings() {
        let queue =
            mapping["Queue"]["Fn::GetAtt"].as_str().and_then(|name| name.strip_suffix(".Arn")).expect("a queue");
        let timeout = functions()[&function]["Timeout"]["Ref"].as_str().expect("a parameter").to_owned();
        let derived = &queues[queue]["VisibilityTimeout"]["Fn::FindInMap"];
        assert_eq!(*derived, serde_json::json!(["VisibilityTimeout", { "Ref": timeout }, "Seconds"]), "{queue}");
        for allowed in template["Parameters"][&timeout]["AllowedValues"].as_array().expect("allowed values") {
            assert!(seconds.contains_key(&allowed.to_string()), "{timeout} {allowed}");
        }
    }
}

#[test]
fn the_deliveries_of_a_failing_message_are_spread_over_about_half_an_hour() {
    let number = |parameter| default_of(parameter).as_u64().expect("a number");
    let (base, max, deliveries) = (number("RetryBaseSeconds"), number("RetryMaxSeconds"), number("MaxReceiveCount"));
    let waits: u64 = (0..deliveries - 1).map(|doublings| max.min(base << doublings)).sum();
    assert_eq!(waits, 120 + 240 + 480 + 900);
}

#[test]
fn no_host_is_exempt_from_the_rules_unless_somebody_says_so() {
    for parameter in ["SalesforceAllowedHosts", "WebhookAllowedHosts"] {
        assert_eq!(default_of(parameter), "");
        assert!(!include_str!("../../../../samconfig.toml").contains(parameter));
    }
}

#[test]
fn each_function_has_a_role_and_a_log_group_of_its_own() {
    let functions = functions();
    let roles: BTreeSet<_> = functions.values().map(|function| function["Role"].to_string()).collect();
    let groups: BTreeSet<_> = functions.values().map(|function| function["LoggingConfig"].to_string()).collect();
    assert_eq!((roles.len(), groups.len()), (6, 6));
    for (name, group) in of_type(&template(), "AWS::Logs::LogGroup") {
        assert_eq!(group["RetentionInDays"]["Ref"], "LogRetentionDays", "{name}");
    }
}

#[test]
fn housekeep_is_started_for_each_of_its_regular_tasks() {
    let events = functions()["HousekeepFunction"]["Events"].clone();
    let schedules = events.as_object().expect("events").values().map(|event| {
        let properties = &event["Properties"];
        let task: Value = serde_json::from_str(properties["Input"].as_str().expect("an input")).expect("JSON");
        let rate = default_of(properties["Schedule"]["Ref"].as_str().expect("a parameter"));
        (task["task"].as_str().expect("a task").to_owned(), rate.as_str().expect("a rate").to_owned())
    });
    let expected = [("alerts", "rate(1 minute)"), ("purge", "rate(1 hour)"), ("requeue", "rate(5 minutes)")]
        .map(|(task, rate)| (task.to_owned(), rate.to_owned()));
    assert_eq!(schedules.collect::<BTreeMap<_, _>>(), BTreeMap::from(expected));
}

#[test]
fn mails_are_changed_by_ses_only_if_somebody_says_so() {
    let destination =
        of_type(&template(), "AWS::SES::ConfigurationSetEventDestination")["EmailEventDestination"].clone();
    let types = destination["EventDestination"]["MatchingEventTypes"]["Fn::If"].clone();
    assert_eq!((&types[0], default_of("TrackOpensAndClicks")), (&"TracksOpensAndClicks".into(), "false".into()));
    let (all, without) = (types[1].as_array().expect("types"), types[2].as_array().expect("types"));
    assert_eq!(without.len(), 8);
    let more: Vec<_> = all.iter().filter(|kind| !without.contains(kind)).collect();
    assert_eq!(more, ["open", "click"]);
}

#[test]
fn every_dead_letter_queue_raises_an_alarm() {
    let alarms = of_type(&template(), "AWS::CloudWatch::Alarm");
    let watched: BTreeSet<_> =
        alarms.values().map(|alarm| alarm["Dimensions"][0]["Value"]["Fn::GetAtt"].clone().to_string()).collect();
    for queue in of_type(&template(), "AWS::SQS::Queue").keys().filter(|name| name.ends_with("DeadLetterQueue")) {
        assert!(watched.contains(&format!("\"{queue}.QueueName\"")), "{queue}");
    }
}
