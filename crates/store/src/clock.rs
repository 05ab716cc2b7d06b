//! Visitors' clocks and calendars: Postgres knows every time zone and its changes.

use chrono::{DateTime, NaiveDate, Utc};
use domain::settings::email::TimeOfDay;
use domain::time_zone::TimeZone;
use tokio_postgres::error::SqlState;

use crate::sql::{statements, text, time};
use crate::{Error, Store};

statements! {
/// Minute by minute: so the end of a quiet time is right where a change of the clock skips or repeats it. A window is
/// shorter than a day, and a day no longer than 25 hours.
QUIET_UNTIL = "
-- quiet_until() reads no table
SELECT at FROM (
    SELECT at, (at AT TIME ZONE $1)::time AS clock FROM (
        SELECT $4::timestamptz AS at UNION ALL
        SELECT generate_series(date_trunc('minute', $4) + interval '1 minute', $4 + interval '26 hours', '1 minute')
    ) AS minutes
) AS clocks
WHERE NOT CASE WHEN $2::time <= $3::time THEN clock >= $2::time AND clock < $3::time
               ELSE clock >= $2::time OR clock < $3::time END
ORDER BY at LIMIT 1";

LOCAL_DATE = "
-- local_date() reads no table
SELECT ($2::timestamptz AT TIME ZONE $1)::date AS date";
}

/// A quiet time, as a visitor's clock shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quiet {
    No,
    /// The first minute at which it does not.
    Until(DateTime<Utc>),
    /// Postgres knows no such zone.
    UnknownZone,
}

impl Store {
    /// Returns the date at `at` in `zone`; `None` if Postgres knows no such zone.
    pub async fn local_date(&self, zone: &TimeZone, at: DateTime<Utc>) -> Result<Option<NaiveDate>, Error> {
        if is_rule(zone) {
            return Ok(None);
        }
        match self.one(LOCAL_DATE, &[text(zone.as_ref()), time(at)]).await {
            Ok(row) => row.get("date").map(Some),
            Err(error) if error.state() == Some(&SqlState::INVALID_PARAMETER_VALUE) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the end of the quiet hours if `now` is in them: in `zone` from `from` up to, but without, `to`, over midnight
    /// where `from` is later. Equal times make no quiet hours.
    pub async fn quiet_until(
        &self,
        zone: &TimeZone,
        from: &TimeOfDay,
        to: &TimeOfDay,
        now: DateTime<Utc>,
    ) -> Result<Quiet, Error> {
        if is_rule(zone) {
            // Postgres would take such a name for a rule and give a wrong time instead of an error.
            return Ok(Quiet::UnknownZone);
        }
        let params = [text(zone.as_ref()), text(from.as_ref()), text(to.as_ref()), time(now)];
        match self.row(QUIET_UNTIL, &params).await {
            Ok(Some(row)) => {
                let end: DateTime<Utc> = row.get("at")?;
                Ok(if end > now { Quiet::Until(end) } else { Quiet::No })
            }
            Ok(None) => Ok(Quiet::No),
            Err(error) if error.state() == Some(&SqlState::INVALID_PARAMETER_VALUE) => Ok(Quiet::UnknownZone),
            Err(error) => Err(error),
        }
    }
}

/// Postgres takes a name with an offset, such as `Nowhere/At+3`, for a rule of POSIX; only these names have numbers.
fn is_rule(zone: &TimeZone) -> bool {
    zone.as_ref().contains(|c: char| c.is_ascii_digit()) && !zone.as_ref().starts_with("Etc/GMT")
}
