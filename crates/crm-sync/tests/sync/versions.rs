//! Later versions of an analysis: still one note, and webhooks of their own.

use std::time::{Duration, Instant};

use domain::analysis::Analysis;
use domain::step::Code;
use serde_json::{Value, json};
use stage::{Failure, Outcome};
use store::integration_log::SyncStatus;

use crate::world::{NotDone, SAID, TOKEN, World, ana, analysis};

const SUPERSEDED: Outcome = Outcome::Skipped(Code::new("superseded"));

/// An analysis with this summary.
fn saying(summary: &str) -> Analysis {
    let mut analysis = analysis();
    analysis.summary.as_mut().unwrap().text = summary.into();
    analysis
}

/// A session that is analysed twice.
async fn analysed_twice() -> World {
    let world = World::new().await;
    world.session_with("s-1", ana(), &saying("First words.")).await;
    world.analyse_again("s-1", 2, &saying("Second words.")).await;
    world
}

/// A session that is analysed three times, the first of which is in the note.
async fn analysed_thrice() -> World {
    let world = analysed_twice().await;
    world.analyse_again("s-1", 3, &saying("Third words.")).await;
    world.sync("s-1", "hubspot").await.unwrap();
    world
}

/// How often a note was, or is being, changed.
async fn updates(world: &World) -> usize {
    let requests = world.hubspot.control.requests("").await.unwrap();
    let is_update = |request: &&Value| {
        request["method"] == "PATCH" && request["path"].as_str().is_some_and(|path| path.contains("/notes/"))
    };
    requests.iter().filter(is_update).count()
}

/// The second version is about to write when the third one comes; returns the outcomes of both.
async fn met(world: &World, mut slow: Value) -> [Result<Outcome, NotDone>; 2] {
    slow["match"] = json!("PATCH /notes");
    slow["delay_ms"] = json!(500);
    world.hubspot.control.fault(slow).await.unwrap();
    let third = async {
        let deadline = Instant::now() + Duration::from_secs(30);
        while updates(world).await == 0 {
            assert!(Instant::now() < deadline, "the second version should change the note");
        }
        world.sync_version("s-1", "hubspot", 3).await
    };
    let (second, third) = tokio::join!(world.sync_version("s-1", "hubspot", 2), third);
    [second, third]
}

/// The bodies of all notes.
async fn notes(world: &World) -> Vec<(String, String)> {
    let state = world.hubspot.control.state("").await.unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let note = |note: &Value| (text(&note["id"]), text(&note["properties"]["hs_note_body"]));
    state["notes"].as_array().unwrap().iter().map(note).collect()
}

async fn the_note(world: &World, words: &str) -> String {
    let mut notes = notes(world).await;
    assert_eq!(notes.len(), 1, "{notes:?}");
    let (id, body) = notes.remove(0);
    assert!(body.contains(words) && body.contains("Conversation ID: s-1"), "{body}");
    id
}

#[tokio::test]
async fn a_later_version_takes_the_place_of_the_earlier_one_in_its_note() {
    let world = analysed_twice().await;
    world.sync("s-1", "hubspot").await.unwrap();
    let note = the_note(&world, "First words.").await;
    assert_eq!(world.sync_version("s-1", "hubspot", 2).await.unwrap(), Outcome::Done);
    assert_eq!(the_note(&world, "Second words.").await, note);
    for version in [1, 2] {
        let log = world.log_of("s-1", "hubspot", version).await;
        assert_eq!((log.status, log.record_id), (SyncStatus::Done, Some(note.clone())));
    }
    let state = world.hubspot.control.state("").await.unwrap();
    assert_eq!(state["notes"][0]["properties"]["hs_timestamp"], "2026-11-22T10:00:12.000Z");
}

