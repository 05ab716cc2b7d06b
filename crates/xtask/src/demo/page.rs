//! `report.html`: the run on one page that needs nothing but itself.
//!
//! Everything that came from outside is text to the templates and escaped by them. The mail and the CRM note are markup
//! made from outside text: they are shown in sandboxed frames. The page's content policy allows no request to anywhere.

mod curve;
mod session;
mod steps;

use std::hash::{BuildHasher, RandomState};

use anyhow::Context;
use domain::analysis::CategoryLabel;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};
use serde::Serialize;

use super::outcome::{Outcome, SessionOutcome};
use super::report::{Report, Totals};
use session::SessionView;

/// So many sessions are open when the page is; the others unfold on a click.
const OPEN_SESSIONS: usize = 6;

const TEMPLATES: [(&str, &str); 5] = [
    ("page.html.j2", include_str!("templates/page.html.j2")),
    ("overview.html.j2", include_str!("templates/overview.html.j2")),
    ("session.html.j2", include_str!("templates/session.html.j2")),
    ("analysis.html.j2", include_str!("templates/analysis.html.j2")),
    ("results.html.j2", include_str!("templates/results.html.j2")),
];
const STYLE: &str = include_str!("templates/style.css");
/// A note is markup without a page around it.
const NOTE_STYLE: &str = "<!doctype html><meta charset=\"utf-8\"><style>body{margin:1rem;font:15px/1.5 system-ui,sans-serif;\
                          color:#1c2430;overflow-wrap:anywhere}</style>";
const SCRIPT: &str = include_str!("templates/script.js");

#[derive(Serialize)]
struct Page<'a> {
    business: &'a str,
    tenant_id: &'a str,
    finished_at: String,
    wall_s: f64,
    model: Option<&'a str>,
    totals: Totals,
    /// Sessions per category, for those that have one.
    categories: Vec<CategoryCount>,
    stages: Vec<StageTime>,
    sessions: Vec<SessionView<'a>>,
}

#[derive(Serialize)]
struct CategoryCount {
    label: CategoryLabel,
    title: &'static str,
    count: usize,
}

/// How long a stage takes.
#[derive(Serialize)]
struct StageTime {
    stage: String,
    median_ms: i64,
    longest_ms: i64,
}

/// The page as HTML.
pub(super) fn render(outcome: &Outcome) -> anyhow::Result<String> {
    let mut templates = Environment::new();
    templates
        .set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?);
    for (name, source) in TEMPLATES {
        templates.add_template(name, source).with_context(|| format!("parse {name}"))?;
    }
    let page = context! {
        page => Value::from(Serde(Page::of(outcome))),
        style => Value::from_safe_string(STYLE.to_owned()),
        script => Value::from_safe_string(SCRIPT.to_owned()),
        note_style => NOTE_STYLE,
        nonce => nonce(),
    };
    templates.get_template("page.html.j2")?.render(page).context("render the page")
}

/// Only scripts with this word run: markup that slipped in could not know it.
fn nonce() -> String {
    format!("{:016x}", RandomState::new().hash_one("script"))
}

impl<'a> Page<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        let report = Report::of(outcome);
        let model = |session: &'a SessionOutcome| session.analysis.as_ref()?.usage.model.as_deref();
        let view = |(index, session)| SessionView::of(index, session, index < OPEN_SESSIONS);
        Self {
            business: &outcome.business,
            tenant_id: &outcome.tenant_id,
            finished_at: outcome.finished_at.format("%-d %B %Y, %H:%M:%S UTC").to_string(),
            wall_s: report.wall_s,
            model: outcome.sessions.iter().find_map(model),
            totals: report.totals,
            categories: categories(outcome),
            stages: outcome.stages().iter().filter_map(|stage| stage_time(outcome, stage)).collect(),
            sessions: outcome.sessions.iter().enumerate().map(view).collect(),
        }
    }
}

fn categories(outcome: &Outcome) -> Vec<CategoryCount> {
    let label = |session: &SessionOutcome| Some(session.analysis.as_ref()?.category.as_ref()?.label);
    CategoryLabel::ALL
        .into_iter()
        .map(|wanted| CategoryCount {
            label: wanted,
            title: wanted.title(),
            count: outcome.sessions.iter().filter(|session| label(session) == Some(wanted)).count(),
        })
        .filter(|category| category.count > 0)
        .collect()
}

