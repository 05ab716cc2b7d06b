//! The log of an erasure. A program of its own: tracing decides for all threads at once which lines are wanted.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

mod lines;
#[path = "../tasks/visitors.rs"]
mod visitors;
#[expect(dead_code, reason = "the tests of the tasks need more of it")]
#[path = "../tasks/world.rs"]
mod world;

use housekeep::{EraseVisitorRequest, HousekeepTask};

use crate::lines::Lines;
use crate::visitors::{SECRET, world};

#[tokio::test]
async fn no_log_line_of_an_erasure_has_the_address() {
    let (lines, world) = (Lines::default(), world().await);
    let erase = || {
        let (tenant_id, email) = (world::tenant("acme"), "ana@example.com".parse().unwrap());
        world.handle(HousekeepTask::EraseVisitor(EraseVisitorRequest { tenant_id, email }))
    };
    {
        let _guard = lines.capture();
        erase().await.unwrap();
        world.sql("ALTER TABLE sessions RENAME COLUMN erased_at TO gone").await;
        let error = erase().await.unwrap_err();
        tracing::error!(error = error.line(), "as main logs it");
    }
    let text = lines.text();
    assert!(text.contains("erasure ended") && text.contains("as main logs it"), "{text}");
    assert!(!text.to_lowercase().contains("ana@") && !text.contains(SECRET), "{text}");
    let mistake = r#"{"task":"erase_visitor","tenant_id":"acme","email":"ana@example"}"#;
    assert_eq!(serde_json::from_str::<HousekeepTask>(mistake).unwrap_err().to_string(), "not an e-mail address");
}
