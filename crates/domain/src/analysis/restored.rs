//! Analyses with the hidden values restored in their texts.

use redaction::Originals;
use serde_json::Value;

use super::{
    ActionItem, Analysis, Category, CustomMetric, Evidence, Feeling, Insight, Intent, Justification, Sentiment, Shift,
    Summary,
};

// Every type is destructured: a new field does not compile until its treatment is decided here.

impl Analysis {
    /// Replaces placeholders in every text that a model wrote or quoted; codes, names, labels and figures stay.
    #[must_use]
    pub fn restored(self, originals: &Originals) -> Self {
        if originals.is_empty() {
            return self;
        }
        let Self {
            status,
            code,
            intent,
            summary,
            category,
            sentiment,
            topics,
            insights,
            action_items,
            custom_metrics,
            conversation,
            coverage,
            redactions,
            usage,
        } = self;
        let back = Restore(originals);
        Self {
            status,
            code,
            intent: intent.map(|intent| back.intent(intent)),
            summary: summary.map(|summary| back.summary(summary)),
            category: category.map(|category| back.category(category)),
            sentiment: sentiment.map(|sentiment| back.sentiment(sentiment)),
            topics: back.texts(topics),
            insights: insights.into_iter().map(|insight| back.insight(insight)).collect(),
            action_items: action_items.into_iter().map(|item| back.action_item(item)).collect(),
            custom_metrics: custom_metrics.into_iter().map(|(name, metric)| (name, back.metric(metric))).collect(),
            conversation,
            coverage,
            redactions,
            usage,
        }
    }
}

struct Restore<'a>(&'a Originals);

impl Restore<'_> {
    fn text(&self, text: String) -> String {
        self.0.restore(&text).into_owned()
    }

    fn texts(&self, texts: Vec<String>) -> Vec<String> {
        texts.into_iter().map(|text| self.text(text)).collect()
    }

    fn evidence(&self, evidence: Vec<Evidence>) -> Vec<Evidence> {
        evidence.into_iter().map(|Evidence { turn, quote }| Evidence { turn, quote: self.text(quote) }).collect()
    }

    fn intent(&self, Intent { primary_purpose, objectives, outcome }: Intent) -> Intent {
        Intent { primary_purpose: self.text(primary_purpose), objectives: self.texts(objectives), outcome }
    }

    fn summary(&self, Summary { text, key_points }: Summary) -> Summary {
        Summary { text: self.text(text), key_points: self.texts(key_points) }
    }

    fn category(&self, Category { label, confidence, justification }: Category) -> Category {
        let Justification { reasoning, evidence } = justification;
        let justification = Justification { reasoning: self.text(reasoning), evidence: self.evidence(evidence) };
        Category { label, confidence, justification }
    }

    fn sentiment(&self, Sentiment { average, label, timeline, shifts, patterns }: Sentiment) -> Sentiment {
        let feeling = |Feeling { turn, score, emotion }| Feeling { turn, score, emotion: self.text(emotion) };
        let shift = |Shift { from_turn, to_turn, from, to, cause }: Shift| {
            let cause = cause.map(|cause| self.text(cause));
            Shift { from_turn, to_turn, from, to, cause }
        };
        Sentiment {
            average,
            label,
            timeline: timeline.into_iter().map(feeling).collect(),
            shifts: shifts.into_iter().map(shift).collect(),
            patterns: self.texts(patterns),
        }
    }

    fn insight(&self, Insight { text, evidence }: Insight) -> Insight {
        Insight { text: self.text(text), evidence: self.evidence(evidence) }
    }

    fn action_item(&self, ActionItem { text, owner, due, evidence }: ActionItem) -> ActionItem {
        let due = due.map(|due| self.text(due));
        ActionItem { text: self.text(text), owner, due, evidence: self.evidence(evidence) }
    }

    fn metric(&self, CustomMetric { status, value, rationale }: CustomMetric) -> CustomMetric {
        CustomMetric { status, value: self.value(value), rationale: self.text(rationale) }
    }

    fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(values) => values.into_iter().map(|value| self.value(value)).collect(),
            Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, self.value(value))).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::analysis::{Conversation, Usage};

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
            "conversation": serde_json::to_value(Conversation::default()).unwrap(),
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
