//! What HubSpot tells about the account.

use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::json;

use super::Reply;
use super::portal::Portal;

/// The account's time zone, at whose midnight the daily limit begins anew.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Account {
    /// A name of the IANA's database; only told.
    time_zone: String,
    /// What counts.
    utc_offset_milliseconds: i32,
}

impl Default for Account {
    fn default() -> Self {
        Self { time_zone: "UTC".to_owned(), utc_offset_milliseconds: 0 }
    }
}

impl Account {
    /// The account's date.
    pub(crate) fn today(&self, now: DateTime<Utc>) -> NaiveDate {
        (now + TimeDelta::milliseconds(self.utc_offset_milliseconds.into())).date_naive()
    }

    /// `+01:00`.
    fn offset(&self) -> String {
        let minutes = self.utc_offset_milliseconds / 60_000;
        let sign = if minutes < 0 { '-' } else { '+' };
        format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
    }
}

/// `GET /account-info/{version}/details`.
pub(crate) fn details(portal: &Portal) -> Reply {
    let account = &portal.account;
    let details = json!({
        "portalId": portal.id(), "accountType": "STANDARD", "timeZone": account.time_zone, "companyCurrency": "USD",
        "additionalCurrencies": [], "utcOffset": account.offset(),
        "utcOffsetMilliseconds": account.utc_offset_milliseconds, "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "na1",
    });
    Ok((StatusCode::OK, details))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_begins_at_midnight_of_the_accounts_time_zone() {
        let account = Account { time_zone: "America/St_Johns".to_owned(), utc_offset_milliseconds: -12_600_000 };
        assert_eq!(account.today("2026-11-22T03:29:59Z".parse().unwrap()).to_string(), "2026-11-21");
        assert_eq!(account.today("2026-11-22T03:30:00Z".parse().unwrap()).to_string(), "2026-11-22");
        assert_eq!((account.offset().as_str(), Account::default().offset().as_str()), ("-03:30", "+00:00"));
    }
}
