//! After an erasure nothing in the database is the visitor's.

use domain::address_hash::AddressHash;
use domain::session::{Session, Visitor};
use housekeep::{EraseVisitorReport, EraseVisitorRequest, HousekeepTask, TaskReport};
use store::erasure::ThirdPartyRecord;
use store::suppressions::SuppressionReason;
use store::testing;

use crate::visitors::{SECRET, world};
use crate::world::{World, tenant};

fn request(tenant_id: &str) -> HousekeepTask {
    let (tenant_id, email) = (tenant(tenant_id), "ANA@example.com".parse().unwrap());
    HousekeepTask::EraseVisitor(EraseVisitorRequest { tenant_id, email })
}

async fn erase(world: &World) -> EraseVisitorReport {
    match world.handle(request("acme")).await.unwrap() {
        TaskReport::EraseVisitor(report) => report,
        other => panic!("{other:?}"),
    }
}

/// The tables that have this text in any column of any row, of sessions other than Ben's.
async fn tables_with(world: &World, text: &str) -> Vec<String> {
    let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1";
    let mut found = Vec::new();
    for table in world.texts(tables).await {
        let rows = format!(
            "SELECT t::text FROM {table} t WHERE t::text ILIKE '%{text}%' AND t::text NOT LIKE '%ben%'
             AND NOT EXISTS (SELECT FROM email_log WHERE session_id = 'ben' AND t::text LIKE '%' || email_id || '%')"
        );
        if !world.texts(&rows).await.is_empty() {
            found.push(table);
        }
    }
    found
}

#[tokio::test]
async fn an_erasure_leaves_neither_address_nor_words_in_any_table() {
    let world = world().await;
    let places = ["analyses", "email_bodies", "email_events", "email_log", "sessions", "webhook_attempts"];
    assert_eq!(tables_with(&world, "ana@example.com").await, places);
    let places = ["analyses", "analysis_parts", "email_bodies", "sessions", "transcript_turns", "webhook_attempts"];
    assert_eq!(tables_with(&world, SECRET).await, places);

    let report = erase(&world).await;
    let id = |id: &str| id.parse().unwrap();
    let record = ThirdPartyRecord {
        session_id: id("ana-1"),
        integration_id: "hub".parse().unwrap(),
        analysis_version: 1,
        contact_id: Some("c-1".to_owned()),
        record_id: Some("n-1".to_owned()),
    };
    let expected = EraseVisitorReport {
        anonymised_sessions: 2,
        anonymised_mails: 2,
        removed_turns: 6,
        removed_analyses: 4,
        removed_email_events: 2,
        removed_email_bodies: 2,
        open_sessions: vec![id("ana-open")],
        third_party_records: vec![record],
        more_third_party_records: false,
        complete: true,
    };
    assert_eq!(report, expected);

    world.sql("UPDATE sessions SET status = 'completed' WHERE session_id = 'ana-open'").await;
    let report = erase(&world).await;
    assert_eq!((report.anonymised_sessions, report.open_sessions.len()), (1, 0));
    world.sql("DELETE FROM transcript_turns WHERE session_id = 's-1'").await;
    world.sql("DELETE FROM analyses WHERE session_id = 's-1'").await;
    world.sql("DELETE FROM analysis_parts WHERE session_id = 's-1'").await;
    assert_eq!(tables_with(&world, "ana@example.com").await, [""; 0]);
    assert_eq!(tables_with(&world, SECRET).await, [""; 0]);

    assert_eq!(
        erase(&world).await,
        EraseVisitorReport { complete: true, ..EraseVisitorReport::default() },
        "once more"
    );
}

#[tokio::test]
async fn an_erased_address_is_still_not_mailed_and_others_lose_nothing() {
    let world = world().await;
    erase(&world).await;
    let hash = |email: &str| AddressHash::of(&tenant("acme"), &email.parse().unwrap());
    let suppressed = world.database.store.suppressions(&tenant("acme"), &[hash("ana@example.com")]).await.unwrap();
    assert_eq!(suppressed, [(hash("ana@example.com"), SuppressionReason::Complaint)]);
    let ben = "SELECT visitor_email FROM sessions WHERE session_id = 'ben' AND erased_at IS NULL";
    assert_eq!(world.texts(ben).await, ["ben@example.com"]);
    for table in ["transcript_turns", "analyses", "analysis_parts", "integration_log", "email_log"] {
        let rows = world.texts(&format!("SELECT session_id FROM {table} WHERE session_id = 'ben'")).await;
        assert!(!rows.is_empty(), "{table}");
    }
    let bens_mail =
        "SELECT subject FROM email_bodies JOIN email_log USING (tenant_id, email_id) WHERE session_id = 'ben'";
    assert_eq!(world.texts(bens_mail).await, ["ben@example.com"]);
}

#[tokio::test]
async fn a_visitor_of_an_unknown_tenant_is_not_erased() {
    let world = world().await;
    let error = world.handle(request("acne")).await.unwrap_err();
    assert_eq!(error.to_string(), "unknown tenant acne: save its settings first");
}

#[tokio::test]
async fn an_interrupted_erasure_still_reports_the_records_in_third_parties() {
    let world = world().await;
    for id in ["ana-3", "ana-4", "ana-5", "ana-6"] {
        let visitor = Visitor { email: Some("ana@example.com".to_owned()), ..Visitor::default() };
        world.accept_session(&Session { visitor, ..testing::session(id) }).await;
        world.sql(&format!("UPDATE sessions SET status = 'completed' WHERE session_id = '{id}'")).await;
    }
    let fail = "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF (SELECT count(*) FROM sessions WHERE erased_at IS NOT NULL) >= 5 THEN RAISE EXCEPTION 'no'; END IF;
        RETURN NEW; END $$";
    world.sql(fail).await;
    world.sql("CREATE TRIGGER fail BEFORE UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION fail()").await;
    let report = erase(&world).await;
    assert_eq!((report.anonymised_sessions, report.complete), (5, false));
    assert_eq!(report.third_party_records.len(), 1);
    assert!(world.handle(request("acme")).await.is_err(), "not one more session");
}

#[tokio::test]
async fn another_tenants_visitor_of_the_same_address_stays() {
    let world = world().await;
    world.save("other", serde_json::json!({})).await;
    let visitor = Visitor { email: Some("ana@example.com".to_owned()), ..Visitor::default() };
    let session = Session { tenant_id: tenant("other"), visitor, ..testing::session("s-9") };
    world.accept_session(&session).await;
    world.sql("UPDATE sessions SET status = 'completed'").await;
    erase(&world).await;
    assert_eq!(
        world.texts("SELECT tenant_id FROM sessions WHERE visitor_email IS NOT NULL ORDER BY 1").await,
        ["acme", "other"]
    );
}
