//! Typed ids.
//!
//! Every id is a text of 1 to [`MAX_ID_LENGTH`] characters from `A–Z a–z 0–9 . _ : -`, starting with a letter or digit.

use crate::text_type::text_type;

/// The longest id in characters: escaped, it still fits into an SES message tag (256); see [`crate::ses_tag`].
pub const MAX_ID_LENGTH: usize = 100;

/// Reasons to refuse an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    #[error("must not be empty")]
    Empty,
    #[error("must have at most {MAX_ID_LENGTH} characters")]
    TooLong,
    #[error("may contain only letters, digits and . _ : - and must start with a letter or digit")]
    Character,
}

fn parse(text: &str) -> Result<String, InvalidId> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._:-".contains(&b);
    match text.as_bytes() {
        [] => Err(InvalidId::Empty),
        bytes if bytes.len() > MAX_ID_LENGTH => Err(InvalidId::TooLong),
        [first, ..] if !first.is_ascii_alphanumeric() => Err(InvalidId::Character),
        bytes if !bytes.iter().all(|&b| allowed(b)) => Err(InvalidId::Character),
        _ => Ok(text.to_owned()),
    }
}

text_type! {
    /// A customer of the service: the owner of agents, sessions, settings and integrations.
    TenantId, InvalidId, parse
}
text_type! {
    /// One conversation, unique within its tenant; chosen by the AI engine.
    SessionId, InvalidId, parse
}
text_type! {
    /// The AI agent that held a conversation; chosen by the AI engine.
    AgentId, InvalidId, parse
}
text_type! {
    /// One configured third party of a tenant, such as its HubSpot account.
    IntegrationId, InvalidId, parse
}
text_type! {
    /// A template of mails: the built-in template, or a saved template of the tenant.
    TemplateName, InvalidId, parse
}

impl TemplateName {
    /// The template that is part of the program.
    pub fn built_in() -> Self {
        Self("session-summary".to_owned())
    }

    pub fn is_built_in(&self) -> bool {
        *self == Self::built_in()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_keeps_its_text() {
        let id: SessionId = "conv_01J:9.a-Z".parse().unwrap();
        assert_eq!(id.to_string(), "conv_01J:9.a-Z");
        assert_eq!(serde_json::to_string(&id).unwrap(), r#""conv_01J:9.a-Z""#);
    }

    #[test]
    fn text_that_could_break_a_header_url_or_log_is_refused() {
        for (text, why) in [
            ("", InvalidId::Empty),
            ("a b", InvalidId::Character),
            ("a\r\nX: y", InvalidId::Character),
            ("../x", InvalidId::Character),
            ("a/b", InvalidId::Character),
            ("nul\0", InvalidId::Character),
            ("日本", InvalidId::Character),
            (&"a".repeat(MAX_ID_LENGTH + 1), InvalidId::TooLong),
        ] {
            assert_eq!(text.parse::<TenantId>(), Err(why), "{text:?}");
        }
        assert!(serde_json::from_str::<AgentId>(r#""a b""#).is_err());
    }
}
