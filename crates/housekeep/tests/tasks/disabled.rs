//! Mails about integrations that the service has disabled.

use domain::integration::{Connection, Integration, IntegrationConfig, IntegrationState, WebhookConfig};
use domain::step::Code;
use housekeep::AlertsReport;

use crate::world::{World, tenant, watched};

/// A tenant with admins and the webhook `hook`.
async fn world() -> World {
    let world = World::new([]).await;
    world.save("acme", watched()).await;
    let integration = Integration {
        tenant_id: tenant("acme"),
        integration_id: "hook".parse().unwrap(),
        state: IntegrationState::On,
        config: IntegrationConfig::Webhook(WebhookConfig::to("https://example.com")),
        secret_name: "acme/hook".to_owned(),
        connection: Connection::default(),
    };
    world.database.store.save_integration(&integration).await.unwrap();
    world
}

async fn disable(world: &World) {
    let (tenant, id) = (tenant("acme"), "hook".parse().unwrap());
    let reason = "The webhook's receiver answered 410 Gone: it wants no more events.";
    let store = &world.database.store;
    let (_, as_of) = store.integration_as_of(&tenant, &id).await.unwrap().unwrap();
    assert!(store.disable_integration(&tenant, &id, as_of, Code::new("gone"), reason).await.unwrap());
}

async fn switch(world: &World, state: IntegrationState) {
    let (tenant, id) = (tenant("acme"), "hook".parse().unwrap());
    assert!(world.database.store.switch_integration(&tenant, &id, &state).await.unwrap());
}

/// Moves the times of alerts and of the integrations into the past.
async fn hours_pass(world: &World, hours: u32) {
    world.minutes_pass(hours * 60).await;
    world.sql(&format!("UPDATE integrations SET disabled_at = disabled_at - interval '{hours} hours'")).await;
}

#[tokio::test]
async fn a_disabled_integration_is_mailed_once_with_its_reason_and_what_waits() {
    let world = world().await;
    assert_eq!(world.look().await, AlertsReport { complete: true, ..AlertsReport::default() });
    disable(&world).await;
    world
        .sql(
            "INSERT INTO steps (tenant_id, session_id, kind, analysis_version, integration_id, status, code, message)
         VALUES ('acme', 's-1', 'crm_sync', 1, 'hook', 'waiting', 'integration_disabled', ''),
                ('acme', 's-1', 'crm_sync', 2, 'hook', 'waiting', 'integration_disabled', ''),
                ('acme', 's-1', 'crm_sync', 1, 'hook-2', 'waiting', 'integration_disabled', '')",
        )
        .await;
    let report = world.look().await;
    assert_eq!(report, AlertsReport { tenants: 1, opened: 1, mailed: 1, complete: true, ..AlertsReport::default() });
    let mail = world.ses.requests().remove(0);
    let text = mail["Content"]["Simple"]["Body"]["Text"]["Data"].as_str().unwrap();
    for expected in
        ["410 Gone", "1 session is waiting", "integrations enable --function NAME --tenant acme --integration hook"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    for _ in 0..48 {
        hours_pass(&world, 1).await;
        assert_eq!(world.look().await.mailed, 0);
    }
    assert_eq!(world.alerts().await, ["integration:hook open sent"]);
    assert_eq!(world.subjects(), ["Acme: the integration hook is disabled (integration:hook)"]);
}

#[tokio::test]
async fn its_alert_closes_at_once_with_a_mail_when_an_administrator_changes_it() {
    for (state, change) in [
        (IntegrationState::On, "is enabled again"),
        (IntegrationState::Off, "is switched off"),
        (IntegrationState::Removed, "was removed"),
    ] {
        let world = world().await;
        disable(&world).await;
        world.look().await;
        switch(&world, state).await;
        let report = world.look().await;
        assert_eq!((report.recovered, report.mailed), (1, 1));
        let mail = world.ses.requests().remove(1);
        let text = mail["Content"]["Simple"]["Body"]["Text"]["Data"].as_str().unwrap().to_owned();
        assert!(text.contains(change), "{text}");
        assert_eq!(world.look().await, AlertsReport { complete: true, ..AlertsReport::default() });
        assert_eq!(world.alerts().await, ["integration:hook recovered sent sent"]);
    }
}

#[tokio::test]
async fn an_integration_that_is_disabled_again_is_mailed_again() {
    let world = world().await;
    for _ in 0..2 {
        disable(&world).await;
        assert_eq!(world.look().await.opened, 1);
        switch(&world, IntegrationState::On).await;
        assert_eq!(world.look().await.recovered, 1);
    }
    assert_eq!(world.mails().len(), 4);
}

#[tokio::test]
async fn an_integration_that_administrators_switched_off_is_not_mailed() {
    let world = world().await;
    switch(&world, IntegrationState::Off).await;
    assert_eq!(world.look().await, AlertsReport { complete: true, ..AlertsReport::default() });
    disable_of_removed(&world).await;
    assert_eq!(world.look().await.opened, 0);
}

async fn disable_of_removed(world: &World) {
    switch(world, IntegrationState::On).await;
    disable(world).await;
    switch(world, IntegrationState::Removed).await;
}
