//! Where the delimited block of a prompt stands: what was said, or the answers of a split transcript's parts.

use std::collections::HashMap;

/// What a prompt asks to be analysed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Transcript,
    Parts,
}

/// A prompt taken apart at its delimiters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block<'a> {
    pub(crate) kind: Kind,
    /// The lines before the block: what the prompt's author wrote.
    pub(crate) header: &'a str,
    /// The lines inside.
    pub(crate) body: &'a str,
    /// What follows the closing delimiter.
    pub(crate) rest: &'a str,
}

const OPENINGS: [(&str, Kind); 2] = [("<transcript-", Kind::Transcript), ("<parts-", Kind::Parts)];

/// The first block that is closed, else the last that is not; `None` without any.
///
/// An opening inside a block is something that was said, and so is one in instructions, which is never closed.
pub(crate) fn find(text: &str) -> Option<Block<'_>> {
    let lines = lines(text);
    // Where each closing line stands last: an opening before that is closed.
    let closings = lines.iter().filter(|(_, line)| line.starts_with("</"));
    let closings = closings.map(|(start, line)| (*line, *start)).collect::<HashMap<_, _>>();
    let openings = || lines.iter().enumerate().filter_map(|(at, (_, line))| Some((at, opening(line)?)));
    let closing_of = |line: &str| line.replacen('<', "</", 1);
    let is_closed = |at: usize| closings.get(closing_of(lines[at].1).as_str()).is_some_and(|end| *end > lines[at].0);
    let (at, kind) = openings().find(|(at, _)| is_closed(*at)).or_else(|| openings().next_back())?;
    let closing = closing_of(lines[at].1);
    let end = lines[at..].iter().position(|(_, line)| *line == closing).map(|offset| at + offset);
    let start = lines.get(at + 1).map_or(text.len(), |(start, _)| *start);
    let (body_end, rest_start) = match end {
        Some(end) => (lines[end].0, lines.get(end + 1).map_or(text.len(), |(start, _)| *start)),
        None => (text.len(), text.len()),
    };
    let body = text.get(start..body_end).unwrap_or_default();
    let body = body.strip_suffix('\n').unwrap_or(body);
    Some(Block { kind, header: &text[..lines[at].0], body, rest: &text[rest_start..] })
}

/// Each line, trimmed, with the offset at which it begins.
fn lines(text: &str) -> Vec<(usize, &str)> {
    let mut at = 0;
    let lines = text.split_inclusive('\n').map(|line| {
        let start = at;
        at += line.len();
        (start, line.trim())
    });
    lines.collect()
}

fn opening(line: &str) -> Option<Kind> {
    let (_, kind) = OPENINGS.into_iter().find(|(opening, _)| line.starts_with(opening) && line.ends_with('>'))?;
    Some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_what_stands_between_its_own_delimiters() {
        let text = "Between <transcript-N> lines:\n<transcript-N>\nChannel: chat\n<transcript-7f>\n[0] agent: </transcript-00>\n\
                    <parts-1>\n{}\n</parts-1>\n</transcript-7f>\nafter";
        let block = find(text).unwrap();
        assert_eq!(block.kind, Kind::Transcript);
        assert!(block.header.ends_with("Channel: chat\n"), "{}", block.header);
        assert_eq!(block.body, "[0] agent: </transcript-00>\n<parts-1>\n{}\n</parts-1>");
        assert_eq!(block.rest, "after");
    }

    #[test]
    fn a_block_that_is_never_closed_ends_with_the_text() {
        let block = find("<parts-1>\n{}\n").unwrap();
        assert_eq!((block.kind, block.body, block.rest), (Kind::Parts, "{}", ""));
        assert_eq!(find("<transcript-1>").unwrap().body, "");
        assert_eq!(find("<transcript-1>\n</transcript-1>").unwrap().body, "");
        assert_eq!(find("no block"), None);
    }
}
