//! From a transcript to an analysis: hide what is private, ask about the whole or its parts, check, put together.
//!
//! A transcript of more than 80,000 tokens (estimated) or 300 visitor turns, fewer where the model takes less, is
//! split, each part with up to 4 turns of context. The parts are asked about concurrently, and what was found in each
//! is stored, so that another delivery does not pay for it again. Code joins timeline, evidence, topics, insights and
//! action items; one more request, about the summaries of the parts, gives intent, summary, category, patterns and
//! metrics. A part that fails for good makes the result `partial`. Where the model says that a part is too long, all
//! are split anew at half the size.

mod assemble;
mod transcript;

use std::time::Instant;

use aws_sdk_bedrockruntime::Client;
use domain::analysis::Analysis;
use domain::session::Session;
use domain::settings::redaction::ShownText;
use domain::settings::{AnalysisSettings, RedactionSettings};
use domain::transcript::Transcript;
use redaction::Originals;

use crate::ask::ModelCaller;
use crate::journal::Journal;
use crate::models::{ChosenModel, Models};
use crate::split::PartLimits;
use crate::{Error, figures};

use transcript::TranscriptAnalysis;

/// Instructions, schema and what a provider adds to them; the lines before the transcript come on top.
const PROMPT_TOKENS: usize = 3000;
/// A longer part is not read as well, and an answer about it takes longer than an invocation has.
const MAX_PART_TOKENS: usize = 80_000;
/// At about 100 tokens a second, an answer about so many visitor turns takes about a minute.
const MAX_PART_VISITOR_TURNS: usize = 300;

/// Analyses transcripts; knows models, and no database.
pub struct Analyst {
    pub bedrock: Client,
    pub models: Models,
    /// Of tenants that have not chosen one.
    pub default_model: String,
    /// Parts of one transcript that are analysed at the same time.
    pub part_concurrency: usize,
}

/// The sections of a tenant's settings that an analysis follows.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
#[serde(default)]
pub struct Settings {
    pub analysis: AnalysisSettings,
    pub redaction: RedactionSettings,
}

/// One analysis to be made.
#[derive(Clone, Copy)]
pub struct AnalysisRequest<'a> {
    pub session: &'a Session,
    pub transcript: &'a Transcript,
    pub settings: &'a Settings,
    /// Instead of the tenant's models.
    pub model: Option<&'a str>,
    /// When the last request must have been answered.
    pub until: Instant,
}

/// An analysis, and what its placeholders stand for.
#[derive(Debug, Clone, PartialEq)]
pub struct CompletedAnalysis {
    pub analysis: Analysis,
    /// Only of placeholders in the analysis, and empty where the tenant lets nothing hidden go out.
    pub originals: Originals,
}

impl Analyst {
    /// `Err` only if nothing can be said about the conversation; what is missing in part makes the analysis `partial`.
    pub async fn analyse(
        &self,
        task: &AnalysisRequest<'_>,
        journal: &impl Journal,
    ) -> Result<CompletedAnalysis, Error> {
        let settings = &task.settings.analysis;
        let enough = figures::enough(task.transcript, settings.min_visitor_turns, settings.min_visitor_words);
        if let Err(code) = enough {
            let analysis = assemble::insufficient(task, code);
            return Ok(CompletedAnalysis { analysis, originals: Originals::default() });
        }
        let redaction = task.transcript.redacted(&task.settings.redaction.redactor());
        let models = self.models_of(task);
        let asker = ModelCaller {
            client: &self.bedrock,
            models: &models,
            max_attempts: settings.max_attempts.get(),
            until: task.until,
            journal,
        };
        let transcript_analysis = TranscriptAnalysis::new(task, &redaction.transcript, asker, self.part_concurrency);
        let found = transcript_analysis.found(budget(&models, transcript_analysis.head_tokens())).await?;
        let usage = journal.usage().await?;
        let analysis = assemble::analysed(task, found, redaction.counts, usage);
        let originals = needed(redaction.originals, task.settings, &analysis)?;
        Ok(CompletedAnalysis { analysis, originals })
    }

    fn models_of(&self, task: &AnalysisRequest<'_>) -> Vec<ChosenModel> {
        let settings = &task.settings.analysis;
        let first = settings.model.as_deref().unwrap_or(&self.default_model);
        let ids: Vec<&str> = match task.model {
            Some(model) => vec![model],
            None => std::iter::once(first).chain(settings.fallback_models.ids().iter().map(String::as_str)).collect(),
        };
        ids.into_iter().map(|id| self.models.choose(id)).collect()
    }
}

/// What all of the models take, so that each can stand in for the one before.
///
/// A correction comes with the answer that it is about, so two answers have to fit beside the transcript.
fn budget(models: &[ChosenModel], head_tokens: usize) -> PartLimits {
    let least = |of: fn(&ChosenModel) -> usize| models.iter().map(of).min().unwrap_or_default();
    let context = least(|chosen| chosen.model.context_tokens);
    let output = least(|chosen| chosen.model.max_output_tokens);
    let answer = transcript::output_tokens(MAX_PART_VISITOR_TURNS).min(output);
    PartLimits {
        tokens: context.saturating_sub(2 * answer + PROMPT_TOKENS + head_tokens).clamp(1, MAX_PART_TOKENS),
        visitor_turns: transcript::visitor_turns(output).clamp(1, MAX_PART_VISITOR_TURNS),
    }
}

/// Nothing hidden is kept longer than somebody is to see it.
fn needed(originals: Originals, settings: &Settings, analysis: &Analysis) -> Result<Originals, Error> {
    let redaction = &settings.redaction;
    if [redaction.mails, redaction.notes, redaction.webhooks].iter().all(|kind| *kind == ShownText::Redacted) {
        return Ok(Originals::default());
    }
    let document = serde_json::to_string(analysis).map_err(Error::Json)?;
    Ok(originals.within(&document))
}
