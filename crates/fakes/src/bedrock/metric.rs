//! The values of a tenant's own metrics, by type.

use serde::Deserialize;
use serde_json::{Value, json};

use super::conversation::Conversation;
use super::lexicon::is_content;
use super::text::{quote, shorten, stem, words};

/// A metric, as a line of the prompt describes it.
#[derive(Debug, Deserialize)]
pub(crate) struct Metric {
    pub(crate) name: String,
    #[serde(default)]
    description: String,
    #[serde(flatten)]
    kind: MetricKind,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum MetricKind {
    Boolean,
    Integer { min: Option<f64>, max: Option<f64> },
    Number { min: Option<f64>, max: Option<f64> },
    Enum { values: Vec<String> },
    String { max_length: Option<usize> },
}

impl Metric {
    /// The metric's entry in an answer.
    pub(crate) fn entry(&self, conversation: &Conversation<'_>) -> Value {
        let (status, value, rationale) = match self.value(conversation) {
            Some((value, said)) => ("ok", value, format!("“{}”", quote(&said))),
            None => ("not_evaluated", Value::Null, "The conversation says nothing about it.".to_owned()),
        };
        json!({ "name": self.name, "status": status, "value": value, "rationale": rationale })
    }

    /// The value and the words that gave it; `None` where nothing gives one.
    fn value(&self, conversation: &Conversation<'_>) -> Option<(Value, String)> {
        let subject = subject(&self.description);
        let first = conversation.of_visitor().next()?.text;
        match &self.kind {
            MetricKind::Boolean => {
                let word = subject.iter().find(|word| conversation.has(word));
                Some((json!(word.is_some()), word.map_or(first, String::as_str).to_owned()))
            }
            MetricKind::Integer { min, max } | MetricKind::Number { min, max } => {
                let is_whole = matches!(self.kind, MetricKind::Integer { .. });
                let range = min.unwrap_or(f64::MIN)..=max.unwrap_or(f64::MAX);
                let takes = |number: &f64| range.contains(number) && (!is_whole || number.fract() == 0.0);
                let mut found =
                    conversation.of_visitor().flat_map(|said| numbers(said.text).map(move |n| (n, said.text)));
                let (number, said) = found.find(|(number, _)| takes(number))?;
                let value = if number.fract() == 0.0 { json!(number as i64) } else { json!(number) };
                Some((value, said.to_owned()))
            }
            MetricKind::Enum { values } => {
                let value = values.iter().find(|value| conversation.mentions(value))?;
                Some((json!(value), value.clone()))
            }
            MetricKind::String { max_length } => {
                let is_about = |word: &String| subject.iter().any(|own| word.starts_with(stem(own)));
                let mut sentences = conversation.of_visitor().map(|sentence| sentence.text);
                let about = sentences.find(|text| words(text).iter().any(|word| is_about(&word.lower)));
                let said = about.unwrap_or_else(|| conversation.requests(1)[0].text);
                let value = shorten(said, max_length.unwrap_or(usize::MAX));
                (!value.is_empty()).then(|| (json!(value), said.to_owned()))
            }
        }
    }
}

/// The content words of a description, in lower case.
pub(crate) fn subject(description: &str) -> Vec<String> {
    words(description).into_iter().filter(is_content).map(|word| word.lower).collect()
}

/// Numbers in digits, with a decimal point or comma; digits of a word or a placeholder such as `[PHONE_2]` do not count.
fn numbers(text: &str) -> impl Iterator<Item = f64> {
    let tokens = text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ',')));
    let numbers = tokens.filter_map(|token| token.trim_matches(['.', ',']).replace(',', ".").parse::<f64>().ok());
    numbers.filter(|number| number.is_finite())
}
