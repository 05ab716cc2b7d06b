//! Turns, limits and circuits of integrations, on a real Postgres.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

use std::time::Duration;

use domain::id::{IntegrationId, TenantId};
use domain::integration::{Connection, Integration, IntegrationConfig, IntegrationState, Limits, WebhookConfig};
use domain::settings::TenantSettings;
use domain::step::{Code, Step, StepKey};
use futures_util::future::join_all;
use store::Store;
use store::gates::{Admission, CIRCUIT_FAILURES, CircuitWaits, Health, Pass, Standing};
use store::testing::TestDatabase;

const LEASE: Duration = Duration::from_secs(60);
const WAITS: CircuitWaits = CircuitWaits { base: Duration::from_secs(30), max: Duration::from_secs(100) };
const LIMITS: Limits = Limits { requests_per_ten_seconds: 10, concurrency: 3 };

struct Gate {
    database: TestDatabase,
    tenant: TenantId,
    integration: IntegrationId,
}

impl Gate {
    /// The integration `hook` with steps for the sessions `s-1` to `s-20`.
    async fn new() -> Self {
        let database = TestDatabase::create().await;
        let (tenant, integration): (TenantId, IntegrationId) = ("acme".parse().unwrap(), "hook".parse().unwrap());
        let store = &database.store;
        store.save_tenant(&tenant, "Acme", &TenantSettings::default()).await.unwrap();
        let saved = Integration {
            tenant_id: tenant.clone(),
            integration_id: integration.clone(),
            state: IntegrationState::On,
            config: IntegrationConfig::Webhook(WebhookConfig::to("https://example.com")),
            secret_name: "acme/hook".into(),
            connection: Connection::default(),
        };
        store.save_integration(&saved).await.unwrap();
        let client = database.client().await;
        for sql in [
            "INSERT INTO sessions (tenant_id, session_id, agent_id, channel, started_at)
             SELECT 'acme', 's-' || n, 'agent', 'text', now() FROM generate_series(1, 20) n",
            "INSERT INTO steps (tenant_id, session_id, kind, analysis_version, integration_id, message)
             SELECT 'acme', 's-' || n, 'crm_sync', 1, 'hook', '' FROM generate_series(1, 20) n",
        ] {
            client.execute(sql, &[]).await.unwrap();
        }
        Self { database, tenant, integration }
    }

    /// Returns a gate whose third party has been down until its circuit opened.
    async fn open() -> Self {
        let gate = Self::new().await;
        for session in 1..=CIRCUIT_FAILURES {
            let pass = gate.pass(session as u32).await;
            gate.leave(pass, Health::Down).await;
            gate.pass_time(14).await;
        }
        gate
    }

    fn store(&self) -> &Store {
        &self.database.store
    }

    async fn ask_for(&self, session: u32, requests: i32, lease: Duration) -> Admission {
        let key = StepKey {
            tenant_id: self.tenant.clone(),
            session_id: format!("s-{session}").parse().unwrap(),
            step: Step::CrmSync { version: 1, integration: self.integration.clone() },
        };
        self.store().admit(&key, &self.integration, LIMITS, requests, lease).await.unwrap()
    }

    async fn ask(&self, session: u32) -> Admission {
        self.ask_for(session, 1, LEASE).await
    }

    async fn pass(&self, session: u32) -> Pass {
        let admission = self.ask(session).await;
        let Admission::Go(pass) = admission else { panic!("session {session}: {admission:?}") };
        pass
    }

    async fn leave(&self, pass: Pass, health: Health) -> Standing {
        self.store().leave(&self.tenant, &self.integration, pass, health, 0, WAITS).await.unwrap()
    }

    /// Has time pass, as far as the gate knows.
    async fn pass_time(&self, seconds: i32) {
        let client = self.database.client().await;
        let shift = format!("interval '{seconds} seconds'");
        let gates = format!(
            "UPDATE integration_gates SET open_until = open_until - {shift}, probe_until = probe_until - {shift},
                 limited_until = limited_until - {shift}, line_until = line_until - {shift}, spent_at = spent_at - {seconds},
                 failing_since = failing_since - {shift},
                 leases = ARRAY(SELECT lease - {shift} FROM unnest(leases) AS lease)"
        );
        client.execute(&gates, &[]).await.unwrap();
        client.execute(&format!("UPDATE steps SET booked_at = booked_at - {shift}"), &[]).await.unwrap();
    }
}

fn wait(admission: Admission) -> (&'static str, f64) {
    let Admission::Wait { after, code } = admission else { panic!("{admission:?}") };
    (code.as_str(), after.as_secs_f64())
}

