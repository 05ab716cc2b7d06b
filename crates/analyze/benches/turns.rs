//! Times of the steps of an analysis at 10 to 10,000 turns; `cargo xtask bench analyze` judges the figures.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends the benchmark")]

use std::hint::black_box;
use std::ops::Range;

use analyze::answer::Quote;
use analyze::check::{AnswerScope, check};
use analyze::evidence::QuotableTurns;
use analyze::leak::LeakDetector;
use analyze::merge::{PartFindings, join};
use analyze::prompt::{ANALYSIS, SessionFacts, analysis_message};
use analyze::split::{PartLimits, TranscriptPart, split};
use criterion::{Bencher, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use domain::session::{Channel, Session, Visitor};
use domain::settings::AnalysisSettings;
use domain::settings::analysis::TopicList;
use domain::transcript::{Role, Transcript, Turn};
use serde_json::{Value, json};

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
/// Limits of the parts that are joined.
const PART: PartLimits = PartLimits { tokens: 1_000_000, visitor_turns: 5 };
const WHOLE: PartLimits = PartLimits { tokens: usize::MAX / 8, visitor_turns: usize::MAX };

fn text(n: usize) -> String {
    format!("In turn {n} I say that my coffee machine number {n} is broken, and that I'd like a new one by Friday!")
}

fn transcript(turns: usize) -> Transcript {
    let role = |n| if n % 2 == 0 { Role::Agent } else { Role::Visitor };
    let turn = |n| Turn { role: role(n), text: text(n), started_ms: None, ended_ms: None };
    Transcript::new((0..turns).map(turn).collect())
}

fn session() -> Session {
    Session {
        tenant_id: "acme".parse().unwrap(),
        session_id: "s-1".parse().unwrap(),
        agent_id: "agent".parse().unwrap(),
        channel: Channel::Text,
        started_at: "2026-11-22T10:00:00Z".parse().unwrap(),
        ended_at: "2026-11-22T10:05:00Z".parse().unwrap(),
        end_reason: None,
        visitor: Visitor::default(),
        metadata: serde_json::Map::new(),
    }
}

/// Makes a good answer: as many quotes as a model gives, and an entry for each visitor turn.
fn answer(transcript: &Transcript, own: Range<usize>) -> Value {
    let quote = |turn: usize| json!({ "turn": turn, "quote": "my coffee machine number" });
    let visitor: Vec<usize> = transcript.of(Role::Visitor).map(|(n, _)| n).filter(|n| own.contains(n)).collect();
    let evidence: Vec<_> = visitor.iter().step_by((visitor.len() / 4).max(1)).map(|turn| quote(*turn)).collect();
    let timeline: Vec<_> = visitor
        .iter()
        .map(|turn| json!({ "turn": turn, "score": if turn % 3 == 0 { -0.4 } else { 0.4 }, "emotion": "annoyed" }))
        .collect();
    let items: Vec<_> = (0..10)
        .map(|n| json!({ "text": format!("Send machine {n}"), "owner": "business", "due": "Friday", "evidence": evidence }))
        .collect();
    json!({
        "intent": { "primary_purpose": "A new machine.", "objectives": ["A machine"], "outcome": "partly" },
        "summary": { "text": "Machines are broken.", "key_points": ["Machines are broken"] },
        "category": { "label": "facing_issue", "confidence": 0.9, "reasoning": "Broken.", "evidence": evidence },
        "sentiment": { "timeline": timeline, "shifts": [], "patterns": [] },
        "topics": ["coffee machine"],
        "insights": [{ "text": "They break.", "evidence": evidence }],
        "action_items": items,
        "custom_metrics": []
    })
}

/// Measures the prompt.
fn prompt(bencher: &mut Bencher<'_>, transcript: &Transcript) {
    let (session, settings) = (session(), AnalysisSettings::default());
    let facts = SessionFacts::new(&session, &settings, 1);
    let parts = split(transcript, WHOLE);
    bencher.iter(|| analysis_message(&facts, black_box(transcript), &parts, 0, "0123456789abcdef"));
}

/// Measures reading and checking an answer, quotes included.
fn validation(bencher: &mut Bencher<'_>, transcript: &Transcript) {
    let (spoken, leaks) = (QuotableTurns::new(transcript), LeakDetector::new(&[ANALYSIS.system], "0123456789abcdef"));
    let topics = TopicList::default();
    let scope = scope(&spoken, &leaks, &topics, 0..transcript.turns().len());
    let text = answer(transcript, 0..transcript.turns().len()).to_string();
    bencher.iter(|| check(serde_json::from_str(black_box(&text)).unwrap(), &scope).unwrap());
}

/// Measures the normalization of the transcript, and a search in every turn.
fn quotes(bencher: &mut Bencher<'_>, transcript: &Transcript) {
    let quote = |turn| Quote { turn, quote: format!("my coffee machine number {turn} is broken, and that") };
    let quotes: Vec<Quote> = (0..transcript.turns().len() as i64).map(quote).collect();
    bencher.iter(|| {
        let spoken = QuotableTurns::new(black_box(transcript));
        quotes.iter().filter(|quote| spoken.find(quote).is_some()).count()
    });
}

/// Measures joining the findings in parts of ten turns.
fn merging(bencher: &mut Bencher<'_>, transcript: &Transcript) {
    let (spoken, leaks) = (QuotableTurns::new(transcript), LeakDetector::new(&[], ""));
    let topics = TopicList::default();
    let found = |part: TranscriptPart| {
        let scope = scope(&spoken, &leaks, &topics, part.own.clone());
        let answer = serde_json::from_value(answer(transcript, part.own.clone())).unwrap();
        PartFindings { part, prompt_version: "v".into(), findings: check(answer, &scope).unwrap().findings }
    };
    let parts: Vec<PartFindings> = split(transcript, PART).into_iter().map(found).collect();
    let conclusions = &parts[0].findings.conclusions;
    bencher.iter(|| join(black_box(&parts), conclusions.clone()));
}

fn scope<'a>(
    spoken: &'a QuotableTurns<'a>,
    leaks: &'a LeakDetector,
    topics: &'a TopicList,
    own: Range<usize>,
) -> AnswerScope<'a> {
    AnswerScope { spoken, own, context: 0..0, metrics: &[], topics, leaks }
}

fn turns(criterion: &mut Criterion) {
    type Step = fn(&mut Bencher<'_>, &Transcript);
    let steps: [(&str, Step); 4] =
        [("prompt", prompt), ("validation", validation), ("quotes", quotes), ("merging", merging)];
    for (name, step) in steps {
        let mut group = criterion.benchmark_group(name);
        for turns in SIZES {
            group.throughput(Throughput::Elements(turns as u64));
            group.bench_with_input(BenchmarkId::from_parameter(turns), &transcript(turns), step);
        }
        group.finish();
    }
}

criterion_group!(benches, turns);
criterion_main!(benches);
