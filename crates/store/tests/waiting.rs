//! Steps that wait, and what their session says meanwhile, on a real Postgres.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

use std::time::Duration;

use domain::session::{Session, SessionStatus};
use domain::settings::TenantSettings;
use domain::step::{Code, Step, StepKey};
use futures_util::future::join_all;
use store::Store;
use store::analyses::NewAnalysis;
use store::sessions::NotifiedSession;
use store::steps::{Claim, Claimed, Ending, Planned};
use store::testing::{self, TestDatabase};

const LEASE: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(24 * 3600);
const QUIET: Code = Code::new("quiet_hours");

/// An analysed session with this many steps to do, all of them claimed.
async fn follow_ups(count: i32) -> (TestDatabase, Session, Vec<Claimed>) {
    let database = TestDatabase::create().await;
    let (store, session) = (&database.store, testing::session("s-1"));
    store.save_tenant(&session.tenant_id, "Acme", &TenantSettings::default()).await.unwrap();
    let notification = NotifiedSession { session: &session, transcript: None, hash: b"h", message: "analyze" };
    store.accept_session(&notification).await.unwrap();
    let key = |step| StepKey { tenant_id: session.tenant_id.clone(), session_id: session.session_id.clone(), step };
    let analyze = claim(store, &key(Step::Analyze { version: 1 })).await;
    let step = |n: i32| Step::CrmSync { version: 1, integration: format!("crm-{n}").parse().unwrap() };
    let planned: Vec<_> = (0..count).map(|n| Planned { step: step(n), message: format!("sync {n}") }).collect();
    let new = NewAnalysis { analysis: &testing::analysis(), originals: &Default::default(), follow_ups: &planned };
    assert!(store.store_analysis(&analyze, &new).await.unwrap());
    store.finish_step(&analyze, Ending::Done).await.unwrap();
    let mut claims = Vec::new();
    for n in 0..count {
        claims.push(claim(store, &key(step(n))).await);
    }
    (database, session, claims)
}

async fn claim(store: &Store, key: &StepKey) -> Claimed {
    match store.claim_step(key, LEASE, false).await.unwrap() {
        Claim::Run(claimed, _) => claimed,
        other => panic!("{key:?} should be ours, but is {other:?}"),
    }
}

async fn status(store: &Store, session: &Session) -> SessionStatus {
    store.session(&session.tenant_id, &session.session_id).await.unwrap().unwrap().status
}

#[tokio::test]
async fn a_session_waits_while_any_of_its_steps_does_and_ends_with_the_last() {
    let (TestDatabase { store, .. }, session, claims) = follow_ups(3).await;
    assert!(store.set_waiting(&claims[0], DAY, QUIET).await.unwrap());
    assert!(store.set_waiting(&claims[1], DAY, QUIET).await.unwrap());
    assert_eq!(store.finish_step(&claims[2], Ending::Done).await.unwrap(), Some(SessionStatus::Waiting));

    assert!(!store.set_waiting(&claims[0], DAY, QUIET).await.unwrap(), "no longer ours");
    assert_eq!(store.finish_step(&claims[0], Ending::Done).await.unwrap(), None);
    let again = claim(&store, &claims[0].key).await;
    assert_eq!((again.attempt, status(&store, &session).await), (2, SessionStatus::Waiting));
    assert!(matches!(store.claim_step(&claims[0].key, LEASE, false).await.unwrap(), Claim::Busy(_)));
    assert_eq!(store.finish_step(&again, Ending::Done).await.unwrap(), Some(SessionStatus::Waiting));
    let last = claim(&store, &claims[1].key).await;
    assert_eq!(status(&store, &session).await, SessionStatus::Processing);
    assert_eq!(store.finish_step(&last, Ending::Done).await.unwrap(), Some(SessionStatus::Completed));
}

#[tokio::test]
async fn a_waiting_step_is_taken_once_when_it_is_due_and_not_as_a_lost_one() {
    let (database, session, claims) = follow_ups(4).await;
    let store = &database.store;
    for claimed in &claims {
        store.set_waiting(claimed, DAY, QUIET).await.unwrap();
    }
    assert_eq!(store.take_due_waiting_steps(10).await.unwrap(), []);
    let age =
        "UPDATE steps SET due_at = due_at - interval '3 days' WHERE status = 'waiting' AND integration_id <> 'crm-3'";
    database.client().await.execute(age, &[]).await.unwrap();
    assert_eq!(store.take_overdue_steps(Duration::ZERO, 10).await.unwrap(), [], "it waits, it is not lost");

    let taken = join_all((0..6).map(|_| store.take_due_waiting_steps(1))).await;
    let taken: Vec<_> = taken.into_iter().flat_map(Result::unwrap).collect();
    let mut messages: Vec<_> = taken.iter().map(|resumed| resumed.message.as_str()).collect();
    messages.sort_unstable();
    assert_eq!(messages, ["sync 0", "sync 1", "sync 2"]);
    assert_eq!(status(store, &session).await, SessionStatus::Waiting, "one of them is not due");
    store.put_back_waiting(&taken[0].claimed).await.unwrap();
    store.put_back_waiting(&taken[0].claimed).await.unwrap();
    assert_eq!(store.take_due_waiting_steps(10).await.unwrap(), [taken[0].clone()]);

    claim(store, &claims[3].key).await;
    assert_eq!(status(store, &session).await, SessionStatus::Processing);
    claim(store, &taken[1].claimed.key).await;
    store.put_back_waiting(&taken[1].claimed).await.unwrap();
    assert_eq!(status(store, &session).await, SessionStatus::Processing, "it was claimed meanwhile");
}

