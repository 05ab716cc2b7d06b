//! Analyses with the hidden values restored in their texts.

use redaction::Originals;
use serde_json::Value;

use super::{
    ActionItem, Analysis, Category, CustomMetric, Evidence, Feeling, Insight, Intent, Justification, Sentiment, Shift,
    Summary,
};

impl Analysis {
    /// Replaces placeholders in every text that a model wrote or quoted; codes, names, labels and figures stay.
    #[must_use]
    pub fn restored(mut self, originals: &Originals) -> Self {
        if !originals.is_empty() {
            self.change_texts(&|text| *text = originals.restore(text).into_owned());
        }
        self
    }

    fn change_texts(&mut self, change: &dyn Fn(&mut String)) {
        let all = |texts: &mut Vec<String>| texts.iter_mut().for_each(change);
        let quotes = |evidence: &mut Vec<Evidence>| {
            evidence.iter_mut().for_each(|Evidence { turn: _, quote }| change(quote));
        };
        // Every type is destructured: a new field does not compile until its treatment is decided here.
        let Self {
            status: _,
            code: _,
            intent,
            summary,
            category,
            sentiment,
            topics,
            insights,
            action_items,
            custom_metrics,
            conversation: _,
            coverage: _,
            redactions: _,
            usage: _,
        } = self;
        if let Some(Intent { primary_purpose, objectives, outcome: _ }) = intent {
            change(primary_purpose);
            all(objectives);
        }
        if let Some(Summary { text, key_points }) = summary {
            change(text);
            all(key_points);
        }
        if let Some(Category { label: _, confidence: _, justification }) = category {
            let Justification { reasoning, evidence } = justification;
            change(reasoning);
            quotes(evidence);
        }
        if let Some(Sentiment { average: _, label: _, timeline, shifts, patterns }) = sentiment {
            timeline.iter_mut().for_each(|Feeling { turn: _, score: _, emotion }| change(emotion));
            for Shift { from_turn: _, to_turn: _, from: _, to: _, cause } in shifts {
                cause.iter_mut().for_each(change);
            }
            all(patterns);
        }
        all(topics);
        for Insight { text, evidence } in insights {
            change(text);
            quotes(evidence);
        }
        for ActionItem { text, owner: _, due, evidence } in action_items {
            change(text);
            due.iter_mut().for_each(change);
            quotes(evidence);
        }
        for CustomMetric { status: _, value, rationale } in custom_metrics.values_mut() {
            change_value(value, change);
            change(rationale);
        }
    }
}

fn change_value(value: &mut Value, change: &dyn Fn(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(values) => values.iter_mut().for_each(|value| change_value(value, change)),
        Value::Object(fields) => fields.values_mut().for_each(|value| change_value(value, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::analysis::{ConversationFigures, Usage};

    #[test]
    fn an_analysis_is_restored_in_its_texts_and_nowhere_else() {
        let evidence = json!([{ "turn": 0, "quote": "[EMAIL_1]" }]);
        let document = json!({
            "status": "ok", "code": "[EMAIL_1]",
            "intent": { "primary_purpose": "[EMAIL_1]", "objectives": ["[EMAIL_1]"], "outcome": null },
            "summary": { "text": "[EMAIL_1]", "key_points": ["[EMAIL_1]"] },
            "category": { "label": "others", "confidence": 1.0,
                "justification": { "reasoning": "[EMAIL_1]", "evidence": evidence } },
            "sentiment": { "average": 0.0, "label": "neutral", "patterns": ["[EMAIL_1]"],
                "timeline": [{ "turn": 0, "score": 0.0, "emotion": "[EMAIL_1]" }],
                "shifts": [{ "from_turn": 0, "to_turn": 2, "from": 0.0, "to": 1.0, "cause": "[EMAIL_1]" }] },
            "topics": ["[EMAIL_1]"],
            "insights": [{ "text": "[EMAIL_1]", "evidence": evidence }],
            "action_items": [{ "text": "[EMAIL_1]", "owner": "agent", "due": "[EMAIL_1]", "evidence": evidence }],
            "custom_metrics": { "m": { "status": "ok", "value": ["[EMAIL_1]", 1], "rationale": "[EMAIL_1]" } },
            "conversation": serde_json::to_value(ConversationFigures::default()).unwrap(),
            "coverage": { "turns_total": 1, "turns_analysed": 1, "chunks": 1, "chunks_failed": 0 },
            "redactions": { "email": 1 },
            "usage": serde_json::to_value(Usage::default()).unwrap()
        });
        let analysis: Analysis = serde_json::from_value(document.clone()).unwrap();
        let originals: Originals = serde_json::from_value(json!({ "[EMAIL_1]": "a@b.com" })).unwrap();
        let restored = serde_json::to_value(analysis.restored(&originals)).unwrap();
        assert_eq!(restored["code"], "[EMAIL_1]");
        let text = restored.to_string();
        assert_eq!(text.matches("[EMAIL_1]").count(), 1);
        assert_eq!(text.matches("a@b.com").count(), document.to_string().matches("[EMAIL_1]").count() - 1);
    }
}
