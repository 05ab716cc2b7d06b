//! The note about a session, and how it is found again.

mod html;
mod sections;

use chrono::SecondsFormat;
use domain::analysis::Analysis;
use domain::id::SessionId;
use domain::session::Session;

use super::client::{KEY_PROPERTY, NOTES_PER_READ, Portal, Properties};
use crate::call::CallError;
use html::{block, visible};
use sections::{Section, sections};

/// The longest `hs_note_body` that HubSpot takes; counted in UTF-16 units, which are never fewer than characters.
pub const MAX_NOTE_LENGTH: usize = 65_536;
/// Room for the sentence that names what was left out: all titles together are shorter.
const CUT_LENGTH: usize = 400;
/// Begins every note: what follows cannot be forged, since everything a visitor said comes later.
const TITLE: &str = "Conversation with the AI agent";
const ID_LABEL: &str = "Conversation ID:";

/// What a note is made of; with the key where the account tells notes apart by the unique property.
pub(super) fn properties(session: &Session, analysis: &Analysis, keyed: bool) -> Properties {
    let time = session.ended_at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let key = keyed.then(|| (KEY_PROPERTY.to_owned(), session.session_id.to_string()));
    let body = ("hs_note_body".to_owned(), render(session, analysis));
    [("hs_timestamp".to_owned(), time), body].into_iter().chain(key).collect()
}

/// The note's HTML; sections that do not fit are left out whole, and named.
fn render(session: &Session, analysis: &Analysis) -> String {
    let head = block(TITLE, &format!("{ID_LABEL} {}", session.session_id), "");
    assemble(head, &sections(session, analysis), MAX_NOTE_LENGTH)
}

fn assemble(head: String, sections: &[Section], limit: usize) -> String {
    let (mut note, mut left_out) = (head, Vec::new());
    let mut room = limit.saturating_sub(length(&note) + CUT_LENGTH);
    for section in sections {
        match room.checked_sub(length(&section.html)) {
            Some(rest) => {
                room = rest;
                note.push_str(&section.html);
            }
            None => left_out.push(section.title),
        }
    }
    if !left_out.is_empty() {
        let what = format!("The analysis is longer than a note may be. Left out: {}.", left_out.join(", "));
        note.push_str(&block("Cut", &what, ""));
    }
    note
}

fn length(html: &str) -> usize {
    html.encode_utf16().count()
}

/// The note of a session among those of its contact; the newest are read first. A failure is never "not found".
pub(super) async fn find(
    portal: &Portal<'_>,
    contact_id: &str,
    session_id: &SessionId,
) -> Result<Option<String>, CallError> {
    let mut ids = portal.notes_of_contact(contact_id).await?;
    // Ids grow: by length, then by digits.
    ids.sort_unstable_by(|a, b| (b.len(), b).cmp(&(a.len(), a)));
    for ids in ids.chunks(NOTES_PER_READ) {
        let notes = portal.read_notes(ids).await?;
        if let Some(note) = notes.into_iter().find(|note| is_about(note.body(), session_id)) {
            return Ok(Some(note.id));
        }
    }
    Ok(None)
}

/// HubSpot rewrites markup, so only what is visible counts.
fn is_about(note: &str, session_id: &SessionId) -> bool {
    let text = visible(note);
    let id = text.strip_prefix(TITLE).and_then(|rest| rest.trim_start().strip_prefix(ID_LABEL));
    id.and_then(|rest| rest.split_whitespace().next()) == Some(session_id.as_ref())
}

#[cfg(test)]
mod tests {
    use domain::analysis::AnalysisStatus;
    use domain::session::{Channel, Visitor};

    use super::*;

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
        serde_json::from_str(include_str!("../../tests/sync/analysis.json")).unwrap()
    }

    fn lines(note: &str) -> String {
        note.replace("<p>", "\n<p>").replace("<ul>", "\n<ul>").replace("<li>", "\n  <li>").trim_start().to_owned()
    }

    #[test]
    fn a_note_tells_all_of_the_analysis() {
        insta::assert_snapshot!(lines(&render(&session(), &analysis())), @r#"
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
          <li>Visitor's share of the words: 45 %</li>
          <li>Ended: visitor_hung_up</li></ul>
        "#);
    }

    #[test]
    fn a_note_without_an_analysis_says_what_was_not_evaluated() {
        let conversation = analysis().conversation;
        let mut analysis = Analysis { conversation, ..store::testing::analysis() };
        insta::assert_snapshot!(lines(&render(&session(), &analysis)), @r#"
        <p><strong>Conversation with the AI agent</strong><br>Conversation ID: s-1</p>
        <p><strong>Analysis</strong><br>Category, intent, summary, sentiment, topics, insights and action items were not evaluated: the visitor said too little (no_visitor_turns).</p>
        <p><strong>Conversation</strong></p>
        <ul>
          <li>voice, 2026-11-22 09:55 UTC, 5 min 12 s</li>
          <li>4 turns (2 visitor, 2 agent), 61 words</li>
          <li>Visitor's share of the words: 45 %</li>
          <li>Ended: visitor_hung_up</li></ul>
        "#);

        analysis.status = AnalysisStatus::Partial;
        let note = render(&session(), &analysis);
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
        let note = render(&session(), &analysis);
        assert!(!note.contains("<script") && !note.contains("<a "), "{note}");
        assert!(is_about(&note, &"s-1".parse().unwrap()));
        assert!(!is_about(&note, &"s-2".parse().unwrap()));
    }

    #[test]
    fn an_endless_analysis_is_cut_between_sections_and_says_so() {
        let mut analysis = analysis();
        analysis.topics = vec!["é<".repeat(50); 2_000];
        let note = render(&session(), &analysis);
        assert!(length(&note) <= MAX_NOTE_LENGTH);
        assert!(note.contains("Left out: Topics.</p>"), "{}", &note[note.len() - 200..]);
        assert!(note.contains("<strong>Action items</strong>") && note.contains("Conversation ID: s-1"));
        assert_eq!(note.matches("<p>").count(), note.matches("</p>").count());

        let all = sections(&session(), &analysis);
        let titles: usize = all.iter().map(|section| section.title.len() + 2).sum();
        assert!(titles + 150 < CUT_LENGTH, "the sentence about the cut has room");
    }

    #[test]
    fn a_note_is_recognised_after_hubspot_rewrote_its_markup() {
        let id: SessionId = "s-1".parse().unwrap();
        for (note, found) in [
            ("<p>Conversation with the AI agent<br/>Conversation ID: s-1</p><p>x</p>", true),
            ("<div><b>Conversation with the AI agent</b></div><div>Conversation ID:&nbsp;s-1</div>", true),
            ("<p>Conversation with the AI agent<br>Conversation ID: s-10</p>", false),
            ("<p>Conversation with the AI agent<br>Conversation ID: s-2</p><p>Conversation ID: s-1</p>", false),
            ("<p>I saw Conversation ID: s-1</p>", false),
            ("", false),
        ] {
            assert_eq!(is_about(note, &id), found, "{note}");
        }
    }
}