#[tokio::test]
async fn who_loses_the_race_for_a_waiting_step_is_busy_for_the_lease_and_not_for_the_wait() {
    let (database, _, claims) = follow_ups(1).await;
    let (store, key) = (&database.store, &claims[0].key);
    store.set_waiting(&claims[0], DAY, QUIET).await.unwrap();
    let (winner, observer) = (database.client().await, database.client().await);
    winner.execute("BEGIN", &[]).await.unwrap();
    let take = "UPDATE steps SET status = 'running', due_at = now() + interval '30 seconds' WHERE status = 'waiting'";
    winner.execute(take, &[]).await.unwrap();
    let winner_ends = async {
        let blocked = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
                       AND query LIKE '%claim_waiting_step()%' AND pid <> pg_backend_pid()";
        while observer.query(blocked, &[]).await.unwrap().is_empty() {
            observer.execute("SELECT pg_sleep(0.01)", &[]).await.unwrap();
        }
        winner.execute("COMMIT", &[]).await.unwrap();
    };
    let (claim, ()) = tokio::join!(store.claim_step(key, LEASE, false), winner_ends);
    assert!(matches!(claim.unwrap(), Claim::Busy(lease) if lease <= LEASE));
}

#[tokio::test]
async fn steps_that_wait_end_and_resume_at_once_leave_the_right_status() {
    let (TestDatabase { store, .. }, session, claims) = follow_ups(8).await;
    let each = claims.iter().enumerate().map(async |(n, claimed)| match n % 2 {
        0 => store.finish_step(claimed, Ending::Done).await.map(drop),
        _ => store.set_waiting(claimed, Duration::ZERO, QUIET).await.map(drop),
    });
    join_all(each).await.into_iter().for_each(|ended| ended.unwrap());
    assert_eq!(status(&store, &session).await, SessionStatus::Waiting);
    let taken = store.take_due_waiting_steps(10).await.unwrap();
    assert_eq!((taken.len(), status(&store, &session).await), (4, SessionStatus::Processing));
    let ends = taken.iter().map(async |resumed| {
        let claimed = claim(&store, &resumed.claimed.key).await;
        store.finish_step(&claimed, Ending::Done).await.unwrap()
    });
    let ends = join_all(ends).await;
    assert_eq!(ends.iter().filter(|end| **end == Some(SessionStatus::Completed)).count(), 1, "{ends:?}");
}

#[tokio::test]
async fn a_step_of_an_integration_that_was_fixed_meanwhile_is_due_at_once() {
    let (database, _, claims) = follow_ups(2).await;
    let client = database.client().await;
    let insert = "INSERT INTO integrations (tenant_id, integration_id, enabled, disabled_code, config, secret_name)
                  SELECT tenant_id, 'crm-' || n, n = 0, CASE WHEN n = 1 THEN 'unauthorized' END, '{}', 's'
                  FROM tenants, generate_series(0, 1) n";
    client.execute(insert, &[]).await.unwrap();
    for claimed in &claims {
        assert!(database.store.set_waiting(claimed, DAY, Code::new("integration_disabled")).await.unwrap());
    }
    let due = database.store.take_due_waiting_steps(10).await.unwrap();
    assert_eq!(due.iter().map(|due| &due.claimed.key).collect::<Vec<_>>(), [&claims[0].key]);
}

#[tokio::test]
async fn a_step_that_waits_while_its_integration_is_being_fixed_is_due_when_it_is_fixed() {
    let (database, _, claims) = follow_ups(1).await;
    let (store, claimed) = (database.store.clone(), claims[0].clone());
    let client = database.client().await;
    let insert = "INSERT INTO integrations (tenant_id, integration_id, enabled, disabled_code, config, secret_name)
                  SELECT tenant_id, 'crm-0', false, 'unauthorized', '{}', 's' FROM tenants";
    client.execute(insert, &[]).await.unwrap();
    for sql in ["BEGIN", "UPDATE integrations SET enabled = true, disabled_code = NULL"] {
        client.execute(sql, &[]).await.unwrap();
    }
    let waiting =
        tokio::spawn(async move { store.set_waiting(&claimed, DAY, Code::new("integration_disabled")).await });
    let watcher = database.client().await;
    let blocked = "SELECT count(*) FROM pg_stat_activity
                   WHERE wait_event_type = 'Lock' AND datname = current_database()";
    while watcher.query_one(blocked, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        assert!(!waiting.is_finished(), "it does not wait for the one who fixes it");
        tokio::task::yield_now().await;
    }
    client.execute("COMMIT", &[]).await.unwrap();
    assert!(waiting.await.unwrap().unwrap());
    assert_eq!(database.store.take_due_waiting_steps(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_step_that_waits_for_its_turn_is_never_taken_for_lost() {
    let (TestDatabase { store, .. }, _, mut claims) = follow_ups(2).await;
    let mut turns = claims.remove(0);
    let mut tried = claims.remove(0);
    for round in 1..=5 {
        store.postpone_step(&turns, Duration::ZERO).await.unwrap();
        store.release_step(&tried, Duration::ZERO).await.unwrap();
        let overdue = store.take_overdue_steps(Duration::ZERO, 10).await.unwrap();
        let requeues = |key: &StepKey| overdue.iter().find(|overdue| overdue.claimed.key == *key).unwrap().requeues;
        assert_eq!((requeues(&turns.key), requeues(&tried.key)), (0, round));
        turns = claim(&store, &turns.key).await;
        tried = claim(&store, &tried.key).await;
    }
}
