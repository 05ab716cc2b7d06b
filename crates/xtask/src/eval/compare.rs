//! Two runs beside each other.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::run::Run;
use super::text::{given, number};
use crate::table::{UNKNOWN, table};

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Comparison {
    a: Side,
    b: Side,
    /// Why the figures of both are not those of the same conversations.
    warnings: Vec<String>,
    /// Figures by name, such as `category.rate`.
    figures: BTreeMap<String, Difference>,
    /// Conversations of both runs whose category is another one.
    changed: Vec<Change>,
    only_in_a: Vec<String>,
    only_in_b: Vec<String>,
}

/// The subject of a run.
#[derive(Debug, PartialEq, Serialize)]
struct Side {
    file: String,
    answered_by: String,
    limit: Option<usize>,
    conversations: usize,
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

impl Side {
    fn of(run: &Run) -> Self {
        Self {
            file: run.file.clone(),
            answered_by: run.answered_by.clone(),
            limit: run.limit,
            conversations: run.conversations.len(),
        }
    }

    fn render(&self) -> String {
        let Self { file, answered_by, limit, conversations } = self;
        let limit = limit.map(|limit| format!(" (--limit {limit})")).unwrap_or_default();
        format!("{file}: {conversations} conversations{limit}, answered by {answered_by}")
    }

    fn warnings(&self, other: &Self) -> Vec<String> {
        let file = (self.file != other.file).then(|| "the runs are of different files".to_owned());
        let limit = (self.limit != other.limit).then(|| "the runs have different limits".to_owned());
        file.into_iter().chain(limit).collect()
    }
}

impl Comparison {
    pub(super) fn of(a: &Run, b: &Run) -> anyhow::Result<Self> {
        let in_b: BTreeMap<_, _> = b.conversations.iter().map(|outcome| (outcome.id.as_str(), outcome)).collect();
        let in_a: BTreeMap<_, _> = a.conversations.iter().map(|outcome| (outcome.id.as_str(), outcome)).collect();
        let pairs = a.conversations.iter().filter_map(|one| Some((one, *in_b.get(one.id.as_str())?)));
        let changed = pairs.filter(|(one, other)| one.got.category != other.got.category);
        let changed = changed.map(|(one, other)| Change {
            id: one.id.clone(),
            expected: one.expected.category.map(|label| label.as_str().to_owned()).unwrap_or_default(),
            a: given(one),
            b: given(other),
            verdict: match (one.is_correct(), other.is_correct()) {
                (false, true) => "better",
                (true, false) => "worse",
                _ => "as wrong",
            },
        });
        let missing = |from: &Run, there: &dyn Fn(&str) -> bool| {
            let ids = from.conversations.iter().map(|outcome| outcome.id.clone());
            ids.filter(|id| !there(id)).collect()
        };
        let sides = [a, b].map(Side::of);
        let warnings = sides[0].warnings(&sides[1]);
        let [side_a, side_b] = sides;
        Ok(Self {
            a: side_a,
            b: side_b,
            warnings,
            figures: differences(a, b)?,
            changed: changed.collect(),
            only_in_a: missing(a, &|id| in_b.contains_key(id)),
            only_in_b: missing(b, &|id| in_a.contains_key(id)),
        })
    }

    pub(super) fn render(&self) -> String {
        // Thirty cells that mostly do not change would hide the others.
        let shown =
            self.figures.iter().filter(|(name, figure)| !name.starts_with("confusion.") || figure.a != figure.b);
        let rows = shown.map(|(name, Difference { a, b, difference })| {
            let difference = difference.map_or_else(|| UNKNOWN.to_owned(), |by| format!("{by:+.4}"));
            vec![name.clone(), number(*a, 4), number(*b, 4), difference]
        });
        let mut text = format!("A  {}\nB  {}\n", self.a.render(), self.b.render());
        self.warnings.iter().for_each(|warning| text.push_str(&format!("Warning: {warning}\n")));
        text.push('\n');
        text.push_str(&table(&["figure", "A", "B", "difference"], &rows.collect::<Vec<_>>()));
        text.push_str(&format!("\nAnother category: {}\n", self.changed.len()));
        if !self.changed.is_empty() {
            let rows = self.changed.iter().map(|change| {
                [&change.id, &change.expected, &change.a, &change.b, change.verdict].map(str::to_owned).to_vec()
            });
            text.push_str(&table(&["conversation", "expected", "A", "B", ""], &rows.collect::<Vec<_>>()));
        }
        for (name, ids) in [("A", &self.only_in_a), ("B", &self.only_in_b)] {
            if !ids.is_empty() {
                text.push_str(&format!("\nOnly in {name}: {}\n", ids.join(", ")));
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
        after[4].id = "f".to_owned();
        (Run::new("five.jsonl", "small", None, 12.0, before), Run::new("five.jsonl", "large", None, 30.0, after))
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
        (b.file, b.limit) = ("six.jsonl".to_owned(), Some(5));
        insta::assert_snapshot!(start(&b), @"
        A  five.jsonl: 5 conversations, answered by small
        B  six.jsonl: 5 conversations (--limit 5), answered by large
        Warning: the runs are of different files
        Warning: the runs have different limits
        ");
    }
}
