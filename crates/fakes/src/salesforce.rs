//! A stand-in for Salesforce's REST API: contacts, leads and tasks.
//!
//! Each consumer key is an org of its own, so tests that use their own key do not see each other.

mod controls;
mod error;
mod id;
mod login;
mod org;
mod query;
mod rows;
mod schema;
mod values;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use parking_lot::Mutex;
use serde_json::{Map, Value};

use crate::plumbing::Plumbing;
use crate::rest::{Problem, Reply, header, respond, segments};
use crate::serve::{ANY_PORT, Running, serve};

use org::Org;

/// The API's versions, without the `.0`.
const VERSIONS: std::ops::RangeInclusive<u32> = 31..=68;

/// Listens on a free port of the loopback interface.
pub async fn start() -> io::Result<Running> {
    start_on(ANY_PORT).await
}

pub async fn start_on(address: SocketAddr) -> io::Result<Running> {
    let world = World::default();
    let app =
        Router::new().route("/services/oauth2/token", post(login::token)).fallback(handle).with_state(world.clone());
    serve(Plumbing::default().router(app, controls::router(world)), address).await
}

pub(crate) type World = Arc<Mutex<Orgs>>;

/// All orgs, by consumer key.
#[derive(Debug, Default)]
pub(crate) struct Orgs {
    by_key: BTreeMap<String, Org>,
    /// A number that no org has yet.
    opened: u64,
}

impl Orgs {
    /// The org of a consumer key, which is `3MVG…`; a new one on first use.
    fn of_key(&mut self, key: &str) -> Option<&mut Org> {
        let clean = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !key.starts_with("3MVG") || !key.bytes().all(clean) {
            return None;
        }
        self.opened += 1;
        Some(self.by_key.entry(key.to_owned()).or_insert_with(|| Org::new(self.opened)))
    }

    fn of_token(&mut self, token: &str) -> Option<&mut Org> {
        self.by_key.values_mut().find(|org| org.tokens.contains(token))
    }
}

/// A request, taken apart.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// `v68.0`.
    version: &'a str,
    query: BTreeMap<String, String>,
    /// `None` when it is not declared to be JSON.
    json: Option<&'a [u8]>,
    /// The header that lets a suspected duplicate through.
    allow_save: bool,
}

async fn handle(State(world): State<World>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let segments = segments(&uri);
    let mut path = segments.iter().map(String::as_str).collect::<Vec<_>>();
    // `…/sobjects/Lead/` is `…/sobjects/Lead`.
    path.pop_if(|last| last.is_empty());
    let ["services", "data", version, rest @ ..] = path.as_slice() else {
        return error::no_such_resource().into_response();
    };

    let mut orgs = world.lock();
    let authorization = header(&headers, "authorization");
    let token = authorization.strip_prefix("Bearer ").or_else(|| authorization.strip_prefix("OAuth "));
    let Some(org) = token.and_then(|token| orgs.of_token(token)) else {
        let expired = error::new(StatusCode::UNAUTHORIZED, "INVALID_SESSION_ID", "Session expired or invalid");
        return expired.into_response();
    };
    let call = Call {
        version,
        query: Query::try_from_uri(&uri).map(|Query(query)| query).unwrap_or_default(),
        json: header(&headers, "content-type").starts_with("application/json").then_some(&*body),
        allow_save: header(&headers, "sforce-duplicate-rule-header").to_ascii_lowercase().contains("allowsave=true"),
    };
    org.allow_saves += u64::from(call.allow_save);
    let mut response = respond(org.count_request().and_then(|()| route(org, method.as_str(), rest, &call)));
    if let Ok(usage) = HeaderValue::try_from(org.usage()) {
        response.headers_mut().insert("sforce-limit-info", usage);
    }
    response
}

fn route(org: &mut Org, method: &str, path: &[&str], call: &Call<'_>) -> Reply {
    if !is_version(call.version) {
        return Err(error::no_such_resource());
    }
    match (method, path) {
        ("GET", ["query"]) => query::run(org, call),
        (_, ["sobjects", object, rest @ ..]) => rows::route(org, object, (method, rest), call),
        _ => Err(error::no_such_resource()),
    }
}

fn is_version(text: &str) -> bool {
    let number = text.strip_prefix('v').and_then(|text| text.strip_suffix(".0"));
    number.and_then(|number| number.parse().ok()).is_some_and(|number| VERSIONS.contains(&number))
}

impl Call<'_> {
    /// The body as an object.
    fn object(&self) -> Result<Map<String, Value>, Problem> {
        let Some(body) = self.json else {
            let message = "Content-Type header specified in HTTP request is not supported: application/json is";
            return Err(error::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message));
        };
        serde_json::from_slice(body)
            .map_err(|why| error::bad("JSON_PARSER_ERROR", format!("Unexpected content: {why}")))
    }
}
