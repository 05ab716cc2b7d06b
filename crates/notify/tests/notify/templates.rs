//! Templates of a mail, and templates that cannot make one.

use domain::settings::TenantSettings;
use serde_json::Value;
use stage::{Failure, Outcome, error_chain};
use store::email_log::EmailStatus;
use store::email_templates::NewTemplate;

use crate::world::World;
use mail::testing::SesAnswer;

async fn save(world: &World, name: &str, locale: &str, text: &str) -> i32 {
    let tenant_id = &world.session.tenant_id;
    let new = NewTemplate { tenant_id, name, locale, subject: "About {{ date }}", text, html: "<p>{{ business }}</p>" };
    world.database.store.save_template(&new).await.unwrap().unwrap()
}

fn named(name: &str) -> impl FnOnce(&mut TenantSettings) {
    move |settings| {
        settings.email.template = name.parse().unwrap();
        settings.email.default_locale = "de".parse().unwrap();
    }
}

async fn sent_text(world: &World) -> String {
    assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
    world.sent().pop().unwrap()["Content"]["Simple"]["Body"]["Text"]["Data"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_newest_version_in_the_first_locale_of_the_chain_is_sent_and_recorded() {
    for (saved, visitors, expected) in [
        (&["pt-BR", "pt", "de"][..], Some("pt-br"), Some("pt-BR")),
        (&["de", "pt"], Some("pt-BR"), Some("pt")),
        (&["pt-PT", "de"], Some("pt-BR"), Some("de")),
        (&["pt", "de"], None, Some("de")),
        (&["de"], Some("not a locale"), Some("de")),
    ] {
        let world = World::with([], |session| session.visitor.locale = visitors.map(str::to_owned)).await;
        world.save(named("follow-up")).await;
        for locale in saved {
            save(&world, "follow-up", locale, "old").await;
            assert_eq!(save(&world, "follow-up", locale, &format!("new {locale}")).await, 2);
        }
        let text = sent_text(&world).await;
        let email = world.email().await;
        assert_eq!((text.strip_prefix("new "), email.locale.as_deref()), (expected, expected), "{visitors:?}");
        assert_eq!((email.template.as_str(), email.template_version), ("follow-up", Some(2)));
    }
}

#[tokio::test]
async fn a_tenants_session_summary_comes_before_the_built_in_one() {
    let world = World::new([]).await;
    save(&world, "session-summary", "en", "ours").await;
    assert_eq!(sent_text(&world).await, "ours");

    let world = World::with([], |session| session.visitor.locale = Some("de-AT".to_owned())).await;
    save(&world, "session-summary", "fr", "ours").await;
    assert!(sent_text(&world).await.len() > 100, "the built-in one");
    let email = world.email().await;
    assert_eq!((email.template.as_str(), email.template_version), ("session-summary", None));
    assert_eq!(email.locale.as_deref(), Some("de"));
}

#[tokio::test]
async fn a_template_that_is_not_saved_is_final() {
    let world = World::new([]).await;
    world.save(named("follow-up")).await;
    save(&world, "follow-up", "fr", "Bonjour").await;
    let error = world.deliver().await.unwrap_err();
    assert_eq!((error.code().as_str(), error.is_retryable()), ("template_not_found", false));
    assert_eq!(world.status().await, (EmailStatus::Failed, Some("template_not_found".to_owned())));
    save(&world, "follow-up", "en", "Hello").await;
    assert_eq!(sent_text(&world).await, "Hello", "a replay, after it was saved");
}

#[tokio::test]
async fn a_template_that_fails_is_final_and_its_error_holds_nothing_of_the_visitor() {
    for text in ["{{ internal.category }}", "{{ summary.nope }}", "{% for a in summary %}", "{{ summary | nope }}"] {
        let world = World::new([]).await;
        world.save(named("follow-up")).await;
        save(&world, "follow-up", "de", text).await;
        let error = world.deliver().await.unwrap_err();
        assert_eq!((error.code().as_str(), error.is_retryable()), ("template_failed", false), "{text}");
        let chain = error_chain(&error);
        assert!(!chain.contains("dishwasher") && !chain.contains("Ana") && !chain.contains('@'), "{chain}");
        assert_eq!(world.sent(), Vec::<Value>::new(), "{text}");
        assert_eq!(world.status().await, (EmailStatus::Failed, Some("template_failed".to_owned())));
    }
}

#[tokio::test]
async fn a_template_that_is_renamed_between_two_deliveries_sends_no_second_mail() {
    for lost in [None, Some(SesAnswer::Lose)] {
        let world = World::new(lost.clone()).await;
        world.outcome().await;
        world.save(named("follow-up")).await;
        save(&world, "follow-up", "de", "another").await;
        world.outcome().await;
        if lost.is_some() {
            world.send_event().await;
        }
        assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
        assert_eq!(world.sent().len(), 1);
        assert_eq!(world.email().await.template, "session-summary", "as it was sent");
    }
}

#[tokio::test]
async fn a_mail_that_waited_is_made_of_what_the_settings_say_when_it_leaves() {
    let world = World::new([SesAnswer::Refuse(429, "ThrottlingException", "")]).await;
    assert!(matches!(world.outcome().await, Outcome::Wait { .. }));
    world.save(named("follow-up")).await;
    save(&world, "follow-up", "de", "another").await;
    assert_eq!(sent_text(&world).await, "another");
    let email = world.email().await;
    assert_eq!((email.template.as_str(), email.template_version, email.attempts), ("follow-up", Some(1), 2));
}

#[tokio::test]
async fn the_fixed_sentences_of_a_template_are_in_its_language_not_the_visitors() {
    let world = World::with([], |session| session.visitor.locale = Some("en-GB".to_owned())).await;
    world.save(named("follow-up")).await;
    save(&world, "follow-up", "de", "{{ lang }}: {{ phrases.greeting }} {{ date }}").await;
    assert_eq!(sent_text(&world).await, "de: Guten Tag Ana López, 22. November 2026");
}

#[tokio::test]
async fn the_date_is_that_of_the_visitors_clock_and_of_utc_where_it_is_not_known() {
    for (zone, expected) in [
        (Some("Pacific/Kiritimati"), "23 November 2026"),
        (Some("America/New_York"), "22 November 2026"),
        (Some("Nowhere/At_All"), "22 November 2026"),
        (None, "22 November 2026"),
    ] {
        let world = World::with([], |session| session.visitor.time_zone = zone.map(str::to_owned)).await;
        assert_eq!(world.deliver().await.unwrap(), Outcome::Done);
        let mail = world.sent().remove(0);
        let subject = mail["Content"]["Simple"]["Subject"]["Data"].as_str().unwrap();
        assert!(subject.ends_with(expected), "{zone:?}: {subject}");
    }
}
