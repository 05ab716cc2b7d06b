//! Transcripts: the turns of a conversation.

use std::collections::BTreeMap;

use redaction::{Originals, Redaction, Redactor};
use serde::{Deserialize, Serialize};

use crate::text_enum;

text_enum! {
    /// The speaker of a turn. `system` and `tool` turns give context; only visitor and agent turns are quoted as evidence.
    pub enum Role {
        Visitor = "visitor",
        Agent = "agent",
        System = "system",
        Tool = "tool",
    }
}

/// One turn; times are milliseconds from the session's start and known for voice only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    pub role: Role,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_ms: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<u32>,
}

/// The turns of a session in order; a turn's index is its `seq`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Transcript {
    turns: Vec<Turn>,
}

impl Transcript {
    pub fn new(turns: Vec<Turn>) -> Self {
        Self { turns }
    }

    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }

    /// The turns of one role with their indexes.
    pub fn of(&self, role: Role) -> impl Iterator<Item = (usize, &Turn)> {
        self.turns.iter().enumerate().filter(move |(_, turn)| turn.role == role)
    }

    /// Hides private data in every turn; roles and times stay.
    pub fn redacted(&self, redactor: &Redactor) -> RedactedTranscript {
        // All turns at once: a value has one placeholder throughout a session.
        let Redaction { texts, counts, originals } = redactor.redact(self.turns.iter().map(|turn| turn.text.as_str()));
        let turns = self.turns.iter().zip(texts);
        let turns =
            turns.map(|(&Turn { role, started_ms, ended_ms, .. }, text)| Turn { role, text, started_ms, ended_ms });
        RedactedTranscript { transcript: Self::new(turns.collect()), counts, originals }
    }
}

/// A transcript that a model may see, and the values hidden in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactedTranscript {
    pub transcript: Transcript,
    /// How often values were hidden, by entity or pattern.
    pub counts: BTreeMap<String, u32>,
    pub originals: Originals,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::RedactionSettings;

    #[test]
    fn redaction_changes_nothing_of_a_turn_but_its_text() {
        let said = ["4111 1111 1111 1111", "yes, 4111111111111111", ""];
        let turn = |(role, text): (Role, &str)| Turn { role, text: text.into(), started_ms: Some(5), ended_ms: None };
        let transcript = Transcript::new(Role::ALL.into_iter().zip(said).map(turn).collect());
        let redacted = transcript.redacted(&RedactionSettings::default().redactor());
        let shown = ["[PAYMENT_CARD_1]", "yes, [PAYMENT_CARD_1]", ""];
        assert_eq!(redacted.transcript, Transcript::new(Role::ALL.into_iter().zip(shown).map(turn).collect()));
        assert_eq!(redacted.counts["payment_card"], 2);
        assert_eq!(redacted.originals.restore("[PAYMENT_CARD_1]"), "4111 1111 1111 1111");
    }
}
