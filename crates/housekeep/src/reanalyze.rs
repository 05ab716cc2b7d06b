//! Another analysis of a session, beside the ones there are.

use domain::id::{SessionId, TenantId};
use domain::message::{AnalyzeMessage, StepMessage};
use domain::step::StepKey;
use stage::queues::Queues;
use store::reanalysis::Reanalysis;

use crate::requeue::queue_error;
use crate::{Context, Error};

/// What is to be analysed, and how.
pub(crate) struct Wanted {
    pub(crate) tenant_id: TenantId,
    pub(crate) session_id: SessionId,
    pub(crate) model: Option<String>,
    pub(crate) follow_ups: bool,
}

impl Wanted {
    fn message(&self, analysis_version: i32) -> AnalyzeMessage {
        let Self { tenant_id, session_id, model, follow_ups } = self;
        AnalyzeMessage::V2 {
            tenant_id: tenant_id.clone(),
            session_id: session_id.clone(),
            analysis_version,
            model: model.clone(),
            follow_ups: *follow_ups,
        }
    }
}

/// Returns the version that is asked for. Invoked again before it is made, it asks for the same one.
pub(crate) async fn reanalyze<Q: Queues>(context: &Context<Q>, wanted: Wanted) -> Result<i32, Error> {
    let (store, tenant, session) = (&context.store, &wanted.tenant_id, &wanted.session_id);
    let latest = store.latest_analysis_version(tenant, session).await.map_err(Error::Plan)?;
    let mut version = latest.unwrap_or_default() + 1;
    loop {
        let message = wanted.message(version);
        let text = serde_json::to_string(&message).map_err(Error::Message)?;
        match store.plan_reanalysis(tenant, session, version, &text).await.map_err(Error::Plan)? {
            Reanalysis::AlreadyPlanned { message } if message != text => return Err(Error::UnderWay { version }),
            Reanalysis::Planned | Reanalysis::AlreadyPlanned { .. } => {
                send(context, &message.step_key(), &text).await?;
                return Ok(version);
            }
            Reanalysis::NotNext { next } => version = next,
            Reanalysis::TranscriptPurged => return Err(Error::TranscriptPurged(session.clone())),
            Reanalysis::NotAnalysed => return Err(Error::NotAnalysed(session.clone())),
            Reanalysis::Unknown => return Err(Error::UnknownSession(session.clone())),
        }
    }
}

/// A message that could not be sent is in the step's row, and sent when the step is overdue.
async fn send<Q: Queues>(context: &Context<Q>, key: &StepKey, message: &str) -> Result<(), Error> {
    tracing::info!(tenant.id = %key.tenant_id, session.id = %key.session_id, step = %key.step, "analyse again");
    let queue = context.step_queues.of(&key.step);
    let sent = context.queues.send(&queue.url, &key.tenant_id, message).await;
    sent.map_err(|source| queue_error(key, source))
}
