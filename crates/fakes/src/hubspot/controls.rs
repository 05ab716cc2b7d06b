//! The `/_…` endpoints of HubSpot's stand-in alone.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get, put};
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::Shared;
use super::oauth::Installation;
use super::portal::{CrmKind, Portal, PortalRecord};
use crate::setting::{BadSetting, Narrow, Setting, Taken};

pub(crate) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/_state", get(state).delete(reset))
        .route("/_oauth", put(install).delete(uninstall))
        .route("/_limits", of_portal(|portal, limits| portal.meter.limits = limits))
        .route("/_scopes", of_portal(|portal, scopes| portal.scopes = scopes))
        .route("/_quirks", of_portal(|portal, quirks| portal.quirks = quirks))
        .route("/_required", of_portal(|portal, required| portal.required = required))
        .with_state(shared)
}

/// A setting of one portal; members that the body leaves out return to their defaults.
fn of_portal<T: DeserializeOwned + Send + 'static>(apply: fn(&mut Portal, T)) -> MethodRouter<Shared> {
    let set = move |State(shared): State<Shared>, Query(narrow): Query<Narrow>, Setting(setting): Setting<T>| async move {
        let token = narrow.token.ok_or_else(|| BadSetting("?token= must name the portal".to_owned()))?;
        apply(shared.lock().portal(&token), setting);
        Taken::Ok(StatusCode::NO_CONTENT)
    };
    put(set)
}

async fn state(State(shared): State<Shared>, Query(narrow): Query<Narrow>) -> Json<Value> {
    let world = shared.lock();
    let wanted = || world.portals.iter().filter(|(token, _)| narrow.is_about(token));
    let records = |kind| {
        let all = wanted().flat_map(move |(token, portal)| portal.all(kind).map(move |record| (token, record)));
        let seen = all.filter(|(_, record)| record.contains(&narrow.contains));
        seen.map(|(token, record)| view(kind, token, record)).collect::<Vec<_>>()
    };
    let sum = |count: fn(&Portal) -> u64| wanted().map(|(_, portal)| count(portal)).sum::<u64>();
    let portals = wanted().map(|(token, Portal { meter, refreshes, .. })| {
        let counts = json!({ "requests": meter.requests, "violations": meter.violations, "refreshes": refreshes });
        (token.clone(), counts)
    });
    Json(json!({
        "requests": sum(|portal| portal.meter.requests),
        "violations": sum(|portal| portal.meter.violations),
        "refreshes": sum(|portal| portal.refreshes),
        "portals": Map::from_iter(portals),
        "contacts": records(CrmKind::Contact),
        "notes": records(CrmKind::Note),
    }))
}

fn view(kind: CrmKind, token: &str, record: &PortalRecord) -> Value {
    let mut view = json!({ "token": token, "id": record.id, "properties": record.properties });
    if kind == CrmKind::Note {
        view["contact_ids"] = json!(record.contacts);
    }
    view
}

async fn reset(State(shared): State<Shared>, Query(narrow): Query<Narrow>) -> StatusCode {
    let mut world = shared.lock();
    world.portals.retain(|token, _| !narrow.is_about(token));
    world.oauth.uninstall(narrow.token.as_deref());
    StatusCode::NO_CONTENT
}

async fn install(State(shared): State<Shared>, Setting(installation): Setting<Installation>) -> Taken {
    shared.lock().oauth.install(installation)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn uninstall(State(shared): State<Shared>, Query(narrow): Query<Narrow>) -> StatusCode {
    shared.lock().oauth.uninstall(narrow.token.as_deref());
    StatusCode::NO_CONTENT
}
