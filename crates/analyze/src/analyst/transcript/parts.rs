//! A transcript in parts: ask about each, keep what was found, put it together.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use domain::analysis::Coverage;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use stage::Failure;
use store::model_calls::MERGE_PART;

use super::{BASE_OUTPUT_TOKENS, CoveredFindings, SplitPlan, TranscriptAnalysis, of_generation};
use crate::Error;
use crate::answer::MergedAnswer;
use crate::ask::ModelRequest;
use crate::check::{Findings, Gap, MergedFindings, check_merged};
use crate::journal::Journal;
use crate::merge::{self, Detail, PartFindings};
use crate::prompt::{self, MERGE, merge_message};
use crate::split::{self, TranscriptPart};

impl<J: Journal> TranscriptAnalysis<'_, J> {
    pub(super) async fn in_parts(&self, plan: &SplitPlan, stored: &[(i32, Value)]) -> Result<CoveredFindings, Error> {
        self.is_stopped.store(false, Ordering::Relaxed);
        let result = self.parts_and_all(plan, stored).await;
        let is_further = self.longest_ms.load(Ordering::Relaxed) > 0;
        match result {
            // Every delivery that gets further may be followed by another one, however many it takes.
            Err(error @ (Error::OutOfTime | Error::Model(_))) if is_further && error.is_retryable() => {
                tracing::warn!(error = stage::error_chain(&error), "some parts are left");
                Err(Error::PartsLeft)
            }
            result => result,
        }
    }

    async fn parts_and_all(&self, plan: &SplitPlan, stored: &[(i32, Value)]) -> Result<CoveredFindings, Error> {
        let results: Vec<_> = stream::iter(known(plan, stored).into_iter().enumerate())
            .map(|(n, known)| async move {
                match known {
                    Some(found) => Ok(found),
                    None => self.new_part(plan, n).await,
                }
            })
            .buffered(self.part_concurrency.max(1))
            .collect()
            .await;
        let (found, failed) = sorted(results)?;
        let merged = self.merged(plan, &found).await?;
        Ok(self.together(plan, &found, failed, merged))
    }

    /// A part that is not begun is left to another delivery.
    async fn new_part(&self, plan: &SplitPlan, n: usize) -> Result<PartFindings, Error> {
        let longest = Duration::from_millis(self.longest_ms.load(Ordering::Relaxed));
        // The answer would not come before the end of this delivery, and would be paid for all the same.
        let is_late = self.asker.until.saturating_duration_since(Instant::now()) < longest;
        if is_late || self.is_stopped.load(Ordering::Relaxed) {
            return Err(Error::OutOfTime);
        }
        let started = Instant::now();
        let findings = match self.part(plan, n).await {
            Ok(findings) => findings,
            Err(error) => {
                self.is_stopped.fetch_or(!is_of_its_part(&error), Ordering::Relaxed);
                return Err(error);
            }
        };
        let part = PartFindings { part: plan.parts[n].clone(), prompt_version: prompt::VERSION.to_owned(), findings };
        let document = serde_json::to_value(&part).map_err(Error::Json)?;
        self.asker.journal.store_part(plan.number(n), &document).await?;
        self.longest_ms.fetch_max((started.elapsed().as_millis() as u64).max(1), Ordering::Relaxed);
        Ok(part)
    }

    /// Asks about all parts together, with less of each where not everything fits.
    async fn merged(&self, plan: &SplitPlan, found: &[PartFindings]) -> Result<MergedFindings, Error> {
        let everything = TranscriptPart { own: 0..self.transcript.turns().len(), context: 0..0, excerpt: None };
        let subject = self.subject(&everything);
        for detail in [Detail::Full, Detail::Brief] {
            let digests: Vec<_> = found.iter().enumerate().map(|(n, part)| merge::digest(n, part, detail)).collect();
            let message = merge_message(&self.brief, &digests, &self.nonce);
            if split::tokens(&message) > plan.room {
                continue;
            }
            let question = ModelRequest {
                part: MERGE_PART,
                instructions: &MERGE,
                message,
                output_tokens: BASE_OUTPUT_TOKENS,
                check: &|answer: MergedAnswer| check_merged(answer, &subject),
            };
            match self.asker.ask(&question).await {
                Err(Error::TranscriptTooLong) => {}
                merged => return merged,
            }
        }
        Err(Error::TooManyParts { parts: found.len() })
    }

    fn together(
        &self,
        plan: &SplitPlan,
        found: &[PartFindings],
        failed: usize,
        merged: MergedFindings,
    ) -> CoveredFindings {
        let joined = merge::join(found);
        // A part of small talk may well have no quote for a category of its own.
        let timeline_gap =
            found.iter().filter_map(|part| part.findings.gap).find(|gap| *gap == Gap::IncompleteTimeline);
        let findings = Findings {
            intent: merged.intent,
            summary: merged.summary,
            category: merged.category,
            timeline: joined.timeline,
            causes: joined.causes,
            patterns: merged.patterns,
            topics: joined.topics,
            insights: joined.insights,
            action_items: joined.action_items,
            custom_metrics: merged.custom_metrics,
            quotes_verified: joined.quotes_verified + merged.quotes_verified,
            quotes_dropped: joined.quotes_dropped + merged.quotes_dropped,
            gap: merged.gap.or(timeline_gap),
        };
        let coverage = Coverage {
            turns_total: self.transcript.turns().len(),
            turns_analysed: turns_analysed(&plan.parts, found),
            chunks: plan.parts.len(),
            chunks_failed: failed,
            items_left_out: joined.items_left_out,
        };
        CoveredFindings { findings, coverage }
    }
}

