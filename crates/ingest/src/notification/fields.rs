//! Reading JSON objects field by field, reporting everything that is wrong with JSON pointers.

use std::fmt::Display;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::error::FieldError;

/// Errors that an answer lists: a program that causes 50 needs to be fixed, not to see more.
const MAX_ERRORS: usize = 50;

/// Errors found so far.
#[derive(Default)]
pub(crate) struct FieldErrors {
    errors: Vec<FieldError>,
    more: usize,
}

impl FieldErrors {
    fn add(&mut self, pointer: String, detail: impl Into<String>) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(FieldError::new(pointer, detail));
        } else {
            self.more += 1;
        }
    }

    pub(crate) fn into_errors(mut self) -> Vec<FieldError> {
        if self.more > 0 {
            self.errors.push(FieldError::new("", format!("has {} more errors", self.more)));
        }
        self.errors
    }

    /// Reports null bytes, which Postgres stores neither as text nor as JSON.
    pub(crate) fn no_null_bytes(&mut self, value: &Value, pointer: String) {
        match value {
            Value::String(text) if text.contains('\0') => self.add(pointer, "must not contain null bytes"),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(i, item)| self.no_null_bytes(item, format!("{pointer}/{i}")));
            }
            Value::Object(map) => {
                for (key, item) in map {
                    if key.contains('\0') {
                        self.add(pointer.clone(), "must not have a key with null bytes");
                    }
                    self.no_null_bytes(item, child(&pointer, key));
                }
            }
            _ => {}
        }
    }
}

/// One object of the document.
pub(crate) struct FieldReader<'a> {
    report: &'a mut FieldErrors,
    object: &'a Map<String, Value>,
    pointer: String,
}

impl<'a> FieldReader<'a> {
    pub(crate) fn new(report: &'a mut FieldErrors, object: &'a Map<String, Value>, pointer: impl Into<String>) -> Self {
        Self { report, object, pointer: pointer.into() }
    }

    /// Reports every field that is not `known`.
    pub(crate) fn only(&mut self, known: &[&str]) {
        for key in self.object.keys().filter(|key| !known.contains(&key.as_str())) {
            self.report.add(child(&self.pointer, key), "is not a known field");
        }
    }

    pub(crate) fn error(&mut self, name: &str, detail: &str) {
        self.report.add(child(&self.pointer, name), detail);
    }

    /// Reads a field that must be there; `None` after an error was reported.
    pub(crate) fn required<T>(&mut self, name: &str, parse: impl Fn(&Value) -> Result<T, String>) -> Option<T> {
        if self.value(name).is_none() {
            self.error(name, "is missing");
        }
        self.optional(name, parse)
    }

    /// Reads a field that may be missing; `None` if the field is missing, null or invalid.
    pub(crate) fn optional<T>(&mut self, name: &str, parse: impl Fn(&Value) -> Result<T, String>) -> Option<T> {
        let parsed = parse(self.value(name)?);
        parsed.map_err(|detail| self.error(name, &detail)).ok()
    }

    /// Reads an object that may be missing.
    pub(crate) fn object<T>(&mut self, name: &str, read: impl Fn(&mut FieldReader<'_>) -> Option<T>) -> Option<T> {
        let value = self.value(name)?;
        self.nested(value, child(&self.pointer, name), read)
    }

    /// Reads an array of objects that may be missing.
    pub(crate) fn array<T>(
        &mut self,
        name: &str,
        max: usize,
        read: impl Fn(&mut FieldReader<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Some(items) = self.value(name)?.as_array() else {
            self.error(name, "must be an array");
            return None;
        };
        if items.len() > max {
            self.error(name, &format!("must have at most {max} items"));
            return None;
        }
        let pointer = child(&self.pointer, name);
        let read = |(index, item)| self.nested(item, format!("{pointer}/{index}"), &read);
        Some(items.iter().enumerate().filter_map(read).collect())
    }

    fn nested<T>(
        &mut self,
        value: &Value,
        pointer: String,
        read: impl Fn(&mut FieldReader<'_>) -> Option<T>,
    ) -> Option<T> {
        match value.as_object() {
            Some(object) => read(&mut FieldReader::new(self.report, object, pointer)),
            None => {
                self.report.add(pointer, "must be an object");
                None
            }
        }
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        // Many serialisers write null for a value that is missing.
        self.object.get(name).filter(|value| !value.is_null())
    }
}

fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

pub(crate) fn text(value: &Value, max_chars: usize) -> Result<String, String> {
    let text = value.as_str().ok_or("must be a string")?;
    if text.chars().nth(max_chars).is_some() {
        return Err(format!("must have at most {max_chars} characters"));
    }
    Ok(text.to_owned())
}

pub(crate) fn parsed<T: FromStr<Err: Display>>(value: &Value) -> Result<T, String> {
    text(value, usize::MAX)?.parse().map_err(|error: T::Err| error.to_string())
}

pub(crate) fn choice<T>(value: &Value, parse: fn(&str) -> Option<T>, allowed: &str) -> Result<T, String> {
    value.as_str().and_then(parse).ok_or_else(|| format!("must be {allowed}"))
}

pub(crate) fn time(value: &Value) -> Result<DateTime<Utc>, String> {
    let parsed = DateTime::parse_from_rfc3339(&text(value, usize::MAX)?);
    parsed.map(|time| time.to_utc()).map_err(|_| "must be an RFC 3339 time such as 2026-11-22T10:00:00Z".to_owned())
}

pub(crate) fn millis(value: &Value) -> Result<u32, String> {
    // The column is an `integer`.
    let millis = value.as_u64().filter(|ms| *ms <= i32::MAX as u64).and_then(|ms| u32::try_from(ms).ok());
    millis.ok_or_else(|| format!("must be whole milliseconds from 0 to {}", i32::MAX))
}
