//! The detail of the mail log.

use crate::settings::section::section;
use crate::text_enum;

section! {
    /// The detail of the mail log; `retention` limits its age.
    #[derive(Eq)]
    LoggingSettings {
        /// The detail of the mail log. `none`: the status, without address and events; `metadata`: also recipient,
        /// template, times and events; `full`: also the whole mail.
        mails: LogDetail ["`none`, `metadata` or `full`"] = LogDetail::Metadata,
    }
}

text_enum! {
    /// The detail of a mail in the log.
    #[derive(Default)]
    pub enum LogDetail {
        /// Ids and status: enough to send a mail once.
        None = "none",
        #[default]
        Metadata = "metadata",
        /// The subject and both bodies, too.
        Full = "full",
    }
}
