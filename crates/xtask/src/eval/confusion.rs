//! Expected and given categories.

use std::collections::BTreeMap;

use domain::analysis::CategoryLabel;
use serde::{Deserialize, Serialize};

use super::outcome::Outcome;

/// Stands for the category of an analysis without a category.
pub(super) const NONE: &str = "none";

/// Conversations by expected category, then by given category; every cell exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Confusion(BTreeMap<String, BTreeMap<String, usize>>);

impl Confusion {
    pub(super) fn of(outcomes: &[Outcome]) -> Self {
        let row = || given().map(|name| (name.to_owned(), 0)).collect();
        let mut rows: BTreeMap<_, BTreeMap<_, _>> =
            CategoryLabel::ALL.into_iter().map(|label| (label.as_str().to_owned(), row())).collect();
        for outcome in outcomes {
            let Some(expected) = outcome.expected.category else { continue };
            let given = outcome.got.category.map_or(NONE, CategoryLabel::as_str);
            let cell = rows.get_mut(expected.as_str()).and_then(|row| row.get_mut(given));
            if let Some(cell) = cell {
                *cell += 1;
            }
        }
        Self(rows)
    }

    pub(super) fn cell(&self, expected: &str, given: &str) -> usize {
        self.0.get(expected).and_then(|row| row.get(given)).copied().unwrap_or_default()
    }

    /// The mean of the F1 of all five categories. A category that was never given, or never rightly, has 0.
    pub(super) fn macro_f1(&self) -> f64 {
        let labels = CategoryLabel::ALL.map(CategoryLabel::as_str);
        labels.iter().map(|label| self.f1(label)).sum::<f64>() / 5.0
    }

    /// Twice the hits, divided by how often the category was expected and how often it was given.
    #[expect(clippy::cast_precision_loss, reason = "counts of conversations")]
    fn f1(&self, label: &str) -> f64 {
        let hits = self.cell(label, label);
        let expected: usize = given().map(|name| self.cell(label, name)).sum();
        let given: usize = CategoryLabel::ALL.iter().map(|row| self.cell(row.as_str(), label)).sum();
        if hits == 0 { 0.0 } else { 2.0 * hits as f64 / (expected + given) as f64 }
    }
}

/// The possible answers: the categories, and none.
pub(super) fn given() -> impl Iterator<Item = &'static str> {
    CategoryLabel::ALL.into_iter().map(CategoryLabel::as_str).chain([NONE])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::tests::samples;

    #[test]
    fn every_conversation_is_in_one_cell() {
        let confusion = Confusion::of(&samples::outcomes());
        assert_eq!(confusion.cell("facing_issue", "facing_issue"), 1);
        assert_eq!(confusion.cell("facing_issue", "immediate_buyer"), 1);
        assert_eq!(confusion.cell("others", NONE), 1);
        let all: usize = confusion.0.values().flat_map(BTreeMap::values).sum();
        assert_eq!(all, 5);
    }

    #[test]
    fn macro_f1_is_the_mean_over_five_classes_and_a_missing_one_counts_as_nothing() {
        // immediate_buyer 2·1/(1+2), potential_buyer 2·1/(1+1), facing_issue 2·1/(2+1); the other two have no hit.
        let expected = (2.0 / 3.0 + 1.0 + 2.0 / 3.0) / 5.0;
        assert!((Confusion::of(&samples::outcomes()).macro_f1() - expected).abs() < 1e-12);
        assert_eq!(Confusion::of(&[]).macro_f1(), 0.0);
    }
}
