use pipeline_tests::{Queue, eventually, on_the_stack};
use serde_json::{Value, json};

#[tokio::test]
async fn hubspots_rate_limit_is_waited_out() {
    on_the_stack("limit", json!({}), async |world| {
        let limited = json!({
            "match": world.hubspot_token(), "times": 2, "hubspot_limit": "TEN_SECONDLY_ROLLING",
            "headers": { "retry-after": "1" }
        });
        world.fault("hubspot", limited).await;
        world.send("s-1").await;
        assert_eq!(world.completed("s-1").await.step("crm_sync:hubspot"), "done");
        assert_eq!((world.contacts().await.len(), world.notes().await.len()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_note_whose_answer_was_lost_is_found_again_and_not_written_twice() {
    on_the_stack("lost-note", json!({}), async |world| {
        let token = world.hubspot_token();
        world.fault("hubspot", json!({ "match": format!("POST /notes {token}"), "drop_after": true })).await;
        world.send("s-1").await;
        world.completed("s-1").await;
        assert_eq!(world.notes().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_revoked_token_has_sessions_wait_for_their_sync_only_and_they_resume_when_it_is_fixed() {
    on_the_stack("revoked", json!({}), async |world| {
        let revoked =
            json!({ "match": world.hubspot_token(), "times": 1, "status": 401, "body": { "status": "error" } });
        world.fault("hubspot", revoked).await;
        world.send("s-1").await;
        let waits = async || world.session("s-1").await.is_some_and(|session| session.status == "waiting");
        assert!(eventually(waits).await, "{:?}", world.session("s-1").await);
        let waiting = world.session("s-1").await.unwrap();
        assert_eq!((waiting.step("notify"), waiting.step("crm_sync:webhook")), ("done".into(), "done".into()));
        let (code, reason) = world.disabled("hubspot").await;
        assert!(code == "unauthorized" && reason.contains("HubSpot refuses the credentials"), "{code}: {reason}");
        assert!(world.take_dead_letters(Queue::CrmSync).await.is_empty(), "nothing has failed");

        let shown = world.administer(json!({ "task": "show_integrations" })).await;
        let hubspot = &shown["integrations"][0];
        assert_eq!((&hubspot["state"], &hubspot["waiting"]), (&json!("disabled"), &json!(1)), "{shown:#}");
        let enable = json!({ "task": "enable_integration", "integration_id": "hubspot" });
        assert_eq!(world.administer(enable).await["woken"], 1);
        let (report, failed) = world.stack.invoke("housekeep", &json!({ "task": "requeue" })).await;
        assert!(!failed, "{report}");
        world.completed("s-1").await;
        assert_eq!((world.mails().await.len(), world.notes().await.len(), world.deliveries().await.len()), (1, 1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_webhook_that_fails_is_repeated_with_the_same_id() {
    on_the_stack("hook", json!({}), async |world| {
        let tenant = &world.tenant;
        world.fault("webhook", json!({ "match": format!("POST /hooks/{tenant}"), "status": 503 })).await;
        world.fault("webhook", json!({ "match": format!("POST /hooks/{tenant}"), "drop_after": true })).await;
        world.send("s-1").await;
        world.completed("s-1").await;
        let requests = world.stack.fake("webhook").requests(tenant.as_ref()).await.unwrap();
        let mut ids: Vec<_> =
            requests.iter().map(|request| request["headers"]["webhook-id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), 3);
        ids.dedup();
        assert_eq!(ids.len(), 1, "{ids:?}");
    })
    .await;
}

#[tokio::test]
async fn a_salesforce_org_that_its_admin_adds_gets_one_lead_and_a_task_of_each_session() {
    on_the_stack("salesforce", json!({}), async |world| {
        let key = format!("3MVG-{}", world.tenant);
        let org = world.stack.fake("salesforce");
        let field = json!({
            "object": "Activity", "name": "PostSession_Id__c", "externalId": true, "unique": true, "caseSensitive": true,
        });
        org.set(&format!("/_orgs/{key}/fields"), field).await.unwrap();
        let secret = json!({ "client_id": key, "client_secret": "of the org" });
        let saved = world
            .administer(json!({
                "task": "save_integration", "integration_id": "salesforce",
                "config": { "kind": "salesforce", "url": world.stack.fakes["salesforce"] },
                "secret_name": world.make_secret("salesforce", &secret.to_string()).await,
            }))
            .await;
        assert_eq!(saved["state"], "on", "{saved}");
        world.fault("salesforce", json!({ "match": format!("POST sobjects/Lead {key}"), "drop_after": true })).await;
        world.fault("salesforce", json!({ "match": format!("PATCH Task {key}"), "drop_after": true })).await;
        for session in ["s-1", "s-2"] {
            world.send(session).await;
        }
        for session in ["s-1", "s-2"] {
            assert_eq!(world.completed(session).await.step("crm_sync:salesforce"), "done");
        }
        let url = format!("{}/_state?client_id={key}", world.stack.fakes["salesforce"]);
        let state: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        let [lead] = &state["leads"].as_array().unwrap()[..] else { panic!("{state:#}") };
        let mut tasks: Vec<_> = state["tasks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|task| (task["fields"]["PostSession_Id__c"].clone(), task["fields"]["WhoId"].clone()))
            .collect();
        tasks.sort_by_key(|(session, _)| session.to_string());
        assert_eq!(tasks, ["s-1", "s-2"].map(|session| (json!(session), lead["id"].clone())));
    })
    .await;
}

#[tokio::test]
async fn an_account_that_knows_notes_by_a_key_gets_one_also_where_the_answer_was_lost() {
    on_the_stack("keyed", json!({}), async |world| {
        let saved = world
            .administer(json!({
                "task": "save_integration", "integration_id": "hubspot", "config": { "kind": "hubspot" },
                "secret_name": world.secret_name("hubspot"),
            }))
            .await;
        assert_eq!(saved["connection"]["unique_note_property"], true, "{saved}");
        let token = world.hubspot_token();
        world.fault("hubspot", json!({ "match": format!("POST /notes {token}"), "drop_after": true })).await;
        world.send("s-1").await;
        world.completed("s-1").await;
        let notes = world.notes().await;
        assert_eq!(notes.len(), 1);
        assert_eq!(notes[0]["properties"]["post_session_conversation_id"], "s-1");
        let requests = world.stack.fake("hubspot").requests(&token).await.unwrap();
        let is_upsert = |request: &Value| request["path"].as_str().is_some_and(|path| path.ends_with("/batch/upsert"));
        assert!(requests.iter().any(is_upsert), "the note was written again by its key");
    })
    .await;
}
