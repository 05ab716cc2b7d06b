//! Messages and their outcomes.

use std::time::{Duration, Instant};

use domain::message::NotifyMessage;
use domain::settings::EmailSettings;
use domain::step::Code;
use mail::{OUTCOME_UNKNOWN, Sender};
use notify::{Config, Error};
use serde_json::Value;
use stage::{Env, Failure, Outcome, error_chain};
use store::email_log::EmailStatus;

use crate::world::World;
use mail::testing::{SesAnswer, sdk_config};

fn code(result: Result<Outcome, Error>) -> (&'static str, bool) {
    let error = result.unwrap_err();
    (error.code().as_str(), error.is_retryable())
}

#[tokio::test]
async fn a_repeated_message_sends_one_mail() {
    let world = World::new([]).await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
    assert_eq!(world.ses.requests().len(), 1);
    let email = world.email().await;
    assert_eq!((email.status, email.attempts), (EmailStatus::Sent, 1));
    assert_eq!(email.provider_id.as_deref(), Some("0102-ses-1"));
    assert_eq!(email.recipient.as_deref(), Some("ana@example.com"));
}

#[tokio::test]
async fn a_later_version_of_the_analysis_is_a_mail_of_its_own_and_sent_once() {
    let world = World::new([]).await;
    world.deliver().await.unwrap();
    let again = world.analyse_again(2).await;
    for _ in 0..2 {
        assert_eq!(world.deliver_within(again.clone(), Duration::from_secs(60)).await.unwrap(), Outcome::Done);
    }
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
    assert_eq!(world.ses.requests().len(), 2);
    let (first, second) = (world.email().await, world.email_of(2).await);
    assert_ne!(first.email_id, second.email_id);
    assert_eq!((second.status, second.attempts), (EmailStatus::Sent, 1));
}

#[tokio::test]
async fn two_deliveries_at_once_send_one_mail() {
    let world = World::new([]).await;
    // Both deliveries read the log before one of them writes the mail.
    let (lock, watch) = (world.database.client().await, world.database.client().await);
    lock.execute("BEGIN", &[]).await.unwrap();
    lock.execute("LOCK TABLE email_log IN EXCLUSIVE MODE", &[]).await.unwrap();
    let release = async {
        let waiting = "SELECT FROM pg_locks WHERE relation = 'email_log'::regclass AND NOT granted";
        let deadline = Instant::now() + Duration::from_secs(30);
        while watch.query(waiting, &[]).await.unwrap().len() < 2 {
            assert!(Instant::now() < deadline, "both deliveries should wait for the lock");
        }
        lock.execute("COMMIT", &[]).await.unwrap();
    };
    let (one, other, ()) = tokio::join!(world.deliver(), world.deliver(), release);
    let outcomes = [one.unwrap(), other.unwrap()];
    let later = Outcome::Wait { after: Duration::from_secs(1), code: OUTCOME_UNKNOWN };
    assert!(outcomes.contains(&Outcome::Done) && outcomes.contains(&later), "{outcomes:?}");
    assert_eq!(world.ses.requests().len(), 1);
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
}

#[tokio::test]
async fn a_rejected_mail_is_final_and_its_reason_shows_no_address() {
    let words = "Email address is not verified. The following identities failed the check: ana@example.com, <b@c.de>";
    let world = World::new([SesAnswer::Refuse(400, "MessageRejected", words)]).await;
    let error = world.deliver().await.unwrap_err();
    assert!(!error.is_retryable());
    assert_eq!(error.code().as_str(), "ses_message_rejected");
    let chain = error_chain(&error);
    assert!(chain.contains("MessageRejected: Email address is not verified."), "{chain}");
    assert!(!chain.contains('@'), "{chain}");
    assert_eq!(world.status().await, (EmailStatus::Failed, Some("ses_message_rejected".to_owned())));

    assert_eq!(world.deliver().await.unwrap(), Outcome::Done, "a replay, after the identity was verified");
    assert_eq!(world.status().await, (EmailStatus::Sent, None));
}

