//! Settings and templates are checked when they are saved.

use housekeep::{Error, HousekeepTask, SaveSettingsReport, SaveSettingsRequest, SaveTemplateRequest, TaskReport};
use lambda_runtime::Diagnostic;
use serde_json::{Value, json};

use crate::world::{World, tenant};

fn settings(settings: Value) -> HousekeepTask {
    settings_of("acme", "Acme", settings)
}

fn settings_of(tenant_id: &str, name: &str, settings: Value) -> HousekeepTask {
    let (tenant_id, name) = (tenant(tenant_id), name.to_owned());
    HousekeepTask::SaveSettings(SaveSettingsRequest { tenant_id, name, settings })
}

fn template(name: &str, locale: &str, subject: &str) -> HousekeepTask {
    template_of("acme", name, locale, subject)
}

fn template_of(tenant_id: &str, name: &str, locale: &str, subject: &str) -> HousekeepTask {
    HousekeepTask::SaveTemplate(SaveTemplateRequest {
        tenant_id: tenant(tenant_id),
        name: name.parse().unwrap(),
        locale: locale.parse().unwrap(),
        subject: subject.to_owned(),
        text: "{{ date }}".to_owned(),
        html: "<p>{{ date }}</p>".to_owned(),
    })
}

async fn refusal(world: &World, task: HousekeepTask) -> String {
    Diagnostic::from(world.handle(task).await.unwrap_err()).error_message
}

#[tokio::test]
async fn settings_are_saved_with_a_version_that_counts() {
    let world = World::new([]).await;
    for version in [2, 3] {
        let report = world.handle(settings(json!({ "email": { "enabled": false } }))).await.unwrap();
        assert_eq!(serde_json::to_value(&report).unwrap(), json!({ "settings_version": version }));
    }
    let report = world.handle(settings_of("new", "New & Co", json!({}))).await.unwrap();
    assert_eq!(report, TaskReport::SaveSettings(SaveSettingsReport { settings_version: 1 }));
    assert_eq!(world.texts("SELECT name FROM tenants ORDER BY name").await, ["Acme", "New & Co"]);
}

#[tokio::test]
async fn a_wrong_setting_is_refused_with_its_place_and_nothing_is_saved() {
    let world = World::new([]).await;
    for (document, expected) in [
        (json!({ "email": { "enable": false } }), "email.enable: unknown field, expected one of `enabled`, "),
        (json!({ "emails": {} }), "emails: unknown field, expected one of `version`, "),
        (json!({ "version": 2 }), "version: must be between 1 and 1"),
        (
            json!({ "email": { "quiet_hours": { "from": "25:00", "to": "08:00" } } }),
            "email.quiet_hours.from: must be a time of day",
        ),
        (
            json!({ "email": { "quiet_hours": { "from": "08:00", "to": "08:00" } } }),
            "email.quiet_hours: from and to must differ",
        ),
        (json!({ "email": { "min_sentiment": 0.5, "max_sentiment": 0.4 } }), "email.min_sentiment: must not be above"),
        (
            json!({ "redaction": { "patterns": [{ "name": "k", "pattern": "KD-(" }] } }),
            "invalid redaction pattern \"k\": unclosed group",
        ),
        (
            json!({ "alerts": { "thresholds": [{ "failures": 0, "minutes": 5 }] } }),
            "alerts.thresholds[0].failures: must be between 1",
        ),
        (json!({ "alerts": { "admins": ["ops@example.com", "nobody"] } }), "alerts.admins[1]: not an e-mail address"),
        (json!({ "alerts": { "admins": "ops@example.com" } }), "alerts.admins: must be a sequence"),
        (
            json!({ "email": { "template": "welcome" } }),
            "email.template: template welcome is not saved for the locale en, the email.default_locale",
        ),
        (json!([]), ".: must be an object"),
        (json!({ "email": [false] }), "email: must be an object"),
    ] {
        let error = refusal(&world, settings(document.clone())).await;
        assert!(error.starts_with("invalid settings: ") && error.contains(expected), "{document}: {error}");
        assert!(!error.contains("ops@"), "{error}");
    }
    for name in ["", " Acme", "Ac\nme", &"x".repeat(101)] {
        let error = refusal(&world, settings_of("acme", name, json!({}))).await;
        assert!(error.starts_with("invalid name: must have 1 to 100 characters"), "{name:?}: {error}");
    }
    assert_eq!(world.texts("SELECT settings_version::text FROM tenants").await, ["1"]);
}

