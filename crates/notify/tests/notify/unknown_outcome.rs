//! Mails with an unknown outcome: they wait for an event, then they are held, or sent again if the tenant says so.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use domain::settings::email::OnUnknown;
use mail::OUTCOME_UNKNOWN;
use stage::Outcome;
use store::email_log::EmailStatus;

use crate::world::{WAIT, World};
use mail::testing::SesAnswer;

/// Returns the wait of a message until its next delivery.
fn wait(outcome: Outcome) -> Duration {
    match outcome {
        Outcome::Wait { after, code } if code == OUTCOME_UNKNOWN => after,
        other => panic!("{other:?} is no wait for an event"),
    }
}

fn is_held(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Final { code, .. } if *code == OUTCOME_UNKNOWN)
}

#[tokio::test]
async fn a_lost_answer_waits_for_the_send_event() {
    for lost in [SesAnswer::Lose, SesAnswer::Cut, SesAnswer::Gateway(502)] {
        let world = World::new([lost.clone()]).await;
        assert_eq!(wait(world.outcome().await), WAIT, "{lost:?}");
        assert_eq!(world.status().await, (EmailStatus::Sending, None), "{lost:?}");
        let rest = wait(world.outcome().await);
        assert!(rest < WAIT && rest > WAIT - Duration::from_secs(60), "{lost:?}: {rest:?}");

        world.send_event().await;
        assert_eq!(world.deliver().await.unwrap(), Outcome::Done, "{lost:?}");
        assert_eq!(world.status().await, (EmailStatus::Sent, None), "{lost:?}");
        assert_eq!(world.ses.requests().len(), 1, "{lost:?}");
    }
}

#[tokio::test]
async fn a_mail_without_answer_and_event_is_held_and_never_sent_again() {
    let mut world = World::new([SesAnswer::Lose]).await;
    wait(world.outcome().await);
    world.context.clock = || Utc::now() + TimeDelta::seconds(901);
    assert!(is_held(&world.deliver().await.unwrap()));
    assert_eq!(world.status().await, (EmailStatus::Unknown, Some("outcome_unknown".to_owned())));
    assert!(is_held(&world.deliver().await.unwrap()), "a replay");
    assert_eq!(world.ses.requests().len(), 1);

    world.send_event().await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done, "a replay after a late event");
    assert_eq!(world.ses.requests().len(), 1);
}

#[tokio::test]
async fn a_function_that_died_while_sending_is_treated_the_same() {
    let world = World::new([]).await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
    // The row is like this when the process ends between the request and its record.
    let undo = "UPDATE email_log SET status = 'sending', provider_id = NULL, sent_at = NULL";
    world.database.client().await.execute(undo, &[]).await.unwrap();
    assert!(wait(world.outcome().await) > WAIT - Duration::from_secs(60));
    world.send_event().await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
    assert_eq!(world.ses.requests().len(), 1);
}

#[tokio::test]
async fn the_last_moment_of_the_wait_is_still_a_second() {
    let mut world = World::new([SesAnswer::Lose]).await;
    wait(world.outcome().await);
    let undo = "UPDATE email_log SET sending_at = '2026-11-22T10:00:00Z'";
    world.database.client().await.execute(undo, &[]).await.unwrap();
    world.context.clock = || "2026-11-22T10:14:59.900Z".parse().unwrap();
    assert_eq!(wait(world.outcome().await), Duration::from_secs(1));
    world.context.clock = || "2026-11-22T09:00:00Z".parse().unwrap();
    assert_eq!(wait(world.outcome().await), WAIT, "a clock behind the database's");
}

