//! The stored document, from what was counted, found and spent.

use std::collections::BTreeMap;

use domain::analysis::{Analysis, AnalysisStatus, Coverage, Usage};
use domain::step::Code;
use store::model_calls::ModelUsage;

use super::AnalysisRequest;
use super::transcript::CoveredFindings;
use crate::check::Gap;
use crate::{figures, metrics, prompt, sentiment};

/// Some parts of a long transcript could not be analysed; `coverage` says how many.
const PARTS_FAILED: Code = Code::new("parts_failed");
/// Why a metric of such a conversation has no value.
const TOO_LITTLE_WAS_SAID: &str = "The visitor said too little.";

/// What is known without a model, of a conversation that has too little to be analysed.
pub(super) fn insufficient(task: &AnalysisRequest<'_>, code: Code) -> Analysis {
    let turns_total = task.transcript.turns().len();
    Analysis {
        status: AnalysisStatus::InsufficientContent,
        code: Some(code.to_string()),
        intent: None,
        summary: None,
        category: None,
        sentiment: None,
        topics: Vec::new(),
        insights: Vec::new(),
        action_items: Vec::new(),
        custom_metrics: metrics::none(&task.settings.analysis.custom_metrics, TOO_LITTLE_WAS_SAID),
        conversation: figures::conversation(task.session, task.transcript),
        coverage: Coverage { turns_total, ..Coverage::default() },
        redactions: BTreeMap::new(),
        usage: Usage::default(),
    }
}

/// Figures count the original transcript: what was said, not its placeholders.
pub(super) fn analysed(
    task: &AnalysisRequest<'_>,
    found: CoveredFindings,
    redactions: BTreeMap<String, u32>,
    usage: ModelUsage,
) -> Analysis {
    let CoveredFindings { findings, coverage } = found;
    let parts_failed = (coverage.chunks_failed > 0).then_some(PARTS_FAILED);
    let gap = parts_failed.or(findings.gap.map(Gap::code));
    let metrics = &task.settings.analysis.custom_metrics;
    Analysis {
        status: if gap.is_some() { AnalysisStatus::Partial } else { AnalysisStatus::Ok },
        code: gap.map(|code| code.to_string()),
        custom_metrics: metrics::finish(metrics, findings.custom_metrics, Some(findings.category.label)),
        intent: Some(findings.intent),
        summary: Some(findings.summary),
        category: Some(findings.category),
        sentiment: sentiment::sentiment(findings.timeline, &findings.causes, findings.patterns),
        topics: findings.topics,
        insights: findings.insights,
        action_items: findings.action_items,
        conversation: figures::conversation(task.session, task.transcript),
        coverage,
        redactions,
        usage: Usage {
            model: usage.last_model,
            prompt_version: Some(prompt::VERSION.to_owned()),
            attempts: usage.attempts,
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cached_tokens: usage.cached_tokens,
            cache_write_tokens: usage.cache_write_tokens,
            cost_usd: usage.cost_usd,
            latency_ms: usage.latency_ms,
            quotes_verified: findings.quotes_verified,
            quotes_dropped: findings.quotes_dropped,
        },
    }
}
