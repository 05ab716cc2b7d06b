//! From an answer to findings: closed sets, ranges, turns that exist, quotes that were said.

use std::collections::BTreeSet;

use domain::analysis::{
    ActionItem, Category, CategoryLabel, Evidence, Feeling, Insight, Intent, Justification, Owner, Sentiment, Shift,
    Summary,
};
use domain::number::{Confidence, Score};
use domain::step::Code;
use domain::transcript::{Role, Transcript};

use crate::answer::{self, Answer, Quote};
use crate::evidence::Spoken;
use crate::figures::{self, says_something};
use crate::text::{clean, clean_all};

/// Longest texts in characters. The prompt asks for far less: what is longer is an answer gone wrong, not a finding.
const MAX_SENTENCE: usize = 500;
const MAX_PARAGRAPH: usize = 2000;
const MAX_WORDS: usize = 80;
/// Items of a list; the prompt asks for at most 10.
const MAX_ITEMS: usize = 20;

/// Part of the analysis is missing: no quote for the category was said by anybody.
const CATEGORY_WITHOUT_EVIDENCE: Code = Code::new("category_without_evidence");
/// Part of the analysis is missing: some visitor turns have no sentiment.
const INCOMPLETE_TIMELINE: Code = Code::new("incomplete_timeline");

/// What holds of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Findings {
    pub(crate) intent: Intent,
    pub(crate) summary: Summary,
    pub(crate) category: Category,
    pub(crate) sentiment: Sentiment,
    pub(crate) topics: Vec<String>,
    pub(crate) insights: Vec<Insight>,
    pub(crate) action_items: Vec<ActionItem>,
    pub(crate) quotes_dropped: u32,
    /// Why the findings are not complete.
    pub(crate) gap: Option<Code>,
}

/// A usable answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Checked {
    pub(crate) findings: Findings,
    /// What a better answer would not have: worth asking again once.
    pub(crate) shortcomings: Vec<String>,
}

/// `Err` lists, for the model, why the answer cannot be used.
pub(crate) fn check(answer: Answer, transcript: &Transcript) -> Result<Checked, Vec<String>> {
    let mut check = Check { spoken: Spoken::new(transcript), dropped: 0, faults: Vec::new(), shortcomings: Vec::new() };
    let intent = check.intent(answer.intent);
    let summary = check.summary(answer.summary);
    let category = check.category(answer.category);
    let (sentiment, missing) = check.sentiment(answer.sentiment, transcript).unzip();
    let insights = check.insights(answer.insights);
    let action_items = check.action_items(answer.action_items);
    let (Some(category), Some(sentiment), true) = (category, sentiment, check.faults.is_empty()) else {
        return Err(check.faults);
    };
    let gap = match (category.justification.evidence.is_empty(), missing) {
        (true, _) => Some(CATEGORY_WITHOUT_EVIDENCE),
        (false, Some(0) | None) => None,
        (false, Some(_)) => Some(INCOMPLETE_TIMELINE),
    };
    let topics = clean_all(answer.topics, MAX_WORDS, MAX_ITEMS);
    let quotes_dropped = check.dropped;
    let findings =
        Findings { intent, summary, category, sentiment, topics, insights, action_items, quotes_dropped, gap };
    Ok(Checked { findings, shortcomings: check.shortcomings })
}

struct Check {
    spoken: Spoken,
    dropped: u32,
    faults: Vec<String>,
    shortcomings: Vec<String>,
}

impl Check {
    fn intent(&mut self, intent: answer::Intent) -> Intent {
        Intent {
            primary_purpose: self.required("intent.primary_purpose", &intent.primary_purpose, MAX_SENTENCE),
            objectives: clean_all(intent.objectives, MAX_SENTENCE, MAX_ITEMS),
            outcome: None,
        }
    }

    fn summary(&mut self, summary: answer::Summary) -> Summary {
        Summary {
            text: self.required("summary.text", &summary.text, MAX_PARAGRAPH),
            key_points: clean_all(summary.key_points, MAX_SENTENCE, MAX_ITEMS),
        }
    }

    fn required(&mut self, place: &str, text: &str, max: usize) -> String {
        let text = clean(text, max);
        if text.is_empty() {
            self.faults.push(format!("{place} is empty"));
        }
        text
    }

