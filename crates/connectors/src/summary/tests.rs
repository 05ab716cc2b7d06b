use domain::analysis::AnalysisStatus;
use domain::session::{Channel, Visitor};

use super::*;

const HTML: SummaryFormat = SummaryFormat { markup: Markup::Html, max_length: 65_536, record: "a note" };
const PLAIN: SummaryFormat = SummaryFormat { markup: Markup::Plain, max_length: 32_000, record: "a description" };

fn session() -> Session {
    Session {
        tenant_id: "acme".parse().unwrap(),
        session_id: "s-1".parse().unwrap(),
        agent_id: "agent".parse().unwrap(),
        channel: Channel::Voice,
        started_at: "2026-11-22T09:55:00Z".parse().unwrap(),
        ended_at: "2026-11-22T10:00:12Z".parse().unwrap(),
        end_reason: Some("visitor_hung_up".into()),
        visitor: Visitor::default(),
        metadata: Default::default(),
    }
}

fn analysis() -> Analysis {
    serde_json::from_str(include_str!("../../tests/analysis.json")).unwrap()
}

fn lines(note: &str) -> String {
    note.replace("<p>", "\n<p>").replace("<ul>", "\n<ul>").replace("<li>", "\n  <li>").trim_start().to_owned()
}

#[test]
fn a_note_holds_all_of_the_analysis() {
    insta::assert_snapshot!(lines(&render(&session(), &analysis(), &HTML)), @r#"
    <p><strong>Conversation with the AI agent</strong><br>Conversation ID: s-1</p>
    <p><strong>Category</strong><br>Immediate Buyer (confidence 87 %)<br>She ordered during the conversation.</p>
    <ul>
      <li>“I&#39;ll take five seats” (turn 2)</li></ul>
    <p><strong>Intent</strong><br>Buy the Pro plan</p>
    <ul>
      <li>Know the price</li>
      <li>Start this week</li></ul>
    <p><strong>Summary</strong><br>Ana asked about the Pro plan &amp; ordered it.</p>
    <ul>
      <li>Needs 5 seats</li>
      <li>Starts on Friday</li></ul>
    <p><strong>Sentiment</strong><br>positive, average 0.35 (from -1 to 1)</p>
    <ul>
      <li>Turn 0 to 2: 0.1 to 0.6. The price was lower than she feared</li>
      <li>Warms up quickly</li></ul>
    <p><strong>Topics</strong></p>
    <ul>
      <li>pricing</li>
      <li>onboarding</li></ul>
    <p><strong>Insights</strong></p>
    <ul>
      <li>Price was the only obstacle
    <ul>
      <li>“how much is it” (turn 0)</li></ul></li></ul>
    <p><strong>Action items</strong></p>
    <ul>
      <li>Send the contract (business, due by Friday)
    <ul>
      <li>“I will send the contract by Friday” (turn 3)</li></ul></li>
      <li>Count the seats (visitor)</li></ul>
    <p><strong>Metrics</strong></p>
    <ul>
      <li>budget_named: false</li>
      <li>language_level: not evaluated</li></ul>
    <p><strong>Conversation</strong></p>
    <ul>
      <li>voice, 2026-11-22 09:55 UTC, 5 min 12 s</li>
      <li>4 turns (2 visitor, 2 agent), 61 words</li>
      <li>Visitor&#39;s share of the words: 45 %</li>
      <li>Ended: visitor_hung_up</li></ul>
    "#);
}

#[test]
fn a_note_without_an_analysis_says_what_was_not_evaluated() {
    let conversation = analysis().conversation;
    let mut analysis = Analysis { conversation, ..store::testing::analysis() };
    insta::assert_snapshot!(lines(&render(&session(), &analysis, &HTML)), @r#"
    <p><strong>Conversation with the AI agent</strong><br>Conversation ID: s-1</p>
    <p><strong>Analysis</strong><br>Category, intent, summary, sentiment, topics, insights and action items were not evaluated: the visitor said too little (no_visitor_turns).</p>
    <p><strong>Conversation</strong></p>
    <ul>
      <li>voice, 2026-11-22 09:55 UTC, 5 min 12 s</li>
      <li>4 turns (2 visitor, 2 agent), 61 words</li>
      <li>Visitor&#39;s share of the words: 45 %</li>
      <li>Ended: visitor_hung_up</li></ul>
    "#);

    analysis.status = AnalysisStatus::Partial;
    let note = render(&session(), &analysis, &HTML);
    assert!(note.contains("<strong>Summary</strong><br>Not evaluated."), "{note}");
    assert!(note.contains("<strong>Topics</strong><br>None found."), "{note}");
}

#[test]
fn what_a_visitor_wrote_stays_text() {
    let hostile = "</li></ul><script>alert(1)</script>\n<a href='https://evil.example'>Conversation ID: s-2</a>";
    let mut analysis = analysis();
    analysis.category.as_mut().unwrap().justification.evidence[0].quote = hostile.to_owned();
    analysis.topics = vec![hostile.to_owned()];
    analysis.code = Some(hostile.to_owned());
    analysis.status = AnalysisStatus::Partial;
    let note = render(&session(), &analysis, &HTML);
    assert!(!note.contains("<script") && !note.contains("<a "), "{note}");
    assert!(visible(&note).starts_with("Conversation with the AI agent Conversation ID: s-1 "), "{note}");
}

#[test]
fn an_endless_analysis_is_cut_between_sections_and_says_so() {
    let mut analysis = analysis();
    analysis.topics = vec!["é<".repeat(50); 2_000];
    let note = render(&session(), &analysis, &HTML);
    assert!(length(&note) <= HTML.max_length);
    assert!(note.contains("Left out: Topics.</p>"), "{}", &note[note.len() - 200..]);
    assert!(note.contains("<strong>Action items</strong>") && note.contains("Conversation ID: s-1"));
    assert_eq!(note.matches("<p>").count(), note.matches("</p>").count());

    let all = sections(&session(), &analysis);
    let titles: usize = all.iter().map(|section| section.title.len() + 2).sum();
    assert!(titles + 150 < CUT_LENGTH, "the sentence about the cut has room");
}

#[test]
fn plain_text_holds_the_same() {
    insta::assert_snapshot!(render(&session(), &analysis(), &PLAIN), @r"
    CONVERSATION WITH THE AI AGENT
    Conversation ID: s-1

    CATEGORY
    Immediate Buyer (confidence 87 %)
    She ordered during the conversation.
    - “I'll take five seats” (turn 2)

    INTENT
    Buy the Pro plan
    - Know the price
    - Start this week

    SUMMARY
    Ana asked about the Pro plan & ordered it.
    - Needs 5 seats
    - Starts on Friday

    SENTIMENT
    positive, average 0.35 (from -1 to 1)
    - Turn 0 to 2: 0.1 to 0.6. The price was lower than she feared
    - Warms up quickly

    TOPICS
    - pricing
    - onboarding

    INSIGHTS
    - Price was the only obstacle
      - “how much is it” (turn 0)

    ACTION ITEMS
    - Send the contract (business, due by Friday)
      - “I will send the contract by Friday” (turn 3)
    - Count the seats (visitor)

    METRICS
    - budget_named: false
    - language_level: not evaluated

    CONVERSATION
    - voice, 2026-11-22 09:55 UTC, 5 min 12 s
    - 4 turns (2 visitor, 2 agent), 61 words
    - Visitor's share of the words: 45 %
    - Ended: visitor_hung_up
    ");
}

#[test]
fn no_line_of_plain_text_is_a_visitors() {
    let mut analysis = analysis();
    let hostile = "yes\n\nCATEGORY\nOthers (confidence 1 %)\u{2028}Conversation ID: s-2";
    analysis.category.as_mut().unwrap().justification.evidence[0].quote = hostile.to_owned();
    analysis.summary.as_mut().unwrap().text = hostile.to_owned();
    let text = render(&session(), &analysis, &PLAIN);
    assert_eq!(text.lines().filter(|line| *line == "CATEGORY").count(), 1, "{text}");
    assert!(!text.lines().any(|line| line.starts_with("Others") || line.contains("s-2") && !line.contains("yes")));
}

#[test]
fn plain_text_is_cut_between_sections_and_says_so() {
    let mut analysis = analysis();
    analysis.insights[0].text = "日本語🙂".repeat(100_000);
    let text = render(&session(), &analysis, &PLAIN);
    assert!(length(&text) <= PLAIN.max_length);
    assert!(text.ends_with("The analysis is longer than a description may be. Left out: Insights."), "{text}");
    assert!(text.contains("ACTION ITEMS\n"));
}
