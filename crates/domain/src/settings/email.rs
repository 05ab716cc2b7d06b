//! Whether and how visitors are mailed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::analysis::{AnalysisStatus, CategoryLabel};
use crate::email_address::EmailAddress;
use crate::id::{AgentId, TemplateName};
use crate::locale::Locale;
use crate::number::{Score, Whole};
use crate::session::Channel;
use crate::settings::headers::CustomHeaders;
use crate::settings::list::Bounded;
use crate::settings::section::{FieldText, section};
use crate::time_zone::TimeZone;

/// A tenant with more agents than this names the others.
const MAX_AGENTS: usize = 100;
/// With the visitor far below the 50 recipients that SES allows: each one is a mail to pay for.
const MAX_STAFF: usize = 5;
/// Hours: a year.
const MAX_HOURS: u32 = 24 * 365;
/// Seconds: a day.
const MAX_DURATION: u32 = 24 * 60 * 60;
/// Bytes: as base64 less than the 25 MB that large mailbox providers take.
const MAX_ATTACHMENT_BYTES: u32 = 16 * 1024 * 1024;

section! {
    /// Whether and how visitors are mailed.
    EmailSettings {
        /// Whether visitors are mailed.
        enabled: bool ["`true` or `false`"] = true,

        /// Mail only after sessions of these channels.
        channels: Vec<Channel> ["`voice`, `text`; empty: all"] = Vec::new(),
        /// Mail only after sessions with these agents.
        agents: Bounded<AgentId, MAX_AGENTS> ["up to 100 agent ids; empty: all"] = Bounded::default(),
        /// Never mail after sessions with these agents.
        excluded_agents: Bounded<AgentId, MAX_AGENTS> ["up to 100 agent ids"] = Bounded::default(),
        /// Mail only visitors of these categories; one that is not known is none of them.
        categories: Vec<CategoryLabel>
            ["`immediate_buyer`, `potential_buyer`, `just_exploring`, `facing_issue`, `others`; empty: all"] = Vec::new(),
        /// Never mail visitors of these categories.
        excluded_categories: Vec<CategoryLabel> ["as above"] = Vec::new(),
        /// Mail only where the analysis has one of these statuses.
        analysis_statuses: Vec<MailableStatus> ["`ok`, `partial`; empty: none"] = vec![MailableStatus::Ok, MailableStatus::Partial],
        /// Mail only after at least this many visitor turns.
        min_visitor_turns: usize ["turns"] = 1,
        /// Mail only after sessions that took at least this long.
        min_duration_s: Whole<0, MAX_DURATION> ["seconds, 0 to 86400"] = Whole::literal(0),
        /// Mail only where the average sentiment is not below this; one that is not known is below.
        min_sentiment: Option<Score> ["-1 to 1; null: any"] = None,
        /// Mail only where the average sentiment is not above this; one that is not known is above.
        max_sentiment: Option<Score> ["-1 to 1; null: any"] = None,
        /// `given`: mail only visitors of whom `visitor.email_consent` says so; `not_withdrawn`: also where it says
        /// nothing.
        consent: RequiredConsent ["`not_withdrawn` or `given`"] = RequiredConsent::NotWithdrawn,
        /// Mails that would be sent in these hours of the visitor's day are sent when they end:
        /// `{ "from": "21:00", "to": "08:00", "time_zone": "Europe/Berlin" }`; `time_zone` is for visitors whose own is
        /// not known, default `UTC`.
        quiet_hours: Option<QuietHours> ["from and to as HH:MM; null: none"] = None,
        /// At most one mail to an address within this time.
        min_hours_between_mails: Option<Whole<1, MAX_HOURS>> ["hours, 1 to 8760; null: any number"] = None,

        /// The sender's display name and the mail's signature.
        from_name: Option<String> ["text; null: the tenant's name"] = None,
        /// A sender address that is verified in SES and matches `SenderAddresses`.
        from_address: Option<EmailAddress> ["address; null: `SenderAddress`"] = None,
        /// Where answers go.
        reply_to: Option<EmailAddress> ["address; null: the sender"] = None,
        /// Staff who get a copy, which visitors see.
        cc: Bounded<EmailAddress, MAX_STAFF> ["up to 5 addresses"] = Bounded::default(),
        /// Staff who get a copy, which visitors do not see.
        bcc: Bounded<EmailAddress, MAX_STAFF> ["up to 5 addresses"] = Bounded::default(),
        /// A configuration set of SES that is among `TenantConfigurationSets`; its events must go to the same topic.
        configuration_set: Option<ConfigurationSet> ["name; null: the deployment's"] = None,
        /// Further headers: `Auto-Submitted`, `Feedback-ID`, `Importance`, `Organization`, `Precedence`, `X-…`.
        headers: CustomHeaders ["object of up to 10 names and values"] = CustomHeaders::default(),
        /// Whether mails have a link that ends them, for clients and in the built-in template.
        unsubscribe_link: bool ["`true` or `false`"] = true,

        /// The template of the mail.
        template: TemplateName ["name of a saved template, or `session-summary`"] = TemplateName::built_in(),
        /// The language of mails to visitors whose own is not known or has no template.
        default_locale: Locale ["language tag"] = Locale::english(),
        /// Whether templates are given the transcript; the built-in one then shows it.
        show_transcript: bool ["`true` or `false`"] = false,
        /// Whether templates and attachments of the tenant's are given what is internal: category, sentiment, insights
        /// and the like. The built-in template never shows it.
        show_internal: bool ["`true` or `false`"] = false,
        /// What is attached.
        attachments: Vec<AttachmentKind> ["`transcript_txt`, `transcript_html`, `analytics_json`"] = Vec::new(),
        /// Attachments that together are larger are left out, and the log says so.
        max_attachment_bytes: Whole<1, MAX_ATTACHMENT_BYTES> ["bytes, up to 16777216"] = Whole::literal(5 * 1024 * 1024),

        /// A mail that SES has not answered for, and of which no event tells for `UnknownOutcomeWaitSeconds`, is held
        /// (`wait_then_hold`) or sent again, once (`resend`): SES may have the first.
        on_unknown: OnUnknown ["`wait_then_hold` or `resend`"] = OnUnknown::WaitThenHold,
    }
}

