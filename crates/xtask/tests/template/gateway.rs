//! What API Gateway answers without asking `ingest`.

use serde_json::Value;

use crate::{of_type, template};

#[test]
fn what_api_gateway_answers_itself_is_a_problem_document_of_that_status() {
    let responses = of_type(&template(), "AWS::Serverless::Api")["Api"]["GatewayResponses"].clone();
    let responses = responses.as_object().expect("responses");
    for (kind, response) in responses {
        let body = response["ResponseTemplates"]["application/json"].as_str().expect("a body");
        let document: Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(document["status"], response["StatusCode"], "{kind}");
        let name = document["type"].as_str().expect("a type");
        assert!(name.starts_with("urn:post-session:problem:"), "{kind}: {name}");
        assert!(document["title"].is_string() && document["detail"].is_string(), "{kind}");
        let content_type = &response["ResponseParameters"]["Headers"]["Content-Type"];
        assert_eq!(content_type, "'application/problem+json'", "{kind}");
    }
    for kind in ["INVALID_API_KEY", "REQUEST_TOO_LARGE", "THROTTLED", "QUOTA_EXCEEDED", "DEFAULT_4XX", "DEFAULT_5XX"] {
        assert!(responses.contains_key(kind), "{kind}");
    }
}
