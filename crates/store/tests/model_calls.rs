//! Calls of models and parts of analyses, on a real Postgres.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

use std::time::Duration;

use chrono::{DateTime, Days, Utc};
use domain::analysis::Analysis;
use domain::settings::TenantSettings;
use domain::settings::redaction::ShownText;
use domain::step::{Code, Step, StepKey};
use futures_util::future::join_all;
use redaction::Originals;
use serde_json::{Value, json};
use store::Store;
use store::analyses::NewAnalysis;
use store::model_calls::{Begun, CallEnd, CallOutcome, NewCall, TokenCounts};
use store::parts::{MERGE_PART, PartKey};
use store::reanalysis::Reanalysis;
use store::sessions::NotifiedSession;
use store::steps::{Claim, Claimed, Ending};
use store::testing::{self, TestDatabase};
use uuid::Uuid;

const LEASE: Duration = Duration::from_secs(30);

/// A notified session whose analysis is claimed.
async fn claimed() -> (TestDatabase, Claimed) {
    let database = TestDatabase::create().await;
    let (store, session) = (&database.store, testing::session("s-1"));
    store.save_tenant(&session.tenant_id, "Acme", &TenantSettings::default()).await.unwrap();
    let notification = NotifiedSession { session: &session, transcript: None, hash: b"h", message: "analyze" };
    store.accept_session(&notification).await.unwrap();
    let (tenant_id, session_id) = (session.tenant_id, session.session_id);
    let key = StepKey { tenant_id, session_id, step: Step::Analyze { version: 1 } };
    let claimed = claim(store, &key, LEASE, false).await;
    (database, claimed)
}

async fn claim(store: &Store, key: &StepKey, lease: Duration, replay: bool) -> Claimed {
    match store.claim_step(key, lease, replay).await.unwrap() {
        Claim::Run(claimed, _) => claimed,
        other => panic!("{key:?} should be ours, but is {other:?}"),
    }
}

/// A part of the first split.
fn part(part: i32) -> PartKey {
    PartKey { split: 0, part }
}

fn call(part: PartKey) -> NewCall<'static> {
    NewCall { part, model: "haiku", prompt_version: "v2", max_attempts: 3 }
}

async fn begin(store: &Store, claimed: &Claimed, n: i32) -> (Uuid, i32) {
    match store.begin_model_call(claimed, &call(part(n))).await.unwrap() {
        Begun::Call { call_id, attempt } => (call_id, attempt),
        other => panic!("{other:?}"),
    }
}

fn end(outcome: CallOutcome, cost_usd: Option<f64>) -> CallEnd {
    let tokens = TokenCounts { input: 1000, output: 200, cached: 30, cache_write: 4 };
    CallEnd { outcome, code: None, tokens, cost_usd, latency_ms: 1500 }
}

fn no_answer() -> CallEnd {
    let code = Some(Code::new("model_throttled"));
    CallEnd { outcome: CallOutcome::NoAnswer, code, tokens: TokenCounts::default(), cost_usd: None, latency_ms: 10 }
}

#[tokio::test]
async fn attempts_are_counted_for_each_part_across_claims_until_a_replay() {
    let (database, first) = claimed().await;
    let store = &database.store;
    let (answered, attempt) = begin(store, &first, 0).await;
    assert_eq!(attempt, 1);
    store.end_model_call(&first.key, answered, &end(CallOutcome::Invalid, Some(0.5))).await.unwrap();
    let (throttled, attempt) = begin(store, &first, 0).await;
    assert_eq!(attempt, 2);
    store.end_model_call(&first.key, throttled, &no_answer()).await.unwrap();
    assert_eq!(begin(store, &first, 0).await.1, 2, "one without an answer is no attempt");
    assert_eq!(begin(store, &first, 1).await.1, 1, "another part");
    assert_eq!(begin(store, &first, MERGE_PART).await.1, 1);
    let of_next_split = call(PartKey { split: 1, ..part(0) });
    let begun = store.begin_model_call(&first, &of_next_split).await.unwrap();
    assert!(matches!(begun, Begun::Call { attempt: 1, .. }), "a part of another split: {begun:?}");

    store.release_step(&first, Duration::ZERO).await.unwrap();
    assert_eq!(store.begin_model_call(&first, &call(part(0))).await.unwrap(), Begun::ClaimLost);
    let second = claim(store, &first.key, LEASE, false).await;
    assert_eq!(begin(store, &second, 0).await.1, 3, "the one that was begun may have been answered");
    assert_eq!(store.begin_model_call(&second, &call(part(0))).await.unwrap(), Begun::Enough);
    assert_eq!(store.begin_model_call(&second, &call(part(0))).await.unwrap(), Begun::Enough, "nothing was counted");

    store.finish_step(&second, Ending::Failed(Code::new("model_answers_invalid"))).await.unwrap();
    let replay = claim(store, &first.key, LEASE, true).await;
    assert_eq!(begin(store, &replay, 0).await.1, 1);
    let usage = store.model_usage(&first.key.tenant_id, &first.key.session_id, 1).await.unwrap();
    assert_eq!(usage.attempts, 7, "but all of them were made");
}

