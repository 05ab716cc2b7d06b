//! A search by equality, as late as HubSpot's.

use axum::http::StatusCode;
use chrono::{TimeDelta, Utc};
use serde::Deserialize;
use serde_json::json;

use super::error::Problem;
use super::portal::{Kind, Portal, Record};
use super::{Call, Reply, contacts, objects};

/// Results on a page.
const MOST: usize = 200;
const PAGE: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(default)]
    filter_groups: Vec<Group>,
    properties: Option<Vec<String>>,
    limit: Option<usize>,
    after: Option<String>,
}

/// Filters that must all hold.
#[derive(Deserialize)]
struct Group {
    filters: Vec<Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    property_name: String,
    operator: String,
    #[serde(default)]
    value: String,
}

impl Filter {
    fn holds(&self, record: &Record) -> bool {
        match self.property_name.as_str() {
            "hs_object_id" => record.id == self.value,
            "email" => contacts::has_primary(record, &self.value),
            name => record.has(name, &self.value),
        }
    }
}

/// `POST …/search`: those for which all filters of one group hold; all where there is no group.
pub(crate) fn search(portal: &Portal, kind: Kind, call: &Call<'_>) -> Reply {
    let request = serde_json::from_slice::<Request>(call.body);
    let request = request.map_err(|error| Problem::invalid(format!("Invalid input JSON on {error}")))?;
    let filters = || request.filter_groups.iter().flat_map(|group| &group.filters);
    if let Some(filter) = filters().find(|filter| filter.operator != "EQ") {
        return Err(Problem::invalid(format!("The stand-in searches by EQ only, not {}", filter.operator)));
    }
    let seen = Utc::now() - TimeDelta::milliseconds(portal.quirks.search_lag_ms.into());
    let groups = &request.filter_groups;
    let matches = |record: &Record| groups.iter().any(|group| group.filters.iter().all(|filter| filter.holds(record)));
    let found = portal.records(kind).iter();
    let found = found.filter(|record| record.created <= seen && (groups.is_empty() || matches(record)));
    let found = found.collect::<Vec<_>>();

    let wanted = request.properties.unwrap_or_else(|| objects::by_default(kind));
    let from = request.after.and_then(|after| after.parse().ok()).unwrap_or(0);
    let limit = request.limit.unwrap_or(PAGE).clamp(1, MOST);
    let page = found.iter().skip(from).take(limit).map(|record| record.view(kind, &wanted)).collect::<Vec<_>>();
    let mut body = json!({ "total": found.len(), "results": page });
    if from.saturating_add(limit) < found.len() {
        body["paging"] = json!({ "next": { "after": (from + limit).to_string() } });
    }
    Ok((StatusCode::OK, body))
}
