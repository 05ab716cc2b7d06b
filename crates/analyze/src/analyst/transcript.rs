//! The requests about one transcript, whole or in parts.

mod parts;

use std::sync::atomic::{AtomicBool, AtomicU64};

use domain::analysis::Coverage;
use domain::transcript::{Role, Transcript};
use rand::Rng;
use store::parts::PartKey;

use super::request::AnalysisRequest;
use crate::Error;
use crate::answer::AnalysisAnswer;
use crate::ask::{ModelCaller, ModelRequest};
use crate::check::{AnswerScope, Findings, check};
use crate::evidence::QuotableTurns;
use crate::journal::Journal;
use crate::leak::LeakDetector;
use crate::prompt::{ANALYSIS, MERGE, SessionFacts, analysis_message};
use crate::split::{self, PartLimits, TranscriptPart};

/// Output tokens without the timeline: about twice as many as the longest good answers need.
const BASE_OUTPUT_TOKENS: usize = 4000;
/// Output tokens for one entry of the timeline.
const TURN_OUTPUT_TOKENS: usize = 40;
/// The least tokens of a part: if smaller parts are too long as well, the cause is another one.
const MIN_PART_TOKENS: usize = 500;

pub(super) fn output_tokens(visitor_turns: usize) -> usize {
    BASE_OUTPUT_TOKENS + TURN_OUTPUT_TOKENS * visitor_turns
}

/// Returns the visitor turns that an answer with this many tokens can cover.
pub(super) fn visitor_turns(output_tokens: usize) -> usize {
    output_tokens.saturating_sub(BASE_OUTPUT_TOKENS) / TURN_OUTPUT_TOKENS
}

/// The state that all requests about one transcript share.
pub(super) struct TranscriptAnalysis<'a, J> {
    caller: ModelCaller<'a, J>,
    facts: SessionFacts<'a>,
    /// The redacted transcript that the model sees.
    transcript: &'a Transcript,
    spoken: QuotableTurns<'a>,
    leaks: LeakDetector,
    nonce: String,
    part_concurrency: usize,
    /// The longest time of a part in this delivery; 0 before the first one.
    longest_ms: AtomicU64,
    /// Set by an error that the other parts would meet, too.
    is_stopped: AtomicBool,
}

/// Findings in the whole transcript.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CoveredFindings {
    pub(super) findings: Findings,
    pub(super) coverage: Coverage,
}

/// A split of the transcript.
struct SplitPlan {
    parts: Vec<TranscriptPart>,
    /// The number of splits before this one, each with a part that was too long.
    split: i32,
    /// Tokens that one request has for the transcript.
    room: usize,
}

impl SplitPlan {
    fn key(&self, n: usize) -> PartKey {
        PartKey { split: self.split, part: i32::try_from(n).unwrap_or(i32::MAX) }
    }
}

impl<'a, J: Journal> TranscriptAnalysis<'a, J> {
    pub(super) fn new(
        request: &AnalysisRequest<'a>,
        transcript: &'a Transcript,
        caller: ModelCaller<'a, J>,
        part_concurrency: usize,
    ) -> Self {
        let settings = &request.settings.analysis;
        let nonce = format!("{:016x}", rand::rng().next_u64());
        Self {
            caller,
            facts: SessionFacts::new(request.session, settings, transcript.of(Role::Visitor).count()),
            transcript,
            spoken: QuotableTurns::new(transcript),
            leaks: LeakDetector::new(&[ANALYSIS.system, MERGE.system], &nonce),
            nonce,
            part_concurrency,
            longest_ms: AtomicU64::new(0),
            is_stopped: AtomicBool::new(false),
        }
    }

    /// Estimates the tokens of the lines before the transcript.
    pub(super) fn head_tokens(&self) -> usize {
        let (transcript, parts) = (Transcript::default(), [TranscriptPart::default()]);
        split::tokens(&analysis_message(&self.facts, &transcript, &parts, 0, &self.nonce))
    }

    /// Asks about the whole transcript, or about parts within `limits`, and about smaller parts if these are too long.
    ///
    /// A later delivery goes on with the last split of the delivery before.
    pub(super) async fn find(&self, limits: PartLimits) -> Result<CoveredFindings, Error> {
        let stored = self.caller.journal.parts().await?;
        let too_long = |split| stored.iter().any(|(key, found)| key.split == split && found.is_none());
        let parts = split::split(self.transcript, limits);
        let mut plan = SplitPlan { parts, split: 0, room: limits.tokens };
        loop {
            if !too_long(plan.split) {
                let found = match plan.parts.len() {
                    1 => self.whole(&plan).await,
                    _ => self.in_parts(&plan, &stored).await,
                };
                if !matches!(found, Err(Error::TranscriptTooLong)) {
                    return found;
                }
            }
            plan.parts = split::split(self.transcript, self.smaller(&plan.parts).ok_or(Error::TranscriptTooLong)?);
            plan.split += 1;
        }
    }

    /// Returns half the size of the largest part, or `None` if smaller parts would not help.
    fn smaller(&self, parts: &[TranscriptPart]) -> Option<PartLimits> {
        let turns = self.transcript.turns();
        let tokens = |part: &TranscriptPart| match &part.excerpt {
            Some(excerpt) => split::tokens(turns[part.own.start].text.get(excerpt.bytes.clone()).unwrap_or_default()),
            None => turns[part.own.clone()].iter().map(|turn| split::tokens(&turn.text)).sum(),
        };
        let largest = parts.iter().map(tokens).max()?;
        let visitor_turns = parts.iter().map(|part| self.visitor_turns(part)).max()?;
        let smaller = PartLimits { tokens: largest / 2, visitor_turns: (visitor_turns / 2).max(1) };
        (smaller.tokens >= MIN_PART_TOKENS).then_some(smaller)
    }

    fn visitor_turns(&self, part: &TranscriptPart) -> usize {
        let own = self.transcript.turns()[part.own.clone()].iter();
        own.filter(|turn| turn.role == Role::Visitor).count()
    }

    async fn whole(&self, plan: &SplitPlan) -> Result<CoveredFindings, Error> {
        let findings = self.part(plan, 0).await?;
        let turns = self.transcript.turns().len();
        let coverage = Coverage { turns_total: turns, turns_analysed: turns, chunks: 1, ..Coverage::default() };
        Ok(CoveredFindings { findings, coverage })
    }

    async fn part(&self, plan: &SplitPlan, n: usize) -> Result<Findings, Error> {
        let part = &plan.parts[n];
        let scope = self.scope(part);
        let request = ModelRequest {
            part: plan.key(n),
            instructions: &ANALYSIS,
            message: analysis_message(&self.facts, self.transcript, &plan.parts, n, &self.nonce),
            output_tokens: output_tokens(self.visitor_turns(part)),
            check: &|answer: AnalysisAnswer| check(answer, &scope),
        };
        let found = self.caller.ask(&request).await;
        if matches!(found, Err(Error::TranscriptTooLong)) {
            // Another delivery then starts with the smaller split.
            self.caller.journal.store_part(request.part, None).await?;
        }
        found
    }

    fn scope(&self, part: &TranscriptPart) -> AnswerScope<'_> {
        AnswerScope {
            spoken: &self.spoken,
            own: part.own.clone(),
            context: part.context.clone(),
            metrics: &self.facts.metrics,
            topics: self.facts.topics,
            leaks: &self.leaks,
        }
    }
}
