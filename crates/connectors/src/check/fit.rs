//! Whether a field takes the values of a source.

use domain::integration::source::SourceType;
use domain::integration::{FieldType, Source};

/// Type of the field, and a message about values that are left out.
pub(super) type Fit = (FieldType, Option<String>);

/// Fits the values of a source to field `name`. `Err` says why the field takes none of them.
pub(super) fn fit(name: &str, kind: FieldType, source: &Source) -> Result<Fit, String> {
    let some_only = || Some(format!("{name} is set only where {} is one of its options.", source.as_ref()));
    match (source.kind(), &kind) {
        // What it will be is not known; text takes everything.
        (SourceType::Any, _) | (_, FieldType::Text { .. }) => Ok((kind, None)),
        (SourceType::Number | SourceType::Integer, FieldType::Number) => Ok((kind, None)),
        (SourceType::Integer, FieldType::Integer) => Ok((kind, None)),
        (SourceType::Time, FieldType::Date | FieldType::DateTime) => Ok((kind, None)),
        (SourceType::Label(labels), FieldType::Options { values, .. }) => {
            let missing: Vec<_> =
                labels.iter().copied().filter(|label| !values.iter().any(|value| value == label)).collect();
            if missing.is_empty() {
                return Ok((kind, None));
            }
            Err(format!("it lacks the options {}, by their internal names", missing.join(", ")))
        }
        (SourceType::Text, FieldType::Options { .. }) => Ok((kind, some_only())),
        (SourceType::List, FieldType::Options { is_multiple: true, .. }) => Ok((kind, some_only())),
        (SourceType::List, FieldType::Options { is_multiple: false, .. }) => {
            Err("it takes one option only, and this is a list".to_owned())
        }
        (given_kind, _) => Err(format!("it takes {}, and this is {}", taken(&kind), given(given_kind))),
    }
}

fn taken(kind: &FieldType) -> &'static str {
    match kind {
        FieldType::Text { .. } => "text",
        FieldType::Number => "numbers",
        FieldType::Integer => "whole numbers",
        FieldType::Boolean => "yes or no",
        FieldType::Date => "dates",
        FieldType::DateTime => "times",
        FieldType::Options { .. } => "options",
    }
}

fn given(kind: SourceType) -> &'static str {
    match kind {
        SourceType::Text => "text",
        SourceType::Label(_) => "one of several labels",
        SourceType::Number | SourceType::Integer => "a number",
        SourceType::Time => "a time",
        SourceType::List => "a list",
        SourceType::Any => "anything",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENTIMENTS: [&str; 4] = ["positive", "neutral", "negative", "mixed"];

    fn text() -> FieldType {
        FieldType::Text { max_length: Some(255) }
    }

    fn options(values: &[&str]) -> FieldType {
        FieldType::Options { values: values.iter().map(|value| (*value).to_owned()).collect(), is_multiple: false }
    }

    fn fitted(kind: FieldType, source: &str) -> Result<Fit, String> {
        fit("p", kind, &source.to_owned().try_into().unwrap())
    }

    #[test]
    fn a_field_takes_the_sources_of_its_type() {
        for (kind, source) in [
            (text(), "visitor.name"),
            (text(), "analysis.topics"),
            (text(), "analysis.sentiment.average"),
            (FieldType::Number, "analysis.sentiment.average"),
            (FieldType::Number, "analysis.version"),
            (FieldType::Integer, "analysis.version"),
            (FieldType::Date, "session.ended_at"),
            (FieldType::DateTime, "session.ended_at"),
            (FieldType::Boolean, "analysis.custom_metrics.wants_demo"),
            (FieldType::Integer, "session.metadata.nps"),
            (options(&SENTIMENTS), "analysis.sentiment.label"),
        ] {
            assert!(matches!(fitted(kind.clone(), source), Ok((_, None))), "{kind:?} {source}");
        }
    }

    #[test]
    fn what_a_field_never_takes_is_said_in_words() {
        for (kind, source, why) in [
            (FieldType::Number, "visitor.name", "it takes numbers, and this is text"),
            (FieldType::Integer, "analysis.sentiment.average", "it takes whole numbers, and this is a number"),
            (FieldType::Date, "analysis.version", "it takes dates, and this is a number"),
            (FieldType::Boolean, "analysis.summary.text", "it takes yes or no, and this is text"),
            (options(&["a"]), "analysis.topics", "it takes one option only, and this is a list"),
            (
                options(&["positive", "Neutral"]),
                "analysis.sentiment.label",
                "it lacks the options neutral, negative, mixed, by their internal names",
            ),
        ] {
            assert_eq!(fitted(kind, source).unwrap_err(), why);
        }
    }

    #[test]
    fn where_only_some_values_are_options_a_notice_says_so() {
        let (kind, notice) = fitted(options(&["en", "de"]), "visitor.locale").unwrap();
        assert_eq!(kind, options(&["en", "de"]));
        assert_eq!(notice.unwrap(), "p is set only where visitor.locale is one of its options.");
        let several = FieldType::Options { values: vec!["a".to_owned()], is_multiple: true };
        assert!(fitted(several, "analysis.topics").unwrap().1.is_some());
    }
}
