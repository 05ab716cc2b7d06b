//! SES may have taken the mail and nobody knows: it is waited for, then held, and never sent again.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use notify::OUTCOME_UNKNOWN;
use stage::Outcome;
use store::email_log::EmailStatus;

use crate::fake_ses::Answer;
use crate::world::{WAIT, World};

/// How long the message is to wait for its next delivery.
fn wait(outcome: Outcome) -> Duration {
    match outcome {
        Outcome::Retry { after: Some(after), code } if code == OUTCOME_UNKNOWN => after,
        other => panic!("{other:?} is no wait for an event"),
    }
}

#[tokio::test]
async fn a_lost_answer_waits_for_the_send_event() {
    for lost in [Answer::Lose, Answer::Cut, Answer::Gateway(502)] {
        let world = World::new([lost.clone()]).await;
        assert_eq!(wait(world.deliver().await.unwrap()), WAIT, "{lost:?}");
        assert_eq!(world.status().await, (EmailStatus::Sending, None), "{lost:?}");
        let rest = wait(world.deliver().await.unwrap());
        assert!(rest < WAIT && rest > WAIT - Duration::from_secs(60), "{lost:?}: {rest:?}");

        world.send_event().await;
        assert_eq!(world.deliver().await.unwrap(), Outcome::Done, "{lost:?}");
        assert_eq!(world.status().await, (EmailStatus::Sent, None), "{lost:?}");
        assert_eq!(world.ses.requests().len(), 1, "{lost:?}");
    }
}

#[tokio::test]
async fn a_mail_without_answer_and_event_is_held_and_never_sent_again() {
    let mut world = World::new([Answer::Lose]).await;
    wait(world.deliver().await.unwrap());
    world.context.clock = || Utc::now() + TimeDelta::seconds(901);
    assert_eq!(world.deliver().await.unwrap(), Outcome::Final(OUTCOME_UNKNOWN));
    assert_eq!(world.status().await, (EmailStatus::Unknown, Some("outcome_unknown".to_owned())));
    assert_eq!(world.deliver().await.unwrap(), Outcome::Final(OUTCOME_UNKNOWN), "a replay");
    assert_eq!(world.ses.requests().len(), 1);

    world.send_event().await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done, "a replay after a late event");
    assert_eq!(world.ses.requests().len(), 1);
}

#[tokio::test]
async fn a_function_that_died_while_sending_is_treated_the_same() {
    let world = World::new([]).await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
    // As it stands when the process ends between the request and its record.
    let undo = "UPDATE email_log SET status = 'sending', provider_id = NULL, sent_at = NULL";
    world.database.client().await.execute(undo, &[]).await.unwrap();
    assert!(wait(world.deliver().await.unwrap()) > WAIT - Duration::from_secs(60));
    world.send_event().await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
    assert_eq!(world.ses.requests().len(), 1);
}

#[tokio::test]
async fn the_last_moment_of_the_wait_is_still_a_second() {
    let mut world = World::new([Answer::Lose]).await;
    wait(world.deliver().await.unwrap());
    let undo = "UPDATE email_log SET sending_at = '2026-11-22T10:00:00Z'";
    world.database.client().await.execute(undo, &[]).await.unwrap();
    world.context.clock = || "2026-11-22T10:14:59.900Z".parse().unwrap();
    assert_eq!(wait(world.deliver().await.unwrap()), Duration::from_secs(1));
    world.context.clock = || "2026-11-22T09:00:00Z".parse().unwrap();
    assert_eq!(wait(world.deliver().await.unwrap()), WAIT, "a clock behind the database's");
}
