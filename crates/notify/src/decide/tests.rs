use domain::analysis::CategoryLabel;
use domain::number::{Score, Whole};
use domain::session::Channel;

use super::*;
use crate::sample;

/// Returns the decision about a changed sample.
fn after(change: impl Fn(&mut EmailSettings, &mut Session, &mut Analysis)) -> Result<String, Code> {
    let (mut settings, mut session, mut analysis) = (sample::settings(), sample::session(), sample::analysis());
    change(&mut settings, &mut session, &mut analysis);
    decide(&settings, &session, &analysis).map(|recipient| recipient.as_str().to_owned())
}

fn score(number: f64) -> Option<Score> {
    Some(number.try_into().unwrap())
}

#[test]
fn a_visitor_with_an_address_is_mailed() {
    assert_eq!(after(|_, _, _| ()), Ok("ana@example.com".to_owned()));
    assert_eq!(after(|_, _, analysis| analysis.status = AnalysisStatus::Partial), Ok("ana@example.com".to_owned()));
}

#[test]
fn a_tenant_that_mails_nobody_mails_nobody() {
    assert_eq!(after(|settings, _, _| settings.enabled = false), Err(EMAIL_DISABLED));
}

#[test]
fn only_channels_that_are_asked_for_are_mailed() {
    assert_eq!(after(|settings, _, _| settings.channels = vec![Channel::Voice]), Err(CHANNEL_EXCLUDED));
    assert!(after(|settings, _, _| settings.channels = vec![Channel::Text, Channel::Voice]).is_ok());
}

#[test]
fn agents_are_asked_for_or_left_out_and_left_out_wins() {
    let list = |agent: &str| vec![agent.parse().unwrap()].try_into().unwrap();
    assert_eq!(after(|settings, _, _| settings.agents = list("other")), Err(AGENT_EXCLUDED));
    assert!(after(|settings, _, _| settings.agents = list("agent")).is_ok());
    assert!(after(|settings, _, _| settings.excluded_agents = list("other")).is_ok());
    let both = after(|settings, _, _| {
        settings.agents = list("agent");
        settings.excluded_agents = list("agent");
    });
    assert_eq!(both, Err(AGENT_EXCLUDED));
}

#[test]
fn an_analysis_without_a_summary_is_nothing_to_mail() {
    let with = |status| after(move |_, _, analysis| analysis.status = status);
    assert_eq!(with(AnalysisStatus::InsufficientContent), Err(INSUFFICIENT_CONTENT));
    assert_eq!(with(AnalysisStatus::Failed), Err(ANALYSIS_FAILED));
    assert_eq!(after(|_, _, analysis| analysis.summary = None), Err(NO_SUMMARY));
    assert_eq!(after(|_, _, analysis| analysis.summary.as_mut().unwrap().text = " \n".to_owned()), Err(NO_SUMMARY));
}

