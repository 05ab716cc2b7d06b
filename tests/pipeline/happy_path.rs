use pipeline_tests::{eventually, on_the_stack};
use serde_json::json;

#[tokio::test]
async fn a_session_becomes_analytics_a_mail_a_contact_with_a_note_and_a_webhook() {
    on_the_stack("happy", json!({}), async |world| {
        let (status, answer) = world.post(&world.notification("s-1")).await;
        assert_eq!((status, answer), (202, json!({ "session_id": "s-1", "status": "processing" })));
        let ended = world.completed("s-1").await;
        for step in ["analyze", "notify", "crm_sync:hubspot", "crm_sync:webhook"] {
            assert_eq!(ended.step(step), "done", "{step}");
        }

        let analysis = world.analysis("s-1").await.unwrap();
        assert_eq!(
            (analysis["status"].as_str(), analysis["category"]["label"].as_str()),
            (Some("ok"), Some("facing_issue"))
        );
        let mails = world.mails().await;
        assert_eq!(mails.len(), 1, "{mails:#?}");
        assert_eq!(mails[0]["to"], json!([world.visitor()]));
        let html = mails[0]["html"].as_str().unwrap();
        assert!(!html.contains("facing_issue") && !html.contains("Facing Issue"), "internal: {html}");

        let (contacts, notes) = (world.contacts().await, world.notes().await);
        assert_eq!((contacts.len(), notes.len()), (1, 1));
        assert_eq!(contacts[0]["properties"]["email"], world.visitor());
        assert_eq!(notes[0]["contact_ids"], json!([contacts[0]["id"]]));
        let deliveries = world.deliveries().await;
        assert_eq!(deliveries.len(), 1);
        assert_eq!(
            (deliveries[0]["verified"].as_bool(), deliveries[0]["type"].as_str()),
            (Some(true), Some("session.analyzed"))
        );
    })
    .await;
}

#[tokio::test]
async fn a_conversation_of_two_megabytes_is_analysed() {
    on_the_stack("long", json!({}), async |world| {
        let mut notification = world.notification("s-1");
        let turns = notification["transcript"].as_array_mut().unwrap();
        let said = "We looked at the next wheel, and it runs. ".repeat(45);
        turns.extend((0..1000).map(|_| json!({ "role": "agent", "text": said })));
        let bytes = notification.to_string().len();
        assert!((1_900_000..2_000_000).contains(&bytes), "{bytes}");
        assert_eq!(world.post(&notification).await.0, 202);
        world.completed("s-1").await;
        assert_eq!(world.analysis("s-1").await.unwrap()["conversation"]["turns"], 1004);
    })
    .await;
}

#[tokio::test]
async fn a_later_session_of_the_same_visitor_adds_a_note_to_the_same_contact() {
    on_the_stack("twice", json!({}), async |world| {
        for session in ["s-1", "s-2"] {
            world.send(session).await;
            world.completed(session).await;
        }
        let (contacts, notes) = (world.contacts().await, world.notes().await);
        assert_eq!((contacts.len(), notes.len()), (1, 2));
        assert_eq!(notes[0]["contact_ids"], notes[1]["contact_ids"]);
        assert_eq!(world.mails().await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_transcript_that_the_engine_writes_late_is_waited_for() {
    on_the_stack("late", json!({}), async |world| {
        let mut notification = world.notification("s-1");
        notification.as_object_mut().unwrap().remove("transcript");
        assert_eq!(world.post(&notification).await.0, 202);
        let waits = eventually(async || {
            let sql =
                "SELECT FROM steps WHERE tenant_id = $1 AND kind = 'analyze' AND status = 'pending' AND attempt > 0";
            world.database().await.query_opt(sql, &[&world.tenant.as_ref()]).await.unwrap().is_some()
        });
        assert!(waits.await, "{:?}", world.session("s-1").await);
        let say = "INSERT INTO transcript_turns (tenant_id, session_id, seq, role, text)
                   VALUES ($1, 's-1', 0, 'visitor', 'How much is a new bell?')";
        world.database().await.execute(say, &[&world.tenant.as_ref()]).await.unwrap();
        world.completed("s-1").await;
        assert_eq!(world.analysis("s-1").await.unwrap()["category"]["label"], "potential_buyer");
    })
    .await;
}

#[tokio::test]
async fn a_visitor_without_a_usable_address_gets_no_mail_and_no_contact_but_an_analysis() {
    on_the_stack("address", json!({}), async |world| {
        for (session, email, code) in
            [("s-1", json!("not an address"), "invalid_email"), ("s-2", json!(null), "no_email")]
        {
            let mut notification = world.notification(session);
            notification["visitor"]["email"] = email;
            assert_eq!(world.post(&notification).await.0, 202);
            let ended = world.completed(session).await;
            assert_eq!(ended.step("notify"), format!("skipped: {code}"));
            assert_eq!(ended.step("crm_sync:hubspot"), format!("skipped: {code}"));
            assert_eq!(ended.step("crm_sync:webhook"), "done");
            assert_eq!(world.email(session).await, Some(("skipped".to_owned(), Some(code.to_owned()))));
        }
        assert_eq!((world.mails().await.len(), world.contacts().await.len()), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_conversation_in_which_nobody_spoke_costs_no_model_call() {
    on_the_stack("silent", json!({}), async |world| {
        let mut notification = world.notification("s-1");
        notification["transcript"] = json!([]);
        assert_eq!(world.post(&notification).await.0, 202);
        let ended = world.completed("s-1").await;
        assert_eq!(world.analysis("s-1").await.unwrap()["status"], "insufficient_content");
        assert_eq!(ended.step("notify"), "skipped: insufficient_content");
    })
    .await;
}

#[tokio::test]
async fn a_tenant_that_switched_mail_off_sends_none() {
    on_the_stack("off", json!({ "email": { "enabled": false } }), async |world| {
        world.send("s-1").await;
        assert_eq!(world.completed("s-1").await.step("notify"), "skipped: disabled");
        assert_eq!(world.mails().await.len(), 0);
    })
    .await;
}
