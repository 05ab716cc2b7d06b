//! The analysis as a JSON file for programs.
//!
//! The document names each of its fields: a new field of the analysis does not reach a visitor by itself.

use domain::analysis::Analysis;
use serde::Serialize;
use serde_json::{Value, json};

use crate::context::{About, quoted};

/// The version of the document; a field that is removed or changes its meaning makes the next version.
const VERSION: u32 = 1;

/// `analytics.json`. Its texts are as harmless as the texts of the mail.
#[derive(Serialize)]
struct Analytics {
    version: u32,
    session: Value,
    /// Paragraphs, separated by line breaks; null where the analysis has no summary.
    summary: Option<String>,
    key_points: Vec<String>,
    action_items: Vec<Value>,
    /// Present only where the tenant's settings show internal data.
    #[serde(skip_serializing_if = "Option::is_none")]
    internal: Option<Value>,
}

/// Writes the document; `None` only if serialization fails, which these types do not cause.
pub(super) fn json(about: &About<'_>) -> Option<String> {
    let About { session, analysis, settings, .. } = *about;
    let summary = analysis.summary.as_ref();
    let actions = analysis.action_items.iter();
    let document = Analytics {
        version: VERSION,
        session: json!({
            "id": session.session_id,
            "channel": session.channel,
            "started_at": session.started_at,
            "ended_at": session.ended_at,
        }),
        summary: summary.map(|summary| summary.text.lines().map(harmless).collect::<Vec<_>>().join("\n")),
        key_points: summary.map(|summary| all_harmless(&summary.key_points)).unwrap_or_default(),
        action_items: actions
            // `due` is in the words of the conversation.
            .map(|item| json!({ "text": harmless(&item.text), "owner": item.owner, "due": item.due.as_deref().map(harmless) }))
            .collect(),
        internal: settings.show_internal.then(|| internal(analysis)),
    };
    serde_json::to_string_pretty(&document).ok()
}

fn internal(analysis: &Analysis) -> Value {
    let category = analysis
        .category
        .as_ref()
        .map(|category| json!({ "label": category.label, "reasoning": harmless(&category.justification.reasoning) }));
    // The average is between -1 and 1.
    let sentiment = analysis.sentiment.as_ref();
    let sentiment = sentiment.map(|sentiment| json!({ "average": sentiment.average, "label": sentiment.label }));
    let intent = analysis.intent.as_ref();
    let intent =
        intent.map(|intent| json!({ "primary_purpose": harmless(&intent.primary_purpose), "outcome": intent.outcome }));
    // The value is null unless the status is `ok`.
    let metrics = analysis.custom_metrics.iter().map(|(name, metric)| {
        let value = metric.value.as_str().map_or_else(|| metric.value.clone(), |text| harmless(text).into());
        let rationale = harmless(&metric.rationale);
        (name.clone(), json!({ "status": metric.status, "value": value, "rationale": rationale }))
    });
    json!({
        "category": category,
        "sentiment": sentiment,
        "intent": intent,
        "topics": all_harmless(&analysis.topics),
        "insights": analysis.insights.iter().map(|insight| harmless(&insight.text)).collect::<Vec<_>>(),
        "custom_metrics": metrics.collect::<Value>(),
    })
}

fn harmless(text: &str) -> String {
    quoted(text, usize::MAX)
}

fn all_harmless(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| harmless(text)).collect()
}
