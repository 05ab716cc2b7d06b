//! What code counts: the model does no arithmetic.

use domain::analysis::{Conversation, Feeling, SentimentLabel};
use domain::number::Score;
use domain::session::Session;
use domain::transcript::{Role, Transcript, Turn};

/// From this average on (or below its negative) a conversation counts as positive (negative).
const CLEAR: f64 = 0.25;
/// A conversation with a turn this positive and one this negative is mixed, whatever its average.
const STRONG: f64 = 0.5;

pub(crate) fn conversation(session: &Session, transcript: &Transcript) -> Conversation {
    let words = |role| transcript.of(role).map(|(_, turn)| turn.text.split_whitespace().count()).sum::<usize>();
    let (visitor, agent) = (words(Role::Visitor), words(Role::Agent));
    let spoken = visitor + agent;
    Conversation {
        visitor_words: visitor,
        agent_words: agent,
        turns: transcript.turns().len(),
        visitor_turns: transcript.of(Role::Visitor).count(),
        agent_turns: transcript.of(Role::Agent).count(),
        words: spoken,
        talk_ratio: (spoken > 0).then(|| (visitor as f64 / spoken as f64 * 1000.0).round() / 1000.0),
        duration_s: (session.ended_at - session.started_at).num_seconds(),
        ..Conversation::default()
    }
}

pub(crate) fn label(average: Score, timeline: &[Feeling]) -> SentimentLabel {
    let any = |test: fn(f64) -> bool| timeline.iter().any(|feeling| test(feeling.score.get()));
    if any(|score| score >= STRONG) && any(|score| score <= -STRONG) {
        return SentimentLabel::Mixed;
    }
    match average.get() {
        average if average >= CLEAR => SentimentLabel::Positive,
        average if average <= -CLEAR => SentimentLabel::Negative,
        _ => SentimentLabel::Neutral,
    }
}

/// Whether the turn has anything that could be analysed.
pub(crate) fn says_something(turn: &Turn) -> bool {
    turn.text.chars().any(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{session, transcript};

    #[test]
    fn a_conversation_is_counted() {
        let counted = conversation(&session(), &transcript());
        assert_eq!((counted.turns, counted.visitor_turns, counted.agent_turns), (5, 3, 2));
        assert_eq!((counted.words, counted.talk_ratio, counted.duration_s), (40, Some(0.5), 300));
        assert_eq!(conversation(&session(), &Transcript::default()).talk_ratio, None);
    }

    #[test]
    fn the_label_follows_the_average_unless_both_ends_were_reached() {
        let label = |scores: &[f64]| {
            let feeling = |score: &f64| Feeling { turn: 0, score: (*score).try_into().unwrap(), emotion: "x".into() };
            let timeline: Vec<_> = scores.iter().map(feeling).collect();
            super::label(Score::mean(timeline.iter().map(|f| f.score)).unwrap(), &timeline)
        };
        assert_eq!(label(&[0.25]), SentimentLabel::Positive);
        assert_eq!(label(&[0.2, -0.2]), SentimentLabel::Neutral);
        assert_eq!(label(&[-0.9, 0.1]), SentimentLabel::Negative);
        assert_eq!(label(&[-0.5, 0.9, 0.9]), SentimentLabel::Mixed);
    }
}
