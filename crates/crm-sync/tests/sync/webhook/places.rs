//! Where no webhook goes.

use domain::integration::IntegrationState;
use serde_json::{Value, json};
use store::integration_log::SyncStatus;

use crate::world::{World, ana};

#[tokio::test]
async fn a_url_into_our_own_network_is_never_asked_for() {
    let world = World::new().await;
    let port = world.webhook.authority().rsplit_once(':').unwrap().1.to_owned();
    world.session("s-1", ana()).await;
    for url in [
        format!("http://localhost:{port}/hooks/acme"),
        format!("https://127.0.0.1:{port}@example.com/"),
        "https://127.0.0.1:8443/".to_owned(),
        "https://localhost:8443/".to_owned(),
        "https://[::ffff:169.254.169.254]/latest/meta-data".to_owned(),
        "https://0x7f.1/2018-06-01/runtime/invocation/next".to_owned(),
    ] {
        world.hook(json!({ "url": url })).await;
        assert_eq!(world.sync_analysis("s-1").await, "wait 86400 s: integration_disabled", "{url}");
        let IntegrationState::Disabled(disabled) = world.state().await else { panic!("{url}: not disabled") };
        assert_eq!(disabled.code, "forbidden_url");
        assert!(!disabled.reason.contains("127"), "{}", disabled.reason);
        let log = world.log("s-1", "hook").await;
        assert_eq!((log.status, log.code.as_deref()), (SyncStatus::Writing, Some("forbidden_url")), "it waits");
    }
    assert_eq!(world.requests().await, Vec::<Value>::new());
}
