//! Tokens, and which of them were read from the cache.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Value, json};

use super::rules::blocks;

/// Characters per token; a plausible mean for European languages.
pub(crate) const TOKEN: usize = 4;
/// Tokens below which a cache point is without effect (differs by model; this is the smaller Claude models').
const CACHE_MINIMUM: usize = 1024;

/// Input tokens by what was done with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Input {
    fresh: usize,
    read: usize,
    written: usize,
}

pub(crate) fn tokens(characters: usize) -> usize {
    characters.div_ceil(TOKEN)
}

impl Input {
    /// Measures a request: its longest prefix in the cache is read, the rest up to the last cache point is written.
    pub(crate) fn of(model_id: &str, body: &Value, cached: &mut HashSet<u64>) -> Self {
        let mut hasher = DefaultHasher::new();
        model_id.hash(&mut hasher);
        let (mut characters, mut read, mut written) = (0, 0, 0);
        let mut prefixes = Vec::new();
        for block in blocks(body) {
            if block.get("cachePoint").is_none() {
                let text = block.get("text").and_then(Value::as_str).map_or_else(|| block.to_string(), str::to_owned);
                characters += text.chars().count();
                text.hash(&mut hasher);
                continue;
            }
            let (prefix, digest) = (tokens(characters), hasher.finish());
            if prefix >= CACHE_MINIMUM {
                prefixes.push(digest);
                (read, written) = if cached.contains(&digest) { (prefix, 0) } else { (read, prefix - read) };
            }
        }
        cached.extend(prefixes);
        Self { fresh: tokens(characters).saturating_sub(read + written).max(1), read, written }
    }

    /// Bedrock's `usage`: cached tokens are not part of `inputTokens`, but of the total.
    pub(crate) fn usage(self, output: usize) -> Value {
        let Self { fresh, read, written } = self;
        json!({
            "inputTokens": fresh, "outputTokens": output, "totalTokens": fresh + output + read + written,
            "cacheReadInputTokens": read, "cacheWriteInputTokens": written,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(tool: &str, system: &str, said: &str) -> Value {
        json!({
            "messages": [{ "role": "user", "content": [{ "text": said }] }],
            "system": [{ "text": system }, { "cachePoint": { "type": "default" } }],
            "toolConfig": { "tools": [{ "toolSpec": { "name": tool } }, { "cachePoint": { "type": "default" } }] },
        })
    }

    #[test]
    fn tools_come_before_the_system_prompt_so_a_new_prompt_still_reads_them() {
        let (tool, system) = ("t".repeat(8000), "s".repeat(6000));
        let mut cached = HashSet::new();
        let mut input = |tool: &str, system: &str, said: &str| Input::of("m", &body(tool, system, said), &mut cached);
        let tools = tokens(r#"{"toolSpec":{"name":""}}"#.len() + 8000);
        let first = input(&tool, &system, "Hello, you");
        assert_eq!((first.read, first.written), (0, tools + 1500));
        let again = input(&tool, &system, "Hello, all");
        assert_eq!((again.read, again.written, again.fresh), (tools + 1500, 0, 3));
        let other = input(&tool, &"x".repeat(6000), "Hello, you");
        assert_eq!((other.read, other.written), (tools, 1500));
        assert_eq!(input("short", "short", "Hi").written, 0);
    }
}
