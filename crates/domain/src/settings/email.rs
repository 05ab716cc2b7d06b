//! Mails to visitors.

use serde::{Deserialize, Serialize};

use crate::analysis::CategoryLabel;
use crate::email_address::EmailAddress;
use crate::id::{AgentId, TemplateName};
use crate::locale::Locale;
use crate::number::{Score, Whole};
use crate::session::Channel;
use crate::settings::headers::CustomHeaders;
use crate::settings::list::Bounded;
use crate::settings::section::section;
use crate::text_type::text_type;
use crate::time_zone::TimeZone;

/// The most agents in a list; a tenant with more names the others in the other list.
const MAX_AGENTS: usize = 100;
/// The most copies, each of which costs a mail; SES allows 50 recipients.
const MAX_STAFF: usize = 5;
/// Hours: a year.
const MAX_HOURS: u32 = 24 * 365;
/// Seconds: a day.
const MAX_DURATION: u32 = 24 * 60 * 60;
/// Bytes: in base64 less than the 25 MB that large mailbox providers accept.
const MAX_ATTACHMENT_BYTES: u32 = 16 * 1024 * 1024;

section! {
    /// Mails to visitors.
    EmailSettings {
        /// Whether to send mails to visitors.
        enabled: bool ["`true` or `false`"] = true,

        /// Send mails only after sessions on these channels.
        channels: Vec<Channel> ["`voice`, `text`; empty: all"] = Vec::new(),
        /// Send mails only after sessions with these agents.
        agents: Bounded<AgentId, MAX_AGENTS> ["up to 100 agent ids; empty: all"] = Bounded::default(),
        /// Never send mails after sessions with these agents.
        excluded_agents: Bounded<AgentId, MAX_AGENTS> ["up to 100 agent ids"] = Bounded::default(),
        /// Send mails only to visitors in these categories. A list excludes visitors whose category is unknown.
        categories: Vec<CategoryLabel>
            ["`immediate_buyer`, `potential_buyer`, `just_exploring`, `facing_issue`, `others`; empty: all"] = Vec::new(),
        /// Never send mails to visitors in these categories.
        excluded_categories: Vec<CategoryLabel> ["as above"] = Vec::new(),
        /// Send mails only if the analysis has one of these statuses.
        analysis_statuses: Vec<MailableStatus> ["`ok`, `partial`; empty: none"] = vec![MailableStatus::Ok, MailableStatus::Partial],
        /// Send mails only after at least this many visitor turns.
        min_visitor_turns: usize ["turns"] = 1,
        /// Send mails only after sessions of at least this duration.
        min_duration_s: Whole<0, MAX_DURATION> ["seconds, 0 to 86400"] = Whole::literal(0),
        /// Send mails only if the average sentiment is known and not below this value.
        min_sentiment: Option<Score> ["-1 to 1; null: any"] = None,
        /// Send mails only if the average sentiment is known and not above this value.
        max_sentiment: Option<Score> ["-1 to 1; null: any"] = None,
        /// The required `visitor.email_consent`. `given`: send mails only after a consent; `not_withdrawn`: also if the
        /// consent is unknown.
        consent: RequiredConsent ["`not_withdrawn` or `given`"] = RequiredConsent::NotWithdrawn,
        /// Hours in the visitor's time zone in which no mail is sent: `{ "from": "21:00", "to": "08:00", "time_zone":
        /// "Europe/Berlin" }`. Mails wait until the hours end.
        quiet_hours: Option<QuietHours> ["from and to as HH:MM; null: none"] = None,
        /// The least time between two mails to one address.
        min_hours_between_mails: Option<Whole<1, MAX_HOURS>> ["hours, 1 to 8760; null: any number"] = None,

        /// The sender's display name and the mail's signature.
        from_name: Option<String> ["text; null: the tenant's name"] = None,
        /// The sender address. The address must be verified in SES and match `SenderAddresses`.
        from_address: Option<EmailAddress> ["address; null: `SenderAddress`"] = None,
        /// The address for replies.
        reply_to: Option<EmailAddress> ["address; null: the sender"] = None,
        /// Staff who get a copy, visible to visitors.
        cc: Bounded<EmailAddress, MAX_STAFF> ["up to 5 addresses"] = Bounded::default(),
        /// Staff who get a copy, invisible to visitors.
        bcc: Bounded<EmailAddress, MAX_STAFF> ["up to 5 addresses"] = Bounded::default(),
        /// The configuration set in SES. `TenantConfigurationSets` must contain its name, and its events must go to the
        /// same topic.
        configuration_set: Option<ConfigurationSet> ["name; null: the deployment's"] = None,
        /// Further headers: `Auto-Submitted` instead of `auto-generated`, `Feedback-ID`, `Importance`, `Organization`, `Precedence`, `X-…`.
        headers: CustomHeaders ["object of up to 10 names and values"] = CustomHeaders::default(),
        /// Whether mails have an unsubscribe link, both in their headers and in the built-in template.
        unsubscribe_link: bool ["`true` or `false`"] = true,

        /// The template of the mail.
        template: TemplateName ["name of a saved template, or `session-summary`"] = TemplateName::built_in(),
        /// The language of mails if the visitor's language is unknown or has no template.
        default_locale: Locale ["language tag"] = Locale::english(),
        /// Whether templates get the transcript. The built-in template then shows it.
        show_transcript: bool ["`true` or `false`"] = false,
        /// Whether the tenant's templates and attachments get internal values: category, sentiment, insights and the
        /// like. The built-in template never shows them.
        show_internal: bool ["`true` or `false`"] = false,
        /// The files to attach.
        attachments: Vec<AttachmentKind> ["`transcript_txt`, `transcript_html`, `analytics_json`"] = Vec::new(),
        /// The largest total size of attachments. Mails with larger attachments are sent without them, and the log says
        /// so.
        max_attachment_bytes: Whole<1, MAX_ATTACHMENT_BYTES> ["bytes, up to 16777216"] = Whole::literal(5 * 1024 * 1024),

        /// The action when SES does not answer a request and sends no event within `UnknownOutcomeWaitSeconds`.
        /// `wait_then_hold`: hold the mail; `resend`: send the mail once more, although SES may have sent the first.
        on_unknown: OnUnknown ["`wait_then_hold` or `resend`"] = OnUnknown::WaitThenHold,
    }
}

