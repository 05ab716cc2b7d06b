//! The whole answer to one prompt; the same prompt always gets the same one.

use serde_json::{Value, json};

use super::prompt::Prompt;
use super::{actions, category, merge, metrics, purpose, sentiment, topics};

/// In the shape the analysis prompt asks for; works on any transcript, an empty one too.
pub(crate) fn compute(prompt: &Prompt) -> Value {
    if let Some(parts) = &prompt.parts {
        return merge::compute(prompt, parts);
    }
    let category = category::categorize(prompt);
    let timeline = sentiment::timeline(prompt);
    json!({
        "intent": purpose::intent(prompt),
        "summary": purpose::summary(prompt),
        "category": category.describe(prompt.output),
        "sentiment": sentiment::describe(prompt, &timeline),
        "topics": topics::topics(prompt),
        "insights": topics::insights(prompt),
        "action_items": actions::action_items(prompt),
        "custom_metrics": metrics::custom_metrics(prompt),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bedrock::purpose::SIGNATURE;

    fn answer(lines: &str) -> Value {
        compute(&Prompt::parse(&format!("<transcript-1>\n{lines}\n</transcript-1>")))
    }

    /// Every `{turn, quote}` anywhere in `value`.
    fn quotes(value: &Value, found: &mut Vec<(usize, String)>) {
        match value {
            Value::Object(map) => {
                if let (Some(turn), Some(quote)) =
                    (map.get("turn").and_then(Value::as_u64), map.get("quote").and_then(Value::as_str))
                {
                    found.push((turn as usize, quote.to_owned()));
                }
                map.values().for_each(|inner| quotes(inner, found));
            }
            Value::Array(items) => items.iter().for_each(|inner| quotes(inner, found)),
            _ => {}
        }
    }

    #[test]
    fn any_transcript_gets_an_answer_with_a_feeling_per_visitor_turn_and_verbatim_quotes() {
        let long = (0..300).map(|i| {
            format!(
                "[{i}] {}: Tür № {i} isn’t working!\\nI'll call you — in {i} days…",
                if i % 2 == 0 { "visitor" } else { "agent" }
            )
        });
        for lines in [
            "",
            "[0] visitor: ",
            "[0] agent: Hello?",
            "[7] visitor: ¿…?",
            "[0] visitor: İİİ ß ok 👍🏽",
            &long.collect::<Vec<_>>().join("\n"),
        ] {
            let prompt = Prompt::parse(&format!("<transcript-1>\n{lines}\n</transcript-1>"));
            let answer = compute(&prompt);
            assert_eq!(answer["sentiment"]["timeline"].as_array().unwrap().len(), prompt.of("visitor").count());
            assert!(answer["summary"]["text"].as_str().unwrap().ends_with(SIGNATURE));
            let mut found = Vec::new();
            quotes(&answer, &mut found);
            for (turn, quote) in found {
                let said = prompt.turns.iter().find(|said| said.index == turn).unwrap();
                assert!(said.text.contains(&quote), "{quote:?} in {said:?}");
            }
        }
    }

    #[test]
    fn a_conversation_is_summed_up_in_the_language_asked_for() {
        let text = "Output language: de\n<transcript-1>\n[0] visitor: I need a new router.\n[1] visitor: Thanks, bye.\n</transcript-1>";
        let answer = compute(&Prompt::parse(text));
        let expected =
            format!("Der Besucher sagte „I need a new router“. Das Gespräch endete mit „Thanks, bye“. {SIGNATURE}");
        assert_eq!(answer["summary"]["text"], expected);
        assert_eq!(answer["sentiment"]["timeline"][1]["emotion"], "Dankbarkeit");
    }

    #[test]
    fn different_conversations_get_different_answers() {
        let buyer = answer("[0] visitor: I want to buy the large one today.");
        let unhappy = answer("[0] visitor: The large one is broken.");
        assert_eq!(
            (&buyer["category"]["label"], &unhappy["category"]["label"]),
            (&json!("immediate_buyer"), &json!("facing_issue"))
        );
        assert_ne!(buyer["sentiment"], unhappy["sentiment"]);
    }
}
