//! Data of a mail that the log keeps.

use domain::settings::logging::LogDetail;
use stage::Outcome;
use store::email_log::EmailStatus;

use crate::world::World;
use mail::testing::SesAnswer;

async fn count(world: &World, table: &str) -> i64 {
    let client = world.database.client().await;
    client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0)
}

async fn with(detail: LogDetail, script: impl IntoIterator<Item = SesAnswer>) -> World {
    let world = World::new(script).await;
    world.save(|settings| settings.logging.mails = detail).await;
    world
}

#[tokio::test]
async fn a_tenant_that_wants_no_log_has_a_status_and_no_address_and_no_events() {
    let world = with(LogDetail::None, []).await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
    world.send_event().await;
    let email = world.email().await;
    assert_eq!((email.status, email.recipient), (EmailStatus::Sent, None));
    assert_eq!((count(&world, "email_events").await, count(&world, "email_bodies").await), (0, 0));

    let world = with(LogDetail::None, []).await;
    world.save(|settings| (settings.logging.mails, settings.email.enabled) = (LogDetail::None, false)).await;
    assert!(matches!(world.deliver().await.unwrap(), Outcome::Skipped(_)));
    assert_eq!(world.email().await.recipient, None);
}

#[tokio::test]
async fn metadata_is_recipient_and_events_but_not_the_mail() {
    let world = with(LogDetail::Metadata, []).await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
    world.send_event().await;
    assert_eq!(world.email().await.recipient.as_deref(), Some("ana@example.com"));
    assert_eq!((count(&world, "email_events").await, count(&world, "email_bodies").await), (1, 0));
}

#[tokio::test]
async fn in_full_a_mail_is_kept_as_it_was_sent_or_may_have_been_and_only_then() {
    let throttled = SesAnswer::Refuse(429, "ThrottlingException", "");
    for (script, kept) in [(vec![], 1), (vec![SesAnswer::Lose], 1), (vec![throttled], 0)] {
        let world = with(LogDetail::Full, script).await;
        world.outcome().await;
        assert_eq!(count(&world, "email_bodies").await, kept);
        let client = world.database.client().await;
        let Some(row) = client.query_opt("SELECT subject, text, html FROM email_bodies", &[]).await.unwrap() else {
            continue;
        };
        let simple = world.sent().remove(0)["Content"]["Simple"].take();
        let sent = [&simple["Subject"], &simple["Body"]["Text"], &simple["Body"]["Html"]];
        for (column, part) in sent.into_iter().enumerate() {
            assert_eq!(part["Data"], row.get::<_, String>(column));
        }
    }
    let world = with(LogDetail::Full, []).await;
    world.save(|settings| (settings.logging.mails, settings.email.enabled) = (LogDetail::Full, false)).await;
    world.deliver().await.unwrap();
    assert_eq!(count(&world, "email_bodies").await, 0);
}
