//! An analysis in words, as the records of CRMs hold it: in HTML or as plain text, never longer than they take.

mod html;
mod plain;
mod sections;
#[cfg(test)]
mod tests;

use domain::analysis::Analysis;
use domain::session::Session;

pub(crate) use html::visible;
use sections::{Section, sections};

use crate::text::length;

/// Room for the sentence that names what was left out: all titles together are shorter.
const CUT_LENGTH: usize = 400;
/// Begins every summary: what follows cannot be forged, since everything a visitor said comes later.
pub(crate) const TITLE: &str = "Conversation with the AI agent";
pub(crate) const ID_LABEL: &str = "Conversation ID:";

/// The format of one kind of record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SummaryFormat {
    pub(crate) markup: Markup,
    /// UTF-16 units, which are never fewer than characters.
    pub(crate) max_length: usize,
    /// The record in the sentence "The analysis is longer than … may be."
    pub(crate) record: &'static str,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Markup {
    Html,
    Plain,
}

/// Renders all parts of the analysis; parts that do not fit are left out whole, and named.
pub(crate) fn render(session: &Session, analysis: &Analysis, form: &SummaryFormat) -> String {
    let id = format!("{ID_LABEL} {}", session.session_id);
    let mut text = form.written(&Section::of_text(TITLE, [id]));
    let mut left_out = Vec::new();
    let mut room = form.max_length.saturating_sub(length(&text) + CUT_LENGTH);
    for section in sections(session, analysis) {
        let written = form.written(&section);
        match room.checked_sub(length(&written)) {
            Some(rest) => {
                room = rest;
                text.push_str(&written);
            }
            None => left_out.push(section.title),
        }
    }
    if !left_out.is_empty() {
        let what = format!("The analysis is longer than {} may be. Left out: {}.", form.record, left_out.join(", "));
        text.push_str(&form.written(&Section::of_text("Cut", [what])));
    }
    text.truncate(text.trim_end().len());
    text
}

impl SummaryFormat {
    fn written(&self, section: &Section) -> String {
        match self.markup {
            Markup::Html => html::section(section),
            Markup::Plain => plain::section(section),
        }
    }
}
