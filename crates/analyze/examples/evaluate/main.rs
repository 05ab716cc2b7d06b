//! Analyses labelled conversations for `cargo xtask eval`.
//!
//! The program reads conversations from stdin, one JSON object a line, and prints a line for each analysis at once.
//! Progress goes to stderr. `--model ID` is a Bedrock model or inference profile. The SDK finds credentials, region and
//! endpoint in its usual places.

mod journal;

use std::fmt::Display;
use std::io::Read;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use analyze::journal::Journal;
use analyze::models::Models;
use analyze::{AnalysisRequest, Analyst, Error, Settings};
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use chrono::{DateTime, Utc};
use domain::analysis::{Analysis, Usage};
use domain::session::{Channel, Session, Visitor};
use domain::transcript::Transcript;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use stage::Failure;
use store::model_calls::CallOutcome;
use store::parts::PartKey;

use journal::MemoryJournal;

/// The longest time that a Lambda function may run.
const TIME: Duration = Duration::from_secs(15 * 60);
/// The most attempts while a model is not available; the waits between them are 1, 2, 4 and 8 s.
const DELIVERIES: u32 = 5;
/// The value of `PartConcurrency` in `template.yaml`.
const PART_CONCURRENCY: usize = 6;
/// The variable of a Bedrock API key, which the SDK uses instead of credentials.
const API_KEY: &str = "AWS_BEARER_TOKEN_BEDROCK";

struct Arguments {
    model: String,
    concurrency: usize,
}

#[derive(Deserialize)]
struct Conversation {
    id: String,
    channel: Channel,
    #[serde(default)]
    session: Facts,
    transcript: Transcript,
}

#[derive(Default, Deserialize)]
struct Facts {
    #[serde(default)]
    visitor: Visitor,
    started_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    end_reason: Option<String>,
}

/// A conversation in the form that an analysis needs.
struct Prepared {
    session: Session,
    transcript: Transcript,
}

#[derive(Serialize)]
struct Line {
    id: String,
    analysis: Option<Analysis>,
    error: Option<&'static str>,
    /// The error with its causes, for the progress.
    #[serde(skip)]
    why: Option<String>,
    first_try_valid: bool,
    seconds: f64,
    /// The usage of a conversation without an analysis.
    usage: Option<Usage>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let arguments = arguments()?;
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).map_err(cannot("read the conversations"))?;
    let conversations = conversations(&input)?;
    let analyst = analyst(&arguments.model).await?;
    let all = conversations.len();
    let analyses = conversations.into_iter().map(|conversation| evaluate(&analyst, conversation));
    let mut lines = futures_util::stream::iter(analyses).buffer_unordered(arguments.concurrency);
    let mut done = 0;
    while let Some(line) = lines.next().await {
        let line = line?;
        done += 1;
        println!("{}", serde_json::to_string(&line).map_err(cannot("write a result"))?);
        eprintln!("{done:>4} of {all}  {:>6.2} s  {}  {}", line.seconds, line.id, line.why.unwrap_or_default());
    }
    Ok(())
}

fn cannot<E: Display>(what: &'static str) -> impl Fn(E) -> String {
    move |error| format!("cannot {what}: {error}")
}

fn arguments() -> Result<Arguments, String> {
    let (mut model, mut concurrency) = (None, 1);
    let mut words = std::env::args().skip(1);
    while let Some(option) = words.next() {
        let value = words.next().ok_or_else(|| format!("{option} needs a value"))?;
        match option.as_str() {
            "--model" => model = Some(value),
            "--concurrency" => concurrency = value.parse().map_err(cannot("read --concurrency"))?,
            _ => return Err(format!("unknown option {option}")),
        }
    }
    let model = model.ok_or("--model is missing")?;
    Ok(Arguments { model, concurrency: concurrency.max(1) })
}

/// Reads every conversation before the first request: an invalid one must not end a run that is paid for.
fn conversations(input: &str) -> Result<Vec<Prepared>, String> {
    let lines = (1..).zip(input.lines()).filter(|(_, line)| !line.trim().is_empty());
    let read = |(number, line): (u32, &str)| {
        let conversation = serde_json::from_str(line).map_err(|error| error.to_string());
        conversation.and_then(prepare).map_err(|error| format!("cannot read conversation {number}: {error}"))
    };
    lines.map(read).collect()
}

