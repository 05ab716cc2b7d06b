#![doc = include_str!("../README.md")]

mod analyst;
pub mod answer;
mod ask;
mod bedrock;
pub mod check;
mod error;
pub mod evidence;
pub mod figures;
mod follow_ups;
pub mod journal;
pub mod leak;
pub mod merge;
pub mod metrics;
pub mod models;
mod normalize;
pub mod prompt;
pub mod sentiment;
pub mod split;
#[cfg(test)]
mod testing;
pub mod text;

use std::time::{Duration, Instant};

use chrono::Utc;
use domain::message::AnalyzeMessage;
use domain::step::Code;
use domain::transcript::Transcript;
use stage::queues::Routes;
use stage::step::{StageConfig, TRANSCRIPT_PURGED, WITHOUT_TRANSCRIPT};
use stage::{Clock, ConfigError, Delivery, Env, Outcome, Stage};
use store::Store;
use store::analyses::NewAnalysis;
use store::sessions::StoredSession;

use journal::StoreJournal;
use models::Models;

pub use analyst::{AnalysisRequest, Analyst, CompletedAnalysis, Settings};
pub use bedrock::{ModelError, NoReply};
pub use error::{Error, RefusedBy};

/// Checks for a missing transcript within `TRANSCRIPT_WAIT_SECONDS`: fewer than the deliveries that SQS makes.
const TRANSCRIPT_LOOKS: u32 = 3;
/// The shortest wait for a missing transcript: shorter ones would use up the message's deliveries.
const MIN_TRANSCRIPT_WAIT: Duration = Duration::from_secs(1);

const UNKNOWN_SESSION: Code = Code::new("unknown_session");
const TRANSCRIPT_MISSING: Code = Code::new("transcript_missing");

/// The function's configuration.
pub struct Config {
    pub store: store::Config,
    pub stage: StageConfig,
    pub follow_ups: Routes,
    /// The model of tenants that have not chosen a model: the id of a Bedrock model or inference profile.
    pub model: String,
    /// JSON with rows that replace rows of the built-in model table.
    pub model_overrides: String,
    /// The most parts of one transcript that are analysed at the same time.
    pub part_concurrency: usize,
    /// The longest wait for a transcript after the notification.
    pub transcript_wait: Duration,
}

impl Config {
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let stage = StageConfig::from_env(env)?;
        Ok(Self {
            store: stage::config::store(env, stage.queue.concurrency)?,
            stage,
            follow_ups: Routes::of_steps(env)?,
            model: env.text("BEDROCK_MODEL_ID")?,
            model_overrides: env.text("MODEL_OVERRIDES")?,
            part_concurrency: env.parsed("PART_CONCURRENCY")?,
            transcript_wait: env.seconds("TRANSCRIPT_WAIT_SECONDS")?,
        })
    }
}

/// Collaborators of the handler.
pub struct Context {
    pub store: Store,
    pub analyst: Analyst,
    pub transcript_wait: Duration,
    pub clock: Clock,
}

impl Context {
    pub fn new(config: &Config, aws: &stage::SdkConfig, store: Store) -> Result<Self, models::InvalidModels> {
        // The queue retries: a second request inside the invocation would only use up its time.
        let bedrock = aws_sdk_bedrockruntime::config::Builder::from(aws).retry_config(transport::retries(1)).build();
        let analyst = Analyst {
            bedrock: aws_sdk_bedrockruntime::Client::from_conf(bedrock),
            models: Models::with_overrides(&config.model_overrides)?,
            default_model: config.model.clone(),
            part_concurrency: config.part_concurrency,
        };
        Ok(Self { store, analyst, transcript_wait: config.transcript_wait, clock: Utc::now })
    }

    /// Returns the time until the next check for a transcript; `None` after the longest wait.
    fn next_transcript_check(&self, stored: &StoredSession) -> Option<Duration> {
        let waited = stored.notified_at.map(|at| (self.clock)() - at).and_then(|waited| waited.to_std().ok());
        let left = self.transcript_wait.checked_sub(waited.unwrap_or_default())?;
        Some(left.min(self.transcript_wait / TRANSCRIPT_LOOKS).max(MIN_TRANSCRIPT_WAIT))
    }

