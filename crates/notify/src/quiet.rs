//! Quiet hours: the visitor gets no mail in them.

use domain::step::Code;
use domain::time_zone::TimeZone;
use stage::Outcome;
use store::clock::Quiet;

use crate::context::Context;
use crate::error::Error;
use crate::source::MailSource;

/// The mail waits for the end of the visitor's quiet hours.
const QUIET_HOURS: Code = Code::new("quiet_hours");

impl Context {
    /// Returns the wait for the end of the quiet hours, or `None` outside of them.
    ///
    /// The visitor's time zone decides; if it is unknown, the zone of the tenant's settings, then UTC.
    pub(crate) async fn quiet_for(&self, source: &MailSource) -> Result<Option<Outcome>, Error> {
        let Some(hours) = &source.settings.email.quiet_hours else { return Ok(None) };
        let now = (self.clock)();
        let zones = [source.session.visitor.time_zone(), Some(hours.time_zone.clone()), Some(TimeZone::utc())];
        for zone in zones.into_iter().flatten() {
            match self.store.quiet_until(&zone, &hours.from, &hours.to, now).await? {
                Quiet::No => return Ok(None),
                Quiet::Until(end) => {
                    let after = (end - now).to_std().unwrap_or_default();
                    return Ok(Some(Outcome::Wait { after, code: QUIET_HOURS }));
                }
                Quiet::UnknownZone => tracing::warn!("unknown time zone skipped"),
            }
        }
        Ok(None)
    }
}
