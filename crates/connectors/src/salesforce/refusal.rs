//! Salesforce's error answers.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::call::{CallError, Refusal, Trouble, label};
use crate::http;

/// Logins of a user are limited by the hour.
const LOGIN_LIMIT_WAIT: Duration = Duration::from_secs(300);

/// What is said of a field or its value.
const FIELD_CODES: [&str; 13] = [
    "FIELD_CUSTOM_VALIDATION_EXCEPTION",
    "FIELD_INTEGRITY_EXCEPTION",
    "INVALID_EMAIL_ADDRESS",
    "INVALID_FIELD",
    "INVALID_FIELD_FOR_INSERT_UPDATE",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
    "INVALID_TYPE_ON_FIELD_IN_RECORD",
    // The body is JSON: a value has another type than the field.
    "JSON_PARSER_ERROR",
    "MALFORMED_ID",
    "NUMBER_OUTSIDE_VALID_RANGE",
    "PICKLIST_VALUE_IS_INACTIVE",
    "STRING_TOO_LONG",
    "TEXT_DATA_OUTSIDE_SUPPORTED_CHARSET",
];
/// Another record is taken for the same, or has the same value of a unique field.
const DUPLICATE_CODES: [&str; 2] = ["DUPLICATES_DETECTED", "DUPLICATE_VALUE"];
/// Who is asked again finds the record as it is now: converted, merged or deleted.
const GONE_CODES: [&str; 2] = ["CANNOT_UPDATE_CONVERTED_LEAD", "ENTITY_IS_DELETED"];

pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Refusal {
    let errors = Errors::read(body);
    let trouble = trouble(status, &errors);
    let named = if trouble == Trouble::Required { errors.fields() } else { Vec::new() };
    let codes = errors.codes().chain(named).filter_map(label);
    let several = (status == StatusCode::MULTIPLE_CHOICES).then(|| "MULTIPLE_CHOICES".to_owned());
    Refusal {
        party: "Salesforce",
        status,
        trouble,
        labels: codes.chain(several).collect(),
        existing: errors.existing_person(),
        retry_after: http::retry_after(headers, now),
    }
}

/// The token endpoint's: what is not about the moment is about the credentials.
pub(super) fn of_sign_in(status: StatusCode, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Refusal {
    let mut refusal = read(status, headers, body, now);
    let errors = Errors::read(body);
    if matches!(status.as_u16(), 400 | 401 | 403) {
        refusal.trouble = Trouble::Unauthorized;
        // "Retry your request", it says.
        if errors.has("unknown_error") {
            refusal.trouble = Trouble::Unavailable;
        }
        if errors.says("error_description", "login rate exceeded") {
            refusal.trouble = Trouble::RateLimited;
            refusal.retry_after.get_or_insert(LOGIN_LIMIT_WAIT);
        }
    }
    refusal
}

fn trouble(status: StatusCode, errors: &Errors) -> Trouble {
    match status.as_u16() {
        401 => Trouble::Unauthorized,
        _ if errors.has("INVALID_SESSION_ID") => Trouble::Unauthorized,
        // Too many long requests at a time is over soon.
        403 if errors.has("REQUEST_LIMIT_EXCEEDED") && errors.says("message", "concurrent") => Trouble::RateLimited,
        403 if errors.has("REQUEST_LIMIT_EXCEEDED") => Trouble::DailyLimit,
        403 => Trouble::Forbidden,
        404 => Trouble::NotFound,
        420 | 429 => Trouble::RateLimited,
        501 => Trouble::Rejected,
        408 | 500.. => Trouble::Unavailable,
        _ if errors.has("UNABLE_TO_LOCK_ROW") => Trouble::Locked,
        _ if errors.has_any(&DUPLICATE_CODES) || errors.has_any(&GONE_CODES) => Trouble::Conflict,
        _ if errors.codes().any(|code| code.starts_with("INSUFFICIENT_ACCESS")) => Trouble::Forbidden,
        _ if errors.are_about_the_address() => Trouble::InvalidEmail,
        _ if errors.has_any(&FIELD_CODES) => Trouble::Field,
        _ if errors.has("REQUIRED_FIELD_MISSING") => Trouble::Required,
        _ => Trouble::Rejected,
    }
}

/// Whether a field that was sent, or its value, may be the reason: without it the record may be taken.
pub(super) fn may_be_of_a_field(error: &CallError) -> bool {
    let Some(Refusal { trouble, labels, .. }) = error.refusal() else { return false };
    match trouble {
        Trouble::Field | Trouble::Required | Trouble::InvalidEmail | Trouble::Forbidden | Trouble::Rejected => true,
        Trouble::Conflict => labels.iter().any(|code| DUPLICATE_CODES.contains(&code.as_str())),
        Trouble::Unauthorized
        | Trouble::NotFound
        | Trouble::RateLimited
        | Trouble::DailyLimit
        | Trouble::Locked
        | Trouble::Unavailable => false,
    }
}

/// A list of errors, or the token endpoint's one; every member may be missing.
struct Errors(Vec<Value>);

impl Errors {
    fn read(body: &[u8]) -> Self {
        match serde_json::from_slice(body) {
            Ok(Value::Array(errors)) => Self(errors),
            Ok(error) => Self(vec![error]),
            Err(_) => Self(Vec::new()),
        }
    }

    fn codes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|error| error.get("errorCode").or(error.get("error"))?.as_str())
    }

    /// The names of those that they are about.
    fn fields(&self) -> Vec<&str> {
        let fields = self.0.iter().filter_map(|error| error.get("fields")?.as_array()).flatten();
        fields.filter_map(Value::as_str).collect()
    }

    fn has(&self, code: &str) -> bool {
        self.codes().any(|own| own == code)
    }

    fn has_any(&self, codes: &[&str]) -> bool {
        self.codes().any(|own| codes.contains(&own))
    }

    fn says(&self, member: &str, words: &str) -> bool {
        let text = |error: &Value| error.get(member)?.as_str().map(str::to_lowercase);
        self.0.iter().filter_map(text).any(|text| text.contains(words))
    }

    /// The standard field `Email`, not one that is mapped.
    fn are_about_the_address(&self) -> bool {
        self.0.iter().any(|error| {
            let fields = error.get("fields").and_then(Value::as_array);
            let names_it = fields.is_some_and(|fields| fields.iter().any(|field| field == "Email"));
            match error.get("errorCode").and_then(Value::as_str) {
                Some("INVALID_EMAIL_ADDRESS") => names_it || fields.is_none_or(Vec::is_empty),
                Some("STRING_TOO_LONG") => names_it,
                _ => false,
            }
        })
    }

    /// Whom a duplicate rule takes for the same person: a contact, else a lead. The misspelling is Salesforce's.
    fn existing_person(&self) -> Option<String> {
        let result = |error: &Value| error.get("duplicateResut").or(error.get("duplicateResult")).cloned();
        let of = |value: &Value, member: &str| value.get(member).and_then(Value::as_array).cloned().unwrap_or_default();
        let results = self.0.iter().filter_map(result).flat_map(|result| of(&result, "matchResults"));
        let records = results.flat_map(|result| of(&result, "matchRecords"));
        let ids = records.filter_map(|found| found.get("record")?.get("Id")?.as_str().map(str::to_owned));
        let ids: Vec<_> = ids.filter(|id| is_id(id)).collect();
        let first = |prefix: &str| ids.iter().find(|id| id.starts_with(prefix)).cloned();
        first("003").or_else(|| first("00Q"))
    }
}

fn is_id(text: &str) -> bool {
    matches!(text.len(), 15 | 18) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests;
