//! Errors as RFC 9457 problem documents.

use std::error::Error as _;

use aws_lambda_events::apigw::ApiGatewayProxyResponse;
use aws_lambda_events::encodings::Body;
use aws_lambda_events::http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::{Value, json};

use crate::error::{Error, FieldError};

/// Seconds after which a caller should repeat a request that was not served.
pub(crate) const RETRY_AFTER: &str = "5";

/// Prefix of the document's type; the README lists the types.
const TYPE_PREFIX: &str = "urn:post-session:problem:";

pub(crate) fn response(error: &Error) -> ApiGatewayProxyResponse {
    let mut response = json_response(error.status(), "application/problem+json", &document(error));
    if error.status() == 503 {
        set(&mut response.headers, header::RETRY_AFTER, RETRY_AFTER);
    }
    response
}

fn document(error: &Error) -> Value {
    let (status, kind) = error.problem();
    let mut document = json!({
        "type": format!("{TYPE_PREFIX}{kind}"),
        "title": title(status),
        "status": status,
        "detail": detail(error),
    });
    let errors: &[FieldError] = match error {
        Error::Invalid(errors) => errors,
        Error::UnknownTenant => &[FieldError { pointer: "/tenant_id".to_owned(), detail: "is not known".to_owned() }],
        _ => &[],
    };
    if !errors.is_empty() {
        let errors: Vec<_> = errors.iter().map(|e| json!({ "pointer": e.pointer, "detail": e.detail })).collect();
        document["errors"] = errors.into();
    }
    document
}

/// Explains a mistake of the caller with its sources; the sources of our own errors stay in the log.
fn detail(error: &Error) -> String {
    match error.source() {
        Some(source) if error.status() < 500 => format!("{error}: {source}"),
        _ => error.to_string(),
    }
}

fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        409 => "Conflict",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}

pub(crate) fn json_response(status: u16, content_type: &str, body: &Value) -> ApiGatewayProxyResponse {
    let mut response = ApiGatewayProxyResponse::default();
    response.status_code = i64::from(status);
    response.body = Some(Body::Text(body.to_string()));
    set(&mut response.headers, header::CONTENT_TYPE, content_type);
    response
}

pub(crate) fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