#[tokio::test]
async fn the_usage_of_a_version_is_that_of_all_its_calls() {
    let (database, claimed) = claimed().await;
    let (store, key) = (&database.store, &claimed.key);
    let usage = async || store.model_usage(&key.tenant_id, &key.session_id, 1).await.unwrap();
    let none = usage().await;
    assert_eq!((none.attempts, none.cost_usd, none.model), (0, Some(0.0), None));
    for (part, ended) in [
        (0, end(CallOutcome::Shortcomings, Some(0.25))),
        (0, end(CallOutcome::Usable, Some(0.25))),
        (MERGE_PART, no_answer()),
        (MERGE_PART, end(CallOutcome::Usable, Some(0.125))),
    ] {
        let (id, _) = begin(store, &claimed, part).await;
        store.end_model_call(key, id, &ended).await.unwrap();
    }
    let all = usage().await;
    assert_eq!((all.attempts, all.input_tokens, all.output_tokens), (3, 3000, 600));
    assert_eq!((all.cached_tokens, all.cache_write_tokens, all.latency_ms), (90, 12, 4510));
    assert_eq!((all.cost_usd, all.model.as_deref()), (Some(0.625), Some("haiku")));

    let other = NewCall { model: "unpriced", ..call(part(1)) };
    let begun = store.begin_model_call(&claimed, &other).await.unwrap();
    let Begun::Call { call_id, .. } = begun else { panic!("{begun:?}") };
    assert_eq!(usage().await.cost_usd, None, "a call that was never ended may have cost something");
    store.end_model_call(key, call_id, &end(CallOutcome::Refused, None)).await.unwrap();
    let unpriced = usage().await;
    assert_eq!((unpriced.cost_usd, unpriced.model.as_deref()), (None, Some("unpriced")));
    assert_eq!(store.model_usage(&key.tenant_id, &key.session_id, 2).await.unwrap().attempts, 0);
}

#[tokio::test]
async fn a_call_adds_its_cost_to_the_month_once() {
    let (database, claimed) = claimed().await;
    let (store, key) = (&database.store, &claimed.key);
    let now = Utc::now();
    let spend = async |at: DateTime<Utc>| store.model_spend(&key.tenant_id, at).await.unwrap();
    assert_eq!(spend(now).await, 0.0);
    let ids = join_all((0..8).map(|part| begin(store, &claimed, part))).await;
    let ends = ids.iter().chain(&ids).map(async |(id, _)| {
        store.end_model_call(key, *id, &end(CallOutcome::Usable, Some(0.5))).await.unwrap();
    });
    join_all(ends).await;
    let (throttled, _) = begin(store, &claimed, 0).await;
    store.end_model_call(key, throttled, &no_answer()).await.unwrap();
    assert_eq!((spend(now).await, spend(now - Days::new(40)).await), (4.0, 0.0));
    let sql = "SELECT calls, month = date_trunc('month', now() AT TIME ZONE 'UTC')::date FROM model_spend";
    let row = database.client().await.query_one(sql, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, bool>(1)), (8, true));

    let (late, _) = begin(store, &claimed, 9).await;
    store.release_step(&claimed, Duration::ZERO).await.unwrap();
    store.end_model_call(key, late, &end(CallOutcome::Usable, Some(1.0))).await.unwrap();
    assert_eq!(spend(now).await, 5.0, "what was spent is spent, also without the claim");
}

