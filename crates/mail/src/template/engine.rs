//! The template engine with the filters and tests that are named here, and no others.

use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, escape_formatter};

use super::{TemplatePart, place};
use crate::values::Link;

/// Instructions for one part of a mail: the built-in template needs a third of them for 10,000 turns.
const FUEL: u64 = 1_000_000;
/// The most bytes of one rendered part: four times the largest transcript that a notification can carry.
pub(super) const MAX_OUTPUT: usize = 16 * 1024 * 1024;
/// The most bytes that all filters of one part read or write together.
const MAX_FILTERED: usize = 16 * 1024 * 1024;
/// The most digits that `round` keeps.
const MAX_DIGITS: i32 = 6;

pub(super) fn environment(syntax: SyntaxConfig) -> Environment<'static> {
    let mut environment = Environment::empty();
    // A misspelt name would otherwise leave a gap in every mail.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_syntax(syntax);
    environment.set_auto_escape_callback(|name| {
        if name == TemplatePart::Html.as_str() { AutoEscape::Html } else { AutoEscape::None }
    });
    environment.set_formatter(show);
    environment.add_filter("capitalize", |state: &mut State, text: Value| changed(state, &text, capitalized));
    environment.add_filter("lower", |state: &mut State, text: Value| changed(state, &text, str::to_lowercase));
    environment
        .add_filter("trim", |state: &mut State, text: Value| changed(state, &text, |text| text.trim().to_owned()));
    environment.add_filter("upper", |state: &mut State, text: Value| changed(state, &text, str::to_uppercase));
    environment.add_filter("first", |list: Value| item(&list, |length| (length > 0).then_some(0)));
    environment.add_filter("last", |list: Value| item(&list, |length| length.checked_sub(1)));
    environment.add_filter("items", items);
    environment.add_filter("join", join);
    environment.add_filter("length", length);
    environment.add_filter("round", round);
    environment.add_test("even", |number: Value| number.as_i64().is_some_and(|number| number % 2 == 0));
    environment.add_test("odd", |number: Value| number.as_i64().is_some_and(|number| number % 2 != 0));
    environment.add_test("none", |value: Value| value.is_none());
    environment
}

fn invalid(problem: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem)
}

/// Writes a value; only texts, numbers, booleans and our links can be shown.
fn show(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let is_html = matches!(state.auto_escape(), AutoEscape::Html);
    let link = value.downcast_object_ref::<Link>();
    if is_html {
        place::admit(link.is_some()).map_err(invalid)?;
    }
    match value.kind() {
        ValueKind::String | ValueKind::Number | ValueKind::Bool => escape_formatter(out, state, value),
        _ if link.is_some() => {
            out.write_str(&link.map(|link| link.written(is_html)).unwrap_or_default()).map_err(Error::from)
        }
        ValueKind::None => Err(invalid("the value may be missing: show it only in `{% if … %}`")),
        ValueKind::Undefined => Err(invalid("unknown value")),
        kind => Err(invalid(format!("a {kind} cannot be shown; use `for` or name one of its values"))),
    }
}

struct FilterBudget(usize);

/// Counts the work of filters in bytes: to the engine, a filter is one instruction whatever it does.
fn spend(state: &mut State<'_, '_>, bytes: usize) -> Result<(), Error> {
    let budget = state.get_or_insert_extension_with(|| FilterBudget(MAX_FILTERED));
    budget.0 = budget.0.checked_sub(bytes).ok_or_else(|| invalid("the filters have too much to do"))?;
    Ok(())
}

fn text(value: &Value) -> Result<&str, Error> {
    value.as_str().ok_or_else(|| invalid(format!("the filter needs a text, not a {}", value.kind())))
}

fn changed(state: &mut State<'_, '_>, value: &Value, change: fn(&str) -> String) -> Result<String, Error> {
    let text = text(value)?;
    spend(state, text.len())?;
    Ok(change(text))
}

fn capitalized(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

fn list_length(list: &Value) -> Result<usize, Error> {
    let length = (list.kind() == ValueKind::Seq).then(|| list.len()).flatten();
    length.ok_or_else(|| invalid(format!("the filter needs a list, not a {}", list.kind())))
}

fn item(list: &Value, index: fn(usize) -> Option<usize>) -> Result<Value, Error> {
    let index =
        index(list_length(list)?).ok_or_else(|| invalid("the list may be empty: check it with `{% if … %}` first"))?;
    list.get_item_by_index(index)
}

fn items(state: &mut State<'_, '_>, values: Value) -> Result<Value, Error> {
    if values.kind() != ValueKind::Map {
        return Err(invalid(format!("`items` needs values with names, not a {}", values.kind())));
    }
    let pairs: Result<Vec<_>, Error> =
        values.try_iter()?.map(|name| Ok(Value::from(vec![name.clone(), values.get_item(&name)?]))).collect();
    let pairs = pairs?;
    spend(state, pairs.len() * size_of::<Value>())?;
    Ok(pairs.into())
}

fn join(state: &mut State<'_, '_>, list: Value, separator: Option<&str>) -> Result<String, Error> {
    list_length(&list)?;
    let (mut joined, separator) = (String::new(), separator.unwrap_or_default());
    for (at, part) in list.try_iter()?.enumerate() {
        let between = if at == 0 { "" } else { separator };
        let part = text(&part)?;
        spend(state, between.len() + part.len())?;
        joined.extend([between, part]);
    }
    Ok(joined)
}

fn length(state: &mut State<'_, '_>, value: Value) -> Result<usize, Error> {
    match value.as_str() {
        Some(text) => spend(state, text.len()).map(|()| text.chars().count()),
        None => list_length(&value),
    }
}

fn round(number: Value, digits: Option<i32>) -> Result<f64, Error> {
    let number = f64::try_from(number).map_err(|_| invalid("`round` needs a number"))?;
    let scale = 10f64.powi(digits.unwrap_or_default().clamp(0, MAX_DIGITS));
    Ok((number * scale).round() / scale)
}

/// The output of one part, up to [`MAX_OUTPUT`]; it also feeds the scanner of HTML.
pub(super) struct PartWriter {
    pub(super) text: Vec<u8>,
    is_html: bool,
}

impl PartWriter {
    pub(super) fn new(part: TemplatePart) -> Self {
        place::start();
        Self { text: Vec::new(), is_html: part == TemplatePart::Html }
    }
}

impl io::Write for PartWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > MAX_OUTPUT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if self.is_html {
            place::follow(bytes);
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
