//! A tenant's own metrics, by one simple rule for each type.

use serde::Deserialize;
use serde_json::{Value, json};

use super::language::Language;
use super::prompt::Prompt;
use super::purpose::requests;
use super::text::{report, sentences, shorten, words};
use super::vocabulary::{Vocabulary, stem};

/// A metric as the prompt asks for it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Metric {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    #[serde(default)]
    description: String,
    min: Option<f64>,
    max: Option<f64>,
    max_length: Option<usize>,
    #[serde(default)]
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Boolean,
    Integer,
    Number,
    String,
    Enum,
}

/// The `custom_metrics` member of the answer: one entry for each metric that was asked for.
pub(crate) fn custom_metrics(prompt: &Prompt) -> Vec<Value> {
    if prompt.metrics.is_empty() {
        return Vec::new();
    }
    let said = Vocabulary::of(prompt.said());
    prompt.metrics.iter().map(|metric| entry(metric, value(metric, prompt, &said), prompt.output)).collect()
}

/// The entry of a metric with its value and the words that gave it, or of one that has none.
fn entry(metric: &Metric, found: Option<(Value, String)>, language: Language) -> Value {
    match found {
        Some((value, said)) => {
            let lead = language.pick("Told by", "Ergibt sich aus", "Se deduce de");
            json!({ "name": metric.name, "status": "ok", "value": value, "rationale": report(lead, &said, language) })
        }
        None => not_evaluated(metric, language),
    }
}

pub(crate) fn not_evaluated(metric: &Metric, language: Language) -> Value {
    let rationale = language.pick(
        "The conversation says nothing about it.",
        "Das Gespräch sagt nichts darüber.",
        "La conversación no dice nada al respecto.",
    );
    json!({ "name": metric.name, "status": "not_evaluated", "value": null, "rationale": rationale })
}

fn value(metric: &Metric, prompt: &Prompt, said: &Vocabulary) -> Option<(Value, String)> {
    let visitor = || prompt.of("visitor").flat_map(|turn| sentences(&turn.text));
    let subject = subject(metric);
    match metric.kind {
        Kind::Boolean => {
            let first = visitor().next()?;
            let word = subject.iter().find(|word| said.has(word));
            Some((json!(word.is_some()), word.cloned().unwrap_or_else(|| first.to_owned())))
        }
        Kind::Integer | Kind::Number => visitor().find_map(|sentence| {
            let value = numbers(sentence).find_map(|number| in_range(metric, number))?;
            Some((value, sentence.to_owned()))
        }),
        Kind::Enum => {
            let value = metric.values.iter().find(|value| said.has_all(value))?;
            Some((json!(value), value.clone()))
        }
        Kind::String => {
            let about = visitor().find(|sentence| {
                let words = words(sentence);
                words.iter().any(|word| subject.iter().any(|subject| same(subject, &word.lower)))
            });
            let sentence = about.or_else(|| requests(prompt).first().copied())?;
            let value = shorten(sentence, metric.max_length.unwrap_or(usize::MAX));
            (!value.is_empty()).then(|| (json!(value), sentence.to_owned()))
        }
    }
}

/// The content words of a metric's description, in lower case.
fn subject(metric: &Metric) -> Vec<String> {
    let fillers = [Language::English, Language::German, Language::Spanish];
    let is_filler = |word: &str| fillers.iter().any(|language| language.stop_words().any(|stop| stop == word));
    let words = words(&metric.description).into_iter().map(|word| word.lower);
    words.filter(|word| stem(word).is_some() && !is_filler(word) && !word.starts_with("visitor")).collect()
}

fn same(subject: &str, word: &str) -> bool {
    stem(subject).is_some_and(|stem| word.starts_with(stem))
}

fn in_range(metric: &Metric, number: f64) -> Option<Value> {
    let inside = metric.min.is_none_or(|min| number >= min) && metric.max.is_none_or(|max| number <= max);
    match metric.kind {
        Kind::Integer => (inside && number.fract() == 0.0).then(|| json!(number as i64)),
        Kind::Boolean | Kind::Number | Kind::String | Kind::Enum => inside.then(|| json!(number)),
    }
}

/// Numbers in digits, with a decimal point or comma; digits of a word or a placeholder such as `[PHONE_2]` are none.
fn numbers(text: &str) -> impl Iterator<Item = f64> {
    let tokens = text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ',')));
    tokens
        .filter_map(|token| token.trim_matches(['.', ',']).replace(',', ".").parse::<f64>().ok())
        .filter(|n| n.is_finite())
}

