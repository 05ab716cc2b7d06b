//! A busy SES: the mail waits for a limited time, and uses up no delivery of its message.

use std::time::Duration;

use stage::Outcome;
use store::email_log::EmailStatus;

use crate::world::World;
use mail::testing::SesAnswer;

fn throttled() -> SesAnswer {
    SesAnswer::Refuse(429, "ThrottlingException", "Maximum sending rate exceeded.")
}

#[tokio::test]
async fn a_throttled_mail_waits_and_is_sent_by_a_later_delivery() {
    for (answer, code) in [
        (throttled(), "ses_throttled"),
        (SesAnswer::Refuse(400, "LimitExceededException", ""), "ses_throttled"),
        (SesAnswer::Refuse(503, "ServiceUnavailableException", ""), "ses_unavailable"),
    ] {
        let world = World::new([answer]).await;
        let outcome = world.outcome().await;
        let Outcome::Wait { after, code: found } = outcome else { panic!("{outcome:?}") };
        assert!(found.as_str() == code && after <= Duration::from_secs(10), "{outcome:?}");
        assert_eq!(world.status().await, (EmailStatus::Queued, Some(code.to_owned())));
        assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
        assert_eq!(world.status().await, (EmailStatus::Sent, None));
        assert_eq!((world.sent().len(), world.email().await.attempts), (2, 2));
    }
}

#[tokio::test]
async fn waits_grow_with_the_requests_for_the_mail_and_stay_in_the_queue() {
    let world = World::new(vec![throttled(); 12]).await;
    for request in 0..12 {
        let outcome = world.outcome().await;
        let Outcome::Wait { after, .. } = outcome else { panic!("{outcome:?}") };
        assert!(after <= Duration::from_secs(10 << request).min(stage::queues::MAX_DELAY), "{request}: {after:?}");
    }
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
}

#[tokio::test]
async fn a_mail_that_ses_has_no_room_for_in_days_fails_and_a_replay_sends_it() {
    let world = World::new([throttled(), throttled(), throttled()]).await;
    assert!(matches!(world.outcome().await, Outcome::Wait { .. }));
    world.sql("UPDATE email_log SET attempts = 499").await;
    let outcome = world.outcome().await;
    assert!(matches!(outcome, Outcome::Final { code, .. } if code.as_str() == "ses_throttled"), "{outcome:?}");
    assert_eq!(world.status().await, (EmailStatus::Failed, Some("ses_throttled".to_owned())));
    assert!(matches!(world.outcome().await, Outcome::Wait { .. }), "a replay has as many requests again");
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
}
