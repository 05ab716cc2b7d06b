//! Alerts: an open one keeps its rule quiet, and its mails are sent once.

use chrono::{DateTime, Utc};
use domain::id::TenantId;
use domain::step::Code;
use serde_json::Value;
use uuid::Uuid;

use crate::row::{column_enum, row};
use crate::sql::{int, jsonb, statements, text, time, uuid};
use crate::{Error, Store};

statements! {
// Runs may overlap: the partial unique index lets only one of them open the alert, and so send its mail.
OPEN_ALERT = "
-- open_alert()
INSERT INTO alerts (tenant_id, alert_id, rule, failures, codes, last_failure_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (tenant_id, rule) WHERE closed_at IS NULL DO NOTHING";

ALERTS_AT_WORK = "
-- alerts_at_work()
SELECT alert_id, rule, opened_at, closed_at, closed_as, failures, codes, last_failure_at, mail_status, mail_at,
       recovery_status, recovery_at
FROM alerts
WHERE tenant_id = $1
  AND (closed_at IS NULL OR mail_status IN ('pending', 'sending') OR recovery_status IN ('pending', 'sending'))
ORDER BY opened_at, alert_id";

// A slower run may write last, so the time of the last failure never goes back.
UPDATE_ALERT = "
-- update_alert()
UPDATE alerts SET failures = $3, codes = $4, last_failure_at = greatest(last_failure_at, $5)
WHERE tenant_id = $1 AND alert_id = $2 AND closed_at IS NULL";

CLOSE_ALERT = "
-- close_alert()
UPDATE alerts
SET closed_at = now(), closed_as = $3, recovery_status = CASE WHEN $3 = 'recovered' THEN 'pending' END
WHERE tenant_id = $1 AND alert_id = $2 AND closed_at IS NULL";

TAKE_ALERT_MAIL = "
-- take_alert_mail()
UPDATE alerts SET mail_status = 'sending', mail_code = NULL, mail_at = now()
WHERE tenant_id = $1 AND alert_id = $2 AND mail_status = 'pending'";

RECORD_ALERT_MAIL = "
-- record_alert_mail()
UPDATE alerts SET mail_status = $3, mail_code = $4
WHERE tenant_id = $1 AND alert_id = $2 AND mail_status = 'sending'";

TAKE_RECOVERY_MAIL = "
-- take_recovery_mail()
UPDATE alerts SET recovery_status = 'sending', recovery_code = NULL, recovery_at = now()
WHERE tenant_id = $1 AND alert_id = $2 AND recovery_status = 'pending'";

RECORD_RECOVERY_MAIL = "
-- record_recovery_mail()
UPDATE alerts SET recovery_status = $3, recovery_code = $4
WHERE tenant_id = $1 AND alert_id = $2 AND recovery_status = 'sending'";
}

/// A reason for an alert.
#[derive(Debug, Clone, Copy)]
pub struct NewAlert<'a> {
    pub tenant_id: &'a TenantId,
    /// Such as `all:5/15` or `code:ses_sending_paused`.
    pub rule: &'a str,
    pub failures: i64,
    pub codes: &'a Value,
    pub last_failure_at: DateTime<Utc>,
}

column_enum! {
    /// Why an alert is over.
    pub enum ClosedAs {
        /// The failures have ended, and the admins get a mail.
        Recovered = "recovered",
        /// The failures go on: the next alert of the rule may open.
        CooledDown = "cooled_down",
    }
}

/// A mail of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertMail {
    Opening,
    Recovery,
}

column_enum! {
    /// The progress of an alert's mail.
    pub enum AlertMailStatus {
        Pending = "pending",
        /// Claimed by a sender. If that is long ago, the result stays unknown.
        Sending = "sending",
        Sent = "sent",
        Failed = "failed",
        /// SES may have it or not; it is not sent again.
        Unknown = "unknown",
    }
}

row! {
    /// An alert that is open, or has a mail that is still to be sent.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Alert {
        pub alert_id: Uuid,
        pub rule: String,
        pub opened_at: DateTime<Utc>,
        pub closed_at: Option<DateTime<Utc>>,
        pub closed_as: Option<ClosedAs>,
        pub failures: i32,
        pub codes: Value,
        pub last_failure_at: DateTime<Utc>,
        pub mail_status: AlertMailStatus,
        /// The time at which a run last took the mail.
        pub mail_at: Option<DateTime<Utc>>,
        /// `None` unless it closed as recovered.
        pub recovery_status: Option<AlertMailStatus>,
        pub recovery_at: Option<DateTime<Utc>>,
    }
}

impl Store {
    /// Opens an alert, with a mail to be sent. `None` if one of its rule is open.
    pub async fn open_alert(&self, new: &NewAlert<'_>) -> Result<Option<Uuid>, Error> {
        let alert_id = Uuid::now_v7();
        let params = [
            text(new.tenant_id.as_ref()),
            uuid(alert_id),
            text(new.rule),
            int(count(new.failures)),
            jsonb(new.codes),
            time(new.last_failure_at),
        ];
        Ok((self.execute(OPEN_ALERT, &params).await? > 0).then_some(alert_id))
    }

    /// Returns a tenant's alerts that are open or have a mail that is still to be sent, the oldest first.
    pub async fn alerts_at_work(&self, tenant: &TenantId) -> Result<Vec<Alert>, Error> {
        self.all(ALERTS_AT_WORK, &[text(tenant.as_ref())]).await
    }

    /// Updates the figures of an open alert.
    pub async fn update_alert(
        &self,
        tenant: &TenantId,
        alert_id: Uuid,
        failures: i64,
        codes: &Value,
        last_failure_at: DateTime<Utc>,
    ) -> Result<(), Error> {
        let params = [text(tenant.as_ref()), uuid(alert_id), int(count(failures)), jsonb(codes), time(last_failure_at)];
        self.execute(UPDATE_ALERT, &params).await.map(drop)
    }

    /// Closes an alert; `Recovered` plans the mail about it. `false` if the alert is closed.
    pub async fn close_alert(&self, tenant: &TenantId, alert_id: Uuid, closed_as: ClosedAs) -> Result<bool, Error> {
        Ok(self.execute(CLOSE_ALERT, &[text(tenant.as_ref()), uuid(alert_id), text(closed_as.as_str())]).await? > 0)
    }

    /// Takes a mail, right before the request to SES; `false` if the mail must not be sent (again).
    pub async fn take_alert_mail(&self, tenant: &TenantId, alert_id: Uuid, mail: AlertMail) -> Result<bool, Error> {
        let sql = match mail {
            AlertMail::Opening => TAKE_ALERT_MAIL,
            AlertMail::Recovery => TAKE_RECOVERY_MAIL,
        };
        Ok(self.execute(sql, &[text(tenant.as_ref()), uuid(alert_id)]).await? > 0)
    }

    /// Records the result of a mail that was taken; `Pending` has it sent again.
    pub async fn record_alert_mail(
        &self,
        tenant: &TenantId,
        alert_id: Uuid,
        mail: AlertMail,
        status: AlertMailStatus,
        code: Option<Code>,
    ) -> Result<(), Error> {
        let sql = match mail {
            AlertMail::Opening => RECORD_ALERT_MAIL,
            AlertMail::Recovery => RECORD_RECOVERY_MAIL,
        };
        let params = [text(tenant.as_ref()), uuid(alert_id), text(status.as_str()), text(code.map(Code::as_str))];
        self.execute(sql, &params).await.map(drop)
    }
}

fn count(failures: i64) -> i32 {
    i32::try_from(failures).unwrap_or(i32::MAX)
}
