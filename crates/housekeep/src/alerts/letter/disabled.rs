//! The mails about an integration that the service has disabled.

use domain::id::IntegrationId;
use domain::integration::IntegrationState;
use mail::{Notice, Rendered, TemplateError, Values, notice};

use super::{Letter, Recovery, minute};
use crate::alerts::evidence::Evidence;

const DISABLED: Notice = Notice {
    subject: include_str!("../../../templates/disabled/subject.txt.j2"),
    text: include_str!("../../../templates/disabled/body.txt.j2"),
};
const MENDED: Notice = Notice {
    subject: include_str!("../../../templates/mended/subject.txt.j2"),
    text: include_str!("../../../templates/mended/body.txt.j2"),
};

impl Letter<'_> {
    pub(super) fn disabled(&self, id: &IntegrationId, evidence: &Evidence) -> Result<Rendered, TemplateError> {
        let code = evidence.groups.first().map(|group| group.code.as_str());
        let values = self
            .of_integration(id, evidence)
            .text("since", minute(evidence.last_at))
            .text("code", code.unwrap_or("unknown"))
            .optional("reason", evidence.reason.as_deref().filter(|reason| !reason.is_empty()))
            .number("waiting", evidence.total());
        notice(&DISABLED, values)
    }

    pub(super) fn mended(
        &self,
        id: &IntegrationId,
        evidence: &Evidence,
        recovery: &Recovery,
    ) -> Result<Rendered, TemplateError> {
        let became = match &recovery.integration {
            Some(IntegrationState::On) => "on again: the sessions that have waited are synced",
            Some(IntegrationState::Off) => "switched off: sessions are not synced",
            Some(IntegrationState::Removed) | None => "removed: sessions are not synced",
            Some(IntegrationState::Disabled(_)) => "disabled once more, after somebody had enabled it",
        };
        let values = self
            .of_integration(id, evidence)
            .text("became", became)
            .text("since", minute(recovery.last_failure_at))
            .text("closed_at", minute(recovery.closed_at));
        notice(&MENDED, values)
    }

    fn of_integration(&self, id: &IntegrationId, evidence: &Evidence) -> Values {
        self.values(evidence).text("integration", id.as_ref())
    }
}
