//! Attachments of a mail, and the transcript in them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::number::Whole;
use domain::settings::TenantSettings;
use domain::settings::email::AttachmentKind;
use serde_json::json;
use stage::{Failure, Outcome};

use crate::world::World;

const CARD: &str = "4111 1111 1111 1111";

fn all(settings: &mut TenantSettings) {
    use AttachmentKind::{AnalyticsJson, TranscriptHtml, TranscriptTxt};
    settings.email.attachments = vec![TranscriptTxt, TranscriptHtml, AnalyticsJson];
}

/// Returns names and contents of the attachments of the only mail.
fn files(world: &World) -> Vec<(String, String)> {
    let files = world.sent().remove(0)["Content"]["Simple"]["Attachments"].take();
    let read = |file: &serde_json::Value| {
        let content = BASE64_STANDARD.decode(file["RawContent"].as_str().unwrap()).unwrap();
        (file["FileName"].as_str().unwrap().to_owned(), String::from_utf8(content).unwrap())
    };
    files.as_array().into_iter().flatten().map(read).collect()
}

#[tokio::test]
async fn files_that_are_asked_for_are_attached_and_named_in_the_log() {
    let world = World::new([]).await;
    world.save(all).await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
    let files = files(&world);
    let names: Vec<_> = files.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, ["transcript.txt", "transcript.html", "analytics.json"]);
    for (name, content) in &files[..2] {
        assert!(content.contains("A technician comes on Tuesday."), "{name}: {content}");
        assert!(!content.contains("INTERNAL") && !content.contains(CARD), "{name}: {content}");
    }
    assert!(!files[2].1.contains("INTERNAL"), "{}", files[2].1);
    let email = world.email().await;
    assert_eq!((email.attachments, email.attachments_left_out), (names, None));
}

#[tokio::test]
async fn files_that_are_too_large_are_left_out_and_the_log_says_so() {
    let world = World::new([]).await;
    let bounded = |settings: &mut TenantSettings| {
        all(settings);
        settings.email.max_attachment_bytes = Whole::literal(100);
    };
    world.save(bounded).await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
    assert_eq!(files(&world), []);
    let email = world.email().await;
    assert_eq!((email.attachments, email.attachments_left_out.as_deref()), (vec![], Some("too_large")));
}

#[tokio::test]
async fn where_the_transcript_was_purged_the_mail_goes_without() {
    let world = World::new([]).await;
    world.save(all).await;
    world.sql("DELETE FROM transcript_turns").await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
    let email = world.email().await;
    assert_eq!(email.attachments, ["analytics.json"]);
    assert_eq!(email.attachments_left_out.as_deref(), Some("transcript_missing"));
}

#[tokio::test]
async fn the_transcript_is_shown_as_mails_may_show_it_and_only_where_the_tenant_says_so() {
    for (show, redaction, shown, hidden) in [
        (false, json!({}), "dishwasher", "A technician comes on Tuesday."),
        (true, json!({}), "[PAYMENT_CARD_1]", CARD),
        (true, json!({ "mails": "original" }), CARD, "PAYMENT_CARD"),
    ] {
        let world = World::new([]).await;
        world
            .save(|settings| {
                settings.email.show_transcript = show;
                settings.redaction = serde_json::from_value(redaction).unwrap();
            })
            .await;
        assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
        let text = world.sent().remove(0)["Content"]["Simple"]["Body"]["Text"]["Data"].to_string();
        assert!(text.contains(shown) && !text.contains(hidden) && !text.contains("INTERNAL"), "{text}");
    }
}

#[tokio::test]
async fn a_transcript_that_nobody_will_see_is_not_loaded() {
    let world = World::new([]).await;
    world.sql("ALTER TABLE transcript_turns RENAME TO out_of_reach").await;
    world.save(|settings| settings.email.show_transcript = true).await;
    assert_eq!(world.deliver().await.unwrap_err().code().as_str(), "database");
    world.save(|_| ()).await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
}
