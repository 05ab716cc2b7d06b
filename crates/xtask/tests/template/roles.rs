//! Each role may do what its function does, and no more.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{functions, of_type, queue_mappings, template};

const CONSUMER_ACTIONS: [&str; 4] =
    ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"];

/// A text, or a list of anything, as a list.
fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

/// The statements of a role, those under a condition included.
fn statements(role: &Value) -> Vec<Value> {
    let policies = list(&role["Policies"]).into_iter();
    let all = policies.flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]));
    all.map(|statement| statement["Fn::If"].get(1).cloned().unwrap_or(statement)).collect()
}

fn statements_of_function(function: &str) -> Vec<Value> {
    let functions = functions();
    let name = functions[function]["Role"]["Fn::GetAtt"].as_str().and_then(|name| name.strip_suffix(".Arn"));
    statements(&of_type(&template(), "AWS::IAM::Role")[name.expect("a role of this template")])
}

/// Logical ids of the resources that the function may do this to.
fn allowed(function: &str, action: &str) -> BTreeSet<String> {
    let granting = statements_of_function(function).into_iter().filter(|s| list(&s["Action"]).contains(&json!(action)));
    let resources = granting.flat_map(|statement| list(&statement["Resource"]));
    let ids = resources.filter_map(|arn| arn["Fn::GetAtt"].as_str()?.strip_suffix(".Arn").map(str::to_owned));
    ids.collect()
}

/// Their short waits are delayed messages to the queue that they receive from.
const WAITING: [&str; 3] = ["AnalyzeFunction", "NotifyFunction", "CrmSyncFunction"];

#[test]
fn each_function_may_send_to_the_queues_it_is_given_and_to_no_other() {
    for (name, function) in functions() {
        let variables = function["Environment"]["Variables"].as_object().expect("variables");
        let waits = WAITING.contains(&name.as_str());
        let given = variables
            .iter()
            .filter(|(variable, _)| variable.ends_with("QUEUE_URL") && (waits || *variable != "QUEUE_URL"));
        let given: BTreeSet<_> = given.map(|(_, queue)| queue["Ref"].as_str().expect("a queue").to_owned()).collect();
        assert_eq!(allowed(&name, "sqs:SendMessage"), given, "{name}");
    }
}

#[test]
fn each_consumer_may_receive_delete_and_hide_messages_of_its_own_queue_only() {
    for (function, mapping) in queue_mappings() {
        let queue = functions()[&function]["Environment"]["Variables"]["QUEUE_URL"]["Ref"].clone();
        let queue = queue.as_str().expect("a queue").to_owned();
        assert_eq!(mapping["Queue"]["Fn::GetAtt"], format!("{queue}.Arn"), "{function}");
        for action in CONSUMER_ACTIONS {
            assert_eq!(allowed(&function, action), BTreeSet::from([queue.clone()]), "{function} {action}");
        }
    }
}

#[test]
fn mails_are_sent_only_from_the_addresses_of_the_parameters() {
    let sending = |function| {
        statements_of_function(function).into_iter().filter(|s| s["Action"] == "ses:SendEmail").collect::<Vec<_>>()
    };
    for statement in sending("NotifyFunction") {
        let from = &statement["Condition"]["StringLike"]["ses:FromAddress"]["Fn::If"];
        assert_eq!((&from[0], &from[2]), (&json!("HasSenderAddresses"), &json!({ "Ref": "SenderAddress" })));
        assert_eq!(from[1], json!({ "Fn::Split": [",", { "Fn::Sub": "${SenderAddress},${SenderAddresses}" }] }));
    }
    for statement in sending("HousekeepFunction") {
        let from = &statement["Condition"]["StringEquals"]["ses:FromAddress"];
        assert_eq!(*from, json!({ "Ref": "SenderAddress" }), "an alert is not from a tenant's address");
    }
    for function in functions().keys() {
        let statements = match function.as_str() {
            // Its own configuration set, and those of tenants where there are some.
            "NotifyFunction" => 2,
            "HousekeepFunction" => 1,
            _ => 0,
        };
        assert_eq!(sending(function).len(), statements, "{function}");
    }
}

#[test]
fn configuration_sets_of_tenants_are_those_that_the_parameter_names() {
    let names = json!({ "Fn::Join": [
        ",arn:*:ses:*:*:configuration-set/", { "Fn::Split": [",", { "Ref": "TenantConfigurationSets" }] }
    ] });
    let sets = statements_of_function("NotifyFunction").into_iter().filter(|s| s["Action"] == "ses:SendEmail").nth(1);
    let resource = &sets.expect("a statement")["Resource"]["Fn::Split"][1]["Fn::Sub"];
    assert_eq!(resource[0], "arn:*:ses:*:*:configuration-set/${Names}");
    assert_eq!(resource[1]["Names"], names);
    let policy = &of_type(&template(), "AWS::SNS::TopicPolicy")["EmailEventsTopicPolicy"]["PolicyDocument"];
    let source = &policy["Statement"][0]["Condition"]["ArnLike"]["AWS:SourceArn"]["Fn::If"];
    assert_eq!(source[0], "HasTenantConfigurationSets");
    assert_eq!(source[1]["Fn::Split"][1]["Fn::Sub"][1]["Names"], names, "their events reach the topic");
}

#[test]
fn models_are_asked_only_if_a_parameter_names_them() {
    let asking = statements_of_function("AnalyzeFunction").into_iter().filter(|s| s["Action"] == "bedrock:InvokeModel");
    let resources: Vec<_> = asking.flat_map(|statement| list(&statement["Resource"])).collect();
    for resource in &resources {
        let text = resource.to_string();
        let parameters = ["/${BedrockModelId}\"", "/${BedrockFoundationModelId}\"", "{\"Ref\":\"TenantModelArns\"}"];
        assert!(parameters.iter().any(|parameter| text.contains(parameter)), "{text}");
    }
    assert_eq!(resources.len(), 4);
}

#[test]
fn secrets_are_read_below_the_prefix_and_only_access_tokens_are_written() {
    let arn = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${SecretPrefix}*";
    for function in functions().keys() {
        let of_secrets = |statement: &Value| statement["Action"].to_string().contains("secretsmanager:");
        let statements: Vec<_> = statements_of_function(function).into_iter().filter(of_secrets).collect();
        let granted: Vec<_> =
            statements.iter().map(|s| (list(&s["Action"]), s["Resource"]["Fn::Sub"].as_str().unwrap_or("?"))).collect();
        let expected = match function.as_str() {
            "CrmSyncFunction" | "HousekeepFunction" => vec![
                (vec![json!("secretsmanager:GetSecretValue")], arn.to_owned()),
                (
                    ["CreateSecret", "PutSecretValue"].map(|action| json!(format!("secretsmanager:{action}"))).to_vec(),
                    format!("{arn}/access-token-*"),
                ),
            ],
            _ => Vec::new(),
        };
        let expected: Vec<_> = expected.iter().map(|(actions, arn)| (actions.clone(), arn.as_str())).collect();
        assert_eq!(granted, expected, "{function}");
    }
}

#[test]
fn no_role_may_do_everything() {
    for (name, role) in of_type(&template(), "AWS::IAM::Role") {
        for statement in statements(&role).iter().filter(|statement| !statement.is_null()) {
            assert!(statement["Action"].is_string() || statement["Action"].is_array(), "{name}: {statement}");
            assert!(!statement["Action"].to_string().contains('*'), "{name}: {statement}");
            assert_ne!(statement["Resource"], "*", "{name}: {statement}");
        }
    }
}
