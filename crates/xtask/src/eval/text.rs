//! A run as plain text.

use std::collections::BTreeMap;

use domain::analysis::CategoryLabel;

use super::confusion;
use super::figures::{Figures, Share};
use super::outcome::Outcome;
use super::run::Run;
use crate::table::{UNKNOWN, table};

/// Width of the names in front of figures.
const NAME: usize = 24;

pub(super) fn render(run: &Run) -> String {
    let Figures { category, macro_f1, .. } = &run.figures;
    let mut text = format!(
        "{}: {} conversations in {:.1} s, answered by {}\n\n",
        run.file, run.figures.conversations, run.wall_seconds, run.answered_by
    );
    text.push_str(&answers(&run.figures));
    text.push_str(&line("right category", &format!("{}, macro-F1 {macro_f1:.3}", share(*category))));
    text.push_str(&line("sentiment", &format!("mean absolute error {}", number(run.figures.sentiment_error, 3))));
    text.push_str(&line("right outcome", &share(run.figures.outcome)));
    text.push_str(&spent(&run.figures));
    text.push_str(&codes("failed", &run.figures.failures));
    text.push_str(&codes("limited", &run.figures.limited));
    text.push_str("\nCategories, expected in rows, given in columns\n");
    text.push_str(&confused(&run.figures));
    for (title, groups) in [
        ("language", &run.figures.by_language),
        ("channel", &run.figures.by_channel),
        ("difficulty", &run.figures.by_difficulty),
    ] {
        text.push_str(&format!("\nRight category by {title}\n"));
        groups.iter().for_each(|(name, right)| text.push_str(&line(name, &share(*right))));
    }
    text.push_str(&misses(&run.conversations));
    text
}

fn answers(figures: &Figures) -> String {
    let attempts = format!("mean {}, max {}", number(figures.attempts.mean, 2), figures.attempts.max);
    let quotes = figures.quotes;
    let all = quotes.verified + quotes.dropped;
    let verified = format!("{} of {all}, {}", quotes.verified, percent(figures.verified_quotes));
    line("valid at first try", &share(figures.first_try_valid))
        + &line("attempts", &attempts)
        + &line("verified quotes", &verified)
}

fn spent(figures: &Figures) -> String {
    let tokens = figures.tokens;
    let tokens = format!(
        "{} in, {} out, {} read from cache, {} written to it",
        tokens.input, tokens.output, tokens.cached, tokens.written
    );
    let cost = figures.cost_usd.map_or_else(|| "not known".to_owned(), |usd| format!("{usd:.4} USD"));
    let seconds = figures.seconds;
    let seconds = format!("p50 {}, max {}, sum {:.1}", number(seconds.p50, 2), number(seconds.max, 2), seconds.total);
    line("tokens", &tokens) + &line("cost", &cost) + &line("seconds", &seconds)
}

fn codes(name: &str, codes: &BTreeMap<String, usize>) -> String {
    let codes: Vec<_> = codes.iter().map(|(code, count)| format!("{count} {code}")).collect();
    line(name, &if codes.is_empty() { "none".to_owned() } else { codes.join(", ") })
}

fn confused(figures: &Figures) -> String {
    let titles: Vec<_> = std::iter::once("").chain(confusion::given()).collect();
    let rows = CategoryLabel::ALL.map(CategoryLabel::as_str).map(|expected| {
        let cells = confusion::given().map(|given| figures.confusion.cell(expected, given).to_string());
        std::iter::once(expected.to_owned()).chain(cells).collect::<Vec<_>>()
    });
    table(&titles, &rows)
}

fn misses(outcomes: &[Outcome]) -> String {
    let missed = outcomes.iter().filter(|outcome| !outcome.is_correct());
    let rows: Vec<_> = missed
        .map(|one| vec![one.id.clone(), category(one.expected.category), given(one), one.attempts.to_string()])
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("\nWrong category\n{}", table(&["conversation", "expected", "given", "attempts"], &rows))
}

/// The category; for a conversation without a category, the code that says why.
pub(super) fn given(outcome: &Outcome) -> String {
    let code = outcome.error.as_deref().or(outcome.code.as_deref()).unwrap_or(confusion::NONE);
    outcome.got.category.map_or_else(|| format!("({code})"), |category| category.as_str().to_owned())
}

fn category(category: Option<CategoryLabel>) -> String {
    category.map_or(UNKNOWN, CategoryLabel::as_str).to_owned()
}

fn line(name: &str, value: &str) -> String {
    format!("  {name:<NAME$}{value}\n")
}

fn share(Share { hits, of, rate }: Share) -> String {
    format!("{hits} of {of}, {}", percent(rate))
}

fn percent(rate: Option<f64>) -> String {
    rate.map_or_else(|| UNKNOWN.to_owned(), |rate| format!("{:.1} %", rate * 100.0))
}

pub(super) fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| format!("{value:.digits$}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::tests::samples;

    #[test]
    fn a_run_reads_like_this() {
        let run = Run::new("five.jsonl", "small", None, 12.34, samples::outcomes());
        insta::assert_snapshot!(render(&run), @r"
        five.jsonl: 5 conversations in 12.3 s, answered by small

          valid at first try      3 of 5, 60.0 %
          attempts                mean 1.40, max 3
          verified quotes         8 of 10, 80.0 %
          right category          3 of 5, 60.0 %, macro-F1 0.467
          sentiment               mean absolute error 0.200
          right outcome           2 of 5, 40.0 %
          tokens                  2500 in, 500 out, 1000 read from cache, 50 written to it
          cost                    not known
          seconds                 p50 3.00, max 10.00, sum 20.0
          failed                  1 model_refused
          limited                 1 category_without_evidence

        Categories, expected in rows, given in columns
                         immediate_buyer  potential_buyer  just_exploring  facing_issue  others  none
        immediate_buyer                1                0               0             0       0     0
        potential_buyer                0                1               0             0       0     0
        just_exploring                 0                0               0             0       0     0
        facing_issue                   1                0               0             1       0     0
        others                         0                0               0             0       0     1

        Right category by language
          de                      1 of 2, 50.0 %
          en                      2 of 2, 100.0 %
          ja                      0 of 1, 0.0 %

        Right category by channel
          text                    1 of 3, 33.3 %
          voice                   2 of 2, 100.0 %

        Right category by difficulty
          easy                    2 of 2, 100.0 %
          hard                    1 of 3, 33.3 %

        Wrong category
        conversation  expected      given            attempts
        d             facing_issue  immediate_buyer         1
        e             others        (model_refused)         1
        ");
    }
}
