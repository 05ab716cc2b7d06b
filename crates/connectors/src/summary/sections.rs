//! The parts of a summary, one per part of the analysis, before they have a form.

use domain::analysis::{
    ActionItem, Analysis, AnalysisStatus, Category, ConversationFigures, CustomMetric, Evidence, Insight, Intent,
    Justification, MetricStatus, Sentiment, Summary,
};
use domain::session::Session;

const NOT_EVALUATED: &str = "Not evaluated.";
const NONE_FOUND: &str = "None found.";

/// A part that is kept or left out as a whole. Texts may hold anything that was said.
pub(super) struct Section {
    pub(super) title: &'static str,
    /// Each on a line of its own.
    pub(super) text: Vec<String>,
    pub(super) items: Vec<SectionItem>,
}

/// One of a list, and what was said about it.
pub(super) struct SectionItem {
    pub(super) text: String,
    pub(super) quotes: Vec<String>,
}

impl Section {
    pub(super) fn of_text(title: &'static str, text: impl IntoIterator<Item = String>) -> Self {
        Self { title, text: text.into_iter().collect(), items: Vec::new() }
    }
}

/// Text of a section, and the list below it.
type Content = (Vec<String>, Vec<SectionItem>);

/// Lists the sections in the order in which a salesperson needs them.
pub(super) fn sections(session: &Session, analysis: &Analysis) -> Vec<Section> {
    let figures = section("Conversation", conversation(session, &analysis.conversation));
    match analysis.status {
        AnalysisStatus::Ok => evaluated(analysis).into_iter().chain([figures]).collect(),
        AnalysisStatus::Partial => {
            let status = section("Analysis", partly(analysis));
            [status].into_iter().chain(evaluated(analysis)).chain([figures]).collect()
        }
        AnalysisStatus::InsufficientContent | AnalysisStatus::Failed => {
            vec![section("Analysis", not_evaluated(analysis)), figures]
        }
    }
}

fn evaluated(analysis: &Analysis) -> Vec<Section> {
    let mut sections = vec![
        of("Category", analysis.category.as_ref(), category),
        of("Intent", analysis.intent.as_ref(), intent),
        of("Summary", analysis.summary.as_ref(), summary),
        of("Sentiment", analysis.sentiment.as_ref(), sentiment),
        all("Topics", &analysis.topics, |topic| item(topic)),
        all("Insights", &analysis.insights, insight),
        all("Action items", &analysis.action_items, action_item),
    ];
    if !analysis.custom_metrics.is_empty() {
        let metrics = analysis.custom_metrics.iter().map(metric).collect();
        sections.push(section("Metrics", (Vec::new(), metrics)));
    }
    sections
}

fn section(title: &'static str, (text, items): Content) -> Section {
    Section { title, text, items }
}

fn sentence(text: impl Into<String>) -> Content {
    (vec![text.into()], Vec::new())
}

fn item(text: impl Into<String>) -> SectionItem {
    SectionItem { text: text.into(), quotes: Vec::new() }
}

/// Renders a part that may be missing: then it was not evaluated, which differs from "none found".
fn of<T>(title: &'static str, part: Option<&T>, content: fn(&T) -> Content) -> Section {
    section(title, part.map_or_else(|| sentence(NOT_EVALUATED), content))
}

fn all<T>(title: &'static str, parts: &[T], item: fn(&T) -> SectionItem) -> Section {
    let items: Vec<_> = parts.iter().map(item).collect();
    section(title, if items.is_empty() { sentence(NONE_FOUND) } else { (Vec::new(), items) })
}

fn category(category: &Category) -> Content {
    let confidence = percent(category.confidence.get());
    let label = format!("{} (confidence {confidence})", category.label.title());
    let Justification { reasoning, evidence } = &category.justification;
    (vec![label, reasoning.clone()], evidence.iter().map(|evidence| item(quote(evidence))).collect())
}

