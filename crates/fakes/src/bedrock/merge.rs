//! The last answer of a split transcript, from the answers of its parts.

use serde_json::{Value, json};

use super::metrics;
use super::prompt::Prompt;
use super::purpose::{SIGNATURE, silent};

/// The most objectives, key points, quotes and patterns.
const OBJECTIVES: usize = 5;
const KEY_POINTS: usize = 7;
const QUOTES: usize = 4;
const PATTERNS: usize = 4;
/// What a part says that found none of the other categories.
const OTHERS: &str = "others";

/// Works on any parts, none too; the same parts always get the same answer.
pub(crate) fn compute(prompt: &Prompt, parts: &[Value]) -> Value {
    json!({
        "intent": intent(prompt, parts),
        "summary": summary(prompt, parts),
        "category": category(parts),
        "patterns": strings(parts, "/patterns", PATTERNS),
        "custom_metrics": metrics::merged(prompt, parts),
    })
}

/// The purpose of the first part in which the visitor wanted something, and the last outcome that is clear.
fn intent(prompt: &Prompt, parts: &[Value]) -> Value {
    let wants =
        |part: &&Value| part.pointer("/intent/objectives").and_then(Value::as_array).is_some_and(|all| !all.is_empty());
    let first = parts.iter().find(wants).or(parts.first());
    let purpose = first.and_then(|part| text(part, "/intent/primary_purpose")).map(str::to_owned);
    let mut outcomes = parts.iter().rev().filter_map(|part| text(part, "/intent/outcome"));
    json!({
        "primary_purpose": purpose.unwrap_or_else(|| silent(prompt.output)),
        "objectives": strings(parts, "/intent/objectives", OBJECTIVES),
        "outcome": outcomes.find(|outcome| *outcome != "unclear").unwrap_or("unclear"),
    })
}

fn summary(prompt: &Prompt, parts: &[Value]) -> Value {
    let texts = parts.iter().filter_map(|part| text(part, "/summary/text"));
    let texts =
        texts.map(|text| text.trim_end().trim_end_matches(SIGNATURE).trim_end()).filter(|text| !text.is_empty());
    let mut told = texts.map(str::to_owned).collect::<Vec<_>>();
    if told.is_empty() {
        told.push(silent(prompt.output));
    }
    json!({
        "text": format!("{} {SIGNATURE}", told.join(" ")),
        "key_points": strings(parts, "/summary/key_points", KEY_POINTS),
    })
}

/// Each part votes with its confidence; `others` wins only where no part says anything else, the first of equals
/// otherwise.
fn category(parts: &[Value]) -> Value {
    let votes = parts.iter().filter_map(|part| part.get("category"));
    let votes =
        votes.filter_map(|vote| Some((vote.get("label")?.as_str()?, confidence(vote), vote))).collect::<Vec<_>>();
    let weight = |label: &str| votes.iter().filter(|vote| vote.0 == label).map(|vote| vote.1).sum::<f64>();
    let candidates = || votes.iter().map(|vote| vote.0).filter(|label| *label != OTHERS);
    let best =
        candidates().reduce(|best, next| if weight(next) > weight(best) { next } else { best }).unwrap_or(OTHERS);
    let own = votes.iter().filter(|vote| vote.0 == best).collect::<Vec<_>>();
    let surest = own.iter().copied().reduce(|best, next| if next.1 > best.1 { next } else { best });
    let mean = weight(best) / (own.len().max(1) as f64);
    let quotes = own.iter().filter_map(|vote| vote.2.get("evidence")?.as_array()).flatten();
    json!({
        "label": best,
        "confidence": (mean * 100.0).round() / 100.0,
        "reasoning": surest.and_then(|vote| text(vote.2, "/reasoning")).unwrap_or_default(),
        "evidence": quotes.take(QUOTES).collect::<Vec<_>>(),
    })
}

fn confidence(vote: &Value) -> f64 {
    vote.get("confidence").and_then(Value::as_f64).unwrap_or_default().clamp(0.0, 1.0)
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

/// The parts' strings at `pointer`, each once, in order.
fn strings<'a>(parts: &'a [Value], pointer: &str, most: usize) -> Vec<&'a str> {
    let mut strings = Vec::new();
    for string in parts.iter().filter_map(|part| part.pointer(pointer)?.as_array()).flatten().filter_map(Value::as_str)
    {
        if strings.len() < most && !strings.contains(&string) {
            strings.push(string);
        }
    }
    strings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(label: &str, confidence: f64, outcome: &str) -> Value {
        json!({
            "intent": { "primary_purpose": format!("Wants {label}."), "objectives": [label], "outcome": outcome },
            "summary": { "text": format!("About {label}. {SIGNATURE}"), "key_points": [label, "shared"] },
            "category": { "label": label, "confidence": confidence, "reasoning": format!("because {label}"),
                          "evidence": [{ "turn": 3, "quote": format!("{label}…") }] },
            "patterns": ["calm"],
        })
    }

    fn answer(parts: &[Value]) -> Value {
        let lines = parts.iter().map(|part| part.to_string()).collect::<Vec<_>>().join("\n");
        let prompt = Prompt::parse(&format!("Output language: en\n<parts-1>\n{lines}\n</parts-1>"));
        compute(&prompt, prompt.parts.as_deref().unwrap())
    }

    #[test]
    fn the_best_supported_category_wins_with_its_own_quotes() {
        let parts = [
            part("others", 0.9, "unclear"),
            part("facing_issue", 0.5, "not_achieved"),
            part("potential_buyer", 0.6, "achieved"),
            part("facing_issue", 0.4, "unclear"),
        ];
        let answer = answer(&parts);
        assert_eq!(
            answer["category"],
            json!({ "label": "facing_issue", "confidence": 0.45, "reasoning": "because facing_issue",
                    "evidence": [{ "turn": 3, "quote": "facing_issue…" }, { "turn": 3, "quote": "facing_issue…" }] })
        );
        assert_eq!(answer["intent"]["outcome"], "achieved");
        assert_eq!(answer["summary"]["key_points"], json!(["others", "shared", "facing_issue", "potential_buyer"]));
        assert_eq!(answer["patterns"], json!(["calm"]));
        let expected =
            format!("About others. About facing_issue. About potential_buyer. About facing_issue. {SIGNATURE}");
        assert_eq!(answer["summary"]["text"], expected);
    }

    #[test]
    fn parts_that_say_little_get_an_answer_too() {
        for parts in [vec![], vec![json!({})], vec![json!({ "category": { "label": 7 }, "patterns": "none" })]] {
            let answer = answer(&parts);
            assert_eq!(
                (&answer["category"]["label"], &answer["intent"]["outcome"]),
                (&json!("others"), &json!("unclear"))
            );
            assert!(answer["summary"]["text"].as_str().unwrap().ends_with(SIGNATURE));
        }
        assert_eq!(answer(&[part("others", 0.4, "unclear")])["category"]["label"], "others");
    }
}
