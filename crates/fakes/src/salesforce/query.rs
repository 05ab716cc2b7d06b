//! Queries: which records they find.

use std::cmp::Ordering;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::error::Problem;
use super::org::{Org, Record};
use super::schema::{Field, Kind, Object};
use super::soql::{Condition, Literal, Soql, parse};
use super::{Call, Reply, id};

/// `GET …/query?q=`: all in one page.
pub(crate) fn run(org: &Org, call: &Call<'_>) -> Reply {
    let query = call.query.get("q").ok_or_else(|| Problem::malformed_query("A query string has to be specified"))?;
    let soql = parse(query).map_err(Problem::malformed_query)?;
    let object = org.object(&soql.object).map_err(|_| {
        let message = format!("sObject type '{}' is not supported.", soql.object);
        Problem::new(StatusCode::BAD_REQUEST, "INVALID_TYPE", message)
    })?;
    let fields = soql.fields.iter().map(|name| field(&object, name)).collect::<Result<Vec<_>, _>>()?;
    let found = find(org, &object, &soql)?;
    let names = || fields.iter().map(|field| field.name.as_str());
    let records = found.iter().map(|record| record.view(names(), call.version)).collect::<Vec<_>>();
    Ok((StatusCode::OK, json!({ "totalSize": records.len(), "done": true, "records": records })))
}

/// A field that a query or a list of fields names.
pub(crate) fn field<'a>(object: &'a Object, name: &str) -> Result<&'a Field, Problem> {
    object.field(name).ok_or_else(|| {
        Problem::invalid_field(format!(
            "No such column '{name}' on entity '{}'. If you are attempting to use a custom field, be sure to append the \
             '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.",
            object.name
        ))
    })
}

fn find<'a>(org: &'a Org, object: &Object, soql: &Soql) -> Result<Vec<&'a Record>, Problem> {
    let mut tests = Vec::new();
    for condition in &soql.conditions {
        let field = filterable(object, &condition.field, "filtered")?;
        check(field, &condition.literal)?;
        tests.push((field, condition));
    }
    let holds = |record: &&Record| tests.iter().all(|(field, condition)| holds(record, field, condition));
    let mut found = org.of(&object.name).filter(holds).collect::<Vec<_>>();
    if let Some((name, descends)) = &soql.order {
        let field = filterable(object, name, "sorted")?;
        let value = |record: &Record| record.fields.get(&field.name).cloned().unwrap_or_default();
        // Stable: what is the same stays in the order of its creation. Nothing comes first either way.
        found.sort_by(|one, other| {
            let (one, other) = (value(one), value(other));
            let order = compare(&one, &other);
            if *descends && !one.is_null() && !other.is_null() { order.reverse() } else { order }
        });
    }
    found.truncate(soql.limit.unwrap_or(usize::MAX));
    Ok(found)
}

fn filterable<'a>(object: &'a Object, name: &str, how: &str) -> Result<&'a Field, Problem> {
    let field = field(object, name)?;
    if field.is_filterable() {
        return Ok(field);
    }
    Err(Problem::invalid_field(format!("field '{}' can not be {how} in a query call", field.name)))
}

/// Whether a field of this type can be compared with the literal at all.
fn check(field: &Field, literal: &Literal) -> Result<(), Problem> {
    let is_id = matches!(field.kind, Kind::Id | Kind::Reference);
    match (field.kind, literal) {
        (_, Literal::Null) | (Kind::Boolean, Literal::Bool(_)) => Ok(()),
        (_, Literal::Text(text)) if is_id && !id::is_id(text) => {
            let message = format!("invalid ID field: {text}");
            Err(Problem::new(StatusCode::BAD_REQUEST, "INVALID_QUERY_FILTER_OPERATOR", message))
        }
        (kind, Literal::Text(_)) if kind.is_text() => Ok(()),
        (Kind::Int | Kind::Double | Kind::Date | Kind::Datetime, Literal::Bare(_)) => Ok(()),
        (kind, _) => {
            let quotes = if kind.is_text() { "should" } else { "should not" };
            let kind = json!(if kind.is_text() { Kind::String } else { kind });
            Err(Problem::invalid_field(format!(
                "value of filter criterion for field '{}' must be of type {} and {quotes} be enclosed in quotes",
                field.name,
                kind.as_str().unwrap_or_default()
            )))
        }
    }
}

fn holds(record: &Record, field: &Field, condition: &Condition) -> bool {
    let own = record.fields.get(&field.name).unwrap_or(&Value::Null);
    let equal = match &condition.literal {
        Literal::Null => own.is_null(),
        Literal::Bool(flag) => *own == json!(flag),
        Literal::Bare(text) => own.to_string().trim_matches('"') == text,
        Literal::Text(text) if text.is_empty() => own.is_null(),
        Literal::Text(text) if matches!(field.kind, Kind::Id | Kind::Reference) => {
            id::same(own.as_str().unwrap_or_default(), text)
        }
        Literal::Text(text) => record.has(field, text),
    };
    equal == condition.equal
}

fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (Value::Number(one), Value::Number(other)) => {
            one.as_f64().partial_cmp(&other.as_f64()).unwrap_or(Ordering::Equal)
        }
        _ => {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
            text(one).cmp(&text(other))
        }
    }
}
