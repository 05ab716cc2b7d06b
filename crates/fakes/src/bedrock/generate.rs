//! An answer to any JSON schema, filled with quotes and what the lexicon makes of them.
//!
//! The names of properties say what is wanted (`score`, `quote`, `label`, `due`); a name that says nothing gets words of
//! the conversation, or the neutral value of its type. The same prompt always gets the same answer.

use serde_json::{Map, Value, json};

use super::conversation::{Conversation, Mood, Sentence};
use super::merge::merge;
use super::metric;
use super::prompt::Prompt;
use super::schema::{has_type, property_names, resolve};
use super::text::quote;

/// The end of every summary, so that no reader takes it for a model's.
pub(crate) const SIGNATURE: &str = "(Written by the local stand-in for Bedrock.)";

/// The most items of a list of quotes.
pub(crate) const MOST: usize = 5;
/// A change of mood between consecutive visitor turns that is a shift.
const SHIFT: f64 = 0.5;
/// A feeling that is worth an insight.
const STRONG: f64 = 0.6;
/// Levels of a schema that are filled; a schema may refer to itself.
const DEEPEST: usize = 12;

/// Answers in the shape of `schema`; without one, in plain text.
pub(crate) fn answer(text: &str, schema: Option<&Value>) -> Value {
    let prompt = Prompt::read(text);
    let turns = prompt.turns();
    let conversation = Conversation::read(&prompt, &turns);
    let schema = schema.unwrap_or(&Value::Null);
    match prompt.parts() {
        Some(parts) => merge("summary", schema, schema, &parts.iter().collect::<Vec<_>>(), &prompt.metrics()),
        None => {
            let metrics = prompt.metrics();
            let generator = Generator { conversation, root: schema, topics: prompt.topics(), metrics: &metrics };
            generator.fill("summary", schema, Subject::Whole, 0)
        }
    }
}

struct Generator<'a> {
    conversation: Conversation<'a>,
    /// The schema that `$ref` is looked up in.
    root: &'a Value,
    topics: Option<Vec<String>>,
    metrics: &'a [Value],
}

