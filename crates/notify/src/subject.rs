//! What a mail is about, as it is loaded for each delivery.

use domain::analysis::Analysis;
use domain::email_address::EmailAddress;
use domain::id::TenantId;
use domain::session::{Session, VisitorEmail};
use domain::settings::logging::LogDetail;
use domain::settings::{EmailSettings, LoggingSettings, RedactionSettings};
use serde::Deserialize;
use store::email_log::{EmailKey, NewEmail};

/// The sections of a tenant's settings that a mail follows.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    pub(crate) email: EmailSettings,
    pub(crate) redaction: RedactionSettings,
    pub(crate) logging: LoggingSettings,
}

/// What a mail is about.
pub(crate) struct Subject {
    /// As visitors know the tenant.
    pub(crate) tenant_name: String,
    pub(crate) settings: Settings,
    pub(crate) session: Session,
    /// As mails may show it.
    pub(crate) analysis: Analysis,
    pub(crate) analysis_version: i32,
}

impl Subject {
    pub(crate) fn tenant(&self) -> &TenantId {
        &self.session.tenant_id
    }

    pub(crate) fn key(&self) -> EmailKey<'_> {
        let Session { tenant_id, session_id, .. } = &self.session;
        EmailKey { tenant_id, session_id, analysis_version: self.analysis_version }
    }

    /// The mail that there is, or would have been, as far as the log may know it.
    pub(crate) fn email<'a>(&'a self, locale: Option<&'a str>, recipient: Option<&'a str>) -> NewEmail<'a> {
        let template = self.settings.email.template.as_ref();
        NewEmail { key: self.key(), template, locale, recipient: recipient.filter(|_| self.keeps_metadata()) }
    }

    /// Whether the log may know recipient and events.
    pub(crate) fn keeps_metadata(&self) -> bool {
        match self.settings.logging.mails {
            LogDetail::None => false,
            LogDetail::Metadata | LogDetail::Full => true,
        }
    }

    /// Whether the log is to keep the mail itself.
    pub(crate) fn keeps_body(&self) -> bool {
        match self.settings.logging.mails {
            LogDetail::None | LogDetail::Metadata => false,
            LogDetail::Full => true,
        }
    }

    /// The visitor's address as it came, also where SES cannot send to it.
    pub(crate) fn visitor_address(&self) -> Option<EmailAddress> {
        match self.session.visitor.email() {
            VisitorEmail::Usable(address) => Some(address),
            VisitorEmail::Absent | VisitorEmail::Invalid => None,
        }
    }
}
