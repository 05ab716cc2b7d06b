//! What arrived at the stand-ins for SES, HubSpot, Salesforce and the webhook receiver, and on the dead-letter queues.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::outcome::{Delivery, LeftBehind, Mail, Task};
use crate::seed::Tenant;
use crate::stack::StackFile;

/// SES took the mail.
const TAKEN: u16 = 200;

/// Everything that arrived for one tenant.
pub(super) struct Arrived {
    /// By SES's message id.
    pub(super) mails: HashMap<String, Mail>,
    /// HTML by note id.
    pub(super) notes: HashMap<String, String>,
    /// By task id.
    pub(super) tasks: HashMap<String, Task>,
    /// By webhook id.
    pub(super) deliveries: HashMap<String, Delivery>,
    pub(super) counts: LeftBehind,
}

#[derive(Deserialize)]
struct SesState {
    mails: Vec<SentMail>,
}

#[derive(Deserialize)]
struct SentMail {
    status: u16,
    message_id: Option<String>,
    from: Option<String>,
    subject: Option<String>,
    text: Option<String>,
    html: Option<String>,
}

#[derive(Deserialize)]
struct HubspotState {
    contacts: Vec<Value>,
    notes: Vec<Note>,
}

#[derive(Deserialize)]
struct Note {
    id: String,
    properties: BTreeMap<String, Option<String>>,
}

#[derive(Deserialize)]
struct SalesforceState {
    contacts: Vec<Value>,
    leads: Vec<Value>,
    tasks: Vec<SavedTask>,
}