/// The thing that a part of the answer is about.
#[derive(Clone, Copy)]
enum Subject<'a> {
    Whole,
    Mood(&'a Mood),
    Shift(&'a Mood, &'a Mood),
    Sentence(&'a Sentence<'a>),
    Metric(&'a Value),
    Text(&'a str),
}

impl Generator<'_> {
    fn fill(&self, name: &str, schema: &Value, subject: Subject<'_>, depth: usize) -> Value {
        let schema = resolve(schema, self.root);
        if depth > DEEPEST {
            return Value::Null;
        }
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(options) = schema.get("anyOf").and_then(Value::as_array) {
            return self.any_of(name, options, subject, depth);
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return self.choose(name, values, subject);
        }
        if has_type(schema, "object") {
            let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
            let filled = properties.map(|(name, inner)| (name.clone(), self.fill(name, inner, subject, depth + 1)));
            return Value::Object(filled.collect::<Map<_, _>>());
        }
        if has_type(schema, "array") {
            let items = schema.get("items").unwrap_or(&Value::Null);
            let mut subjects = self.subjects(name, resolve(items, self.root), subject);
            if subjects.is_empty() && schema.get("minItems").is_some_and(|least| least != 0) {
                subjects.push(subject);
            }
            return subjects.into_iter().map(|subject| self.fill(name, items, subject, depth + 1)).collect();
        }
        if has_type(schema, "number") || has_type(schema, "integer") {
            return self.number(name, subject);
        }
        if has_type(schema, "boolean") {
            return json!(self.is_said(name, schema));
        }
        let is_null = has_type(schema, "null") && !has_type(schema, "string");
        if is_null { Value::Null } else { json!(self.text(name, subject)) }
    }

    /// `null` where there is nothing to say and it is allowed.
    fn any_of(&self, name: &str, options: &[Value], subject: Subject<'_>, depth: usize) -> Value {
        let nothing = match (name, subject) {
            ("value", Subject::Metric(metric)) => match metric::value(metric, &self.conversation) {
                Some((value, _)) => return value,
                None => true,
            },
            ("due", Subject::Sentence(sentence)) => sentence.due.is_none(),
            _ => false,
        };
        let wanted = options.iter().find(|option| has_type(option, "null") == nothing).or(options.first());
        wanted.map_or(Value::Null, |option| self.fill(name, option, subject, depth + 1))
    }

    /// The value that most was said for; the last one where nothing was.
    fn choose(&self, name: &str, values: &[Value], subject: Subject<'_>) -> Value {
        let known = |wanted: &str| values.iter().find(|value| *value == wanted).cloned();
        let wanted = match (name, subject) {
            ("outcome", _) => Some(self.conversation.outcome()),
            ("status", Subject::Metric(metric)) => {
                let found = metric::value(metric, &self.conversation).is_some();
                Some(if found { "ok" } else { "not_evaluated" })
            }
            ("owner", Subject::Sentence(sentence)) => Some(if sentence.is_visitor { "visitor" } else { "agent" }),
            ("emotion", Subject::Mood(mood)) => Some(mood.emotion),
            _ => None,
        };
        let wanted = wanted.and_then(known);
        wanted.or_else(|| self.best(values).map(|(value, _)| value)).or(values.last().cloned()).unwrap_or_default()
    }

    /// The first of those with the most weight, and how sure that is.
    fn best(&self, values: &[Value]) -> Option<(Value, f64)> {
        let weight = |value: &Value| {
            let Some(label) = value.as_str() else { return 0.0 };
            let own = self.conversation.of_visitor().map(|sentence| sentence.weight(label)).sum::<f64>();
            if own == 0.0 && self.conversation.mentions(&label.replace('_', " ")) { 1.0 } else { own }
        };
        let weights = values.iter().map(|value| (value, weight(value))).collect::<Vec<_>>();
        let all = weights.iter().map(|(_, weight)| weight).sum::<f64>();
        let best = weights.into_iter().rev().max_by(|one, other| one.1.total_cmp(&other.1));
        best.filter(|(_, weight)| *weight > 0.0).map(|(value, most)| (value.clone(), (most + 1.0) / (all + 2.0)))
    }

    /// The label of the schema's `category`, wherever it stands.
    fn label(&self) -> Option<(Value, f64)> {
        let values = find_enum(self.root, "label")?;
        self.best(values)
    }

    fn subjects<'s>(&'s self, name: &str, items: &Value, subject: Subject<'s>) -> Vec<Subject<'s>> {
        let names = property_names(items);
        let has = |name: &str| names.contains(&name);
        let Conversation { moods, sentences, .. } = &self.conversation;
        let sentence = Subject::Sentence;
        if has("score") {
            moods.iter().map(Subject::Mood).collect()
        } else if has("from_turn") {
            let pairs = moods.windows(2).filter(|pair| (pair[1].score - pair[0].score).abs() >= SHIFT);
            pairs.map(|pair| Subject::Shift(&pair[0], &pair[1])).collect()
        } else if has("quote") {
            self.evidence(subject).into_iter().map(sentence).collect()
        } else if has("owner") {
            sentences.iter().filter(|sentence| sentence.promises).take(MOST).map(sentence).collect()
        } else if has("name") && has("value") {
            self.metrics.iter().map(Subject::Metric).collect()
        } else if !names.is_empty() {
            let strong = |sentence: &&Sentence<'_>| sentence.emotion().is_some_and(|(_, score)| score.abs() >= STRONG);
            self.conversation.of_visitor().filter(strong).take(MOST).map(sentence).collect()
        } else if name.contains("topic") {
            self.topics().into_iter().map(Subject::Text).collect()
        } else if name.contains("pattern") {
            self.pattern().into_iter().map(Subject::Text).collect()
        } else {
            self.conversation.requests(MOST).into_iter().map(sentence).collect()
        }
    }

    fn evidence<'s>(&'s self, subject: Subject<'s>) -> Vec<&'s Sentence<'s>> {
        if let Subject::Sentence(sentence) = subject {
            return vec![sentence];
        }
        let label = self.label().and_then(|(label, _)| Some(label.as_str()?.to_owned())).unwrap_or_default();
        let mut evidence = self.conversation.of_visitor().collect::<Vec<_>>();
        // Stable: the first of those that say as much.
        evidence.sort_by(|one, other| other.weight(&label).total_cmp(&one.weight(&label)));
        let most = evidence.iter().filter(|sentence| sentence.weight(&label) > 0.0).count().clamp(1, 3);
        evidence.truncate(most);
        evidence
    }

    fn topics(&self) -> Vec<&str> {
        match &self.topics {
            Some(allowed) => {
                allowed.iter().map(String::as_str).filter(|topic| self.conversation.mentions(topic)).collect()
            }
            None => self.conversation.topics.iter().map(String::as_str).collect(),
        }
    }

    fn pattern(&self) -> Option<&'static str> {
        let moods = &self.conversation.moods;
        let change = moods.last()?.score - moods.first().filter(|_| moods.len() > 1)?.score;
        Some(match change {
            _ if change >= SHIFT => "The mood improves towards the end",
            _ if change <= -SHIFT => "The mood worsens towards the end",
            _ => "The mood ends as it began",
        })
    }

    fn number(&self, name: &str, subject: Subject<'_>) -> Value {
        match (name, subject) {
            ("turn", Subject::Mood(Mood { turn, .. }) | Subject::Sentence(Sentence { turn, .. })) => json!(turn),
            ("from_turn", Subject::Shift(from, _)) => json!(from.turn),
            ("to_turn", Subject::Shift(_, to)) => json!(to.turn),
            (_, Subject::Mood(mood)) => json!(mood.score),
            ("confidence", _) => json!((self.label().map_or(0.4, |(_, sure)| sure) * 100.0).round() / 100.0),
            _ => json!(0),
        }
    }

    /// Whether a content word of the property's description, or of its name, was said.
    fn is_said(&self, name: &str, schema: &Value) -> bool {
        let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let name = name.replace('_', " ");
        metric::subject(if description.is_empty() { &name } else { description })
            .iter()
            .any(|word| self.conversation.has(word))
    }

    fn text(&self, name: &str, subject: Subject<'_>) -> String {
        match (name, subject) {
            ("summary" | "text", Subject::Whole) => self.summary(),
            // Never a bare quote: a test finds an internal text in a mail that shows the transcript.
            ("reasoning", Subject::Whole) => format!("The visitor says {}", quotes(&self.evidence(subject))),
            (_, Subject::Whole) => quotes(&self.conversation.requests(1)),
            ("emotion", Subject::Mood(mood)) => mood.emotion.to_owned(),
            (_, Subject::Mood(mood)) => quotes(&self.of_turn(mood.turn)),
            (_, Subject::Shift(from, to)) => quotes(&self.cause(from.turn, to.turn)),
            ("due", Subject::Sentence(Sentence { due: Some(due), .. })) => (*due).to_owned(),
            ("text", Subject::Sentence(sentence)) => {
                let speaker = if sentence.is_visitor { "visitor" } else { "agent" };
                format!("The {speaker} says “{}”", quote(sentence.text))
            }
            (_, Subject::Sentence(sentence)) => quote(sentence.text).to_owned(),
            ("name", Subject::Metric(metric)) => metric::name(metric).to_owned(),
            (_, Subject::Metric(metric)) => match metric::value(metric, &self.conversation) {
                Some((_, said)) => format!("“{}”", quote(&said)),
                None => "The conversation says nothing about it.".to_owned(),
            },
            (_, Subject::Text(text)) => text.to_owned(),
        }
    }

    /// The first request and the visitor's last words.
    fn summary(&self) -> String {
        let mut said = self.conversation.requests(1);
        said.extend(self.conversation.of_visitor().last());
        said.dedup_by_key(|sentence| sentence.text);
        format!("{} {SIGNATURE}", quotes(&said))
    }

    fn of_turn(&self, turn: usize) -> Vec<&Sentence<'_>> {
        let at = self.conversation.sentences.partition_point(|sentence| sentence.turn < turn);
        self.conversation.sentences[at..].iter().take_while(|sentence| sentence.turn == turn).take(1).collect()
    }

    /// The agent's longest sentence between two turns, else the visitor's in the later turn.
    fn cause(&self, from: usize, to: usize) -> Vec<&Sentence<'_>> {
        let at = self.conversation.sentences.partition_point(|sentence| sentence.turn <= from);
        let between = self.conversation.sentences[at..].iter().take_while(|sentence| sentence.turn < to);
        let said = between.max_by_key(|sentence| sentence.text.len());
        said.map_or_else(|| self.of_turn(to), |said| vec![said])
    }
}

/// Puts the sentences in quotation marks; an ellipsis for nothing.
fn quotes(sentences: &[&Sentence<'_>]) -> String {
    let quotes = sentences.iter().map(|sentence| format!("“{}”", quote(sentence.text))).collect::<Vec<_>>();
    if quotes.is_empty() { "“…”".to_owned() } else { quotes.join(" … ") }
}

/// The values of the first property with this name that has any.
fn find_enum<'a>(schema: &'a Value, name: &str) -> Option<&'a Vec<Value>> {
    match schema {
        Value::Object(map) => {
            let own = map.get(name).and_then(|inner| inner.get("enum")?.as_array());
            own.or_else(|| map.values().find_map(|inner| find_enum(inner, name)))
        }
        Value::Array(items) => items.iter().find_map(|inner| find_enum(inner, name)),
        _ => None,
    }
}
