//! `cargo xtask integrations`: what tenants sync to, through the tasks of `housekeep`.

mod function;
mod render;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use chrono::{DateTime, NaiveDate, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use domain::id::{IntegrationId, SessionId, TenantId};
use housekeep::integrations::{IntegrationTask, ReplayedSyncs, ShownSyncs};
use serde::de::DeserializeOwned;
use serde_json::Value;
use store::syncs::ShownStatus;

use crate::paths;
use function::Function;

/// Whose integrations, and where.
#[derive(Debug, Args)]
pub(crate) struct Tenant {
    #[arg(long, value_name = "ID")]
    tenant: TenantId,
    /// Name of a deployed `housekeep` function, invoked with the `aws` command; the local stack's if not given.
    #[arg(long, value_name = "NAME")]
    function: Option<String>,
    /// Print the function's answer.
    #[arg(long)]
    json: bool,
}

/// Which integration.
#[derive(Debug, Args)]
pub(crate) struct One {
    #[command(flatten)]
    of: Tenant,
    #[arg(long, value_name = "ID")]
    integration: IntegrationId,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Integrations {
    /// How the integrations are configured, and how they fare.
    Show(Tenant),
    /// Add an integration or change it, once a test has found that it works.
    Save {
        #[command(flatten)]
        one: One,
        /// The configuration as a JSON object, with its `kind`.
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        /// Name of its secret in Secrets Manager.
        #[arg(long, value_name = "NAME")]
        secret_name: String,
        /// Save it switched off.
        #[arg(long)]
        off: bool,
    },
    /// Ask the third party whether the integration works.
    Test(One),
    /// Switch it on, once a test has found that it works.
    Enable(One),
    /// Switch it off: sessions are not synced, and do not wait.
    Disable(One),
    /// Forget it; what was synced stays in the third party.
    Remove(One),
    /// Sync again: one session, or those of a time.
    Replay {
        #[command(flatten)]
        one: One,
        #[arg(long, value_name = "ID", required_unless_present = "from", conflicts_with_all = ["from", "to"])]
        session: Option<SessionId>,
        /// A date, or a time such as 2026-11-25T10:00:00Z.
        #[arg(long, value_name = "TIME", value_parser = time)]
        from: Option<DateTime<Utc>>,
        /// Before this; now if not given.
        #[arg(long, value_name = "TIME", value_parser = time, requires = "from")]
        to: Option<DateTime<Utc>>,
        /// Replay only undelivered events of a webhook. A CRM gets only failed syncs anyway.
        #[arg(long)]
        failed: bool,
    },
    /// List its syncs, the latest changes first.
    Log {
        #[command(flatten)]
        one: One,
        /// Only this session's.
        #[arg(long, value_name = "ID")]
        session: Option<SessionId>,
        #[arg(long, value_parser = status())]
        status: Option<ShownStatus>,
        /// Only what has changed since: a date, or a time such as 2026-11-25T10:00:00Z.
        #[arg(long, value_name = "TIME", value_parser = time)]
        from: Option<DateTime<Utc>>,
        /// And before this.
        #[arg(long, value_name = "TIME", value_parser = time)]
        to: Option<DateTime<Utc>>,
        /// Syncs at most.
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// The latest requests to a webhook, with what came back.
    Attempts {
        #[command(flatten)]
        one: One,
        /// Only those about this session.
        #[arg(long, value_name = "ID")]
        session: Option<SessionId>,
    },
}

/// The statuses that the log shows.
fn status() -> impl TypedValueParser<Value = ShownStatus> {
    let names = PossibleValuesParser::new(ShownStatus::ALL.map(ShownStatus::as_str));
    names.try_map(|name| ShownStatus::parse(&name).ok_or("is no status"))
}

/// RFC 3339, or the beginning of a day of UTC.
fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let day = || text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0).map(|time| time.and_utc());
    let time = DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc()).or_else(day);
    time.ok_or_else(|| "is neither a date such as 2026-11-25 nor a time such as 2026-11-25T10:00:00Z".to_owned())
}

