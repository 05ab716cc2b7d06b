//! Steps that follow an analysis: one mail, and one sync for each integration that receives analyses.

use domain::event::EventType;
use domain::id::{SessionId, TenantId};
use domain::integration::{Integration, IntegrationConfig};
use domain::message::{CrmSyncMessage, NotifyMessage, StepMessage};
use serde::Serialize;
use store::steps::Planned;

use crate::Error;

pub(crate) fn plan(
    tenant_id: &TenantId,
    session_id: &SessionId,
    analysis_version: i32,
    integrations: &[Integration],
) -> Result<Vec<Planned>, Error> {
    let (tenant_id, session_id) = (tenant_id.clone(), session_id.clone());
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
