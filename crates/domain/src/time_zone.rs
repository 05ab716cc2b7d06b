//! Time zones as visitors and tenants name them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name in characters; the longest of the IANA database has 32.
pub const MAX_TIME_ZONE_LENGTH: usize = 40;

/// Why a text is not the name of a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a name of the IANA time zone database such as Europe/Berlin, or UTC")]
pub struct InvalidTimeZone;

/// A name of the form that the IANA database uses: `Area/Place`, or `UTC`.
///
/// Whether there is such a zone says Postgres, which has the database. What else Postgres would take for a zone, such
/// as `EST5EDT` or `XYZ+3`, does not get there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeZone(String);

impl TimeZone {
    pub fn utc() -> Self {
        Self("UTC".to_owned())
    }
}

impl AsRef<str> for TimeZone {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TimeZone {
    type Err = InvalidTimeZone;

    fn from_str(text: &str) -> Result<Self, InvalidTimeZone> {
        let is_part = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_uppercase())
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-+".contains(&b))
        };
        let parts: Vec<_> = text.split('/').collect();
        let usable =
            text.len() <= MAX_TIME_ZONE_LENGTH && (2..=3).contains(&parts.len()) && parts.into_iter().all(is_part);
        if usable || text == "UTC" { Ok(Self(text.to_owned())) } else { Err(InvalidTimeZone) }
    }
}

impl TryFrom<String> for TimeZone {
    type Error = InvalidTimeZone;

    fn try_from(text: String) -> Result<Self, InvalidTimeZone> {
        text.parse()
    }
}

impl From<TimeZone> for String {
    fn from(zone: TimeZone) -> Self {
        zone.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_places_are_taken_and_nothing_else() {
        for name in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+3", "America/Port-au-Prince"] {
            assert_eq!(name.parse::<TimeZone>().map(|zone| zone.to_string()), Ok(name.to_owned()));
        }
        for name in [
            "",
            "CET",
            "EST5EDT",
            "XYZ+3",
            "/Berlin",
            "Europe/",
            "europe/berlin",
            "Europe/Ber lin",
            "A/B/C/D",
            "Éire/Ü",
        ] {
            assert_eq!(name.parse::<TimeZone>(), Err(InvalidTimeZone), "{name:?}");
        }
        assert!(format!("Area/{}", "P".repeat(MAX_TIME_ZONE_LENGTH)).parse::<TimeZone>().is_err());
    }
}
