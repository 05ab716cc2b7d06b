//! Accepting sessions, claiming steps, and ending sessions, on a real Postgres.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

use std::time::Duration;

use domain::address_hash::AddressHash;
use domain::id::TenantId;
use domain::session::{Channel, EmailConsent, Session, SessionStatus, Visitor};
use domain::settings::TenantSettings;
use domain::step::{Code, Step, StepKey};
use domain::transcript::{Role, Transcript, Turn};
use futures_util::future::join_all;
use store::Store;
use store::analyses::NewAnalysis;
use store::sessions::{Accepted, NotifiedSession};
use store::steps::{Claim, Claimed, Ending, Planned, Unclaimed};
use store::testing::{self, TestDatabase};

const LEASE: Duration = Duration::from_secs(30);
const NO_LEASE: Duration = Duration::ZERO;
const BROKEN: Code = Code::new("broken");

fn session(id: &str) -> Session {
    Session {
        channel: Channel::Voice,
        end_reason: Some("visitor_hung_up".into()),
        visitor: Visitor {
            email: Some("Ana@example.com".into()),
            time_zone: Some("Europe/Berlin".into()),
            email_consent: Some(EmailConsent::Given),
            ..Visitor::default()
        },
        metadata: serde_json::Map::from_iter([("page".to_owned(), "/pricing".into())]),
        ..testing::session(id)
    }
}

fn turns(texts: &[&str]) -> Transcript {
    let turn = |text: &&str| Turn { role: Role::Visitor, text: (*text).into(), started_ms: Some(10), ended_ms: None };
    Transcript::new(texts.iter().map(turn).collect())
}

async fn database() -> TestDatabase {
    let database = TestDatabase::create().await;
    database.store.save_tenant(&acme(), "Acme", &TenantSettings::default()).await.unwrap();
    database
}

fn acme() -> TenantId {
    "acme".parse().unwrap()
}

fn step(session: &Session, step: Step) -> StepKey {
    StepKey { tenant_id: session.tenant_id.clone(), session_id: session.session_id.clone(), step }
}

async fn accept(store: &Store, session: &Session, hash: &[u8]) -> Accepted {
    let transcript = turns(&["hello", "naïve 🦀"]);
    let notification = NotifiedSession { session, transcript: Some(&transcript), hash, message: "analyze me" };
    store.accept_session(&notification).await.unwrap()
}

async fn claim(store: &Store, key: &StepKey, lease: Duration) -> Claimed {
    match store.claim_step(key, lease, false).await.unwrap() {
        Claim::Run(claimed, _) => claimed,
        other => panic!("{key:?} should be ours, but is {other:?}"),
    }
}

async fn status(store: &Store, session: &Session) -> (SessionStatus, Option<String>) {
    let stored = store.session(&session.tenant_id, &session.session_id).await.unwrap().unwrap();
    (stored.status, stored.failure_code)
}

#[tokio::test]
async fn an_accepted_session_is_read_back_as_it_came() {
    let database = database().await;
    let (store, session) = (&database.store, session("s-1"));
    assert_eq!(accept(store, &session, b"hash").await, Accepted::New);

    let stored = store.session(&session.tenant_id, &session.session_id).await.unwrap().unwrap();
    assert_eq!((stored.session, stored.status), (session.clone(), SessionStatus::Processing));
    let transcript = store.transcript(&session.tenant_id, &session.session_id).await.unwrap().unwrap();
    assert_eq!(transcript, turns(&["hello", "naïve 🦀"]));
    let row = database.client().await.query_one("SELECT visitor_email_hash FROM sessions", &[]).await.unwrap();
    let hash = AddressHash::of(&session.tenant_id, &"ana@example.com".parse().unwrap());
    assert_eq!(row.get::<_, Vec<u8>>(0), hash.as_bytes(), "by which an erasure finds it");
}

