//! Sample sessions to try templates with.

use domain::analysis::Analysis;
use domain::session::{Session, Visitor};
use domain::settings::EmailSettings;
use domain::transcript::Transcript;
use serde::Deserialize;

use crate::context::{About, Show, VisitorContext};

/// A session with its analysis and transcript, in the JSON that `cargo xtask preview-email` reads from a file.
///
/// `sample/session.json` shows every field. `analysis` is the stored document, and `transcript` a list of
/// `{ "role", "text", "started_ms"?, "ended_ms"? }`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    pub tenant_name: String,
    pub session: Session,
    pub analysis: Analysis,
    pub transcript: Option<Transcript>,
    pub unsubscribe_url: Option<String>,
}

impl Sample {
    /// Returns the built-in sample, which has every optional value.
    pub fn full() -> Self {
        #[expect(clippy::expect_used, reason = "the sample is part of the program")]
        // Unwrap safety: the tests read it.
        serde_json::from_str(include_str!("../sample/session.json")).expect("the sample can be read")
    }

    /// Returns the built-in sample without its optional values.
    pub fn bare() -> Self {
        let mut sample = Self { tenant_name: String::new(), transcript: None, unsubscribe_url: None, ..Self::full() };
        sample.session.visitor = Visitor::default();
        let analysis = &mut sample.analysis;
        analysis.summary.iter_mut().for_each(|summary| summary.key_points.clear());
        analysis.action_items.iter_mut().for_each(|item| item.due = None);
        (analysis.intent, analysis.category, analysis.sentiment) = (None, None, None);
        (analysis.topics, analysis.insights, analysis.custom_metrics) = Default::default();
        sample
    }

    pub fn about<'a>(&'a self, settings: &'a EmailSettings) -> About<'a> {
        About {
            settings,
            tenant_name: &self.tenant_name,
            session: &self.session,
            analysis: &self.analysis,
            transcript: self.transcript.as_ref(),
            template_locale: None,
            date: self.session.started_at.date_naive(),
            unsubscribe_url: self.unsubscribe_url.as_deref(),
        }
    }

    pub(crate) fn context(&self, show: &Show) -> VisitorContext {
        let Show { transcript, internal } = *show;
        let settings =
            EmailSettings { show_transcript: transcript, show_internal: internal, ..EmailSettings::default() };
        VisitorContext::new(&self.about(&settings))
    }
}
