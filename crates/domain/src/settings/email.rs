//! Whether and how visitors are mailed.

use serde::{Deserialize, Serialize};

use crate::analysis::CategoryLabel;
use crate::email_address::EmailAddress;
use crate::session::Channel;

/// Whether and how the visitor is mailed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmailSettings {
    /// Default `true`.
    pub enabled: bool,
    /// Mail only after sessions of these channels; default: all.
    pub channels: Vec<Channel>,
    /// Mail only visitors of these categories; default: all.
    pub categories: Vec<CategoryLabel>,
    /// Mail only after sessions with at least this many visitor turns; default 1.
    pub min_visitor_turns: usize,
    /// The sender's display name and the mail's signature; default: the tenant's name.
    pub from_name: Option<String>,
    /// A sender address verified in SES; default: the deployment's.
    pub from_address: Option<EmailAddress>,
    pub reply_to: Option<EmailAddress>,
}

impl Default for EmailSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            channels: Vec::new(),
            categories: Vec::new(),
            min_visitor_turns: 1,
            from_name: None,
            from_address: None,
            reply_to: None,
        }
    }
}
