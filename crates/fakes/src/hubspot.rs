//! A stand-in for HubSpot's API: contacts, notes and what ties them together, properties, OAuth and rate limits.
//!
//! Each private-app token is a portal of its own, so tests that use their own token do not see each other.

mod associations;
mod batch;
mod controls;
mod error;
mod limits;
mod oauth;
mod objects;
mod portal;
mod properties;
mod routes;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use chrono::Utc;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;

use crate::plumbing::Plumbing;
use crate::rest::{Problem, respond, segments};
use crate::serve::{ANY_PORT, Running, serve};

pub(crate) use error::used_up;
use oauth::OAuth;
use portal::Portal;

/// Listens on a free port of the loopback interface.
pub async fn start() -> io::Result<Running> {
    start_on(ANY_PORT).await
}

pub async fn start_on(address: SocketAddr) -> io::Result<Running> {
    let shared = Shared::default();
    let app = Router::new().route("/oauth/{version}/token", post(oauth::token)).fallback(handle);
    serve(Plumbing::default().router(app.with_state(shared.clone()), controls::router(shared)), address).await
}

type Shared = Arc<Mutex<World>>;

/// All portals, and who may open them.
#[derive(Debug, Default)]
struct World {
    portals: BTreeMap<String, Portal>,
    oauth: OAuth,
}

impl World {
    /// The portal of a private-app token; every token has one.
    fn portal(&mut self, token: &str) -> &mut Portal {
        self.portals.entry(token.to_owned()).or_default()
    }
}

/// A request, taken apart.
#[derive(Debug)]
struct Call<'a> {
    query: Vec<(String, String)>,
    body: &'a [u8],
}

async fn handle(State(shared): State<Shared>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let mut world = shared.lock();
    let credential = match world.oauth.open(&headers, Utc::now()) {
        Ok(credential) => credential,
        Err(problem) => return problem.into_response(),
    };
    let segments = segments(&uri);
    let path = segments.iter().map(String::as_str).collect::<Vec<_>>();
    let query = Query::<Vec<(String, String)>>::try_from_uri(&uri).map(|Query(query)| query).unwrap_or_default();
    let call = Call { query, body: &body };

    let portal = world.portal(&credential.token);
    let taken = portal.meter.take(Instant::now(), Utc::now().date_naive()).map_err(error::limited);
    let mut response = respond(taken.and_then(|()| routes::route(portal, method.as_str(), &path, &call)));
    portal.meter.show(response.headers_mut(), credential.is_private);
    response
}

impl Call<'_> {
    /// The body, whose values of properties must be strings.
    fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(self.body).map_err(|error| error::invalid(format!("Invalid input JSON on {error}")))
    }

    /// A value of the query; the first if there are several.
    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The names in `?properties=a,b` or `?properties=a&properties=b`; `None` when not asked for.
    fn wanted(&self) -> Option<Vec<String>> {
        self.query("properties")?;
        let values = self.query.iter().filter(|(name, _)| name == "properties").map(|(_, value)| value);
        Some(values.flat_map(|names| names.split(',')).map(|name| name.trim().to_owned()).collect())
    }
}
