//! Arrivals at the stand-ins for SES, HubSpot, Salesforce and the webhook receiver, and on the dead-letter queues.

use std::collections::BTreeSet;

use anyhow::Context;
use serde_json::Value;

use super::outcome::{Stored, Totals};
use crate::seed::Tenant;
use crate::stack::StackFile;

/// The status of a mail that SES accepted.
const ACCEPTED: u64 = 200;

/// Everything that arrived for one tenant, and the mails of the whole stack.
pub(super) struct Arrived {
    pub(super) totals: Totals,
    mails: Vec<Value>,
    notes: Vec<Value>,
    tasks: Vec<Value>,
    deliveries: Vec<Value>,
}

impl Arrived {
    pub(super) async fn read(stack: &StackFile, http: &reqwest::Client, tenant: &Tenant) -> anyhow::Result<Self> {
        let state = async |fake: &str, query: String| get(http, &format!("{}/_state{query}", stack.fake(fake)?)).await;
        let hubspot = state("hubspot", format!("?token={}", tenant.hubspot_token)).await?;
        let salesforce = state("salesforce", format!("?client_id={}", tenant.salesforce_key)).await?;
        let mut mails = list(&state("ses", String::new()).await?, "mails");
        mails.retain(|mail| mail["status"] == ACCEPTED);
        let mut deliveries = list(&state("webhook", String::new()).await?, "deliveries");
        deliveries.retain(|delivery| delivery["name"] == tenant.id.as_ref());
        // A receiver may get the same webhook more than once.
        let webhook_ids: BTreeSet<_> = deliveries.iter().filter_map(|delivery| delivery["id"].as_str()).collect();
        let (notes, tasks) = (list(&hubspot, "notes"), list(&salesforce, "tasks"));
        let totals = Totals {
            emails_sent: mails.len(),
            contacts: list(&hubspot, "contacts").len(),
            notes: notes.len(),
            people: list(&salesforce, "contacts").len() + list(&salesforce, "leads").len(),
            tasks: tasks.len(),
            webhooks: webhook_ids.len(),
            dead_letters: dead_letters(stack, http, tenant).await?,
            ..Totals::default()
        };
        Ok(Self { totals, mails, notes, tasks, deliveries })
    }

    /// Adds to a session what arrived because of it, found by the ids that the logs hold.
    pub(super) fn attach(&self, stored: &mut Stored) -> anyhow::Result<()> {
        let Stored { email, hubspot, salesforce, webhook, .. } = stored;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        if let Some(mail) = find(&self.mails, "message_id", &email.record_id) {
            (email.from, email.subject) = (text(&mail["from"]), text(&mail["subject"]));
            (email.html, email.text) = (text(&mail["html"]), text(&mail["text"]));
        }
        if let Some(note) = find(&self.notes, "id", &hubspot.record_id) {
            hubspot.html = text(&note["properties"]["hs_note_body"]);
        }
        if let Some(task) = find(&self.tasks, "id", &salesforce.record_id) {
            let task = &task["fields"];
            (salesforce.subject, salesforce.text) = (text(&task["Subject"]), text(&task["Description"]));
        }
        if let Some(delivery) = find(&self.deliveries, "id", &webhook.record_id) {
            webhook.verified = Some(delivery["verified"] == true);
            webhook.text = Some(serde_json::to_string_pretty(&delivery["body"])?);
        }
        Ok(())
    }
}

/// A list of a stand-in's state.
fn list(state: &Value, name: &str) -> Vec<Value> {
    state[name].as_array().cloned().unwrap_or_default()
}

/// Finds the element whose member `key` is the id.
fn find<'a>(items: &'a [Value], key: &str, id: &Option<String>) -> Option<&'a Value> {
    items.iter().find(|item| id.is_some() && item[key].as_str() == id.as_deref())
}

/// Messages of the tenant on any dead-letter queue; they are looked at, not received.
async fn dead_letters(stack: &StackFile, http: &reqwest::Client, tenant: &Tenant) -> anyhow::Result<usize> {
    let mut count = 0;
    for url in stack.dead_letter_queues.values() {
        let mut peek = reqwest::Url::parse(&format!("{}/_ministack/sqs/messages", stack.ministack_url))?;
        peek.query_pairs_mut().append_pair("QueueUrl", url);
        count += messages_about(&get(http, peek.as_str()).await?, tenant.id.as_ref());
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

async fn get(http: &reqwest::Client, url: &str) -> anyhow::Result<Value> {
    let answer = http.get(url).send().await?.error_for_status()?;
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
        for hook in [tenant.id.as_ref(), "somebody-else"] {
            post(&http, url("webhook", &format!("/hooks/{hook}")), "", json!({ "type": "session.analyzed" })).await;
        }
        let mail =
            json!({ "Content": { "Simple": { "Subject": { "Data": "Hi" }, "Body": { "Text": { "Data": "Hi" } } } } });
        post(&http, url("ses", "/v2/email/outbound-emails"), "", mail).await;

        let arrived = Arrived::read(&stack, &http, &tenant).await.unwrap();
        let expected = Totals { contacts: 1, notes: 1, people: 1, tasks: 1, webhooks: 1, ..Default::default() };
        assert_eq!(arrived.totals, expected);
        let mut stored = Stored::default();
        arrived.attach(&mut stored).unwrap();
        assert!(stored.hubspot.html.is_none() && stored.salesforce.text.is_none() && stored.webhook.text.is_none());
        stored.hubspot.record_id = note["id"].as_str().map(str::to_owned);
        (stored.salesforce.record_id, stored.webhook.record_id) = (Some(ids[0].clone()), Some("msg_1".to_owned()));
        arrived.attach(&mut stored).unwrap();
        assert_eq!(stored.salesforce.text.as_ref(), Some(&tenant.salesforce_key));
        assert_eq!(stored.hubspot.html.as_deref(), Some("<p>Hi</p>"));
        assert_eq!(stored.webhook.text.as_deref(), Some("{\n  \"type\": \"session.analyzed\"\n}"));
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
