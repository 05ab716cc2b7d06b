use std::time::Duration;

use domain::step::Code;
use futures_util::future::join_all;
use store::email_log::EmailStatus;
use store::sending::{Sending, Start};

use crate::World;

#[tokio::test]
async fn a_mail_is_sent_once_and_only_a_refused_one_again() {
    let world = World::new().await;
    let (store, tenant) = (world.store(), &world.tenant);
    let email = world.email(0).await;
    assert_eq!(email.status, EmailStatus::Queued);
    assert_eq!(world.start(email.email_id).await, Start::Started);
    assert_eq!(world.start(email.email_id).await, Start::Taken, "under way");

    store.record_not_sent(tenant, email.email_id, EmailStatus::Failed, Some(Code::new("rejected"))).await.unwrap();
    assert_eq!(world.start(email.email_id).await, Start::Started, "a replay");
    store.record_sent(tenant, email.email_id, "ses-1").await.unwrap();
    assert_eq!(world.start(email.email_id).await, Start::Taken, "sent");

    let sent = world.email(0).await;
    assert_eq!((sent.email_id, sent.status, sent.attempts), (email.email_id, EmailStatus::Sent, 2));
    assert_eq!((sent.provider_id.as_deref(), sent.code), (Some("ses-1"), None));
    assert_eq!((sent.template.as_str(), sent.template_version), ("welcome", Some(3)));
    assert_eq!((sent.locale.as_deref(), sent.recipient.as_deref()), (Some("de"), Some("ana@example.com")));
    assert_eq!((sent.attachments, sent.attachments_left_out), (vec!["transcript.txt".to_owned()], None));
}

#[tokio::test]
async fn a_session_whose_template_has_changed_gets_no_second_mail() {
    let world = World::new().await;
    let first = world.email(0).await;
    let other = store::email_log::NewEmail { template: "another", ..world.new_email(0, 1) };
    assert_eq!(world.store().queue_email(&other).await.unwrap(), first);
    let again = world.store().queue_email(&world.new_email(0, 2)).await.unwrap();
    assert_ne!(again.email_id, first.email_id, "a later version of the analysis has a mail of its own");
}

#[tokio::test]
async fn a_skipped_mail_keeps_its_reason_until_it_is_sent_after_all() {
    let world = World::new().await;
    let (store, new) = (world.store(), world.new_email(0, 1));
    store.not_sent_email(&new, EmailStatus::Skipped, Code::new("disabled")).await.unwrap();
    let skipped = world.email(0).await;
    assert_eq!((skipped.status, skipped.code.as_deref()), (EmailStatus::Skipped, Some("disabled")));
    assert_eq!((skipped.locale.as_deref(), skipped.recipient.as_deref()), (Some("de"), Some("ana@example.com")));

    assert_eq!(world.start(skipped.email_id).await, Start::Started);
    store.not_sent_email(&new, EmailStatus::Skipped, Code::new("disabled")).await.unwrap();
    let sending = world.email(0).await;
    assert_eq!((sending.status, sending.code), (EmailStatus::Sending, None));
}

#[tokio::test]
async fn a_mail_that_could_not_be_made_is_in_the_log_with_its_code_and_may_be_sent_later() {
    let world = World::new().await;
    let (store, new) = (world.store(), world.new_email(0, 1));
    store.not_sent_email(&new, EmailStatus::Failed, Code::new("template_failed")).await.unwrap();
    let failed = world.email(0).await;
    assert_eq!((failed.status, failed.code.as_deref()), (EmailStatus::Failed, Some("template_failed")));
    assert_eq!(world.start(failed.email_id).await, Start::Started);
}

#[tokio::test]
async fn of_two_mails_to_one_address_at_the_same_moment_one_is_sent() {
    let world = World::new().await;
    let emails = [world.email(0).await.email_id, world.email(1).await.email_id];
    let start = async |email_id| {
        let sending = Sending { min_hours: Some(24), ..world.sending(email_id) };
        world.store().start_sending(&sending).await.unwrap()
    };
    let started = join_all(emails.into_iter().chain(emails).map(&start)).await;
    let count = |wanted| started.iter().filter(|start| **start == wanted).count();
    assert_eq!((count(Start::Started), count(Start::TooSoon), count(Start::Taken)), (1, 2, 1), "{started:?}");

    let [first, second] = if world.email(0).await.attempts == 1 { emails } else { [emails[1], emails[0]] };
    world.execute("UPDATE email_recipients SET sending_at = now() - interval '24 hours'").await;
    assert_eq!(start(second).await, Start::Started, "a day later");
    assert_eq!(start(first).await, Start::Taken);
}

#[tokio::test]
async fn a_mail_that_ses_did_not_take_lets_another_one_go() {
    let world = World::new().await;
    let [first, second] = [world.email(0).await.email_id, world.email(1).await.email_id];
    let start = async |email_id| {
        let sending = Sending { min_hours: Some(1), ..world.sending(email_id) };
        world.store().start_sending(&sending).await.unwrap()
    };
    assert_eq!(start(first).await, Start::Started);
    world.store().record_not_sent(&world.tenant, first, EmailStatus::Unknown, None).await.unwrap();
    assert_eq!(start(second).await, Start::TooSoon, "SES may have the first");

    world.execute("UPDATE email_log SET status = 'sending' WHERE status = 'unknown'").await;
    world.store().record_not_sent(&world.tenant, first, EmailStatus::Queued, None).await.unwrap();
    assert_eq!(start(second).await, Start::Started);
    assert_eq!(start(first).await, Start::TooSoon);
}

#[tokio::test]
async fn a_mail_of_unknown_outcome_is_queued_again_once_and_only_after_the_silence() {
    let world = World::new().await;
    let (store, tenant) = (world.store(), &world.tenant);
    let id = world.email(0).await.email_id;
    let requeue = async |silence| store.requeue_unknown(tenant, id, silence).await.unwrap();
    assert!(!requeue(Duration::ZERO).await, "it was never sent");
    assert_eq!(world.start(id).await, Start::Started);
    assert!(!requeue(Duration::from_secs(60)).await, "an answer may still come");
    let requeued = join_all([(); 4].map(|()| requeue(Duration::ZERO))).await;
    assert_eq!(requeued.iter().filter(|requeued| **requeued).count(), 1);
    assert_eq!(world.start(id).await, Start::Started);
    assert!(!requeue(Duration::ZERO).await, "twice is enough");
    assert_eq!(world.email(0).await.attempts, 2);
}

#[tokio::test]
async fn a_mail_that_was_held_can_be_queued_again() {
    let world = World::new().await;
    let (store, tenant) = (world.store(), &world.tenant);
    let id = world.email(0).await.email_id;
    assert_eq!(world.start(id).await, Start::Started);
    let held = store.record_not_sent(tenant, id, EmailStatus::Unknown, Some(Code::new("outcome_unknown"))).await;
    assert!(held.unwrap());
    assert!(store.requeue_unknown(tenant, id, Duration::ZERO).await.unwrap());
    assert!(world.email(0).await.resent_at.is_some());
}
