//! More sessions at once than SES takes mails.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt, stream};
use pipeline_tests::{Queue, World, on_the_stack, pause};
use serde_json::json;

const SESSIONS: usize = 2_000;
/// Mails that SES takes each second, as for an account that has just left the sandbox.
const RATE: usize = 14;
/// Posts at a time; below the concurrency that is reserved for `ingest`.
const POSTERS: usize = 10;
/// Back-off and patience as in production: with the local stack's seconds 2,000 mails would come back all the time.
const VARIABLES: [(&str, &str, &str); 2] = [
    ("notify", "/Environment/Variables/RETRY_MAX_SECONDS", "60"),
    ("housekeep", "/Environment/Variables/LOST_AFTER_SECONDS", "3600"),
];
/// Functions whose time-out is near production's: within the local stack's 5 seconds a busy machine cuts off requests to
/// SES, whose outcome is then unknown.
const SLOW: [&str; 2] = ["analyze", "notify"];
/// Seconds; below the 30 of the queues' visibility.
const TIMEOUT: u64 = 25;
/// Sending alone takes 143 seconds at that rate. The rest is for a machine that is slow at everything else.
const DEADLINE: Duration = Duration::from_secs(20 * 60);
/// Before a notification that came too soon is sent again.
const RATE_LIMITED: Duration = Duration::from_millis(500);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

fn session(number: usize) -> String {
    format!("b-{number:04}")
}

fn address(world: &World, number: usize) -> String {
    format!("{}.{}@example.com", session(number), world.tenant)
}

/// At once, however the test's output is captured: it runs for minutes.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "  burst: {text}");
}

#[tokio::test]
async fn every_mail_of_a_burst_above_ses_rate_is_sent_exactly_once() {
    on_the_stack("burst", json!({}), async |world| {
        // What is not mailed would only take time.
        let disable = "UPDATE integrations SET enabled = false WHERE tenant_id = $1";
        world.database().await.execute(disable, &[&world.tenant.as_ref()]).await.unwrap();
        let ses = world.stack.fake("ses");
        ses.set("/_throttle", json!({ "per_second": RATE })).await.unwrap();
        let variables = VARIABLES.map(|(function, pointer, value)| (function, pointer, json!(value)));
        let timeouts = SLOW.map(|function| (function, "/Timeout", json!(TIMEOUT)));
        let mut former = Vec::new();
        for (function, pointer, value) in variables.into_iter().chain(timeouts) {
            former.push((function, pointer, world.stack.configure(function, pointer, value).await));
        }
        let outcome = AssertUnwindSafe(burst(world)).catch_unwind().await;
        // The tests that follow are not about rates.
        ses.delete("/_throttle").await.unwrap();
        for (function, pointer, value) in former {
            world.stack.configure(function, pointer, value).await;
        }
        outcome.unwrap_or_else(|panic| resume_unwind(panic));
    })
    .await;
}

async fn burst(world: &World) {
    let refused_before = throttled(world).await;
    post_all(world).await;
    wait_until_all_have_ended(world).await;

    let refused = throttled(world).await - refused_before;
    say(&format!("SES refused {refused} requests"));
    assert!(refused > 0, "the burst never met the rate, so it tested nothing");
    let expected: BTreeSet<_> = (0..SESSIONS).map(|number| address(world, number)).collect();
    let (taken, logged) = (taken_by_ses(world).await, logged(world).await);
    let twice: Vec<_> = taken.iter().filter(|(_, ids)| ids.len() > 1).collect();
    assert!(twice.is_empty(), "mailed more than once: {twice:#?}");
    let lost: Vec<_> = expected.iter().filter(|address| !taken.contains_key(*address)).collect();
    assert!(lost.is_empty(), "{} of {SESSIONS} were never mailed: {lost:#?}", lost.len());
    assert_eq!(taken.len(), SESSIONS, "somebody else was mailed");
    for (address, ids) in &taken {
        assert_eq!(logged.get(address), Some(&ids[0]), "email_log has another mail than SES for {address}");
    }
    assert_eq!(logged.len(), SESSIONS, "email_log has mails that SES does not have");
    for queue in Queue::ALL {
        assert!(world.take_dead_letters(queue).await.is_empty(), "dead letters of {queue:?}");
    }
}

