//! Whether a session's visitor is to get a mail.

use domain::analysis::{Analysis, AnalysisStatus};
use domain::email_address::EmailAddress;
use domain::session::{Session, VisitorEmail};
use domain::settings::EmailSettings;
use domain::step::Code;

use crate::header::ascii_address;

pub(crate) const DISABLED: Code = Code::new("disabled");
pub(crate) const CHANNEL_EXCLUDED: Code = Code::new("channel_excluded");
pub(crate) const INSUFFICIENT_CONTENT: Code = Code::new("insufficient_content");
pub(crate) const ANALYSIS_FAILED: Code = Code::new("analysis_failed");
pub(crate) const NO_SUMMARY: Code = Code::new("no_summary");
pub(crate) const CATEGORY_EXCLUDED: Code = Code::new("category_excluded");
pub(crate) const TOO_FEW_VISITOR_TURNS: Code = Code::new("too_few_visitor_turns");
pub(crate) const NO_EMAIL: Code = Code::new("no_email");
pub(crate) const INVALID_EMAIL: Code = Code::new("invalid_email");
pub(crate) const UNSUPPORTED_EMAIL: Code = Code::new("unsupported_email");

/// Whom to mail; `Err` says why nobody.
pub(crate) fn decide(settings: &EmailSettings, session: &Session, analysis: &Analysis) -> Result<EmailAddress, Code> {
    if !settings.enabled {
        return Err(DISABLED);
    }
    if !settings.channels.is_empty() && !settings.channels.contains(&session.channel) {
        return Err(CHANNEL_EXCLUDED);
    }
    has_something_to_say(analysis)?;
    let category = analysis.category.as_ref().map(|category| category.label);
    if !settings.categories.is_empty() && !category.is_some_and(|label| settings.categories.contains(&label)) {
        return Err(CATEGORY_EXCLUDED);
    }
    if analysis.conversation.visitor_turns < settings.min_visitor_turns {
        return Err(TOO_FEW_VISITOR_TURNS);
    }
    match session.visitor.email() {
        VisitorEmail::Absent => Err(NO_EMAIL),
        VisitorEmail::Invalid => Err(INVALID_EMAIL),
        VisitorEmail::Usable(address) => ascii_address(&address).ok_or(UNSUPPORTED_EMAIL),
    }
}

fn has_something_to_say(analysis: &Analysis) -> Result<(), Code> {
    match analysis.status {
        AnalysisStatus::InsufficientContent => Err(INSUFFICIENT_CONTENT),
        AnalysisStatus::Failed => Err(ANALYSIS_FAILED),
        AnalysisStatus::Ok | AnalysisStatus::Partial => match &analysis.summary {
            Some(summary) if !summary.text.trim().is_empty() => Ok(()),
            Some(_) | None => Err(NO_SUMMARY),
        },
    }
}

#[cfg(test)]
mod tests {
    use domain::analysis::CategoryLabel;
    use domain::session::Channel;

    use super::*;
    use crate::sample;

    /// What is decided after the sample was changed.
    fn after(change: impl Fn(&mut EmailSettings, &mut Session, &mut Analysis)) -> Result<String, Code> {
        let (mut settings, mut session, mut analysis) = (sample::settings(), sample::session(), sample::analysis());
        change(&mut settings, &mut session, &mut analysis);
        decide(&settings, &session, &analysis).map(|address| address.as_str().to_owned())
    }

    #[test]
    fn a_visitor_with_an_address_is_mailed() {
        assert_eq!(after(|_, _, _| ()), Ok("ana@example.com".to_owned()));
        assert_eq!(after(|_, _, analysis| analysis.status = AnalysisStatus::Partial), Ok("ana@example.com".to_owned()));
    }

    #[test]
    fn the_tenants_settings_decide() {
        assert_eq!(after(|settings, _, _| settings.enabled = false), Err(DISABLED));
        assert_eq!(after(|settings, _, _| settings.channels = vec![Channel::Voice]), Err(CHANNEL_EXCLUDED));
        assert!(after(|settings, _, _| settings.channels = vec![Channel::Text, Channel::Voice]).is_ok());
        assert_eq!(after(|settings, _, _| settings.min_visitor_turns = 4), Err(TOO_FEW_VISITOR_TURNS));
        assert!(after(|settings, _, _| settings.min_visitor_turns = 3).is_ok());
    }

    #[test]
    fn only_categories_that_are_asked_for_and_known_are_mailed() {
        let buyers = || vec![CategoryLabel::ImmediateBuyer];
        assert_eq!(after(|settings, _, _| settings.categories = buyers()), Err(CATEGORY_EXCLUDED));
        assert!(after(|settings, _, _| settings.categories = vec![CategoryLabel::FacingIssue]).is_ok());
        let unknown = after(|settings, _, analysis| {
            settings.categories = buyers();
            analysis.category = None;
        });
        assert_eq!(unknown, Err(CATEGORY_EXCLUDED));
    }

    #[test]
    fn an_analysis_without_a_summary_is_nothing_to_mail() {
        let with = |status| after(move |_, _, analysis| analysis.status = status);
        assert_eq!(with(AnalysisStatus::InsufficientContent), Err(INSUFFICIENT_CONTENT));
        assert_eq!(with(AnalysisStatus::Failed), Err(ANALYSIS_FAILED));
        assert_eq!(after(|_, _, analysis| analysis.summary = None), Err(NO_SUMMARY));
    }

    #[test]
    fn an_address_must_be_there_valid_and_known_to_ses() {
        let with = |email: Option<&str>| after(|_, session, _| session.visitor.email = email.map(str::to_owned));
        assert_eq!(with(None), Err(NO_EMAIL));
        assert_eq!(with(Some("")), Err(NO_EMAIL));
        assert_eq!(with(Some("ana@")), Err(INVALID_EMAIL));
        assert_eq!(with(Some("ana@example.com\r\nBcc: eve@example.com")), Err(INVALID_EMAIL));
        assert_eq!(with(Some("josé@example.com")), Err(UNSUPPORTED_EMAIL));
        assert_eq!(with(Some("ana@exämple.de")), Ok("ana@xn--exmple-cua.de".to_owned()));
    }
}
