//! Variables that templates of visitors' mails can use; `docs/templates.md` lists them.

use chrono::NaiveDate;
use domain::analysis::{ActionItem, Analysis, IntentOutcome, MetricStatus};
use domain::locale::Locale;
use domain::session::Session;
use domain::settings::EmailSettings;
use domain::transcript::{Transcript, Turn};
use minijinja::Value;

use crate::header::one_line;
use crate::links::unlinked;
use crate::phrases::{MailLanguage, Phrases, Speaker};
use crate::values::{Link, Values};

/// The longest name of a business or a visitor in characters.
const MAX_NAME_CHARS: usize = 64;
/// The longest item of a list in characters: far more than a model is asked for, far less than fills a screen.
const MAX_ITEM_CHARS: usize = 1000;
/// The longest paragraph of the summary in characters.
const MAX_PARAGRAPH_CHARS: usize = 5000;
/// The most bytes of a transcript in a mail, some hours of talk: mailbox providers cut or refuse longer mails.
const MAX_SHOWN_BYTES: usize = 1_000_000;

/// The facts that a mail to a visitor is made from.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    pub settings: &'a EmailSettings,
    /// The name of the business where the settings have no `from_name`.
    pub tenant_name: &'a str,
    pub session: &'a Session,
    pub analysis: &'a Analysis,
    /// The transcript as the settings allow to show it; needed only where [`About::needs_transcript`].
    pub transcript: Option<&'a Transcript>,
    /// The locale of a tenant's own template, which decides the language of the fixed sentences.
    ///
    /// `None` leaves the choice to the visitor's locale.
    pub template_locale: Option<&'a Locale>,
    /// The day on which the conversation started, in the visitor's time zone.
    pub date: NaiveDate,
    /// The link by which the visitor stops further mails.
    pub unsubscribe_url: Option<&'a str>,
}

impl About<'_> {
    /// Returns whether a mail with these settings shows or attaches the transcript.
    pub fn needs_transcript(settings: &EmailSettings) -> bool {
        settings.show_transcript || settings.attachments.iter().any(|kind| kind.is_transcript())
    }

    /// Returns whether the transcript should be shown and is too long for a mail: the mail is sent without it.
    pub fn is_transcript_too_long(&self) -> bool {
        let shown = |turn: &&Turn| Speaker::of(turn.role).is_some();
        let bytes = |said: &Transcript| said.turns().iter().filter(shown).map(|turn| turn.text.len()).sum::<usize>();
        self.settings.show_transcript && self.transcript.is_some_and(|said| bytes(said) > MAX_SHOWN_BYTES)
    }

    /// Returns the language tag of the fixed sentences, and so of the built-in template.
    pub fn language(&self) -> &'static str {
        self.fixed_language().tag
    }

    fn fixed_language(&self) -> &'static MailLanguage {
        let visitors = self.session.visitor.locale();
        MailLanguage::of(self.template_locale.or(visitors.as_ref()), &self.settings.default_locale)
    }
}

/// Permissions of a template beyond the visitor's own data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Show {
    pub transcript: bool,
    pub internal: bool,
}

impl From<&EmailSettings> for Show {
    fn from(settings: &EmailSettings) -> Self {
        Self { transcript: settings.show_transcript, internal: settings.show_internal }
    }
}

/// The values of one mail, made harmless.
///
/// All are single lines without control characters; texts that a visitor or a model wrote have no links either.
#[derive(Debug, Clone)]
pub struct VisitorContext(pub(crate) Value);

impl VisitorContext {
    pub fn new(about: &About<'_>) -> Self {
        let values = visitors(about);
        let is_shown = about.settings.show_internal;
        Self(if is_shown { values.with("internal", internal(about.analysis)) } else { values }.into())
    }
}

/// The names, the date and the languages of one conversation.
pub(crate) struct Frame {
    pub(crate) locale: Option<Locale>,
    pub(crate) language: &'static MailLanguage,
    business: Option<String>,
    visitor: Option<String>,
    date: String,
    pub(crate) phrases: Phrases,
}