/// What earlier deliveries found in these very parts.
fn known(plan: &SplitPlan, stored: &[(i32, Value)]) -> Vec<Option<PartFindings>> {
    let mut known = vec![None; plan.parts.len()];
    for (n, document) in of_generation(stored, plan.generation) {
        let found = serde_json::from_value::<PartFindings>(document.clone()).ok();
        if let (Some(place), Some(part)) = (known.get_mut(n), plan.parts.get(n)) {
            *place = found.filter(|found| found.part == *part && found.prompt_version == prompt::VERSION);
        }
    }
    known
}

/// Whether the part failed for good, and others need not.
fn is_of_its_part(error: &Error) -> bool {
    matches!(error, Error::InvalidAnswers { .. } | Error::Refused(_))
}

/// What was found, and how many parts failed for good; any other error is one of the whole.
fn sorted(results: Vec<Result<PartFindings, Error>>) -> Result<(Vec<PartFindings>, usize), Error> {
    let (mut found, mut failed, mut left) = (Vec::with_capacity(results.len()), Vec::new(), None);
    for result in results {
        match result {
            Ok(part) => found.push(part),
            Err(error) if is_of_its_part(&error) => failed.push(error),
            Err(Error::TranscriptTooLong) => return Err(Error::TranscriptTooLong),
            // Parts that were not begun come after the one whose error stopped them.
            Err(error) => left = left.or(Some(error)),
        }
    }
    match (left, failed.pop()) {
        (Some(error), _) => Err(error),
        (None, Some(error)) if found.is_empty() => Err(error),
        (None, last) => Ok((found, failed.len() + usize::from(last.is_some()))),
    }
}

/// Turns that were analysed whole: of a turn in pieces, every piece.
fn turns_analysed(parts: &[TranscriptPart], found: &[PartFindings]) -> usize {
    let missing: Vec<_> = parts.iter().filter(|part| !found.iter().any(|found| found.part == **part)).collect();
    let is_missing = |turn: &usize| missing.iter().any(|part| part.own.contains(turn));
    let last = parts.last().map_or(0, |part| part.own.end);
    (0..last).filter(|turn| !is_missing(turn)).count()
}
