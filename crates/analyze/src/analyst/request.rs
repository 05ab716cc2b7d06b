//! Requests to analyse a transcript.

use std::time::Instant;

use domain::session::Session;
use domain::settings::{AnalysisSettings, RedactionSettings};
use domain::transcript::Transcript;

/// The sections of a tenant's settings that an analysis uses.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
#[serde(default)]
pub struct Settings {
    pub analysis: AnalysisSettings,
    pub redaction: RedactionSettings,
}

/// A request to analyse one transcript.
#[derive(Clone, Copy)]
pub struct AnalysisRequest<'a> {
    pub session: &'a Session,
    pub transcript: &'a Transcript,
    pub settings: &'a Settings,
    /// The only model to ask, instead of the tenant's models.
    pub model: Option<&'a str>,
    /// The time by which the last answer must have come.
    pub until: Instant,
}
