use serde_json::json;

use super::*;

type Read = fn(StatusCode, &HeaderMap, &[u8], DateTime<Utc>) -> ErrorAnswer;

fn refusal(read: Read, status: u16, body: &Value) -> ErrorAnswer {
    let headers = HeaderMap::from_iter([("sforce-limit-info".parse().unwrap(), "api-usage=1/2".parse().unwrap())]);
    let now = "2026-11-22T10:00:00Z".parse().unwrap();
    read(StatusCode::from_u16(status).unwrap(), &headers, body.to_string().as_bytes(), now)
}

fn coded(code: &str) -> Value {
    json!([{ "message": "ana@example.com", "errorCode": code, "fields": [] }])
}

#[test]
fn an_answer_is_sorted_by_its_status_and_code() {
    let about = |code: &str, field: &str| json!([{ "errorCode": code, "fields": [field] }]);
    let concurrent = json!([{ "errorCode": "REQUEST_LIMIT_EXCEEDED",
        "message": "ConcurrentRequests (Concurrent API Requests) Limit exceeded." }]);
    for (status, body, trouble) in [
        (300, json!(["/services/data/v68.0/sobjects/Task/00T1"]), Reason::Rejected),
        (400, coded("MALFORMED_QUERY"), Reason::Rejected),
        (400, coded("INVALID_SESSION_ID"), Reason::Unauthorized),
        (400, coded("UNABLE_TO_LOCK_ROW"), Reason::Locked),
        (400, coded("DUPLICATE_VALUE"), Reason::Conflict),
        (400, coded("DUPLICATES_DETECTED"), Reason::Conflict),
        (400, coded("ENTITY_IS_DELETED"), Reason::Conflict),
        (400, coded("CANNOT_UPDATE_CONVERTED_LEAD"), Reason::Conflict),
        (400, coded("INVALID_EMAIL_ADDRESS"), Reason::EmailRefused),
        (400, about("INVALID_EMAIL_ADDRESS", "Email"), Reason::EmailRefused),
        (400, about("INVALID_EMAIL_ADDRESS", "Other__c"), Reason::FieldRefused),
        (400, about("STRING_TOO_LONG", "Email"), Reason::EmailRefused),
        (400, about("STRING_TOO_LONG", "Title"), Reason::FieldRefused),
        (400, coded("INVALID_FIELD"), Reason::FieldRefused),
        (400, coded("INVALID_FIELD_FOR_INSERT_UPDATE"), Reason::FieldRefused),
        (400, coded("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"), Reason::FieldRefused),
        (400, coded("FIELD_CUSTOM_VALIDATION_EXCEPTION"), Reason::FieldRefused),
        (400, coded("INVALID_TYPE_ON_FIELD_IN_RECORD"), Reason::FieldRefused),
        (400, coded("JSON_PARSER_ERROR"), Reason::FieldRefused),
        (400, coded("REQUIRED_FIELD_MISSING"), Reason::FieldRequired),
        (400, coded("INSUFFICIENT_ACCESS_OR_READONLY"), Reason::Forbidden),
        (400, json!({ "error": "x" }), Reason::Rejected),
        (401, coded("INVALID_SESSION_ID"), Reason::Unauthorized),
        (401, json!("no list"), Reason::Unauthorized),
        (403, coded("REQUEST_LIMIT_EXCEEDED"), Reason::DailyLimit),
        (403, concurrent, Reason::RateLimited),
        (403, coded("API_DISABLED_FOR_ORG"), Reason::Forbidden),
        (404, coded("NOT_FOUND"), Reason::NotFound),
        (404, coded("ENTITY_IS_DELETED"), Reason::NotFound),
        (408, json!([]), Reason::Unavailable),
        (415, coded("UNSUPPORTED_MEDIA_TYPE"), Reason::Rejected),
        (420, json!([{}]), Reason::RateLimited),
        (429, json!(null), Reason::RateLimited),
        (500, coded("UNKNOWN_EXCEPTION"), Reason::Unavailable),
        (501, json!([]), Reason::Rejected),
        (503, coded("SERVER_UNAVAILABLE"), Reason::Unavailable),
    ] {
        assert_eq!(refusal(read, status, &body).reason, trouble, "{status} {body}");
    }
}

#[test]
fn what_the_token_endpoint_refuses_are_the_credentials_unless_it_is_the_moment() {
    let oauth = |error: &str, description: &str| json!({ "error": error, "error_description": description });
    for (status, body, trouble) in [
        (400, oauth("invalid_client", "invalid client credentials"), Reason::Unauthorized),
        (400, oauth("invalid_grant", "user hasn't approved this consumer"), Reason::Unauthorized),
        (401, json!(null), Reason::Unauthorized),
        (403, json!(null), Reason::Unauthorized),
        (400, oauth("invalid_grant", "login rate exceeded"), Reason::RateLimited),
        (400, oauth("unknown_error", "retry your request"), Reason::Unavailable),
        (404, json!(null), Reason::NotFound),
        (503, json!(null), Reason::Unavailable),
    ] {
        assert_eq!(refusal(of_sign_in, status, &body).reason, trouble, "{status} {body}");
    }
    let wrong = refusal(of_sign_in, 400, &oauth("invalid_client", "invalid client credentials"));
    assert_eq!(wrong.to_string(), "Salesforce answered with 400 invalid_client");
}

#[test]
fn a_duplicate_rule_names_whom_it_found_in_either_spelling() {
    let record = |id: &str| json!({ "record": { "Id": id } });
    let answer = |member: &str, ids: &[&str]| {
        let records: Vec<_> = ids.iter().map(|id| record(id)).collect();
        let result = json!({ "matchResults": [{ "matchRecords": [] }, { "matchRecords": records }] });
        json!([{ "errorCode": "DUPLICATES_DETECTED", member: result }])
    };
    let (contact, lead) = ("0035g00000AAAAAAAA", "00Q5g00000BBBBB");
    for (body, existing) in [
        (answer("duplicateResut", &[lead, contact]), Some(contact)),
        (answer("duplicateResult", &[lead]), Some(lead)),
        (answer("duplicateResult", &["0015g00000AAAAAAAA", "003/../x"]), None),
        (json!([{ "errorCode": "DUPLICATES_DETECTED", "duplicateResult": { "matchResults": "?" } }]), None),
        (coded("DUPLICATES_DETECTED"), None),
    ] {
        assert_eq!(refusal(read, 400, &body).existing.as_deref(), existing, "{body}");
    }
}

#[test]
fn the_text_has_codes_and_no_message() {
    let refusal = refusal(
        read,
        400,
        &json!([{ "errorCode": "INVALID_FIELD", "message": "ana@example.com" },
        { "errorCode": "ana@example.com" }, {}]),
    );
    assert_eq!(refusal.to_string(), "Salesforce answered with 400 INVALID_FIELD");
    assert!(!format!("{refusal:?}").contains("ana@"));
    let missing = json!([{ "errorCode": "REQUIRED_FIELD_MISSING", "fields": ["Region__c", "ana@example.com"] }]);
    let missing = self::refusal(read, 400, &missing);
    assert_eq!(missing.to_string(), "Salesforce answered with 400 REQUIRED_FIELD_MISSING Region__c");
    let several = self::refusal(read, 300, &json!(["/services/data/v68.0/sobjects/Task/00T1"]));
    assert_eq!(several.to_string(), "Salesforce answered with 300 MULTIPLE_CHOICES");
}
