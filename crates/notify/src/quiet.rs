//! Hours in which a visitor is not to be disturbed.

use std::time::Duration;

use domain::step::Code;
use domain::time_zone::TimeZone;
use store::clock::Quiet;

use crate::context::Context;
use crate::error::Error;
use crate::subject::Subject;

/// The mail waits for the end of the visitor's quiet hours.
pub(crate) const QUIET_HOURS: Code = Code::new("quiet_hours");

impl Context {
    /// How long it will be quiet where the visitor is, or, if nobody knows where that is, where the tenant thinks;
    /// `None` if it is not.
    pub(crate) async fn quiet_for(&self, subject: &Subject) -> Result<Option<Duration>, Error> {
        let Some(hours) = &subject.settings.email.quiet_hours else { return Ok(None) };
        let now = (self.clock)();
        let zones = [subject.session.visitor.time_zone(), Some(hours.time_zone.clone()), Some(TimeZone::utc())];
        for zone in zones.into_iter().flatten() {
            let quiet = self.store.quiet_until(&zone, hours.from, hours.to, now).await.map_err(Error::Database)?;
            match quiet {
                Quiet::No => return Ok(None),
                Quiet::Until(end) => return Ok(Some((end - now).to_std().unwrap_or_default())),
                Quiet::UnknownZone => tracing::warn!("a time zone is not known, the next best is used"),
            }
        }
        Ok(None)
    }
}
