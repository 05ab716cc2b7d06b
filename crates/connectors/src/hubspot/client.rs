//! The endpoints of HubSpot's CRM API that a sync needs.

use std::collections::BTreeMap;
use std::time::Instant;

use chrono::{DateTime, Utc};
use domain::email_address::EmailAddress;
use domain::integration::{Connection, HubspotConfig};
use reqwest::{Client, Method};
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use transport::SetupError;

use super::error_answer;
use crate::call::CallError;
use crate::http::{self, segment};
use crate::job::{Job, SyncNotes};
use crate::reason::Reason;
use crate::rest::{NO_BODY, RestApi};

/// The longest `hs_note_body` that HubSpot takes; counted in UTF-16 units, which are never fewer than characters.
pub const MAX_NOTE_LENGTH: usize = 65_536;
/// Notes read in one request: HubSpot's limit of a batch's inputs.
pub(super) const NOTES_PER_READ: usize = 100;
/// HubSpot's own limit of associations on a page.
const ASSOCIATIONS_PER_PAGE: usize = 500;
/// From a note to its contact, in HubSpot's list of association types.
const NOTE_TO_CONTACT: u32 = 202;
/// Bytes that are read of an answer: 26 MB, of the function's 512, for a batch of the longest notes. A UTF-16 unit has
/// three bytes at most; the fourth is for what surrounds and escapes them.
const MAX_ANSWER_BYTES: usize = NOTES_PER_READ * MAX_NOTE_LENGTH * 4;
/// The unique property that identifies notes, where the account has it.
pub(crate) const KEY_PROPERTY: &str = "post_session_conversation_id";

/// Property names and values; an empty value would clear the property and is never sent.
pub(super) type Properties = BTreeMap<String, String>;

/// HubSpot's CRM API.
#[derive(Debug, Clone)]
pub struct HubSpot {
    pub(super) http: Client,
    pub(super) base_url: String,
}

impl HubSpot {
    pub fn new(base_url: &str) -> Result<Self, SetupError> {
        let http = http::client()?.pool_idle_timeout(http::IDLE_TIMEOUT).build().map_err(SetupError::Client)?;
        Ok(Self { http, base_url: base_url.trim_end_matches('/').to_owned() })
    }

    /// The account that a token opens.
    pub fn portal<'a>(&'a self, config: &'a HubspotConfig, token: &'a SecretString, job: &'a Job<'a>) -> Portal<'a> {
        let Job { connection, delivery, now, notes, .. } = *job;
        Portal { account: self.account(config, token, delivery.deadline, now, notes), connection }
    }

    /// The same outside a delivery, in an invocation that ends at `deadline`.
    pub(crate) fn account<'a>(
        &'a self,
        config: &'a HubspotConfig,
        token: &'a SecretString,
        deadline: Instant,
        now: DateTime<Utc>,
        notes: &'a SyncNotes,
    ) -> HubspotAccount<'a> {
        let (http, base_url, read_error) = (&self.http, self.base_url.clone(), error_answer::read);
        let api = RestApi { http, token, base_url, deadline, now, notes, limit: MAX_ANSWER_BYTES, read_error };
        HubspotAccount { api, config }
    }
}

/// One HubSpot account, as a token opens it, during one invocation.
pub(crate) struct HubspotAccount<'a> {
    pub(crate) api: RestApi<'a>,
    pub(crate) config: &'a HubspotConfig,
}

impl HubspotAccount<'_> {
    /// The path of requests about records; `path` begins with their kind.
    pub(crate) fn objects(&self, path: &str) -> String {
        format!("crm/objects/{}/{path}", self.version())
    }

    /// The path of requests about the properties of a kind of records.
    pub(crate) fn properties(&self, path: &str) -> String {
        format!("crm/properties/{}/{path}", self.version())
    }

    /// The path of requests about a kind of records as a whole.
    pub(crate) fn schema(&self, kind: &str) -> String {
        format!("crm-object-schemas/{}/schemas/{kind}", self.version())
    }

    fn version(&self) -> impl std::fmt::Display {
        segment(self.config.api_version.as_ref())
    }
}

/// One HubSpot account during one delivery.
pub struct Portal<'a> {
    pub(super) account: HubspotAccount<'a>,
    pub(super) connection: &'a Connection,
}

#[derive(Deserialize)]
struct HubspotId {
    id: String,
}

/// A page of associations.
#[derive(Deserialize)]
struct NoteIds {
    results: Vec<Association>,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
struct Association {
    /// A number in some API versions, text in others.
    #[serde(rename = "toObjectId", alias = "id")]
    to: Value,
}

#[derive(Deserialize)]
struct Paging {
    next: Option<NextPage>,
}

#[derive(Deserialize)]
struct NextPage {
    after: String,
}

/// The answer to a batch, also where some of the batch failed.
#[derive(Deserialize)]
struct NoteBatch {
    #[serde(default)]
    results: Vec<Note>,
    /// As error answers are.
    #[serde(default)]
    errors: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Note {
    pub(super) id: String,
    /// Set by HubSpot, and never changed.
    created_at: Option<DateTime<Utc>>,
    properties: BTreeMap<String, Option<String>>,
}

impl Note {
    /// `false` where HubSpot does not say.
    pub(super) fn is_older_than(&self, time: DateTime<Utc>) -> bool {
        self.created_at.is_some_and(|created_at| created_at < time)
    }

