use std::collections::BTreeSet;

use domain::id::TenantId;
use futures_util::future::join_all;
use store::email_templates::NewTemplate;

use crate::World;

fn template<'a>(tenant_id: &'a TenantId, locale: &'a str, subject: &'a str) -> NewTemplate<'a> {
    NewTemplate { tenant_id, name: "welcome", locale, subject, text: "text", html: "html" }
}

#[tokio::test]
async fn the_newest_version_in_the_first_locale_that_is_saved_is_used() {
    let world = World::new().await;
    let (store, tenant) = (world.store(), &world.tenant);
    for (locale, subject, version) in [("pt", "olá", 1), ("en", "hello", 1), ("pt", "oi", 2)] {
        let saved = store.save_template(&template(tenant, locale, subject)).await.unwrap();
        assert_eq!(saved, Some(version));
    }
    let found = store.template(tenant, "welcome", &["pt-BR", "pt", "en"]).await.unwrap().unwrap();
    assert_eq!((found.locale.as_str(), found.version, found.subject.as_str()), ("pt", 2, "oi"));
    let found = store.template(tenant, "welcome", &["en", "pt"]).await.unwrap().unwrap();
    assert_eq!((found.locale.as_str(), found.version), ("en", 1));
    assert_eq!(store.template(tenant, "welcome", &["de"]).await.unwrap(), None);
    assert_eq!(store.template(tenant, "other", &["en"]).await.unwrap(), None);
}

#[tokio::test]
async fn templates_saved_at_once_are_versions_of_their_own() {
    let world = World::new().await;
    let new = template(&world.tenant, "en", "hello");
    let saved = join_all((0..8).map(async |_| world.store().save_template(&new).await.unwrap().unwrap())).await;
    assert_eq!(saved.into_iter().collect::<BTreeSet<_>>(), (1..=8).collect());
    let nobody: TenantId = "nobody".parse().unwrap();
    assert_eq!(world.store().save_template(&template(&nobody, "en", "hello")).await.unwrap(), None);
}
