//! For how long a tenant's data is kept.

use crate::number::Whole;
use crate::settings::section::section;

/// Days. A failed session's message waits for up to 4 days in its queue and 14 in the dead-letter queue; what was
/// purged before could not tell that a mail was sent.
const MIN_LOG_DAYS: u32 = 30;
/// Days: ten years.
const MAX_DAYS: u32 = 3650;

/// Days that something is kept that tells what was done.
pub type LogDays = Whole<MIN_LOG_DAYS, MAX_DAYS>;
/// Days that something is kept.
pub type Days = Whole<1, MAX_DAYS>;

section! {
    /// For how long data of ended sessions is kept; `housekeep` removes what is older.
    #[derive(Eq)]
    RetentionSettings {
        /// The log of mails with its events, and the mails as they were sent.
        mail_log_days: Option<LogDays> ["days, 30 to 3650; null: for ever"] = Some(LogDays::literal(365)),
        /// What was said.
        transcripts_days: Option<Days> ["days, 1 to 3650; null: for ever"] = None,
        /// The analyses, with what their placeholders stand for.
        analyses_days: Option<Days> ["days, 1 to 3650; null: for ever"] = None,
        /// Which steps failed, and alerts that are closed.
        failures_days: Option<LogDays> ["days, 30 to 3650; null: for ever"] = Some(LogDays::literal(90)),
        /// The log of requests to webhooks, with the beginnings of what was answered.
        webhook_log_days: Option<LogDays> ["days, 30 to 3650; null: for ever"] = Some(LogDays::literal(90)),
    }
}