async fn analyst(model: &str) -> Result<Analyst, String> {
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    check(&aws).await?;
    let bedrock = aws_sdk_bedrockruntime::config::Builder::from(&aws).retry_config(RetryConfig::disabled()).build();
    Ok(Analyst {
        bedrock: aws_sdk_bedrockruntime::Client::from_conf(bedrock),
        models: Models::with_overrides("[]").map_err(cannot("read the models"))?,
        default_model: model.to_owned(),
        part_concurrency: PART_CONCURRENCY,
    })
}

/// Finds missing settings of AWS before forty conversations fail because of them.
async fn check(aws: &SdkConfig) -> Result<(), String> {
    if aws.region().is_none() {
        return Err("no AWS region: set AWS_REGION, or a region in the AWS profile".to_owned());
    }
    if std::env::var_os(API_KEY).is_some_and(|key| !key.is_empty()) {
        return Ok(());
    }
    let provider = aws.credentials_provider().ok_or("no AWS credentials")?;
    let found = provider.provide_credentials().await;
    let hint = format!("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or {API_KEY}");
    found.map(drop).map_err(|error| format!("no AWS credentials ({error}): {hint}"))
}

async fn evaluate(analyst: &Analyst, prepared: Prepared) -> Result<Line, String> {
    let started = Instant::now();
    let Prepared { session, transcript } = prepared;
    let journal = MemoryJournal::default();
    let settings = Settings::default();
    let until = started + TIME;
    let request =
        AnalysisRequest { session: &session, transcript: &transcript, settings: &settings, model: None, until };
    let (analysis, error) = match deliver(analyst, &request, &journal).await {
        Ok(analysis) => (Some(analysis), None),
        Err(error) => (None, Some(error)),
    };
    let usage =
        if analysis.is_none() { Some(journal.usage().await.map_err(cannot("add up the usage"))?) } else { None };
    Ok(Line {
        id: session.session_id.to_string(),
        analysis,
        error: error.as_ref().map(|error| error.code().as_str()),
        why: error.as_ref().map(explain),
        first_try_valid: first_try_valid(&journal),
        seconds: started.elapsed().as_secs_f64(),
        usage,
    })
}

fn explain(error: &Error) -> String {
    format!("{}: {}", error.code(), stage::error_chain(error))
}

fn prepare(conversation: Conversation) -> Result<Prepared, String> {
    let Conversation { id, channel, session, transcript } = conversation;
    let started_at = session.started_at.unwrap_or_default();
    let session = Session {
        tenant_id: "evaluation".parse().map_err(cannot("name the tenant"))?,
        session_id: id.parse().map_err(|error| format!("invalid session id {id}: it {error}"))?,
        agent_id: "evaluated".parse().map_err(cannot("name the agent"))?,
        channel,
        started_at,
        ended_at: session.ended_at.unwrap_or(started_at),
        end_reason: session.end_reason,
        visitor: session.visitor,
        metadata: serde_json::Map::new(),
    };
    Ok(Prepared { session, transcript })
}

#[expect(clippy::disallowed_methods, reason = "there is no queue that would wait here")]
async fn deliver(analyst: &Analyst, request: &AnalysisRequest<'_>, journal: &MemoryJournal) -> Result<Analysis, Error> {
    let mut wait = Duration::from_secs(1);
    for _ in 1..DELIVERIES {
        match analyst.analyse(request, journal).await {
            Ok(analysed) => return Ok(analysed.analysis),
            Err(error) if !error.is_retryable() => return Err(error),
            Err(_) => tokio::time::sleep(wait).await,
        }
        wait *= 2;
    }
    analyst.analyse(request, journal).await.map(|analysed| analysed.analysis)
}

/// Returns whether the first answer about every part was usable; invented quotes are counted elsewhere.
fn first_try_valid(journal: &MemoryJournal) -> bool {
    let calls = journal.calls();
    let mut parts: Vec<_> = calls.iter().map(|call| call.part).collect();
    parts.sort_unstable();
    parts.dedup();
    let first = |part: PartKey| {
        let ends = calls.iter().filter(|call| call.part == part).filter_map(|call| call.end.as_ref());
        ends.map(|end| end.outcome).find(|outcome| *outcome != CallOutcome::NoAnswer)
    };
    let valid = |part| match first(part) {
        Some(CallOutcome::Usable | CallOutcome::Shortcomings) => true,
        Some(CallOutcome::Invalid | CallOutcome::Refused | CallOutcome::NoAnswer) | None => false,
    };
    !parts.is_empty() && parts.into_iter().all(valid)
}
