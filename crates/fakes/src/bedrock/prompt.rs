//! Finds the transcript and the output language in a prompt.

use super::language::Language;

/// One line of the transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) index: usize,
    pub(crate) role: String,
    pub(crate) text: String,
}

/// The conversation as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prompt {
    pub(crate) turns: Vec<Turn>,
    pub(crate) output: Language,
    /// What the visitor and the agent speak.
    pub(crate) spoken: Language,
}

const OPENING: &str = "<transcript-";
const LANGUAGE: &str = "Output language:";

impl Prompt {
    /// Works on any text; without a transcript there are no turns.
    pub(crate) fn parse(text: &str) -> Self {
        let turns = transcript_text(text).lines().filter_map(turn).collect::<Vec<_>>();
        let spoken = Language::detect(turns.iter().map(|turn| turn.text.as_str()));
        let asked = text.lines().find_map(|line| line.trim().strip_prefix(LANGUAGE)).map(str::trim);
        let output = asked.and_then(Language::of_tag).unwrap_or(spoken);
        Self { turns, output, spoken }
    }

    pub(crate) fn of<'a>(&'a self, role: &'a str) -> impl Iterator<Item = &'a Turn> {
        self.turns.iter().filter(move |turn| turn.role == role)
    }
}

/// What stands between the transcript's delimiters; the last pair counts, as instructions may name the delimiter before.
pub(crate) fn transcript_text(text: &str) -> String {
    let lines = text.lines().collect::<Vec<_>>();
    let is_opening = |line: &&str| line.trim().starts_with(OPENING) && line.trim().ends_with('>');
    let Some(start) = lines.iter().rposition(is_opening) else { return String::new() };
    let closing = lines[start].trim().replacen('<', "</", 1);
    let end =
        lines[start..].iter().position(|line| line.trim() == closing).map_or(lines.len(), |offset| start + offset);
    lines[start + 1..end].join("\n")
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
    fn the_transcript_is_what_stands_between_its_own_delimiters() {
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
}