/// A status of an analysis with content for a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailableStatus {
    Ok,
    Partial,
}

/// The visitor's consent that mails require.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequiredConsent {
    /// Consent given or unknown.
    #[default]
    NotWithdrawn,
    /// Consent given.
    Given,
}

/// A file to attach to a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentKind {
    TranscriptTxt,
    TranscriptHtml,
    AnalyticsJson,
}

impl AttachmentKind {
    /// Whether the file contains the conversation.
    pub fn is_transcript(self) -> bool {
        match self {
            Self::TranscriptTxt | Self::TranscriptHtml => true,
            Self::AnalyticsJson => false,
        }
    }
}

/// The treatment of a mail whose request to SES had an unknown outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    #[default]
    WaitThenHold,
    Resend,
}

/// Hours without mails; they span midnight if `from` is later than `to`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    pub from: TimeOfDay,
    pub to: TimeOfDay,
    /// The time zone of visitors whose own is unknown.
    #[serde(default = "TimeZone::utc")]
    pub time_zone: TimeZone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a time of day from 00:00 to 23:59")]
pub struct InvalidTimeOfDay;

text_type! {
    /// `HH:MM`, from 00:00 to 23:59; the order of the texts is the order of the times.
    TimeOfDay, InvalidTimeOfDay, parse_time_of_day
}

fn parse_time_of_day(text: &str) -> Result<String, InvalidTimeOfDay> {
    let (hour, minute) = text.split_once(':').ok_or(InvalidTimeOfDay)?;
    let has_two_digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    // Texts of two digits compare as their numbers do.
    let is_time = has_two_digits(hour) && has_two_digits(minute) && hour < "24" && minute < "60";
    is_time.then(|| text.to_owned()).ok_or(InvalidTimeOfDay)
}

/// Invalid name of a configuration set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("configuration_set must have 1 to 64 letters, digits, _ and -")]
pub struct InvalidConfigurationSet;

text_type! {
    /// The name of a configuration set: 1 to 64 letters, digits, `_` and `-`.
    ConfigurationSet, InvalidConfigurationSet, parse_configuration_set
}

fn parse_configuration_set(name: &str) -> Result<String, InvalidConfigurationSet> {
    let usable = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    if usable && (1..=64).contains(&name.len()) { Ok(name.to_owned()) } else { Err(InvalidConfigurationSet) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quiet_hours_are_times_of_a_day_in_a_zone() {
        let quiet: QuietHours = serde_json::from_value(json!({ "from": "21:00", "to": "07:59" })).unwrap();
        assert!(quiet.to < quiet.from && quiet.time_zone == TimeZone::utc());
        for time in ["24:00", "12:60", "1:00", "12:0", "+1:00", "12-00", "", "123:4", "1２:0"] {
            assert_eq!(TimeOfDay::try_from(time.to_owned()), Err(InvalidTimeOfDay), "{time:?}");
        }
    }

    #[test]
    fn a_setting_out_of_its_bounds_is_refused() {
        let error = |json: serde_json::Value| serde_json::from_value::<EmailSettings>(json).unwrap_err().to_string();
        let six: Vec<_> = (0..6).map(|n| format!("staff{n}@example.com")).collect();
        assert_eq!(error(json!({ "bcc": six })), "the list has more than 5 entries");
        assert_eq!(error(json!({ "min_hours_between_mails": 0 })), "must be between 1 and 8760");
        assert_eq!(error(json!({ "min_sentiment": 1.5 })), "must be between -1 and 1");
        assert!(error(json!({ "configuration_set": "a b" })).contains("1 to 64"));
        assert!(error(json!({ "attachments": ["transcript_pdf"] })).contains("transcript_pdf"));
        assert!(error(json!({ "template": "../x" })).contains("may contain only"));
    }
}
