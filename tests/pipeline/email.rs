//! Mails as a tenant has set them up.

use pipeline_tests::{Queue, World, eventually, on_the_stack};
use serde_json::{Value, json};

/// Parts of the analysis that a visitor must not read.
async fn internals(world: &World, session: &str) -> Vec<String> {
    let analysis = world.analysis(session).await.unwrap();
    let at = |path: &str| analysis.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let paths = ["/category/justification/reasoning", "/sentiment/patterns/0", "/insights/0/text"];
    let mut internals: Vec<_> = paths.into_iter().filter_map(at).collect();
    internals.push("Facing Issue".to_owned());
    internals.push("facing_issue".to_owned());
    internals
}

fn template(world: &World, locale: &str, subject: &str) -> Value {
    json!({
        "task": "save_template", "tenant_id": world.tenant, "name": "welcome", "locale": locale, "subject": subject,
        "text": "{{ phrases.greeting }}\n{% for point in summary %}{{ point }}\n{% endfor %}",
        "html": "<!doctype html><html lang=\"{{ lang }}\"><body><p>{{ summary | join(' ') }}</p></body></html>",
    })
}

#[tokio::test]
async fn what_is_internal_is_in_no_part_of_a_mail() {
    let settings = json!({ "email": {
        "show_transcript": true, "attachments": ["transcript_txt", "transcript_html", "analytics_json"]
    } });
    on_the_stack("internal", settings, async |world| {
        world.send("s-1").await;
        world.completed("s-1").await;
        let mail = world.mails().await.remove(0);
        let names: Vec<_> = mail["attachments"].as_array().unwrap().iter().map(|file| file["name"].clone()).collect();
        assert_eq!(names.len(), 3, "{names:?}");
        assert!(mail["html"].as_str().unwrap().contains("is broken again"), "the transcript is shown");
        for internal in internals(world, "s-1").await {
            assert!(!mail.to_string().contains(&internal), "{internal}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_saved_template_is_used_in_the_visitors_language_or_the_tenants() {
    let settings = json!({ "email": { "template": "welcome", "default_locale": "es" } });
    on_the_stack("template", json!({}), async |world| {
        for (locale, greeting) in [("es", "Hola"), ("pt", "Olá"), ("pt", "Oi")] {
            let subject = format!("{greeting}{{% if visitor %}} {{{{ visitor }}}}{{% endif %}}");
            world.housekeep(template(world, locale, &subject)).await;
        }
        world.save_settings(settings).await;
        let mut portuguese = world.notification("s-1");
        portuguese["visitor"]["locale"] = json!("pt-BR");
        assert_eq!(world.post(&portuguese).await.0, 202);
        world.completed("s-1").await;
        assert_eq!(world.mails().await[0]["subject"], "Oi Ana Lopez", "the newest version of the nearest language");
        world.send("s-2").await;
        world.completed("s-2").await;
        let mails = world.mails().await;
        assert!(mails.iter().any(|mail| mail["subject"] == "Hola Ana Lopez"), "{mails:#?}");
        let log =
            "SELECT template, template_version, locale FROM email_log WHERE tenant_id = $1 AND session_id = 's-1'";
        let row = world.database().await.query_one(log, &[&world.tenant.as_ref()]).await.unwrap();
        assert_eq!((row.get::<_, &str>(0), row.get::<_, i32>(1), row.get::<_, &str>(2)), ("welcome", 2, "pt"));
    })
    .await;
}

#[tokio::test]
async fn a_template_that_would_fail_or_shows_what_is_internal_is_not_saved() {
    on_the_stack("bad-template", json!({}), async |world| {
        for (subject, expected) in [
            ("{{ nobody }}", "nobody"),
            ("{{ internal.category.label }}", "internal"),
            ("{{ visitor", "subject"),
            ("{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}", "subject"),
        ] {
            let (answer, failed) = world.stack.invoke("housekeep", &template(world, "en", subject)).await;
            assert!(failed && answer.to_string().contains(expected), "{subject}: {answer}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_mail_in_quiet_hours_is_sent_when_they_end() {
    let all_day =
        json!({ "email": { "quiet_hours": { "from": "00:00", "to": "23:59", "time_zone": "Europe/Berlin" } } });
    on_the_stack("quiet", all_day, async |world| {
        world.send("s-1").await;
        let waits = async || {
            world.session("s-1").await.is_some_and(|now| {
                now.steps
                    .get("notify")
                    .is_some_and(|(status, code)| status == "waiting" && code.as_deref() == Some("quiet_hours"))
            })
        };
        assert!(eventually(waits).await, "{:#?}", world.session("s-1").await);
        assert!(world.mails().await.is_empty());
        world.save_settings(json!({})).await;
        world.end_waiting("s-1").await;
        world.housekeep(json!({ "task": "requeue" })).await;
        world.completed("s-1").await;
        assert_eq!(world.mails().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_visitor_gets_one_mail_within_the_set_hours() {
    on_the_stack("seldom", json!({ "email": { "min_hours_between_mails": 24 } }), async |world| {
        world.send("s-1").await;
        world.completed("s-1").await;
        world.send("s-2").await;
        assert_eq!(world.completed("s-2").await.step("notify"), "skipped: too_soon");
        assert_eq!(world.mails().await.len(), 1);
        assert_eq!(world.email("s-2").await, Some(("skipped".to_owned(), Some("too_soon".to_owned()))));
    })
    .await;
}

#[tokio::test]
async fn an_address_that_bounced_for_good_is_not_mailed_again() {
    on_the_stack("bounced", json!({}), async |world| {
        world.send("s-1").await;
        world.completed("s-1").await;
        let bounce = json!({
            "bounceType": "Permanent", "bounceSubType": "General", "timestamp": "2026-11-22T10:05:03.000Z",
            "bouncedRecipients": [{ "emailAddress": world.visitor(), "status": "5.1.1" }]
        });
        world.publish("Bounce", bounce).await;
        assert!(eventually(async || world.email("s-1").await.unwrap().0 == "bounced").await);
        world.send("s-2").await;
        assert_eq!(world.completed("s-2").await.step("notify"), "skipped: hard_bounced");
    })
    .await;
}

#[tokio::test]
async fn a_visitor_who_withdrew_consent_is_not_mailed() {
    on_the_stack("consent", json!({}), async |world| {
        let mut withdrawn = world.notification("s-1");
        withdrawn["visitor"]["email_consent"] = json!("withdrawn");
        assert_eq!(world.post(&withdrawn).await.0, 202);
        assert_eq!(world.completed("s-1").await.step("notify"), "skipped: consent_withdrawn");
    })
    .await;
}

#[tokio::test]
async fn a_mail_whose_outcome_stays_unknown_is_sent_again_where_the_tenant_says_so() {
    on_the_stack("resend", json!({ "email": { "on_unknown": "resend" } }), async |world| {
        let lost = json!({ "match": "POST outbound-emails", "body_match": world.visitor(), "drop_after": true });
        world.fault("ses", lost).await;
        world.send("s-1").await;
        world.completed("s-1").await;
        assert_eq!(world.mails().await.len(), 2, "SES had taken the first one, and no event said so");
        assert_eq!(world.email("s-1").await.unwrap().0, "sent");
    })
    .await;
}

#[tokio::test]
async fn a_throttled_mail_uses_up_no_delivery() {
    on_the_stack("throttled", json!({}), async |world| {
        let throttled = json!({
            "match": "POST outbound-emails", "body_match": world.visitor(), "times": 8, "exception": "TooManyRequestsException"
        });
        world.fault("ses", throttled).await;
        world.send("s-1").await;
        world.completed("s-1").await;
        assert_eq!(world.mails().await.len(), 1);
        assert!(!world.is_queued(Queue::Notify).await);
    })
    .await;
}
