//! Putting together by code what was found in the parts of a long transcript.
//!
//! Timeline, evidence, topics, insights and action items are joined here; what is said of the whole conversation
//! (intent, summary, category, patterns, metrics) takes one more request, for which [`digest`] sums up each part.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use domain::analysis::{ActionItem, CustomMetric, Evidence, Feeling, Insight};
use domain::number::Score;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::check::Findings;
use crate::sentiment::ShiftCause;
use crate::split::TranscriptPart;

/// Topics of a whole conversation: the ones that most parts name.
const MAX_TOPICS: usize = 20;
/// Insights, and action items, of a whole conversation; each part has at most 20.
const MAX_ITEMS: usize = 200;
/// Quotes of an insight or action item that several parts have.
const MAX_EVIDENCE: usize = 20;

/// One part and what was found in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartFindings {
    pub part: TranscriptPart,
    /// Of the prompt it was found with.
    pub prompt_version: String,
    pub findings: Findings,
}

/// What code can join.
#[derive(Debug, Clone, PartialEq)]
pub struct JoinedFindings {
    /// One entry a turn, in order.
    pub timeline: Vec<Feeling>,
    pub causes: Vec<ShiftCause>,
    pub topics: Vec<String>,
    pub insights: Vec<Insight>,
    pub action_items: Vec<ActionItem>,
    /// Insights and action items beyond the most that are kept.
    pub items_left_out: usize,
    pub quotes_verified: u32,
    pub quotes_dropped: u32,
}

/// Joins the parts, which are in the order of the conversation.
pub fn join(parts: &[PartFindings]) -> JoinedFindings {
    let findings = || parts.iter().map(|part| &part.findings);
    let insights = findings().map(|findings| findings.insights.as_slice());
    let items = findings().map(|findings| findings.action_items.as_slice());
    let insights = distinct(insights, |insight| folded(&insight.text), |insight| &mut insight.evidence);
    let action_items = distinct(items, |item| (folded(&item.text), item.owner), |item| &mut item.evidence);
    JoinedFindings {
        timeline: timeline(findings().flat_map(|findings| &findings.timeline)),
        causes: findings().flat_map(|findings| findings.causes.iter().cloned()).collect(),
        topics: topics(findings().flat_map(|findings| &findings.topics)),
        items_left_out: insights.1 + action_items.1,
        insights: insights.0,
        action_items: action_items.0,
        quotes_verified: findings().map(|findings| findings.quotes_verified).sum(),
        quotes_dropped: findings().map(|findings| findings.quotes_dropped).sum(),
    }
}

/// A turn that was analysed in pieces has the mean of their scores, and the emotion of the strongest.
fn timeline<'a>(feelings: impl Iterator<Item = &'a Feeling>) -> Vec<Feeling> {
    let mut turns: BTreeMap<usize, Vec<&Feeling>> = BTreeMap::new();
    feelings.for_each(|feeling| turns.entry(feeling.turn).or_default().push(feeling));
    let one = |(turn, feelings): (usize, Vec<&Feeling>)| {
        let strongest = feelings.iter().max_by(|a, b| a.score.get().abs().total_cmp(&b.score.get().abs()))?;
        let score = match feelings.as_slice() {
            [only] => only.score,
            several => Score::mean(several.iter().map(|feeling| feeling.score))?,
        };
        Some(Feeling { turn, score, emotion: strongest.emotion.clone() })
    };
    turns.into_iter().filter_map(one).collect()
}

fn topics<'a>(topics: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut counted: HashMap<String, (usize, usize, &str)> = HashMap::new();
    for (n, topic) in topics.enumerate() {
        counted.entry(folded(topic)).or_insert((0, n, topic)).0 += 1;
    }
    let mut counted: Vec<_> = counted.into_values().collect();
    counted.sort_by_key(|(count, first, _)| (std::cmp::Reverse(*count), *first));
    counted.into_iter().take(MAX_TOPICS).map(|(_, _, topic)| topic.to_owned()).collect()
}

/// What was found in several parts is there once, with the evidence of all. Also how many were left out.
///
/// Where there are too many, each part gives its first ones, then its second ones, and so on: promises are often made
/// at the end.
fn distinct<'a, T: Clone + 'a, K: Hash + Eq>(
    parts: impl Iterator<Item = &'a [T]>,
    key: impl Fn(&T) -> K,
    evidence: impl Fn(&mut T) -> &mut Vec<Evidence>,
) -> (Vec<T>, usize) {
    let mut places = HashMap::new();
    // With the part and its place there.
    let mut kept: Vec<(usize, usize, T)> = Vec::new();
    for (part, items) in parts.enumerate() {
        for (n, item) in items.iter().enumerate() {
            let place = *places.entry(key(item)).or_insert(kept.len());
            match kept.get_mut(place) {
                None => kept.push((n, part, item.clone())),
                Some((_, _, first)) => add_evidence(evidence(first), evidence(&mut item.clone())),
            }
        }
    }
    let left_out = kept.len().saturating_sub(MAX_ITEMS);
    if left_out > 0 {
        kept.sort_by_key(|(n, part, _)| (*n, *part));
        kept.truncate(MAX_ITEMS);
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

fn folded(text: &str) -> String {
    text.to_lowercase()
}

/// How much of a part the request about the whole conversation sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    Full,
    /// Without lists and reasons, and with one quote for the category.
    Brief,
}

/// One part as the request about the whole conversation sees it.
pub fn digest(n: usize, found: &PartFindings, detail: Detail) -> Value {
    let Findings { intent, summary, category, patterns, custom_metrics, .. } = &found.findings;
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
