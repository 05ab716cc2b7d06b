//! `report.html`: the run on one page that needs nothing but itself.
//!
//! The templates read the outcome itself. Everything that came from outside is text to the templates and escaped by
//! them. Mails and CRM notes are markup made from outside text: they are shown in sandboxed frames. The page's content
//! policy allows no request to anywhere.

use std::hash::{BuildHasher, RandomState};

use anyhow::Context;
use chrono::{DateTime, Utc};
use domain::analysis::{Analysis, CategoryLabel, Feeling};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};

use super::outcome::Outcome;

/// This many sessions are open when the page is; the others unfold on a click.
const OPEN_SESSIONS: usize = 6;

const TEMPLATES: [(&str, &str); 6] = [
    ("page.html.j2", include_str!("templates/page.html.j2")),
    ("overview.html.j2", include_str!("templates/overview.html.j2")),
    ("session.html.j2", include_str!("templates/session.html.j2")),
    ("analysis.html.j2", include_str!("templates/analysis.html.j2")),
    ("curve.html.j2", include_str!("templates/curve.html.j2")),
    ("results.html.j2", include_str!("templates/results.html.j2")),
];
const STYLE: &str = include_str!("templates/style.css");
const SCRIPT: &str = include_str!("templates/script.js");

/// Scores nearer to 0 than this are drawn as neutral.
const NEUTRAL: f64 = 0.15;

/// The page as HTML.
pub(super) fn render(outcome: &Outcome) -> anyhow::Result<String> {
    let mut templates = Environment::new();
    templates
        .set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?);
    for (name, source) in TEMPLATES {
        templates.add_template(name, source).with_context(|| format!("parse {name}"))?;
    }
    templates.add_filter("signed", signed);
    templates.add_filter("tone", tone);
    templates.add_filter("minutes", minutes);
    templates.add_filter("date", date);
    templates.add_filter("readable", readable);
    templates.add_filter("quoted_turns", quoted_turns);
    templates.add_function("plot", plot);
    let page = context! {
        run => Value::from(Serde(outcome)),
        categories => CategoryLabel::ALL.map(CategoryLabel::as_str),
        open_sessions => OPEN_SESSIONS,
        style => Value::from_safe_string(STYLE.to_owned()),
        script => Value::from_safe_string(SCRIPT.to_owned()),
        nonce => nonce(),
    };
    templates.get_template("page.html.j2")?.render(page).context("render the page")
}

/// Only scripts with this word run: markup that slipped in could not know it.
fn nonce() -> String {
    format!("{:016x}", RandomState::new().hash_one("script"))
}

/// A score with its sign and two decimals, with the typographic minus.
fn signed(score: f64) -> String {
    let text = format!("{score:+.2}");
    if text == "-0.00" { "0.00".into() } else { text.replace('-', "\u{2212}").replace("+0.00", "0.00") }
}

/// `positive`, `neutral` or `negative`.
fn tone(score: f64) -> &'static str {
    match score {
        score if score >= NEUTRAL => "positive",
        score if score <= -NEUTRAL => "negative",
        _ => "neutral",
    }
}

