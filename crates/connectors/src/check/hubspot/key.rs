//! The unique property that identifies notes: created if it is missing, and proved to work.
//!
//! Not every account takes the property: creating it needs a scope, and notes can have ten unique properties at most.
//! Without the property a note is identified by its text, so nothing here fails an integration. The exception is a
//! request that fails for the moment: an account that has the property must not lose it for that.

use chrono::SecondsFormat;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::call::CallError;
use crate::hubspot::HubspotAccount;
use crate::hubspot::client::KEY_PROPERTY;
use crate::reason::Reason;
use crate::rest::NO_BODY;

/// Where HubSpot keeps the properties of notes, unless the account says otherwise.
const GROUP: &str = "engagement";

/// Whether writing a note twice by the property leaves one.
pub(super) struct Key {
    pub(super) is_unique: bool,
    /// Why this is unknown: a request failed for the moment.
    pub(super) problem: Option<String>,
    pub(super) notices: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Definition {
    group_name: Option<String>,
    #[serde(default)]
    has_unique_value: bool,
}

#[derive(Deserialize)]
struct Upserted {
    results: Vec<ProbeNote>,
}

#[derive(Deserialize)]
struct ProbeNote {
    id: String,
    /// Given by some API versions only.
    new: Option<bool>,
}

/// Obstacles to identifying notes by the property.
enum Obstacle {
    Call(CallError),
    /// The explanation.
    Found(&'static str),
}

pub(super) async fn probe(account: &HubspotAccount<'_>) -> Key {
    let mut notices = Vec::new();
    let found = match make_sure(account).await {
        Ok(()) => prove(account, &mut notices).await,
        Err(no) => Err(no),
    };
    let why = match found {
        Ok(()) => return Key { is_unique: true, problem: None, notices },
        Err(Obstacle::Call(error)) if error.is_momentary() => {
            let problem = format!(
                "Whether the property {KEY_PROPERTY} identifies notes is unknown, because a request failed ({error}). Try it \
                 again."
            );
            return Key { is_unique: false, problem: Some(problem), notices };
        }
        Err(Obstacle::Call(error)) => why(&error),
        Err(Obstacle::Found(why)) => why.to_owned(),
    };
    notices.push(format!(
        "Notes are identified by the conversation id in their text, not by the unique property {KEY_PROPERTY}: {why}."
    ));
    Key { is_unique: false, problem: None, notices }
}

/// Makes sure that the property exists and is unique.
async fn make_sure(account: &HubspotAccount<'_>) -> Result<(), Obstacle> {
    match read(account, KEY_PROPERTY).await {
        Ok(Definition { has_unique_value: true, .. }) => Ok(()),
        Ok(_) => Err(Obstacle::Found("its values are not unique; HubSpot cannot change that, so delete it first")),
        Err(error) if error.is(Reason::NotFound) => match define(account).await {
            // Another check was faster.
            Err(error) if !error.is(Reason::Conflict) => Err(Obstacle::Call(error)),
            _ => Ok(()),
        },
        Err(error) => Err(Obstacle::Call(error)),
    }
}

async fn read(account: &HubspotAccount<'_>, name: &str) -> Result<Definition, CallError> {
    let path = account.properties(&format!("notes/{name}"));
    account.api.call("read a property of notes", Method::GET, &path, NO_BODY).await
}

async fn define(account: &HubspotAccount<'_>) -> Result<(), CallError> {
    // The group of the notes' text: HubSpot decides which groups exist.
    let group = read(account, "hs_note_body").await.ok().and_then(|body| body.group_name);
    let property = json!({
        "groupName": group.as_deref().unwrap_or(GROUP),
        "name": KEY_PROPERTY,
        "label": "Conversation ID",
        "description": "Identifies the note of a conversation, so that none is written twice.",
        "type": "string",
        "fieldType": "text",
        "hasUniqueValue": true,
    });
    let path = account.properties("notes");
    account.api.send::<Value>("create the property of notes", Method::POST, &path, Some(&property)).await.map(drop)
}

/// Writes a note twice by the same value, and removes it.
async fn prove(account: &HubspotAccount<'_>, notices: &mut Vec<String>) -> Result<(), Obstacle> {
    let value = format!("probe-{}", Uuid::now_v7());
    let first = upsert(account, &value).await.map_err(Obstacle::Call)?;
    let second = upsert(account, &value).await;
    let mut ids = vec![first.id.as_str()];
    ids.extend(second.as_ref().ok().map(|note| note.id.as_str()).filter(|id| *id != first.id));
    // The notes go before an error is returned: the account's users would see them.
    for id in ids {
        let path = account.objects(&format!("notes/{}", crate::http::segment(id)));
        if account.api.send::<Value>("remove the note", Method::DELETE, &path, NO_BODY).await.is_err() {
            notices.push(format!("The note {id}, written to try HubSpot out, is still there: delete it."));
        }
    }
    let second = second.map_err(Obstacle::Call)?;
    let is_same = second.id == first.id && second.new != Some(true);
    is_same.then_some(()).ok_or(Obstacle::Found("a note that was written by it twice was there twice"))
}

async fn upsert(account: &HubspotAccount<'_>, value: &str) -> Result<ProbeNote, CallError> {
    let operation = "write a note by the property";
    let properties = json!({
        "hs_timestamp": account.api.now.to_rfc3339_opts(SecondsFormat::Millis, true),
        "hs_note_body": "Written to try this integration out, and removed at once.",
    });
    let input = json!({ "idProperty": KEY_PROPERTY, "id": value, "properties": properties });
    let body = json!({ "inputs": [input] });
    let path = account.objects("notes/batch/upsert");
    let answer: Upserted = account.api.call(operation, Method::POST, &path, Some(&body)).await?;
    answer.results.into_iter().next().ok_or(CallError::Incomplete { operation })
}

fn why(error: &CallError) -> String {
    if error.is(Reason::ScopeMissing) {
        return format!("the token lacks the scope crm.schemas.contacts.write ({error})");
    }
    format!("a request failed ({error})")
}
