//! A session to try templates with.

use chrono::{DateTime, Utc};
use domain::analysis::Analysis;
use domain::id::{AgentId, SessionId, TenantId};
use domain::session::{Channel, Session, Visitor};
use domain::settings::EmailSettings;
use domain::transcript::Transcript;
use serde::Deserialize;

use crate::context::{About, Show, VisitorContext};

/// A session with its analysis and transcript, as `cargo xtask preview-email` reads one from a file.
///
/// `sample/session.json` is one that has everything. `analysis` is the stored document, and `transcript` a list of
/// `{ "role", "text", "started_ms"?, "ended_ms"? }`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    pub tenant_name: String,
    pub session: SampleSession,
    pub analysis: Analysis,
    #[serde(default)]
    pub transcript: Option<Transcript>,
    #[serde(default)]
    pub unsubscribe_url: Option<String>,
}

/// A session, as it is notified.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleSession {
    pub tenant_id: TenantId,
    pub session_id: SessionId,
    pub agent_id: AgentId,
    pub channel: Channel,
    pub started_at: DateTime<Utc>,
    pub ended_at: DateTime<Utc>,
    #[serde(default)]
    pub visitor: Visitor,
}

impl Sample {
    /// One that has everything, as it is in the program.
    pub fn full() -> Self {
        #[expect(clippy::expect_used, reason = "the sample is part of the program")]
        // Unwrap safety: the tests read it.
        serde_json::from_str(include_str!("../sample/session.json")).expect("the sample can be read")
    }

    /// The same without anything that may be absent.
    pub fn bare() -> Self {
        let Self { tenant_name: _, session, mut analysis, transcript: _, unsubscribe_url: _ } = Self::full();
        analysis.summary.iter_mut().for_each(|summary| summary.key_points.clear());
        analysis.action_items.iter_mut().for_each(|item| item.due = None);
        (analysis.intent, analysis.category, analysis.sentiment) = (None, None, None);
        (analysis.topics, analysis.insights, analysis.custom_metrics) = Default::default();
        Self {
            tenant_name: String::new(),
            session: SampleSession { visitor: Visitor::default(), ..session },
            analysis,
            transcript: None,
            unsubscribe_url: None,
        }
    }

    pub fn session(&self) -> Session {
        Session {
            tenant_id: self.session.tenant_id.clone(),
            session_id: self.session.session_id.clone(),
            agent_id: self.session.agent_id.clone(),
            channel: self.session.channel,
            started_at: self.session.started_at,
            ended_at: self.session.ended_at,
            end_reason: None,
            visitor: self.session.visitor.clone(),
            metadata: serde_json::Map::default(),
        }
    }

    pub fn about<'a>(&'a self, settings: &'a EmailSettings, session: &'a Session) -> About<'a> {
        About {
            settings,
            tenant_name: &self.tenant_name,
            session,
            analysis: &self.analysis,
            transcript: self.transcript.as_ref(),
            template_locale: None,
            date: session.started_at.date_naive(),
            unsubscribe_url: self.unsubscribe_url.as_deref(),
        }
    }

    pub(crate) fn context(&self, show: &Show) -> VisitorContext {
        let Show { transcript, internal } = *show;
        let settings =
            EmailSettings { show_transcript: transcript, show_internal: internal, ..EmailSettings::default() };
        VisitorContext::new(&self.about(&settings, &self.session()))
    }
}