/// Milliseconds as `m:ss`.
fn minutes(ms: i64) -> String {
    let seconds = ms / 1000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

fn date(time: Serde<DateTime<Utc>>, format: &str) -> String {
    time.format(format).to_string()
}

/// A code as words.
fn readable(code: &str) -> String {
    code.replace('_', " ")
}

/// The turns that an analysis quotes.
fn quoted_turns(analysis: Serde<Analysis>) -> Vec<usize> {
    let category = analysis.category.iter().flat_map(|category| &category.justification.evidence);
    let insights = analysis.insights.iter().flat_map(|insight| &insight.evidence);
    let actions = analysis.action_items.iter().flat_map(|item| &item.evidence);
    category.chain(insights).chain(actions).map(|evidence| evidence.turn).collect()
}

/// Draws scores by turn as a curve in the units of an SVG, between these edges; a single score is in the middle. The
/// top is 1, the bottom is -1. The smooth path is level at every point, and never shows a score beyond those given.
fn plot(timeline: Serde<Vec<Feeling>>, left: f64, right: f64, top: f64, bottom: f64) -> Value {
    let first = timeline.first().map_or(0, |one| one.turn);
    let turns = timeline.last().map_or(0, |one| one.turn.saturating_sub(first));
    let (left, step) =
        if turns == 0 { (f64::midpoint(left, right), 0.0) } else { (left, (right - left) / turns as f64) };
    let x = |one: &Feeling| round(left + one.turn.saturating_sub(first) as f64 * step);
    let y = |one: &Feeling| round(top + (1.0 - one.score.get()) / 2.0 * (bottom - top));
    let start = timeline.first().map(|one| format!("M{} {}", x(one), y(one)));
    let curves = timeline.windows(2).map(|pair| {
        let (from, to) = (&pair[0], &pair[1]);
        let middle = round(f64::midpoint(x(from), x(to)));
        format!(" C{middle} {} {middle} {} {} {}", y(from), y(to), x(to), y(to))
    });
    let path = start.into_iter().chain(curves).collect::<String>();
    let points: Vec<_> = timeline.iter().map(|one| context! { x => x(one), y => y(one) }).collect();
    context! { first, step, points, path }
}

/// A tenth of a unit is finer than a pixel.
fn round(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use domain::transcript::{Role, Turn};

    use super::super::outcome::Delivery;
    use super::super::tests::canned;
    use super::*;

    const HOSTILE: &str = r#"</p><script>alert(1)</script><img src=x onerror="alert(2)"> {{ 7 * 7 }}"#;

    /// The text between `before` and the next `"`, for every occurrence of `before`.
    fn attributes<'a>(html: &'a str, before: &str) -> Vec<&'a str> {
        html.split(before).skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }

    #[test]
    fn words_of_visitors_stay_words() {
        let mut outcome = canned::small();
        for session in &mut outcome.sessions {
            session.name = Some(HOSTILE.into());
            session.end_reason = Some(HOSTILE.into());
            let stored = &mut session.stored;
            stored.hubspot.html = Some(HOSTILE.into());
            stored.webhook.text = Some(HOSTILE.into());
            stored.turns.push(Turn { role: Role::Visitor, text: HOSTILE.into(), started_ms: None, ended_ms: None });
            if let Delivery { subject: Some(subject), html: Some(html), text: Some(text), .. } = &mut stored.email {
                (*subject, *html, *text) = (HOSTILE.into(), HOSTILE.into(), HOSTILE.into());
            }
            if let Some(analysis) = &mut stored.analysis {
                analysis.summary.as_mut().into_iter().for_each(|summary| summary.text = HOSTILE.into());
                let timeline = analysis.sentiment.iter_mut().flat_map(|sentiment| &mut sentiment.timeline);
                timeline.for_each(|one| one.emotion = HOSTILE.into());
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
        outcome.sessions[0].stored.turns.truncate(3);
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
    fn the_outcome_of_the_visit_and_the_models_cost_are_shown() {
        let html = render(&canned::small()).unwrap();
        assert!(
            html.contains("purpose partly achieved")
                && html.contains("Cost at list price</dt><dd class=\"fine\">$0.0003")
        );
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
            "frame light\" style=\"width:360px\"",
            "frame dark\" style=\"width:360px\"",
            "frame light\" style=\"width:1200px\"",
            "frame dark\" style=\"width:1200px\"",
        ] {
            assert!(html.contains(frame), "{frame}");
        }
    }

    #[test]
    fn only_the_first_sessions_are_unfolded() {
        let mut outcome = canned::small();
        outcome.sessions = vec![canned::complete(); 193];
        let html = render(&outcome).unwrap();
        assert_eq!(html.matches("<details class=\"card\"").count(), 193);
        let unfolded =
            html.lines().filter(|line| line.starts_with("<details class=\"card\"") && line.ends_with(" open>"));
        assert_eq!(unfolded.count(), OPEN_SESSIONS);
    }

    fn plotted(timeline: &[(usize, f64)]) -> (String, Vec<(f64, f64)>) {
        let timeline = timeline
            .iter()
            .map(|&(turn, score)| Feeling { turn, score: score.try_into().unwrap(), emotion: String::new() })
            .collect();
        let curve = serde_json::to_value(plot(Serde(timeline), 66.0, 702.0, 18.0, 194.0)).unwrap();
        let points = curve["points"].as_array().unwrap().iter();
        let points = points.map(|point| (point["x"].as_f64().unwrap(), point["y"].as_f64().unwrap())).collect();
        (curve["path"].as_str().unwrap().to_owned(), points)
    }

    #[test]
    fn a_curve_stays_inside_its_frame() {
        let (path, points) = plotted(&[(1, 1.0), (3, -1.0), (5, 0.0)]);
        assert_eq!(points, [(66.0, 18.0), (384.0, 194.0), (702.0, 106.0)]);
        assert_eq!(path, "M66 18 C225 18 225 194 384 194 C543 194 543 106 702 106");
    }

    #[test]
    fn a_single_score_is_drawn_in_the_middle_and_nothing_without_scores() {
        assert_eq!(plotted(&[(4, 0.5)]).1, [(384.0, 62.0)]);
        assert_eq!(plotted(&[]), (String::new(), vec![]));
    }

    #[test]
    fn numbers_are_printed_with_their_sign() {
        assert_eq!([0.25, -0.5, 0.001, -0.001].map(signed), ["+0.25", "\u{2212}0.50", "0.00", "0.00"]);
    }

    #[test]
    fn long_conversations_have_few_labels() {
        let mut outcome = canned::small();
        let sentiment = outcome.sessions[0].stored.analysis.as_mut().unwrap().sentiment.as_mut().unwrap();
        sentiment.timeline = vec![sentiment.timeline[0].clone(); 200];
        sentiment.timeline.iter_mut().enumerate().for_each(|(index, one)| one.turn = index * 2);
        let html = render(&outcome).unwrap();
        assert!(html.matches("class=\"tick\"").count() <= 14);
    }
}
