//! Plans another analysis of a session; earlier versions stay.

use domain::message::{AnalyzeMessage, StepMessage};
use stage::queues::Queues;
use store::reanalysis::Reanalysis;

use crate::{Context, Error, ReanalyzeReport, ReanalyzeRequest};

impl ReanalyzeRequest {
    fn message(&self, analysis_version: i32) -> AnalyzeMessage {
        let Self { tenant_id, session_id, model, follow_ups } = self.clone();
        AnalyzeMessage::V2 { tenant_id, session_id, analysis_version, model, follow_ups }
    }
}

/// Plans the next version. Until that version is made, an equal request plans the same version.
pub(crate) async fn reanalyze<Q: Queues>(
    context: &Context<Q>,
    request: &ReanalyzeRequest,
) -> Result<ReanalyzeReport, Error> {
    let (store, tenant, session) = (&context.store, &request.tenant_id, &request.session_id);
    let mut version = store.latest_analysis_version(tenant, session).await?.unwrap_or_default() + 1;
    loop {
        let message = request.message(version);
        let text = serde_json::to_string(&message).map_err(Error::Message)?;
        match store.plan_reanalysis(tenant, session, version, &text).await? {
            Reanalysis::AlreadyPlanned { message } if message != text => return Err(Error::UnderWay { version }),
            Reanalysis::Planned | Reanalysis::AlreadyPlanned { .. } => {
                // If this fails, the message is in the step's row, and `requeue` sends it when the step is overdue.
                context.send(&message.step_key(), &text).await?;
                tracing::info!(tenant.id = %tenant, session.id = %session, version, "another analysis requested");
                return Ok(ReanalyzeReport { analysis_version: version });
            }
            Reanalysis::NotNext { next } => version = next,
            Reanalysis::TranscriptPurged => return Err(Error::TranscriptPurged(session.clone())),
            Reanalysis::NotAnalysed => return Err(Error::NotAnalysed(session.clone())),
            Reanalysis::Unknown => return Err(Error::UnknownSession(session.clone())),
        }
    }
}
