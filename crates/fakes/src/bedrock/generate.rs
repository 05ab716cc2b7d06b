//! An answer to any JSON schema, filled with quotes and what the lexicon makes of them.
//!
//! The names of properties say what is wanted (`score`, `quote`, `label`, `due`); a name that says nothing gets words of
//! the conversation, or the neutral value of its type. The same prompt always gets the same answer.

use serde_json::{Map, Value, json};

use super::conversation::{Conversation, Mood, Sentence};
use super::metric::{self, Metric};
use super::prompt::Prompt;
use super::schema::{has_type, property_names, resolve, takes};
use super::text::quote;

/// The end of every summary, so that no reader takes it for a model's.
const SIGNATURE: &str = "(Written by the local stand-in for Bedrock.)";

/// The most items of a list of quotes.
const MOST: usize = 5;
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
    let conversation = Conversation::read(&turns, prompt.context().as_ref());
    let summary = json!({ "type": "string" });
    let root = schema.unwrap_or(&summary);
    let labels = find_enum(root, "label").map_or(&[][..], Vec::as_slice);
    let best = conversation.best(labels);
    let (label, confidence) = best.map_or((Value::Null, 0.4), |(label, sure)| (label, (sure * 100.0).round() / 100.0));
    let generator = Generator {
        conversation: &conversation,
        root,
        label: label.as_str().unwrap_or_default(),
        topics: prompt.topics(),
        metrics: prompt.metrics(),
    };
    let mut whole = generator.whole(confidence);
    whole.facts.extend(found_in_parts(&prompt, labels.last()));
    generator.fill("summary", root, &whole, 0)
}

/// The members of the parts' answers by name, where an answer is about parts: the last part that has one counts, a
/// neutral label only without others, and of each metric the last value.
fn found_in_parts(prompt: &Prompt<'_>, neutral: Option<&Value>) -> Map<String, Value> {
    let mut found = Map::new();
    let parts = prompt.parts();
    for (name, member) in parts.iter().flatten() {
        match member {
            Value::Object(inner) if inner.contains_key("label") => {
                if !found.contains_key("label") || inner.get("label") != neutral {
                    found.extend(inner.clone());
                }
            }
            Value::Object(inner) => found.extend(inner.clone()),
            other => drop(found.insert(name.clone(), other.clone())),
        }
    }
    if let Some(entries) = found.get_mut("custom_metrics") {
        let all = || parts.iter().rev().filter_map(|part| part.get("custom_metrics")?.as_array()).flatten();
        let silence = Conversation::read(&[], None);
        let of = |metric: &Metric| {
            let own = |entry: &&Value| entry["name"] == metric.name.as_str() && entry["status"] == "ok";
            let value = all().filter(own).find(|entry| entry["value"] == true).or_else(|| all().find(own));
            value.cloned().unwrap_or_else(|| metric.entry(&silence))
        };
        *entries = prompt.metrics().iter().map(of).collect();
    }
    found
}

/// The thing that a part of the answer is about.
struct Basis<'a> {
    /// Values by the names of the properties that ask for them.
    facts: Map<String, Value>,
    /// The value of any other text.
    text: String,
    sentence: Option<&'a Sentence<'a>>,
}

impl<'a> Basis<'a> {
    fn new(facts: Value, text: String) -> Self {
        let facts = if let Value::Object(facts) = facts { facts } else { Map::new() };
        Self { facts, text, sentence: None }
    }

    fn text(text: &str) -> Self {
        Self::new(Value::Null, text.to_owned())
    }

    fn sentence(sentence: &'a Sentence<'a>) -> Self {
        let speaker = if sentence.is_visitor { "visitor" } else { "agent" };
        let quote = quote(sentence.text);
        // Never a bare quote: a test finds an internal text in a mail that shows the transcript.
        let said = format!("The {speaker} says “{quote}”");
        let facts = json!({
            "turn": sentence.turn, "quote": quote, "text": said, "owner": speaker, "due": sentence.due,
        });
        Self { sentence: Some(sentence), ..Self::new(facts, quote.to_owned()) }
    }
}

struct Generator<'a> {
    conversation: &'a Conversation<'a>,
    /// The schema that `$ref` is looked up in.
    root: &'a Value,
    /// The label that most was said for; empty without one.
    label: &'a str,
    topics: Option<Vec<String>>,
    metrics: Vec<Metric>,
}

