//! What was said, turn by turn.

use serde::{Deserialize, Serialize};

/// Who spoke. `system` and `tool` turns give context; only visitor and agent turns are quoted as evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Visitor,
    Agent,
    System,
    Tool,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Visitor, Self::Agent, Self::System, Self::Tool];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Visitor => "visitor",
            Self::Agent => "agent",
            Self::System => "system",
            Self::Tool => "tool",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
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
}
