//! Whether a property takes the values of a source.

use domain::integration::source::SourceType;
use domain::integration::{FieldType, Source};

use super::Property;

/// The longest text that a property of HubSpot holds, in characters.
const MAX_TEXT: u32 = 65_536;

/// What the property takes, and what may be left out, in words.
pub(super) type Fit = (FieldType, Option<String>);

/// `Err`: it never takes one, and why.
pub(super) fn fit(property: &Property, source: &Source) -> Result<Fit, String> {
    let kind = kind(property)?;
    let some_only = || {
        let (name, source) = (&property.name, source.as_ref());
        Some(format!("The property {name} is set only where {source} is one of its options."))
    };
    match (source.kind(), &kind) {
        // What it will be is not known; text takes everything.
        (SourceType::Any, _) | (_, FieldType::Text { .. }) => Ok((kind, None)),
        (SourceType::Number | SourceType::Integer, FieldType::Number) => Ok((kind, None)),
        (SourceType::Time, FieldType::Date | FieldType::DateTime) => Ok((kind, None)),
        (SourceType::Label(labels), FieldType::Options { values }) => {
            let missing: Vec<_> = labels.iter().copied().filter(|label| !has(values, label)).collect();
            if missing.is_empty() {
                return Ok((kind, None));
            }
            Err(format!("it lacks the options {}, by their internal names", missing.join(", ")))
        }
        (SourceType::Text, FieldType::Options { .. }) => Ok((kind, some_only())),
        (SourceType::List, FieldType::Options { .. }) if property.field_type == "checkbox" => Ok((kind, some_only())),
        (SourceType::List, FieldType::Options { .. }) => Err("it takes one option only, and this is a list".to_owned()),
        (
            SourceType::Text
            | SourceType::Label(_)
            | SourceType::Number
            | SourceType::Integer
            | SourceType::Time
            | SourceType::List,
            _,
        ) => Err(format!("it takes {}, and this is {}", taken(&kind), given(source.kind()))),
    }
}

fn has(values: &[String], label: &str) -> bool {
    values.iter().any(|value| value == label)
}

fn kind(property: &Property) -> Result<FieldType, String> {
    let values = || property.options.iter().map(|choice| choice.value.clone()).collect::<Vec<_>>();
    match property.kind.as_str() {
        "string" | "phone_number" => Ok(FieldType::Text { max_length: Some(MAX_TEXT) }),
        "number" => Ok(FieldType::Number),
        "bool" => Ok(FieldType::Boolean),
        // Its options need not be listed: HubSpot judges each value.
        "enumeration" if property.external_options => Ok(FieldType::Text { max_length: None }),
        "enumeration" if property.field_type == "booleancheckbox" => Ok(FieldType::Boolean),
        "enumeration" => Ok(FieldType::Options { values: values() }),
        "date" => Ok(FieldType::Date),
        "datetime" => Ok(FieldType::DateTime),
        _ => Err("properties of its type are not supported".to_owned()),
    }
}

fn taken(kind: &FieldType) -> &'static str {
    match kind {
        FieldType::Text { .. } => "text",
        FieldType::Number | FieldType::Integer => "numbers",
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
    use serde_json::json;

    use super::*;

    fn fitted(kind: &str, field_type: &str, options: &[&str], source: &str) -> Result<Fit, String> {
        let options: Vec<_> = options.iter().map(|value| json!({ "value": value })).collect();
        let property = json!({ "name": "p", "type": kind, "fieldType": field_type, "options": options });
        let property: Property = serde_json::from_value(property).unwrap();
        fit(&property, &source.to_owned().try_into().unwrap())
    }

    #[test]
    fn a_property_takes_the_sources_of_its_type() {
        for (kind, field_type, source) in [
            ("string", "text", "visitor.name"),
            ("string", "textarea", "analysis.topics"),
            ("string", "text", "analysis.sentiment.average"),
            ("number", "number", "analysis.sentiment.average"),
            ("number", "number", "analysis.version"),
            ("date", "date", "session.ended_at"),
            ("datetime", "date", "session.ended_at"),
            ("bool", "booleancheckbox", "analysis.custom_metrics.wants_demo"),
            ("number", "number", "session.metadata.nps"),
        ] {
            assert!(matches!(fitted(kind, field_type, &[], source), Ok((_, None))), "{kind} {source}");
        }
    }

    #[test]
    fn what_a_property_never_takes_is_said_in_words() {
        for (kind, field_type, options, source, why) in [
            ("number", "number", &[][..], "visitor.name", "it takes numbers, and this is text"),
            ("date", "date", &[], "analysis.version", "it takes dates, and this is a number"),
            ("bool", "booleancheckbox", &[], "analysis.summary.text", "it takes yes or no, and this is text"),
            ("enumeration", "select", &["a"], "analysis.topics", "it takes one option only, and this is a list"),
            ("json", "text", &[], "visitor.name", "properties of its type are not supported"),
            (
                "enumeration",
                "radio",
                &["positive", "Neutral"],
                "analysis.sentiment.label",
                "it lacks the options neutral, negative, mixed, by their internal names",
            ),
        ] {
            assert_eq!(fitted(kind, field_type, options, source).unwrap_err(), why);
        }
    }

    #[test]
    fn where_only_some_values_are_options_a_notice_says_so() {
        let (kind, notice) = fitted("enumeration", "select", &["en", "de"], "visitor.locale").unwrap();
        assert_eq!(kind, FieldType::Options { values: vec!["en".into(), "de".into()] });
        assert_eq!(notice.unwrap(), "The property p is set only where visitor.locale is one of its options.");
        assert!(fitted("enumeration", "checkbox", &["a"], "analysis.topics").unwrap().1.is_some());
        let labels = ["positive", "neutral", "negative", "mixed"];
        assert_eq!(fitted("enumeration", "select", &labels, "analysis.sentiment.label").unwrap().1, None);
    }
}