    fn category(&mut self, category: answer::Category) -> Option<Category> {
        let label = CategoryLabel::parse(&category.label);
        if label.is_none() {
            let labels = CategoryLabel::ALL.map(CategoryLabel::as_str).join(", ");
            self.faults.push(format!("category.label is not one of {labels}"));
        }
        let confidence = Confidence::try_from(category.confidence);
        if let Err(range) = confidence {
            self.faults.push(format!("category.confidence {range}"));
        }
        let reasoning = self.required("category.reasoning", &category.reasoning, MAX_PARAGRAPH);
        let evidence = self.evidence("category.evidence", &category.evidence);
        if evidence.is_empty() {
            self.shortcomings.push("category.evidence has no quote that was said".to_owned());
        }
        Some(Category {
            label: label?,
            confidence: confidence.ok()?,
            justification: Justification { reasoning, evidence },
        })
    }

    /// Also returns how many visitor turns have no entry.
    fn sentiment(&mut self, sentiment: answer::Sentiment, transcript: &Transcript) -> Option<(Sentiment, usize)> {
        let mut open: BTreeSet<usize> = transcript.of(Role::Visitor).map(|(index, _)| index).collect();
        let mut timeline: Vec<Feeling> = Vec::new();
        for (n, feeling) in sentiment.timeline.iter().enumerate() {
            timeline.extend(self.feeling(n, feeling, &mut open));
        }
        timeline.sort_by_key(|feeling| feeling.turn);
        let is_missing = |turn: &usize| transcript.turns().get(*turn).is_some_and(says_something);
        let missing: Vec<_> = open.into_iter().filter(is_missing).collect();
        if !missing.is_empty() {
            self.shortcomings.push(format!("sentiment.timeline has no entry for the visitor's turns {missing:?}"));
        }
        let Some(average) = Score::mean(timeline.iter().map(|feeling| feeling.score)) else {
            self.faults.push("sentiment.timeline has no entry".to_owned());
            return None;
        };
        let shifts = sentiment.shifts.iter().enumerate().filter_map(|(n, s)| self.shift(n, s, &timeline)).collect();
        let label = figures::label(average, &timeline);
        let patterns = clean_all(sentiment.patterns, MAX_SENTENCE, MAX_ITEMS);
        Some((Sentiment { average, label, timeline, shifts, patterns }, missing.len()))
    }

    fn feeling(&mut self, n: usize, feeling: &answer::Feeling, open: &mut BTreeSet<usize>) -> Option<Feeling> {
        let turn = usize::try_from(feeling.turn).ok().filter(|turn| open.remove(turn));
        if turn.is_none() {
            let place = format!("sentiment.timeline[{n}].turn");
            self.faults.push(format!("{place} is no turn of the visitor, or has an entry already"));
        }
        let score = Score::try_from(feeling.score);
        if let Err(range) = score {
            self.faults.push(format!("sentiment.timeline[{n}].score {range}"));
        }
        Some(Feeling { turn: turn?, score: score.ok()?, emotion: clean(&feeling.emotion, MAX_WORDS) })
    }

    /// The scores are those of the timeline, whatever the model thinks they are.
    fn shift(&mut self, n: usize, shift: &answer::Shift, timeline: &[Feeling]) -> Option<Shift> {
        let at = |turn: i64| timeline.iter().find(|feeling| i64::try_from(feeling.turn) == Ok(turn));
        let (Some(from), Some(to)) = (at(shift.from_turn), at(shift.to_turn)) else {
            self.shortcomings.push(format!("sentiment.shifts[{n}] names a turn without an entry in the timeline"));
            return None;
        };
        let cause = Some(clean(&shift.cause, MAX_SENTENCE)).filter(|cause| !cause.is_empty());
        let is_shift = from.turn < to.turn && from.score != to.score;
        is_shift.then_some(Shift { from_turn: from.turn, to_turn: to.turn, from: from.score, to: to.score, cause })
    }

    fn insights(&mut self, insights: Vec<answer::Insight>) -> Vec<Insight> {
        let read = |(n, insight): (usize, answer::Insight)| {
            let evidence = self.evidence(&format!("insights[{n}].evidence"), &insight.evidence);
            let text = clean(&insight.text, MAX_SENTENCE);
            (!text.is_empty() && !evidence.is_empty()).then_some(Insight { text, evidence })
        };
        insights.into_iter().take(MAX_ITEMS).enumerate().filter_map(read).collect()
    }

    fn action_items(&mut self, items: Vec<answer::ActionItem>) -> Vec<ActionItem> {
        items.into_iter().take(MAX_ITEMS).enumerate().filter_map(|(n, item)| self.action_item(n, item)).collect()
    }

