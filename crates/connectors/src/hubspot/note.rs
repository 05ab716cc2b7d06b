//! The note about a session, and how it is found again.

use chrono::{SecondsFormat, TimeDelta};
use domain::analysis::Analysis;
use domain::id::SessionId;
use domain::session::Session;

use super::client::{KEY_PROPERTY, MAX_NOTE_LENGTH, NOTES_PER_READ, Portal, Properties};
use crate::call::CallError;
use crate::job::Job;
use crate::summary::{self, ID_LABEL, Markup, SummaryFormat, TITLE, visible};

/// How far the clock that a conversation's end was taken from may be ahead of HubSpot's, generously: a note that was
/// created longer before the end is another session's.
const CLOCK_SKEW: TimeDelta = TimeDelta::days(1);
const NOTE_FORMAT: SummaryFormat =
    SummaryFormat { markup: Markup::Html, max_length: MAX_NOTE_LENGTH, record: "a note" };

/// Lists the properties of a note; with the key where the account has the unique property.
pub(super) fn properties(session: &Session, analysis: &Analysis, keyed: bool) -> Properties {
    // HubSpot requires a time, and the conversation's end makes a repeated request identical.
    let time = session.ended_at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let key = keyed.then(|| (KEY_PROPERTY.to_owned(), session.session_id.to_string()));
    let body = ("hs_note_body".to_owned(), summary::render(session, analysis, &NOTE_FORMAT));
    [("hs_timestamp".to_owned(), time), body].into_iter().chain(key).collect()
}

/// The note of a session among those of its contact; the newest are read first, and no more once a whole batch is older
/// than the session. A failure is never "not found".
pub(super) async fn find(portal: &Portal<'_>, job: &Job<'_>, contact_id: &str) -> Result<Option<String>, CallError> {
    let Session { session_id, ended_at, .. } = job.session;
    // An end in the future must not hide the notes that were written before it.
    let oldest = (*ended_at).min(job.now) - CLOCK_SKEW;
    let mut ids = portal.notes_of_contact(contact_id).await?;
    // Ids grow: by length, then by digits.
    ids.sort_unstable_by(|a, b| (b.len(), b).cmp(&(a.len(), a)));
    // One may be listed with each of its labels.
    ids.dedup();
    for ids in ids.chunks(NOTES_PER_READ) {
        let notes = portal.read_notes(ids).await?;
        // Those that were deleted meanwhile are missing.
        let all_are_older = !notes.is_empty() && notes.iter().all(|note| note.is_older_than(oldest));
        if let Some(note) = notes.into_iter().find(|note| is_about(note.body(), session_id)) {
            return Ok(Some(note.id));
        }
        if all_are_older {
            return Ok(None);
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
    use super::*;

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
