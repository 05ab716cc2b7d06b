//! Mails that are skipped or postponed because of the visitor's address or local time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::message::NotifyMessage;
use domain::number::Whole;
use domain::session::EmailConsent;
use domain::settings::TenantSettings;
use serde_json::json;
use stage::Outcome;
use store::email_log::EmailStatus;
use store::suppressions::SuppressionReason;

use crate::world::World;
use mail::testing::SesAnswer;

const MINUTE: Duration = Duration::from_secs(60);

async fn deliver(world: &World, message: &NotifyMessage) -> String {
    match world.deliver_within(message.clone(), MINUTE).await.unwrap() {
        Outcome::Done => "done".to_owned(),
        Outcome::Skipped(code) => code.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_skip_has_its_reason_in_the_log_and_asks_ses_for_nothing() {
    let world = World::with([], |session| session.visitor.email_consent = Some(EmailConsent::Given)).await;
    type Change = fn(&mut TenantSettings);
    let changes: [(&str, Change); 8] = [
        ("disabled", |settings| settings.email.enabled = false),
        ("channel_excluded", |settings| settings.email.channels = vec![domain::session::Channel::Voice]),
        ("agent_excluded", |settings| {
            settings.email.excluded_agents = vec!["agent".parse().unwrap()].try_into().unwrap();
        }),
        ("status_excluded", |settings| settings.email.analysis_statuses.clear()),
        ("category_excluded", |settings| {
            settings.email.categories = vec![domain::analysis::CategoryLabel::Others];
        }),
        ("sentiment_excluded", |settings| settings.email.min_sentiment = Some(0.5.try_into().unwrap())),
        ("too_short", |settings| settings.email.min_duration_s = Whole::literal(301)),
        ("too_few_visitor_turns", |settings| settings.email.min_visitor_turns = 99),
    ];
    for (reason, change) in changes {
        world.save(change).await;
        assert_eq!(deliver(&world, &world.message()).await, reason);
        let email = world.email().await;
        assert_eq!((email.status, email.code.as_deref()), (EmailStatus::Skipped, Some(reason)));
        assert_eq!(email.recipient.as_deref(), Some("ana@example.com"));
    }
    assert!(world.sent().is_empty());
    world.save(|_| ()).await;
    assert_eq!(deliver(&world, &world.message()).await, "done", "a skipped mail is decided on again");
}

#[tokio::test]
async fn consent_is_looked_at_where_it_is_known_and_asked_for_where_the_tenant_says_so() {
    let withdrawn = World::with([], |session| session.visitor.email_consent = Some(EmailConsent::Withdrawn)).await;
    assert_eq!(deliver(&withdrawn, &withdrawn.message()).await, "consent_withdrawn");
    let unknown = World::new([]).await;
    unknown.save(|settings| settings.email.consent = domain::settings::email::RequiredConsent::Given).await;
    assert_eq!(deliver(&unknown, &unknown.message()).await, "consent_unknown");
    assert_eq!(unknown.status().await, (EmailStatus::Skipped, Some("consent_unknown".to_owned())));
}

#[tokio::test]
async fn a_suppressed_address_gets_no_mail_and_the_worst_reason_is_named() {
    let world = World::new([]).await;
    for (reason, code) in [
        (SuppressionReason::Unsubscribed, "unsubscribed"),
        (SuppressionReason::HardBounce, "hard_bounced"),
        (SuppressionReason::Complaint, "complained"),
    ] {
        world.suppress("Ana@Example.com", reason).await;
        assert_eq!(deliver(&world, &world.message()).await, code);
        assert_eq!(world.status().await, (EmailStatus::Skipped, Some(code.to_owned())));
    }
    assert!(world.sent().is_empty());
}

#[tokio::test]
async fn an_address_of_a_foreign_domain_is_suppressed_however_it_is_written() {
    for written in ["ana@exämple.de", "ana@xn--exmple-cua.de"] {
        let world = World::with([], |session| session.visitor.email = Some("ana@exämple.de".to_owned())).await;
        world.suppress(written, SuppressionReason::HardBounce).await;
        assert_eq!(deliver(&world, &world.message()).await, "hard_bounced", "{written}");
    }
}

#[tokio::test]
async fn a_visitor_gets_at_most_one_mail_within_the_set_hours() {
    let world = World::new([]).await;
    world.save(|settings| settings.email.min_hours_between_mails = Some(Whole::literal(24))).await;
    let (first, second) = (world.message(), world.another("s-2").await);
    let outcomes = tokio::join!(deliver(&world, &first), deliver(&world, &second));
    assert!(
        outcomes == ("done".into(), "too_soon".into()) || outcomes == ("too_soon".into(), "done".into()),
        "{outcomes:?}"
    );
    assert_eq!(world.sent().len(), 1);
    assert_eq!(deliver(&world, &world.another("s-3").await).await, "too_soon");
    world.sql("UPDATE email_recipients SET sending_at = now() - interval '24 hours'").await;
    assert_eq!(deliver(&world, &world.another("s-4").await).await, "done");
}

#[tokio::test]
async fn a_mail_that_ses_did_not_take_does_not_keep_the_next_one_back() {
    let throttled = SesAnswer::Refuse(429, "ThrottlingException", "Maximum sending rate exceeded.");
    let world = World::new([throttled]).await;
    world.save(|settings| settings.email.min_hours_between_mails = Some(Whole::literal(1))).await;
    assert!(matches!(world.outcome().await, Outcome::Wait { .. }));
    assert_eq!(deliver(&world, &world.another("s-2").await).await, "done");
    assert_eq!(deliver(&world, &world.message()).await, "too_soon", "the other one was faster");
    assert_eq!(world.status().await, (EmailStatus::Skipped, Some("too_soon".to_owned())));
}

/// Returns the wait for the end of quiet hours from 21:00 to 08:00, or `None` if the mail was sent.
async fn waits(world: &mut World, zone: &str, now: fn() -> DateTime<Utc>) -> Option<u64> {
    let hours = json!({ "from": "21:00", "to": "08:00", "time_zone": zone });
    world.save(|settings| settings.email.quiet_hours = Some(serde_json::from_value(hours).unwrap())).await;
    world.context.clock = now;
    match world.deliver().await.unwrap() {
        Outcome::Wait { after, code } if code.as_str() == "quiet_hours" => Some(after.as_secs() / 60),
        Outcome::Done => None,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn quiet_hours_are_those_of_the_visitors_clock_and_the_mail_is_sent_when_they_end() {
    let mut world = World::with([], |session| session.visitor.time_zone = Some("America/New_York".to_owned())).await;
    let evening = || "2026-11-23T02:00:00Z".parse().unwrap();
    assert_eq!(waits(&mut world, "Europe/Berlin", evening).await, Some(11 * 60), "21:00 in New York");
    assert!(world.sent().is_empty());
    assert_eq!(waits(&mut world, "Europe/Berlin", || "2026-11-23T12:59:00Z".parse().unwrap()).await, Some(1));
    assert_eq!(waits(&mut world, "Europe/Berlin", || "2026-11-23T13:00:00Z".parse().unwrap()).await, None);
    assert_eq!(world.sent().len(), 1);
}

#[tokio::test]
async fn a_zone_that_is_not_known_is_replaced_by_the_tenants_and_that_by_utc() {
    let noon_in_tokyo: fn() -> DateTime<Utc> = || "2026-11-23T03:00:00Z".parse().unwrap();
    for own in [None, Some("Nowhere/At_All"), Some("'; DROP TABLE sessions; --"), Some("Area/Place+3")] {
        let mut world = World::with([], |session| session.visitor.time_zone = own.map(str::to_owned)).await;
        assert_eq!(waits(&mut world, "Atlantis/Capital", noon_in_tokyo).await, Some(5 * 60), "{own:?}");
        assert_eq!(waits(&mut world, "Asia/Tokyo", noon_in_tokyo).await, None, "{own:?}");
    }
}

#[tokio::test]
async fn quiet_hours_follow_the_change_of_the_clock() {
    let mut world = World::with([], |session| session.visitor.time_zone = Some("Europe/Berlin".to_owned())).await;
    // One night is an hour shorter and the other an hour longer; both tests start at 22:00.
    assert_eq!(waits(&mut world, "UTC", || "2026-03-28T21:00:00Z".parse().unwrap()).await, Some(9 * 60));
    assert_eq!(waits(&mut world, "UTC", || "2026-10-24T20:00:00Z".parse().unwrap()).await, Some(11 * 60));
}

#[tokio::test]
async fn after_quiet_hours_a_mail_is_decided_on_again() {
    let mut world = World::new([]).await;
    assert_eq!(waits(&mut world, "UTC", || "2026-11-23T07:00:00Z".parse().unwrap()).await, Some(60));
    world.suppress("ana@example.com", SuppressionReason::Unsubscribed).await;
    world.context.clock = || "2026-11-23T08:00:00Z".parse().unwrap();
    assert_eq!(deliver(&world, &world.message()).await, "unsubscribed");
}

#[tokio::test]
async fn quiet_hours_do_not_hold_up_finding_out_whether_a_mail_was_sent() {
    let mut world = World::new([SesAnswer::Lose]).await;
    assert!(matches!(world.outcome().await, Outcome::Wait { code: mail::OUTCOME_UNKNOWN, .. }));
    let always = json!({ "from": "00:00", "to": "23:59" });
    world.save(|settings| settings.email.quiet_hours = Some(serde_json::from_value(always).unwrap())).await;
    world.context.clock = || Utc::now() + chrono::TimeDelta::seconds(901);
    assert!(matches!(world.deliver().await.unwrap(), Outcome::Final { .. }));
}
