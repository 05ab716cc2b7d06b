//! The parts of a note, one per part of the analysis.

use domain::analysis::{
    ActionItem, Analysis, AnalysisStatus, Category, Conversation, CustomMetric, Evidence, Insight, Intent,
    MetricStatus, Owner, Sentiment, Summary,
};
use domain::session::Session;

use super::html::{block, escape, list};

const NOT_EVALUATED: &str = "Not evaluated.";
const NONE_FOUND: &str = "None found.";

/// A part that is kept or left out as a whole.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) html: String,
}

/// What a section says, as HTML, and a list below it.
type Content = (String, String);

/// In the order in which a salesperson wants to know.
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
        all("Topics", &analysis.topics, |topic| escape(topic)),
        all("Insights", &analysis.insights, insight),
        all("Action items", &analysis.action_items, action_item),
    ];
    if !analysis.custom_metrics.is_empty() {
        let metrics = list(analysis.custom_metrics.iter().map(metric));
        sections.push(section("Metrics", (String::new(), metrics)));
    }
    sections
}

fn section(title: &'static str, (text, items): Content) -> Section {
    Section { title, html: block(title, &text, &items) }
}

fn sentence(text: impl Into<String>) -> Content {
    (text.into(), String::new())
}

/// What is missing was not evaluated; that is not the same as nothing to tell.
fn of<T>(title: &'static str, part: Option<&T>, content: fn(&T) -> Content) -> Section {
    section(title, part.map_or_else(|| sentence(NOT_EVALUATED), content))
}

fn all<T>(title: &'static str, items: &[T], html: fn(&T) -> String) -> Section {
    let items = list(items.iter().map(html));
    section(title, if items.is_empty() { sentence(NONE_FOUND) } else { (String::new(), items) })
}

fn category(category: &Category) -> Content {
    let confidence = percent(category.confidence.get());
    let reasoning = escape(&category.justification.reasoning);
    let evidence = list(category.justification.evidence.iter().map(quote));
    (format!("{} (confidence {confidence})<br>{reasoning}", category.label.title()), evidence)
}

/// `turn` as in the analysis: from 0.
fn quote(evidence: &Evidence) -> String {
    format!("“{}” (turn {})", escape(&evidence.quote), evidence.turn)
}

fn intent(intent: &Intent) -> Content {
    (escape(&intent.primary_purpose), list(intent.objectives.iter().map(|objective| escape(objective))))
}

fn summary(summary: &Summary) -> Content {
    (escape(&summary.text), list(summary.key_points.iter().map(|point| escape(point))))
}

fn sentiment(sentiment: &Sentiment) -> Content {
    let label = sentiment.label.as_str();
    let shifts = sentiment.shifts.iter().map(|shift| {
        let (from, to) = (shift.from.get(), shift.to.get());
        let cause = shift.cause.as_deref().map(|cause| format!(" {}", escape(cause))).unwrap_or_default();
        format!("Turn {} to {}: {from} to {to}.{cause}", shift.from_turn, shift.to_turn)
    });
    let details = shifts.chain(sentiment.patterns.iter().map(|pattern| escape(pattern)));
    (format!("{label}, average {} (from -1 to 1)", sentiment.average.get()), list(details))
}

fn insight(insight: &Insight) -> String {
    escape(&insight.text) + &list(insight.evidence.iter().map(quote))
}

fn action_item(item: &ActionItem) -> String {
    let owner = match item.owner {
        Owner::Visitor => "visitor",
        Owner::Agent => "agent",
        Owner::Business => "business",
    };
    let due = item.due.as_deref().map(|due| format!(", due {}", escape(due))).unwrap_or_default();
    format!("{} ({owner}{due}){}", escape(&item.text), list(item.evidence.iter().map(quote)))
}

fn metric((name, metric): (&String, &CustomMetric)) -> String {
    let value = match (metric.status, metric.value.as_str()) {
        (MetricStatus::NotEvaluated, _) => "not evaluated".to_owned(),
        (MetricStatus::Ok, Some(text)) => escape(text),
        (MetricStatus::Ok, None) => escape(&metric.value.to_string()),
    };
    format!("{}: {value}", escape(name))
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
    analysis.code.as_deref().map(|code| format!(" ({})", escape(code))).unwrap_or_default()
}

fn conversation(session: &Session, figures: &Conversation) -> Content {
    let Conversation { turns, visitor_turns, agent_turns, words, talk_ratio, duration_s, .. } = figures;
    let (minutes, seconds) = (duration_s / 60, duration_s % 60);
    let started = session.started_at.format("%Y-%m-%d %H:%M UTC");
    let share = talk_ratio.map(|ratio| format!("Visitor's share of the words: {}", percent(ratio)));
    let ended = session.end_reason.as_deref().map(|reason| format!("Ended: {}", escape(reason)));
    let facts = [
        Some(format!("{}, {started}, {minutes} min {seconds} s", session.channel.as_str())),
        Some(format!("{turns} turns ({visitor_turns} visitor, {agent_turns} agent), {words} words")),
        share,
        ended,
    ];
    (String::new(), list(facts.into_iter().flatten()))
}

fn percent(ratio: f64) -> String {
    format!("{:.0} %", ratio * 100.0)
}
