//! Checks answers: closed sets, ranges, turns that exist, quotes that were said, bounded lists.

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
use domain::text_enum;
use serde::{Deserialize, Serialize};

use crate::answer::{self, AnalysisAnswer, MergedAnswer, Quote};
use crate::evidence::QuotableTurns;
use crate::leak::LeakDetector;
use crate::metrics;
use crate::sentiment::ShiftCause;
use crate::text::clean;
use problems::Problems;

/// The longest texts in characters. The prompt asks for far less: a longer text is an error of the model.
pub const MAX_SENTENCE: usize = 500;
pub const MAX_PARAGRAPH: usize = 2000;
pub const MAX_WORDS: usize = 80;
/// The most items of a list; the prompt asks for at most 10.
pub const MAX_ITEMS: usize = 20;

text_enum! {
    /// A part of the analysis that is missing.
    pub enum Gap {
        /// No quote for the category is in the transcript.
        CategoryWithoutEvidence = "category_without_evidence",
        /// Some visitor turns have no sentiment.
        IncompleteTimeline = "incomplete_timeline",
    }
}

impl Gap {
    pub fn code(self) -> Code {
        Code::new(self.as_str())
    }
}

/// The subject of an answer, and the limits that the answer must keep.
pub struct AnswerScope<'a> {
    pub spoken: &'a QuotableTurns<'a>,
    /// Turns of which every visitor turn needs an entry in the timeline.
    pub own: Range<usize>,
    /// Turns that were sent only for context; entries for them are ignored.
    pub context: Range<usize>,
    /// The requested metrics.
    pub metrics: &'a [&'a Metric],
    /// The tenant's own topics; an empty list allows any topic.
    pub topics: &'a TopicList,
    pub leaks: &'a LeakDetector,
}

/// Checked findings about a transcript or a part of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    pub conclusions: Conclusions,
    /// Entries in the order of turns, each turn once.
    pub timeline: Vec<Feeling>,
    pub causes: Vec<ShiftCause>,
    pub topics: Vec<String>,
    pub insights: Vec<Insight>,
    pub action_items: Vec<ActionItem>,
}

/// Findings about all of a transcript or part; the answer to the last request about a long transcript has no others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conclusions {
    pub intent: Intent,
    pub summary: Summary,
    pub category: Category,
    pub patterns: Vec<String>,
    /// Every requested metric; conditions are checked by [`metrics::finish`].
    pub custom_metrics: BTreeMap<String, CustomMetric>,
    pub quotes_verified: u32,
    pub quotes_dropped: u32,
    /// The part of the analysis that is missing.
    pub gap: Option<Gap>,
}

/// A usable answer: `T` is [`Findings`] or [`Conclusions`].
#[derive(Debug, Clone, PartialEq)]
pub struct UsableAnswer<T> {
    pub findings: T,
    /// Problems that a better answer would not have, for the model; at most 20, like the faults.
    pub shortcomings: Vec<String>,
    /// The number of all shortcomings.
    pub flaws: usize,
}

/// Checks an answer; `Err` lists the faults for the model, without any text of the answer.
pub fn check(answer: AnalysisAnswer, scope: &AnswerScope<'_>) -> Result<UsableAnswer<Findings>, Vec<String>> {
    let AnalysisAnswer { intent, summary, category, sentiment, topics, insights, action_items, custom_metrics } =
        answer;
    let mut check = Check::new(scope);
    let conclusions = check.conclusions(&intent, &summary, &category, &custom_metrics);
    let (timeline, missing) = check.timeline(&sentiment.timeline);
    let causes = check.causes(&sentiment.shifts);
    let patterns = check.texts("sentiment.patterns", &sentiment.patterns, MAX_SENTENCE);
    let topics = check.topics(&topics);
    let insights = check.insights(&insights);
    let action_items = check.action_items(&action_items);
    let (quotes_verified, quotes_dropped) = (check.verified, check.dropped);
    check.finished(conclusions.map(|conclusions| {
        let gap = conclusions.gap.or((missing > 0).then_some(Gap::IncompleteTimeline));
        let conclusions = Conclusions { patterns, quotes_verified, quotes_dropped, gap, ..conclusions };
        Findings { conclusions, timeline, causes, topics, insights, action_items }
    }))
}

