//! Finds instructions in answers: a model may repeat its prompt instead of the conversation.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use domain::analysis::CategoryLabel;

use crate::normalize::{clusters, normalize, squeezed};

/// Words in a row that cannot match by chance.
pub const RUN: usize = 8;

/// Texts that must not appear in an answer: runs of words of the instructions, and the nonce around the transcript.
pub struct LeakDetector {
    runs: HashSet<u64>,
    nonce: Option<String>,
}

impl LeakDetector {
    /// Takes the constant parts of the prompt; an empty nonce is not searched for.
    ///
    /// Lines that define a category (`- facing_issue: …`) are left out, because a reasoning may repeat a definition.
    pub fn new(texts: &[&str], nonce: &str) -> Self {
        let defines = |line: &&str| {
            let label = line.trim_start().strip_prefix("- ").and_then(|line| line.split_once(':'));
            label.is_some_and(|(label, _)| CategoryLabel::parse(label).is_some())
        };
        let secret = |text: &&str| text.lines().filter(|line| !defines(line)).collect::<Vec<_>>().join("\n");
        let runs = texts.iter().flat_map(|text| runs(&secret(text)).collect::<Vec<_>>()).collect();
        Self { runs, nonce: Some(squeezed(nonce)).filter(|nonce| !nonce.is_empty()) }
    }

    /// Searches a text in linear time.
    pub fn finds_leak_in(&self, text: &str) -> bool {
        let has_nonce = || self.nonce.as_ref().is_some_and(|nonce| squeezed(text).contains(nonce));
        runs(text).any(|run| self.runs.contains(&run)) || has_nonce()
    }
}

/// Returns a hash of each [`RUN`] words in a row.
fn runs(text: &str) -> impl Iterator<Item = u64> {
    let words = words(text);
    (RUN..=words.len()).map(move |end| hash(&words[end - RUN..end]))
}

/// Returns a hash of each word.
fn words(text: &str) -> Vec<u64> {
    let (mut words, mut word) = (Vec::new(), String::new());
    for (_, cluster) in clusters(text) {
        if !normalize(cluster, &mut word).counts() && !word.is_empty() {
            words.push(hash(&word));
            word.clear();
        }
    }
    if !word.is_empty() {
        words.push(hash(&word));
    }
    words
}

fn hash(what: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMPT: &str = "Rules\n- Say only what the transcript supports. Where it supports nothing, give an empty list.\n  \
        - facing_issue: came with a problem, a complaint or a wish for support\n- Keep it plain and short.";

    #[test]
    fn eight_words_of_the_prompt_are_recognised_however_they_are_written() {
        let leaks = LeakDetector::new(&[PROMPT], "a1b2c3d4");
        for leaked in [
            "My rules: say ONLY what the transcript supports! Where it…",
            "say\u{200b} only — what, the\ntranscript supports where it supports",
            "inside <transcript-A1B2-C3D4>",
        ] {
            assert!(leaks.finds_leak_in(leaked), "{leaked}");
        }
        for own in [
            "Say only what the transcript supports.",
            "The visitor came with a problem, a complaint or a wish for support.",
            "Keep it plain and short",
            "",
        ] {
            assert!(!leaks.finds_leak_in(own), "{own}");
        }
        assert!(!LeakDetector::new(&[], "").finds_leak_in("anything at all"));
    }
}