#[tokio::test]
async fn only_the_set_number_of_syncs_run_at_a_time_and_a_dead_one_is_forgotten() {
    let gate = Gate::new().await;
    let first = gate.pass(1).await;
    gate.pass(2).await;
    assert!(matches!(gate.ask_for(3, 1, Duration::ZERO).await, Admission::Go(_)));
    gate.pass(4).await;
    assert_eq!(wait(gate.ask(5).await).0, "too_many_at_once");
    gate.leave(first, Health::Works).await;
    gate.pass_time(1).await;
    gate.pass(6).await;
    assert_eq!(wait(gate.ask(7).await).0, "too_many_at_once");
}

#[tokio::test]
async fn no_more_requests_are_let_through_than_the_limit_and_the_others_get_turns() {
    let gate = Gate::new().await;
    for session in 1..=3 {
        let Admission::Go(pass) = gate.ask_for(session, 3, LEASE).await else { panic!() };
        gate.leave(pass, Health::Works).await;
    }
    // Nine of ten: three more are too many, and each who waits has a later turn.
    let mut turns = Vec::new();
    for session in 4..=6 {
        let (code, after) = wait(gate.ask_for(session, 3, LEASE).await);
        assert_eq!(code, "paced");
        turns.push(after);
    }
    let gaps: Vec<_> = turns.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| (3.7..4.1).contains(gap)), "{turns:?}");
    assert_eq!(wait(gate.ask(7).await).0, "paced", "who comes later does not overtake");
    // One that comes back early keeps its turn.
    let (_, again) = wait(gate.ask_for(6, 3, LEASE).await);
    assert!((again - turns[2]).abs() < 0.5, "{again} {turns:?}");

    gate.pass_time(14).await;
    for session in 4..=6 {
        let Admission::Go(pass) = gate.ask_for(session, 3, LEASE).await else { panic!("{session}") };
        gate.leave(pass, Health::Works).await;
    }
    gate.pass_time(14).await;
    gate.pass(8).await;
}

#[tokio::test]
async fn requests_beyond_those_asked_for_count_too() {
    let gate = Gate::new().await;
    let pass = gate.pass(1).await;
    gate.store().leave(&gate.tenant, &gate.integration, pass, Health::Works, 9, WAITS).await.unwrap();
    assert_eq!(wait(gate.ask(2).await).0, "paced");
}

#[tokio::test]
async fn a_third_party_that_is_down_is_asked_by_one_at_a_time_and_ever_more_seldom() {
    let gate = Gate::new().await;
    for session in 1..=CIRCUIT_FAILURES {
        let pass = gate.pass(session as u32).await;
        let standing = gate.leave(pass, Health::Down).await;
        assert_eq!(standing.open_for.is_some(), session == CIRCUIT_FAILURES, "{standing:?}");
        gate.pass_time(2).await;
    }
    for expected in [28.0, 58.0, 98.0, 98.0] {
        let (code, after) = wait(gate.ask(10).await);
        assert_eq!(code, "circuit_open");
        assert!((expected - 1.0..expected + 10.1).contains(&after), "{after}, not {expected}");
        gate.pass_time(110).await;
        let probe = gate.pass(10).await;
        let (code, after) = wait(gate.ask(11).await);
        assert!(code == "circuit_open" && (5.0..=15.0).contains(&after), "{code} {after}");
        assert!(gate.leave(probe, Health::Down).await.open_for.is_some());
        gate.pass_time(2).await;
    }
    gate.pass_time(110).await;
    let probe = gate.pass(10).await;
    assert_eq!(gate.leave(probe, Health::Works).await, Standing { failing_for: Duration::ZERO, open_for: None });
    gate.pass(11).await;
    gate.pass(12).await;
}

#[tokio::test]
async fn of_many_who_ask_at_once_no_more_are_let_through_than_there_is_room_for() {
    let gate = Gate::new().await;
    let go = |asked: Vec<Admission>| asked.into_iter().filter(|asked| matches!(asked, Admission::Go(_))).count();
    assert_eq!(go(join_all((1..=12).map(|session| gate.ask(session))).await), 3, "at a time");
    gate.pass_time(61).await;
    let all = join_all((1..=12).map(|session| gate.ask_for(session, 4, Duration::ZERO))).await;
    assert_eq!(go(all), 2, "requests");

    let gate = Gate::open().await;
    gate.pass_time(61).await;
    assert_eq!(go(join_all((1..=12).map(|session| gate.ask(session))).await), 1, "probes");
}

