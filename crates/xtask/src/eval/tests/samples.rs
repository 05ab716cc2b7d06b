//! Five conversations and results made by hand.

use serde_json::{Value, json};

use super::super::Subject;
use super::super::labelled::{self, Labelled};
use super::super::outcome::{self, Outcome};
use crate::process::Output;

pub(in super::super) fn subject(answered_by: &str) -> Subject {
    Subject { file: "five.jsonl".to_owned(), limit: None, conversations: 5, answered_by: answered_by.to_owned() }
}

pub(in super::super) fn labelled() -> Vec<Labelled> {
    let line = |id: &str, language: &str, channel: &str, difficulty: &str, category: &str, sentiment: f64| {
        json!({ "id": id, "language": language, "channel": channel, "difficulty": difficulty, "transcript": [],
                "expected": { "category": category, "sentiment": sentiment, "outcome": "achieved" } })
        .to_string()
    };
    let lines = [
        line("a", "en", "voice", "easy", "immediate_buyer", 0.5),
        line("b", "en", "text", "hard", "potential_buyer", 0.2),
        line("c", "de", "voice", "easy", "facing_issue", -0.5),
        line("d", "de", "text", "hard", "facing_issue", 0.0),
        line("e", "ja", "text", "hard", "others", 0.0),
    ];
    labelled::parse(&lines.join("\n"), None).unwrap().0
}

/// One right at once, one right after a repair, one without any evidence, one wrong, one refused.
pub(in super::super) fn outcomes() -> Vec<Outcome> {
    let failed = json!({ "id": "e", "analysis": null, "error": "model_refused", "first_try_valid": false, "seconds": 1.0,
                         "usage": usage(1, 0, 0, 0, None) });
    let lines = [
        result("c", analysis("facing_issue", -0.8, "not_achieved", usage(1, 3, 0, 0, Some(0.01))), true, 3.0),
        failed,
        result("a", analysis("immediate_buyer", 0.4, "achieved", usage(1, 4, 0, 0, Some(0.01))), true, 2.0),
        result("b", analysis("potential_buyer", 0.2, "achieved", usage(3, 1, 2, 1000, Some(0.04))), false, 10.0),
        result("d", analysis("immediate_buyer", 0.4, "partly", usage(1, 0, 0, 0, None)), true, 4.0),
    ];
    let lines = lines.map(|line| line.to_string()).join("\n");
    outcome::join(&labelled(), &Output { stdout: lines, success: true }).unwrap()
}

fn result(id: &str, analysis: Value, first_try_valid: bool, seconds: f64) -> Value {
    json!({ "id": id, "analysis": analysis, "error": null, "first_try_valid": first_try_valid, "seconds": seconds })
}

fn usage(attempts: u32, verified: u32, dropped: u32, cached: u64, cost: Option<f64>) -> Value {
    json!({ "model": "small", "prompt_version": "v2", "attempts": attempts, "input_tokens": 500, "output_tokens": 100,
            "cached_tokens": cached, "cache_write_tokens": 10, "cost_usd": cost, "latency_ms": 1,
            "quotes_verified": verified, "quotes_dropped": dropped })
}

fn analysis(category: &str, sentiment: f64, outcome: &str, usage: Value) -> Value {
    let without_quotes = usage["quotes_verified"] == 0;
    json!({
        "status": if without_quotes { "partial" } else { "ok" },
        "code": without_quotes.then_some("category_without_evidence"),
        "intent": { "primary_purpose": "p", "objectives": [], "outcome": outcome },
        "summary": null,
        "category": { "label": category, "confidence": 0.9, "justification": { "reasoning": "r", "evidence": [] } },
        "sentiment": { "average": sentiment, "label": "neutral", "timeline": [], "shifts": [], "patterns": [] },
        "topics": [], "insights": [], "action_items": [], "custom_metrics": {},
        "conversation": { "turns": 2, "visitor_turns": 1, "agent_turns": 1, "words": 9, "talk_ratio": 0.5,
                          "duration_s": 30 },
        "coverage": { "turns_total": 2, "turns_analysed": 2, "chunks": 1, "chunks_failed": 0 },
        "usage": usage,
    })
}
