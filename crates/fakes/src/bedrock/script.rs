//! Literal answers, for tests that need a model to answer nonsense, or to have obeyed a visitor's orders.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An answer for the calls that it matches.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    /// A substring of the transcript, or of the parts' answers; empty: every one.
    #[serde(default, rename = "match")]
    matches: String,
    /// A substring of the text of all messages, the lines before the transcript and corrections too.
    #[serde(default)]
    match_prompt: String,
    /// The number of calls that it answers; default 1.
    #[serde(default = "once")]
    times: u32,
    /// Where a tool is forced, an object is the tool's input; all else is text.
    #[serde(default)]
    pub(crate) answer: String,
    /// Uses a tool in place of an answer, whether one is forced or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tool_use: Option<ToolUse>,
    /// Default `tool_use` for a tool's input, `end_turn` for text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stop_reason: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToolUse {
    /// Default: the forced tool's.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// Any JSON: models do not keep to objects.
    pub(crate) input: Value,
}

fn once() -> u32 {
    1
}

/// The first script that matches and is not used up.
pub(crate) fn take(scripts: &mut [Script], transcript: &str, messages: &str) -> Option<Script> {
    let matches = |script: &&mut Script| {
        script.times > 0 && transcript.contains(&script.matches) && messages.contains(&script.match_prompt)
    };
    let script = scripts.iter_mut().find(matches)?;
    script.times -= 1;
    Some(script.clone())
}
