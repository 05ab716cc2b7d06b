//! The data that a mail is made from, loaded for each delivery.

use domain::analysis::Analysis;
use domain::email_address::EmailAddress;
use domain::id::TenantId;
use domain::session::{Session, VisitorEmail};
use domain::settings::logging::LogDetail;
use domain::settings::{EmailSettings, LoggingSettings, RedactionSettings};
use serde::Deserialize;
use store::email_log::{EmailKey, NewEmail};

/// The sections of a tenant's settings that a mail uses.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    pub(crate) email: EmailSettings,
    pub(crate) redaction: RedactionSettings,
    pub(crate) logging: LoggingSettings,
}

/// The session, analysis and settings that a mail is made from.
pub(crate) struct MailSource {
    /// The tenant's name for visitors.
    pub(crate) tenant_name: String,
    pub(crate) settings: Settings,
    pub(crate) session: Session,
    /// The analysis in the form that mails may show.
    pub(crate) analysis: Analysis,
    pub(crate) analysis_version: i32,
}

impl MailSource {
    pub(crate) fn tenant(&self) -> &TenantId {
        &self.session.tenant_id
    }

    pub(crate) fn key(&self) -> EmailKey<'_> {
        let Session { tenant_id, session_id, .. } = &self.session;
        EmailKey { tenant_id, session_id, analysis_version: self.analysis_version }
    }

    /// Describes the mail for the log, with only the data that the log may have.
    pub(crate) fn email<'a>(&'a self, locale: Option<&'a str>, recipient: Option<&'a EmailAddress>) -> NewEmail<'a> {
        let template = self.settings.email.template.as_ref();
        let recipient = recipient.filter(|_| self.keeps_metadata()).map(EmailAddress::as_str);
        NewEmail { key: self.key(), template, locale, recipient }
    }

    /// Returns whether the log may keep recipient and events.
    pub(crate) fn keeps_metadata(&self) -> bool {
        self.settings.logging.mails != LogDetail::None
    }

    /// Returns whether the log keeps the mail itself.
    pub(crate) fn keeps_body(&self) -> bool {
        self.settings.logging.mails == LogDetail::Full
    }

    /// Returns the visitor's address, even if SES cannot send to it.
    pub(crate) fn visitor_address(&self) -> Option<EmailAddress> {
        match self.session.visitor.email() {
            VisitorEmail::Usable(address) => Some(address),
            VisitorEmail::Absent | VisitorEmail::Invalid => None,
        }
    }
}