#[derive(Deserialize)]
struct SavedTask {
    id: String,
    fields: TaskFields,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TaskFields {
    subject: Option<String>,
    description: Option<String>,
}

#[derive(Deserialize)]
struct WebhookState {
    deliveries: Vec<Received>,
}

#[derive(Deserialize)]
struct Received {
    name: String,
    id: String,
    body: Value,
    verified: Option<bool>,
}

/// How many mails SES has taken until now, whoever sent them.
pub(super) async fn mails_taken(stack: &StackFile, http: &reqwest::Client) -> anyhow::Result<usize> {
    Ok(taken_mails(stack, http).await?.len())
}

/// Reads everything; `mails_before` were there before the run.
pub(super) async fn arrived(
    stack: &StackFile,
    http: &reqwest::Client,
    tenant: &Tenant,
    mails_before: usize,
) -> anyhow::Result<Arrived> {
    let mails = taken_mails(stack, http).await?;
    let hubspot = format!("{}/_state?token={}", stack.fake("hubspot")?, tenant.hubspot_token);
    let hubspot: HubspotState = get(http, &hubspot).await?;
    let salesforce = format!("{}/_state?client_id={}", stack.fake("salesforce")?, tenant.salesforce_key);
    let salesforce: SalesforceState = get(http, &salesforce).await?;
    let webhook: WebhookState = get(http, &format!("{}/_state", stack.fake("webhook")?)).await?;
    let deliveries: HashMap<_, _> =
        webhook.deliveries.into_iter().filter(|received| received.name == tenant.hook).map(delivery).collect();
    let counts = LeftBehind {
        mails: mails.len().saturating_sub(mails_before),
        contacts: hubspot.contacts.len(),
        notes: hubspot.notes.len(),
        people: salesforce.contacts.len() + salesforce.leads.len(),
        tasks: salesforce.tasks.len(),
        webhooks: deliveries.len(),
        dead_letters: dead_letters(stack, http, tenant).await?,
    };
    let note = |mut note: Note| Some((note.id, note.properties.remove("hs_note_body")??));
    Ok(Arrived {
        mails: mails.into_iter().filter_map(mail).collect(),
        notes: hubspot.notes.into_iter().filter_map(note).collect(),
        tasks: salesforce.tasks.into_iter().map(task).collect(),
        deliveries,
        counts,
    })
}

async fn taken_mails(stack: &StackFile, http: &reqwest::Client) -> anyhow::Result<Vec<SentMail>> {
    let mut state: SesState = get(http, &format!("{}/_state", stack.fake("ses")?)).await?;
    state.mails.retain(|mail| mail.status == TAKEN);
    Ok(state.mails)
}

fn mail(sent: SentMail) -> Option<(String, Mail)> {
    let mail = Mail {
        from: sent.from.unwrap_or_default(),
        subject: sent.subject.unwrap_or_default(),
        html: sent.html,
        text: sent.text,
    };
    Some((sent.message_id?, mail))
}

fn task(saved: SavedTask) -> (String, Task) {
    let TaskFields { subject, description } = saved.fields;
    (saved.id, Task { subject: subject.unwrap_or_default(), description: description.unwrap_or_default() })
}

fn delivery(received: Received) -> (String, Delivery) {
    let body = received.body.to_string();
    (received.id.clone(), Delivery { id: received.id, verified: received.verified == Some(true), body })
}

/// Messages of the tenant on any dead-letter queue; they are looked at, not received.
async fn dead_letters(stack: &StackFile, http: &reqwest::Client, tenant: &Tenant) -> anyhow::Result<usize> {
    let mut count = 0;
    for url in stack.dead_letter_queues.values() {
        let mut peek = reqwest::Url::parse(&format!("{}/_ministack/sqs/messages", stack.ministack_url))?;
        peek.query_pairs_mut().append_pair("QueueUrl", url);
        let held: Value = get(http, peek.as_str()).await?;
        count += messages_about(&held, tenant.id.as_ref());
    }
    Ok(count)
}

/// Messages, at any depth, whose body names the tenant.
fn messages_about(held: &Value, tenant: &str) -> usize {
    match held {
        Value::Array(items) => items.iter().map(|item| messages_about(item, tenant)).sum(),
        Value::Object(members) => match members.get("Body").and_then(Value::as_str) {
            Some(body) => usize::from(body.contains(tenant)),
            None => members.values().map(|member| messages_about(member, tenant)).sum(),
        },
        _ => 0,
    }
}

async fn get<T: DeserializeOwned>(http: &reqwest::Client, url: &str) -> anyhow::Result<T> {
    let answer = http.get(url).send().await.with_context(|| format!("get {url}"))?;
    let answer = answer.error_for_status()?;
    answer.json().await.with_context(|| format!("read the answer of {url}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A stack of the stand-ins; whatever SES is asked is refused behind its front.
    async fn stack() -> (StackFile, [fakes::Running; 4]) {
        let (hubspot, webhook) = (fakes::hubspot::start().await.unwrap(), fakes::webhook::start().await.unwrap());
        let salesforce = fakes::salesforce::start().await.unwrap();
        let ses = fakes::front::start(&webhook.base_url).await.unwrap();
        let urls = [("hubspot", &hubspot), ("salesforce", &salesforce), ("webhook", &webhook), ("ses", &ses)];
        let fakes = urls.map(|(name, running)| (name.to_owned(), running.base_url.clone())).into();
        (StackFile { fakes, ..StackFile::default() }, [hubspot, salesforce, webhook, ses])
    }

    async fn post(http: &reqwest::Client, url: String, token: &str, body: Value) -> Value {
        let request = http.post(url).bearer_auth(token).header("webhook-id", "msg_1").header("webhook-timestamp", "1");
        let answer = request.json(&body).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default()
    }

    async fn sign_in(http: &reqwest::Client, url: String, key: &str) -> String {
        let form = format!("grant_type=client_credentials&client_id={key}&client_secret=any");
        let request = http.post(url).header("content-type", "application/x-www-form-urlencoded").body(form);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn what_arrived_for_the_tenant_is_counted_and_found_by_its_id() {
        let (stack, _running) = stack().await;
        let http = reqwest::Client::new();
        let tenant = Tenant::of_run("2026-11-23T10:00:00Z".parse().unwrap()).unwrap();
        let url = |name: &str, path: &str| format!("{}{path}", stack.fake(name).unwrap());
        let contact = json!({ "properties": { "email": "ana@example.com" } });
        for token in [tenant.hubspot_token.as_str(), "pat-somebody-else"] {
            post(&http, url("hubspot", "/crm/objects/2026-03/contacts"), token, contact.clone()).await;
        }
        let note = json!({ "properties": { "hs_timestamp": "2026-11-23T10:00:00Z", "hs_note_body": "<p>Hi</p>" } });
        let token = &tenant.hubspot_token;
        let note = post(&http, url("hubspot", "/crm/objects/2026-03/notes"), token, note).await;
        let mut ids = Vec::new();
        for key in [tenant.salesforce_key.as_str(), "3MVG-somebody-else"] {
            let token = sign_in(&http, url("salesforce", "/services/oauth2/token"), key).await;
            let task = json!({ "Subject": "Hi", "Description": key });
            let data = "/services/data/v68.0/sobjects";
            let task = post(&http, url("salesforce", &format!("{data}/Task")), &token, task).await;
            ids.push(task["id"].as_str().unwrap().to_owned());
            let lead = json!({ "LastName": "Doe", "Company": "Unknown" });
            post(&http, url("salesforce", &format!("{data}/Lead")), &token, lead).await;
        }
        for hook in [tenant.hook.as_str(), "somebody-else"] {
            post(&http, url("webhook", &format!("/hooks/{hook}")), "", json!({ "type": "session.analyzed" })).await;
        }
        let mail =
            json!({ "Content": { "Simple": { "Subject": { "Data": "Hi" }, "Body": { "Text": { "Data": "Hi" } } } } });
        post(&http, url("ses", "/v2/email/outbound-emails"), "", mail).await;

        let arrived = arrived(&stack, &http, &tenant, 0).await.unwrap();
        let counts = LeftBehind { contacts: 1, notes: 1, people: 1, tasks: 1, webhooks: 1, mails: 0, dead_letters: 0 };
        assert_eq!(arrived.counts, counts);
        assert_eq!(arrived.tasks.len(), 1);
        assert_eq!(arrived.tasks[&ids[0]].description, tenant.salesforce_key);
        assert_eq!(arrived.notes[note["id"].as_str().unwrap()], "<p>Hi</p>");
        assert_eq!(arrived.deliveries["msg_1"].body, r#"{"type":"session.analyzed"}"#);
    }

    #[test]
    fn only_the_tenants_dead_letters_are_counted() {
        let message = |tenant: &str| json!({ "MessageId": "1", "Body": format!(r#"{{"tenant_id":"{tenant}"}}"#) });
        let url = "http://127.0.0.1/000000000000/AnalyzeDeadLetterQueue";
        let held =
            json!({ "messages": { "000000000000": { "us-east-1": { url: [message("demo-1"), message("x")] } } } });
        assert_eq!(messages_about(&held, "demo-1"), 1);
        assert_eq!(messages_about(&json!({ "messages": {} }), "demo-1"), 0);
    }
}
