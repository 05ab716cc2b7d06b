//! Settings and answers of the `/_…` endpoints.

use std::collections::HashMap;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// The JSON in a control's body, whatever type the request declares.
pub(crate) struct Setting<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Setting<T> {
    type Rejection = BadSetting;

    async fn from_request(request: Request, state: &S) -> Result<Self, BadSetting> {
        let body = Bytes::from_request(request, state).await.map_err(|error| BadSetting(error.to_string()))?;
        serde_json::from_slice(&body).map(Self).map_err(|error| BadSetting(error.to_string()))
    }
}

/// A JSON array of `T`, or a single one.
pub(crate) struct OneOrMany<T>(pub(crate) Vec<T>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = match Value::deserialize(deserializer)? {
            Value::Array(items) => items,
            item => vec![item],
        };
        items.into_iter().map(serde_json::from_value).collect::<Result<_, _>>().map(Self).map_err(D::Error::custom)
    }
}

/// A setting that was taken is answered with 204.
pub(crate) type Taken = Result<StatusCode, BadSetting>;

/// The reason to refuse a setting: 400 with `{"error"}`.
pub(crate) struct BadSetting(pub(crate) String);

impl From<String> for BadSetting {
    fn from(reason: String) -> Self {
        Self(reason)
    }
}

impl IntoResponse for BadSetting {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(json!({ "error": self.0 }))).into_response()
    }
}

/// `?contains=` narrows a list to what belongs to one test, `?token=` and `?client_id=` to one account.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Narrow {
    #[serde(default)]
    pub(crate) contains: String,
    #[serde(alias = "client_id")]
    pub(crate) token: Option<String>,
}

impl Narrow {
    /// Whether the account is named, or none is.
    pub(crate) fn is_about(&self, token: &str) -> bool {
        self.token.as_ref().is_none_or(|one| one == token)
    }
}

/// An answer that a test states.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Literal {
    pub(crate) status: u16,
    /// A string is sent without change, anything else as JSON.
    pub(crate) body: Option<Value>,
    #[serde(default)]
    pub(crate) headers: HashMap<String, String>,
}

impl Literal {
    /// Renders the answer; `Err` says why it cannot be sent.
    pub(crate) fn response(&self) -> Result<Response, String> {
        let status = StatusCode::from_u16(self.status).ok().filter(|status| (200..=599).contains(&status.as_u16()));
        let text = match &self.body {
            Some(Value::String(text)) => text.clone(),
            body => body.as_ref().map(Value::to_string).unwrap_or_default(),
        };
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status.ok_or("status must be between 200 and 599")?;
        if self.body.as_ref().is_some_and(|body| !body.is_string()) {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        with_headers(response, &self.headers)
    }
}

/// Sets headers; `Err` names what is wrong with them.
pub(crate) fn with_headers(mut response: Response, headers: &HashMap<String, String>) -> Result<Response, String> {
    response.headers_mut().extend(HeaderMap::try_from(headers).map_err(|error| error.to_string())?);
    Ok(response)
}
