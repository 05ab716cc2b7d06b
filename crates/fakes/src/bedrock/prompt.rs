//! What a prompt asks for: the conversation or its parts, and the lines before them.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::block::{self, Kind};
use super::language::Language;
use super::metrics::Metric;

/// One line of the transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) index: usize,
    pub(crate) role: String,
    pub(crate) text: String,
}

/// The conversation as it was sent, or what the parts of one were found to say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Prompt {
    pub(crate) turns: Vec<Turn>,
    pub(crate) output: Language,
    /// What the visitor and the agent speak.
    pub(crate) spoken: Language,
    /// Turns that are sent for understanding only: no entries of the timeline.
    pub(crate) context: Option<RangeInclusive<usize>>,
    /// `None`: any topic.
    pub(crate) allowed_topics: Option<Vec<String>>,
    pub(crate) metrics: Vec<Metric>,
    /// The parts' answers, where the prompt is the last of a split transcript's.
    pub(crate) parts: Option<Vec<Value>>,
}

const LANGUAGE: &str = "Output language:";
const PART: &str = "Part:";
const CONTEXT: &str = "Context:";
const TOPICS: &str = "Topics allowed:";
const METRIC: &str = "Custom metric:";

impl Prompt {
    /// Works on any text; without a transcript there are no turns.
    pub(crate) fn parse(text: &str) -> Self {
        let block = block::find(text);
        let header = block.as_ref().map_or(text, |block| block.header);
        let body_of = |kind| block.as_ref().filter(|block| block.kind == kind).map(|block| block.body);
        let turns = body_of(Kind::Transcript).into_iter().flat_map(str::lines).filter_map(turn).collect::<Vec<_>>();
        let spoken = Language::detect(turns.iter().map(|turn| turn.text.as_str()));
        Self {
            output: values(header, LANGUAGE).next().and_then(Language::of_tag).unwrap_or(spoken),
            spoken,
            context: values(header, CONTEXT).next().and_then(range),
            allowed_topics: values(header, TOPICS).next().and_then(|list| serde_json::from_str(list).ok()),
            metrics: values(header, METRIC).filter_map(|metric| serde_json::from_str(metric).ok()).collect(),
            parts: body_of(Kind::Parts).map(|body| body.lines().filter_map(part).collect()),
            turns,
        }
    }

    pub(crate) fn of<'a>(&'a self, role: &'a str) -> impl Iterator<Item = &'a Turn> {
        self.turns.iter().filter(move |turn| turn.role == role)
    }

    /// The visitor's turns that this prompt, and no other, has to tell the feelings of.
    pub(crate) fn felt(&self) -> impl Iterator<Item = &Turn> {
        self.of("visitor").filter(|turn| self.context.as_ref().is_none_or(|context| !context.contains(&turn.index)))
    }

    /// What the visitor and the agent said.
    pub(crate) fn said(&self) -> impl Iterator<Item = &Turn> {
        self.turns.iter().filter(|turn| matches!(turn.role.as_str(), "visitor" | "agent"))
    }
}

/// Whether the lines before the transcript say that it is one part of several.
pub(crate) fn is_part(text: &str) -> bool {
    block::find(text).is_some_and(|block| values(block.header, PART).next().is_some())
}

fn values<'a>(header: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    header.lines().filter_map(move |line| line.trim().strip_prefix(name)).map(str::trim)
}

/// `turns 114 to 117 were analysed …`, or a single turn.
fn range(line: &str) -> Option<RangeInclusive<usize>> {
    let numbers = line.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok());
    let numbers = numbers.take(2).collect::<Vec<usize>>();
    Some(*numbers.first()?..=*numbers.last()?)
}

fn part(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok().filter(Value::is_object)
}

/// `[<index>] <role>: <text>`, its line breaks escaped.
pub(crate) fn turn(line: &str) -> Option<Turn> {
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
    fn turns_are_read_with_index_role_and_line_breaks() {
        let text = "Output language: de-AT\n<transcript-7f>\n[0] visitor: Hi\\nthere\n[1] agent: </transcript-00>\n\
                    [12] visitor: a: b\n</transcript-7f>\n[13] visitor: outside";
        let prompt = Prompt::parse(text);
        let turns =
            prompt.turns.iter().map(|turn| (turn.index, turn.role.as_str(), turn.text.as_str())).collect::<Vec<_>>();
        assert_eq!(turns, [(0, "visitor", "Hi\nthere"), (1, "agent", "</transcript-00>"), (12, "visitor", "a: b")]);
        assert_eq!(prompt.output, Language::German);
    }

    #[test]
    fn the_transcripts_own_language_is_used_when_none_is_asked_for() {
        let text = "Output language: the transcript's language\n<transcript-1>\n[0] visitor: Hola, quiero saber el precio\n\
                    </transcript-1>";
        assert_eq!(Prompt::parse(text).output, Language::Spanish);
        assert!(Prompt::parse("nothing here").turns.is_empty());
    }

    #[test]
    fn only_the_lines_before_the_block_say_what_is_asked_for() {
        let lines = "Part: 2 of 3\nContext: turns 4 to 5 were analysed with the part before; no timeline entries for them\n\
                     Excerpt: of turn 6, which is longer than a part, this is piece 2 of 3\n\
                     Topics allowed: [\"Billing\"]\nCustom metric: {\"name\":\"nps\",\"type\":\"integer\",\"description\":\"d\"}";
        let turns = "[4] visitor: a\n[6] visitor: b\n[6] visitor: c";
        let text = format!("{lines}\n<transcript-1>\n{turns}\n</transcript-1>");
        let prompt = Prompt::parse(&text);
        assert!(is_part(&text));
        assert_eq!(prompt.felt().map(|turn| turn.index).collect::<Vec<_>>(), [6, 6]);
        assert_eq!(prompt.allowed_topics, Some(vec!["Billing".to_owned()]));
        assert_eq!(prompt.metrics.len(), 1);

        let inside = format!("<transcript-1>\n{turns}\n{lines}\n</transcript-1>\n{lines}");
        let prompt = Prompt::parse(&inside);
        assert!(!is_part(&inside) && prompt.context.is_none());
        assert!(prompt.metrics.is_empty() && prompt.allowed_topics.is_none());
    }

    #[test]
    fn the_answers_of_parts_are_read_line_by_line() {
        let prompt = Prompt::parse("Output language: es\n<parts-1>\n{\"part\":1}\nnonsense\n{\"part\":2}\n</parts-1>");
        assert_eq!(prompt.parts.map(|parts| parts.len()), Some(2));
        assert_eq!(prompt.output, Language::Spanish);
        assert_eq!(Prompt::parse("<transcript-1>\n{}\n</transcript-1>").parts, None);
    }
}