/// The parts' entries of each metric in one: `true` if a part says so, the last number, the value given most often,
/// the first text.
pub(crate) fn merged(prompt: &Prompt, parts: &[Value]) -> Vec<Value> {
    let entries = |name: &str| {
        let all = parts.iter().filter_map(|part| part.get("custom_metrics")?.as_array()).flatten();
        let named = all.filter(|entry| entry.get("name").is_some_and(|other| other == name));
        named.filter(|entry| entry.get("status").is_some_and(|status| status == "ok")).cloned().collect::<Vec<_>>()
    };
    let merged = prompt.metrics.iter().map(|metric| {
        let entry = choose(metric, &entries(&metric.name));
        entry.unwrap_or_else(|| not_evaluated(metric, prompt.output))
    });
    merged.collect()
}

fn choose(metric: &Metric, entries: &[Value]) -> Option<Value> {
    let value = |entry: &Value| entry.get("value").cloned().unwrap_or_default();
    let chosen = match metric.kind {
        Kind::Boolean => entries.iter().find(|entry| value(entry) == true).or(entries.first()),
        Kind::Integer | Kind::Number => entries.last(),
        Kind::String => entries.first(),
        Kind::Enum => {
            let votes = |entry: &Value| entries.iter().filter(|other| value(other) == value(entry)).count();
            entries.iter().reduce(|best, next| if votes(next) > votes(best) { next } else { best })
        }
    };
    chosen.cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: &str = r#"Custom metric: {"name":"refund","type":"boolean","description":"Whether the visitor asked for a refund"}
Custom metric: {"name":"nps","type":"integer","min":0,"max":10,"description":"The score given"}
Custom metric: {"name":"price","type":"number","min":1,"max":99.5,"description":"The price named"}
Custom metric: {"name":"product","type":"enum","values":["Basic","Large router"],"description":"Which product"}
Custom metric: {"name":"address","type":"string","max_length":12,"description":"The street"}"#;

    fn entries(lines: &str) -> Vec<(String, Value)> {
        let prompt = Prompt::parse(&format!("{ASKED}\n<transcript-1>\n{lines}\n</transcript-1>"));
        let entry = |entry: Value| {
            assert!(!entry["rationale"].as_str().unwrap().is_empty(), "{entry}");
            (entry["status"].as_str().unwrap().to_owned(), entry["value"].clone())
        };
        custom_metrics(&prompt).into_iter().map(entry).collect()
    }

    #[test]
    fn each_type_has_a_rule() {
        let lines = "[0] visitor: Call [PHONE_2], I was refunded 3,50 for my 10-inch router, the large one.\n\
                     [1] visitor: The street is called Long Street. I give you 120, no, 9.";
        let ok = |value: Value| ("ok".to_owned(), value);
        assert_eq!(
            entries(lines),
            [ok(json!(true)), ok(json!(9)), ok(json!(3.5)), ok(json!("Large router")), ok(json!("The street"))]
        );
    }

    #[test]
    fn where_nothing_is_said_nothing_is_evaluated() {
        let none = ("not_evaluated".to_owned(), Value::Null);
        assert_eq!(entries(""), vec![none.clone(); 5]);
        let spoken = entries("[0] visitor: Good morning to you");
        assert_eq!(spoken[0], ("ok".to_owned(), json!(false)));
        assert_eq!(spoken[1..4], [none.clone(), none.clone(), none]);
    }

    #[test]
    fn parts_are_merged_by_type() {
        let part = |refund: bool, nps: Value, product: &str| {
            let status = |value: &Value| if value.is_null() { "not_evaluated" } else { "ok" };
            json!({ "custom_metrics": [
                { "name": "refund", "status": "ok", "value": refund, "rationale": "r" },
                { "name": "nps", "status": status(&nps), "value": nps, "rationale": "r" },
                { "name": "product", "status": "ok", "value": product, "rationale": "r" },
            ] })
        };
        let parts = [
            part(false, json!(3), "Basic"),
            part(true, json!(7), "Large router"),
            part(false, Value::Null, "Large router"),
        ];
        let merged = merged(&Prompt::parse(ASKED), &parts);
        let values = merged.iter().map(|entry| entry["value"].clone()).collect::<Vec<_>>();
        assert_eq!(values, [json!(true), json!(7), Value::Null, json!("Large router"), Value::Null]);
        assert_eq!(merged[4]["status"], "not_evaluated");
    }
}