fn stage_time(outcome: &Outcome, stage: &str) -> Option<StageTime> {
    let steps = outcome.sessions.iter().flat_map(|session| &session.steps);
    let mut ms: Vec<_> = steps.filter(|step| step.stage() == stage).filter_map(|step| step.ms()).collect();
    ms.sort_unstable();
    Some(StageTime { stage: stage.to_owned(), median_ms: *ms.get(ms.len() / 2)?, longest_ms: *ms.last()? })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use domain::transcript::{Role, Turn};

    use super::super::canned;
    use super::*;

    const HOSTILE: &str = r#"</p><script>alert(1)</script><img src=x onerror="alert(2)"> {{ 7 * 7 }}"#;

    /// What stands between `before` and the next `"`, for every place where `before` stands.
    fn attributes<'a>(html: &'a str, before: &str) -> Vec<&'a str> {
        html.split(before).skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }

    #[test]
    fn words_of_visitors_stay_words() {
        let mut outcome = canned::small();
        for session in &mut outcome.sessions {
            session.visitor.name = Some(HOSTILE.into());
            session.end_reason = Some(HOSTILE.into());
            session.note = Some(HOSTILE.into());
            session.turns.push(Turn { role: Role::Visitor, text: HOSTILE.into(), started_ms: None, ended_ms: None });
            if let Some(mail) = &mut session.mail {
                (mail.subject, mail.html, mail.text) = (HOSTILE.into(), Some(HOSTILE.into()), Some(HOSTILE.into()));
            }
            if let Some(summary) = session.analysis.as_mut().and_then(|analysis| analysis.summary.as_mut()) {
                summary.text = HOSTILE.into();
            }
        }
        let html = render(&outcome).unwrap();
        assert!(!html.contains("<script>") && !html.contains("<img") && !html.contains("onerror=\""));
        assert_eq!(html.matches("<script").count(), 1);
        assert!(html.contains("&lt;script&gt;alert(1)") && html.contains("{{ 7 * 7 }}"));
    }

    #[test]
    fn every_link_leads_to_a_place_on_the_page() {
        let html = render(&canned::small()).unwrap();
        let ids = attributes(&html, " id=\"");
        let places: HashSet<_> = ids.iter().copied().collect();
        assert_eq!(places.len(), ids.len(), "an id is used twice");
        let links = attributes(&html, "href=\"#");
        assert!(links.contains(&"s1-t14"), "the evidence is linked");
        assert!(links.iter().all(|link| places.contains(link)), "{links:?}");
    }

    #[test]
    fn evidence_beyond_the_transcript_is_shown_without_a_link() {
        let mut outcome = canned::small();
        outcome.sessions[0].turns.truncate(3);
        let html = render(&outcome).unwrap();
        assert!(html.contains("I want a refund") && !html.contains("href=\"#s1-t14\""));
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        let html = render(&canned::small()).unwrap();
        assert!(!html.contains("http://") && !html.contains("https://"));
        assert!(attributes(&html, "src=\"").is_empty() && !html.contains("<link"));
        assert_eq!(html.matches("<iframe").count(), html.matches(" sandbox srcdoc=").count());
    }

    #[test]
    fn what_was_not_evaluated_is_said_plainly() {
        let html = render(&canned::small()).unwrap();
        assert!(html.contains("1 of 1 conversation") || html.contains("2 of 3 conversations completed"));
        assert!(html.contains("Too little was said") && html.contains("no_visitor_turns"));
        assert!(html.contains("No analysis") && html.contains("The session failed: model_answer_invalid."));
        assert!(html.contains("No mail was sent: no email."));
    }

    #[test]
    fn a_mail_is_shown_narrow_and_wide_light_and_dark() {
        let html = render(&canned::small()).unwrap();
        for frame in [
            "frame light\" width=\"360\"",
            "frame dark\" width=\"360\"",
            "frame light\" width=\"1200\"",
            "frame dark\" width=\"1200\"",
        ] {
            assert!(html.contains(frame), "{frame}");
        }
    }

    #[test]
    fn only_the_first_sessions_are_unfolded() {
        let mut outcome = canned::small();
        outcome.sessions = (0..193).map(|_| canned::complete()).collect();
        let html = render(&outcome).unwrap();
        assert_eq!(html.matches("<details class=\"card\"").count(), 193);
        let unfolded =
            html.lines().filter(|line| line.starts_with("<details class=\"card\"") && line.ends_with(" open>"));
        assert_eq!(unfolded.count(), OPEN_SESSIONS);
    }
}
