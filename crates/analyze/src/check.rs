//! From an answer to findings: closed sets, ranges, turns that exist, quotes that were said, lists with an end.

mod lists;
mod problems;
mod timeline;

use std::collections::BTreeMap;
use std::ops::Range;

use domain::analysis::{
    ActionItem, Category, CategoryLabel, CustomMetric, Evidence, Feeling, Insight, Intent, IntentOutcome,
    Justification, Summary,
};
use domain::number::Confidence;
use domain::settings::analysis::TopicList;
use domain::settings::metrics::Metric;
use domain::step::Code;
use serde::{Deserialize, Serialize};

use crate::answer::{self, AnalysisAnswer, MergedAnswer, Quote};
use crate::evidence::QuotableTurns;
use crate::leak::LeakDetector;
use crate::metrics;
use crate::sentiment::ShiftCause;
use crate::text::clean;
use problems::Problems;

/// Longest texts in characters. The prompt asks for far less: what is longer is an answer gone wrong, not a finding.
pub const MAX_SENTENCE: usize = 500;
pub const MAX_PARAGRAPH: usize = 2000;
pub const MAX_WORDS: usize = 80;
/// Items of a list; the prompt asks for at most 10.
pub const MAX_ITEMS: usize = 20;

/// Which part of the analysis is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// No quote for the category was said by anybody.
    CategoryWithoutEvidence,
    /// Some visitor turns have no sentiment.
    IncompleteTimeline,
}

impl Gap {
    pub fn code(self) -> Code {
        Code::new(match self {
            Self::CategoryWithoutEvidence => "category_without_evidence",
            Self::IncompleteTimeline => "incomplete_timeline",
        })
    }
}

/// What an answer is about and held against.
pub struct AnswerScope<'a> {
    pub spoken: &'a QuotableTurns<'a>,
    /// The turns whose visitor turns need an entry in the timeline.
    pub own: Range<usize>,
    /// Turns sent along to be understood; entries for them are ignored.
    pub context: Range<usize>,
    /// Those that were asked.
    pub metrics: &'a [&'a Metric],
    /// The tenant's own topics; empty: any.
    pub topics: &'a TopicList,
    pub instructions: &'a LeakDetector,
}

/// What holds of an answer about a transcript or a part of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    pub intent: Intent,
    pub summary: Summary,
    pub category: Category,
    /// In the order of turns, each turn once.
    pub timeline: Vec<Feeling>,
    pub causes: Vec<ShiftCause>,
    pub patterns: Vec<String>,
    pub topics: Vec<String>,
    pub insights: Vec<Insight>,
    pub action_items: Vec<ActionItem>,
    /// Every metric that was asked; conditions are for [`metrics::finish`].
    pub custom_metrics: BTreeMap<String, CustomMetric>,
    pub quotes_verified: u32,
    pub quotes_dropped: u32,
    /// Why the findings are not complete.
    pub gap: Option<Gap>,
}

/// What holds of the answer to the final call.
#[derive(Debug, Clone, PartialEq)]
pub struct MergedFindings {
    pub intent: Intent,
    pub summary: Summary,
    pub category: Category,
    pub patterns: Vec<String>,
    /// As in [`Findings`].
    pub custom_metrics: BTreeMap<String, CustomMetric>,
    pub quotes_verified: u32,
    pub quotes_dropped: u32,
    pub gap: Option<Gap>,
}

/// A usable answer: `T` is [`Findings`] or [`MergedFindings`].
#[derive(Debug, Clone, PartialEq)]
pub struct UsableAnswer<T> {
    pub findings: T,
    /// What a better answer would not have, for the model: worth asking again once. Bounded, like the faults.
    pub shortcomings: Vec<String>,
    /// How many there are, also of those that were left out.
    pub flaws: usize,
}

pub type Checked = UsableAnswer<Findings>;
pub type CheckedMerge = UsableAnswer<MergedFindings>;

/// `Err` lists, for the model, why the answer cannot be used; like all that is told, without a word of the answer.
pub fn check(answer: AnalysisAnswer, subject: &AnswerScope<'_>) -> Result<Checked, Vec<String>> {
    let mut check = Check::new(subject);
    let intent = check.intent(&answer.intent);
    let summary = check.summary(&answer.summary);
    let category = check.category(&answer.category);
    let (timeline, missing) = check.timeline(&answer.sentiment.timeline);
    let causes = check.causes(&answer.sentiment.shifts);
    let patterns = check.texts("sentiment.patterns", &answer.sentiment.patterns, MAX_SENTENCE);
    let topics = check.topics(&answer.topics);
    let insights = check.insights(&answer.insights);
    let action_items = check.action_items(&answer.action_items);
    let custom_metrics = check.metrics(&answer.custom_metrics);
    let (quotes_verified, quotes_dropped) = (check.verified, check.dropped);
    check.finished(category, |category| {
        let gap = gap(&category).or((missing > 0).then_some(Gap::IncompleteTimeline));
        Findings {
            intent,
            summary,
            category,
            timeline,
            causes,
            patterns,
            topics,
            insights,
            action_items,
            custom_metrics,
            quotes_verified,
            quotes_dropped,
            gap,
        }
    })
}

/// The same for the final call; of the subject, `own`, `context` and `topics` do not matter.
pub fn check_merged(answer: MergedAnswer, subject: &AnswerScope<'_>) -> Result<CheckedMerge, Vec<String>> {
    let mut check = Check::new(subject);
    let intent = check.intent(&answer.intent);
    let summary = check.summary(&answer.summary);
    let category = check.category(&answer.category);
    let patterns = check.texts("patterns", &answer.patterns, MAX_SENTENCE);
    let custom_metrics = check.metrics(&answer.custom_metrics);
    let (quotes_verified, quotes_dropped) = (check.verified, check.dropped);
    check.finished(category, |category| {
        let gap = gap(&category);
        MergedFindings { intent, summary, category, patterns, custom_metrics, quotes_verified, quotes_dropped, gap }
    })
}

