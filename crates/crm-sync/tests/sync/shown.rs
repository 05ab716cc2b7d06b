//! Original words or placeholders: notes and webhooks each follow their own setting.

use domain::analysis::Analysis;
use serde_json::json;
use stage::{Failure, Outcome};

use crate::world::{SAID, World, ana, analysis};

const PLACEHOLDER: &str = "[EMAIL_1]";

fn with_a_placeholder() -> Analysis {
    let mut analysis = analysis();
    let text = format!("She wants the offer sent to {PLACEHOLDER}.");
    analysis.category.as_mut().unwrap().justification.evidence[0].quote = text.clone();
    analysis.summary.as_mut().unwrap().text = text;
    analysis
}

/// `original` or `redacted`, as in the settings.
fn shown(text: &str) -> &'static str {
    match (text.matches(SAID).count(), text.matches(PLACEHOLDER).count()) {
        (2, 0) => "original",
        (0, 2) => "redacted",
        other => panic!("{other:?}: {text}"),
    }
}

/// Syncs the session to both, and returns the texts of the note and the event.
async fn sent_text(world: &World, session: &str) -> (&'static str, &'static str) {
    world.session_with(session, ana(), &with_a_placeholder()).await;
    for integration in ["hubspot", "hook"] {
        assert_eq!(world.sync(session, integration).await.unwrap(), Outcome::Done);
    }
    let notes = world.hubspot.control.state("").await.unwrap()["notes"].clone();
    let note = notes.as_array().unwrap().last().unwrap()["properties"]["hs_note_body"].as_str().unwrap().to_owned();
    assert!(note.contains(&format!("Conversation ID: {session}<")), "{note}");
    let events = world.webhook.control.state("").await.unwrap()["deliveries"].clone();
    let event = &events.as_array().unwrap().last().unwrap()["body"]["data"];
    assert_eq!(event["session"]["session_id"], session);
    (shown(&note), shown(&event.to_string()))
}

#[tokio::test]
async fn notes_and_webhooks_show_what_was_said_only_where_their_own_setting_says_so() {
    let world = World::new().await;
    for (session, settings, shown) in [
        ("s-1", json!({}), ("redacted", "redacted")),
        ("s-2", json!({ "notes": "original" }), ("original", "redacted")),
        ("s-3", json!({ "webhooks": "original" }), ("redacted", "original")),
        ("s-4", json!({ "mails": "original" }), ("redacted", "redacted")),
        ("s-5", json!({ "notes": "original", "webhooks": "original" }), ("original", "original")),
    ] {
        world.redaction(settings.clone()).await;
        assert_eq!(sent_text(&world, session).await, shown, "{settings}");
    }
}

#[tokio::test]
async fn an_event_that_is_sent_again_keeps_its_id_and_shows_what_webhooks_show_by_then() {
    let world = World::new().await;
    world.redaction(json!({ "webhooks": "original" })).await;
    world.session_with("s-1", ana(), &with_a_placeholder()).await;
    world.webhook.control.fault(json!({ "status": 503, "times": 2 })).await.unwrap();
    for _ in 0..2 {
        assert!(world.sync("s-1", "hook").await.unwrap_err().is_retryable());
    }
    world.redaction(json!({})).await;
    assert_eq!(world.sync("s-1", "hook").await.unwrap(), Outcome::Done);

    let requests = world.webhook.control.requests("").await.unwrap();
    let shown: Vec<_> = requests.iter().map(|request| shown(&request["body"].to_string())).collect();
    assert_eq!(shown, ["original", "original", "redacted"]);
    assert_eq!(requests[0]["body"], requests[1]["body"]);
    assert!(requests.iter().all(|request| request["headers"]["webhook-id"] == requests[0]["headers"]["webhook-id"]));
}
