//! Requests that API Gateway passes on to `ingest`, and its own answers.

use serde_json::{Value, json};

use crate::{functions, of_type, template};

#[test]
fn all_but_the_links_in_mails_need_an_api_key() {
    let api = of_type(&template(), "AWS::Serverless::Api")["Api"].clone();
    assert_eq!(api["Auth"]["ApiKeyRequired"], true);
    let events = functions()["IngestFunction"]["Events"].clone();
    let mut routes: Vec<_> = events.as_object().expect("events").values().map(|event| &event["Properties"]).collect();
    routes.sort_by_key(|route| (route["Path"].to_string(), route["Method"].to_string()));
    let routes: Vec<_> = routes.iter().map(|route| (&route["Path"], &route["Method"], &route["Auth"])).collect();
    let link = json!("/v1/unsubscribe/{token}");
    let open = json!({ "ApiKeyRequired": false });
    assert_eq!(
        routes,
        [
            (&json!("/v1/sessions/completed"), &json!("post"), &Value::Null),
            (&link, &json!("get"), &open),
            (&link, &json!("head"), &open),
            (&link, &json!("post"), &open),
        ]
    );
}

#[test]
fn what_api_gateway_answers_itself_is_a_problem_document_of_that_status() {
    let responses = of_type(&template(), "AWS::Serverless::Api")["Api"]["GatewayResponses"].clone();
    let responses = responses.as_object().expect("responses");
    for (kind, response) in responses {
        let body = response["ResponseTemplates"]["application/json"].as_str().expect("a body");
        let document: Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(document["status"], response["StatusCode"], "{kind}");
        let name = document["type"].as_str().expect("a type").strip_prefix("urn:post-session:problem:");
        let listed = format!("{} `{}`", document["status"], name.expect("a type of ours"));
        assert!(include_str!("../../../ingest/README.md").contains(&listed), "{kind}: {listed}");
        assert!(document["title"].is_string() && document["detail"].is_string(), "{kind}");
        let content_type = &response["ResponseParameters"]["Headers"]["Content-Type"];
        assert_eq!(content_type, "'application/problem+json'", "{kind}");
    }
    for kind in ["INVALID_API_KEY", "REQUEST_TOO_LARGE", "THROTTLED", "QUOTA_EXCEEDED", "DEFAULT_4XX", "DEFAULT_5XX"] {
        assert!(responses.contains_key(kind), "{kind}");
    }
}