#[tokio::test]
async fn of_many_equal_notifications_at_once_one_is_new() {
    let TestDatabase { store, .. } = database().await;
    let session = session("s-1");
    let all = join_all((0..20).map(|_| accept(&store, &session, b"hash"))).await;
    assert_eq!(all.iter().filter(|accepted| **accepted == Accepted::New).count(), 1, "{all:?}");
    let duplicate = Accepted::Duplicate { status: SessionStatus::Processing, unclaimed: true };
    assert_eq!(all.iter().filter(|accepted| **accepted == duplicate).count(), 19, "{all:?}");
    assert_eq!(accept(&store, &session, b"other").await, Accepted::Conflict);
}

#[tokio::test]
async fn a_session_of_an_unknown_tenant_is_not_stored() {
    let TestDatabase { store, .. } = TestDatabase::create().await;
    assert_eq!(accept(&store, &session("s-1"), b"hash").await, Accepted::UnknownTenant);
}

#[tokio::test]
async fn a_session_the_engine_has_begun_is_completed_by_its_notification() {
    let database = database().await;
    let client = database.client().await;
    let begin = "INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at)
                 VALUES ('acme', 's-1', 'agent', 'voice', now())";
    let say = "INSERT INTO transcript_turns (tenant_id, session_id, seq, role, text)
               VALUES ('acme', 's-1', 0, 'visitor', 'from the engine')";
    client.execute(begin, &[]).await.unwrap();
    client.execute(say, &[]).await.unwrap();

    let (session, store) = (session("s-1"), &database.store);
    assert_eq!(store.session(&acme(), &session.session_id).await.unwrap(), None, "still going on");
    let notification = NotifiedSession { session: &session, transcript: None, hash: b"h", message: "m" };
    assert_eq!(store.accept_session(&notification).await.unwrap(), Accepted::New);
    let transcript = store.transcript(&acme(), &session.session_id).await.unwrap().unwrap();
    assert_eq!(transcript.turns()[0].text, "from the engine");
}

#[tokio::test]
async fn a_transcript_with_a_gap_is_not_complete() {
    let database = database().await;
    let session = session("s-1");
    accept(&database.store, &session, b"hash").await;
    let gap = "UPDATE transcript_turns SET seq = 2 WHERE seq = 1";
    database.client().await.execute(gap, &[]).await.unwrap();
    assert_eq!(database.store.transcript(&acme(), &session.session_id).await.unwrap(), None);
}

#[tokio::test]
async fn of_many_claims_at_once_one_runs() {
    let TestDatabase { store, .. } = database().await;
    let session = session("s-1");
    accept(&store, &session, b"hash").await;
    let key = step(&session, Step::Analyze { version: 1 });
    let claims = join_all((0..20).map(|_| store.claim_step(&key, LEASE, false))).await;
    let run = claims.iter().filter(|claim| matches!(claim, Ok(Claim::Run(_, _)))).count();
    let busy = claims.iter().filter(|claim| matches!(claim, Ok(Claim::Busy(left)) if *left > LEASE / 2)).count();
    assert_eq!((run, busy), (1, 19), "{claims:?}");
    assert_eq!(
        store.claim_step(&step(&session, Step::Notify { version: 1 }), LEASE, false).await.unwrap(),
        Claim::Unknown
    );
}

#[tokio::test]
async fn who_lost_a_claim_can_change_nothing() {
    let TestDatabase { store, .. } = database().await;
    let session = session("s-1");
    accept(&store, &session, b"hash").await;
    let key = step(&session, Step::Analyze { version: 1 });
    let frozen = claim(&store, &key, NO_LEASE).await;
    let current = claim(&store, &key, LEASE).await;
    assert_eq!((frozen.attempt, current.attempt), (1, 2));

    assert_eq!(store.finish_step(&frozen, Ending::Done).await.unwrap(), None);
    store.release_step(&frozen, Duration::ZERO).await.unwrap();
    let new = NewAnalysis { analysis: &testing::analysis(), originals: &Default::default(), follow_ups: &[] };
    assert!(!store.store_analysis(&frozen, &new).await.unwrap());
    assert!(matches!(store.claim_step(&key, LEASE, false).await.unwrap(), Claim::Busy(_)));
    assert_eq!(store.finish_step(&current, Ending::Done).await.unwrap(), Some(SessionStatus::Completed));
    assert_eq!(store.claim_step(&key, LEASE, false).await.unwrap(), Claim::AlreadyDone);
}