/// A status of an analysis that has something to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailableStatus {
    Ok,
    Partial,
}

impl MailableStatus {
    /// `None` where there is nothing to tell.
    pub fn of(status: AnalysisStatus) -> Option<Self> {
        match status {
            AnalysisStatus::Ok => Some(Self::Ok),
            AnalysisStatus::Partial => Some(Self::Partial),
            AnalysisStatus::InsufficientContent | AnalysisStatus::Failed => None,
        }
    }
}

/// What a visitor must have said about mails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequiredConsent {
    /// Nothing, or yes.
    #[default]
    NotWithdrawn,
    /// Yes.
    Given,
}

/// Something that can be attached to a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentKind {
    TranscriptTxt,
    TranscriptHtml,
    AnalyticsJson,
}

impl AttachmentKind {
    /// Whether it says what was said.
    pub fn is_transcript(self) -> bool {
        match self {
            Self::TranscriptTxt | Self::TranscriptHtml => true,
            Self::AnalyticsJson => false,
        }
    }
}

/// What becomes of a mail that SES may have or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    #[default]
    WaitThenHold,
    Resend,
}

/// Hours of the day in which no mail is sent; over midnight where `from` is later than `to`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    pub from: TimeOfDay,
    pub to: TimeOfDay,
    /// Of visitors whose own is not known.
    #[serde(default = "TimeZone::utc")]
    pub time_zone: TimeZone,
}

impl QuietHours {
    pub(crate) const FIELDS: &[FieldText] = &[
        FieldText { name: "from", values: "HH:MM", lines: &["The first minute in which no mail is sent."] },
        FieldText {
            name: "to",
            values: "HH:MM, other than `from`",
            lines: &["The first minute in which mails are sent again; on the next day where it is before `from`."],
        },
        FieldText {
            name: "time_zone",
            values: "name of the IANA database",
            lines: &["That of visitors whose own is not known."],
        },
    ];
}

/// `HH:MM`, from 00:00 to 23:59.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay {
    hour: u8,
    minute: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a time of day from 00:00 to 23:59")]
pub struct InvalidTimeOfDay;

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = InvalidTimeOfDay;

    fn try_from(text: String) -> Result<Self, InvalidTimeOfDay> {
        let digits = text.bytes().enumerate().all(|(at, b)| if at == 2 { b == b':' } else { b.is_ascii_digit() });
        let (hour, minute) = text.split_once(':').filter(|_| digits && text.len() == 5).ok_or(InvalidTimeOfDay)?;
        match (hour.parse(), minute.parse()) {
            (Ok(hour @ 0..24), Ok(minute @ 0..60)) => Ok(Self { hour, minute }),
            (Ok(_) | Err(_), _) => Err(InvalidTimeOfDay),
        }
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

/// The name of a configuration set: 1 to 64 letters, digits, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConfigurationSet(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("configuration_set must have 1 to 64 letters, digits, _ and -")]
pub struct InvalidConfigurationSet;

impl AsRef<str> for ConfigurationSet {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ConfigurationSet {
    type Error = InvalidConfigurationSet;

    fn try_from(name: String) -> Result<Self, InvalidConfigurationSet> {
        let usable = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        if usable && (1..=64).contains(&name.len()) { Ok(Self(name)) } else { Err(InvalidConfigurationSet) }
    }
}

impl From<ConfigurationSet> for String {
    fn from(name: ConfigurationSet) -> Self {
        name.0
    }
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
        assert_eq!(error(json!({ "bcc": six })), "a list of more than 5");
        assert_eq!(error(json!({ "min_hours_between_mails": 0 })), "must be between 1 and 8760");
        assert_eq!(error(json!({ "min_sentiment": 1.5 })), "must be between -1 and 1");
        assert!(error(json!({ "configuration_set": "a b" })).contains("1 to 64"));
        assert!(error(json!({ "attachments": ["transcript_pdf"] })).contains("transcript_pdf"));
        assert!(error(json!({ "template": "../x" })).contains("may contain only"));
    }
}