#[test]
fn only_statuses_that_are_asked_for_are_mailed() {
    let with = |statuses: &[MailableStatus], status| {
        after(move |settings, _, analysis| {
            settings.analysis_statuses = statuses.to_vec();
            analysis.status = status;
        })
    };
    assert!(with(&[MailableStatus::Ok], AnalysisStatus::Ok).is_ok());
    assert_eq!(with(&[MailableStatus::Ok], AnalysisStatus::Partial), Err(STATUS_EXCLUDED));
    assert_eq!(with(&[], AnalysisStatus::Ok), Err(STATUS_EXCLUDED));
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
fn categories_that_are_left_out_are_not_mailed_and_an_unknown_one_is_none_of_them() {
    let issues = || vec![CategoryLabel::FacingIssue];
    assert_eq!(after(|settings, _, _| settings.excluded_categories = issues()), Err(CATEGORY_EXCLUDED));
    let unknown = after(|settings, _, analysis| {
        settings.excluded_categories = issues();
        analysis.category = None;
    });
    assert!(unknown.is_ok());
}

#[test]
fn a_sentiment_outside_the_range_or_unknown_is_not_mailed() {
    // The sample's is -0.4.
    let with = |min: Option<Score>, max: Option<Score>| {
        after(move |settings, _, _| (settings.min_sentiment, settings.max_sentiment) = (min, max))
    };
    assert!(with(score(-0.4), score(-0.4)).is_ok());
    assert_eq!(with(score(-0.39), None), Err(SENTIMENT_EXCLUDED));
    assert_eq!(with(None, score(-0.41)), Err(SENTIMENT_EXCLUDED));
    for (min, max) in [(score(-1.0), None), (None, score(1.0))] {
        let unknown = after(|settings, _, analysis| {
            (settings.min_sentiment, settings.max_sentiment) = (min, max);
            analysis.sentiment = None;
        });
        assert_eq!(unknown, Err(SENTIMENT_EXCLUDED));
    }
    assert!(after(|_, _, analysis| analysis.sentiment = None).is_ok());
}

#[test]
fn a_session_that_was_too_short_is_not_mailed() {
    // The sample took 300 s.
    assert!(after(|settings, _, _| settings.min_duration_s = Whole::literal(300)).is_ok());
    assert_eq!(after(|settings, _, _| settings.min_duration_s = Whole::literal(301)), Err(TOO_SHORT));
    let backwards = after(|settings, session, _| {
        settings.min_duration_s = Whole::literal(1);
        session.ended_at = session.started_at - chrono::TimeDelta::seconds(9);
    });
    assert_eq!(backwards, Err(TOO_SHORT), "clocks of two machines");
}

#[test]
fn a_visitor_who_said_too_little_is_not_mailed() {
    assert_eq!(after(|settings, _, _| settings.min_visitor_turns = 4), Err(TOO_FEW_VISITOR_TURNS));
    assert!(after(|settings, _, _| settings.min_visitor_turns = 3).is_ok());
}

#[test]
fn consent_must_not_be_withdrawn_and_where_asked_for_be_given() {
    use RequiredConsent::{Given, NotWithdrawn};
    let with = |required, consent| {
        after(move |settings, session, _| {
            settings.consent = required;
            session.visitor.email_consent = consent;
        })
    };
    for required in [NotWithdrawn, Given] {
        assert_eq!(with(required, Some(EmailConsent::Withdrawn)), Err(CONSENT_WITHDRAWN));
        assert!(with(required, Some(EmailConsent::Given)).is_ok());
    }
    assert!(with(NotWithdrawn, None).is_ok());
    assert_eq!(with(Given, None), Err(CONSENT_UNKNOWN));
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

#[test]
fn the_first_condition_that_is_not_met_is_the_reason() {
    let mut reasons = Vec::new();
    let changes: [fn(&mut EmailSettings, &mut Session, &mut Analysis); 11] = [
        |_, session, _| session.visitor.email = None,
        |_, session, _| session.visitor.email_consent = Some(EmailConsent::Withdrawn),
        |settings, _, _| settings.min_visitor_turns = 9,
        |settings, _, _| settings.min_duration_s = Whole::literal(900),
        |settings, _, _| settings.min_sentiment = score(0.9),
        |settings, _, _| settings.categories = vec![CategoryLabel::Others],
        |_, _, analysis| analysis.summary = None,
        |settings, _, _| settings.analysis_statuses.clear(),
        |settings, _, _| settings.agents = vec!["other".parse().unwrap()].try_into().unwrap(),
        |settings, _, _| settings.channels = vec![Channel::Voice],
        |settings, _, _| settings.enabled = false,
    ];
    for count in 1..=changes.len() {
        let reason = after(|settings, session, analysis| {
            changes[..count].iter().for_each(|change| change(settings, session, analysis));
        });
        reasons.push(reason.unwrap_err());
    }
    let order = [
        NO_EMAIL,
        CONSENT_WITHDRAWN,
        TOO_FEW_VISITOR_TURNS,
        TOO_SHORT,
        SENTIMENT_EXCLUDED,
        CATEGORY_EXCLUDED,
        NO_SUMMARY,
        STATUS_EXCLUDED,
        AGENT_EXCLUDED,
        CHANNEL_EXCLUDED,
        EMAIL_DISABLED,
    ];
    assert_eq!(reasons, order);
}
