//! Alert mails about failures.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::email_address::EmailAddress;
use crate::number::Whole;
use crate::settings::list::{Bounded, ListItem};
use crate::settings::section::section;
use crate::step::StageName;

/// The most recipients: a mailing list is better than many.
const MAX_ADMINS: usize = 10;
/// The most thresholds: `housekeep` counts each one every minute.
const MAX_THRESHOLDS: usize = 10;
/// Minutes: a day, the longest period in which failures are counted.
pub const MAX_MINUTES: u32 = 24 * 60;
/// Minutes: a week.
const MAX_COOL_DOWN: u32 = 7 * MAX_MINUTES;

section! {
    /// Mails to the tenant's administrators about failed steps.
    #[derive(Eq)]
    AlertSettings {
        /// The recipients of alert mails. Without recipients, alerts are only counted.
        admins: Bounded<EmailAddress, MAX_ADMINS> ["up to 10 addresses"] = Bounded::default(),
        /// The failures that open an alert: `{ "failures", "minutes", "step"? }`. `step` is `analyze`, `notify` or
        /// `crm_sync`; without it all steps count.
        thresholds: Bounded<Threshold, MAX_THRESHOLDS> ["up to 10; failures 1 to 1000000, minutes 1 to 1440"]
            = Bounded::of([Threshold::default()]),
        /// The least time between two mails about the same threshold while failures go on.
        cool_down_minutes: Whole<1, MAX_COOL_DOWN> ["minutes, 1 to 10080"] = Whole::literal(60),
    }
}

/// A number of failures in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    pub failures: Whole<1, 1_000_000>,
    pub minutes: Whole<1, MAX_MINUTES>,
    /// `None`: of all steps together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StageName>,
}

impl ListItem for Threshold {}

impl Default for Threshold {
    fn default() -> Self {
        Self { failures: Whole::literal(5), minutes: Whole::literal(15), step: None }
    }
}

impl fmt::Display for Threshold {
    /// As the rule of an alert: `all:5/15`, `notify:3/10`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = self.step.map_or("all", StageName::as_str);
        write!(f, "{step}:{}/{}", self.failures.get(), self.minutes.get())
    }
}
