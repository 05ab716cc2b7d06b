//! Literal answers for tests that need a model to answer nonsense.

use serde::{Deserialize, Serialize};

/// An answer for transcripts that contain `match`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    /// A substring of the transcript; empty: every one.
    #[serde(default, rename = "match")]
    matches: String,
    /// For how many calls; default 1.
    #[serde(default = "once")]
    times: u32,
    pub(crate) answer: String,
    /// Default `end_turn`.
    #[serde(default = "end_turn")]
    pub(crate) stop_reason: String,
}

fn once() -> u32 {
    1
}

fn end_turn() -> String {
    "end_turn".to_owned()
}

/// The first script that matches and is not used up.
pub(crate) fn take(scripts: &mut [Script], transcript: &str) -> Option<Script> {
    let script = scripts.iter_mut().find(|script| script.times > 0 && transcript.contains(&script.matches))?;
    script.times -= 1;
    Some(script.clone())
}
