//! What a tenant configures: checked before it is saved, so that no session is the first to find a mistake.

use domain::id::{TemplateName, TenantId};
use domain::locale::Locale;
use domain::settings::{EmailSettings, TenantSettings};
use mail::{Show, TemplateSource};
use serde_json::Value;
use store::email_templates::{NewTemplate, StoredTemplate};

use crate::{Context, Error};

/// Characters of a tenant's name: it stands in subjects and signatures.
const MAX_NAME_CHARS: usize = 100;

/// Returns the settings' new version.
pub(crate) async fn save_settings<Q>(
    context: &Context<Q>,
    tenant: &TenantId,
    name: &str,
    mut settings: Value,
) -> Result<i32, Error> {
    let length = name.chars().count();
    if !(1..=MAX_NAME_CHARS).contains(&length) || name.trim() != name || name.chars().any(char::is_control) {
        return Err(Error::TenantName { max: MAX_NAME_CHARS });
    }
    let read = read(settings.clone())?;
    check_template(context, tenant, &read.email).await?;
    // As it was given, in its form: a field that is not there follows its default, also in a later release.
    settings["version"] = read.version.get().into();
    let version = context.store.save_tenant(tenant, name, &settings).await.map_err(Error::Save)?;
    tracing::info!(tenant.id = %tenant, settings_version = version, "saved settings");
    Ok(version)
}

fn read(settings: Value) -> Result<TenantSettings, Error> {
    let refused = |path: &str, problem: &str| Error::Settings { path: path.to_owned(), problem: problem.to_owned() };
    // A list would be read as the fields' values in their order.
    let sections = settings.as_object().ok_or_else(|| refused(".", "must be an object"))?;
    if let Some((name, _)) = sections.iter().find(|(_, section)| section.is_array()) {
        return Err(refused(name, "must be an object"));
    }
    let settings: TenantSettings = serde_path_to_error::deserialize(settings)
        .map_err(|error| refused(&error.path().to_string(), &error.inner().to_string()))?;
    match contradiction(&settings.email) {
        Some((path, problem)) => Err(refused(path, problem)),
        None => Ok(settings),
    }
}

/// What is right in itself, and wrong together.
fn contradiction(email: &EmailSettings) -> Option<(&'static str, &'static str)> {
    if let (Some(min), Some(max)) = (email.min_sentiment, email.max_sentiment)
        && min > max
    {
        return Some(("email.min_sentiment", "must not be above email.max_sentiment"));
    }
    let quiet = email.quiet_hours.as_ref();
    quiet.filter(|hours| hours.from == hours.to).map(|_| ("email.quiet_hours", "from and to must differ"))
}

/// There must be the template in the locale that visitors of any other get, and in every locale it must render with
/// what these settings show.
async fn check_template<Q>(context: &Context<Q>, tenant: &TenantId, email: &EmailSettings) -> Result<(), Error> {
    let (name, default) = (&email.template, &email.default_locale);
    let saved = context.store.templates(tenant, name.as_ref()).await.map_err(Error::Save)?;
    let is_default = |saved: &StoredTemplate| [default.as_ref(), default.language()].contains(&saved.locale.as_str());
    if !name.is_built_in() && !saved.iter().any(is_default) {
        let problem = format!("template {name} is not saved for the locale {default}, the email.default_locale");
        return Err(Error::Settings { path: "email.template".to_owned(), problem });
    }
    for StoredTemplate { locale, subject, text, html, .. } in saved {
        let checked = mail::check(&TemplateSource { subject, text, html }, &Show::from(email));
        checked.map_err(|source| Error::SavedTemplate { name: name.clone(), locale, source })?;
    }
    Ok(())
}

/// A template to save.
pub(crate) struct Wanted {
    pub(crate) tenant_id: TenantId,
    pub(crate) name: TemplateName,
    pub(crate) locale: Locale,
    pub(crate) source: TemplateSource,
}

/// Returns the template's new version.
pub(crate) async fn save_template<Q>(context: &Context<Q>, wanted: &Wanted) -> Result<i32, Error> {
    let Wanted { tenant_id, name, locale, source } = wanted;
    let unknown = || Error::UnknownTenant(tenant_id.clone());
    let tenant = context.store.tenant::<Settings>(tenant_id).await.map_err(Error::Save)?.ok_or_else(unknown)?;
    mail::check(source, &Show::from(&tenant.settings.email)).map_err(Error::Template)?;
    let TemplateSource { subject, text, html } = source;
    let new = NewTemplate { tenant_id, name: name.as_ref(), locale: locale.as_ref(), subject, text, html };
    let version = context.store.save_template(&new).await.map_err(Error::Save)?.ok_or_else(unknown)?;
    tracing::info!(tenant.id = %tenant_id, template = %name, %locale, version, "saved a template");
    Ok(version)
}

/// The section of the settings that is needed here.
#[derive(serde::Deserialize)]
struct Settings {
    #[serde(default)]
    email: EmailSettings,
}
