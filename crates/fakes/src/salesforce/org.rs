//! One Salesforce org in memory.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use chrono::Utc;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::schema::{Field, FieldKind, Object, standard_objects};
use super::{error, id};
use crate::rest::Problem;

/// Everything behind one consumer key.
#[derive(Debug, Default)]
pub(crate) struct Org {
    pub(crate) settings: Settings,
    pub(crate) objects: Vec<Object>,
    pub(crate) records: Vec<OrgRecord>,
    /// Ids of records that are gone.
    pub(crate) deleted: BTreeSet<String>,
    /// The access tokens that are good.
    pub(crate) tokens: BTreeSet<String>,
    pub(crate) tokens_issued: u64,
    /// API requests of the day, all but logins.
    pub(crate) requests: u64,
    /// Requests that asked to save duplicates.
    pub(crate) allow_saves: u64,
    number: u64,
    last_id: u64,
}

/// Settings of an org, by a control.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// The consumer secret; without one any is good.
    pub(crate) secret: Option<String>,
    /// PEM of the key or certificate that assertions are verified with; without one none is good.
    pub(crate) public_key: Option<String>,
    /// The user who may log in by assertion; without one anybody.
    pub(crate) username: Option<String>,
    /// A sandbox's assertions are for `test.salesforce.com`.
    pub(crate) sandbox: bool,
    /// The `instance_url` that the token endpoint answers with; default: the stand-in's own.
    pub(crate) instance_url: Option<String>,
    /// API requests per day.
    pub(crate) daily_limit: Option<u64>,
    pub(crate) duplicate_rule: Option<DuplicateRule>,
    /// `duplicateResult` where Salesforce writes `duplicateResut`.
    pub(crate) duplicate_result: bool,
    /// Objects of which the user may make none.
    pub(crate) not_createable: BTreeSet<String>,
    /// Objects that the user does not see.
    pub(crate) hidden: BTreeSet<String>,
}

/// The treatment of a contact or lead whose address another record has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DuplicateRule {
    /// Refuses the record unless the request allows the save.
    Alert,
    /// Refuses the record.
    Block,
}

/// Requests per day of a small org.
const DAILY_LIMIT: u64 = 15_000;

/// Values of fields by name.
pub(crate) type Fields = BTreeMap<String, Value>;

#[derive(Debug)]
pub(crate) struct OrgRecord {
    pub(crate) id: String,
    pub(crate) object: String,
    /// Fields with a value.
    pub(crate) fields: Fields,
}

impl Org {
    pub(crate) fn new(number: u64) -> Self {
        Self { number, objects: standard_objects(), ..Self::default() }
    }

    /// The key is part of the token, so that faults and the journal can tell orgs apart.
    pub(crate) fn new_token(&mut self, key: &str) -> String {
        let token = format!("{}!{key}.{}", self.id(), Uuid::new_v4().simple());
        self.tokens_issued += 1;
        self.tokens.insert(token.clone());
        token
    }

    pub(crate) fn id(&self) -> String {
        id::record_id("00D", self.number, 0)
    }

    fn daily_limit(&self) -> u64 {
        self.settings.daily_limit.unwrap_or(DAILY_LIMIT)
    }

