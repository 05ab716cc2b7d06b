//! Assembles the stored document from figures, findings and usage.

use std::collections::BTreeMap;

use domain::analysis::{Analysis, AnalysisStatus, Coverage, Usage};
use domain::step::Code;

use super::request::AnalysisRequest;
use super::transcript::CoveredFindings;
use crate::check::Gap;
use crate::{figures, metrics, prompt, sentiment};

/// Some parts of a long transcript could not be analysed; `coverage` counts them.
const PARTS_FAILED: Code = Code::new("parts_failed");
/// The rationale of a metric in a conversation that was not analysed.
const TOO_LITTLE_WAS_SAID: &str = "The visitor said too little.";

/// Makes the analysis of a conversation with too little content: the model is not asked.
pub(super) fn insufficient(request: &AnalysisRequest<'_>, code: Code) -> Analysis {
    let turns_total = request.transcript.turns().len();
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
        custom_metrics: metrics::none(&request.settings.analysis.custom_metrics, TOO_LITTLE_WAS_SAID),
        conversation: figures::conversation(request.session, request.transcript),
        coverage: Coverage { turns_total, ..Coverage::default() },
        redactions: BTreeMap::new(),
        usage: Usage::default(),
    }
}

/// Makes the analysis of a conversation from the model's findings.
pub(super) fn analysed(
    request: &AnalysisRequest<'_>,
    found: CoveredFindings,
    redactions: BTreeMap<String, u32>,
    usage: Usage,
) -> Analysis {
    let CoveredFindings { findings, coverage } = found;
    let conclusions = findings.conclusions;
    let gap = (coverage.chunks_failed > 0).then_some(PARTS_FAILED).or(conclusions.gap.map(Gap::code));
    let metrics = &request.settings.analysis.custom_metrics;
    Analysis {
        status: if gap.is_some() { AnalysisStatus::Partial } else { AnalysisStatus::Ok },
        code: gap.map(|code| code.to_string()),
        custom_metrics: metrics::finish(metrics, conclusions.custom_metrics, Some(conclusions.category.label)),
        intent: Some(conclusions.intent),
        summary: Some(conclusions.summary),
        category: Some(conclusions.category),
        sentiment: sentiment::sentiment(findings.timeline, &findings.causes, conclusions.patterns),
        topics: findings.topics,
        insights: findings.insights,
        action_items: findings.action_items,
        // The figures count what was said, not its placeholders.
        conversation: figures::conversation(request.session, request.transcript),
        coverage,
        redactions,
        usage: Usage {
            prompt_version: Some(prompt::VERSION.to_owned()),
            quotes_verified: conclusions.quotes_verified,
            quotes_dropped: conclusions.quotes_dropped,
            ..usage
        },
    }
}