impl Generator<'_> {
    fn fill(&self, name: &str, schema: &Value, subject: &Basis<'_>, depth: usize) -> Value {
        let schema = resolve(schema, self.root);
        if depth > DEEPEST {
            return Value::Null;
        }
        if let Some(value) = schema.get("const").or(subject.facts.get(name).filter(|fact| takes(schema, fact))) {
            return value.clone();
        }
        if let Some(options) = schema.get("anyOf").and_then(Value::as_array) {
            let option = options.iter().find(|option| !has_type(option, "null")).or(options.first());
            return option.map_or(Value::Null, |option| self.fill(name, option, subject, depth + 1));
        }
        // The last one where nothing was said for any.
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            let best = self.conversation.best(values).map(|(value, _)| value);
            return best.or(values.last().cloned()).unwrap_or_default();
        }
        if has_type(schema, "object") {
            let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
            let filled = properties.map(|(name, inner)| (name.clone(), self.fill(name, inner, subject, depth + 1)));
            return Value::Object(filled.collect());
        }
        if has_type(schema, "array") {
            let items = schema.get("items").unwrap_or(&Value::Null);
            let subjects = self.subjects(name, resolve(items, self.root), subject);
            let filled = subjects.iter().map(|subject| self.fill(name, items, subject, depth + 1)).collect::<Vec<_>>();
            let is_short = filled.is_empty() && schema.get("minItems").is_some_and(|least| least != 0);
            return if is_short { json!([self.fill(name, items, subject, depth + 1)]) } else { json!(filled) };
        }
        if has_type(schema, "number") || has_type(schema, "integer") {
            return json!(0);
        }
        if has_type(schema, "boolean") {
            return json!(self.is_said(name, schema));
        }
        if has_type(schema, "null") && !has_type(schema, "string") { Value::Null } else { json!(subject.text) }
    }

    fn subjects<'s>(&'s self, name: &str, items: &Value, subject: &Basis<'s>) -> Vec<Basis<'s>> {
        let names = property_names(items);
        let has = |name: &str| names.contains(&name);
        let Conversation { moods, sentences, .. } = self.conversation;
        let sentence = Basis::sentence;
        if has("score") {
            moods.iter().map(|mood| self.mood(mood)).collect()
        } else if has("from_turn") {
            let pairs = moods.windows(2).filter(|pair| (pair[1].score - pair[0].score).abs() >= SHIFT);
            pairs.map(|pair| self.shift(&pair[0], &pair[1])).collect()
        } else if has("quote") {
            let evidence = subject.sentence.map_or_else(|| self.evidence(), |own| vec![own]);
            evidence.into_iter().map(sentence).collect()
        } else if has("owner") {
            sentences.iter().filter(|sentence| sentence.promises).take(MOST).map(sentence).collect()
        } else if has("name") && has("value") {
            let entries = self.metrics.iter().map(|metric| metric.entry(self.conversation));
            entries.map(|entry| Basis::new(entry, String::new())).collect()
        } else if !names.is_empty() {
            let strong = |sentence: &&Sentence<'_>| sentence.emotion().is_some_and(|(_, score)| score.abs() >= STRONG);
            self.conversation.of_visitor().filter(strong).take(MOST).map(sentence).collect()
        } else if name.contains("topic") {
            self.topics().into_iter().map(Basis::text).collect()
        } else if name.contains("pattern") {
            self.pattern().into_iter().map(Basis::text).collect()
        } else {
            self.conversation.requests(MOST).into_iter().map(sentence).collect()
        }
    }

    /// The conversation: its summary has the first request, the visitor's last words and the signature.
    fn whole(&self, confidence: f64) -> Basis<'_> {
        let request = self.conversation.requests(1);
        let mut said = request.clone();
        said.extend(self.conversation.of_visitor().last());
        said.dedup_by_key(|sentence| sentence.text);
        let summary = format!("{} {SIGNATURE}", quotes(&said));
        let reasoning = format!("The visitor says {}", quotes(&self.evidence()));
        let facts = json!({
            "summary": summary, "text": summary, "reasoning": reasoning, "confidence": confidence,
            "outcome": self.conversation.outcome,
        });
        Basis::new(facts, quotes(&request))
    }

    fn mood(&self, mood: &Mood) -> Basis<'_> {
        let facts = json!({ "turn": mood.turn, "score": mood.score, "emotion": mood.emotion });
        Basis::new(facts, quotes(&self.of_turn(mood.turn)))
    }

    fn shift(&self, from: &Mood, to: &Mood) -> Basis<'_> {
        Basis::new(json!({ "from_turn": from.turn, "to_turn": to.turn }), quotes(&self.cause(from.turn, to.turn)))
    }

    /// The visitor's sentences that speak most for the label.
    fn evidence(&self) -> Vec<&Sentence<'_>> {
        let mut evidence = self.conversation.of_visitor().collect::<Vec<_>>();
        let weight = |sentence: &&Sentence<'_>| sentence.weight(self.label);
        // Stable: the first of those that say as much.
        evidence.sort_by(|one, other| weight(other).total_cmp(&weight(one)));
        let most = evidence.iter().filter(|sentence| weight(sentence) > 0.0).count().clamp(1, 3);
        evidence.truncate(most);
        evidence
    }

    fn topics(&self) -> Vec<&str> {
        let all = self.topics.as_ref().unwrap_or(&self.conversation.topics);
        let is_named = |topic: &&str| self.topics.is_none() || self.conversation.mentions(topic);
        all.iter().map(String::as_str).filter(is_named).collect()
    }

    fn pattern(&self) -> Option<&'static str> {
        let [first, .., last] = self.conversation.moods.as_slice() else { return None };
        Some(match last.score - first.score {
            change if change >= SHIFT => "The mood improves towards the end",
            change if change <= -SHIFT => "The mood worsens towards the end",
            _ => "The mood ends as it began",
        })
    }

    /// Whether a content word of the property's description, or of its name, was said.
    fn is_said(&self, name: &str, schema: &Value) -> bool {
        let name = name.replace('_', " ");
        let description = schema.get("description").and_then(Value::as_str).unwrap_or(&name);
        metric::subject(description).iter().any(|word| self.conversation.has(word))
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
