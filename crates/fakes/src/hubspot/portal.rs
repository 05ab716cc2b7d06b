//! One HubSpot account in memory.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::Problem;
use super::limits::Meter;
use super::properties::Definition;

/// A kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Contact,
    Note,
}

impl Kind {
    /// Reads the names and the id that HubSpot takes in paths.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "contacts" | "contact" | "0-1" => Some(Self::Contact),
            "notes" | "note" | "0-46" => Some(Self::Note),
            _ => None,
        }
    }

    pub(crate) fn singular(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Note => "note",
        }
    }

    /// The properties that tell when a record was created and last changed.
    fn times(self) -> (&'static str, &'static str) {
        match self {
            Self::Contact => ("createdate", "lastmodifieddate"),
            Self::Note => ("hs_createdate", "hs_lastmodifieddate"),
        }
    }
}

/// Everything behind one token.
#[derive(Debug, Default)]
pub(crate) struct Portal {
    contacts: Vec<Record>,
    notes: Vec<Record>,
    pub(crate) custom: BTreeMap<(Kind, String), Definition>,
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
pub(crate) struct Record {
    pub(crate) id: String,
    /// Properties with a value: setting `""` clears.
    pub(crate) properties: BTreeMap<String, String>,
    /// Ids of the contacts that a note is associated with.
    pub(crate) contacts: BTreeSet<String>,
    created: DateTime<Utc>,
    updated: DateTime<Utc>,
}

impl Portal {
    pub(crate) fn records(&self, kind: Kind) -> &[Record] {
        match kind {
            Kind::Contact => &self.contacts,
            Kind::Note => &self.notes,
        }
    }

    pub(crate) fn records_mut(&mut self, kind: Kind) -> &mut Vec<Record> {
        match kind {
            Kind::Contact => &mut self.contacts,
            Kind::Note => &mut self.notes,
        }
    }

    pub(crate) fn record(&mut self, kind: Kind, id: &str) -> Result<&mut Record, Problem> {
        let found = self.records_mut(kind).iter_mut().find(|record| record.id == id);
        found.ok_or_else(|| Problem::not_found(kind.singular(), id))
    }

    /// An empty record with the next id.
    pub(crate) fn new_record(&mut self) -> Record {
        self.last_id += 1;
        let now = Utc::now();
        // Long enough to be seen as an id in a message.
        let id = (37_700_000_000 + self.last_id).to_string();
        Record { id, properties: BTreeMap::new(), contacts: BTreeSet::new(), created: now, updated: now }
    }
}

impl Record {
    pub(crate) fn contains(&self, part: &str) -> bool {
        self.id == part || self.properties.values().any(|value| value.contains(part))
    }

    pub(crate) fn has(&self, name: &str, value: &str) -> bool {
        self.properties.get(name).is_some_and(|own| own == value)
    }

    /// An empty value clears.
    pub(crate) fn set(&mut self, properties: BTreeMap<String, String>) {
        for (name, value) in properties {
            if value.is_empty() {
                self.properties.remove(&name);
            } else {
                self.properties.insert(name, value);
            }
        }
        self.updated = Utc::now();
    }

    /// As HubSpot answers: what was asked for (`null` where empty) and the system's own properties.
    pub(crate) fn view(&self, kind: Kind, wanted: &[String]) -> Value {
        let time = |time: DateTime<Utc>| json!(time.to_rfc3339_opts(SecondsFormat::Millis, true));
        let asked = wanted.iter().map(|name| (name.clone(), json!(self.properties.get(name))));
        let mut properties = asked.collect::<Map<_, _>>();
        let (created, modified) = kind.times();
        properties.insert("hs_object_id".to_owned(), json!(self.id));
        properties.insert(created.to_owned(), time(self.created));
        properties.insert(modified.to_owned(), time(self.updated));
        json!({
            "id": self.id, "properties": properties, "createdAt": time(self.created), "updatedAt": time(self.updated),
            "archived": false,
        })
    }
}

/// The body's `properties`; every value must be a string.
pub(crate) fn strings(body: &Map<String, Value>) -> Result<BTreeMap<String, String>, Problem> {
    let Some(Value::Object(properties)) = body.get("properties") else {
        return Err(Problem::invalid("Invalid input JSON: 'properties' must be an object"));
    };
    let string = |(name, value): (&String, &Value)| match value {
        Value::String(text) => Ok((name.clone(), text.clone())),
        other => Err(Problem::invalid(format!("Invalid input JSON: property '{name}' must be a string, not {other}"))),
    };
    properties.iter().map(string).collect()
}
