//! Salesforce's error answers.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::call::{CallError, ErrorAnswer, label};
use crate::http;
use crate::reason::Reason;

/// Logins of a user are limited by the hour.
const LOGIN_LIMIT_WAIT: Duration = Duration::from_secs(300);

/// Codes about a field or its value.
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
/// Codes about a record that was converted, merged or deleted: another attempt finds its current state.
const GONE_CODES: [&str; 2] = ["CANNOT_UPDATE_CONVERTED_LEAD", "ENTITY_IS_DELETED"];

pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> ErrorAnswer {
    let errors = Errors::read(body);
    let reason = reason(status, &errors);
    let named = if reason == Reason::FieldRequired { errors.fields() } else { Vec::new() };
    let codes = errors.codes().chain(named).filter_map(label);
    let several = (status == StatusCode::MULTIPLE_CHOICES).then(|| "MULTIPLE_CHOICES".to_owned());
    ErrorAnswer {
        party: "Salesforce",
        status,
        reason,
        labels: codes.chain(several).collect(),
        existing: errors.existing_person(),
        retry_after: http::retry_after(headers, now),
    }
}

/// The token endpoint's: what is not about the moment is about the credentials.
pub(super) fn of_sign_in(status: StatusCode, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> ErrorAnswer {
    let mut answer = read(status, headers, body, now);
    let errors = Errors::read(body);
    if matches!(status.as_u16(), 400 | 401 | 403) {
        answer.reason = Reason::Unauthorized;
        // "Retry your request", it says.
        if errors.has("unknown_error") {
            answer.reason = Reason::Unavailable;
        }
        if errors.says("error_description", "login rate exceeded") {
            answer.reason = Reason::RateLimited;
            answer.retry_after.get_or_insert(LOGIN_LIMIT_WAIT);
        }
    }
    answer
}

fn reason(status: StatusCode, errors: &Errors) -> Reason {
    match status.as_u16() {
        401 => Reason::Unauthorized,
        _ if errors.has("INVALID_SESSION_ID") => Reason::Unauthorized,
        // Too many long requests at a time is over soon.
        403 if errors.has("REQUEST_LIMIT_EXCEEDED") && errors.says("message", "concurrent") => Reason::RateLimited,
        // Salesforce reports the limit of a day as 403, not as 429.
        403 if errors.has("REQUEST_LIMIT_EXCEEDED") => Reason::DailyLimit,
        403 => Reason::Forbidden,
        404 => Reason::NotFound,
        420 | 429 => Reason::RateLimited,
        501 => Reason::Rejected,
        408 | 500.. => Reason::Unavailable,
        _ if errors.has("UNABLE_TO_LOCK_ROW") => Reason::Locked,
        _ if errors.has_any(&DUPLICATE_CODES) || errors.has_any(&GONE_CODES) => Reason::Conflict,
        _ if errors.codes().any(|code| code.starts_with("INSUFFICIENT_ACCESS")) => Reason::Forbidden,
        _ if errors.are_about_the_address() => Reason::EmailRefused,
        _ if errors.has_any(&FIELD_CODES) => Reason::FieldRefused,
        _ if errors.has("REQUIRED_FIELD_MISSING") => Reason::FieldRequired,
        _ => Reason::Rejected,
    }
}

/// Whether a field that was sent, or its value, may be the reason: without it the record may be taken.
pub(super) fn may_be_of_a_field(error: &CallError) -> bool {
    let Some(ErrorAnswer { reason, labels, .. }) = error.answer() else { return false };
    match reason {
        Reason::FieldRefused | Reason::FieldRequired | Reason::EmailRefused | Reason::Forbidden | Reason::Rejected => {
            true
        }
        Reason::Conflict => labels.iter().any(|code| DUPLICATE_CODES.contains(&code.as_str())),
        _ => false,
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

    /// The names of the fields that the errors are about.
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

    /// Whether the errors are about the standard field `Email`, not about a mapped field.
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

    /// Finds the person that a duplicate rule names: a contact, else a lead. The misspelling is Salesforce's.
    fn existing_person(&self) -> Option<String> {
        let result = |error: &Value| error.get("duplicateResut").or(error.get("duplicateResult")).cloned();
        let of = |value: &Value, member: &str| value.get(member).and_then(Value::as_array).cloned().unwrap_or_default();
        let results = self.0.iter().filter_map(result).flat_map(|result| of(&result, "matchResults"));
        let records = results.flat_map(|result| of(&result, "matchRecords"));
        let ids = records.filter_map(|found| found.get("record")?.get("Id")?.as_str().map(str::to_owned));
        let ids: Vec<_> = ids.filter(|id| is_id(id)).collect();
        // Salesforce's ids begin with the prefix of their object: `003` for contacts, `00Q` for leads.
        let first = |prefix: &str| ids.iter().find(|id| id.starts_with(prefix)).cloned();
        first("003").or_else(|| first("00Q"))
    }
}

fn is_id(text: &str) -> bool {
    matches!(text.len(), 15 | 18) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests;