    async fn analyse(
        &self,
        stored: &StoredSession,
        transcript: &Transcript,
        options: &AnalysisOptions,
        delivery: &Delivery,
    ) -> Result<Outcome, Error> {
        let tenant = self.store.tenant::<Settings>(&delivery.claimed.key.tenant_id).await?;
        let settings = tenant.map(|tenant| tenant.settings).unwrap_or_default();
        let now = (self.clock)();
        let budget = settings.analysis.monthly_budget_usd;
        let journal = StoreJournal { store: &self.store, claimed: &delivery.claimed, budget, now };
        let request = AnalysisRequest {
            session: &stored.session,
            transcript,
            settings: &settings,
            model: options.model.as_deref(),
            until: Instant::now() + delivery.remaining(),
        };
        let analysed = self.analyst.analyse(&request, &journal).await?;
        self.store(&analysed, options, delivery).await
    }

    async fn store(
        &self,
        analysed: &CompletedAnalysis,
        options: &AnalysisOptions,
        delivery: &Delivery,
    ) -> Result<Outcome, Error> {
        let key = &delivery.claimed.key;
        let follow_ups = if options.follow_ups {
            let integrations = self.store.integrations_to_sync(&key.tenant_id).await?;
            follow_ups::plan(key, &integrations)?
        } else {
            Vec::new()
        };
        let new = NewAnalysis { analysis: &analysed.analysis, originals: &analysed.originals, follow_ups: &follow_ups };
        match self.store.store_analysis(&delivery.claimed, &new).await? {
            true => Ok(Outcome::Done),
            false => Err(Error::ClaimLost),
        }
    }
}

/// Options of an analysis that a message can carry.
struct AnalysisOptions {
    model: Option<String>,
    /// Whether mails and syncs follow.
    follow_ups: bool,
}

impl Stage for Context {
    type Message = AnalyzeMessage;
    type Error = Error;

    /// Analyses a session; `Err` says by `Failure::next` which delivery follows. The message waits while the budget is
    /// spent or the price is unknown, and for parts that this delivery had no time for.
    async fn handle(&self, message: AnalyzeMessage, delivery: &Delivery) -> Result<Outcome, Error> {
        let key = &delivery.claimed.key;
        let options = match message {
            AnalyzeMessage::V1 { .. } => AnalysisOptions { model: None, follow_ups: true },
            AnalyzeMessage::V2 { model, follow_ups, .. } => AnalysisOptions { model, follow_ups },
        };
        // An earlier delivery stored the analysis and ended before it finished the step.
        let latest = self.store.latest_analysis_version(&key.tenant_id, &key.session_id).await?;
        if latest.is_some_and(|latest| latest >= key.step.version()) {
            return Ok(Outcome::Done);
        }
        let Some(stored) = self.store.session(&key.tenant_id, &key.session_id).await? else {
            return Ok(Outcome::Final { code: UNKNOWN_SESSION, reason: "unknown session".to_owned() });
        };
        let transcript = match self.store.transcript(&key.tenant_id, &key.session_id).await? {
            Some(transcript) => transcript,
            None if stored.transcript_purged_at.is_some() => {
                let reason = WITHOUT_TRANSCRIPT.to_owned();
                return Ok(Outcome::Final { code: TRANSCRIPT_PURGED, reason });
            }
            // The notification carried the transcript, and it has no turns.
            None if stored.transcript_carried => Transcript::default(),
            None => {
                let (code, reason) = (TRANSCRIPT_MISSING, "the transcript is missing".to_owned());
                return Ok(match self.next_transcript_check(&stored) {
                    Some(after) => Outcome::Retry { after: Some(after), code, reason },
                    None => Outcome::Final { code, reason },
                });
            }
        };
        self.analyse(&stored, &transcript, &options, delivery).await
    }
}
