//! A run as plain text.

use std::collections::BTreeMap;

use domain::analysis::CategoryLabel;

use super::figures::{self, Confusion, Figures, Share, Tokens};
use super::outcome::Outcome;
use super::{Run, Subject};
use crate::table::{UNKNOWN, table};

/// Width of the names in front of figures.
const NAME: usize = 24;

pub(super) fn render(run: &Run) -> String {
    let Run { subject, wall_seconds, figures, conversations, .. } = run;
    let Subject { file, conversations: all, answered_by, .. } = subject;
    let mut text = format!("{file}: {all} conversations in {wall_seconds:.1} s, answered by {answered_by}\n\n");
    text += &facts(figures);
    text += "\nCategories, expected in rows, given in columns\n";
    text += &confused(&figures.confusion);
    for (title, groups) in
        [("language", &figures.by_language), ("channel", &figures.by_channel), ("difficulty", &figures.by_difficulty)]
    {
        text += &format!("\nRight category by {title}\n");
        text.extend(groups.iter().map(|(name, right)| line(name, &share(*right))));
    }
    text + &misses(conversations)
}

fn facts(figures: &Figures) -> String {
    let Figures { attempts, tokens, seconds, .. } = figures;
    let (p50, longest) = (number(seconds.p50, 2), number(seconds.max, 2));
    let Tokens { input, output, cached, written } = tokens;
    [
        ("valid at first try", share(figures.first_try_valid)),
        ("attempts", format!("mean {}, max {}", number(attempts.mean, 2), attempts.max)),
        ("verified quotes", share(figures.quotes)),
        ("right category", format!("{}, macro-F1 {:.3}", share(figures.category), figures.macro_f1)),
        ("sentiment", format!("mean absolute error {}", number(figures.sentiment_error, 3))),
        ("right outcome", share(figures.outcome)),
        ("tokens", format!("{input} in, {output} out, {cached} read from cache, {written} written to it")),
        ("cost", figures.cost_usd.map_or_else(|| "not known".to_owned(), |usd| format!("{usd:.4} USD"))),
        ("seconds", format!("p50 {p50}, max {longest}, sum {:.1}", seconds.total)),
        ("failed", codes(&figures.failures)),
        ("limited", codes(&figures.limited)),
    ]
    .map(|(name, fact)| line(name, &fact))
    .concat()
}

fn codes(codes: &BTreeMap<String, usize>) -> String {
    let codes: Vec<_> = codes.iter().map(|(code, count)| format!("{count} {code}")).collect();
    if codes.is_empty() { "none".to_owned() } else { codes.join(", ") }
}

fn confused(confusion: &Confusion) -> String {
    let titles: Vec<_> = std::iter::once("").chain(figures::categories()).collect();
    let rows = CategoryLabel::ALL.map(CategoryLabel::as_str).map(|expected| {
        let cells = figures::categories().map(|given| confusion.cell(expected, given).to_string());
        std::iter::once(expected.to_owned()).chain(cells).collect::<Vec<_>>()
    });
    table(&titles, &rows)
}

fn misses(outcomes: &[Outcome]) -> String {
    let missed = outcomes.iter().filter(|outcome| !outcome.is_correct());
    let rows = missed.map(|one| {
        let labelled = &one.labelled;
        [
            labelled.id.clone(),
            labelled.expected.category.as_str().to_owned(),
            given(one),
            one.usage.attempts.to_string(),
        ]
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("\nWrong category\n{}", table(&["conversation", "expected", "given", "attempts"], &rows))
}

/// The category; for a conversation without a category, the code that says why.
pub(super) fn given(outcome: &Outcome) -> String {
    let code = outcome.error.as_deref().or(outcome.code.as_deref()).unwrap_or(figures::NONE);
    outcome.got.category.map_or_else(|| format!("({code})"), |category| category.as_str().to_owned())
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
        let run = Run::new(samples::subject("small"), 12.34, samples::outcomes());
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
