//! One HubSpot account in memory.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use strum::{Display, EnumString};

use super::error;
use super::limits::Meter;
use super::properties::Definition;
use crate::rest::Problem;

/// A kind of record, by the names and the id that HubSpot takes in paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Display, EnumString)]
pub(crate) enum CrmKind {
    #[strum(to_string = "contact", serialize = "contacts", serialize = "0-1")]
    Contact,
    #[strum(to_string = "note", serialize = "notes", serialize = "0-46")]
    Note,
}

/// Values of properties by name.
pub(crate) type Properties = BTreeMap<String, String>;

/// Everything behind one token.
#[derive(Debug, Default)]
pub(crate) struct Portal {
    records: Vec<PortalRecord>,
    pub(crate) custom: BTreeMap<(CrmKind, String), Definition>,
    pub(crate) meter: Meter,
    /// `None` grants all.
    pub(crate) scopes: Option<BTreeSet<String>>,
    pub(crate) quirks: Quirks,
    /// Names of properties that a new contact must have.
    pub(crate) required: BTreeSet<String>,
    /// How often an access token was fetched.
    pub(crate) refreshes: u64,
    last_id: u64,
}

/// How a portal differs from what HubSpot promises.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Quirks {
    /// Each upsert of a note makes a new one.
    pub(crate) upsert_ignores_key: bool,
}

/// A contact or a note.
#[derive(Debug)]
pub(crate) struct PortalRecord {
    kind: CrmKind,
    pub(crate) id: String,
    /// Properties with a value: setting `""` clears.
    pub(crate) properties: Properties,
    /// Ids of the contacts that a note is associated with.
    pub(crate) contacts: BTreeSet<String>,
    created: DateTime<Utc>,
    updated: DateTime<Utc>,
}

impl Portal {
    pub(crate) fn all(&self, kind: CrmKind) -> impl Iterator<Item = &PortalRecord> {
        self.records.iter().filter(move |record| record.kind == kind)
    }

    /// All but the record that is being changed.
    pub(crate) fn others(&self, kind: CrmKind, own: Option<&str>) -> impl Iterator<Item = &PortalRecord> {
        self.all(kind).filter(move |record| Some(record.id.as_str()) != own)
    }

    pub(crate) fn record(&mut self, kind: CrmKind, id: &str) -> Result<&mut PortalRecord, Problem> {
        let found = self.records.iter_mut().find(|record| record.kind == kind && record.id == id);
        found.ok_or_else(|| error::not_found(&kind.to_string(), id))
    }

    pub(crate) fn remove(&mut self, kind: CrmKind, id: &str) {
        self.records.retain(|record| record.kind != kind || record.id != id);
    }

    /// Stores a new record with the next id.
    pub(crate) fn add(&mut self, kind: CrmKind, properties: Properties, contacts: BTreeSet<String>) -> Value {
        self.last_id += 1;
        let now = Utc::now();
        // Long enough to be seen as an id in a message.
        let id = (37_700_000_000 + self.last_id).to_string();
        let mut record = PortalRecord { kind, id, properties: BTreeMap::new(), contacts, created: now, updated: now };
        let view = record.set(properties);
        self.records.push(record);
        view
    }
}

impl PortalRecord {
    pub(crate) fn contains(&self, part: &str) -> bool {
        self.id == part || self.properties.values().any(|value| value.contains(part))
    }

    pub(crate) fn has(&self, name: &str, value: &str) -> bool {
        self.properties.get(name).is_some_and(|own| own == value)
    }

    /// Sets properties, of which an empty one is cleared; shows what was set.
    pub(crate) fn set(&mut self, properties: Properties) -> Value {
        let names = properties.keys().cloned().collect::<Vec<_>>();
        self.properties.extend(properties);
        self.properties.retain(|_, value| !value.is_empty());
        self.updated = Utc::now();
        self.view(&names)
    }

    /// As HubSpot answers: what was asked for (`null` where empty) and the system's own properties.
    pub(crate) fn view(&self, wanted: &[String]) -> Value {
        let [created, updated] =
            [self.created, self.updated].map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true));
        let times = match self.kind {
            CrmKind::Contact => ["createdate", "lastmodifieddate"],
            CrmKind::Note => ["hs_createdate", "hs_lastmodifieddate"],
        };
        let asked = wanted.iter().map(|name| (name.clone(), json!(self.properties.get(name))));
        let mut properties = Value::Object(asked.collect::<Map<_, _>>());
        properties["hs_object_id"] = json!(self.id);
        properties[times[0]] = json!(created);
        properties[times[1]] = json!(updated);
        json!({
            "id": self.id, "properties": properties, "createdAt": created, "updatedAt": updated, "archived": false,
        })
    }
}
