//! Saves settings and templates, checked first so that a mistake is found before a session meets it.

use domain::id::TenantId;
use domain::settings::{EmailSettings, TenantSettings};
use mail::{Show, TemplateSource};
use serde_json::Value;
use store::email_templates::{NewTemplate, StoredTemplate};

use crate::integrations::problem;
use crate::{Context, Error, SaveSettingsReport, SaveSettingsRequest, SaveTemplateReport, SaveTemplateRequest};

/// Characters of a tenant's name, which appears in subjects and signatures.
const MAX_NAME_CHARS: usize = 100;

/// Saves valid settings with which every saved version of their template renders.
pub(crate) async fn save_settings<Q>(
    context: &Context<Q>,
    request: SaveSettingsRequest,
) -> Result<SaveSettingsReport, Error> {
    let SaveSettingsRequest { tenant_id, name, mut settings } = request;
    let length = name.chars().count();
    if !(1..=MAX_NAME_CHARS).contains(&length) || name.trim() != name || name.chars().any(char::is_control) {
        return Err(Error::TenantName { max: MAX_NAME_CHARS });
    }
    let read = read(settings.clone())?;
    check_template(context, &tenant_id, &read.email).await?;
    // Saved as given, not as parsed: a missing field then follows its default, also when a later release changes it.
    settings["version"] = read.version.get().into();
    let settings_version = context.store.save_tenant(&tenant_id, &name, &settings).await?;
    tracing::info!(tenant.id = %tenant_id, settings_version, "settings saved");
    Ok(SaveSettingsReport { settings_version })
}

fn read(settings: Value) -> Result<TenantSettings, Error> {
    let refused = |path: &str, problem: &str| Error::Settings { path: path.to_owned(), problem: problem.to_owned() };
    // Serde reads a list as the fields' values in their order.
    let sections = settings.as_object().ok_or_else(|| refused(".", "must be an object"))?;
    if let Some((name, _)) = sections.iter().find(|(_, section)| section.is_array()) {
        return Err(refused(name, "must be an object"));
    }
    let settings: TenantSettings = serde_path_to_error::deserialize(settings)
        .map_err(|error| refused(&error.path().to_string(), &problem::of(error.inner())))?;
    match contradiction(&settings.email) {
        Some((path, problem)) => Err(refused(path, problem)),
        None => Ok(settings),
    }
}

/// Finds fields that contradict each other.
fn contradiction(email: &EmailSettings) -> Option<(&'static str, &'static str)> {
    if let (Some(min), Some(max)) = (email.min_sentiment, email.max_sentiment)
        && min > max
    {
        return Some(("email.min_sentiment", "must not be above email.max_sentiment"));
    }
    let quiet = email.quiet_hours.as_ref();
    quiet.filter(|hours| hours.from == hours.to).map(|_| ("email.quiet_hours", "from and to must differ"))
}

/// Checks that the template exists in the default locale, and that it renders in every locale with what the settings
/// show.
async fn check_template<Q>(context: &Context<Q>, tenant: &TenantId, email: &EmailSettings) -> Result<(), Error> {
    let (name, default) = (&email.template, &email.default_locale);
    let saved = context.store.templates(tenant, name.as_ref()).await?;
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

/// Saves a version of a template that renders with the tenant's settings.
pub(crate) async fn save_template<Q>(
    context: &Context<Q>,
    request: SaveTemplateRequest,
) -> Result<SaveTemplateReport, Error> {
    let SaveTemplateRequest { tenant_id, name, locale, subject, text, html } = request;
    let unknown = || Error::UnknownTenant(tenant_id.clone());
    let tenant = context.store.tenant::<MailSection>(&tenant_id).await?.ok_or_else(unknown)?;
    let source = TemplateSource { subject, text, html };
    mail::check(&source, &Show::from(&tenant.settings.email)).map_err(Error::Template)?;
    let TemplateSource { subject, text, html } = &source;
    let new = NewTemplate { tenant_id: &tenant_id, name: name.as_ref(), locale: locale.as_ref(), subject, text, html };
    let version = context.store.save_template(&new).await?.ok_or_else(unknown)?;
    tracing::info!(tenant.id = %tenant_id, template = %name, %locale, version, "template saved");
    Ok(SaveTemplateReport { template: name, locale, version })
}

/// Section of the tenant's settings about mails.
#[derive(serde::Deserialize)]
struct MailSection {
    #[serde(default)]
    email: EmailSettings,
}
