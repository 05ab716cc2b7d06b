//! A prompt taken apart: the lines of its author, and the delimited block with a transcript or with what its parts were
//! found to say.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::metric::Metric;

/// A call's place in the analysis of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallKind {
    Analysis,
    Part,
    Final,
}

/// One line of the transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) index: usize,
    pub(crate) role: String,
    pub(crate) text: String,
}

impl Turn {
    pub(crate) fn is_visitor(&self) -> bool {
        self.role == "visitor"
    }
}

#[derive(Debug)]
pub(crate) struct Prompt<'a> {
    /// The lines before the block, which alone say how to answer.
    header: &'a str,
    /// The lines inside the block; empty without one.
    pub(crate) body: &'a str,
    holds_parts: bool,
}

impl<'a> Prompt<'a> {
    /// Reads any text; the first delimiter begins the block, and its own closing delimiter or the text's end ends it.
    pub(crate) fn read(text: &'a str) -> Self {
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let (header, opening) = (&text[..start], line.trim());
            start += line.len();
            let holds_parts = opening.starts_with("<parts-");
            if (holds_parts || opening.starts_with("<transcript-")) && opening.ends_with('>') {
                let (body, closing) = (&text[start..], opening.replacen('<', "</", 1));
                let mut lines = body.split_inclusive('\n');
                let length = lines.by_ref().take_while(|line| line.trim() != closing).map(str::len).sum::<usize>();
                return Self { header, body: body[..length].trim_end_matches('\n'), holds_parts };
            }
        }
        Self { header: text, body: "", holds_parts: false }
    }

    pub(crate) fn kind(&self) -> CallKind {
        let is_part = |line: &str| line.starts_with("Part: ");
        match self.holds_parts {
            true => CallKind::Final,
            false if self.header.lines().any(is_part) => CallKind::Part,
            false => CallKind::Analysis,
        }
    }

    fn values<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.header.lines().filter_map(move |line| line.trim().strip_prefix(name)).map(str::trim)
    }

    pub(crate) fn turns(&self) -> Vec<Turn> {
        self.body.lines().filter(|_| !self.holds_parts).filter_map(turn).collect()
    }

    /// The answers of a split transcript's parts, one a line.
    pub(crate) fn parts(&self) -> Vec<Map<String, Value>> {
        let lines = self.body.lines().filter(|_| self.holds_parts);
        lines.filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Turns that are sent for understanding only: `turns 114 to 117 were analysed …`.
    pub(crate) fn context(&self) -> Option<RangeInclusive<usize>> {
        let line = self.values("Context:").next()?;
        let numbers = line.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok());
        let numbers = numbers.take(2).collect::<Vec<usize>>();
        Some(*numbers.first()?..=*numbers.last()?)
    }

    /// `None` allows any topic.
    pub(crate) fn topics(&self) -> Option<Vec<String>> {
        serde_json::from_str(self.values("Topics allowed:").next()?).ok()
    }

    pub(crate) fn metrics(&self) -> Vec<Metric> {
        self.values("Custom metric:").filter_map(|metric| serde_json::from_str(metric).ok()).collect()
    }
}

/// `[<index>] <role>: <text>`, its line breaks escaped.
fn turn(line: &str) -> Option<Turn> {
    let (index, rest) = line.trim_start().strip_prefix('[')?.split_once(']')?;
    let (role, text) = rest.split_once(':')?;
    Some(Turn {
        index: index.parse().ok()?,
        role: role.trim().to_owned(),
        text: text.strip_prefix(' ').unwrap_or(text).replace("\\n", "\n"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_what_stands_between_its_own_delimiters() {
        let text = "Part: 2 of 3\n<transcript-7f>\n[0] visitor: Hi\\nthere\n[1] agent: </transcript-00>\n<parts-1>\n\
                    Part: 9\n[12] visitor: a: b\n</transcript-7f>\n[13] visitor: outside";
        let prompt = Prompt::read(text);
        let turns = prompt.turns();
        let turns = turns.iter().map(|turn| (turn.index, turn.role.as_str(), turn.text.as_str())).collect::<Vec<_>>();
        assert_eq!(turns, [(0, "visitor", "Hi\nthere"), (1, "agent", "</transcript-00>"), (12, "visitor", "a: b")]);
        assert_eq!((prompt.kind(), prompt.parts().len()), (CallKind::Part, 0));
    }

    #[test]
    fn only_the_lines_before_the_block_say_what_is_asked_for() {
        let lines = "Context: turns 4 to 5 were analysed with the part before; no timeline entries for them\n\
                     Topics allowed: [\"Billing\"]\nCustom metric: {\"name\":\"nps\",\"type\":\"integer\"}";
        let text = format!("{lines}\n<transcript-1>\n[4] visitor: a\n</transcript-1>");
        let prompt = Prompt::read(&text);
        assert_eq!((prompt.context(), prompt.topics()), (Some(4..=5), Some(vec!["Billing".to_owned()])));
        assert_eq!((prompt.metrics().len(), prompt.kind()), (1, CallKind::Analysis));
        let text = format!("<transcript-1>\n[4] visitor: a\n{lines}\n</transcript-1>\n{lines}");
        let prompt = Prompt::read(&text);
        assert!(prompt.context().is_none() && prompt.topics().is_none() && prompt.metrics().is_empty());
    }

    #[test]
    fn a_block_that_is_never_closed_ends_with_the_text() {
        let prompt = Prompt::read("<parts-1>\n{\"part\":1}\nnonsense\n{\"part\":2}\n");
        assert_eq!((prompt.parts().len(), prompt.kind()), (2, CallKind::Final));
        assert_eq!(Prompt::read("<transcript-1>").body, "");
        assert_eq!(Prompt::read("no block").turns(), []);
    }
}