#[tokio::test]
async fn a_template_is_saved_as_the_next_version_of_its_name_and_locale() {
    let world = World::new([]).await;
    for (locale, version) in [("en", 1), ("en", 2), ("pt-br", 1)] {
        let report = world.handle(template("welcome", locale, "Hello")).await.unwrap();
        let locale = locale.replace("br", "BR");
        let expected = json!({ "template": "welcome", "locale": locale, "version": version });
        assert_eq!(serde_json::to_value(&report).unwrap(), expected);
    }
    world.handle(settings(json!({ "email": { "template": "welcome" } }))).await.unwrap();
    let error = refusal(&world, settings(json!({ "email": { "template": "welcome", "default_locale": "de" } }))).await;
    assert!(error.contains("not saved for the locale de"), "{error}");
}

#[tokio::test]
async fn a_template_that_would_make_no_mail_is_refused_with_its_place() {
    let world = World::new([]).await;
    for (subject, expected) in [
        ("{% if %}", "invalid subject part, line 1: "),
        ("Hello\n{{ vistor }}", "invalid subject part, line 2: unknown name `vistor`; known are lang, "),
        ("{{ internal.category.label }}", "invalid subject part, line 1: unknown name `internal`"),
        ("{{ visitor }}", "invalid subject part, line 1: "),
    ] {
        let error = refusal(&world, template("welcome", "en", subject)).await;
        assert!(error.contains(expected), "{subject}: {error}");
    }
    assert!(world.texts("SELECT name FROM email_templates").await.is_empty());
}

#[tokio::test]
async fn settings_that_take_from_a_saved_template_what_it_shows_are_refused() {
    let world = World::new([]).await;
    let email = |show: bool| json!({ "email": { "template": "welcome", "show_internal": show } });
    world.handle(settings(json!({ "email": { "show_internal": true } }))).await.unwrap();
    world.handle(template("welcome", "en", "Hello{% if internal.category %} again{% endif %}")).await.unwrap();
    world.handle(settings(email(true))).await.unwrap();
    let error = world.handle(settings(email(false))).await.unwrap_err();
    assert!(matches!(error, Error::SavedTemplate { .. }), "{error:?}");
}

#[tokio::test]
async fn settings_must_suit_a_template_in_every_locale_it_is_saved_in() {
    let world = World::new([]).await;
    world.handle(settings(json!({ "email": { "show_internal": true } }))).await.unwrap();
    world.handle(template("welcome", "en", "Hello")).await.unwrap();
    world.handle(template("welcome", "fr", "Bonjour{% if internal.category %} encore{% endif %}")).await.unwrap();
    let error = refusal(&world, settings(json!({ "email": { "template": "welcome" } }))).await;
    assert!(error.contains("template welcome in fr makes no mail of a sample session with these settings"), "{error}");
    world.handle(template("welcome", "fr", "Bonjour")).await.unwrap();
    world.handle(settings(json!({ "email": { "template": "welcome" } }))).await.unwrap();
}

#[tokio::test]
async fn settings_are_kept_as_they_were_given() {
    let world = World::new([]).await;
    let given =
        json!({ "version": 1, "email": { "from_name": "Acme", "quiet_hours": { "from": "21:00", "to": "08:00" } } });
    world.handle(settings(json!({ "email": given["email"] }))).await.unwrap();
    let kept = world.texts("SELECT settings::text FROM tenants").await.remove(0);
    assert_eq!(serde_json::from_str::<Value>(&kept).unwrap(), given, "what is not there follows its default");
}

#[tokio::test]
async fn a_template_of_an_unknown_tenant_is_refused() {
    let world = World::new([]).await;
    let error = refusal(&world, template_of("acne", "welcome", "en", "Hello")).await;
    assert_eq!(error, "unknown tenant acne: save its settings first");
}
