//! An analysis with the hidden values back in its texts.

use serde_json::Value;

use super::originals::Originals;
use crate::analysis::{
    ActionItem, Analysis, Category, CustomMetric, Evidence, Feeling, Insight, Intent, Justification, Sentiment, Shift,
    Summary,
};

// Every type is taken apart field by field: one that is added does not compile until it is decided here.

impl Analysis {
    /// The same with the values that placeholders stand for in every text that a model wrote or quoted; codes, names,
    /// labels and figures stay.
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
