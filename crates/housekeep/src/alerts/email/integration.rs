//! Mails about an integration that the service has disabled.

use domain::id::IntegrationId;
use domain::integration::IntegrationState;
use mail::{Notice, Rendered, TemplateError, notice};

use super::{AlertEmail, Recovery, minute};
use crate::alerts::evidence::AlertEvidence;

const DISABLED_NOTICE: Notice = Notice {
    subject: include_str!("../../../templates/integration_disabled/subject.txt.j2"),
    text: include_str!("../../../templates/integration_disabled/body.txt.j2"),
};
const CHANGED_NOTICE: Notice = Notice {
    subject: include_str!("../../../templates/integration_changed/subject.txt.j2"),
    text: include_str!("../../../templates/integration_changed/body.txt.j2"),
};

impl AlertEmail<'_> {
    pub(super) fn disabled(&self, id: &IntegrationId, evidence: &AlertEvidence) -> Result<Rendered, TemplateError> {
        let code = evidence.counts.first().map(|count| count.code.as_str());
        let values = self
            .values(evidence)
            .with("integration", id.as_ref())
            .with("since", minute(evidence.last_at))
            .with("code", code.unwrap_or("unknown"))
            .optional("reason", evidence.reason.as_deref().filter(|reason| !reason.is_empty()))
            .with("waiting", evidence.total());
        notice(&DISABLED_NOTICE, values)
    }

    pub(super) fn changed(
        &self,
        id: &IntegrationId,
        evidence: &AlertEvidence,
        recovery: &Recovery,
    ) -> Result<Rendered, TemplateError> {
        let change = match &recovery.integration {
            Some(IntegrationState::On) => "is enabled again. The sessions that were waiting for it are synced.",
            Some(IntegrationState::Off) => "is switched off. Sessions are not synced.",
            Some(IntegrationState::Removed) | None => "was removed. Sessions are not synced.",
            Some(IntegrationState::Disabled(_)) => "was enabled, and then disabled again by the service.",
        };
        let values = self
            .values(evidence)
            .with("integration", id.as_ref())
            .with("change", change)
            .with("since", minute(recovery.last_failure_at))
            .with("closed_at", minute(recovery.closed_at));
        notice(&CHANGED_NOTICE, values)
    }
}