#[tokio::test]
async fn an_event_that_comes_while_the_mail_is_put_on_hold_is_believed() {
    let world = World::new([SesAnswer::Lose]).await;
    wait(world.outcome().await);
    world.wait_is_over().await;
    let (event, watch) = (world.database.client().await, world.database.client().await);
    event.execute("BEGIN", &[]).await.unwrap();
    event.execute("UPDATE email_log SET status = 'delivered'", &[]).await.unwrap();
    let release = async {
        let blocked = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let deadline = Instant::now() + Duration::from_secs(30);
        while watch.query(blocked, &[]).await.unwrap().is_empty() {
            assert!(Instant::now() < deadline, "the delivery should wait for the row");
        }
        event.execute("COMMIT", &[]).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(world.deliver(), release);
    assert_eq!(outcome.unwrap(), Outcome::Done);
    assert_eq!(world.status().await, (EmailStatus::Delivered, None));
}

async fn resending(script: impl IntoIterator<Item = SesAnswer>) -> World {
    let world = World::new(script).await;
    world.save(|settings| settings.email.on_unknown = OnUnknown::Resend).await;
    world
}

impl World {
    /// Moves the start of the last request so far back that the wait for an event is over.
    async fn wait_is_over(&self) {
        self.sql("UPDATE email_log SET sending_at = sending_at - interval '901 seconds'").await;
    }
}

#[tokio::test]
async fn a_tenant_that_would_rather_send_twice_waits_for_the_event_too() {
    let world = resending([SesAnswer::Lose]).await;
    assert_eq!(wait(world.outcome().await), WAIT);
    wait(world.outcome().await);
    world.send_event().await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
    assert_eq!(world.sent().len(), 1);
}

#[tokio::test]
async fn without_an_event_the_mail_is_sent_again_once_and_as_the_same() {
    let world = resending([SesAnswer::Lose]).await;
    wait(world.outcome().await);
    world.wait_is_over().await;
    let (one, other) = tokio::join!(world.deliver(), world.deliver());
    let outcomes = [one.unwrap(), other.unwrap()];
    assert!(outcomes.contains(&Outcome::Done), "{outcomes:?}");
    assert_eq!(world.sent().len(), 2, "one more than before");
    assert_eq!(world.sent()[0]["EmailTags"], world.sent()[1]["EmailTags"]);
    assert_eq!((world.status().await.0, world.email().await.attempts), (EmailStatus::Sent, 2));

    world.send_event().await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done, "the event of the first one is late");
    assert_eq!(world.sent().len(), 2);
}

#[tokio::test]
async fn a_mail_that_gets_no_answer_twice_is_waited_for_twice() {
    let world = resending([SesAnswer::Lose, SesAnswer::Lose]).await;
    wait(world.outcome().await);
    world.wait_is_over().await;
    assert_eq!(wait(world.outcome().await), WAIT);
    assert!(wait(world.outcome().await) > WAIT - Duration::from_secs(60));
    assert_eq!(world.sent().len(), 2);
    world.wait_is_over().await;
    assert!(is_held(&world.deliver().await.unwrap()), "twice is enough");
    assert_eq!(world.sent().len(), 2);
}

#[tokio::test]
async fn the_last_delivery_of_a_message_waits_for_the_event_like_any_other() {
    let world = World::new([SesAnswer::Lose]).await;
    assert_eq!(wait(Outcome::of(&world.deliver_for_the_last_time().await.unwrap_err())), WAIT);
    assert!(wait(world.deliver_for_the_last_time().await.unwrap()) > WAIT - Duration::from_secs(60));
    world.send_event().await;
    assert_eq!(world.deliver_for_the_last_time().await.unwrap(), Outcome::Done);
}

#[tokio::test]
async fn a_refusal_of_the_second_request_says_nothing_against_an_event_of_the_first() {
    let world = resending([SesAnswer::Lose, SesAnswer::Refuse(429, "ThrottlingException", "")]).await;
    wait(world.outcome().await);
    world.wait_is_over().await;
    world
        .sql(
            "CREATE FUNCTION count_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.attempts = 2 AND NEW.status = 'sending' THEN NEW.status = 'sent'; END IF; RETURN NEW; END $$",
        )
        .await;
    world
        .sql("CREATE TRIGGER count_update BEFORE UPDATE ON email_log FOR EACH ROW EXECUTE FUNCTION count_update()")
        .await;
    assert_eq!(wait(world.outcome().await), Duration::from_secs(1));
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
}

#[tokio::test]
async fn an_event_that_comes_with_the_end_of_the_wait_is_believed() {
    let mut world = resending([SesAnswer::Lose]).await;
    wait(world.outcome().await);
    // Only this clock says that the wait is over.
    world.context.clock = || Utc::now() + TimeDelta::seconds(901);
    assert_eq!(wait(world.outcome().await), Duration::from_secs(1));
    world.send_event().await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
    assert_eq!(world.sent().len(), 1);
}

#[tokio::test]
async fn a_mail_on_hold_is_sent_by_a_replay_once_the_tenant_would_rather_send_twice() {
    let world = World::new([SesAnswer::Lose]).await;
    wait(world.outcome().await);
    world.wait_is_over().await;
    assert!(is_held(&world.deliver().await.unwrap()));
    world.save(|settings| settings.email.on_unknown = OnUnknown::Resend).await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
    assert_eq!(world.sent().len(), 2);
}

#[tokio::test]
async fn a_function_that_died_while_sending_is_treated_the_same_where_mails_are_sent_again() {
    let world = resending([]).await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
    world.sql("UPDATE email_log SET status = 'sending', provider_id = NULL, sent_at = NULL").await;
    assert!(wait(world.outcome().await) > WAIT - Duration::from_secs(60));
    world.wait_is_over().await;
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
    assert_eq!(world.sent().len(), 2);
}