async fn analysed_with_follow_ups(store: &Store, session: &Session, integrations: usize) -> Vec<StepKey> {
    accept(store, session, b"hash").await;
    let claimed = claim(store, &step(session, Step::Analyze { version: 1 }), LEASE).await;
    let steps: Vec<Step> = (0..integrations)
        .map(|n| Step::CrmSync { version: 1, integration: format!("crm-{n}").parse().unwrap() })
        .collect();
    let follow_ups: Vec<Planned> =
        steps.iter().map(|step| Planned { step: step.clone(), message: format!("do {step}") }).collect();
    let new = NewAnalysis { analysis: &testing::analysis(), originals: &Default::default(), follow_ups: &follow_ups };
    assert!(store.store_analysis(&claimed, &new).await.unwrap());
    assert_eq!(store.finish_step(&claimed, Ending::Done).await.unwrap(), Some(SessionStatus::Processing));
    assert_eq!(
        store.unclaimed_steps(&session.tenant_id, &session.session_id, Unclaimed::All).await.unwrap(),
        follow_ups
    );
    steps.into_iter().map(|s| step(session, s)).collect()
}

#[tokio::test]
async fn the_last_of_concurrent_steps_completes_the_session() {
    let TestDatabase { store, .. } = database().await;
    let session = session("s-1");
    let keys = analysed_with_follow_ups(&store, &session, 8).await;
    let claims = join_all(keys.iter().map(|key| claim(&store, key, LEASE))).await;
    let ends = join_all(claims.iter().map(|claimed| store.finish_step(claimed, Ending::Done))).await;
    let completed = ends.iter().filter(|end| matches!(end, Ok(Some(SessionStatus::Completed)))).count();
    assert_eq!(completed, 1, "{ends:?}");
    assert_eq!(status(&store, &session).await, (SessionStatus::Completed, None));
    assert_eq!(store.latest_analysis_version(&acme(), &session.session_id).await.unwrap(), Some(1));
    assert_eq!(store.analysis(&acme(), &session.session_id, 1).await.unwrap(), Some(testing::analysis()));
}

#[tokio::test]
async fn one_failed_step_fails_the_session_once_the_others_have_ended() {
    let TestDatabase { store, .. } = database().await;
    let session = session("s-1");
    let keys = analysed_with_follow_ups(&store, &session, 2).await;
    let first = claim(&store, &keys[0], LEASE).await;
    let failed = store.finish_step(&first, Ending::Failed(BROKEN)).await.unwrap();
    assert_eq!(failed, Some(SessionStatus::Processing));
    let second = claim(&store, &keys[1], LEASE).await;
    let ended = store.finish_step(&second, Ending::Skipped(Code::new("invalid_email"))).await.unwrap();
    assert_eq!(ended, Some(SessionStatus::Failed));
    assert_eq!(status(&store, &session).await, (SessionStatus::Failed, Some("broken".into())));
}

#[tokio::test]
async fn only_a_replay_runs_a_failed_step_again_and_its_success_completes_the_session() {
    let TestDatabase { store, .. } = database().await;
    let session = session("s-1");
    accept(&store, &session, b"hash").await;
    let key = step(&session, Step::Analyze { version: 1 });
    let claimed = claim(&store, &key, LEASE).await;
    store.finish_step(&claimed, Ending::Failed(BROKEN)).await.unwrap();

    assert_eq!(store.claim_step(&key, LEASE, false).await.unwrap(), Claim::AlreadyFailed);
    let Claim::Run(again, _) = store.claim_step(&key, LEASE, true).await.unwrap() else { panic!("a replay runs it") };
    assert_eq!(status(&store, &session).await, (SessionStatus::Processing, None));
    assert_eq!(store.finish_step(&again, Ending::Done).await.unwrap(), Some(SessionStatus::Completed));
    assert_eq!(store.claim_step(&key, LEASE, true).await.unwrap(), Claim::AlreadyDone);
}

