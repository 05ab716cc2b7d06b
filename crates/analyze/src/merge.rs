//! Joins the findings in the parts of a long transcript.
//!
//! Code joins timelines, causes, topics, insights and action items. Conclusions about the whole conversation (intent,
//! summary, category, patterns, metrics) take one more request, for which [`digest`] sums up each part.

use std::collections::HashMap;
use std::hash::Hash;

use domain::analysis::{CustomMetric, Evidence, Feeling};
use domain::number::Score;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::check::{Conclusions, Findings, Gap};
use crate::split::TranscriptPart;

/// The most topics of a whole conversation: the topics that most parts name are kept.
const MAX_TOPICS: usize = 20;
/// The most insights, and the most action items, of a whole conversation; each part has at most 20.
const MAX_JOINED_ITEMS: usize = 200;
/// The most quotes of an insight or action item.
const MAX_EVIDENCE: usize = 20;

/// A part and its findings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartFindings {
    pub part: TranscriptPart,
    /// The version of the prompt that asked for the findings.
    pub prompt_version: String,
    pub findings: Findings,
}

/// The findings of all parts together.
#[derive(Debug, Clone, PartialEq)]
pub struct JoinedFindings {
    pub findings: Findings,
    /// The number of insights and action items that were left out.
    pub items_left_out: usize,
}

/// Joins the parts, in the order of the conversation, with the conclusions about all of them.
pub fn join(parts: &[PartFindings], mut conclusions: Conclusions) -> JoinedFindings {
    let findings = || parts.iter().map(|part| &part.findings);
    let insights = findings().map(|findings| findings.insights.as_slice());
    let items = findings().map(|findings| findings.action_items.as_slice());
    let insights = distinct(
        insights,
        |insight| insight.text.to_lowercase(),
        |insight, same| add_evidence(&mut insight.evidence, &same.evidence),
    );
    let action_items = distinct(
        items,
        |item| (item.text.to_lowercase(), item.owner),
        |item, same| add_evidence(&mut item.evidence, &same.evidence),
    );
    for part in findings().map(|findings| &findings.conclusions) {
        conclusions.quotes_verified += part.quotes_verified;
        conclusions.quotes_dropped += part.quotes_dropped;
        // Only the timeline is joined from the parts: a part of small talk may have no quote for its own category.
        let timeline_gap = part.gap.filter(|gap| *gap == Gap::IncompleteTimeline);
        conclusions.gap = conclusions.gap.or(timeline_gap);
    }
    JoinedFindings {
        items_left_out: insights.1 + action_items.1,
        findings: Findings {
            conclusions,
            timeline: timeline(findings().flat_map(|findings| &findings.timeline)),
            causes: findings().flat_map(|findings| findings.causes.iter().cloned()).collect(),
            topics: topics(findings().flat_map(|findings| &findings.topics)),
            insights: insights.0,
            action_items: action_items.0,
        },
    }
}

/// Joins the entries; a turn that was analysed in pieces gets their mean score and the emotion of the strongest.
fn timeline<'a>(feelings: impl Iterator<Item = &'a Feeling>) -> Vec<Feeling> {
    let mut feelings: Vec<&Feeling> = feelings.collect();
    feelings.sort_by_key(|feeling| feeling.turn);
    let one = |feelings: &[&Feeling]| {
        let strongest = feelings.iter().max_by(|a, b| a.score.get().abs().total_cmp(&b.score.get().abs()))?;
        let score = match feelings {
            [only] => only.score,
            several => Score::mean(several.iter().map(|feeling| feeling.score))?,
        };
        Some(Feeling { turn: strongest.turn, score, emotion: strongest.emotion.clone() })
    };
    feelings.chunk_by(|one, next| one.turn == next.turn).filter_map(one).collect()
}

fn topics<'a>(topics: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut counted: HashMap<String, (usize, usize, &str)> = HashMap::new();
    for (n, topic) in topics.enumerate() {
        counted.entry(topic.to_lowercase()).or_insert((0, n, topic)).0 += 1;
    }
    let mut counted: Vec<_> = counted.into_values().collect();
    counted.sort_by_key(|(count, first, _)| (std::cmp::Reverse(*count), *first));
    counted.into_iter().take(MAX_TOPICS).map(|(_, _, topic)| topic.to_owned()).collect()
}

/// Keeps each item once, with the evidence of all parts; also returns the number of items that were left out.
///
/// If there are too many, each part gives its first item, then its second one, and so on: promises are often made at the
/// end of a conversation.
fn distinct<'a, T: Clone + 'a, K: Hash + Eq>(
    parts: impl Iterator<Item = &'a [T]>,
    key: impl Fn(&T) -> K,
    add_evidence: impl Fn(&mut T, &T),
) -> (Vec<T>, usize) {
    let mut places = HashMap::new();
    // Each item comes with its place in its part, and with its part.
    let mut kept: Vec<(usize, usize, T)> = Vec::new();
    for (part, items) in parts.enumerate() {
        for (n, item) in items.iter().enumerate() {
            let place = *places.entry(key(item)).or_insert(kept.len());
            match kept.get_mut(place) {
                None => kept.push((n, part, item.clone())),
                Some((_, _, first)) => add_evidence(first, item),
            }
        }
    }
    let left_out = kept.len().saturating_sub(MAX_JOINED_ITEMS);
    if left_out > 0 {
        kept.sort_by_key(|(n, part, _)| (*n, *part));
        kept.truncate(MAX_JOINED_ITEMS);
        kept.sort_by_key(|(n, part, _)| (*part, *n));
    }
    (kept.into_iter().map(|(_, _, item)| item).collect(), left_out)
}

fn add_evidence(known: &mut Vec<Evidence>, more: &[Evidence]) {
    for quote in more {
        if known.len() < MAX_EVIDENCE && !known.contains(quote) {
            known.push(quote.clone());
        }
    }
}

/// The length of a part's digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    Full,
    /// Leaves out lists and reasons, and all quotes of the category but one.
    Brief,
}

/// Sums up a part for the request about the whole conversation.
pub fn digest(n: usize, found: &PartFindings, detail: Detail) -> Value {
    let Conclusions { intent, summary, category, patterns, custom_metrics, .. } = &found.findings.conclusions;
    let evidence = &category.justification.evidence;
    let mut digest = json!({
        "part": n + 1,
        "first_turn": found.part.own.start,
        "last_turn": found.part.own.end.saturating_sub(1),
        "intent": { "primary_purpose": intent.primary_purpose, "outcome": intent.outcome },
        "summary": { "text": summary.text },
        "category": { "label": category.label, "confidence": category.confidence },
    });
    let metric = |(name, metric): (&String, &CustomMetric)| match detail {
        Detail::Full => {
            json!({ "name": name, "status": metric.status, "value": metric.value, "rationale": metric.rationale })
        }
        Detail::Brief => json!({ "name": name, "status": metric.status, "value": metric.value }),
    };
    digest["custom_metrics"] = custom_metrics.iter().map(metric).collect();
    if detail == Detail::Full {
        digest["intent"]["objectives"] = json!(intent.objectives);
        digest["summary"]["key_points"] = json!(summary.key_points);
        digest["category"]["reasoning"] = json!(category.justification.reasoning);
        digest["patterns"] = json!(patterns);
    }
    digest["category"]["evidence"] = match detail {
        Detail::Full => json!(evidence),
        Detail::Brief => evidence.iter().take(1).map(|quote| json!(quote)).collect(),
    };
    digest
}
