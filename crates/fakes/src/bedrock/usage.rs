//! Tokens, and which of them were read from the cache.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Value, json};

use super::rules::list;

/// Characters per token; a plausible mean for European languages.
pub(crate) const TOKEN: usize = 4;
/// Tokens below which a cache point is without effect (differs by model; this is the smaller Claude models').
const CACHE_MINIMUM: usize = 1024;

/// The size of a request's input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Size {
    characters: usize,
    /// Characters before each cache point, with a digest of them; in the order of the request.
    prefixes: Vec<(usize, u64)>,
}

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

impl Size {
    /// Measures in the order in which Bedrock reads: tools, system, messages.
    pub(crate) fn of(model_id: &str, body: &Value) -> Self {
        let messages = list(body, "/messages").flat_map(|message| list(message, "/content"));
        let blocks = list(body, "/toolConfig/tools").chain(list(body, "/system")).chain(messages);
        let mut size = Self { characters: 0, prefixes: Vec::new() };
        let mut hasher = DefaultHasher::new();
        model_id.hash(&mut hasher);
        for block in blocks {
            if block.get("cachePoint").is_some() {
                size.prefixes.push((size.characters, hasher.finish()));
                continue;
            }
            match block.get("text").and_then(Value::as_str) {
                Some(text) => {
                    size.characters += text.chars().count();
                    text.hash(&mut hasher);
                }
                None => {
                    let block = block.to_string();
                    size.characters += block.chars().count();
                    block.hash(&mut hasher);
                }
            }
        }
        size
    }

    /// The longest prefix that is in the cache is read, the rest up to the last cache point is written.
    pub(crate) fn input(&self, cached: &mut HashSet<u64>) -> Input {
        let effective = self.prefixes.iter().map(|(characters, digest)| (tokens(*characters), *digest));
        let effective = effective.filter(|(tokens, _)| *tokens >= CACHE_MINIMUM).collect::<Vec<_>>();
        let known = effective.iter().rev().find(|(_, digest)| cached.contains(digest));
        let read = known.map_or(0, |(tokens, _)| *tokens);
        let written = effective.last().map_or(0, |(tokens, _)| tokens - read);
        cached.extend(effective.iter().map(|(_, digest)| *digest));
        Input { fresh: tokens(self.characters).saturating_sub(read + written).max(1), read, written }
    }
}

impl Input {
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
        let mut input =
            |tool: &str, system: &str, said: &str| Size::of("m", &body(tool, system, said)).input(&mut cached);
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
