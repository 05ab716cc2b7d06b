//! Queue messages: references, never transcripts or addresses.
//!
//! Each queue has one enum with a variant per version. A version that was ever sent is never removed or changed:
//! messages of it may wait in a queue or dead-letter queue across a deployment.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::{IntegrationId, SessionId, TenantId};
use crate::step::{FIRST_VERSION, Step, StepKey};

/// A message that asks for one step of one session.
pub trait StepMessage {
    fn step_key(&self) -> StepKey;

    /// Whether the message may plan its step; other messages only ask for a step that was planned.
    fn plans_itself(&self) -> bool {
        false
    }
}

/// Asks `analyze` for the analysis of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum AnalyzeMessage {
    #[serde(rename = "analyze.v1")]
    V1 { tenant_id: TenantId, session_id: SessionId },
    /// Asks for another analysis of a session that has one.
    #[serde(rename = "analyze.v2")]
    V2 {
        tenant_id: TenantId,
        session_id: SessionId,
        /// The version to make: the one after the latest, so never the first.
        #[serde(deserialize_with = "later_version")]
        analysis_version: i32,
        /// A model in place of the tenant's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        /// Whether it is mailed and synced, as the first one was.
        #[serde(default)]
        follow_ups: bool,
    },
}

fn later_version<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    let version = i32::deserialize(deserializer)?;
    let is_later = version > FIRST_VERSION;
    is_later.then_some(version).ok_or_else(|| serde::de::Error::custom("analysis_version must be 2 or more"))
}

/// Asks `notify` for the mail about an analysis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum NotifyMessage {
    #[serde(rename = "notify.v1")]
    V1 { tenant_id: TenantId, session_id: SessionId, analysis_version: i32 },
}

/// Asks `crm-sync` for one message to one integration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum CrmSyncMessage {
    /// Asks for the sync of an analysis.
    #[serde(rename = "crm-sync.v1")]
    V1 { tenant_id: TenantId, session_id: SessionId, analysis_version: i32, integration_id: IntegrationId },
    /// Asks for the delivery of an event to a webhook. The event is a row of `webhook_events`.
    #[serde(rename = "crm-sync.v2")]
    V2 { tenant_id: TenantId, session_id: SessionId, integration_id: IntegrationId, event_id: Uuid },
}

impl CrmSyncMessage {
    /// The message that asks for a step of `crm-sync`; `None` for the steps of other stages.
    pub fn of(key: &StepKey) -> Option<Self> {
        let StepKey { tenant_id, session_id, step } = key.clone();
        match step {
            Step::Analyze { .. } | Step::Notify { .. } => None,
            Step::CrmSync { version: analysis_version, integration: integration_id } => {
                Some(Self::V1 { tenant_id, session_id, analysis_version, integration_id })
            }
            Step::WebhookEvent { integration: integration_id, event_id } => {
                Some(Self::V2 { tenant_id, session_id, integration_id, event_id })
            }
        }
    }
}

impl StepMessage for AnalyzeMessage {
    fn step_key(&self) -> StepKey {
        let (tenant_id, session_id, version) = match self.clone() {
            Self::V1 { tenant_id, session_id } => (tenant_id, session_id, FIRST_VERSION),
            Self::V2 { tenant_id, session_id, analysis_version, .. } => (tenant_id, session_id, analysis_version),
        };
        StepKey { tenant_id, session_id, step: Step::Analyze { version } }
    }

    fn plans_itself(&self) -> bool {
        match self {
            // The first version's step was planned with the session.
            Self::V1 { .. } => false,
            Self::V2 { .. } => true,
        }
    }
}

impl StepMessage for NotifyMessage {
    fn step_key(&self) -> StepKey {
        let Self::V1 { tenant_id, session_id, analysis_version } = self.clone();
        StepKey { tenant_id, session_id, step: Step::Notify { version: analysis_version } }
    }
}

impl StepMessage for CrmSyncMessage {
    fn step_key(&self) -> StepKey {
        match self.clone() {
            Self::V1 { tenant_id, session_id, analysis_version, integration_id } => {
                let step = Step::CrmSync { version: analysis_version, integration: integration_id };
                StepKey { tenant_id, session_id, step }
            }
            Self::V2 { tenant_id, session_id, integration_id, event_id } => {
                let step = Step::WebhookEvent { integration: integration_id, event_id };
                StepKey { tenant_id, session_id, step }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the message, its step and its JSON, which must hold for ever in both directions.
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
        holds::<AnalyzeMessage>(include_str!("../fixtures/analyze.v2.json"), "analyze@2");
        holds::<NotifyMessage>(include_str!("../fixtures/notify.v1.json"), "notify");
        holds::<CrmSyncMessage>(include_str!("../fixtures/crm-sync.v1.json"), "crm_sync:hubspot");
        holds::<CrmSyncMessage>(
            include_str!("../fixtures/crm-sync.v2.json"),
            "webhook_event:hook/0190163d-8694-739b-aea5-966c26f8ad91",
        );
    }

    #[test]
    fn a_message_of_crm_sync_is_written_from_its_step() {
        for fixture in [include_str!("../fixtures/crm-sync.v1.json"), include_str!("../fixtures/crm-sync.v2.json")] {
            let message: CrmSyncMessage = serde_json::from_str(fixture).unwrap();
            assert_eq!(CrmSyncMessage::of(&message.step_key()), Some(message));
        }
        let analyze: AnalyzeMessage = serde_json::from_str(include_str!("../fixtures/analyze.v1.json")).unwrap();
        assert_eq!(CrmSyncMessage::of(&analyze.step_key()), None);
    }

    #[test]
    fn the_step_of_a_message_is_of_the_version_it_names() {
        let later =
            include_str!("../fixtures/crm-sync.v1.json").replace("\"analysis_version\":1", "\"analysis_version\":2");
        holds::<CrmSyncMessage>(&later, "crm_sync@2:hubspot");
        let later =
            include_str!("../fixtures/notify.v1.json").replace("\"analysis_version\":1", "\"analysis_version\":3");
        holds::<NotifyMessage>(&later, "notify@3");
    }

    #[test]
    fn another_analysis_is_neither_passed_on_nor_given_another_model_unless_asked_for() {
        let bare = r#"{"type":"analyze.v2","tenant_id":"acme","session_id":"s-1","analysis_version":2}"#;
        let message: AnalyzeMessage = serde_json::from_str(bare).unwrap();
        assert!(matches!(&message, AnalyzeMessage::V2 { model: None, follow_ups: false, .. }), "{message:?}");
        assert!(message.plans_itself());
        let first: AnalyzeMessage = serde_json::from_str(include_str!("../fixtures/analyze.v1.json")).unwrap();
        assert!(!first.plans_itself());
    }

    #[test]
    fn a_further_analysis_is_never_the_first_version() {
        let first = r#"{"type":"analyze.v2","tenant_id":"acme","session_id":"s-1","analysis_version":1}"#;
        let error = serde_json::from_str::<AnalyzeMessage>(first).unwrap_err();
        assert!(error.to_string().contains("2 or more"), "{error}");
    }

    #[test]
    fn a_message_of_an_unknown_version_is_refused() {
        let later = r#"{"type":"analyze.v3","tenant_id":"acme","session_id":"s-1"}"#;
        assert!(serde_json::from_str::<AnalyzeMessage>(later).is_err());
    }
}
