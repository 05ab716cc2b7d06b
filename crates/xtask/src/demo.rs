//! `cargo xtask demo`: runs conversations through the stack and shows what came of them.

mod assemble;
#[cfg(test)]
mod canned;
mod collect;
mod conversations;
mod notification;
mod outcome;
mod page;
mod post;
mod report;
mod samples;
mod stand_ins;
mod table;
mod wait;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::Utc;

use collect::Database;
use notification::Notification;
use outcome::Outcome;
use report::Report;

use crate::seed::{self, Tenant};
use crate::stack::StackFile;

/// No request of the demo takes longer, a cold start included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What to run, and where to write about it.
pub(crate) struct Options {
    /// Conversations to run instead of the samples; see the README for their format.
    pub(crate) transcripts: Option<PathBuf>,
    /// Of those, the first so many.
    pub(crate) limit: Option<usize>,
    /// Directory of `report.json` and `report.html`.
    pub(crate) out_dir: PathBuf,
}

/// The conversations of a run and whose they are.
struct Conversations {
    business: &'static str,
    notifications: Vec<Notification>,
}

/// Runs the demo on a ready stack; the code is a failure if any session did not complete.
pub(crate) async fn run(stack: &StackFile, options: &Options) -> anyhow::Result<ExitCode> {
    let conversations = conversations(options)?;
    let outcome = play(stack, conversations).await?;
    let report = Report::of(&outcome);
    let page = write(&outcome, &report, &options.out_dir)?;
    println!("\n{}", table::render(&outcome));
    println!("{}", totals(&report));
    println!("Open {}", page.display());
    Ok(if report.is_complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn conversations(options: &Options) -> anyhow::Result<Conversations> {
    let now = Utc::now();
    let (business, mut notifications) = match &options.transcripts {
        Some(path) => ("Example Assistant", conversations::read(path, options.limit, now)?),
        None => (samples::BUSINESS, samples::notifications(now)?),
    };
    notifications.truncate(options.limit.unwrap_or(usize::MAX));
    anyhow::ensure!(!notifications.is_empty(), "there are no conversations to run");
    Ok(Conversations { business, notifications })
}

async fn play(stack: &StackFile, Conversations { business, notifications }: Conversations) -> anyhow::Result<Outcome> {
    // A proxy of the environment could not reach this machine's ports.
    let http = reqwest::Client::builder().no_proxy().timeout(REQUEST_TIMEOUT).build()?;
    let tenant = Tenant::of_run(Utc::now())?;
    println!("Seeding the tenant {}", tenant.id);
    seed::seed(stack, &http, &tenant, business).await.context("seed the tenant")?;
    let mails_before = stand_ins::mails_taken(stack, &http).await?;

    println!("Posting {} notifications to {}", notifications.len(), stack.api_url);
    let start = Instant::now();
    let answers = post::post_all(stack, &http, &tenant.id, &notifications).await?;
    for (notification, answer) in notifications.iter().zip(&answers) {
        if let Err(why) = answer {
            println!("  {} was refused: {why}", notification.session_id);
        }
    }
    let accepted = answers.iter().filter(|answer| answer.is_ok()).count();
    let database = Database::connect(&stack.database_url, &tenant.id).await?;
    wait::until_ended(&database, accepted).await?;
    let wall = start.elapsed();

    let mut arrived = stand_ins::arrived(stack, &http, &tenant, mails_before).await?;
    let stored = database.sessions().await?;
    Ok(Outcome {
        business: business.to_owned(),
        tenant_id: tenant.id.to_string(),
        finished_at: Utc::now(),
        wall,
        sessions: assemble::sessions(notifications, answers, stored, &mut arrived),
        left_behind: arrived.counts,
    })
}

/// Returns the path of the page.
fn write(outcome: &Outcome, report: &Report, directory: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    let json = serde_json::to_string_pretty(report)?;
    for (name, text) in [("report.json", json + "\n"), ("report.html", page::render(outcome)?)] {
        let path = directory.join(name);
        std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(directory.join("report.html"))
}

fn totals(report: &Report) -> String {
    let totals = &report.totals;
    format!(
        "{} accepted, {} completed, {} failed; {} mails; HubSpot: {} contacts, {} notes; Salesforce: {} people, \
         {} tasks; {} webhooks; {} dead letters; {:.1} s",
        totals.accepted,
        totals.completed,
        totals.failed,
        totals.emails_sent,
        totals.contacts,
        totals.notes,
        totals.people,
        totals.tasks,
        totals.webhooks,
        totals.dead_letters,
        report.wall_s
    )
}
