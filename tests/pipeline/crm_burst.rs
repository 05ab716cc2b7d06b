//! More sessions at once than HubSpot takes requests, while it fails now and then.

use std::io::Write;
use std::time::{Duration, Instant};

use domain::analysis::Analysis;
use domain::message::CrmSyncMessage;
use domain::session::{Session, Visitor};
use futures_util::{StreamExt, stream};
use pipeline_tests::{Queue, World, on_the_stack, pause};
use serde_json::{Value, json};
use store::Store;
use store::analyses::NewAnalysis;
use store::steps::Ending;
use store::testing;

const SESSIONS: usize = 1_000;
const VISITORS: usize = 100;
/// Requests in ten seconds, as the account and the integration have it: a large account, so that the test takes no
/// longer than it has to.
const LIMIT: usize = 1_000;
/// Three requests a session at that rate take 40 seconds, and as much again what fails. The rest is for a slow machine.
const DEADLINE: Duration = Duration::from_secs(10 * 60);
/// Redrives allowed: of three requests 7 % each are not answered, so one sync in five fails and one in 3,000 does so five times in a row.
/// What waits for HubSpot's limit is never among them.
const REDRIVES: usize = 5;
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// Messages in a batch; SQS takes no more.
const BATCH: usize = 10;

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "  CRM burst: {text}");
}

#[tokio::test]
async fn a_burst_leaves_one_contact_a_visitor_and_one_note_a_session_within_hubspots_limit() {
    on_the_stack("crm-burst", json!({}), async |world| {
        let (token, hubspot) = (world.hubspot_token(), world.stack.fake("hubspot"));
        let limits = json!({ "ten_secondly": LIMIT });
        hubspot.set(&format!("/_limits?token={token}"), limits).await.unwrap();
        let slower = json!({ "kind": "hubspot", "requests_per_ten_seconds": LIMIT, "concurrency": 50 });
        let configure = "UPDATE integrations SET config = $2 WHERE tenant_id = $1 AND integration_id = 'hubspot'";
        world.database().await.execute(configure, &[&world.tenant.as_ref(), &slower]).await.unwrap();
        let often = 1_000_000;
        for fault in [
            json!({ "match": token, "times": often, "one_in": 20, "hubspot_limit": "TEN_SECONDLY_ROLLING",
                    "headers": { "retry-after": "1" } }),
            json!({ "match": token, "times": often, "one_in": 20, "status": 502, "body": "<html>" }),
            json!({ "match": token, "times": often, "one_in": 50, "drop_after": true }),
        ] {
            world.fault("hubspot", fault).await;
        }
        let messages = plan_all(world).await;
        send_all(world, &messages).await;
        let again = wait_for_all(world).await;
        assert!(again.len() <= REDRIVES, "{again:?}");
        assert!(again.iter().all(|code| ["unavailable", "unreachable"].contains(&code.as_str())), "{again:?}");

        let state = format!("{}/_state?token={token}", world.stack.fakes["hubspot"]);
        let state: Value = reqwest::get(state).await.unwrap().json().await.unwrap();
        say(&format!("{} requests", state["requests"]));
        assert_eq!(state["violations"], 0, "more was asked than the limit allows");
        let mut noted: Vec<_> = world.notes().await.iter().map(conversation).collect();
        noted.sort();
        let expected: Vec<_> = (0..SESSIONS).map(session_id).collect();
        assert_eq!(noted, expected, "one note for each session");
        assert_eq!(world.contacts().await.len(), VISITORS);
        let hanging = world.notes().await.iter().all(|note| note["contact_ids"].as_array().unwrap().len() == 1);
        assert!(hanging, "each note hangs on its visitor");
    })
    .await;
}

fn session_id(number: usize) -> String {
    format!("c-{number:04}")
}

/// Which conversation a note says it is about.
fn conversation(note: &Value) -> String {
    let body = note["properties"]["hs_note_body"].as_str().unwrap();
    let (_, id) = body.split_once("Conversation ID: ").unwrap();
    id.split('<').next().unwrap().to_owned()
}

/// Sessions that have been analysed, and the messages that ask for their sync.
async fn plan_all(world: &World) -> Vec<String> {
    let config = store::Config {
        url: world.stack.database_url.clone(),
        ca_file: None,
        statement_timeout: Duration::from_secs(30),
        pool_size: 4,
    };
    let store = &Store::new(&config).unwrap();
    let analysis = &testing::analysis();
    stream::iter(0..SESSIONS).map(|number| plan(world, store, analysis, number)).buffer_unordered(4).collect().await
}

async fn plan(world: &World, store: &Store, analysis: &Analysis, number: usize) -> String {
    let visitor = Visitor {
        name: Some(format!("Visitor {}", number % VISITORS)),
        email: Some(format!("v{}.{}@example.com", number % VISITORS, world.tenant)),
        ..Visitor::default()
    };
    let id = session_id(number);
    let session = Session { tenant_id: world.tenant.clone(), visitor, ..testing::session(&id) };
    let sync = testing::planned(&CrmSyncMessage::V1 {
        tenant_id: session.tenant_id.clone(),
        session_id: session.session_id.clone(),
        analysis_version: 1,
        integration_id: "hubspot".parse().unwrap(),
    });
    let message = sync.message.clone();
    let new = NewAnalysis { analysis, originals: &Default::default(), follow_ups: &[sync] };
    let claimed = testing::analysed(store, &session, &new).await;
    store.finish_step(&claimed, Ending::Done).await.unwrap();
    message
}

async fn send_all(world: &World, messages: &[String]) {
    for batch in messages.chunks(BATCH) {
        world.enqueue_together(Queue::CrmSync, &batch.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
}

/// A session may fail five times in a row by chance: then an operator has its message sent again. Returns the codes of
/// those.
async fn wait_for_all(world: &World) -> Vec<String> {
    let (started, mut again) = (Instant::now(), Vec::new());
    loop {
        let sql = "SELECT status || coalesce(' ' || code, ''), count(*) FROM steps
                   WHERE tenant_id = $1 AND kind = 'crm_sync' GROUP BY 1 ORDER BY 1";
        let rows = world.database().await.query(sql, &[&world.tenant.as_ref()]).await.unwrap();
        let steps: Vec<(String, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        say(&format!("after {} s: {steps:?}", started.elapsed().as_secs()));
        if steps.iter().all(|(status, _)| status == "done") {
            return again;
        }
        assert!(started.elapsed() < DEADLINE, "not every session was synced: {steps:?}");
        for letter in world.take_dead_letters(Queue::CrmSync).await {
            world.redrive(Queue::CrmSync, &letter).await;
            again.push(letter.code.unwrap_or_default());
        }
        pause(LOOK_AGAIN).await;
    }
}