#[tokio::test]
async fn a_note_that_was_deleted_is_written_again_and_once() {
    let world = analysed_twice().await;
    world.sync("s-1", "hubspot").await.unwrap();
    let note = the_note(&world, "First words.").await;
    let url = format!("{}/crm/objects/2026-03/notes/{note}", world.hubspot.base_url);
    let deleted = reqwest::Client::new().delete(url).bearer_auth(TOKEN).send().await.unwrap();
    deleted.error_for_status().unwrap();

    world.hubspot.control.fault(json!({ "match": "POST /notes", "drop_after": true })).await.unwrap();
    assert!(world.sync_version("s-1", "hubspot", 2).await.unwrap_err().is_retryable());
    assert_eq!(world.sync_version("s-1", "hubspot", 2).await.unwrap(), Outcome::Done);
    assert_ne!(the_note(&world, "Second words.").await, note);
}

#[tokio::test]
async fn an_update_whose_answer_was_lost_is_made_again() {
    let world = analysed_twice().await;
    world.sync("s-1", "hubspot").await.unwrap();
    world.hubspot.control.fault(json!({ "match": "PATCH /notes", "drop_after": true })).await.unwrap();
    assert!(world.sync_version("s-1", "hubspot", 2).await.unwrap_err().is_retryable());
    assert_eq!(world.sync_version("s-1", "hubspot", 2).await.unwrap(), Outcome::Done);
    the_note(&world, "Second words.").await;
}

#[tokio::test]
async fn a_version_that_comes_after_a_later_one_changes_nothing() {
    let world = analysed_twice().await;
    world.hubspot.control.fault(json!({ "match": "POST /notes", "drop_after": true })).await.unwrap();
    assert!(world.sync("s-1", "hubspot").await.unwrap_err().is_retryable());
    assert_eq!(world.sync_version("s-1", "hubspot", 2).await.unwrap(), Outcome::Done);
    the_note(&world, "Second words.").await;
    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), SUPERSEDED);
    the_note(&world, "Second words.").await;
}

#[tokio::test]
async fn a_version_that_comes_after_a_later_ones_lost_answer_finds_the_note() {
    let world = analysed_twice().await;
    // The first backs off before it writes anything.
    world.hubspot.control.fault(json!({ "match": "PATCH idProperty", "status": 503 })).await.unwrap();
    assert!(world.sync("s-1", "hubspot").await.unwrap_err().is_retryable());
    world.hubspot.control.fault(json!({ "match": "POST /notes", "drop_after": true })).await.unwrap();
    assert!(world.sync_version("s-1", "hubspot", 2).await.unwrap_err().is_retryable());
    let attempts = [world.log("s-1", "hubspot").await.attempts, world.log_of("s-1", "hubspot", 2).await.attempts];
    assert_eq!(attempts, [0, 1]);

    assert_eq!(world.sync("s-1", "hubspot").await.unwrap(), SUPERSEDED);
    the_note(&world, "Second words.").await;
    assert_eq!(world.sync_version("s-1", "hubspot", 2).await.unwrap(), Outcome::Done);
    the_note(&world, "Second words.").await;
}

#[tokio::test]
async fn versions_are_written_one_at_a_time() {
    let world = analysed_thrice().await;
    let [second, third] = met(&world, json!({})).await;
    assert_eq!(second.unwrap(), Outcome::Done);
    assert_eq!(third.unwrap(), Outcome::Wait { after: Duration::from_secs(2), code: Code::new("other_version") });
    assert_eq!(world.sync_version("s-1", "hubspot", 3).await.unwrap(), Outcome::Done);
    the_note(&world, "Third words.").await;
}

#[tokio::test]
async fn two_versions_that_find_no_note_write_one() {
    let world = analysed_twice().await;
    let slow = json!({ "match": "POST /notes", "delay_ms": 300, "times": 2 });
    world.hubspot.control.fault(slow).await.unwrap();
    let (first, second) = tokio::join!(world.sync("s-1", "hubspot"), world.sync_version("s-1", "hubspot", 2));
    let done = [first.unwrap(), second.unwrap()];
    assert_eq!(done.iter().filter(|outcome| **outcome == Outcome::Done).count(), 1, "{done:?}");
    for version in [1, 2] {
        world.sync_version("s-1", "hubspot", version).await.unwrap();
    }
    the_note(&world, "Second words.").await;
}