    pub(super) fn body(&self) -> &str {
        self.properties.get("hs_note_body").and_then(Option::as_deref).unwrap_or_default()
    }
}

impl Portal<'_> {
    async fn records<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, CallError> {
        self.account.api.call(operation, method, &self.account.objects(path), body).await
    }

    /// Sends a request about one record, and returns the record's id.
    async fn id(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<String, CallError> {
        self.records::<HubspotId>(operation, method, path, body).await.map(|record| record.id)
    }

    /// The id of the contact whose primary address this is.
    pub(super) async fn contact_by_email(&self, email: &EmailAddress) -> Result<String, CallError> {
        let path = format!("contacts/{}?idProperty=email", segment(email.as_str()));
        self.id("read the contact", Method::GET, &path, None).await
    }

    /// Changes the contact whose primary address this is.
    pub(super) async fn update_contact_by_email(
        &self,
        email: &EmailAddress,
        properties: &Properties,
    ) -> Result<String, CallError> {
        let path = format!("contacts/{}?idProperty=email", segment(email.as_str()));
        self.id("update the contact", Method::PATCH, &path, Some(&json!({ "properties": properties }))).await
    }

    pub(super) async fn update_contact(&self, id: &str, properties: &Properties) -> Result<String, CallError> {
        let path = format!("contacts/{}", segment(id));
        self.id("update the contact by its id", Method::PATCH, &path, Some(&json!({ "properties": properties }))).await
    }

    pub(super) async fn create_contact(&self, properties: &Properties) -> Result<String, CallError> {
        self.id("create the contact", Method::POST, "contacts", Some(&json!({ "properties": properties }))).await
    }

    /// Creates a note on the contact's timeline, at the end of the conversation.
    pub(super) async fn create_note(&self, contact_id: &str, properties: &Properties) -> Result<String, CallError> {
        let kind = json!({ "associationCategory": "HUBSPOT_DEFINED", "associationTypeId": NOTE_TO_CONTACT });
        let note = json!({
            "properties": properties,
            "associations": [{ "to": { "id": contact_id }, "types": [kind] }],
        });
        self.id("create the note", Method::POST, "notes", Some(&note)).await
    }

    /// Writes the note that has this value of the unique property, or makes it.
    pub(super) async fn upsert_note(&self, key: &str, properties: &Properties) -> Result<String, CallError> {
        let operation = "write the note by its key";
        let input = json!({ "idProperty": KEY_PROPERTY, "id": key, "properties": properties });
        let body = json!({ "inputs": [input] });
        let notes: NoteBatch = self.records(operation, Method::POST, "notes/batch/upsert", Some(&body)).await?;
        if let Some(note) = notes.results.into_iter().next() {
            return Ok(note.id);
        }
        let error = notes.errors.into_iter().next().ok_or(CallError::Incomplete { operation })?;
        Err(CallError::Refused { operation, answer: error_answer::of_input(error) })
    }

    /// Hangs a note on a contact; where it does already, nothing changes.
    pub(super) async fn associate(&self, note_id: &str, contact_id: &str) -> Result<(), CallError> {
        let path = format!("notes/{}/associations/default/contacts/{}", segment(note_id), segment(contact_id));
        let path = self.account.objects(&path);
        self.account.api.send::<Value>("put the note on the contact", Method::PUT, &path, NO_BODY).await.map(drop)
    }

    /// Changes these properties of a note. `None` if the note was deleted.
    pub(super) async fn update_note(
        &self,
        note_id: &str,
        properties: &Properties,
    ) -> Result<Option<String>, CallError> {
        let note = json!({ "properties": properties });
        let path = format!("notes/{}", segment(note_id));
        match self.id("update the note", Method::PATCH, &path, Some(&note)).await {
            Err(error) if error.is(Reason::NotFound) => Ok(None),
            updated => updated.map(Some),
        }
    }

    /// The ids of all notes of a contact, in no order.
    pub(super) async fn notes_of_contact(&self, contact_id: &str) -> Result<Vec<String>, CallError> {
        let (mut ids, mut after) = (Vec::new(), String::new());
        loop {
            let path =
                format!("contacts/{}/associations/notes?limit={ASSOCIATIONS_PER_PAGE}{after}", segment(contact_id));
            let page: NoteIds = self.records("list the contact's notes", Method::GET, &path, None).await?;
            ids.extend(page.results.into_iter().map(|note| match note.to {
                Value::String(id) => id,
                other => other.to_string(),
            }));
            let Some(next) = page.paging.and_then(|paging| paging.next) else { return Ok(ids) };
            after = format!("&after={}", segment(&next.after));
        }
    }

    /// Reads the notes that still exist, of at most [`NOTES_PER_READ`]; fails rather than leave one out.
    pub(super) async fn read_notes(&self, ids: &[String]) -> Result<Vec<Note>, CallError> {
        let operation = "read the contact's notes";
        let inputs: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
        let body = json!({ "properties": ["hs_note_body"], "inputs": inputs });
        let notes: NoteBatch = self.records(operation, Method::POST, "notes/batch/read", Some(&body)).await?;
        let gone = |error: Value| error_answer::of_input(error).reason == Reason::NotFound;
        if notes.results.len() < ids.len() && (notes.errors.is_empty() || !notes.errors.into_iter().all(gone)) {
            return Err(CallError::Incomplete { operation });
        }
        Ok(notes.results)
    }
}
