//! Properties that hold for any conversation and any answer of the model.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

mod answers;
mod quotes;
mod shifts;
mod texts;

use domain::transcript::{Role, Transcript, Turn};
use proptest::prelude::*;

/// Generates speech: words of several scripts, punctuation, emoji, marks and invisible characters.
fn said() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-ZäöüßéčžşıİΣσς]{1,8}",
        2 => "[ ]{1,2}",
        1 => "[0-9]{1,4}([.,:][0-9]{1,2})?",
        1 => "[.,!?…—–'’\"“”«»()\n\t-]{1,2}",
        1 => "[\u{5d0}-\u{5ea}][\u{5b0}-\u{5bc}]?|[\u{627}-\u{64a}][\u{64b}-\u{652}]?|[\u{915}-\u{939}][\u{93e}-\u{94d}]?",
        1 => "[\u{e01}-\u{e2e}][\u{e34}-\u{e3a}\u{e48}]?|[\u{4e00}-\u{4e40}]{1,4}|[가-힣]{1,3}|e\u{301}",
        1 => prop::sample::select(vec!["👍", "👍🏽", "👩‍🔧", "🇩🇪", "❤️", "1️⃣", "€", "\u{200b}", "\u{202e}", "\u{ad}"])
            .prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 1..25).prop_map(|pieces| pieces.concat())
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(Role::ALL.to_vec())
}

fn transcript() -> impl Strategy<Value = Transcript> {
    let turn = (role(), said()).prop_map(|(role, text)| Turn { role, text, started_ms: None, ended_ms: None });
    prop::collection::vec(turn, 1..8).prop_map(Transcript::new)
}

/// Applies the only change that is made to quotes.
fn shown(said: &str) -> String {
    analyze::text::as_said(said)
}
