//! Whether a text is a value of a property.

use chrono::{DateTime, NaiveDate};

use super::super::error::Refused;
use super::definition::{Definition, Type};

/// Top-level domains that do not exist (RFC 2606 and 6762).
const NO_DOMAINS: [&str; 5] = ["example", "invalid", "local", "localhost", "test"];
const MILLISECONDS_PER_DAY: i64 = 86_400_000;

/// The reason to refuse a value; an empty one, which clears, is never refused.
pub(crate) fn refused(definition: &Definition, value: &str) -> Option<Refused> {
    if definition.modification_metadata.read_only_value {
        let message = format!("\"{}\" is a read only property; its value cannot be set.", definition.name);
        return Some(("READ_ONLY_VALUE", message));
    }
    if value.is_empty() {
        return None;
    }
    if definition.kind != Type::String && value.trim() != value {
        return Some(("LEADING_TRAILING_WHITESPACE", format!("\"{value}\" includes leading or trailing whitespace.")));
    }
    match definition.kind {
        Type::String => (definition.name == "email" && !is_plausible(value))
            .then(|| ("INVALID_EMAIL", format!("Email address {value} is invalid"))),
        Type::Number => (!value.parse::<f64>().is_ok_and(f64::is_finite))
            .then(|| ("INVALID_INTEGER", format!("{value} was not a valid number."))),
        Type::Bool | Type::Enumeration => no_choice(definition, value),
        Type::Date => (!is_date(value)).then(|| ("INVALID_DATE", format!("{value} was not a valid date."))),
        Type::DateTime => (!is_time(value)).then(|| ("INVALID_LONG", format!("{value} was not a valid long."))),
    }
}

/// Checkboxes take several, separated by semicolons; a leading one adds to what there is. Options that HubSpot keeps
/// elsewhere, such as owners, are not checked.
fn no_choice(definition: &Definition, value: &str) -> Option<Refused> {
    let choices = definition.choices();
    let known = |value: &str| choices.iter().any(|choice| choice.value == value);
    let fits = match definition.field_type.as_str() {
        "checkbox" => value.trim_start_matches(';').split(';').all(known),
        _ => known(value),
    };
    if choices.is_empty() || fits {
        return None;
    }
    let allowed = choices.iter().map(|choice| choice.value.as_str()).collect::<Vec<_>>().join(", ");
    Some(("INVALID_OPTION", format!("{value} was not one of the allowed options: [{allowed}]")))
}

/// A day: ISO 8601, or the milliseconds of its midnight in UTC.
fn is_date(value: &str) -> bool {
    is_day(value) || value.parse::<i64>().is_ok_and(|time| time % MILLISECONDS_PER_DAY == 0)
}

/// A point in time: ISO 8601 or milliseconds; a day is its midnight.
fn is_time(value: &str) -> bool {
    is_day(value) || value.parse::<i64>().is_ok() || DateTime::parse_from_rfc3339(value).is_ok()
}

fn is_day(value: &str) -> bool {
    NaiveDate::parse_from_str(value, "%Y-%m-%d").is_ok()
}

/// `local@domain.tld` with a top-level domain that could exist.
fn is_plausible(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let Some((host, top)) = domain.rsplit_once('.') else { return false };
    let clean = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == '@' || c == ',');
    let top = top.to_ascii_lowercase();
    clean(local)
        && clean(host)
        && top.len() >= 2
        && top.chars().all(char::is_alphabetic)
        && !NO_DOMAINS.contains(&top.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_a_domain_that_could_exist() {
        for address in ["ana@example.com", "ana+x@mail.example.co.uk", "ANA@EXAMPLE.MUSEUM"] {
            assert!(is_plausible(address), "{address}");
        }
        for address in [
            "ana",
            "ana@localhost",
            "ana@example.c",
            "ana@example.123",
            "ana@acme.invalid",
            "a b@example.com",
            "@example.com",
        ] {
            assert!(!is_plausible(address), "{address}");
        }
    }

    #[test]
    fn a_date_is_a_day_and_a_time_may_be_more() {
        for day in ["2026-11-22", "1795305600000"] {
            assert!(is_date(day) && is_time(day), "{day}");
        }
        for time in ["2026-11-22T10:00:00.123Z", "2026-11-22T10:00:00+01:00", "1795341600000"] {
            assert!(is_time(time) && !is_date(time), "{time}");
        }
        for neither in ["tomorrow", "22.11.2026", "2026-13-01", "2026-11-22 10:00"] {
            assert!(!is_time(neither) && !is_date(neither), "{neither}");
        }
    }
}
