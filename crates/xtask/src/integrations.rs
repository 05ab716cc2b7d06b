//! `cargo xtask integrations`: what tenants sync to, through the tasks of `housekeep`.

mod render;

use std::process::ExitCode;

use anyhow::Context;
use chrono::{DateTime, NaiveDate, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args, Subcommand};
use domain::id::{IntegrationId, SessionId, TenantId};
use housekeep::integrations::{IntegrationTask, ReplayedSyncs, ShownSyncs};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::syncs::ShownStatus;

use crate::function::Function;

/// A tenant, and the function that knows its integrations.
#[derive(Debug, Args, Serialize)]
pub(crate) struct Tenant {
    #[arg(long = "tenant", value_name = "ID")]
    tenant_id: TenantId,
    /// Name of a deployed `housekeep` function, invoked with the `aws` command; the local stack's if not given.
    #[arg(long, value_name = "NAME")]
    #[serde(skip)]
    function: Option<String>,
    /// Print the function's answer.
    #[arg(long)]
    #[serde(skip)]
    json: bool,
}

/// An integration of a tenant.
#[derive(Debug, Args, Serialize)]
pub(crate) struct One {
    #[command(flatten)]
    #[serde(flatten)]
    of: Tenant,
    #[arg(long = "integration", value_name = "ID")]
    integration_id: IntegrationId,
}

/// Each command serialises as the task of the function that it stands for.
#[derive(Debug, Subcommand, Serialize)]
#[serde(tag = "task")]
pub(crate) enum Integrations {
    /// How the integrations are configured, and how they fare.
    #[serde(rename = "show_integrations")]
    Show(Tenant),
    /// Add an integration or change it, once a test has found that it works.
    #[serde(rename = "save_integration")]
    Save {
        #[command(flatten)]
        #[serde(flatten)]
        one: One,
        /// The configuration as a JSON object, with its `kind`.
        #[arg(long = "file", value_name = "FILE", value_parser = json_file)]
        config: Value,
        /// Name of its secret in Secrets Manager.
        #[arg(long, value_name = "NAME")]
        secret_name: String,
        /// Save it switched off.
        #[arg(long = "off", action = ArgAction::SetFalse)]
        enabled: bool,
    },
    /// Ask the third party whether the integration works.
    #[serde(rename = "test_integration")]
    Test(One),
    /// Switch it on, once a test has found that it works.
    #[serde(rename = "enable_integration")]
    Enable(One),
    /// Switch it off: sessions are not synced, and do not wait.
    #[serde(rename = "disable_integration")]
    Disable(One),
    /// Forget it; what was synced stays in the third party.
    #[serde(rename = "remove_integration")]
    Remove(One),
    /// Sync again: one session, or those of a time.
    #[serde(rename = "replay_integration")]
    Replay {
        #[command(flatten)]
        #[serde(flatten)]
        one: One,
        #[arg(long = "session", value_name = "ID", required_unless_present = "from")]
        #[arg(conflicts_with_all = ["from", "to"])]
        session_id: Option<SessionId>,
        /// A date, or a time such as 2026-11-25T10:00:00Z.
        #[arg(long, value_name = "TIME", value_parser = time)]
        from: Option<DateTime<Utc>>,
        /// Before this; now if not given.
        #[arg(long, value_name = "TIME", value_parser = time, requires = "from")]
        to: Option<DateTime<Utc>>,
        /// Replay only undelivered events of a webhook. A CRM gets only failed syncs anyway.
        #[arg(long = "failed")]
        failed_only: bool,
    },
    /// List its syncs, the latest changes first.
    #[serde(rename = "show_syncs")]
    Log {
        #[command(flatten)]
        #[serde(flatten)]
        one: One,
        /// Only this session's.
        #[arg(long = "session", value_name = "ID")]
        session_id: Option<SessionId>,
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
    #[serde(rename = "show_attempts")]
    Attempts {
        #[command(flatten)]
        #[serde(flatten)]
        one: One,
        /// Only those about this session.
        #[arg(long = "session", value_name = "ID")]
        session_id: Option<SessionId>,
    },
}

/// The statuses that the log shows.
fn status() -> impl TypedValueParser<Value = ShownStatus> {
    let names = PossibleValuesParser::new(ShownStatus::ALL.map(ShownStatus::as_str));
    names.try_map(|name| ShownStatus::parse(&name).ok_or("is not a status"))
}

/// RFC 3339, or the beginning of a day of UTC.
fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let day = || text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0).map(|time| time.and_utc());
    let time = DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc()).or_else(day);
    time.ok_or_else(|| "is neither a date such as 2026-11-25 nor a time such as 2026-11-25T10:00:00Z".to_owned())
}

fn json_file(path: &str) -> anyhow::Result<Value> {
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

/// Prints what the function answers. A test that finds the integration broken fails.
pub(crate) async fn run(command: Integrations) -> anyhow::Result<ExitCode> {
    let of = command.of();
    let (function, task) = (Function::housekeep(of.function.as_deref())?, task(&command, Utc::now())?);
    let answer = match &command {
        Integrations::Replay { .. } => replay(&function, task).await?,
        Integrations::Log { limit, .. } => log(&function, task, *limit).await?,
        _ => function.invoke(&task).await?,
    };
    if of.json {
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
    let mut task = IntegrationTask::deserialize(serde_json::to_value(command)?)?;
    if let IntegrationTask::ReplayIntegration { from: Some(_), to, .. } = &mut task {
        to.get_or_insert(now);
    }
    Ok(task)
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
        for (line, expected) in [
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
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