impl Frame {
    pub(crate) fn of(about: &About<'_>) -> Self {
        let About { settings, session, tenant_name, .. } = about;
        let (locale, language) = (session.visitor.locale(), about.fixed_language());
        let business = one_line(settings.from_name.as_deref().unwrap_or(tenant_name), MAX_NAME_CHARS);
        let business = Some(business).filter(|name| !name.is_empty());
        let visitor = session.visitor.name.as_deref().and_then(greetable);
        let date = language.date(about.date);
        let can_reply = settings.reply_to.is_some();
        let phrases = language.phrases(business.as_deref(), visitor.as_deref(), &date, can_reply);
        Self { locale, language, business, visitor, date, phrases }
    }

    /// Returns the turns of visitor and agent.
    pub(crate) fn spoken(&self, transcript: &Transcript) -> Vec<ShownTurn> {
        let turn = |turn: &Turn| {
            let speaker = Speaker::of(turn.role)?;
            let name = self.visitor.as_deref().filter(|_| speaker == Speaker::Visitor);
            Some(ShownTurn {
                speaker: name.unwrap_or(self.language.speaker(speaker)).to_owned(),
                text: quoted(&turn.text, usize::MAX),
                time: turn.started_ms.map(time),
            })
        };
        transcript.turns().iter().filter_map(turn).collect()
    }
}

/// A turn in the form that visitors see.
pub(crate) struct ShownTurn {
    pub(crate) speaker: String,
    pub(crate) text: String,
    pub(crate) time: Option<String>,
}

fn visitors(about: &About<'_>) -> Values {
    let About { settings, analysis, .. } = about;
    let frame = Frame::of(about);
    let (language, business) = (frame.language, frame.business.as_deref());
    let summary = analysis.summary.as_ref();
    let key_points = summary.map(|summary| summary.key_points.as_slice()).unwrap_or_default();
    let actions = analysis.action_items.iter();
    let transcript = about.transcript.filter(|_| settings.show_transcript && !about.is_transcript_too_long());
    Values::new()
        .with("lang", language.tag)
        .with("dir", "ltr")
        .optional("content_lang", frame.locale.as_ref().map(Locale::as_ref))
        .optional("business", business)
        .optional("visitor", frame.visitor.as_deref())
        .with("date", &frame.date)
        .with("summary", lines(summary.into_iter().flat_map(|summary| summary.text.lines()), MAX_PARAGRAPH_CHARS))
        .with("key_points", lines(key_points.iter().map(String::as_str), MAX_ITEM_CHARS))
        .list("action_items", actions.map(|item| action(item, language, business)))
        .with("phrases", frame.phrases.values())
        .with("unsubscribe_url", about.unsubscribe_url.map(|url| Value::from_object(Link(url.to_owned()))))
        .with("transcript", transcript.map(|transcript| turns(frame.spoken(transcript))))
}

fn turns(spoken: Vec<ShownTurn>) -> Vec<Value> {
    let turn = |ShownTurn { speaker, text, time }| {
        Values::new().with("speaker", speaker).with("text", text).optional("time", time).into()
    };
    spoken.into_iter().map(turn).collect()
}

