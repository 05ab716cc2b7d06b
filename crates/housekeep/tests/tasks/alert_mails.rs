//! Delivery of an alert's mails.

use std::time::{Duration, Instant};

use housekeep::{AlertsReport, HousekeepTask};
use mail::Sender;
use serde_json::json;

use crate::world::{World, watched};
use mail::testing::{SesAnswer, sdk_config};

const THROTTLED: SesAnswer = SesAnswer::Refuse(429, "ThrottlingException", "Maximum sending rate exceeded.");
const UNVERIFIED: SesAnswer =
    SesAnswer::Refuse(400, "MessageRejected", "Email address is not verified: ops@example.com");

/// A tenant with too many failures, whose admins have had no mail yet.
async fn world(script: impl IntoIterator<Item = SesAnswer>) -> World {
    let world = World::new(script).await;
    world.save("acme", watched()).await;
    world.fail("acme", "notify", "ses_refused", 3).await;
    world
}

#[tokio::test]
async fn an_alert_comes_from_the_deployments_sender_and_names_sessions_and_queues() {
    let world = world([]).await;
    let mut settings = watched();
    settings["alerts"]["admins"] = json!(["ops@example.com", "boss@exämple.de", "jösé@example.com"]);
    settings["email"] = json!({ "from_address": "hello@acme.example", "cc": ["staff@acme.example"] });
    world.save("acme", settings).await;
    world.look().await;
    let mail = &world.ses.requests()[0];
    assert_eq!(mail["FromEmailAddress"], "post@example.org");
    let recipients = json!({ "ToAddresses": ["ops@example.com"], "CcAddresses": ["boss@xn--exmple-cua.de"] });
    assert_eq!(mail["Destination"], recipients);
    let headers = json!([{ "Name": "Auto-Submitted", "Value": "auto-generated" }]);
    assert_eq!(mail["Content"]["Simple"]["Headers"], headers);
    let text = mail["Content"]["Simple"]["Body"]["Text"]["Data"].as_str().unwrap();
    assert!(text.contains("  3 x notify: ses_refused\n") && text.contains("Sessions:\n  s-1\n"), "{text}");
    assert!(text.contains("sqs/v3/home?region=eu-west-1#/queues/notify-dead\n"), "{text}");
}

#[tokio::test]
async fn a_mail_that_ses_surely_has_not_got_is_sent_by_a_later_run() {
    for (refusal, code) in [(THROTTLED, "ses_throttled"), (UNVERIFIED, "ses_message_rejected")] {
        let world = world([refusal.clone(), refusal]).await;
        for _ in 0..2 {
            let report = world.look().await;
            assert_eq!((report.mailed, report.mails_failed), (0, 1));
            assert_eq!(world.alerts().await, [format!("all:3/10 open pending {code}")]);
            world.minutes_pass(4).await;
            assert_eq!(world.look().await.mails_failed, 0, "not each minute");
            world.minutes_pass(1).await;
        }
        assert_eq!(world.look().await.mailed, 1);
        assert_eq!(world.alerts().await, ["all:3/10 open sent"]);
    }
}

#[tokio::test]
async fn a_ses_that_cannot_be_reached_is_tried_again() {
    let mut world = world([]).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let sender =
        std::mem::replace(&mut world.context.sender, Sender::new(&sdk_config(&format!("http://{closed}")), None));
    assert_eq!(world.look().await.mails_failed, 1);
    assert_eq!(world.alerts().await, ["all:3/10 open pending ses_unreachable"]);
    world.context.sender = sender;
    world.minutes_pass(5).await;
    assert_eq!(world.look().await.mailed, 1);
}

#[tokio::test]
async fn a_mail_that_ses_may_have_is_held_and_the_alert_stays_open() {
    for answer in [SesAnswer::Lose, SesAnswer::Cut, SesAnswer::Gateway(504)] {
        let world = world([answer]).await;
        assert_eq!(world.look().await.mails_failed, 1);
        for _ in 0..3 {
            world.minutes_pass(1).await;
            assert_eq!((world.look().await.mails_failed, world.mails().len()), (0, 1));
        }
        assert_eq!(world.alerts().await, ["all:3/10 open unknown outcome_unknown"]);
        world.minutes_pass(13).await;
        assert_eq!(
            world.look().await.mailed,
            1,
            "the admins may have got the first mail, so they get the second one too"
        );
    }
}