    pub(crate) fn count_request(&mut self) -> Result<(), Problem> {
        if self.requests >= self.daily_limit() {
            return Err(error::new(StatusCode::FORBIDDEN, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."));
        }
        self.requests += 1;
        Ok(())
    }

    /// Used and granted requests, as the header has them.
    pub(crate) fn usage(&self) -> String {
        format!("api-usage={}/{}", self.requests, self.daily_limit())
    }

    /// Finds an object by its name in any case.
    pub(crate) fn object(&self, name: &str) -> Result<Object, Problem> {
        let mut seen = self.objects.iter().filter(|object| !self.settings.hidden.contains(&object.name));
        seen.find(|object| object.name.eq_ignore_ascii_case(name)).cloned().ok_or_else(error::no_such_resource)
    }

    pub(crate) fn of(&self, object: &str) -> impl Iterator<Item = &OrgRecord> {
        self.records.iter().filter(move |record| record.object == object)
    }

    pub(crate) fn record(&mut self, object: &str, id: &str) -> Option<&mut OrgRecord> {
        self.records.iter_mut().find(|record| record.object == object && id::same(&record.id, id))
    }

    pub(crate) fn is_deleted(&self, id: &str) -> bool {
        self.deleted.iter().any(|gone| id::same(gone, id))
    }

    /// Stores values that were checked; `null` is the same as none.
    pub(crate) fn insert(&mut self, object: &Object, fields: Fields) -> String {
        self.last_id += 1;
        let id = id::record_id(&object.prefix, self.number, self.last_id);
        let defaults = object.fields.iter().filter_map(|field| Some((field.name.clone(), field.initial()?)));
        let mut record = OrgRecord { id: id.clone(), object: object.name.clone(), fields: defaults.collect() };
        record.put("Id", json!(id));
        record.put("CreatedDate", json!(timestamp()));
        record.set(object, fields);
        self.records.push(record);
        id
    }

    /// As a salesperson does it: the lead becomes a contact, which gets its tasks.
    pub(crate) fn convert(&mut self, lead: &str) -> Result<(), String> {
        let found = self.record("Lead", lead).filter(|lead| !lead.is_converted());
        let found = found.ok_or_else(|| format!("{lead} is not a lead that can be converted"))?;
        let lead = found.id.clone();
        let kept = ["FirstName", "LastName", "Email", "Phone", "MobilePhone", "Title"];
        let person = kept.iter().filter_map(|name| Some(((*name).to_owned(), found.fields.get(*name)?.clone())));
        let person = person.collect();
        let contact = self.object("Contact").map_err(|_| "unknown object Contact".to_owned())?;
        let contact = self.insert(&contact, person);
        for task in self.records.iter_mut().filter(|record| record.text("WhoId") == lead) {
            task.put("WhoId", json!(contact));
        }
        if let Some(lead) = self.record("Lead", &lead) {
            lead.put("IsConverted", json!(true));
            lead.put("Status", json!("Closed - Converted"));
            lead.put("ConvertedDate", json!(Utc::now().format("%Y-%m-%d").to_string()));
            lead.put("ConvertedContactId", json!(contact));
        }
        Ok(())
    }
}

impl OrgRecord {
    /// `null` clears, or goes back to the default of a field that can't be empty.
    pub(crate) fn set(&mut self, object: &Object, fields: Fields) {
        for (name, value) in fields {
            let default = object.field(&name).filter(|field| field.kind == FieldKind::Boolean);
            match (value, default.and_then(Field::initial)) {
                (Value::Null, None) => drop(self.fields.remove(&name)),
                (Value::Null, Some(default)) => drop(self.fields.insert(name, default)),
                (value, _) => drop(self.fields.insert(name, value)),
            }
        }
        let now = json!(timestamp());
        self.put("LastModifiedDate", now.clone());
        self.put("SystemModstamp", now);
        // What Salesforce itself writes.
        if self.object == "Task" {
            self.put("IsClosed", json!(self.text("Status") == "Completed"));
        } else {
            self.put("Name", json!(format!("{} {}", self.text("FirstName"), self.text("LastName")).trim()));
        }
    }

    fn put(&mut self, name: &str, value: Value) {
        self.fields.insert(name.to_owned(), value);
    }

    /// The field's text; empty for other values.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.fields.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn is_converted(&self) -> bool {
        self.fields.get("IsConverted") == Some(&Value::Bool(true))
    }

    pub(crate) fn has(&self, field: &Field, value: &str) -> bool {
        let own = self.text(&field.name);
        own == value || (!field.case_sensitive && own.to_lowercase() == value.to_lowercase())
    }

    pub(crate) fn contains(&self, part: &str) -> bool {
        let holds =
            |value: &Value| value.as_str().map_or_else(|| value.to_string().contains(part), |text| text.contains(part));
        self.fields.values().any(holds)
    }

    pub(crate) fn url(&self, version: &str) -> String {
        format!("/services/data/{version}/sobjects/{}/{}", self.object, self.id)
    }

    /// The fields with these names, `null` where empty.
    pub(crate) fn view<'a>(&self, names: impl IntoIterator<Item = &'a str>, version: &str) -> Value {
        let value = |name: &str| (name.to_owned(), self.fields.get(name).cloned().unwrap_or_default());
        let mut view = names.into_iter().map(value).collect::<Map<_, _>>();
        view.insert("attributes".to_owned(), json!({ "type": self.object, "url": self.url(version) }));
        Value::Object(view)
    }
}

/// Now, as Salesforce writes it: to the second.
fn timestamp() -> String {
    Utc::now().format("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
}
