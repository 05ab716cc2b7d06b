//! What the visitor came for, and how it is summed up.

use serde_json::{Value, json};

use super::language::Language;
use super::outcome::outcome;
use super::prompt::Prompt;
use super::text::{find_phrase, report, sentences, words};

/// The most objectives that are reported.
const MOST: usize = 3;

/// What every summary ends with, so that nobody takes it for a model's.
pub(crate) const SIGNATURE: &str = "(Written by the local stand-in for Bedrock.)";

fn asking(language: Language) -> &'static [&'static str] {
    language.pick(
        &[
            "i want",
            "i need",
            "i'd like",
            "i would like",
            "can you",
            "could you",
            "can i",
            "could i",
            "i'm looking for",
            "help me",
            "please",
            "i have a",
            "my",
        ],
        &[
            "ich möchte",
            "ich brauche",
            "ich will",
            "ich hätte",
            "können sie",
            "könnten sie",
            "kann ich",
            "ich suche",
            "bitte",
            "ich habe",
            "mein",
            "meine",
        ],
        &[
            "quiero",
            "necesito",
            "quisiera",
            "me gustaría",
            "puede",
            "podría",
            "puedo",
            "busco",
            "ayuda",
            "por favor",
            "tengo",
            "mi",
        ],
    )
}

/// The visitor's sentences that ask for something, in order; else the first that says something.
pub(crate) fn requests(prompt: &Prompt) -> Vec<&str> {
    let said = prompt.of("visitor").flat_map(|turn| sentences(&turn.text)).collect::<Vec<_>>();
    let asks = |sentence: &str| {
        let words = words(sentence);
        words.len() >= 3
            && (sentence.ends_with('?')
                || asking(prompt.spoken).iter().any(|phrase| find_phrase(&words, phrase).is_some()))
    };
    let requests = said.iter().copied().filter(|sentence| asks(sentence)).take(MOST).collect::<Vec<_>>();
    if !requests.is_empty() {
        return requests;
    }
    let longer = said.iter().find(|sentence| words(sentence).len() >= 3);
    longer.or(said.first()).into_iter().copied().collect()
}

/// The `intent` member of the answer.
pub(crate) fn intent(prompt: &Prompt) -> Value {
    let requests = requests(prompt);
    let purpose = match requests.first() {
        Some(first) => asked(first, prompt.output),
        None => silent(prompt.output),
    };
    json!({ "primary_purpose": purpose, "objectives": requests, "outcome": outcome(prompt) })
}

/// The `summary` member of the answer.
pub(crate) fn summary(prompt: &Prompt) -> Value {
    let language = prompt.output;
    let requests = requests(prompt);
    let last = prompt.of("visitor").filter_map(|turn| sentences(&turn.text).last().copied()).last();
    let mut points = requests.iter().map(|request| asked(request, language)).collect::<Vec<_>>();
    let text = match (requests.first(), last) {
        (Some(first), Some(last)) if first != &last => {
            points.push(ended(last, language));
            format!("{} {}", asked(first, language), ended(last, language))
        }
        (Some(first), _) => asked(first, language),
        (None, _) => silent(language),
    };
    if requests.is_empty() {
        points.push(silent(language));
    }
    json!({ "text": format!("{text} {SIGNATURE}"), "key_points": points })
}

fn asked(said: &str, language: Language) -> String {
    let lead = if said.ends_with('?') {
        language.pick("The visitor asked", "Der Besucher fragte", "El visitante preguntó")
    } else {
        language.pick("The visitor said", "Der Besucher sagte", "El visitante dijo")
    };
    report(lead, said, language)
}

fn ended(said: &str, language: Language) -> String {
    let lead = language.pick("The conversation ended with", "Das Gespräch endete mit", "La conversación terminó con");
    report(lead, said, language)
}

pub(crate) fn silent(language: Language) -> String {
    language.pick("The visitor said nothing.", "Der Besucher sagte nichts.", "El visitante no dijo nada.").to_owned()
}