#[tokio::test]
async fn a_run_that_died_while_it_sent_leaves_a_mail_that_is_held_and_counted() {
    let world = world([]).await;
    world.look().await;
    world.sql("UPDATE alerts SET mail_status = 'sending'").await;
    world.minutes_pass(5).await;
    assert_eq!(
        world.look().await,
        AlertsReport { tenants: 1, complete: true, ..AlertsReport::default() },
        "it may live"
    );
    world.sql("UPDATE alerts SET mail_at = mail_at - interval '15 minutes'").await;
    assert_eq!(world.look().await.mails_failed, 1);
    assert_eq!(world.alerts().await, ["all:3/10 open unknown outcome_unknown"]);
    assert_eq!((world.look().await.mails_failed, world.mails().len()), (0, 1));
}

#[tokio::test]
async fn no_more_mails_are_tried_in_a_run_in_which_ses_did_not_take_one() {
    let world = world([SesAnswer::Lose]).await;
    world.fail("acme", "notify", "ses_sending_paused", 1).await;
    let report = world.look().await;
    assert_eq!((report.opened, report.mails_failed, world.mails().len()), (2, 1, 1));
    assert_eq!(world.look().await.mailed, 1);
}

#[tokio::test]
async fn a_refusal_of_one_admin_keeps_no_other_alert_from_being_mailed_and_one_of_the_account_does() {
    for (refusal, mailed) in [(UNVERIFIED, 1), (SesAnswer::Refuse(400, "SendingPausedException", ""), 0)] {
        let world = world([refusal]).await;
        world.fail("acme", "notify", "ses_not_found", 1).await;
        let report = world.look().await;
        assert_eq!((report.opened, report.mails_failed, report.mailed), (2, 1, mailed));
    }
}

#[tokio::test]
async fn a_recovery_before_its_alert_could_be_mailed_is_mailed_after_it() {
    let world = world([THROTTLED, THROTTLED]).await;
    world.look().await;
    world.minutes_pass(16).await;
    let report = world.look().await;
    assert_eq!((report.recovered, report.mailed), (1, 0));
    world.minutes_pass(5).await;
    assert_eq!(world.look().await.mailed, 2);
    assert_eq!(world.subjects()[2..], ["Acme: 3 steps failed (all:3/10)", "Acme: works again (all:3/10)"]);
}

#[tokio::test]
async fn a_mail_that_cannot_be_sent_for_a_day_is_given_up() {
    let world = world([THROTTLED]).await;
    world.look().await;
    world.minutes_pass(24 * 60 + 1).await;
    world.look().await;
    assert_eq!(world.alerts().await, ["all:3/10 recovered failed too_late failed"]);
    assert_eq!(world.mails().len(), 1);
}

#[tokio::test]
async fn without_admins_an_alert_is_only_counted() {
    let world = world([]).await;
    world.save("acme", json!({ "alerts": { "thresholds": [{ "failures": 3, "minutes": 10 }] } })).await;
    let report = world.look().await;
    assert_eq!(report, AlertsReport { tenants: 1, opened: 1, complete: true, ..AlertsReport::default() });
    assert_eq!(world.alerts().await, ["all:3/10 open failed no_admins"]);
    world.minutes_pass(16).await;
    assert_eq!(world.look().await.recovered, 1);
    assert_eq!(
        (world.alerts().await, world.mails().len()),
        (vec!["all:3/10 recovered failed no_admins failed".into()], 0)
    );
}

#[tokio::test]
async fn a_run_without_time_leaves_everything_to_the_next() {
    let world = world([]).await;
    let report =
        housekeep::handle(&world.context, HousekeepTask::Alerts, Instant::now() + Duration::from_secs(1)).await;
    assert_eq!(serde_json::to_value(report.unwrap()).unwrap()["complete"], false);
    assert!(world.alerts().await.is_empty());
    let report =
        housekeep::handle(&world.context, HousekeepTask::Alerts, Instant::now() + Duration::from_secs(9)).await;
    let report = serde_json::to_value(report.unwrap()).unwrap();
    assert_eq!((&report["opened"], &report["mailed"]), (&json!(1), &json!(0)), "no time for SES");
    assert_eq!(world.look().await.mailed, 1);
}
