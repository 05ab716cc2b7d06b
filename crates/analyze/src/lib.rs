#![doc = include_str!("../README.md")]

pub mod answer;
mod attempts;
mod bedrock;
pub mod check;
mod error;
pub mod evidence;
pub mod figures;
mod fold;
mod follow_ups;
pub mod leak;
pub mod metrics;
mod prompt;
pub mod sentiment;
#[cfg(test)]
mod testing;
pub mod text;

use std::time::Duration;

use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use chrono::Utc;
use domain::analysis::{Analysis, AnalysisStatus, Coverage, Usage};
use domain::message::AnalyzeMessage;
use domain::session::Session;
use domain::settings::AnalysisSettings;
use domain::step::Code;
use domain::transcript::{Role, Transcript};
use stage::queues::Routes;
use stage::step::StageConfig;
use stage::{Clock, ConfigError, Delivery, Env, Outcome, Stage};
use store::Store;
use store::analyses::NewAnalysis;
use store::sessions::StoredSession;

use attempts::Found;
pub use bedrock::ModelError;
pub use error::Error;

/// A transcript that is not there yet is looked for this often while it is waited for; fewer times than SQS delivers.
const TRANSCRIPT_LOOKS: u32 = 3;

const UNKNOWN_SESSION: Code = Code::new("unknown_session");
const TRANSCRIPT_MISSING: Code = Code::new("transcript_missing");
const NO_VISITOR_TURNS: &str = "no_visitor_turns";

/// What the function needs from its environment.
pub struct Config {
    pub store: store::Config,
    pub stage: StageConfig,
    pub follow_ups: Routes,
    /// The model of tenants that have not chosen one: a Bedrock model or inference-profile id.
    pub model: String,
    /// How long after the notification a transcript is waited for.
    pub transcript_wait: Duration,
}

impl Config {
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let stage = StageConfig::from_env(env)?;
        Ok(Self {
            store: stage::config::store(env, stage.queue.concurrency)?,
            stage,
            follow_ups: Routes::from_env(env)?,
            model: env.text("BEDROCK_MODEL_ID")?,
            transcript_wait: env.seconds("TRANSCRIPT_WAIT_SECONDS")?,
        })
    }
}

/// What the handler works with.
pub struct Context {
    pub store: Store,
    pub bedrock: aws_sdk_bedrockruntime::Client,
    pub model: String,
    pub transcript_wait: Duration,
    pub clock: Clock,
}

impl Context {
    pub fn new(config: &Config, aws: &stage::SdkConfig, store: Store) -> Self {
        // The queue retries: a second request inside the invocation would only use up its time.
        let bedrock = aws_sdk_bedrockruntime::config::Builder::from(aws).retry_config(RetryConfig::disabled()).build();
        Self {
            store,
            bedrock: aws_sdk_bedrockruntime::Client::from_conf(bedrock),
            model: config.model.clone(),
            transcript_wait: config.transcript_wait,
            clock: Utc::now,
        }
    }

    async fn analyse(
        &self,
        session: &Session,
        transcript: &Transcript,
        settings: &AnalysisSettings,
        delivery: &Delivery,
    ) -> Result<Analysis, Error> {
        let empty = unanalysed(session, transcript);
        if !transcript.of(Role::Visitor).any(|(_, turn)| figures::says_something(turn)) {
            return Ok(empty);
        }
        let found = attempts::ask(self, session, transcript, settings, delivery).await?;
        Ok(analysed(empty, found))
    }

    /// How long to wait for the transcript; `None` when it has been waited for long enough.
    fn transcript_wait(&self, stored: &StoredSession) -> Option<Duration> {
        let waited = stored.notified_at.map(|at| (self.clock)() - at).and_then(|waited| waited.to_std().ok());
        let left = self.transcript_wait.checked_sub(waited.unwrap_or_default())?;
        Some(left.min(self.transcript_wait / TRANSCRIPT_LOOKS).max(Duration::from_secs(1)))
    }
}

