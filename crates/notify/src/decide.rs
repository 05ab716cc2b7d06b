//! Decides from settings, session and analysis whether the visitor gets a mail.
//!
//! The first condition that fails is the reason. The order is: the tenant's choice of sessions, the content of the
//! analysis, the kind of session, and the visitor's consent and address. Suppressions in the database come after these.

use std::time::Duration;

use domain::analysis::{Analysis, AnalysisStatus};
use domain::email_address::EmailAddress;
use domain::session::{EmailConsent, Session, VisitorEmail};
use domain::settings::EmailSettings;
use domain::settings::email::{MailableStatus, RequiredConsent};
use domain::step::Code;

pub(crate) const EMAIL_DISABLED: Code = Code::new("disabled");
pub(crate) const CHANNEL_EXCLUDED: Code = Code::new("channel_excluded");
pub(crate) const AGENT_EXCLUDED: Code = Code::new("agent_excluded");
pub(crate) const INSUFFICIENT_CONTENT: Code = Code::new("insufficient_content");
pub(crate) const ANALYSIS_FAILED: Code = Code::new("analysis_failed");
pub(crate) const STATUS_EXCLUDED: Code = Code::new("status_excluded");
pub(crate) const NO_SUMMARY: Code = Code::new("no_summary");
pub(crate) const CATEGORY_EXCLUDED: Code = Code::new("category_excluded");
pub(crate) const SENTIMENT_EXCLUDED: Code = Code::new("sentiment_excluded");
pub(crate) const TOO_SHORT: Code = Code::new("too_short");
pub(crate) const TOO_FEW_VISITOR_TURNS: Code = Code::new("too_few_visitor_turns");
pub(crate) const CONSENT_WITHDRAWN: Code = Code::new("consent_withdrawn");
pub(crate) const CONSENT_UNKNOWN: Code = Code::new("consent_unknown");
pub(crate) const NO_EMAIL: Code = Code::new("no_email");
pub(crate) const INVALID_EMAIL: Code = Code::new("invalid_email");
pub(crate) const UNSUPPORTED_EMAIL: Code = Code::new("unsupported_email");

/// Returns the visitor's address in ASCII, or the reason to send no mail.
pub(crate) fn decide(settings: &EmailSettings, session: &Session, analysis: &Analysis) -> Result<EmailAddress, Code> {
    is_wanted(settings, session)?;
    has_something_to_say(settings, analysis)?;
    is_of_interest(settings, session, analysis)?;
    may_be_mailed(settings, session)?;
    recipient(session)
}

fn is_wanted(settings: &EmailSettings, session: &Session) -> Result<(), Code> {
    let is_agent = |agents: &[_]| agents.contains(&session.agent_id);
    if !settings.enabled {
        Err(EMAIL_DISABLED)
    } else if !settings.channels.is_empty() && !settings.channels.contains(&session.channel) {
        Err(CHANNEL_EXCLUDED)
    } else if is_agent(&settings.excluded_agents) || (!settings.agents.is_empty() && !is_agent(&settings.agents)) {
        Err(AGENT_EXCLUDED)
    } else {
        Ok(())
    }
}

fn has_something_to_say(settings: &EmailSettings, analysis: &Analysis) -> Result<(), Code> {
    let status = match analysis.status {
        AnalysisStatus::InsufficientContent => return Err(INSUFFICIENT_CONTENT),
        AnalysisStatus::Failed => return Err(ANALYSIS_FAILED),
        AnalysisStatus::Ok => MailableStatus::Ok,
        AnalysisStatus::Partial => MailableStatus::Partial,
    };
    if !settings.analysis_statuses.contains(&status) {
        return Err(STATUS_EXCLUDED);
    }
    match &analysis.summary {
        Some(summary) if !summary.text.trim().is_empty() => Ok(()),
        Some(_) | None => Err(NO_SUMMARY),
    }
}

fn is_of_interest(settings: &EmailSettings, session: &Session, analysis: &Analysis) -> Result<(), Code> {
    let category = analysis.category.as_ref().map(|category| category.label);
    let is_category = |labels: &[_]| category.is_some_and(|label| labels.contains(&label));
    if is_category(&settings.excluded_categories)
        || (!settings.categories.is_empty() && !is_category(&settings.categories))
    {
        return Err(CATEGORY_EXCLUDED);
    }
    let average = analysis.sentiment.as_ref().map(|sentiment| sentiment.average);
    // An unknown sentiment cannot be shown to lie within the limits.
    let is_outside = settings.min_sentiment.is_some_and(|min| average.is_none_or(|average| average < min))
        || settings.max_sentiment.is_some_and(|max| average.is_none_or(|average| average > max));
    if is_outside {
        return Err(SENTIMENT_EXCLUDED);
    }
    let took = (session.ended_at - session.started_at).to_std().unwrap_or_default();
    if took < Duration::from_secs(settings.min_duration_s.get().into()) {
        return Err(TOO_SHORT);
    }
    if analysis.conversation.visitor_turns < settings.min_visitor_turns {
        return Err(TOO_FEW_VISITOR_TURNS);
    }
    Ok(())
}

fn may_be_mailed(settings: &EmailSettings, session: &Session) -> Result<(), Code> {
    match (session.visitor.email_consent, settings.consent) {
        (Some(EmailConsent::Withdrawn), _) => Err(CONSENT_WITHDRAWN),
        (None, RequiredConsent::Given) => Err(CONSENT_UNKNOWN),
        (Some(EmailConsent::Given), _) | (None, RequiredConsent::NotWithdrawn) => Ok(()),
    }
}

fn recipient(session: &Session) -> Result<EmailAddress, Code> {
    match session.visitor.email() {
        VisitorEmail::Absent => Err(NO_EMAIL),
        VisitorEmail::Invalid => Err(INVALID_EMAIL),
        VisitorEmail::Usable(address) => address.to_ascii().ok_or(UNSUPPORTED_EMAIL),
    }
}

#[cfg(test)]
mod tests;
