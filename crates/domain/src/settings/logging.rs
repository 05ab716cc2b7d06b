//! How much of a tenant's mails is kept.

use serde::{Deserialize, Serialize};

use crate::settings::section::section;

section! {
    /// How much of the mails is kept; for how long says `retention`.
    #[derive(Eq)]
    LoggingSettings {
        /// What the log keeps of a mail: `none` its status only, no address and no events; `metadata` also recipient,
        /// template, times and events; `full` also the mail as it was sent.
        mails: LogDetail ["`none`, `metadata` or `full`"] = LogDetail::Metadata,
    }
}

/// How much the log keeps of a mail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogDetail {
    /// Ids and status: what it takes to send a mail once.
    None,
    #[default]
    Metadata,
    /// The subject and both bodies, too.
    Full,
}

impl LogDetail {
    /// As in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Metadata => "metadata",
            Self::Full => "full",
        }
    }
}
