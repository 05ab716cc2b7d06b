//! A stand-in for HubSpot's CRM API: contacts, notes and what ties them together.
//!
//! Each token is a portal of its own, so tests that use their own token do not see each other.

mod batch;
mod contacts;
mod error;
mod notes;
mod portal;
mod properties;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::plumbing::Plumbing;
use crate::serve::{ANY_PORT, Running, serve};

use error::Problem;
use portal::Portal;

/// Requests per ten seconds that the headers promise; the stand-in itself never refuses.
const LIMIT: u32 = 190;
/// Requests per day that the headers promise.
const DAILY_LIMIT: u32 = 250_000;

/// Listens on a free port of the loopback interface.
pub async fn start() -> io::Result<Running> {
    start_on(ANY_PORT).await
}

pub async fn start_on(address: SocketAddr) -> io::Result<Running> {
    let portals = Portals::default();
    let controls = Router::new().route("/_state", get(state).delete(reset)).with_state(portals.clone());
    let app = Router::new().fallback(handle).with_state(portals);
    serve(Plumbing::new(error::of_fault).router(app, controls), address).await
}

#[derive(Debug, Clone, Default)]
struct Portals(Arc<Mutex<BTreeMap<String, Portal>>>);

/// A request, taken apart.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    query: BTreeMap<String, String>,
    body: &'a [u8],
}

/// A status and a body; 204 goes without.
type Reply = Result<(StatusCode, Value), Problem>;

async fn handle(State(portals): State<Portals>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let Some(token) = token(&headers) else { return Problem::unauthenticated().into_response() };
    let segments = uri.path().split('/').skip(1).map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned());
    let segments = segments.collect::<Vec<_>>();
    let query = Query::<BTreeMap<String, String>>::try_from_uri(&uri).map(|Query(query)| query).unwrap_or_default();
    let call = Call { query, body: &body };

    let mut portals = portals.0.lock().unwrap_or_else(PoisonError::into_inner);
    let portal = portals.entry(token.to_owned()).or_default();
    portal.requests += 1;
    let path = segments.iter().map(String::as_str).collect::<Vec<_>>();
    let mut response = match route(portal, method.as_str(), &path, &call) {
        Ok((StatusCode::NO_CONTENT, _)) => StatusCode::NO_CONTENT.into_response(),
        Ok((status, body)) => (status, Json(body)).into_response(),
        Err(problem) => problem.into_response(),
    };
    add_limits(response.headers_mut(), portal.requests);
    response
}

/// Private-app and service-key tokens begin with `pat-`.
fn token(headers: &HeaderMap) -> Option<&str> {
    let token = headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")?;
    token.starts_with("pat-").then_some(token)
}

fn route(portal: &mut Portal, method: &str, path: &[&str], call: &Call<'_>) -> Reply {
    match (method, path) {
        ("POST", ["crm", "objects", _, "contacts"]) => contacts::create(portal, call),
        ("GET", ["crm", "objects", _, "contacts", id]) => contacts::read(portal, id, call),
        ("PATCH", ["crm", "objects", _, "contacts", id]) => contacts::update(portal, id, call),
        ("DELETE", ["crm", "objects", _, "contacts", id]) => contacts::archive(portal, id),
        ("GET", ["crm", "objects", _, "contacts", id, "associations", "notes"]) => notes::of_contact(portal, id, call),
        ("POST", ["crm", "objects", _, "notes"]) => notes::create(portal, call),
        ("PATCH", ["crm", "objects", _, "notes", id]) => notes::update(portal, id, call),
        ("GET", ["crm", "objects", _, "notes", id]) => notes::read(portal, id, call),
        ("DELETE", ["crm", "objects", _, "notes", id]) => notes::archive(portal, id),
        ("POST", ["crm", "objects", _, "notes", "batch", "read"]) => batch::read_notes(portal, call),
        ("POST", ["crm", "objects", _, "notes", "batch", "upsert"]) => batch::upsert_notes(portal, call),
        ("PUT", ["crm", "objects", _, "notes", id, "associations", "default", "contacts", contact]) => {
            notes::associate(portal, id, contact)
        }
        ("POST", ["crm", "properties", _, object]) => properties::define(portal, object, call),
        ("GET", ["crm", "properties", _, object, name]) => properties::read(portal, object, name),
        _ => Err(Problem::no_such_route()),
    }
}

impl Call<'_> {
    /// The body as an object.
    fn json(&self) -> Result<Map<String, Value>, Problem> {
        serde_json::from_slice(self.body).map_err(|error| Problem::invalid(format!("Invalid input JSON on {error}")))
    }

    /// The names in `?properties=a,b`; `None` when not asked for.
    fn wanted(&self) -> Option<Vec<String>> {
        Some(self.query.get("properties")?.split(',').map(|name| name.trim().to_owned()).collect())
    }
}

fn add_limits(headers: &mut HeaderMap, used: u32) {
    headers.insert("x-hubspot-ratelimit-max", HeaderValue::from(LIMIT));
    headers.insert("x-hubspot-ratelimit-remaining", HeaderValue::from(LIMIT - 1 - used % LIMIT));
    headers.insert("x-hubspot-ratelimit-interval-milliseconds", HeaderValue::from(10_000));
    headers.insert("x-hubspot-ratelimit-daily", HeaderValue::from(DAILY_LIMIT));
    headers.insert("x-hubspot-ratelimit-daily-remaining", HeaderValue::from(DAILY_LIMIT.saturating_sub(used)));
}

/// `?token=` shows one portal, `?contains=` the contacts and notes whose values contain a text.
#[derive(Debug, Default, Deserialize)]
struct Narrow {
    token: Option<String>,
    #[serde(default)]
    contains: String,
}

async fn state(State(portals): State<Portals>, Query(narrow): Query<Narrow>) -> Json<Value> {
    let portals = portals.0.lock().unwrap_or_else(PoisonError::into_inner);
    let wanted = portals.iter().filter(|(token, _)| narrow.token.as_ref().is_none_or(|wanted| wanted == *token));
    let (mut contacts, mut notes) = (Vec::new(), Vec::new());
    for (token, portal) in wanted {
        contacts.extend(
            portal
                .contacts
                .iter()
                .filter(|contact| contact.contains(&narrow.contains))
                .map(|contact| json!({ "token": token, "id": contact.id, "properties": contact.properties })),
        );
        notes.extend(portal.notes.iter().filter(|note| note.record.contains(&narrow.contains)).map(|note| {
            json!({ "token": token, "id": note.record.id, "properties": note.record.properties, "contact_ids": note.contacts })
        }));
    }
    Json(json!({ "contacts": contacts, "notes": notes }))
}

async fn reset(State(portals): State<Portals>, Query(narrow): Query<Narrow>) -> StatusCode {
    let mut portals = portals.0.lock().unwrap_or_else(PoisonError::into_inner);
    portals.retain(|token, _| narrow.token.as_ref().is_some_and(|gone| gone != token));
    StatusCode::NO_CONTENT
}