#[tokio::test]
async fn a_ses_that_is_not_reached_has_not_got_the_mail() {
    let mut world = World::new([]).await;
    let working = std::mem::replace(&mut world.context.sender, Sender::new(&sdk_config("http://127.0.0.1:1"), None));
    assert_eq!(code(world.deliver().await), ("ses_unreachable", true));
    assert_eq!(world.status().await, (EmailStatus::Queued, Some("ses_unreachable".to_owned())));
    assert_eq!(code(world.deliver_for_the_last_time().await), ("ses_unreachable", true));
    assert_eq!(world.status().await, (EmailStatus::Failed, Some("ses_unreachable".to_owned())));
    world.context.sender = working;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
}

#[tokio::test]
async fn a_mail_is_not_begun_with_too_little_time() {
    let world = World::new([]).await;
    assert_eq!(code(world.deliver_within(world.message(), Duration::from_secs(3)).await), ("no_time", true));
    assert_eq!(world.status().await, (EmailStatus::Queued, None));
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
    assert_eq!(world.ses.requests().len(), 1);
}

#[tokio::test]
async fn a_skipped_mail_is_logged_and_follows_the_settings() {
    let world = World::new([]).await;
    world.save_settings(EmailSettings { enabled: false, ..EmailSettings::default() }).await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Skipped(Code::new("disabled")));
    assert_eq!(world.status().await, (EmailStatus::Skipped, Some("disabled".to_owned())));
    assert_eq!(world.email().await.recipient.as_deref(), Some("ana@example.com"));
    assert_eq!(world.ses.requests(), Vec::<Value>::new());

    world.save_settings(EmailSettings::default()).await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done, "the step was not recorded before");
    world.save_settings(EmailSettings { enabled: false, ..EmailSettings::default() }).await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done, "sent is sent");
    assert_eq!(world.status().await, (EmailStatus::Sent, None));
    assert_eq!(world.ses.requests().len(), 1);
}

#[tokio::test]
async fn a_message_about_nothing_we_know_is_final_with_its_own_code() {
    let world = World::new([]).await;
    let NotifyMessage::V1 { tenant_id, session_id, .. } = world.message();
    let handle = async |tenant: &str, session: &str, version| {
        let message = NotifyMessage::V1 {
            tenant_id: tenant.parse().unwrap(),
            session_id: session.parse().unwrap(),
            analysis_version: version,
        };
        code(world.deliver_within(message, Duration::from_secs(60)).await)
    };
    assert_eq!(handle("nobody", session_id.as_ref(), 1).await, ("unknown_tenant", false));
    assert_eq!(handle(tenant_id.as_ref(), "other", 1).await, ("unknown_session", false));
    assert_eq!(handle(tenant_id.as_ref(), session_id.as_ref(), 2).await, ("unknown_analysis", false));
}

#[test]
fn the_configuration_names_what_is_missing_and_takes_no_event_destination_for_granted() {
    let variables = [
        ("DATABASE_URL", "postgres://localhost/x"),
        ("STATEMENT_TIMEOUT_MS", "5000"),
        ("QUEUE_URL", "q"),
        ("DEAD_LETTER_QUEUE_URL", "d"),
        ("CRM_SYNC_QUEUE_URL", "c"),
        ("BATCH_CONCURRENCY", "5"),
        ("MAX_RECEIVE_COUNT", "5"),
        ("RETRY_BASE_SECONDS", "30"),
        ("RETRY_MAX_SECONDS", "900"),
        ("SENDER_ADDRESS", "post@example.org"),
        ("SES_CONFIGURATION_SET", ""),
        ("UNKNOWN_OUTCOME_WAIT_SECONDS", "900"),
        ("PUBLIC_URL", "https://post.example.org/prod"),
        ("LINK_SECRETS", "a-secret-of-the-links-for-tests"),
    ];
    let env = |without: &str| -> Env {
        let kept = variables.into_iter().filter(|(name, _)| *name != without);
        kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let whole = env("");
    let config = Config::from_env(&whole).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((config.configuration_set, config.unknown_outcome_wait), (None, Duration::from_secs(900)));
    assert_eq!(whole.unread(), Vec::<&str>::new());
    for name in ["SENDER_ADDRESS", "UNKNOWN_OUTCOME_WAIT_SECONDS", "PUBLIC_URL", "LINK_SECRETS"] {
        let error = Config::from_env(&env(name)).err().unwrap().to_string();
        assert_eq!(error, format!("environment variable {name} is not set"));
    }
}
