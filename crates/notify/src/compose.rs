//! From what a mail is about to the mail.

use chrono::NaiveDate;
use domain::locale::Locale;
use domain::settings::redaction::ShownText;
use domain::step::Code;
use domain::transcript::Transcript;
use mail::{About, Attachment, Rendered, Template, TemplateSource, VisitorContext, attachments};

use crate::context::Context;
use crate::error::Error;
use crate::subject::Subject;

/// Files were asked for that need a transcript, and there is none: it was purged, or nothing was said.
const TRANSCRIPT_MISSING: Code = Code::new("transcript_missing");

/// A mail, and what the log is to know of it.
pub(crate) struct Composed {
    pub(crate) mail: Rendered,
    pub(crate) attachments: Vec<Attachment>,
    /// Why files that were asked for are not among them.
    pub(crate) left_out: Option<Code>,
    /// `None`: the built-in template.
    pub(crate) template_version: Option<i32>,
    pub(crate) locale: String,
}

/// A template that was found.
struct Found {
    template: Template,
    version: i32,
    locale: String,
}

impl Context {
    pub(crate) async fn compose(&self, subject: &Subject, unsubscribe_url: Option<&str>) -> Result<Composed, Error> {
        let found = self.template(subject).await?;
        let transcript = self.transcript(subject).await?;
        let template_locale = found.as_ref().and_then(|found| found.locale.parse().ok());
        let about = About {
            settings: &subject.settings.email,
            tenant_name: &subject.tenant_name,
            session: &subject.session,
            analysis: &subject.analysis,
            transcript: transcript.as_ref(),
            template_locale: template_locale.as_ref(),
            date: self.date(subject).await?,
            unsubscribe_url,
        };
        if about.is_transcript_too_long() {
            tracing::warn!("the transcript is too long to be shown in the mail");
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

    /// The tenant's own template in the first locale it has it in; `None`: the built-in one.
    async fn template(&self, subject: &Subject) -> Result<Option<Found>, Error> {
        let settings = &subject.settings.email;
        let name = &settings.template;
        let visitors = subject.session.visitor.locale();
        let locales = locales(visitors.as_ref(), &settings.default_locale);
        let stored = self.store.template(subject.tenant(), name.as_ref(), &locales).await.map_err(Error::Database)?;
        let Some(stored) = stored else {
            return if name.is_built_in() { Ok(None) } else { Err(Error::NoTemplate(name.clone())) };
        };
        let source = TemplateSource { subject: stored.subject, text: stored.text, html: stored.html };
        let template = Template::parse(&source).map_err(Error::Template)?;
        Ok(Some(Found { template, version: stored.version, locale: stored.locale }))
    }

    /// Of the conversation's start, where the visitor was, or, if nobody knows where that is, in UTC.
    async fn date(&self, subject: &Subject) -> Result<NaiveDate, Error> {
        let started_at = subject.session.started_at;
        let Some(zone) = subject.session.visitor.time_zone() else { return Ok(started_at.date_naive()) };
        let date = self.store.local_date(&zone, started_at).await.map_err(Error::Database)?;
        Ok(date.unwrap_or_else(|| started_at.date_naive()))
    }

    /// What was said, as mails may show it; not loaded where nobody will see it.
    async fn transcript(&self, subject: &Subject) -> Result<Option<Transcript>, Error> {
        let settings = &subject.settings;
        if !About::needs_transcript(&settings.email) {
            return Ok(None);
        }
        let transcript = self.store.transcript(subject.tenant(), &subject.session.session_id).await;
        let said = transcript.map_err(Error::Database)?;
        Ok(said.map(|said| match settings.redaction.mails {
            ShownText::Original => said,
            ShownText::Redacted => said.redacted(&settings.redaction.redactor()).transcript,
        }))
    }
}

/// The files, or why the mail goes without.
fn attached(about: &About<'_>, mail: &Rendered) -> (Vec<Attachment>, Option<Code>) {
    let kinds = &about.settings.attachments;
    let missing = about.transcript.is_none() && kinds.iter().any(|kind| kind.is_transcript());
    match attachments::of(about, mail) {
        Ok(files) => (files, missing.then_some(TRANSCRIPT_MISSING)),
        Err(code) => (Vec::new(), Some(code)),
    }
}

/// Where a template is looked for: the visitor's locale as it is, its language, and the same of the tenant's default.
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
