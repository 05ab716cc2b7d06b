//! One HubSpot account in memory.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::error::Problem;

/// Everything behind one token.
#[derive(Debug, Default)]
pub(crate) struct Portal {
    pub(crate) contacts: Vec<Record>,
    pub(crate) notes: Vec<Note>,
    /// Custom properties as `(object, name)`, and whether their values are unique.
    pub(crate) custom: BTreeMap<(String, String), bool>,
    pub(crate) requests: u32,
    last_id: u64,
}

/// A contact, or what a note shares with one.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) id: String,
    /// Without empty values: setting `""` clears.
    pub(crate) properties: BTreeMap<String, String>,
    created: DateTime<Utc>,
    updated: DateTime<Utc>,
}

#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) record: Record,
    /// Ids of the contacts it hangs on.
    pub(crate) contacts: BTreeSet<String>,
}

impl Portal {
    /// An empty record with the next id.
    pub(crate) fn new_record(&mut self) -> Record {
        self.last_id += 1;
        let now = Utc::now();
        // Long enough to be seen as an id in a message.
        let id = (37_700_000_000 + self.last_id).to_string();
        Record { id, properties: BTreeMap::new(), created: now, updated: now }
    }

    pub(crate) fn contact(&mut self, id: &str) -> Result<&mut Record, Problem> {
        self.contacts.iter_mut().find(|contact| contact.id == id).ok_or_else(|| Problem::not_found("contact", id))
    }

    pub(crate) fn note(&mut self, id: &str) -> Result<&mut Note, Problem> {
        self.notes.iter_mut().find(|note| note.record.id == id).ok_or_else(|| Problem::not_found("note", id))
    }
}

impl Record {
    pub(crate) fn contains(&self, part: &str) -> bool {
        self.id == part || self.properties.values().any(|value| value.contains(part))
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
    pub(crate) fn view(&self, wanted: &[String], modified: &str) -> Value {
        let time = |time: DateTime<Utc>| json!(time.to_rfc3339_opts(SecondsFormat::Millis, true));
        let asked = wanted.iter().map(|name| (name.clone(), json!(self.properties.get(name))));
        let mut properties = asked.collect::<Map<_, _>>();
        properties.insert("hs_object_id".to_owned(), json!(self.id));
        properties.insert("createdate".to_owned(), time(self.created));
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
