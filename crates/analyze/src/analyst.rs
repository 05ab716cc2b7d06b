//! Makes an analysis of a transcript: hides private data, asks about the whole or its parts, checks, and assembles.
//!
//! `docs/long-transcripts.md` describes how a transcript is analysed in parts.

mod assemble;
mod request;
mod transcript;

use aws_sdk_bedrockruntime::Client;
use domain::analysis::Analysis;
use domain::settings::redaction::ShownText;
use redaction::Originals;

use crate::ask::ModelCaller;
use crate::journal::Journal;
use crate::models::{ChosenModel, Models};
use crate::split::PartLimits;
use crate::{Error, figures};

use transcript::TranscriptAnalysis;

pub use request::{AnalysisRequest, Settings};

/// Tokens of instructions, schema and a provider's additions; the lines before the transcript are counted separately.
const PROMPT_TOKENS: usize = 3000;
/// The most tokens of a part: models read longer parts less well, and an answer would take longer than an invocation.
const MAX_PART_TOKENS: usize = 80_000;
/// The most visitor turns of a part: at 100 tokens a second, an answer about 300 turns takes about a minute.
const MAX_PART_VISITOR_TURNS: usize = 300;

/// Analyses transcripts; it knows models and no database.
pub struct Analyst {
    pub bedrock: Client,
    pub models: Models,
    /// The model of tenants that have not chosen a model.
    pub default_model: String,
    /// The most parts of one transcript that are analysed at the same time.
    pub part_concurrency: usize,
}

/// An analysis and the original texts of its placeholders.
#[derive(Debug, Clone, PartialEq)]
pub struct CompletedAnalysis {
    pub analysis: Analysis,
    /// Originals of placeholders in the analysis; empty if the tenant shows redacted text everywhere.
    pub originals: Originals,
}

impl Analyst {
    /// Analyses a transcript; a missing part makes the analysis `partial`, and `Err` means that all of it is missing.
    pub async fn analyse(
        &self,
        request: &AnalysisRequest<'_>,
        journal: &impl Journal,
    ) -> Result<CompletedAnalysis, Error> {
        let settings = &request.settings.analysis;
        let enough = figures::enough(request.transcript, settings.min_visitor_turns, settings.min_visitor_words);
        if let Err(code) = enough {
            let analysis = assemble::insufficient(request, code);
            return Ok(CompletedAnalysis { analysis, originals: Originals::default() });
        }
        let redaction = request.transcript.redacted(&request.settings.redaction.redactor());
        let models = self.models_of(request);
        let caller = ModelCaller {
            client: &self.bedrock,
            models: &models,
            max_attempts: settings.max_attempts.get(),
            until: request.until,
            journal,
        };
        let transcript = TranscriptAnalysis::new(request, &redaction.transcript, caller, self.part_concurrency);
        let found = transcript.find(limits(&models, transcript.head_tokens())).await?;
        let usage = journal.usage().await?;
        let analysis = assemble::analysed(request, found, redaction.counts, usage);
        let originals = needed(redaction.originals, request.settings, &analysis)?;
        Ok(CompletedAnalysis { analysis, originals })
    }

    fn models_of(&self, request: &AnalysisRequest<'_>) -> Vec<ChosenModel> {
        let settings = &request.settings.analysis;
        let first = settings.model.as_ref().map_or(self.default_model.as_str(), AsRef::as_ref);
        let ids: Vec<&str> = match request.model {
            // An operator who names a model wants its answer, not that of a fallback.
            Some(model) => vec![model],
            None => std::iter::once(first).chain(settings.fallback_models.iter().map(AsRef::as_ref)).collect(),
        };
        ids.into_iter().map(|id| self.models.choose(id)).collect()
    }
}

/// Returns limits that every model keeps, so that each model can stand in for the model before it.
fn limits(models: &[ChosenModel], head_tokens: usize) -> PartLimits {
    let least = |of: fn(&ChosenModel) -> usize| models.iter().map(of).min().unwrap_or_default();
    let context = least(|chosen| chosen.model.context_tokens);
    let output = least(|chosen| chosen.model.max_output_tokens);
    // A correction repeats the answer that it corrects: two answers must fit next to the transcript.
    let answer = transcript::output_tokens(MAX_PART_VISITOR_TURNS).min(output);
    PartLimits {
        // A small model may have no room left, and the split still needs parts of some size.
        tokens: context.saturating_sub(2 * answer + PROMPT_TOKENS + head_tokens).clamp(1, MAX_PART_TOKENS),
        visitor_turns: transcript::visitor_turns(output).clamp(1, MAX_PART_VISITOR_TURNS),
    }
}

/// Returns the originals that someone may see later, and no others.
fn needed(originals: Originals, settings: &Settings, analysis: &Analysis) -> Result<Originals, Error> {
    let redaction = &settings.redaction;
    if [redaction.mails, redaction.notes, redaction.webhooks].iter().all(|kind| *kind == ShownText::Redacted) {
        return Ok(Originals::default());
    }
    let document = serde_json::to_string(analysis).map_err(Error::Json)?;
    Ok(originals.within(&document))
}
