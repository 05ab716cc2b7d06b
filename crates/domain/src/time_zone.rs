//! Time zones of visitors and tenants.

use crate::text_type::text_type;

/// The longest name, in characters; the longest in the IANA database has 32.
pub const MAX_TIME_ZONE_LENGTH: usize = 40;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a name of the IANA time zone database such as Europe/Berlin, or UTC")]
pub struct InvalidTimeZone;

text_type! {
    /// A name in the form of the IANA database: `Area/Place`, or `UTC`.
    ///
    /// Postgres has the database and decides whether the zone exists. Other texts that Postgres accepts as zones, such as
    /// `EST5EDT` or `XYZ+3`, are refused here.
    TimeZone, InvalidTimeZone, parse
}

impl TimeZone {
    pub fn utc() -> Self {
        Self("UTC".to_owned())
    }
}

fn parse(text: &str) -> Result<String, InvalidTimeZone> {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_uppercase())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-+".contains(&b))
    };
    let parts: Vec<_> = text.split('/').collect();
    let usable = text.len() <= MAX_TIME_ZONE_LENGTH && (2..=3).contains(&parts.len()) && parts.into_iter().all(is_part);
    if usable || text == "UTC" { Ok(text.to_owned()) } else { Err(InvalidTimeZone) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_places_are_accepted() {
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
