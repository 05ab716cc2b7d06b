//! A Salesforce org.

use serde::{Deserialize, Serialize};

use super::limits::{ApiVersion, Concurrency, Requests, concurrency, requests};
use super::source::Mapping;
use crate::text_type::text_type;

/// The connection to a Salesforce org, and the mapping to its objects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SalesforceConfig {
    /// The org's own domain, such as `https://acme.my.salesforce.com`.
    pub url: String,
    #[serde(default)]
    pub auth: SalesforceAuth,
    #[serde(default = "api_version")]
    pub api_version: ApiVersion,
    /// The custom field of Activity that identifies tasks: an external id, unique and case sensitive.
    #[serde(default = "external_id_field")]
    pub external_id_field: FieldName,
    /// The treatment of a visitor who is neither a contact nor an unconverted lead.
    #[serde(default)]
    pub unknown_visitor: UnknownVisitor,
    /// `Company` of a new lead, which Salesforce requires.
    #[serde(default = "company")]
    pub company: String,
    /// Further fields of the task, and their sources.
    #[serde(default)]
    pub task_fields: Mapping,
    /// Fields of the contact or lead, and their sources.
    #[serde(default)]
    pub person_fields: Mapping,
    #[serde(default = "requests")]
    pub requests_per_ten_seconds: Requests,
    #[serde(default = "concurrency")]
    pub concurrency: Concurrency,
}

/// The way the integration signs in, with the form of its secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "flow", rename_all = "snake_case", deny_unknown_fields)]
pub enum SalesforceAuth {
    /// Secret: `{"client_id", "client_secret"}`.
    #[default]
    ClientCredentials,
    /// Secret: `{"client_id", "private_key"}`, the key in PEM.
    JwtBearer {
        /// The user whose rights the integration has.
        username: String,
        #[serde(default)]
        audience: Audience,
    },
}

/// The login server of Salesforce for a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    #[default]
    Production,
    Sandbox,
}

impl Audience {
    /// Returns the `aud` claim.
    pub fn url(self) -> &'static str {
        match self {
            Self::Production => "https://login.salesforce.com",
            Self::Sandbox => "https://test.salesforce.com",
        }
    }
}

/// The object to create for an unknown visitor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownVisitor {
    #[default]
    Lead,
    Contact,
    /// No object: the session is skipped.
    Skip,
}

/// Invalid name of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 80 characters, letters, digits and _, the first a letter")]
pub struct InvalidFieldName;

text_type! {
    /// The API name of a field: safe in paths and queries without escaping.
    FieldName, InvalidFieldName, parse_field_name
}

fn parse_field_name(text: &str) -> Result<String, InvalidFieldName> {
    let known = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let fits = (1..=80).contains(&text.len()) && text.bytes().all(known);
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    (fits && begins).then(|| text.to_owned()).ok_or(InvalidFieldName)
}

fn api_version() -> ApiVersion {
    ApiVersion::literal("v68.0")
}

fn external_id_field() -> FieldName {
    FieldName("PostSession_Id__c".to_owned())
}

fn company() -> String {
    "Unknown".to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_org_needs_its_url_only() {
        let config: SalesforceConfig =
            serde_json::from_value(json!({ "url": "https://acme.my.salesforce.com" })).unwrap();
        assert_eq!(config.external_id_field.as_ref(), "PostSession_Id__c");
        assert_eq!((config.auth, config.unknown_visitor), (SalesforceAuth::ClientCredentials, UnknownVisitor::Lead));
        let jwt = json!({ "flow": "jwt_bearer", "username": "sync@acme.example", "audience": "sandbox" });
        let auth: SalesforceAuth = serde_json::from_value(jwt).unwrap();
        assert!(matches!(auth, SalesforceAuth::JwtBearer { audience: Audience::Sandbox, .. }));
    }

    #[test]
    fn a_field_name_cannot_leave_its_place_in_a_path_or_query() {
        for text in ["", "a/b", "a b", "1a", "a'b", "é", &"a".repeat(81)] {
            assert_eq!(FieldName::try_from(text.to_owned()), Err(InvalidFieldName), "{text:?}");
        }
    }
}