#[tokio::test]
async fn a_version_that_died_after_it_wrote_leaves_the_text_of_a_later_one_when_it_comes_again() {
    let world = analysed_thrice().await;
    let [second, third] = met(&world, json!({ "drop_after": true })).await;
    assert!(second.unwrap_err().is_retryable() && matches!(third.unwrap(), Outcome::Wait { .. }));
    the_note(&world, "Second words.").await;
    assert_eq!(world.sync_version("s-1", "hubspot", 3).await.unwrap(), Outcome::Done);
    the_note(&world, "Third words.").await;
    assert_eq!(world.sync_version("s-1", "hubspot", 2).await.unwrap(), SUPERSEDED);
    the_note(&world, "Third words.").await;
}

#[tokio::test]
async fn a_version_that_writes_while_a_later_one_does_leaves_the_later_text() {
    let world = analysed_thrice().await;
    world.hubspot.control.fault(json!({ "match": "PATCH /notes", "drop_after": true })).await.unwrap();
    assert!(world.sync_version("s-1", "hubspot", 3).await.unwrap_err().is_retryable());
    assert_eq!(world.log_of("s-1", "hubspot", 3).await.status, SyncStatus::Writing);
    assert_eq!(world.sync_version("s-1", "hubspot", 2).await.unwrap(), SUPERSEDED);
    the_note(&world, "Third words.").await;
    assert_eq!(world.sync_version("s-1", "hubspot", 3).await.unwrap(), Outcome::Done);
    the_note(&world, "Third words.").await;
}

#[tokio::test]
async fn text_that_is_put_back_is_shown_as_notes_show_it() {
    let world = analysed_twice().await;
    world.analyse_again("s-1", 3, &saying("Write to [EMAIL_1].")).await;
    world.sync("s-1", "hubspot").await.unwrap();
    for (redaction, shown) in [(json!({}), "[EMAIL_1]"), (json!({ "notes": "original" }), SAID)] {
        world.redaction(redaction).await;
        world.hubspot.control.fault(json!({ "match": "PATCH /notes", "drop_before": true })).await.unwrap();
        assert!(world.sync_version("s-1", "hubspot", 3).await.unwrap_err().is_retryable());
        assert_eq!(world.sync_version("s-1", "hubspot", 2).await.unwrap(), SUPERSEDED);
        the_note(&world, &format!("Write to {shown}.")).await;
    }
}

#[tokio::test]
async fn a_version_whose_earlier_one_left_no_note_writes_one() {
    let world = analysed_twice().await;
    assert_eq!(world.sync_version("s-1", "hubspot", 2).await.unwrap(), Outcome::Done);
    the_note(&world, "Second words.").await;
}

#[tokio::test]
async fn each_version_is_sent_in_a_webhook_with_an_id_of_its_own() {
    let world = analysed_twice().await;
    for version in [1, 2] {
        assert_eq!(world.sync_version("s-1", "hook", version).await.unwrap(), Outcome::Done);
        assert_eq!(world.sync_version("s-1", "hook", version).await.unwrap(), Outcome::Done);
    }
    let state = world.webhook.control.state("").await.unwrap();
    let deliveries: Vec<_> = state["deliveries"].as_array().unwrap().iter().collect();
    assert_eq!(deliveries.len(), 2);
    assert_ne!(deliveries[0]["id"], deliveries[1]["id"]);
    assert_eq!(
        (&deliveries[0]["body"]["data"]["analysis_version"], &deliveries[1]["body"]["data"]["analysis_version"]),
        (&json!(1), &json!(2))
    );
    for (version, delivery) in [(1, deliveries[0]), (2, deliveries[1])] {
        assert_eq!(world.log_of("s-1", "hook", version).await.record_id.as_deref(), delivery["id"].as_str());
    }
}
