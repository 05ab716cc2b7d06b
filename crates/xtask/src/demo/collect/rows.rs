//! Rows as records.

use anyhow::{Context, bail};
use domain::analysis::Analysis;
use domain::session::SessionStatus;
use domain::transcript::{Role, Turn};
use serde_json::Value;
use tokio_postgres::Row;

use super::super::outcome::{EmailRecord, IntegrationRecord, Kind, StepRecord};

pub(super) fn ending(row: &Row) -> anyhow::Result<(SessionStatus, Option<String>)> {
    let status: &str = row.try_get("status")?;
    let status = SessionStatus::parse(status).with_context(|| format!("{status} is no status of a session"))?;
    Ok((status, row.try_get("failure_code")?))
}

pub(super) fn turn(row: &Row) -> anyhow::Result<Turn> {
    let role: &str = row.try_get("role")?;
    let ms = |column| anyhow::Ok(row.try_get::<_, Option<i32>>(column)?.map(u32::try_from).transpose()?);
    Ok(Turn {
        role: Role::parse(role).with_context(|| format!("{role} is no role"))?,
        text: row.try_get("text")?,
        started_ms: ms("started_ms")?,
        ended_ms: ms("ended_ms")?,
    })
}

pub(super) fn analysis(row: &Row) -> anyhow::Result<Analysis> {
    serde_json::from_value(row.try_get::<_, Value>("document")?).context("read the analysis")
}

pub(super) fn step(row: &Row) -> anyhow::Result<StepRecord> {
    Ok(StepRecord {
        step: row.try_get("step")?,
        status: row.try_get("status")?,
        attempt: row.try_get("attempt")?,
        code: row.try_get("code")?,
        created_at: row.try_get("created_at")?,
        started_at: row.try_get("started_at")?,
        finished_at: row.try_get("finished_at")?,
    })
}

pub(super) fn email(row: &Row) -> anyhow::Result<EmailRecord> {
    Ok(EmailRecord {
        status: row.try_get("status")?,
        code: row.try_get("code")?,
        template: row.try_get("template")?,
        provider_id: row.try_get("provider_id")?,
    })
}

pub(super) fn integration(row: &Row) -> anyhow::Result<IntegrationRecord> {
    let kind = match row.try_get("kind")? {
        "hubspot" => Kind::Hubspot,
        "salesforce" => Kind::Salesforce,
        "webhook" => Kind::Webhook,
        other => bail!("{other} is no kind of integration that the demo has"),
    };
    Ok(IntegrationRecord {
        kind,
        status: row.try_get("status")?,
        contact_id: row.try_get("contact_id")?,
        record_id: row.try_get("record_id")?,
        code: row.try_get("code")?,
    })
}
