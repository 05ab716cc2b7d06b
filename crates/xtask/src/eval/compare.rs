//! The differences between two runs.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::outcome::Outcome;
use super::text::{given, number};
use super::{Run, Subject};
use crate::table::{UNKNOWN, table};

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Comparison {
    a: Subject,
    b: Subject,
    /// Why the figures of both are not those of the same conversations.
    warnings: Vec<&'static str>,
    /// Figures by name, such as `category.rate`.
    figures: BTreeMap<String, Difference>,
    /// Conversations of both runs whose category is another one.
    changed: Vec<Change>,
    only_in_a: Vec<String>,
    only_in_b: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Difference {
    a: Option<f64>,
    b: Option<f64>,
    /// `b` less `a`.
    difference: Option<f64>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Change {
    id: String,
    expected: String,
    a: String,
    b: String,
    /// `better`, `worse` or `as wrong`.
    verdict: &'static str,
}

impl Change {
    /// `None` if the category is the same.
    fn of(a: &Outcome, b: &Outcome) -> Option<Self> {
        (a.got.category != b.got.category).then(|| Self {
            id: a.labelled.id.clone(),
            expected: a.labelled.expected.category.as_str().to_owned(),
            a: given(a),
            b: given(b),
            verdict: match (a.is_correct(), b.is_correct()) {
                (false, true) => "better",
                (true, false) => "worse",
                _ => "as wrong",
            },
        })
    }
}

impl Comparison {
    pub(super) fn of(a: &Run, b: &Run) -> anyhow::Result<Self> {
        let warnings = [
            (a.subject.file != b.subject.file).then_some("the runs are of different files"),
            (a.subject.limit != b.subject.limit).then_some("the runs have different limits"),
        ];
        let pairs = a.conversations.iter().filter_map(|one| Some((one, b.conversation(&one.labelled.id)?)));
        let missing = |from: &Run, there: &Run| {
            let ids = from.conversations.iter().map(|outcome| outcome.labelled.id.clone());
            ids.filter(|id| there.conversation(id).is_none()).collect()
        };
        Ok(Self {
            a: a.subject.clone(),
            b: b.subject.clone(),
            warnings: warnings.into_iter().flatten().collect(),
            figures: differences(a, b)?,
            changed: pairs.filter_map(|(one, other)| Change::of(one, other)).collect(),
            only_in_a: missing(a, b),
            only_in_b: missing(b, a),
        })
    }

    pub(super) fn render(&self) -> String {
        let mut text = String::new();
        for (name, Subject { file, limit, conversations, answered_by }) in [("A", &self.a), ("B", &self.b)] {
            let limit = limit.map(|limit| format!(" (--limit {limit})")).unwrap_or_default();
            text += &format!("{name}  {file}: {conversations} conversations{limit}, answered by {answered_by}\n");
        }
        text.extend(self.warnings.iter().map(|warning| format!("Warning: {warning}\n")));
        // Thirty cells that mostly do not change would hide the others.
        let shown =
            self.figures.iter().filter(|(name, figure)| !name.starts_with("confusion.") || figure.a != figure.b);
        let rows = shown.map(|(name, Difference { a, b, difference })| {
            let difference = difference.map_or_else(|| UNKNOWN.to_owned(), |by| format!("{by:+.4}"));
            [name.clone(), number(*a, 4), number(*b, 4), difference]
        });
        text += &format!("\n{}", table(&["figure", "A", "B", "difference"], &rows.collect::<Vec<_>>()));
        text += &format!("\nAnother category: {}\n", self.changed.len());
        let rows = self.changed.iter();
        let rows = rows.map(|one| [&one.id, &one.expected, &one.a, &one.b, one.verdict].map(str::to_owned));
        if !self.changed.is_empty() {
            text += &table(&["conversation", "expected", "A", "B", ""], &rows.collect::<Vec<_>>());
        }
        for (name, ids) in [("A", &self.only_in_a), ("B", &self.only_in_b)] {
            if !ids.is_empty() {
                text += &format!("\nOnly in {name}: {}\n", ids.join(", "));
            }
        }
        text
    }
}

fn differences(a: &Run, b: &Run) -> anyhow::Result<BTreeMap<String, Difference>> {
    let [a, b] = [numbers(a)?, numbers(b)?];
    let names = a.keys().chain(b.keys()).cloned();
    let difference = |name: String| {
        let [a, b] = [&a, &b].map(|figures| figures.get(&name).copied().flatten());
        (name, Difference { a, b, difference: a.zip(b).map(|(a, b)| b - a) })
    };
    Ok(names.map(difference).collect())
}

fn numbers(run: &Run) -> serde_json::Result<BTreeMap<String, Option<f64>>> {
    let mut numbers = BTreeMap::from([("wall_seconds".to_owned(), Some(run.wall_seconds))]);
    collect("", &serde_json::to_value(&run.figures)?, &mut numbers);
    Ok(numbers)
}

fn collect(name: &str, value: &Value, numbers: &mut BTreeMap<String, Option<f64>>) {
    let Value::Object(members) = value else {
        numbers.insert(name.to_owned(), value.as_f64());
        return;
    };
    for (member, value) in members {
        let name = if name.is_empty() { member.clone() } else { format!("{name}.{member}") };
        collect(&name, value, numbers);
    }
}

#[cfg(test)]
mod tests {
    use domain::analysis::CategoryLabel;

    use super::*;
    use crate::eval::tests::samples;

    fn runs() -> (Run, Run) {
        let before = samples::outcomes();
        let mut after = before.clone();
        after[3].got.category = Some(CategoryLabel::FacingIssue);
        after[1].got.category = Some(CategoryLabel::Others);
        after[4].labelled.id = "f".to_owned();
        (Run::new(samples::subject("small"), 12.0, before), Run::new(samples::subject("large"), 30.0, after))
    }

    #[test]
    fn every_figure_is_compared_and_changed_categories_are_listed() {
        let (a, b) = runs();
        let comparison = Comparison::of(&a, &b).unwrap();
        assert_eq!(comparison.figures["wall_seconds"].difference, Some(18.0));
        assert_eq!(comparison.figures["category.hits"].difference, Some(0.0));
        assert_eq!(comparison.figures["cost_usd"], Difference { a: None, b: None, difference: None });
        assert_eq!(comparison.figures["confusion.facing_issue.facing_issue"].difference, Some(1.0));
        let changed: Vec<_> = comparison.changed.iter().map(|one| (one.id.as_str(), one.verdict)).collect();
        assert_eq!(changed, [("b", "worse"), ("d", "better")]);
        assert_eq!((comparison.only_in_a, comparison.only_in_b), (vec!["e".to_owned()], vec!["f".to_owned()]));
    }

    #[test]
    fn a_run_is_no_different_from_itself() {
        let (a, _) = runs();
        let comparison = Comparison::of(&a, &a).unwrap();
        assert!(comparison.figures.values().all(|figure| figure.a == figure.b));
        assert!(comparison.changed.is_empty() && comparison.only_in_a.is_empty());
    }

    #[test]
    fn the_differences_read_like_this() {
        let (a, b) = runs();
        let text = Comparison::of(&a, &b).unwrap().render();
        let end = text.split_once("Another category").unwrap().1;
        insta::assert_snapshot!(end, @r"
        : 2
        conversation  expected         A                B
        b             potential_buyer  potential_buyer  others        worse
        d             facing_issue     immediate_buyer  facing_issue  better

        Only in A: e

        Only in B: f
        ");
        assert!(text.lines().any(|line| line.split_whitespace().eq([
            "wall_seconds",
            "12.0000",
            "30.0000",
            "+18.0000"
        ])));
        assert!(!text.contains("confusion.others.none"));
    }

    #[test]
    fn both_runs_say_what_they_are_and_whether_they_fit() {
        let (a, mut b) = runs();
        let start = |b: &Run| {
            let text = Comparison::of(&a, b).unwrap().render();
            text.split_once("\n\n").unwrap().0.to_owned()
        };
        insta::assert_snapshot!(start(&b), @"
        A  five.jsonl: 5 conversations, answered by small
        B  five.jsonl: 5 conversations, answered by large
        ");
        (b.subject.file, b.subject.limit) = ("six.jsonl".to_owned(), Some(5));
        insta::assert_snapshot!(start(&b), @"
        A  five.jsonl: 5 conversations, answered by small
        B  six.jsonl: 5 conversations (--limit 5), answered by large
        Warning: the runs are of different files
        Warning: the runs have different limits
        ");
    }
}
