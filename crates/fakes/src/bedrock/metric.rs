//! The values of a tenant's own metrics, by type.

use serde_json::{Value, json};

use super::conversation::Conversation;
use super::lexicon::is_content;
use super::text::{shorten, stem, words};

pub(crate) fn name(metric: &Value) -> &str {
    text(metric, "name")
}

fn text<'a>(metric: &'a Value, member: &str) -> &'a str {
    metric.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// The value and the words that gave it; `None` where nothing gives one.
pub(crate) fn value(metric: &Value, conversation: &Conversation<'_>) -> Option<(Value, String)> {
    let subject = subject(text(metric, "description"));
    let first = conversation.of_visitor().next()?.text;
    match text(metric, "type") {
        "boolean" => {
            let word = subject.iter().find(|word| conversation.has(word));
            Some((json!(word.is_some()), word.cloned().unwrap_or_else(|| first.to_owned())))
        }
        "integer" | "number" => conversation.of_visitor().find_map(|sentence| {
            let number = numbers(sentence.text).find(|number| fits(metric, *number))?;
            let value = if number.fract() == 0.0 { json!(number as i64) } else { json!(number) };
            Some((value, sentence.text.to_owned()))
        }),
        "enum" => {
            let mut values = metric.get("values")?.as_array()?.iter().filter_map(Value::as_str);
            let value = values.find(|value| conversation.mentions(value))?;
            Some((json!(value), value.to_owned()))
        }
        _ => {
            let is_about =
                |text: &str| words(text).iter().any(|word| subject.iter().any(|own| word.lower.starts_with(stem(own))));
            let about = conversation.of_visitor().find(|sentence| is_about(sentence.text));
            let said = about.map_or_else(|| conversation.requests(1)[0].text, |sentence| sentence.text);
            let most = metric.get("max_length").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok());
            let value = shorten(said, most.unwrap_or(usize::MAX));
            (!value.is_empty()).then(|| (json!(value), said.to_owned()))
        }
    }
}

/// The content words of a description, in lower case.
pub(crate) fn subject(description: &str) -> Vec<String> {
    words(description).into_iter().filter(is_content).map(|word| word.lower).collect()
}

fn fits(metric: &Value, number: f64) -> bool {
    let bound = |name: &str, otherwise: f64| metric.get(name).and_then(Value::as_f64).unwrap_or(otherwise);
    let whole = text(metric, "type") != "integer" || number.fract() == 0.0;
    whole && (bound("min", f64::MIN)..=bound("max", f64::MAX)).contains(&number)
}

/// Numbers in digits, with a decimal point or comma; digits of a word or a placeholder such as `[PHONE_2]` do not count.
fn numbers(text: &str) -> impl Iterator<Item = f64> {
    let tokens = text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ',')));
    let numbers = tokens.filter_map(|token| token.trim_matches(['.', ',']).replace(',', ".").parse::<f64>().ok());
    numbers.filter(|number| number.is_finite())
}