/// Formats milliseconds from the start as minutes and seconds.
pub(crate) fn time(ms: u32) -> String {
    let seconds = ms / 1000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// Collects the data that only the tenant sees unless its settings and its own template show more.
fn internal(analysis: &Analysis) -> Values {
    let line = |text: &str| quoted(text, MAX_ITEM_CHARS);
    let category = analysis.category.as_ref().map(|category| {
        let reasoning = line(&category.justification.reasoning);
        Values::new().with("label", category.label.title()).with("reasoning", &reasoning)
    });
    let sentiment = analysis.sentiment.as_ref().map(|sentiment| {
        Values::new().with("average", sentiment.average.get()).with("label", sentiment.label.as_str())
    });
    let intent = analysis.intent.as_ref().map(|intent| {
        Values::new()
            .with("primary_purpose", line(&intent.primary_purpose))
            .optional("outcome", intent.outcome.map(IntentOutcome::as_str))
    });
    let metrics = analysis.custom_metrics.iter().fold(Values::new(), |metrics, (name, metric)| {
        let value = match (metric.status, &metric.value) {
            (MetricStatus::Ok, serde_json::Value::Bool(value)) => Value::from(*value),
            (MetricStatus::Ok, serde_json::Value::Number(value)) => Value::from(value.as_f64()),
            (MetricStatus::Ok, serde_json::Value::String(value)) => Value::from(line(value)),
            (MetricStatus::Ok | MetricStatus::NotEvaluated, _) => Value::from(()),
        };
        let metric = Values::new().with("value", value).with("rationale", line(&metric.rationale));
        metrics.with(one_line(name, MAX_NAME_CHARS), metric)
    });
    Values::new()
        .with("category", category.map(Value::from))
        .with("sentiment", sentiment.map(Value::from))
        .with("intent", intent.map(Value::from))
        .with("topics", lines(analysis.topics.iter().map(String::as_str), MAX_ITEM_CHARS))
        .with("insights", lines(analysis.insights.iter().map(|insight| insight.text.as_str()), MAX_ITEM_CHARS))
        .with("custom_metrics", metrics)
}

fn action(item: &ActionItem, language: &MailLanguage, business: Option<&str>) -> Values {
    let due = item.due.as_deref().map(|due| quoted(due, MAX_ITEM_CHARS)).filter(|due| !due.is_empty());
    Values::new()
        .with("owner", language.owner(item.owner, business))
        .with("text", quoted(&item.text, MAX_ITEM_CHARS))
        .optional("due", due)
}

fn lines<'t>(texts: impl Iterator<Item = &'t str>, max_chars: usize) -> Vec<Value> {
    texts.map(|text| quoted(text, max_chars)).filter(|line| !line.is_empty()).map(Value::from).collect()
}

/// Makes one line without links of a text that may repeat the visitor's words.
pub(crate) fn quoted(text: &str, max_chars: usize) -> String {
    // First one line, then no links: removing a direction mark afterwards could join the parts of a link again.
    unlinked(&one_line(text, max_chars))
}

/// Returns the visitor's name if it reads like a name: no link, address, markup, number, call or question.
///
/// A stranger who types a foreign address could use the greeting to deliver such a text.
fn greetable(name: &str) -> Option<String> {
    let name = one_line(name, usize::MAX);
    let usable = !name.is_empty() && name.chars().count() <= MAX_NAME_CHARS && unlinked(&name) == name;
    let is_odd = |c: char| c.is_numeric() || "/\\:@<>{}[]|=?!".contains(c);
    (usable && !name.contains(is_odd)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_greeted_only_if_it_reads_like_one() {
        for name in ["Ana", "José María O'Neil-Sørensen", "J.R. Smith", "Dr. med. Ana López", "王芳", "अनीता"]
        {
            assert_eq!(greetable(name).as_deref(), Some(name));
        }
        for name in [
            "",
            "win at evil.example",
            "https://x",
            "a@b",
            "Free money!",
            "call 0900 123456",
            "<i>",
            "{{ x }}",
            &"x".repeat(65),
        ] {
            assert_eq!(greetable(name), None, "{name:?}");
        }
    }

    #[test]
    fn times_are_minutes_and_seconds() {
        assert_eq!([0, 999, 59_999, 60_000, 3_725_000].map(time), ["0:00", "0:00", "0:59", "1:00", "62:05"]);
    }

    /// Compares the first column with the names, and the names in the third column with the fields.
    #[test]
    fn the_table_of_variables_is_the_context() {
        let values = crate::sample::Sample::full().context(&Show { transcript: true, internal: true }).0;
        let names = |value: &Value| value.try_iter().unwrap().map(|name| name.to_string()).collect::<Vec<_>>();
        let rows = include_str!("../docs/templates.md").lines().filter(|line| line.starts_with("| `"));
        let (mut listed, mut described) = (Vec::new(), Vec::new());
        for row in rows {
            let cells: Vec<_> = row.split('|').collect();
            let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
            for name in quoted(cells[1]) {
                described.push((name.clone(), quoted(cells[3])));
                listed.push(name);
            }
        }
        assert_eq!(listed, names(&values));
        for (name, described) in described {
            let value = values.get_attr(&name).unwrap();
            let item = value.get_item_by_index(0).unwrap_or(value);
            let fields = if item.kind() == minijinja::value::ValueKind::Map { names(&item) } else { Vec::new() };
            assert!(fields.iter().all(|field| described.contains(field)), "{name}: {fields:?}");
        }
    }
}
