//! Figures of a conversation, counted by code: a model does no arithmetic.

mod times;

use domain::analysis::{ConversationFigures, Monologue};
use domain::session::Session;
use domain::step::Code;
use domain::transcript::{Role, Transcript, Turn};
use unicode_segmentation::UnicodeSegmentation;

use crate::normalize::says_something;
use crate::text::clean;

/// The longest end reason in characters: the AI engine sends a code or a short phrase.
const MAX_END_REASON: usize = 100;

/// The visitor said nothing.
pub const NO_VISITOR_TURNS: Code = Code::new("no_visitor_turns");
/// The visitor said less than the tenant wants analysed.
pub const TOO_LITTLE_CONTENT: Code = Code::new("too_little_content");

pub fn conversation(session: &Session, transcript: &Transcript) -> ConversationFigures {
    let counts: Vec<usize> = transcript.turns().iter().map(|turn| words(&turn.text)).collect();
    let of = |role| transcript.of(role).filter_map(|(index, _)| counts.get(index)).sum::<usize>();
    let (visitor, agent) = (of(Role::Visitor), of(Role::Agent));
    let spoken = visitor + agent;
    let end_reason = session.end_reason.as_deref().map(|reason| clean(reason, MAX_END_REASON));
    ConversationFigures {
        turns: transcript.turns().len(),
        visitor_turns: transcript.of(Role::Visitor).count(),
        agent_turns: transcript.of(Role::Agent).count(),
        words: spoken,
        visitor_words: visitor,
        agent_words: agent,
        talk_ratio: (spoken > 0).then(|| (visitor as f64 / spoken as f64 * 1000.0).round() / 1000.0),
        duration_s: (session.ended_at - session.started_at).num_seconds(),
        longest_monologue: longest_monologue(transcript, &counts),
        visitor_waiting: times::visitor_waiting(transcript),
        interruptions: times::interruptions(transcript),
        end_reason: end_reason.filter(|reason| !reason.is_empty()),
    }
}

/// Counts words by the rules of Unicode; in scripts without spaces a character may count as a word.
pub fn words(text: &str) -> usize {
    text.unicode_words().count()
}

/// Checks that the visitor said enough to be analysed; `Err` is the code of the reason.
///
/// Turns without content do not count, and one turn is the least even if `min_turns` is 0.
pub fn enough(transcript: &Transcript, min_turns: usize, min_words: usize) -> Result<(), Code> {
    let saying = || transcript.of(Role::Visitor).map(|(_, turn)| turn).filter(|turn| says_something(&turn.text));
    let (turns, words) = (saying().count(), saying().map(|turn| words(&turn.text)).sum::<usize>());
    match turns {
        0 => Err(NO_VISITOR_TURNS),
        _ if turns < min_turns || words < min_words => Err(TOO_LITTLE_CONTENT),
        _ => Ok(()),
    }
}

/// Returns the turns of visitor and agent with their indexes; turns of tools and of the system do not interrupt.
fn spoken(transcript: &Transcript) -> impl Iterator<Item = (usize, &Turn)> {
    transcript.turns().iter().enumerate().filter(|(_, turn)| matches!(turn.role, Role::Visitor | Role::Agent))
}

/// Returns the longest monologue, the first of equal ones; `None` without any word.
fn longest_monologue(transcript: &Transcript, counts: &[usize]) -> Option<Monologue> {
    let spoken: Vec<_> = spoken(transcript).collect();
    let monologues = spoken.chunk_by(|(_, turn), (_, next)| turn.role == next.role).filter_map(|turns| {
        let (turn, first) = *turns.first()?;
        let words = turns.iter().filter_map(|(turn, _)| counts.get(*turn)).sum();
        Some(Monologue { role: first.role, turn, words })
    });
    // `max_by_key` returns the last of equal items.
    monologues.filter(|monologue| monologue.words > 0).rev().max_by_key(|monologue| monologue.words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{session, transcript};

    fn said(turns: &[(Role, &str)]) -> Transcript {
        let turn =
            |(role, text): &(Role, &str)| Turn { role: *role, text: (*text).into(), started_ms: None, ended_ms: None };
        Transcript::new(turns.iter().map(turn).collect())
    }

    #[test]
    fn a_conversation_is_counted() {
        let mut session = session();
        session.end_reason = Some(" visitor_hung\u{0}_up\n".into());
        let counted = conversation(&session, &transcript());
        assert_eq!((counted.turns, counted.visitor_turns, counted.agent_turns), (5, 3, 2));
        assert_eq!((counted.words, counted.visitor_words, counted.agent_words), (40, 20, 20));
        assert_eq!((counted.talk_ratio, counted.duration_s), (Some(0.5), 300));
        assert_eq!(counted.longest_monologue, Some(Monologue { role: Role::Agent, turn: 2, words: 15 }));
        assert_eq!((counted.visitor_waiting, counted.interruptions), (None, None));
        assert_eq!(counted.end_reason.as_deref(), Some("visitor_hung_up"));
        let empty = conversation(&session, &Transcript::default());
        assert_eq!((empty.talk_ratio, empty.longest_monologue), (None, None));
    }

    #[test]
    fn a_monologue_goes_on_over_tools_and_ends_where_the_other_speaks() {
        let transcript = said(&[
            (Role::Visitor, "one two three"),
            (Role::Agent, "one two"),
            (Role::Tool, "many words that nobody said to anybody"),
            (Role::Agent, "three four"),
            (Role::Visitor, "…"),
            (Role::Agent, "five six"),
        ]);
        let longest = conversation(&session(), &transcript).longest_monologue;
        assert_eq!(longest, Some(Monologue { role: Role::Agent, turn: 1, words: 4 }));
    }

    #[test]
    fn words_are_those_of_any_language() {
        for (text, count) in
            [("I can't – e-mail 2.50 €!", 5), ("მინდა ყავა", 2), ("कॉफ़ी मशीन", 2), ("咖啡机", 3), ("👍 …", 0), ("", 0)]
        {
            assert_eq!(words(text), count, "{text}");
        }
    }

    #[test]
    fn too_little_is_not_taken_for_nothing() {
        let short = said(&[(Role::Agent, "Hello, how are you?"), (Role::Visitor, "…"), (Role::Visitor, "Hi there")]);
        assert_eq!((enough(&short, 1, 1), enough(&short, 1, 2), enough(&short, 0, 0)), (Ok(()), Ok(()), Ok(())));
        assert_eq!(enough(&short, 2, 1), Err(TOO_LITTLE_CONTENT));
        assert_eq!(enough(&short, 1, 3), Err(TOO_LITTLE_CONTENT));
        let silent = said(&[(Role::Agent, "Hello?"), (Role::Visitor, " … ")]);
        assert_eq!(enough(&silent, 0, 0), Err(NO_VISITOR_TURNS));
    }
}
