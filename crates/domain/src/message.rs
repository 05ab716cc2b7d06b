//! What crosses a queue: references, never transcripts or addresses.
//!
//! Each queue has one enum with a variant per version. A version that was ever sent is never removed or changed: messages
//! of it may wait in a queue or dead-letter queue across a deployment.

use serde::{Deserialize, Serialize};

use crate::id::{IntegrationId, SessionId, TenantId};
use crate::step::{Step, StepKey};

/// A message that asks for one step of one session.
pub trait StepMessage {
    fn step_key(&self) -> StepKey;
}

/// Asks `analyze` for the analysis of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum AnalyzeMessage {
    #[serde(rename = "analyze.v1")]
    V1 { tenant_id: TenantId, session_id: SessionId },
}

/// Asks `notify` for the mail about an analysis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum NotifyMessage {
    #[serde(rename = "notify.v1")]
    V1 { tenant_id: TenantId, session_id: SessionId, analysis_version: i32 },
}

/// Asks `crm-sync` to sync an analysis to one integration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum CrmSyncMessage {
    #[serde(rename = "crm-sync.v1")]
    V1 { tenant_id: TenantId, session_id: SessionId, analysis_version: i32, integration_id: IntegrationId },
}

impl StepMessage for AnalyzeMessage {
    fn step_key(&self) -> StepKey {
        let Self::V1 { tenant_id, session_id } = self.clone();
        StepKey { tenant_id, session_id, step: Step::Analyze }
    }
}

impl StepMessage for NotifyMessage {
    fn step_key(&self) -> StepKey {
        let Self::V1 { tenant_id, session_id, .. } = self.clone();
        StepKey { tenant_id, session_id, step: Step::Notify }
    }
}

impl StepMessage for CrmSyncMessage {
    fn step_key(&self) -> StepKey {
        let Self::V1 { tenant_id, session_id, integration_id, .. } = self.clone();
        StepKey { tenant_id, session_id, step: Step::CrmSync(integration_id) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message, its step, and its JSON: both directions must hold for ever.
    fn holds<M>(fixture: &str, step: &str)
    where
        M: StepMessage + Serialize + for<'de> Deserialize<'de>,
    {
        let message: M = serde_json::from_str(fixture).unwrap();
        assert_eq!(serde_json::to_string(&message).unwrap(), fixture.trim());
        assert_eq!(message.step_key().step.to_string(), step);
    }

    #[test]
    fn every_version_ever_sent_is_still_read_and_written_the_same() {
        holds::<AnalyzeMessage>(include_str!("../fixtures/analyze.v1.json"), "analyze");
        holds::<NotifyMessage>(include_str!("../fixtures/notify.v1.json"), "notify");
        holds::<CrmSyncMessage>(include_str!("../fixtures/crm-sync.v1.json"), "crm_sync:hubspot");
    }

    #[test]
    fn a_message_of_an_unknown_version_is_refused() {
        let later = r#"{"type":"analyze.v2","tenant_id":"acme","session_id":"s-1"}"#;
        assert!(serde_json::from_str::<AnalyzeMessage>(later).is_err());
    }
}