async fn post_all(world: &World) {
    let started = Instant::now();
    let posted = stream::iter(0..SESSIONS).map(async |number| {
        let mut notification = world.notification(&session(number));
        notification["visitor"]["email"] = address(world, number).into();
        let mut answer = world.post(&notification).await;
        // The usage plan's rate, which a fast machine exceeds.
        while answer.0 == 429 {
            pause(RATE_LIMITED).await;
            answer = world.post(&notification).await;
        }
        assert_eq!(answer.0, 202, "session {number}: {}", answer.1);
    });
    let posted = posted.buffer_unordered(POSTERS).enumerate().map(|(done, ())| {
        if (done + 1) % 500 == 0 {
            say(&format!("{} of {SESSIONS} posted after {} s", done + 1, started.elapsed().as_secs()));
        }
    });
    assert_eq!(posted.count().await, SESSIONS);
}

async fn wait_until_all_have_ended(world: &World) {
    let deadline = Instant::now() + DEADLINE;
    let started = Instant::now();
    loop {
        let sessions = counts(world, "SELECT status, count(*) FROM sessions WHERE tenant_id = $1 GROUP BY 1").await;
        if sessions.get("completed") == Some(&(SESSIONS as i64)) {
            say(&format!("all sessions completed after {} s", started.elapsed().as_secs()));
            return;
        }
        let mails = counts(world, "SELECT status, count(*) FROM email_log WHERE tenant_id = $1 GROUP BY 1").await;
        say(&format!("after {} s: sessions {sessions:?}, mails {mails:?}", started.elapsed().as_secs()));
        if sessions.contains_key("failed") || Instant::now() > deadline {
            let steps = "SELECT kind || ' ' || status || ' ' || coalesce(code, ''), count(*) FROM steps WHERE tenant_id = $1 GROUP BY 1";
            panic!(
                "not every session has completed:\nsessions {sessions:#?}\nmails {mails:#?}\nsteps {:#?}\nrefused by SES: {}\nlog: {}",
                counts(world, steps).await,
                throttled(world).await,
                world.stack.state_dir.display()
            );
        }
        pause(LOOK_AGAIN).await;
    }
}

async fn counts(world: &World, sql: &str) -> BTreeMap<String, i64> {
    let rows = world.database().await.query(sql, &[&world.tenant.as_ref()]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn throttled(world: &World) -> u64 {
    let state = world.stack.fake("ses").state("matches no mail").await.unwrap();
    state["throttled"].as_u64().unwrap()
}

/// SES's ids of the mails it took, by recipient.
async fn taken_by_ses(world: &World) -> BTreeMap<String, Vec<String>> {
    let state = world.stack.fake("ses").state(world.tenant.as_ref()).await.unwrap();
    let mut taken = BTreeMap::<_, Vec<_>>::new();
    for mail in state["mails"].as_array().unwrap().iter().filter(|mail| mail["status"] == 200) {
        let recipients = mail["to"].as_array().unwrap();
        assert_eq!(recipients.len(), 1, "{recipients:?}");
        let id = mail["message_id"].as_str().unwrap().to_owned();
        taken.entry(recipients[0].as_str().unwrap().to_owned()).or_default().push(id);
    }
    taken
}

/// SES's ids by recipient, as the log has them.
async fn logged(world: &World) -> BTreeMap<String, String> {
    let sql = "SELECT recipient, provider_id FROM email_log WHERE tenant_id = $1 AND status = 'sent'";
    let rows = world.database().await.query(sql, &[&world.tenant.as_ref()]).await.unwrap();
    assert_eq!(rows.len(), SESSIONS, "mails that are sent");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}