/// `turn` as in the analysis: from 0.
fn quote(evidence: &Evidence) -> String {
    format!("“{}” (turn {})", evidence.quote.trim(), evidence.turn)
}

fn intent(intent: &Intent) -> Content {
    (vec![intent.primary_purpose.clone()], intent.objectives.iter().map(item).collect())
}

fn summary(summary: &Summary) -> Content {
    (vec![summary.text.clone()], summary.key_points.iter().map(item).collect())
}

fn sentiment(sentiment: &Sentiment) -> Content {
    let label = sentiment.label.as_str();
    let shifts = sentiment.shifts.iter().map(|shift| {
        let (from, to) = (shift.from.get(), shift.to.get());
        let cause = shift.cause.as_deref().map(|cause| format!(" {}", cause.trim())).unwrap_or_default();
        item(format!("Turn {} to {}: {from} to {to}.{cause}", shift.from_turn, shift.to_turn))
    });
    let details = shifts.chain(sentiment.patterns.iter().map(item));
    (vec![format!("{label}, average {} (from -1 to 1)", sentiment.average.get())], details.collect())
}

fn insight(insight: &Insight) -> SectionItem {
    SectionItem { text: insight.text.clone(), quotes: insight.evidence.iter().map(quote).collect() }
}

fn action_item(item: &ActionItem) -> SectionItem {
    let owner = item.owner.as_str();
    let due = item.due.as_deref().map(|due| format!(", due {}", due.trim())).unwrap_or_default();
    let text = format!("{} ({owner}{due})", item.text.trim());
    SectionItem { text, quotes: item.evidence.iter().map(quote).collect() }
}

fn metric((name, metric): (&String, &CustomMetric)) -> SectionItem {
    let value = match (metric.status, metric.value.as_str()) {
        (MetricStatus::NotEvaluated, _) => "not evaluated".to_owned(),
        (MetricStatus::Ok, Some(text)) => text.trim().to_owned(),
        (MetricStatus::Ok, None) => metric.value.to_string(),
    };
    item(format!("{name}: {value}"))
}

fn partly(analysis: &Analysis) -> Content {
    let coverage = &analysis.coverage;
    let turns = format!("{} of {} turns", coverage.turns_analysed, coverage.turns_total);
    sentence(format!("Not complete: {turns} were analysed{}.", reason(analysis)))
}

fn not_evaluated(analysis: &Analysis) -> Content {
    let why = match analysis.status {
        AnalysisStatus::InsufficientContent => "the visitor said too little",
        AnalysisStatus::Failed => "the analysis failed",
        AnalysisStatus::Ok | AnalysisStatus::Partial => "it was not asked for",
    };
    let what = "Category, intent, summary, sentiment, topics, insights and action items";
    sentence(format!("{what} were not evaluated: {why}{}.", reason(analysis)))
}

fn reason(analysis: &Analysis) -> String {
    analysis.code.as_deref().map(|code| format!(" ({})", code.trim())).unwrap_or_default()
}

fn conversation(session: &Session, figures: &ConversationFigures) -> Content {
    let ConversationFigures { turns, visitor_turns, agent_turns, words, talk_ratio, duration_s, .. } = figures;
    let (minutes, seconds) = (duration_s / 60, duration_s % 60);
    let started = session.started_at.format("%Y-%m-%d %H:%M UTC");
    let share = talk_ratio.map(|ratio| format!("Visitor's share of the words: {}", percent(ratio)));
    let ended = session.end_reason.as_deref().map(|reason| format!("Ended: {}", reason.trim()));
    let facts = [
        Some(format!("{}, {started}, {minutes} min {seconds} s", session.channel.as_str())),
        Some(format!("{turns} turns ({visitor_turns} visitor, {agent_turns} agent), {words} words")),
        share,
        ended,
    ];
    (Vec::new(), facts.into_iter().flatten().map(item).collect())
}

fn percent(ratio: f64) -> String {
    format!("{:.0} %", ratio * 100.0)
}
