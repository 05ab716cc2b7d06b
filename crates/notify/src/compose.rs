//! Makes the mail from its source.

use chrono::NaiveDate;
use domain::locale::Locale;
use domain::settings::redaction::ShownText;
use domain::step::Code;
use domain::transcript::Transcript;
use mail::{About, Attachment, Rendered, Template, TemplateSource, VisitorContext, attachments};

use crate::context::Context;
use crate::error::Error;
use crate::source::MailSource;

/// The settings ask for files of the transcript, which was purged or is empty.
const TRANSCRIPT_MISSING: Code = Code::new("transcript_missing");

/// A mail, and the facts about it that the log keeps.
pub(crate) struct Composed {
    pub(crate) mail: Rendered,
    pub(crate) attachments: Vec<Attachment>,
    /// The reason for which attachments are missing.
    pub(crate) left_out: Option<Code>,
    /// The version of a tenant's own template; `None` for the built-in one.
    pub(crate) template_version: Option<i32>,
    pub(crate) locale: String,
}

/// A tenant's own template.
struct FoundTemplate {
    template: Template,
    version: i32,
    locale: String,
}

impl Context {
    pub(crate) async fn compose(&self, source: &MailSource, unsubscribe_url: Option<&str>) -> Result<Composed, Error> {
        let found = self.template(source).await?;
        let transcript = self.transcript(source).await?;
        let template_locale = found.as_ref().and_then(|found| found.locale.parse().ok());
        let about = About {
            settings: &source.settings.email,
            tenant_name: &source.tenant_name,
            session: &source.session,
            analysis: &source.analysis,
            transcript: transcript.as_ref(),
            template_locale: template_locale.as_ref(),
            date: self.date(source).await?,
            unsubscribe_url,
        };
        if about.is_transcript_too_long() {
            tracing::warn!("long transcript left out of mail");
        }
        let template = match &found {
            Some(found) => &found.template,
            None => Template::built_in(),
        };
        let mail = template.render(&VisitorContext::new(&about)).map_err(Error::Template)?;
        let (attachments, left_out) = attached(&about, &mail);
        Ok(Composed {
            mail,
            attachments,
            left_out,
            template_version: found.as_ref().map(|found| found.version),
            locale: found.map_or_else(|| about.language().to_owned(), |found| found.locale),
        })
    }

    /// Loads the tenant's own template in the first locale that exists; `None` stands for the built-in one.
    async fn template(&self, source: &MailSource) -> Result<Option<FoundTemplate>, Error> {
        let settings = &source.settings.email;
        let name = &settings.template;
        let visitors = source.session.visitor.locale();
        let locales = locales(visitors.as_ref(), &settings.default_locale);
        let stored = self.store.template(source.tenant(), name.as_ref(), &locales).await?;
        let Some(stored) = stored else {
            return if name.is_built_in() { Ok(None) } else { Err(Error::NoTemplate(name.clone())) };
        };
        let parts = TemplateSource { subject: stored.subject, text: stored.text, html: stored.html };
        let template = Template::parse(&parts).map_err(Error::Template)?;
        Ok(Some(FoundTemplate { template, version: stored.version, locale: stored.locale }))
    }

    /// Returns the day on which the conversation started, in the visitor's time zone, or in UTC if it is unknown.
    async fn date(&self, source: &MailSource) -> Result<NaiveDate, Error> {
        let started_at = source.session.started_at;
        let Some(zone) = source.session.visitor.time_zone() else { return Ok(started_at.date_naive()) };
        Ok(self.store.local_date(&zone, started_at).await?.unwrap_or_else(|| started_at.date_naive()))
    }

    /// Loads the transcript in the form that mails may show, if the mail shows or attaches it.
    async fn transcript(&self, source: &MailSource) -> Result<Option<Transcript>, Error> {
        let settings = &source.settings;
        if !About::needs_transcript(&settings.email) {
            return Ok(None);
        }
        let said = self.store.transcript(source.tenant(), &source.session.session_id).await?;
        Ok(said.map(|said| match settings.redaction.mails {
            ShownText::Original => said,
            ShownText::Redacted => said.redacted(&settings.redaction.redactor()).transcript,
        }))
    }
}

/// Makes the attachments, or returns the reason to send the mail without them.
fn attached(about: &About<'_>, mail: &Rendered) -> (Vec<Attachment>, Option<Code>) {
    let kinds = &about.settings.attachments;
    let missing = about.transcript.is_none() && kinds.iter().any(|kind| kind.is_transcript());
    match attachments::of(about, mail) {
        Ok(files) => (files, missing.then_some(TRANSCRIPT_MISSING)),
        Err(code) => (Vec::new(), Some(code)),
    }
}

/// Lists the locales of a template in order: the visitor's locale and its language, then the tenant's default.
fn locales<'a>(visitors: Option<&'a Locale>, default: &'a Locale) -> Vec<&'a str> {
    let own = visitors.into_iter().flat_map(|locale| [locale.as_ref(), locale.language()]);
    own.chain([default.as_ref(), default.language()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_looked_for_from_the_visitors_locale_to_the_tenants() {
        let (brazilian, german): (Locale, Locale) = ("pt-BR".parse().unwrap(), "de-CH".parse().unwrap());
        assert_eq!(locales(Some(&brazilian), &german), ["pt-BR", "pt", "de-CH", "de"]);
        assert_eq!(locales(None, &german), ["de-CH", "de"]);
    }
}
