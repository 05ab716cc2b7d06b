//! `cargo xtask demo`: runs conversations through the stack and shows their results.

mod conversations;
mod database;
mod notification;
mod outcome;
mod page;
mod stand_ins;
mod table;
#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::Utc;

use database::Database;
use notification::{Notification, post_all};
use outcome::{Outcome, SessionOutcome};
use stand_ins::Arrived;

use crate::function::local_http;
use crate::paths;
use crate::seed::{self, Tenant};
use crate::stack::{self, Llm, StackFile};

/// No request of the demo takes longer, a cold start included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Run these conversations instead of the six samples, one JSON object a line; times, and a missing visitor, are made up.
    #[arg(long, value_name = "FILE")]
    transcripts: Option<PathBuf>,
    /// Run only the first N conversations.
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroUsize>,
    #[command(flatten)]
    llm: Llm,
}

/// Runs the demo on a stack of its own; the code is a failure if any session did not complete.
pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let limit = options.limit.map(NonZeroUsize::get);
    let (business, notifications) = match &options.transcripts {
        Some(path) => ("Example Assistant", conversations::read(path, limit, Utc::now())?),
        None => (conversations::BUSINESS, conversations::samples(limit, Utc::now())?),
    };
    anyhow::ensure!(!notifications.is_empty(), "there are no conversations to run");
    let stack = stack::up("demo-stack", &options.llm).await?;
    let outcome = play(&stack.file, (business, options.llm.name()), notifications).await?;
    let page = write(&outcome, &paths::target().join("demo"))?;
    println!("\n{}", table::render(&outcome));
    println!("{}", table::totals(&outcome));
    println!("Open {}", page.display());
    Ok(if outcome.is_complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn play(
    stack: &StackFile,
    (business, analysed_by): (&str, String),
    notifications: Vec<Notification>,
) -> anyhow::Result<Outcome> {
    let http = local_http().timeout(REQUEST_TIMEOUT).build()?;
    let tenant = Tenant::of_run(Utc::now())?;
    println!("Seeding the tenant {}", tenant.id);
    seed::seed(stack, &http, &tenant, business).await.context("seed the tenant")?;

    println!("Posting {} notifications to {}", notifications.len(), stack.api_url);
    let start = Instant::now();
    let refusals = post_all(stack, &http, &tenant.id, &notifications).await?;
    for (notification, refusal) in notifications.iter().zip(&refusals) {
        if let Some(answer) = refusal {
            println!("  {} was refused: {answer}", notification.session_id);
        }
    }
    let accepted = refusals.iter().filter(|refusal| refusal.is_none()).count();
    let database = Database::connect(&stack.database_url, &tenant.id).await?;
    database.until_ended(accepted).await?;
    let wall_s = start.elapsed().as_secs_f64();

    let arrived = Arrived::read(stack, &http, &tenant).await?;
    let mut stored = database.sessions().await?;
    stored.values_mut().try_for_each(|stored| arrived.attach(stored))?;
    let sessions = notifications.into_iter().zip(refusals).map(|(posted, refusal)| {
        let stored = stored.remove(posted.session_id.as_ref());
        SessionOutcome::new(posted, refusal, stored)
    });
    Ok(Outcome::new(
        (business, tenant.id.as_ref(), analysed_by),
        Utc::now(),
        wall_s,
        sessions.collect(),
        arrived.totals,
    ))
}

/// Returns the path of the page.
fn write(outcome: &Outcome, directory: &Path) -> anyhow::Result<PathBuf> {
    let json = serde_json::to_string_pretty(outcome)? + "\n";
    paths::write(&directory.join("report.json"), json)?;
    let page = directory.join("report.html");
    paths::write(&page, page::render(outcome)?)?;
    Ok(page)
}
