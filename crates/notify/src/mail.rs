//! The mail as the visitor reads it.
//!
//! The templates get only what is the visitor's; the type of their context knows no category, sentiment, insight or
//! evidence, so no template can show them.

use domain::analysis::{ActionItem, Analysis};
use domain::locale::Locale;
use domain::session::Session;
use domain::settings::EmailSettings;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use crate::header::one_line;
use crate::links::unlinked;
use crate::phrases::{About, Language, Phrases};

/// As in `email_log.template`.
pub const TEMPLATE: &str = "session-summary";

const SUBJECT: &str = "session-summary/subject.txt.j2";
const TEXT: &str = "session-summary/body.txt.j2";
const HTML: &str = "session-summary/body.html.j2";

/// Instructions of the template engine for one part of a mail: some hundred times what a long analysis needs.
const FUEL: u64 = 500_000;
/// The longest subject in characters; clients show fewer than 100.
const MAX_SUBJECT_CHARS: usize = 150;
/// The longest name of a business or a visitor in characters.
const MAX_NAME_CHARS: usize = 64;
/// The longest item of a list in characters: far more than a model is asked for, far less than fills a screen.
const MAX_ITEM_CHARS: usize = 1000;
/// The longest paragraph of the summary in characters.
const MAX_PARAGRAPH_CHARS: usize = 5000;

/// A rendered mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// One line.
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// The templates, parsed.
pub struct Templates(Environment<'static>);

impl Default for Templates {
    fn default() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        let sources = [
            (SUBJECT, include_str!("../templates/session-summary/subject.txt.j2")),
            (TEXT, include_str!("../templates/session-summary/body.txt.j2")),
            (HTML, include_str!("../templates/session-summary/body.html.j2")),
        ];
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        let loaded = syntax
            .map(|syntax| environment.set_syntax(syntax))
            .and_then(|()| sources.into_iter().try_for_each(|(name, source)| environment.add_template(name, source)));
        #[expect(clippy::expect_used, reason = "the templates are part of the program")]
        // Unwrap safety: the tests render every template.
        loaded.expect("the built-in templates are valid");
        Self(environment)
    }
}

impl Templates {
    /// `Err` if a template asks for what is not in its context or does not end.
    pub fn render(
        &self,
        settings: &EmailSettings,
        session: &Session,
        analysis: &Analysis,
    ) -> Result<Mail, minijinja::Error> {
        let context = Context::new(settings, session, analysis);
        let part = |name: &str| self.0.get_template(name)?.render(Serde(&context));
        Ok(Mail { subject: one_line(&part(SUBJECT)?, MAX_SUBJECT_CHARS), text: part(TEXT)?, html: part(HTML)? })
    }
}

/// What templates can use; the README has it as a table.
#[derive(Debug, Serialize)]
struct Context {
    lang: &'static str,
    dir: &'static str,
    content_lang: Option<String>,
    business: Option<String>,
    visitor: Option<String>,
    date: String,
    summary: Vec<String>,
    key_points: Vec<String>,
    action_items: Vec<Action>,
    phrases: Phrases,
}

#[derive(Debug, Serialize)]
struct Action {
    owner: String,
    text: String,
    due: Option<String>,
}

impl Context {
    fn new(settings: &EmailSettings, session: &Session, analysis: &Analysis) -> Self {
        let locale = session.visitor.locale();
        let language = Language::of(locale.as_ref());
        let business = settings.from_name.as_deref().map(|name| one_line(name, MAX_NAME_CHARS));
        let business = business.filter(|name| !name.is_empty());
        let visitor = session.visitor.name.as_deref().and_then(greetable);
        let date = language.date(session.started_at.date_naive());
        let phrases = language.phrases(&About {
            business: business.as_deref(),
            visitor: visitor.as_deref(),
            date: &date,
            can_reply: settings.reply_to.is_some(),
        });
        let summary = analysis.summary.as_ref();
        let key_points = summary.map(|summary| summary.key_points.as_slice()).unwrap_or_default();
        let actions = analysis.action_items.iter();
        Self {
            lang: language.tag(),
            dir: "ltr",
            content_lang: locale.as_ref().map(Locale::to_string),
            summary: lines(summary.into_iter().flat_map(|summary| summary.text.lines()), MAX_PARAGRAPH_CHARS),
            key_points: lines(key_points.iter().map(String::as_str), MAX_ITEM_CHARS),
            action_items: actions.map(|item| action(item, language, business.as_deref())).collect(),
            business,
            visitor,
            date,
            phrases,
        }
    }
}

fn action(item: &ActionItem, language: Language, business: Option<&str>) -> Action {
    Action {
        owner: language.owner(item.owner, business),
        text: quoted(&item.text, MAX_ITEM_CHARS),
        due: item.due.as_deref().map(|due| quoted(due, MAX_ITEM_CHARS)).filter(|due| !due.is_empty()),
    }
}

fn lines<'t>(texts: impl Iterator<Item = &'t str>, max_chars: usize) -> Vec<String> {
    texts.map(|text| quoted(text, max_chars)).filter(|line| !line.is_empty()).collect()
}

/// A line that may say what the visitor said. One line first: removing a mark from it could join a link again.
fn quoted(text: &str, max_chars: usize) -> String {
    unlinked(&one_line(text, max_chars))
}

/// The visitor's name, unless it is something that a stranger who types a foreign address wants to have delivered: a
/// link, an address, markup, or a whole sentence.
fn greetable(name: &str) -> Option<String> {
    let name = one_line(name, usize::MAX);
    let usable = !name.is_empty() && name.chars().count() <= MAX_NAME_CHARS && unlinked(&name) == name;
    (usable && !name.contains(['/', '\\', ':', '@', '<', '>', '{', '}', '[', ']', '|', '=', '?', '!'])).then_some(name)
}

#[cfg(test)]
mod tests;
