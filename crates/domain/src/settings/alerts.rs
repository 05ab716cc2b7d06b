//! When a tenant's admins are told of failures.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::email_address::EmailAddress;
use crate::number::Whole;
use crate::settings::list::Bounded;
use crate::settings::section::{FieldText, section};

/// Who is told: a mailing list is better than many.
const MAX_ADMINS: usize = 10;
/// Each one is counted every minute.
const MAX_THRESHOLDS: usize = 10;
/// Minutes: a day. Failures are counted over no longer time.
const MAX_MINUTES: u32 = 24 * 60;
/// Minutes: a week.
const MAX_COOL_DOWN: u32 = 7 * MAX_MINUTES;

section! {
    /// Mails to the tenant's admins about steps that failed for good.
    #[derive(Eq)]
    AlertSettings {
        /// Who is mailed. Without them alerts are only counted.
        admins: Bounded<EmailAddress, MAX_ADMINS> ["up to 10 addresses"] = Bounded::default(),
        /// How many failures are too many: `{ "failures", "minutes", "step"? }`, `step` being `analyze`, `notify` or
        /// `crm_sync`, and all of them without it.
        thresholds: Bounded<Threshold, MAX_THRESHOLDS> ["up to 10; failures 1 to 1000000, minutes 1 to 1440"]
            = Bounded::of([Threshold::default()]),
        /// While failures go on, a threshold's next mail is sent after this time.
        cool_down_minutes: Whole<1, MAX_COOL_DOWN> ["minutes, 1 to 10080"] = Whole::literal(60),
    }
}

/// So many failures within so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    pub failures: Whole<1, 1_000_000>,
    pub minutes: Whole<1, MAX_MINUTES>,
    /// `None`: of all steps together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepKind>,
}

impl Threshold {
    pub(crate) const FIELDS: &[FieldText] = &[
        FieldText {
            name: "failures",
            values: "1 to 1000000",
            lines: &["An alert opens at so many failed steps; a step that is run again and fails again counts again."],
        },
        FieldText { name: "minutes", values: "minutes, 1 to 1440", lines: &["Within so much time."] },
        FieldText {
            name: "step",
            values: "`analyze`, `notify` or `crm_sync`; null: all of them together",
            lines: &["Of these steps."],
        },
    ];
}

impl Default for Threshold {
    fn default() -> Self {
        Self { failures: Whole::literal(5), minutes: Whole::literal(15), step: None }
    }
}

impl fmt::Display for Threshold {
    /// As the rule of an alert: `all:5/15`, `notify:3/10`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = self.step.map_or("all", StepKind::as_str);
        write!(f, "{step}:{}/{}", self.failures.get(), self.minutes.get())
    }
}

/// A step of any version and integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    Analyze,
    Notify,
    CrmSync,
}

impl StepKind {
    pub const ALL: [Self; 3] = [Self::Analyze, Self::Notify, Self::CrmSync];

    /// As in JSON, and before `@` and `:` in the text of a step.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Analyze => "analyze",
            Self::Notify => "notify",
            Self::CrmSync => "crm_sync",
        }
    }
}