/// Checks the last answer about a long transcript; of the scope, `own`, `context` and `topics` do not matter.
pub fn check_merged(answer: MergedAnswer, scope: &AnswerScope<'_>) -> Result<UsableAnswer<Conclusions>, Vec<String>> {
    let MergedAnswer { intent, summary, category, patterns, custom_metrics } = answer;
    let mut check = Check::new(scope);
    let conclusions = check.conclusions(&intent, &summary, &category, &custom_metrics);
    let patterns = check.texts("patterns", &patterns, MAX_SENTENCE);
    check.finished(conclusions.map(|conclusions| Conclusions { patterns, ..conclusions }))
}

struct Check<'a> {
    scope: &'a AnswerScope<'a>,
    verified: u32,
    dropped: u32,
    faults: Problems,
    shortcomings: Problems,
}

impl<'a> Check<'a> {
    fn new(scope: &'a AnswerScope<'a>) -> Self {
        let (faults, shortcomings) = (Problems::default(), Problems::default());
        Self { scope, verified: 0, dropped: 0, faults, shortcomings }
    }

    /// Checks what both answers conclude; the patterns are missing.
    fn conclusions(
        &mut self,
        intent: &answer::RawIntent,
        summary: &answer::RawSummary,
        category: &answer::RawCategory,
        custom_metrics: &[answer::RawCustomMetric],
    ) -> Option<Conclusions> {
        let (intent, summary, category) = (self.intent(intent), self.summary(summary), self.category(category));
        let custom_metrics = self.metrics(custom_metrics);
        let category = category?;
        let gap = category.justification.evidence.is_empty().then_some(Gap::CategoryWithoutEvidence);
        let (patterns, quotes_verified, quotes_dropped) = (Vec::new(), self.verified, self.dropped);
        Some(Conclusions { intent, summary, category, patterns, custom_metrics, quotes_verified, quotes_dropped, gap })
    }

    fn finished<T>(self, findings: Option<T>) -> Result<UsableAnswer<T>, Vec<String>> {
        match findings {
            Some(findings) if self.faults.count() == 0 => {
                let flaws = self.shortcomings.count();
                Ok(UsableAnswer { findings, shortcomings: self.shortcomings.listed(), flaws })
            }
            _ => Err(self.faults.listed()),
        }
    }

    fn intent(&mut self, intent: &answer::RawIntent) -> Intent {
        let outcome = intent.outcome.as_deref().map(|outcome| IntentOutcome::parse(outcome.trim()));
        match outcome {
            None => self.shortcomings.add(|| "intent.outcome is missing".to_owned()),
            Some(None) => self.faults.add(|| {
                let outcomes = IntentOutcome::TEXTS.join(", ");
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
            let labels = CategoryLabel::TEXTS.join(", ");
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
        let (metrics, wrong) = metrics::read(answered, self.scope.metrics);
        wrong.into_iter().for_each(|problem| self.shortcomings.add(|| problem));
        for (name, metric) in &metrics {
            let texts = [Some(metric.rationale.as_str()), metric.value.as_str()];
            if texts.into_iter().flatten().any(|text| self.scope.leaks.finds_leak_in(text)) {
                self.faults.add(|| format!("custom_metrics: the entry for {name} repeats the instructions"));
            }
        }
        metrics
    }

    /// Cleans a text; an empty text is a fault.
    fn required(&mut self, place: &str, text: &str, max: usize) -> String {
        let text = self.cleaned(place, text, max);
        if text.is_empty() {
            self.faults.add(|| format!("{place} is empty"));
        }
        text
    }

    /// Cleans a text; a text that repeats our instructions is a fault.
    fn cleaned(&mut self, place: &str, text: &str, max: usize) -> String {
        let text = clean(text, max);
        if self.scope.leaks.finds_leak_in(&text) {
            self.faults.add(|| format!("{place} repeats the instructions"));
        }
        text
    }

    /// Returns the items that are kept.
    fn bounded<'l, T>(&mut self, place: &str, list: &'l [T]) -> &'l [T] {
        if list.len() > MAX_ITEMS {
            self.shortcomings.add(|| format!("{place} has more than {MAX_ITEMS} items"));
        }
        &list[..list.len().min(MAX_ITEMS)]
    }

    fn evidence(&mut self, place: &str, quotes: &[Quote]) -> Vec<Evidence> {
        let mut found = Vec::new();
        for (n, quote) in self.bounded(place, quotes).iter().enumerate() {
            match self.scope.spoken.find(quote) {
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
