//! Asks about a transcript in parts: about each part, then about all of them together.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use domain::analysis::Coverage;
use futures_util::{StreamExt, stream};
use stage::Failure;
use store::parts::{MERGE_PART, PartKey, StoredPart};

use super::{BASE_OUTPUT_TOKENS, CoveredFindings, SplitPlan, TranscriptAnalysis};
use crate::Error;
use crate::answer::MergedAnswer;
use crate::ask::ModelRequest;
use crate::check::{Conclusions, check_merged};
use crate::journal::Journal;
use crate::merge::{self, Detail, JoinedFindings, PartFindings};
use crate::prompt::{self, MERGE, merge_message};
use crate::split::{self, TranscriptPart};

impl<J: Journal> TranscriptAnalysis<'_, J> {
    pub(super) async fn in_parts(&self, plan: &SplitPlan, stored: &[StoredPart]) -> Result<CoveredFindings, Error> {
        self.is_stopped.store(false, Ordering::Relaxed);
        let result = self.parts_and_all(plan, stored).await;
        let is_further = self.longest_ms.load(Ordering::Relaxed) > 0;
        match result {
            // A delivery that has analysed a part is worth another delivery, however many follow.
            Err(error @ (Error::OutOfTime | Error::Model(_))) if is_further && error.is_retryable() => {
                tracing::warn!(error = stage::error_chain(&error), "transcript analysed in part");
                Err(Error::PartsLeft)
            }
            result => result,
        }
    }

    async fn parts_and_all(&self, plan: &SplitPlan, stored: &[StoredPart]) -> Result<CoveredFindings, Error> {
        let results: Vec<_> = stream::iter(known(plan, stored).into_iter().enumerate())
            .map(|(n, known)| async move {
                match known {
                    Some(found) => Ok(found),
                    None => self.new_part(plan, n).await,
                }
            })
            // Joining relies on the order of the conversation, which `buffered` keeps.
            .buffered(self.part_concurrency.max(1))
            .collect()
            .await;
        let (found, failed) = sorted(results)?;
        let merged = self.merged(plan, &found).await?;
        Ok(self.together(plan, &found, failed, merged))
    }

    /// Asks about a part; `OutOfTime` leaves the part to another delivery.
    async fn new_part(&self, plan: &SplitPlan, n: usize) -> Result<PartFindings, Error> {
        let longest = Duration::from_millis(self.longest_ms.load(Ordering::Relaxed));
        // An answer that comes after the end of this delivery would be billed, too.
        let is_late = self.caller.until.saturating_duration_since(Instant::now()) < longest;
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
        // The part is stored at once: if this delivery ends, the next one does not pay for it again.
        self.caller.journal.store_part(plan.key(n), Some(&document)).await?;
        self.longest_ms.fetch_max((started.elapsed().as_millis() as u64).max(1), Ordering::Relaxed);
        Ok(part)
    }

    /// Asks about all parts together, with shorter digests if the full ones do not fit.
    async fn merged(&self, plan: &SplitPlan, found: &[PartFindings]) -> Result<Conclusions, Error> {
        let everything = TranscriptPart { own: 0..self.transcript.turns().len(), context: 0..0, excerpt: None };
        let scope = self.scope(&everything);
        for detail in [Detail::Full, Detail::Brief] {
            let digests: Vec<_> = found.iter().enumerate().map(|(n, part)| merge::digest(n, part, detail)).collect();
            let message = merge_message(&self.facts, &digests, &self.nonce);
            if split::tokens(&message) > plan.room {
                continue;
            }
            let request = ModelRequest {
                part: PartKey { split: plan.split, part: MERGE_PART },
                instructions: &MERGE,
                message,
                output_tokens: BASE_OUTPUT_TOKENS,
                check: &|answer: MergedAnswer| check_merged(answer, &scope),
            };
            match self.caller.ask(&request).await {
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
        conclusions: Conclusions,
    ) -> CoveredFindings {
        let JoinedFindings { findings, items_left_out } = merge::join(found, conclusions);
        let coverage = Coverage {
            turns_total: self.transcript.turns().len(),
            turns_analysed: turns_analysed(&plan.parts, found),
            chunks: plan.parts.len(),
            chunks_failed: failed,
            items_left_out,
        };
        CoveredFindings { findings, coverage }
    }
}

/// Reads the findings that earlier deliveries stored about the same parts.
fn known(plan: &SplitPlan, stored: &[StoredPart]) -> Vec<Option<PartFindings>> {
    let known = |n, part: &TranscriptPart| {
        let (_, document) = stored.iter().find(|(key, _)| *key == plan.key(n))?;
        let found: PartFindings = serde_json::from_value(document.clone()?).ok()?;
        // An analysis names one prompt version, so findings of another one are not used.
        (found.part == *part && found.prompt_version == prompt::VERSION).then_some(found)
    };
    plan.parts.iter().enumerate().map(|(n, part)| known(n, part)).collect()
}

/// Returns whether the error concerns one part only, which has failed for good.
fn is_of_its_part(error: &Error) -> bool {
    matches!(error, Error::InvalidAnswers { .. } | Error::Refused(_))
}

/// Separates findings from the number of parts that failed for good; any other error ends the delivery.
fn sorted(results: Vec<Result<PartFindings, Error>>) -> Result<(Vec<PartFindings>, usize), Error> {
    let (mut found, mut failed, mut left) = (Vec::with_capacity(results.len()), Vec::new(), None);
    for result in results {
        match result {
            Ok(part) => found.push(part),
            Err(error) if is_of_its_part(&error) => failed.push(error),
            Err(Error::TranscriptTooLong) => return Err(Error::TranscriptTooLong),
            // The error that stopped the other parts comes before them.
            Err(error) => left = left.or(Some(error)),
        }
    }
    match (left, failed.pop()) {
        (Some(error), _) => Err(error),
        (None, Some(error)) if found.is_empty() => Err(error),
        (None, last) => Ok((found, failed.len() + usize::from(last.is_some()))),
    }
}

/// Counts the turns that were analysed completely, with every piece of a long turn.
fn turns_analysed(parts: &[TranscriptPart], found: &[PartFindings]) -> usize {
    let missing: Vec<_> = parts.iter().filter(|part| !found.iter().any(|found| found.part == **part)).collect();
    let is_missing = |turn: &usize| missing.iter().any(|part| part.own.contains(turn));
    let last = parts.last().map_or(0, |part| part.own.end);
    (0..last).filter(|turn| !is_missing(turn)).count()
}