#[tokio::test]
async fn the_failure_code_is_that_of_a_step_that_is_still_failed() {
    let TestDatabase { store, .. } = database().await;
    let session = session("s-1");
    let keys = analysed_with_follow_ups(&store, &session, 2).await;
    for (key, code) in keys.iter().zip(["first", "second"]) {
        let claimed = claim(&store, key, LEASE).await;
        store.finish_step(&claimed, Ending::Failed(Code::new(code))).await.unwrap();
    }
    assert_eq!(status(&store, &session).await, (SessionStatus::Failed, Some("first".into())));
    let Claim::Run(again, _) = store.claim_step(&keys[0], LEASE, true).await.unwrap() else {
        panic!("a replay runs it")
    };
    store.finish_step(&again, Ending::Done).await.unwrap();
    assert_eq!(status(&store, &session).await, (SessionStatus::Failed, Some("second".into())));
}

#[tokio::test]
async fn a_session_that_ends_failed_says_why_also_where_its_code_was_lost() {
    let database = database().await;
    let (store, session) = (&database.store, session("s-1"));
    let keys = analysed_with_follow_ups(store, &session, 3).await;
    let skip = Ending::Skipped(Code::new("invalid_email"));
    for (key, ending) in keys.iter().zip([Ending::Failed(BROKEN), skip, Ending::Done]) {
        let claimed = claim(store, key, LEASE).await;
        // A re-opening that does not see a failure at the same time leaves this.
        database.client().await.execute("UPDATE sessions SET failure_code = NULL", &[]).await.unwrap();
        store.finish_step(&claimed, ending).await.unwrap();
        assert_eq!(status(store, &session).await.1, Some("broken".into()), "{ending:?}");
    }
    assert_eq!(status(store, &session).await.0, SessionStatus::Failed);
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_cancelled_and_its_connection_replaced() {
    let mut database = database().await;
    let session = session("s-1");
    accept(&database.store, &session, b"hash").await;
    database.config.statement_timeout = Duration::from_millis(200);
    let store = Store::new(&database.config).unwrap();
    let blocker = database.client().await;
    blocker.execute("BEGIN", &[]).await.unwrap();
    blocker.execute("LOCK TABLE steps", &[]).await.unwrap();
    let key = step(&session, Step::Analyze { version: 1 });
    let error = store.claim_step(&key, LEASE, false).await.unwrap_err();
    assert_eq!((error.to_string().as_str(), error.is_retryable()), ("claim_step timed out", true));

    let waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%claim_step()%'
                   AND state = 'active' AND wait_event_type = 'Lock'";
    let mut looks = 0;
    while !blocker.query(waiting, &[]).await.unwrap().is_empty() {
        looks += 1;
        assert!(looks < 10_000, "the server gives it up too");
    }
    blocker.execute("COMMIT", &[]).await.unwrap();
    assert!(matches!(store.claim_step(&key, LEASE, false).await.unwrap(), Claim::Run(_, _)));
}

#[tokio::test]
async fn connections_that_the_server_closed_are_replaced() {
    let TestDatabase { store, config } = database().await;
    let session = session("s-1");
    accept(&store, &session, b"hash").await;
    let (client, connection) = tokio_postgres::connect(&config.url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let close = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()";
    client.query(close, &[]).await.unwrap();
    let read = async || store.session(&session.tenant_id, &session.session_id).await;
    // The first one may still meet the closed connection; that is an error to be retried.
    let first = read().await;
    assert!(first.is_ok() || first.is_err_and(|error| error.is_retryable()));
    assert!(read().await.unwrap().is_some());
}

#[tokio::test]
async fn an_error_does_not_quote_the_row() {
    let TestDatabase { store, .. } = database().await;
    let mut wrong = session("s-1");
    wrong.ended_at = wrong.started_at - chrono::Duration::seconds(1);
    let notification = NotifiedSession { session: &wrong, transcript: None, hash: b"h", message: "m" };
    let error = store.accept_session(&notification).await.unwrap_err();
    let text = format!("{error} {}", std::error::Error::source(&error).unwrap());
    assert!(text.contains("23514") && !text.contains("ana@example.com"), "{text}");
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn overdue_steps_are_taken_once_with_their_messages() {
    let database = database().await;
    let store = &database.store;
    for n in 0..10 {
        accept(store, &session(&format!("s-{n}")), b"hash").await;
    }
    claim(store, &step(&session("s-0"), Step::Analyze { version: 1 }), LEASE).await;
    let backed_off = claim(store, &step(&session("s-1"), Step::Analyze { version: 1 }), LEASE).await;
    store.release_step(&backed_off, LEASE).await.unwrap();
    let age = "UPDATE steps SET due_at = due_at - interval '20 seconds'";
    database.client().await.execute(age, &[]).await.unwrap();

    let overdue_by = Duration::from_secs(10);
    let taken = join_all((0..4).map(|_| store.take_overdue_steps(overdue_by, 3))).await;
    let taken: Vec<_> = taken.into_iter().flat_map(Result::unwrap).collect();
    let mut sessions: Vec<_> = taken.iter().map(|overdue| overdue.claimed.key.session_id.as_ref()).collect();
    sessions.sort();
    assert_eq!(sessions, ["s-2", "s-3", "s-4", "s-5", "s-6", "s-7", "s-8", "s-9"], "neither held nor backed off");
    assert!(taken.iter().all(|overdue| overdue.message == "analyze me" && overdue.requeues == 0));
}

#[tokio::test]
async fn a_tenant_cannot_reach_another_tenants_session() {
    let TestDatabase { store, .. } = database().await;
    let session = session("s-1");
    accept(&store, &session, b"hash").await;
    let other: TenantId = "other".parse().unwrap();
    assert_eq!(store.session(&other, &session.session_id).await.unwrap(), None);
    assert_eq!(store.transcript(&other, &session.session_id).await.unwrap(), None);
    let key = StepKey { tenant_id: other, ..step(&session, Step::Analyze { version: 1 }) };
    assert_eq!(store.claim_step(&key, LEASE, true).await.unwrap(), Claim::Unknown);
}

#[tokio::test]
async fn a_value_that_no_statement_writes_is_an_error_and_no_missing_value() {
    let database = database().await;
    let (store, client, session) = (&database.store, database.client().await, session("s-1"));
    assert_eq!(accept(store, &session, b"h").await, Accepted::New);
    let stored = async || store.session(&session.tenant_id, &session.session_id).await;
    client.execute("UPDATE sessions SET visitor_email_consent = NULL", &[]).await.unwrap();
    assert_eq!(stored().await.unwrap().unwrap().session.visitor.email_consent, None);
    client.execute("ALTER TABLE sessions DROP CONSTRAINT sessions_visitor_email_consent_check", &[]).await.unwrap();
    client.execute("UPDATE sessions SET visitor_email_consent = 'maybe'", &[]).await.unwrap();
    let error = stored().await.unwrap_err();
    assert_eq!(error.to_string(), "invalid visitor_email_consent in a row of session");
    assert!(!error.is_retryable());

    client.execute("ALTER TABLE sessions RENAME COLUMN visitor_email_consent TO consent", &[]).await.unwrap();
    let error = stored().await.unwrap_err();
    let reason = std::error::Error::source(&error).unwrap().to_string();
    assert!(error.to_string() == "statement session failed" && reason.starts_with("42703: "), "{error}: {reason}");
}
