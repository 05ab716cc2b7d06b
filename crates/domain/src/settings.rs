//! What a tenant has decided: one JSON document per tenant.
//!
//! Every field has a default, so `{}` is a valid document; unknown fields are refused.

use serde::{Deserialize, Serialize};

use crate::analysis::CategoryLabel;
use crate::email_address::EmailAddress;
use crate::session::Channel;

/// The settings document.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TenantSettings {
    pub analysis: AnalysisSettings,
    pub email: EmailSettings,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnalysisSettings {
    /// How often the model is asked per session until its answer is valid.
    pub max_attempts: MaxAttempts,
    /// A Bedrock model or inference-profile id; default: the deployment's.
    pub model: Option<String>,
}

/// 1 to 5 model attempts, default 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct MaxAttempts(u32);

impl MaxAttempts {
    /// More attempts have not been seen to help and each one costs a full prompt.
    pub const MAX: u32 = 5;

    pub fn get(self) -> u32 {
        self.0
    }
}

impl Default for MaxAttempts {
    fn default() -> Self {
        Self(3)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("max_attempts must be between 1 and {}", MaxAttempts::MAX)]
pub struct InvalidMaxAttempts;

impl TryFrom<u32> for MaxAttempts {
    type Error = InvalidMaxAttempts;

    fn try_from(attempts: u32) -> Result<Self, InvalidMaxAttempts> {
        if (1..=Self::MAX).contains(&attempts) { Ok(Self(attempts)) } else { Err(InvalidMaxAttempts) }
    }
}

impl From<MaxAttempts> for u32 {
    fn from(attempts: MaxAttempts) -> Self {
        attempts.0
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_document_is_the_default() {
        let settings: TenantSettings = serde_json::from_str("{}").unwrap();
        assert_eq!(settings, TenantSettings::default());
        assert!(settings.email.enabled);
        assert_eq!(settings.analysis.max_attempts.get(), 3);
    }

    #[test]
    fn a_misspelt_or_impossible_setting_is_refused_by_name() {
        let error = |json: &str| serde_json::from_str::<TenantSettings>(json).unwrap_err().to_string();
        assert!(error(r#"{"email":{"enable":false}}"#).contains("enable"));
        assert!(error(r#"{"analysis":{"max_attempts":6}}"#).contains("between 1 and 5"));
        assert!(error(r#"{"email":{"categories":["buyer"]}}"#).contains("buyer"));
    }
}