    fn action_item(&mut self, n: usize, item: answer::ActionItem) -> Option<ActionItem> {
        let owner = match item.owner.as_str() {
            "visitor" => Some(Owner::Visitor),
            "agent" => Some(Owner::Agent),
            "business" => Some(Owner::Business),
            _ => {
                self.faults.push(format!("action_items[{n}].owner is not one of visitor, agent, business"));
                None
            }
        };
        let evidence = self.evidence(&format!("action_items[{n}].evidence"), &item.evidence);
        let text = clean(&item.text, MAX_SENTENCE);
        if text.is_empty() || evidence.is_empty() {
            return None;
        }
        let due = item.due.map(|due| clean(&due, MAX_WORDS)).filter(|due| !due.is_empty());
        Some(ActionItem { text, owner: owner?, due, evidence })
    }

    fn evidence(&mut self, place: &str, quotes: &[Quote]) -> Vec<Evidence> {
        let mut found = Vec::new();
        for (n, quote) in quotes.iter().take(MAX_ITEMS).enumerate() {
            match self.spoken.find(quote) {
                Some(evidence) if found.contains(&evidence) => {}
                Some(evidence) => found.push(evidence),
                None => {
                    self.dropped += 1;
                    self.shortcomings.push(format!("{place}[{n}].quote is not in turn {}", quote.turn));
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{answer, transcript};

    fn faults(change: impl Fn(&mut Answer)) -> Vec<String> {
        let mut answer = answer();
        change(&mut answer);
        check(answer, &transcript()).unwrap_err()
    }

    fn checked(change: impl Fn(&mut Answer)) -> Checked {
        let mut answer = answer();
        change(&mut answer);
        check(answer, &transcript()).unwrap()
    }

    #[test]
    fn a_good_answer_has_no_shortcomings_and_its_average_is_ours() {
        let Checked { findings, shortcomings } = checked(|_| {});
        assert_eq!((shortcomings, findings.gap, findings.quotes_dropped), (vec![], None, 0));
        assert_eq!(findings.sentiment.average.get(), -0.1);
        assert_eq!(findings.sentiment.shifts[0].from.get(), -0.8);
        assert_eq!(findings.category.justification.evidence[0].turn, 1);
    }

    #[test]
    fn an_answer_outside_its_sets_and_ranges_is_not_used() {
        assert_eq!(
            faults(|a| a.category.label = "buyer".into()),
            ["category.label is not one of immediate_buyer, potential_buyer, just_exploring, facing_issue, others"]
        );
        assert_eq!(faults(|a| a.category.confidence = 1.5), ["category.confidence must be between 0 and 1"]);
        assert_eq!(faults(|a| a.summary.text = " \0".into()), ["summary.text is empty"]);
        assert_eq!(
            faults(|a| a.sentiment.timeline[0].score = -7.0),
            ["sentiment.timeline[0].score must be between -1 and 1"]
        );
        let no_turn = "sentiment.timeline[0].turn is no turn of the visitor, or has an entry already";
        for turn in [0, 99, -1, 3] {
            let wrong = faults(|a| a.sentiment.timeline[0].turn = turn);
            assert!(wrong.iter().any(|fault| fault.starts_with("sentiment.timeline[")), "{turn}: {wrong:?}");
        }
        assert_eq!(faults(|a| a.sentiment.timeline[0].turn = 0), [no_turn]);
        assert_eq!(
            faults(|a| a.action_items[0].owner = "boss".into()),
            ["action_items[0].owner is not one of visitor, agent, business"]
        );
    }

    #[test]
    fn invented_quotes_are_dropped_with_what_rests_on_them() {
        let Checked { findings, shortcomings } = checked(|a| {
            a.category.evidence[0].quote = "I want to speak to your manager".into();
            a.insights[0].evidence[0].quote = "never again".into();
        });
        assert_eq!((findings.quotes_dropped, findings.insights), (2, vec![]));
        assert_eq!(findings.gap, Some(CATEGORY_WITHOUT_EVIDENCE));
        assert_eq!(shortcomings.len(), 3, "{shortcomings:?}");
        assert!(shortcomings.contains(&"category.evidence[0].quote is not in turn 1".to_owned()), "{shortcomings:?}");
    }

    #[test]
    fn a_visitor_turn_without_sentiment_is_a_gap() {
        let Checked { findings, shortcomings } = checked(|a| drop(a.sentiment.timeline.pop()));
        assert_eq!(findings.gap, Some(INCOMPLETE_TIMELINE));
        assert_eq!(shortcomings[0], "sentiment.timeline has no entry for the visitor's turns [4]");
    }

    #[test]
    fn ten_thousand_items_become_a_bounded_list() {
        let many = checked(|a| a.action_items = vec![a.action_items[0].clone(); 10_000]);
        assert_eq!(many.findings.action_items.len(), MAX_ITEMS);
    }
}