/// Prints what the function answers. A test that finds the integration broken fails.
pub(crate) async fn run(command: Integrations) -> anyhow::Result<ExitCode> {
    let of = command.of();
    let (json, function) = (of.json, Function::find(of.function.as_deref())?);
    let task = task(&command, Utc::now())?;
    let answer = match &command {
        Integrations::Replay { .. } => replay(&function, task).await?,
        Integrations::Log { limit, .. } => log(&function, task, *limit).await?,
        _ => function.invoke(&task).await?,
    };
    if json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        print!("{}", render::render(&command, &answer)?);
    }
    Ok(if answer["ok"] == Value::Bool(false) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Reads an answer of the function.
fn read<T: DeserializeOwned>(answer: &Value) -> anyhow::Result<T> {
    T::deserialize(answer).context("the function's answer is not one of this release: use --json")
}

/// Page by page, until nothing is left.
async fn replay(function: &Function, mut task: IntegrationTask) -> anyhow::Result<Value> {
    let mut all = ReplayedSyncs { replayed: 0, next: None };
    loop {
        let stopped = || match &all.next {
            Some(after) => format!("stopped after {}; go on after session {after}", all.replayed),
            None => "nothing was sent again".to_owned(),
        };
        let ReplayedSyncs { replayed, next } = read(&function.invoke(&task).await.with_context(stopped)?)?;
        all = ReplayedSyncs { replayed: all.replayed + replayed, next };
        let IntegrationTask::ReplayIntegration { after, .. } = &mut task else { break };
        after.clone_from(&all.next);
        if after.is_none() {
            break;
        }
    }
    Ok(serde_json::to_value(all)?)
}

/// Fetches page by page, up to this number.
async fn log(function: &Function, mut task: IntegrationTask, most: u32) -> anyhow::Result<Value> {
    let mut all = ShownSyncs { syncs: Vec::new(), next: None };
    while let IntegrationTask::ShowSyncs { limit, after, .. } = &mut task {
        *limit = most.checked_sub(u32::try_from(all.syncs.len())?).filter(|rest| *rest > 0);
        if limit.is_none() {
            break;
        }
        after.clone_from(&all.next);
        let ShownSyncs { syncs, next } = read(&function.invoke(&task).await?)?;
        all.syncs.extend(syncs);
        all.next = next;
        if all.next.is_none() {
            break;
        }
    }
    Ok(serde_json::to_value(all)?)
}

impl Integrations {
    fn of(&self) -> &Tenant {
        match self {
            Self::Show(of) => of,
            Self::Test(one) | Self::Enable(one) | Self::Disable(one) | Self::Remove(one) => &one.of,
            Self::Save { one, .. } | Self::Replay { one, .. } | Self::Log { one, .. } | Self::Attempts { one, .. } => {
                &one.of
            }
        }
    }
}

/// As the function takes it.
fn task(command: &Integrations, now: DateTime<Utc>) -> anyhow::Result<IntegrationTask> {
    let tenant_id = command.of().tenant.clone();
    let id = |one: &One| one.integration.clone();
    Ok(match command {
        Integrations::Show(_) => IntegrationTask::ShowIntegrations { tenant_id },
        Integrations::Save { one, file, secret_name, off } => {
            let text = std::fs::read(file).with_context(|| format!("failed to read {}", paths::shown(file)))?;
            let config = serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", paths::shown(file)))?;
            let (integration_id, secret_name) = (id(one), secret_name.clone());
            IntegrationTask::SaveIntegration { tenant_id, integration_id, config, secret_name, enabled: !off }
        }
        Integrations::Test(one) => IntegrationTask::TestIntegration { tenant_id, integration_id: id(one) },
        Integrations::Enable(one) => IntegrationTask::EnableIntegration { tenant_id, integration_id: id(one) },
        Integrations::Disable(one) => IntegrationTask::DisableIntegration { tenant_id, integration_id: id(one) },
        Integrations::Remove(one) => IntegrationTask::RemoveIntegration { tenant_id, integration_id: id(one) },
        Integrations::Replay { one, session, from, to, failed } => IntegrationTask::ReplayIntegration {
            tenant_id,
            integration_id: id(one),
            session_id: session.clone(),
            from: *from,
            to: to.or(from.map(|_| now)),
            failed_only: *failed,
            after: None,
        },
        Integrations::Log { one, session, status, from, to, limit } => IntegrationTask::ShowSyncs {
            tenant_id,
            integration_id: id(one),
            session_id: session.clone(),
            status: *status,
            from: *from,
            to: *to,
            limit: Some(*limit),
            after: None,
        },
        Integrations::Attempts { one, session } => {
            IntegrationTask::ShowAttempts { tenant_id, integration_id: id(one), session_id: session.clone() }
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(subcommand)]
        command: Integrations,
    }

    pub(super) fn command(line: &str) -> Result<Integrations, String> {
        let arguments = std::iter::once("integrations").chain(line.split_whitespace());
        Cli::try_parse_from(arguments).map(|cli| cli.command).map_err(|error| error.to_string())
    }

    fn task_of(line: &str) -> Value {
        let task = task(&command(line).unwrap(), "2026-11-25T10:00:00Z".parse().unwrap()).unwrap();
        serde_json::to_value(task).unwrap()
    }

    #[test]
    fn every_command_is_a_task_of_the_function() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/housekeep-save-integration.json");
        for line in [
            "show --tenant acme",
            &format!("save --tenant acme --integration hubspot --file {file} --secret-name s"),
            "test --tenant acme --integration hubspot",
            "enable --tenant acme --integration hubspot",
            "disable --tenant acme --integration hubspot",
            "remove --tenant acme --integration hubspot",
            "replay --tenant acme --integration hubspot --session s-1",
            "replay --tenant acme --integration hubspot --from 2026-11-01 --to 2026-11-02T10:00:00Z --failed",
            "log --tenant acme --integration hubspot",
            "log --tenant acme --integration hubspot --session s-1 --status failed --limit 7",
            "log --tenant acme --integration hubspot --from 2026-11-01 --to 2026-11-02",
            "attempts --tenant acme --integration hook --session s-1",
            "attempts --tenant acme --integration hook --function dev-housekeep --json",
        ] {
            serde_json::from_value::<IntegrationTask>(task_of(line)).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
        let replay = task_of("replay --tenant acme --integration hubspot --from 2026-11-01");
        assert_eq!((&replay["from"], &replay["to"]), (&json!("2026-11-01T00:00:00Z"), &json!("2026-11-25T10:00:00Z")));
    }

    #[test]
    fn what_is_missing_or_wrong_is_said_before_anything_is_asked() {
        for (line, told) in [
            ("show", "--tenant <ID>"),
            ("test --tenant acme", "--integration <ID>"),
            ("show --tenant a/b", "invalid value"),
            ("replay --tenant acme --integration hubspot", "--session <ID>"),
            ("replay --tenant acme --integration hubspot --session s-1 --from 2026-11-01", "cannot be used with"),
            ("replay --tenant acme --integration hubspot --from yesterday", "is neither a date"),
            (
                "log --tenant acme --integration hubspot --status lost",
                "[possible values: pending, writing, waiting, done, ",
            ),
            ("log --tenant acme --integration hubspot --limit 0", "invalid value"),
        ] {
            let error = command(line).unwrap_err();
            assert!(error.contains(told), "{line}: {error}");
        }
    }
}
