//! Retention of a tenant's data.

use crate::number::Whole;
use crate::settings::section::section;

/// Days. A failed session's message waits for up to 4 days in its queue and 14 in the dead-letter queue; a log that is
/// purged earlier cannot prevent a second mail.
const MIN_LOG_DAYS: u32 = 30;
/// Days: ten years.
const MAX_DAYS: u32 = 3650;

/// Days to keep logs, which prevent repeated effects.
pub type LogDays = Whole<MIN_LOG_DAYS, MAX_DAYS>;
/// Days to keep other data.
pub type Days = Whole<1, MAX_DAYS>;

section! {
    /// The retention of ended sessions' data; `housekeep` removes older data.
    #[derive(Eq)]
    RetentionSettings {
        /// How long to keep the mail log, its events, and the mails themselves.
        mail_log_days: Option<LogDays> ["days, 30 to 3650; null: for ever"] = Some(LogDays::literal(365)),
        /// How long to keep transcripts.
        transcripts_days: Option<Days> ["days, 1 to 3650; null: for ever"] = None,
        /// How long to keep analyses, with the values hidden behind placeholders.
        analyses_days: Option<Days> ["days, 1 to 3650; null: for ever"] = None,
        /// How long to keep the log of failed steps, and closed alerts.
        failures_days: Option<LogDays> ["days, 30 to 3650; null: for ever"] = Some(LogDays::literal(90)),
        /// How long to keep the log of webhook requests, with the beginning of each answer.
        webhook_log_days: Option<LogDays> ["days, 30 to 3650; null: for ever"] = Some(LogDays::literal(90)),
    }
}
