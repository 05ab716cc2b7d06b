//! Which values a field takes.

use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate};
use serde_json::{Map, Value, json};

use super::org::{Fields, Org};
use super::schema::{Field, FieldKind, Object, prefix_elsewhere};
use super::{error, id};
use crate::rest::Problem;

/// Reads the fields of a body under their true names; `null` clears, and the names in `in_url` are refused.
pub(crate) fn read(object: &Object, body: &Map<String, Value>, in_url: &[&str]) -> Result<Fields, Problem> {
    let mut fields = Fields::new();
    let mut read_only = Vec::new();
    for (name, value) in body.iter().filter(|(name, _)| *name != "attributes") {
        if in_url.iter().any(|taken| taken.eq_ignore_ascii_case(name)) {
            return Err(error::bad(
                "INVALID_FIELD",
                format!("The {name} field should not be specified in the sobject data."),
            ));
        }
        let Some(field) = object.field(name) else {
            return Err(error::bad(
                "INVALID_FIELD",
                format!("No such column '{name}' on sobject of type {}", object.name),
            ));
        };
        if field.read_only {
            read_only.push(field.name.as_str());
        }
        fields.insert(field.name.clone(), stored(field, value)?);
    }
    if read_only.is_empty() {
        return Ok(fields);
    }
    let message = format!(
        "Unable to create/update fields: {}. Please check the security settings of this field and verify that it is \
         read/write for your profile or permission set.",
        read_only.join(", ")
    );
    Err(error::refused("INVALID_FIELD_FOR_INSERT_UPDATE", message, &read_only))
}

/// The value in the form in which Salesforce keeps it, if its JSON type fits.
fn stored(field: &Field, value: &Value) -> Result<Value, Problem> {
    let kept = match (field.kind, value) {
        (_, Value::Null) => Some(Value::Null),
        (FieldKind::Textarea, Value::String(text)) => Some(or_null(text)),
        (kind, Value::String(text)) if kind.is_text() => Some(or_null(text.trim())),
        (FieldKind::Boolean, Value::Bool(_)) => Some(value.clone()),
        (FieldKind::Int, Value::Number(number)) if number.is_i64() => Some(value.clone()),
        (FieldKind::Double, Value::Number(_)) => Some(value.clone()),
        (FieldKind::Date, Value::String(text)) => is_date(text).then(|| value.clone()),
        (FieldKind::Datetime, Value::String(text)) => datetime(text),
        _ => None,
    };
    kept.ok_or_else(|| error::bad("JSON_PARSER_ERROR", format!("Cannot deserialize {value} as {}", json!(field.kind))))
}