fn gap(category: &Category) -> Option<Gap> {
    category.justification.evidence.is_empty().then_some(Gap::CategoryWithoutEvidence)
}

struct Check<'a> {
    subject: &'a AnswerScope<'a>,
    verified: u32,
    dropped: u32,
    faults: Problems,
    shortcomings: Problems,
}

impl<'a> Check<'a> {
    fn new(subject: &'a AnswerScope<'a>) -> Self {
        let (faults, shortcomings) = (Problems::default(), Problems::default());
        Self { subject, verified: 0, dropped: 0, faults, shortcomings }
    }

    fn finished<T>(
        self,
        category: Option<Category>,
        findings: impl FnOnce(Category) -> T,
    ) -> Result<UsableAnswer<T>, Vec<String>> {
        match category {
            Some(category) if self.faults.count() == 0 => {
                let flaws = self.shortcomings.count();
                Ok(UsableAnswer { findings: findings(category), shortcomings: self.shortcomings.told(), flaws })
            }
            _ => Err(self.faults.told()),
        }
    }

    fn intent(&mut self, intent: &answer::RawIntent) -> Intent {
        let outcome = intent.outcome.as_deref().map(|outcome| IntentOutcome::parse(outcome.trim()));
        match outcome {
            None => self.shortcomings.add(|| "intent.outcome is missing".to_owned()),
            Some(None) => self.faults.add(|| {
                let outcomes = IntentOutcome::ALL.map(IntentOutcome::as_str).join(", ");
                format!("intent.outcome is not one of {outcomes}")
            }),
            Some(Some(_)) => {}
        }
        Intent {
            primary_purpose: self.required("intent.primary_purpose", &intent.primary_purpose, MAX_SENTENCE),
            objectives: self.texts("intent.objectives", &intent.objectives, MAX_SENTENCE),
            outcome: outcome.flatten(),
        }
    }

    fn summary(&mut self, summary: &answer::RawSummary) -> Summary {
        Summary {
            text: self.required("summary.text", &summary.text, MAX_PARAGRAPH),
            key_points: self.texts("summary.key_points", &summary.key_points, MAX_SENTENCE),
        }
    }

    fn category(&mut self, category: &answer::RawCategory) -> Option<Category> {
        let label = CategoryLabel::parse(category.label.trim());
        if label.is_none() {
            let labels = CategoryLabel::ALL.map(CategoryLabel::as_str).join(", ");
            self.faults.add(|| format!("category.label is not one of {labels}"));
        }
        let confidence = Confidence::try_from(category.confidence);
        if let Err(range) = confidence {
            self.faults.add(|| format!("category.confidence {range}"));
        }
        let reasoning = self.required("category.reasoning", &category.reasoning, MAX_PARAGRAPH);
        let evidence = self.evidence("category.evidence", &category.evidence);
        if evidence.is_empty() {
            self.shortcomings.add(|| "category.evidence has no quote that was said".to_owned());
        }
        Some(Category {
            label: label?,
            confidence: confidence.ok()?,
            justification: Justification { reasoning, evidence },
        })
    }

    fn metrics(&mut self, answered: &[answer::RawCustomMetric]) -> BTreeMap<String, CustomMetric> {
        let (metrics, wrong) = metrics::read(answered, self.subject.metrics);
        wrong.into_iter().for_each(|told| self.shortcomings.add(|| told));
        for (name, metric) in &metrics {
            let texts = [Some(metric.rationale.as_str()), metric.value.as_str()];
            if texts.into_iter().flatten().any(|text| self.subject.instructions.finds_leak_in(text)) {
                self.faults.add(|| format!("custom_metrics: the entry for {name} repeats the instructions"));
            }
        }
        metrics
    }

    /// Cleaned; an empty text is a fault.
    fn required(&mut self, place: &str, text: &str, max: usize) -> String {
        let text = self.cleaned(place, text, max);
        if text.is_empty() {
            self.faults.add(|| format!("{place} is empty"));
        }
        text
    }

    /// Cleaned; one that repeats our own words is a fault, wherever it stands.
    fn cleaned(&mut self, place: &str, text: &str, max: usize) -> String {
        let text = clean(text, max);
        if self.subject.instructions.finds_leak_in(&text) {
            self.faults.add(|| format!("{place} repeats the instructions"));
        }
        text
    }

    /// As much of the list as is kept.
    fn bounded<'l, T>(&mut self, place: &str, list: &'l [T]) -> &'l [T] {
        if list.len() > MAX_ITEMS {
            self.shortcomings.add(|| format!("{place} has more than {MAX_ITEMS} items"));
        }
        &list[..list.len().min(MAX_ITEMS)]
    }

    fn evidence(&mut self, place: &str, quotes: &[Quote]) -> Vec<Evidence> {
        let mut found = Vec::new();
        for (n, quote) in self.bounded(place, quotes).iter().enumerate() {
            match self.subject.spoken.find(quote) {
                Some(evidence) => {
                    self.verified += 1;
                    if !found.contains(&evidence) {
                        found.push(evidence);
                    }
                }
                None => {
                    self.dropped += 1;
                    self.shortcomings.add(|| format!("{place}[{n}].quote is not in turn {}", quote.turn));
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests;
