//! The last answer about a split transcript, from the answers about its parts.

use serde_json::{Map, Value, json};

use super::generate::{MOST, SIGNATURE};
use super::metric;
use super::schema::{has_type, property_names, resolve};

/// Puts together what the parts have at one place: an `enum` by votes, lists one after the other, texts joined.
pub(crate) fn merge(name: &str, schema: &Value, root: &Value, found: &[&Value], metrics: &[Value]) -> Value {
    let schema = resolve(schema, root);
    let of = |name: &str| found.iter().filter_map(|value| value.get(name)).collect::<Vec<_>>();
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return vote(values, found);
    }
    if let Some(options) = schema.get("anyOf").and_then(Value::as_array) {
        let may_be_null = options.iter().any(|option| has_type(option, "null"));
        let last = found.iter().rev().find(|value| !value.is_null()).map(|value| (*value).clone());
        return last.or((!may_be_null).then(|| json!(SIGNATURE))).unwrap_or_default();
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        // Evidence and reasons belong to the label that has won.
        let label = properties.get("label").map(|inner| merge("label", inner, root, &of("label"), metrics));
        let own = |value: &&&Value| label.as_ref().is_none_or(|label| value.get("label") == Some(label));
        let own = found.iter().filter(own).copied().collect::<Vec<_>>();
        let inner = |(name, inner): (&String, &Value)| {
            let found = own.iter().filter_map(|value| value.get(name)).collect::<Vec<_>>();
            (name.clone(), merge(name, inner, root, &found, metrics))
        };
        let mut merged = properties.iter().map(inner).collect::<Map<_, _>>();
        merged.extend(label.map(|label| ("label".to_owned(), label)));
        return Value::Object(merged);
    }
    if let Some(items) = schema.get("items") {
        let all = found.iter().filter_map(|value| value.as_array()).flatten().collect::<Vec<_>>();
        let names = property_names(resolve(items, root));
        if names.contains(&"value") && names.contains(&"name") {
            return metrics.iter().map(|metric| metric_of(metric, &all)).collect();
        }
        let mut distinct = Vec::new();
        all.into_iter().for_each(|item| {
            if !distinct.contains(&item) {
                distinct.push(item)
            }
        });
        return json!(distinct.into_iter().take(MOST).collect::<Vec<_>>());
    }
    if has_type(schema, "number") || has_type(schema, "integer") {
        let numbers = found.iter().filter_map(|value| value.as_f64()).collect::<Vec<_>>();
        let mean = numbers.iter().sum::<f64>() / (numbers.len().max(1) as f64);
        return json!((mean * 100.0).round() / 100.0);
    }
    if has_type(schema, "boolean") {
        return json!(found.contains(&&Value::Bool(true)));
    }
    text(name, found)
}

/// The value with the most votes, the later of equals; the last of the schema, which is the neutral one, only without
/// others.
fn vote(values: &[Value], found: &[&Value]) -> Value {
    let neutral = values.last().cloned().unwrap_or_default();
    let votes = |value: &Value| found.iter().filter(|other| **other == value).count();
    let candidates = found.iter().filter(|value| values.contains(value) && ***value != neutral);
    candidates.max_by_key(|value| votes(value)).map_or(neutral.clone(), |value| (*value).clone())
}

/// `true` if a part says so, else the last value that a part found.
fn metric_of(metric: &Value, entries: &[&Value]) -> Value {
    let named = entries.iter().filter(|entry| entry.get("name").and_then(Value::as_str) == Some(metric::name(metric)));
    let named = named.filter(|entry| entry.get("status").is_some_and(|status| status == "ok")).collect::<Vec<_>>();
    let chosen = named.iter().find(|entry| entry.get("value") == Some(&Value::Bool(true))).or(named.last());
    let member = |name: &str| chosen.and_then(|entry| entry.get(name)).cloned();
    json!({
        "name": metric::name(metric), "status": if chosen.is_some() { "ok" } else { "not_evaluated" },
        "value": member("value"), "rationale": member("rationale").unwrap_or_else(|| json!("No part says more.")),
    })
}

fn text(name: &str, found: &[&Value]) -> Value {
    let texts = found.iter().filter_map(|value| value.as_str());
    let texts = texts.map(|text| text.trim_end_matches(SIGNATURE).trim_end()).filter(|text| !text.is_empty());
    match name {
        "text" | "summary" => {
            let texts = texts.take(MOST).collect::<Vec<_>>().join(" ");
            json!(format!("{texts} {SIGNATURE}").trim_start())
        }
        _ => json!(texts.into_iter().next().unwrap_or(SIGNATURE)),
    }
}
