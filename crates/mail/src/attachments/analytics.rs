//! What was learnt, as a document for programs.
//!
//! Its own types: what the analysis gains does not reach a visitor by itself.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::analysis::{Analysis, CategoryLabel, IntentOutcome, MetricStatus, Owner, SentimentLabel};
use domain::session::Channel;
use serde::Serialize;
use serde_json::Value;

use crate::context::{About, quoted};

/// The form of the document; one in which a field goes or changes its meaning is another.
const VERSION: u32 = 1;

/// `analytics.json`. Its texts are as inert as those of the mail.
#[derive(Serialize)]
struct Analytics<'a> {
    version: u32,
    session: Session<'a>,
    /// Paragraphs, separated by line breaks; null where there is none.
    summary: Option<String>,
    key_points: Vec<String>,
    action_items: Vec<Action>,
    /// There only where the tenant's settings show what is internal.
    #[serde(skip_serializing_if = "Option::is_none")]
    internal: Option<Internal<'a>>,
}

#[derive(Serialize)]
struct Session<'a> {
    id: &'a str,
    channel: Channel,
    started_at: DateTime<Utc>,
    ended_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct Action {
    text: String,
    owner: Owner,
    /// When, in the words of the conversation.
    due: Option<String>,
}

#[derive(Serialize)]
struct Internal<'a> {
    category: Option<Category>,
    sentiment: Option<Sentiment>,
    intent: Option<Intent>,
    topics: Vec<String>,
    insights: Vec<String>,
    /// By name.
    custom_metrics: BTreeMap<&'a str, Metric>,
}

#[derive(Serialize)]
struct Category {
    label: CategoryLabel,
    reasoning: String,
}

#[derive(Serialize)]
struct Sentiment {
    /// -1 to 1.
    average: f64,
    label: SentimentLabel,
}

#[derive(Serialize)]
struct Intent {
    primary_purpose: String,
    outcome: Option<IntentOutcome>,
}

#[derive(Serialize)]
struct Metric {
    status: MetricStatus,
    /// Null unless the status is `ok`.
    value: Value,
    rationale: String,
}

/// `None` if it cannot be written, which none of its types brings about.
pub(super) fn json(about: &About<'_>) -> Option<String> {
    let About { session, analysis, settings, .. } = *about;
    let summary = analysis.summary.as_ref();
    let actions = analysis.action_items.iter();
    let document = Analytics {
        version: VERSION,
        session: Session {
            id: session.session_id.as_ref(),
            channel: session.channel,
            started_at: session.started_at,
            ended_at: session.ended_at,
        },
        summary: summary.map(|summary| summary.text.lines().map(inert).collect::<Vec<_>>().join("\n")),
        key_points: summary.map(|summary| all_inert(&summary.key_points)).unwrap_or_default(),
        action_items: actions
            .map(|item| Action { text: inert(&item.text), owner: item.owner, due: item.due.as_deref().map(inert) })
            .collect(),
        internal: settings.show_internal.then(|| internal(analysis)),
    };
    serde_json::to_string_pretty(&document).ok()
}

fn internal(analysis: &Analysis) -> Internal<'_> {
    let (category, sentiment) = (analysis.category.as_ref(), analysis.sentiment.as_ref());
    let (intent, metrics) = (analysis.intent.as_ref(), analysis.custom_metrics.iter());
    Internal {
        category: category
            .map(|category| Category { label: category.label, reasoning: inert(&category.justification.reasoning) }),
        sentiment: sentiment.map(|sentiment| Sentiment { average: sentiment.average.get(), label: sentiment.label }),
        intent: intent
            .map(|intent| Intent { primary_purpose: inert(&intent.primary_purpose), outcome: intent.outcome }),
        topics: all_inert(&analysis.topics),
        insights: analysis.insights.iter().map(|insight| inert(&insight.text)).collect(),
        custom_metrics: metrics
            .map(|(name, metric)| {
                let value = inert_value(&metric.value);
                (name.as_str(), Metric { status: metric.status, value, rationale: inert(&metric.rationale) })
            })
            .collect(),
    }
}

/// Metrics are no lists or objects.
fn inert_value(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(inert(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.clone(),
    }
}

fn inert(text: &str) -> String {
    quoted(text, usize::MAX)
}

fn all_inert(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| inert(text)).collect()
}
