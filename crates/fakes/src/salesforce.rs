//! A stand-in for Salesforce's REST API: contacts, leads and tasks.
//!
//! Each consumer key is an org of its own, so tests that use their own key do not see each other.

mod controls;
mod describe;
mod duplicates;
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

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use parking_lot::Mutex;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::plumbing::Plumbing;
use crate::serve::{ANY_PORT, Running, serve};

use error::Problem;
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
    serve(Plumbing::new(error::of_fault).router(app, controls::router(world)), address).await
}

pub(crate) type World = Arc<Mutex<Orgs>>;

/// All orgs, by consumer key.
#[derive(Debug, Default)]
pub(crate) struct Orgs {
    by_key: BTreeMap<String, Org>,
    opened: u64,
}

impl Orgs {
    /// The org of a consumer key, which is `3MVG…`; a new one on first use.
    fn of_key(&mut self, key: &str) -> Option<&mut Org> {
        let clean = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !key.starts_with("3MVG") || !key.bytes().all(clean) {
            return None;
        }
        let number = &mut self.opened;
        Some(self.by_key.entry(key.to_owned()).or_insert_with(|| {
            *number += 1;
            Org::new(*number)
        }))
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

/// A status and a body; 204 goes without.
type Reply = Result<(StatusCode, Value), Problem>;

async fn handle(State(world): State<World>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let segments = uri.path().split('/').skip(1).map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned());
    let segments = segments.collect::<Vec<_>>();
    let mut path = segments.iter().map(String::as_str).collect::<Vec<_>>();
    // `…/sobjects/Lead/` is `…/sobjects/Lead`.
    path.pop_if(|last| last.is_empty());
    let (version, rest) = match path.as_slice() {
        ["services", "data", version, rest @ ..] => (*version, rest),
        _ => return Problem::no_such_resource().into_response(),
    };

    let mut orgs = world.lock();
    let Some(org) = token(&headers).and_then(|token| orgs.of_token(token)) else {
        return Problem::session_expired().into_response();
    };
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let call = Call {
        version,
        query: Query::try_from_uri(&uri).map(|Query(query)| query).unwrap_or_default(),
        json: header("content-type").starts_with("application/json").then_some(&*body),
        allow_save: header("sforce-duplicate-rule-header").to_ascii_lowercase().contains("allowsave=true"),
    };
    org.allow_saves += u64::from(call.allow_save);
    let mut response = match org.count_request().and_then(|()| route(org, method.as_str(), rest, &call)) {
        Ok((StatusCode::NO_CONTENT, _)) => StatusCode::NO_CONTENT.into_response(),
        Ok((status, body)) => (status, Json(body)).into_response(),
        Err(problem) => problem.into_response(),
    };
    if let Ok(usage) = HeaderValue::try_from(org.usage()) {
        response.headers_mut().insert("sforce-limit-info", usage);
    }
    response
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let authorization = headers.get("authorization")?.to_str().ok()?;
    authorization.strip_prefix("Bearer ").or_else(|| authorization.strip_prefix("OAuth "))
}

fn route(org: &mut Org, method: &str, path: &[&str], call: &Call<'_>) -> Reply {
    if !is_version(call.version) {
        return Err(Problem::no_such_resource());
    }
    match (method, path) {
        ("GET", ["query"]) => query::run(org, call),
        ("POST", ["sobjects", object]) => rows::create(org, object, call),
        ("GET", ["sobjects", object, "describe"]) => describe::object(org, object),
        ("GET", ["sobjects", object, id]) => rows::read(org, object, id, call),
        ("PATCH", ["sobjects", object, id]) => rows::update(org, object, id, call),
        ("DELETE", ["sobjects", object, id]) => rows::delete(org, object, id),
        ("GET", ["sobjects", object, field, value]) => rows::read_by(org, object, (field, value), call),
        ("PATCH", ["sobjects", object, field, value]) => rows::upsert(org, object, (field, value), call),
        _ => Err(Problem::no_such_resource()),
    }
}

fn is_version(text: &str) -> bool {
    let number = text.strip_prefix('v').and_then(|text| text.strip_suffix(".0"));
    number.and_then(|number| number.parse().ok()).is_some_and(|number| VERSIONS.contains(&number))
}

impl Call<'_> {
    /// The body as an object.
    fn object(&self) -> Result<Map<String, Value>, Problem> {
        let body = self.json.ok_or_else(Problem::no_json)?;
        if body.is_empty() {
            return Err(Problem::json("The HTTP entity body is required, but this request has no entity body."));
        }
        serde_json::from_slice(body).map_err(|error| Problem::json(format!("Unexpected content: {error}")))
    }
}