impl Stage for Context {
    type Message = AnalyzeMessage;
    type Error = Error;

    async fn handle(&self, message: AnalyzeMessage, delivery: &Delivery) -> Result<Outcome, Error> {
        let (AnalyzeMessage::V1 { tenant_id, session_id } | AnalyzeMessage::V2 { tenant_id, session_id, .. }) = message;
        let version = delivery.claimed.key.step.version();
        // Stored by a delivery that ended before it could say so.
        let latest = self.store.latest_analysis_version(&tenant_id, &session_id).await.map_err(Error::Store)?;
        if latest.is_some_and(|latest| latest >= version) {
            return Ok(Outcome::Done);
        }
        let Some(stored) = self.store.session(&tenant_id, &session_id).await.map_err(Error::Store)? else {
            return Ok(Outcome::Final(UNKNOWN_SESSION));
        };
        let tenant = self.store.tenant(&tenant_id).await.map_err(Error::Store)?;
        let settings = tenant.map(|tenant| tenant.settings.analysis).unwrap_or_default();
        let transcript = match self.store.transcript(&tenant_id, &session_id).await.map_err(Error::Store)? {
            Some(transcript) => transcript,
            None if stored.transcript_carried => Transcript::default(),
            None => {
                let wait = self.transcript_wait(&stored);
                let retry = |after| Outcome::Retry { after: Some(after), code: TRANSCRIPT_MISSING };
                return Ok(wait.map_or(Outcome::Final(TRANSCRIPT_MISSING), retry));
            }
        };
        let analysis = self.analyse(&stored.session, &transcript, &settings, delivery).await?;
        let integrations = self.store.enabled_integrations(&tenant_id).await.map_err(Error::Store)?;
        let follow_ups = follow_ups::plan(&tenant_id, &session_id, version, &integrations)?;
        let new = NewAnalysis { analysis: &analysis, originals: &Default::default(), follow_ups: &follow_ups };
        match self.store.store_analysis(&delivery.claimed, &new).await.map_err(Error::Store)? {
            true => Ok(Outcome::Done),
            false => Err(Error::ClaimLost),
        }
    }
}

/// What is known without a model.
fn unanalysed(session: &Session, transcript: &Transcript) -> Analysis {
    let turns_total = transcript.turns().len();
    Analysis {
        status: AnalysisStatus::InsufficientContent,
        code: Some(NO_VISITOR_TURNS.to_owned()),
        intent: None,
        summary: None,
        category: None,
        sentiment: None,
        topics: Vec::new(),
        insights: Vec::new(),
        action_items: Vec::new(),
        custom_metrics: Default::default(),
        conversation: figures::conversation(session, transcript),
        coverage: Coverage { turns_total, turns_analysed: 0, chunks: 0, chunks_failed: 0 },
        redactions: Default::default(),
        usage: Usage::default(),
    }
}

fn analysed(unanalysed: Analysis, found: Found) -> Analysis {
    let Found { findings, usage } = found;
    let status = if findings.gap.is_some() { AnalysisStatus::Partial } else { AnalysisStatus::Ok };
    let turns_total = unanalysed.coverage.turns_total;
    Analysis {
        status,
        code: findings.gap.map(|code| code.to_string()),
        intent: Some(findings.intent),
        summary: Some(findings.summary),
        category: Some(findings.category),
        sentiment: sentiment::sentiment(findings.timeline, &findings.causes, findings.patterns),
        topics: findings.topics,
        insights: findings.insights,
        action_items: findings.action_items,
        coverage: Coverage { turns_total, turns_analysed: turns_total, chunks: 1, chunks_failed: 0 },
        usage: Usage { quotes_verified: findings.quotes_verified, quotes_dropped: findings.quotes_dropped, ..usage },
        ..unanalysed
    }
}