#[tokio::test]
async fn a_cost_that_would_spoil_every_sum_is_refused() {
    let (database, claimed) = claimed().await;
    for cost in [f64::NAN, f64::INFINITY, -1.0] {
        let (id, _) = begin(&database.store, &claimed, 0).await;
        let ended = database.store.end_model_call(&claimed.key, id, &end(CallOutcome::Usable, Some(cost))).await;
        assert!(ended.is_err_and(|error| !error.is_retryable()), "{cost}");
    }
}

#[tokio::test]
async fn parts_are_kept_until_the_analysis_is_stored_with_its_originals() {
    let (database, claimed) = claimed().await;
    let (store, StepKey { tenant_id, session_id, .. }) = (&database.store, &claimed.key);
    let parts = async |version| store.parts(tenant_id, session_id, version).await.unwrap();
    let of_next_split = PartKey { split: 1, part: 0 };
    for (key, document) in [
        (of_next_split, Some(json!({"n": 3}))),
        (part(1), Some(json!({"n": 1}))),
        (part(2), None),
        (part(0), Some(json!({"n": 0}))),
        (part(1), Some(json!({"n": 2}))),
    ] {
        assert!(store.store_part(&claimed, key, document.as_ref()).await.unwrap());
    }
    let expected = [
        (part(0), Some(json!({"n": 0}))),
        (part(1), Some(json!({"n": 2}))),
        (part(2), None),
        (of_next_split, Some(json!({"n": 3}))),
    ];
    assert_eq!(parts(1).await, expected);
    assert_eq!(parts(2).await, []);
    let lost = Claimed { attempt: 9, ..claimed.clone() };
    assert!(!store.store_part(&lost, part(2), Some(&Value::Null)).await.unwrap());

    let analysis = Analysis { topics: vec!["[EMAIL_1]".to_owned()], ..testing::analysis() };
    let originals: Originals = serde_json::from_value(json!({ "[EMAIL_1]": "ana@example.com" })).unwrap();
    let new = NewAnalysis { analysis: &analysis, originals: &originals, follow_ups: &[] };
    assert!(!store.store_analysis(&lost, &new).await.unwrap());
    assert_eq!(parts(1).await.len(), 4);
    assert!(store.store_analysis(&claimed, &new).await.unwrap());
    assert_eq!(parts(1).await, []);
    let topics = async |version, shown| {
        let shown = store.shown_analysis(tenant_id, session_id, version, shown).await.unwrap();
        shown.map(|analysis| analysis.topics)
    };
    assert_eq!(topics(1, ShownText::Redacted).await, Some(vec!["[EMAIL_1]".to_owned()]));
    assert_eq!(topics(1, ShownText::Original).await, Some(vec!["ana@example.com".to_owned()]));
    assert_eq!(topics(2, ShownText::Original).await, None);
}

#[tokio::test]
async fn a_version_that_failed_and_is_asked_for_again_begins_without_the_parts_it_had() {
    let (database, claimed) = claimed().await;
    let (store, StepKey { tenant_id, session_id, .. }) = (&database.store, &claimed.key);
    let new = NewAnalysis { analysis: &testing::analysis(), originals: &Default::default(), follow_ups: &[] };
    assert!(store.store_analysis(&claimed, &new).await.unwrap());
    assert!(store.store_part(&claimed, part(0), Some(&json!({"of": "version 1"}))).await.unwrap());
    store.finish_step(&claimed, Ending::Done).await.unwrap();
    let plan = async |message| store.plan_reanalysis(tenant_id, session_id, 2, message).await.unwrap();
    assert_eq!(plan("with a model").await, Reanalysis::Planned);
    let key = StepKey { step: Step::Analyze { version: 2 }, ..claimed.key.clone() };
    let second = claim(store, &key, LEASE, false).await;
    assert!(store.store_part(&second, part(0), Some(&json!({"model": "the first"}))).await.unwrap());
    assert!(matches!(plan("with another").await, Reanalysis::AlreadyPlanned { .. }));
    assert_eq!(store.parts(tenant_id, session_id, 2).await.unwrap().len(), 1);
    store.finish_step(&second, Ending::Failed(Code::new("broken"))).await.unwrap();
    assert_eq!(plan("with another").await, Reanalysis::Planned);
    assert_eq!(store.parts(tenant_id, session_id, 2).await.unwrap(), []);
    assert_eq!(store.parts(tenant_id, session_id, 1).await.unwrap().len(), 1);
}
