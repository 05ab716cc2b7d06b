//! Steps that follow an analysis: one mail, and one sync for each integration that receives analyses.

use domain::event::EventType;
use domain::integration::{Integration, IntegrationConfig};
use domain::message::{CrmSyncMessage, NotifyMessage, StepMessage};
use domain::step::StepKey;
use serde::Serialize;
use store::steps::Planned;

use crate::Error;

/// Plans the steps that follow the analysis of a step.
pub(crate) fn plan(key: &StepKey, integrations: &[Integration]) -> Result<Vec<Planned>, Error> {
    let analysis_version = key.step.version();
    let StepKey { tenant_id, session_id, .. } = key.clone();
    let notify = NotifyMessage::V1 { tenant_id: tenant_id.clone(), session_id: session_id.clone(), analysis_version };
    let sync = |integration: &Integration| CrmSyncMessage::V1 {
        tenant_id: tenant_id.clone(),
        session_id: session_id.clone(),
        analysis_version,
        integration_id: integration.integration_id.clone(),
    };
    let receivers = integrations.iter().filter(|integration| receives_analyses(&integration.config));
    let syncs = receivers.map(|integration| planned(&sync(integration)));
    std::iter::once(planned(&notify)).chain(syncs).collect()
}

fn receives_analyses(config: &IntegrationConfig) -> bool {
    match config {
        IntegrationConfig::Hubspot(_) | IntegrationConfig::Salesforce(_) => true,
        IntegrationConfig::Webhook(webhook) => webhook.events.contains(&EventType::SessionAnalyzed),
    }
}

fn planned(message: &(impl StepMessage + Serialize)) -> Result<Planned, Error> {
    let text = serde_json::to_string(message).map_err(Error::Json)?;
    Ok(Planned { step: message.step_key().step, message: text })
}