fn or_null(text: &str) -> Value {
    if text.trim().is_empty() { Value::Null } else { json!(text) }
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

fn datetime(text: &str) -> Option<Value> {
    let time = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"));
    Some(json!(time.ok()?.to_utc().format("%Y-%m-%dT%H:%M:%S.000+0000").to_string()))
}

/// Refuses what the org does not take; `own` is the record that is changed, if it is there already.
pub(crate) fn check(org: &Org, object: &Object, fields: &Fields, own: Option<&str>) -> Result<(), Problem> {
    let is_missing = |field: &&Field| match fields.get(&field.name) {
        None => own.is_none(),
        Some(value) => value.is_null(),
    };
    let missing = object.fields.iter().filter(|field| field.required).filter(is_missing);
    let missing = missing.map(|field| field.name.as_str()).collect::<Vec<_>>();
    if !missing.is_empty() {
        let message = format!("Required fields are missing: [{}]", missing.join(", "));
        return Err(error::refused("REQUIRED_FIELD_MISSING", message, &missing));
    }
    for field in &object.fields {
        if let Some(text) = fields.get(&field.name).and_then(Value::as_str) {
            check_text(field, text)?;
            check_reference(org, field, text)?;
            check_unique(org, object, field, text, own)?;
        }
    }
    Ok(())
}

fn check_text(field: &Field, text: &str) -> Result<(), Problem> {
    let refused =
        |code: &str, what: String| Err(error::refused(code, format!("{}: {what}", field.label()), &[&field.name]));
    if field.kind == FieldKind::Email && !is_address(text) {
        return refused("INVALID_EMAIL_ADDRESS", format!("invalid email address: {text}"));
    }
    if field.restricted && !field.values.iter().any(|value| value == text) {
        let what = format!("bad value for restricted picklist field: {text}");
        return refused("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", what);
    }
    // The form of an id is checked as such.
    let bounded = field.length > 0 && !matches!(field.kind, FieldKind::Id | FieldKind::Reference);
    if bounded && text.encode_utf16().count() > field.length {
        return refused("STRING_TOO_LONG", format!("data value too large: {text} (max length={})", field.length));
    }
    Ok(())
}

fn check_reference(org: &Org, field: &Field, text: &str) -> Result<(), Problem> {
    if field.kind != FieldKind::Reference {
        return Ok(());
    }
    let wrong = |code| {
        let message = format!("{}: id value of incorrect type: {text}", field.label());
        Err(error::refused(code, message, &[&field.name]))
    };
    if !id::is_id(text) {
        return wrong("MALFORMED_ID");
    }
    if field.refers_to.iter().any(|object| prefix_elsewhere(object).is_some_and(|prefix| text.starts_with(prefix))) {
        return Ok(());
    }
    let targets = org.objects.iter().filter(|object| field.refers_to.contains(&object.name));
    if !targets.into_iter().any(|object| text.starts_with(&object.prefix)) {
        return wrong("FIELD_INTEGRITY_EXCEPTION");
    }
    match org.records.iter().find(|record| id::same(&record.id, text)) {
        Some(lead) if lead.is_converted() => Err(error::converted_lead()),
        Some(_) => Ok(()),
        None if org.is_deleted(text) => Err(error::deleted(StatusCode::BAD_REQUEST)),
        None => Err(error::refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &[])),
    }
}

fn check_unique(org: &Org, object: &Object, field: &Field, text: &str, own: Option<&str>) -> Result<(), Problem> {
    let mut others = org.of(&object.name).filter(|record| Some(record.id.as_str()) != own);
    let Some(other) = others.find(|record| field.unique && record.has(field, text)) else { return Ok(()) };
    let message = format!("duplicate value found: {} duplicates value on record with id: {}", field.name, other.id);
    Err(error::refused("DUPLICATE_VALUE", message, &[]))
}

/// `local@domain.tld` in ASCII; any top-level domain of letters will do.
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let has_only = |part: &str, others: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
    };
    let is_label = |part: &str| has_only(part, "-") && !part.starts_with('-') && !part.ends_with('-');
    let top = domain.rsplit_once('.').map_or("", |(_, top)| top);
    local.len() <= 64
        && local.split('.').all(|part| has_only(part, "!#$%&'*+/=?^_`{|}~-"))
        && domain.split('.').all(is_label)
        && top.len() >= 2
        && top.chars().all(|c| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_ascii_with_a_domain_of_two_labels_or_more() {
        for address in ["ana@example.com", "a.b+c'd@mail.example.co.uk", "ANA@example.TEST"] {
            assert!(is_address(address), "{address}");
        }
        for address in ["ana", "ana@example", "ana@example.c0m", "a..b@example.com", "jörg@example.com", "@example.com"]
        {
            assert!(!is_address(address), "{address}");
        }
    }

    #[test]
    fn a_date_has_ten_characters_and_a_time_is_kept_in_utc() {
        assert!(is_date("2026-02-28"));
        for text in ["2026-02-29", "2026-2-8", "28.02.2026", "2026-02-28T00:00:00Z"] {
            assert!(!is_date(text), "{text}");
        }
        assert_eq!(datetime("2026-11-22T11:00:00+01:00"), Some(json!("2026-11-22T10:00:00.000+0000")));
        assert_eq!(datetime("2026-11-22T10:00:00.000+0000"), Some(json!("2026-11-22T10:00:00.000+0000")));
    }
}
