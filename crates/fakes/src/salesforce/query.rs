//! Queries, of the one shape that a sync sends: `SELECT Id FROM Lead WHERE Email='a@example.com' AND IsConverted=false
//! ORDER BY CreatedDate LIMIT 2`, the second condition or not.

use axum::http::StatusCode;
use serde_json::json;

use super::org::Org;
use super::schema::{Field, Object};
use super::{Call, error};
use crate::rest::{Problem, Reply};

#[derive(Debug, PartialEq)]
struct Soql {
    object: String,
    email: String,
    is_converted: Option<bool>,
    limit: usize,
}

/// `GET …/query?q=`: all in one page.
pub(crate) fn run(org: &Org, call: &Call<'_>) -> Reply {
    let query = call.query.get("q").ok_or_else(|| malformed("A query string has to be specified".to_owned()))?;
    let Soql { object, email, is_converted, limit } = parse(query).map_err(malformed)?;
    let object = org
        .object(&object)
        .map_err(|_| error::bad("INVALID_TYPE", format!("sObject type '{object}' is not supported.")))?;
    let by_email = field(&object, "Email")?;
    is_converted.map(|_| field(&object, "IsConverted")).transpose()?;
    // Records are kept in the order of their creation.
    let found = org.of(&object.name).filter(|record| record.has(by_email, &email));
    let found = found.filter(|record| is_converted.is_none_or(|wanted| record.is_converted() == wanted)).take(limit);
    let records = found.map(|record| record.view(["Id"], call.version)).collect::<Vec<_>>();
    Ok((StatusCode::OK, json!({ "totalSize": records.len(), "done": true, "records": records })))
}

fn malformed(why: String) -> Problem {
    error::bad("MALFORMED_QUERY", why)
}

/// A field that a query or a list of fields names.
pub(crate) fn field<'a>(object: &'a Object, name: &str) -> Result<&'a Field, Problem> {
    object.field(name).ok_or_else(|| {
        error::bad("INVALID_FIELD", format!(
            "No such column '{name}' on entity '{}'. If you are attempting to use a custom field, be sure to append the \
             '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.",
            object.name
        ))
    })
}

/// `Err` names what the stand-in does not take.
fn parse(query: &str) -> Result<Soql, String> {
    let rest = after(query, "SELECT Id FROM ")?;
    let (object, rest) = rest.split_at(rest.find(' ').unwrap_or(rest.len()));
    let (email, rest) = literal(after(rest, " WHERE Email='")?)?;
    let conditions = [(" AND IsConverted=false", false), (" AND IsConverted=true", true)];
    let condition = conditions.into_iter().find_map(|(text, wanted)| Some((Some(wanted), rest.strip_prefix(text)?)));
    let (is_converted, rest) = condition.unwrap_or((None, rest));
    let limit = after(rest, " ORDER BY CreatedDate LIMIT ")?;
    let limit = limit.parse().map_err(|_| format!("expecting a number, found '{limit}'"))?;
    Ok(Soql { object: object.to_owned(), email, is_converted, limit })
}

fn after<'a>(text: &'a str, expected: &str) -> Result<&'a str, String> {
    text.strip_prefix(expected).ok_or_else(|| {
        let found = if text.is_empty() { "<EOF>" } else { text.trim() };
        format!("unexpected token: '{found}': the stand-in takes only '{}' there", expected.trim())
    })
}

/// The text up to the closing quotation mark, without its escapes, and the rest.
fn literal(text: &str) -> Result<(String, &str), String> {
    let mut literal = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match (letter, letters.clone().next()) {
            ('\'', _) => return Ok((literal, &text[at + 1..])),
            ('\\', Some((_, escaped @ ('\\' | '\'')))) => {
                literal.push(escaped);
                letters.next();
            }
            ('\\', next) => {
                let next = next.map(|(_, next)| next).into_iter().collect::<String>();
                return Err(format!(
                    "Invalid string literal. Illegal character sequence '\\{next}' in string literal."
                ));
            }
            ('\n' | '\r', _) => break,
            _ => literal.push(letter),
        }
    }
    Err("line 1: a string literal is not closed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_of_the_syncs_shape_is_read_and_its_escapes_are_undone_in_one_pass() {
        let soql =
            parse(r"SELECT Id FROM Lead WHERE Email='o\'brien\\@x' AND IsConverted=false ORDER BY CreatedDate LIMIT 2");
        let (object, email) = ("Lead".to_owned(), r"o'brien\@x".to_owned());
        assert_eq!(soql, Ok(Soql { object, email, is_converted: Some(false), limit: 2 }));
    }

    #[test]
    fn what_is_not_escaped_does_not_pass_for_a_query_and_other_shapes_are_refused_by_name() {
        for (query, name) in [
            ("", "<EOF>"),
            ("SELECT Id, Name FROM Lead", "SELECT Id, Name FROM Lead"),
            ("SELECT Id FROM Lead", "WHERE Email="),
            ("SELECT Id FROM Lead WHERE Name='x' LIMIT 1", "WHERE Name='x' LIMIT 1"),
            ("SELECT Id FROM Lead WHERE Email='O'Brien' ORDER BY CreatedDate LIMIT 2", "Brien"),
            ("SELECT Id FROM Lead WHERE Email='x' OR Name != '' ORDER BY CreatedDate LIMIT 2", "OR Name"),
            (r"SELECT Id FROM Lead WHERE Email='x\' ORDER BY CreatedDate LIMIT 2", "not closed"),
            (r"SELECT Id FROM Lead WHERE Email='x\q' ORDER BY CreatedDate LIMIT 2", r"\q"),
            ("SELECT Id FROM Lead WHERE Email='x\n' ORDER BY CreatedDate LIMIT 2", "not closed"),
            ("SELECT Id FROM Lead WHERE Email='x' ORDER BY CreatedDate LIMIT two", "two"),
        ] {
            let refused = parse(query).unwrap_err();
            assert!(refused.contains(name), "{query}: {refused}");
        }
    }
}
