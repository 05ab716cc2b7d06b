//! Requests of the stand-ins whose routes are one `match` each.

use axum::Json;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// An error answer of HubSpot or Salesforce.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

/// A status and a body; 204 goes without.
pub(crate) type Reply = Result<(StatusCode, Value), Problem>;

pub(crate) fn respond(reply: Reply) -> Response {
    match reply {
        Ok((StatusCode::NO_CONTENT, _)) => StatusCode::NO_CONTENT.into_response(),
        Ok((status, body)) => (status, Json(body)).into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// The parts of a path, decoded.
pub(crate) fn segments(uri: &Uri) -> Vec<String> {
    uri.path().split('/').skip(1).map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned()).collect()
}

/// A header's text; empty without it.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