#[tokio::test]
async fn a_probe_that_found_nothing_out_leaves_the_circuit_open() {
    let gate = Gate::open().await;
    for _ in 0..2 {
        gate.pass_time(61).await;
        let probe = gate.pass(10).await;
        let standing = gate.leave(probe, Health::Unsure).await;
        assert!((29..=30).contains(&standing.open_for.unwrap().as_secs()), "{standing:?}");
        assert_eq!(wait(gate.ask(11).await).0, "circuit_open");
    }
}

#[tokio::test]
async fn who_refuses_what_it_is_sent_is_not_down() {
    let gate = Gate::open().await;
    gate.pass_time(61).await;
    let probe = gate.pass(10).await;
    let standing = gate.leave(probe, Health::Refuses).await;
    assert_eq!(standing.open_for, None);
    assert!(standing.failing_for.as_secs() >= 60, "{standing:?}");
    gate.pass(11).await;
    gate.pass(12).await;
}

#[tokio::test]
async fn a_shorter_rest_takes_nothing_from_a_longer_one() {
    let gate = Gate::new().await;
    let (one, other) = (gate.pass(1).await, gate.pass(2).await);
    let limited = |seconds, code| Health::Limited { after: Duration::from_secs(seconds), code: Code::new(code) };
    gate.leave(one, limited(3600, "daily_limit")).await;
    gate.leave(other, limited(10, "rate_limited")).await;
    let (code, after) = wait(gate.ask(3).await);
    assert!(code == "daily_limit" && after > 3590.0, "{code} {after}");
}

#[tokio::test]
async fn a_probe_that_died_lets_the_next_one_ask() {
    let gate = Gate::open().await;
    gate.pass_time(30).await;
    gate.pass(10).await;
    assert_eq!(wait(gate.ask(11).await).0, "circuit_open");
    gate.pass_time(61).await;
    gate.pass(11).await;
}

#[tokio::test]
async fn failures_of_syncs_that_were_under_way_count_once() {
    let gate = Gate::new().await;
    for session in 1..CIRCUIT_FAILURES {
        let pass = gate.pass(session as u32).await;
        gate.leave(pass, Health::Down).await;
        gate.pass_time(14).await;
    }
    let passes = [gate.pass(7).await, gate.pass(8).await, gate.pass(9).await];
    for pass in passes {
        let open = gate.leave(pass, Health::Down).await.open_for.unwrap().as_secs();
        assert!((25..=30).contains(&open), "{open}");
    }
}

#[tokio::test]
async fn a_limit_holds_everybody_for_its_time() {
    let gate = Gate::new().await;
    let pass = gate.pass(1).await;
    let code = Code::new("daily_limit");
    gate.leave(pass, Health::Limited { after: Duration::from_secs(3600), code }).await;
    let (code, after) = wait(gate.ask(2).await);
    assert!(code == "daily_limit" && (3590.0..=3602.0).contains(&after), "{code} {after}");
    gate.pass_time(3601).await;
    gate.pass(2).await;
}

#[tokio::test]
async fn how_long_it_fails_is_reported_until_it_works() {
    let gate = Gate::new().await;
    let pass = gate.pass(1).await;
    gate.leave(pass, Health::Refuses).await;
    gate.pass_time(1000).await;
    let pass = gate.pass(2).await;
    assert_eq!(
        gate.leave(pass, Health::Unknown).await.failing_for.as_secs(),
        1000,
        "what does not count changes nothing"
    );
    let pass = gate.pass(3).await;
    assert_eq!(gate.leave(pass, Health::Works).await.failing_for, Duration::ZERO);
}

#[tokio::test]
async fn one_at_a_time_renews_a_token() {
    let gate = Gate::new().await;
    let take = async || gate.store().take_renewal(&gate.tenant, &gate.integration, LEASE).await.unwrap();
    let end = async |renewal| gate.store().end_renewal(&gate.tenant, &gate.integration, renewal).await.unwrap();
    let (one, other) = tokio::join!(take(), take());
    let late = one.xor(other).expect("one of them");

    let sql = "UPDATE integration_gates SET renewing_until = now() - interval '1 second'";
    gate.database.client().await.execute(sql, &[]).await.unwrap();
    let renewal = take().await.unwrap();
    end(late).await;
    assert_eq!(take().await, None, "who is late does not end another's");
    end(renewal).await;
    assert!(take().await.is_some());
}

#[tokio::test]
async fn an_integration_that_is_gone_admits_no_sync() {
    let gate = Gate::new().await;
    gate.database.client().await.execute("DELETE FROM integrations", &[]).await.unwrap();
    assert_eq!(gate.ask(1).await, Admission::Unknown);
}
