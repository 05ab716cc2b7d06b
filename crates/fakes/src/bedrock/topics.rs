//! What a conversation is about: its frequent content words, and signs worth knowing.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::language::Language;
use super::lexicon::groups;
use super::prompt::Prompt;
use super::text::{Word, begins, find_phrase, quote, sentences, words};
use super::vocabulary::Vocabulary;

/// The most topics that are reported.
const MOST: usize = 5;
/// The shortest word that can be a topic, in characters.
const SHORTEST: usize = 4;
/// A visitor's word counts as much as this many of the agent's.
const VISITOR: u32 = 2;

/// The `topics` member of the answer: those of the list that were said, else the words said most, in their own words.
pub(crate) fn topics(prompt: &Prompt) -> Vec<String> {
    match &prompt.allowed_topics {
        Some(allowed) => {
            let said = Vocabulary::of(prompt.said());
            allowed.iter().filter(|topic| said.has_all(topic)).cloned().collect()
        }
        None => frequent(prompt),
    }
}

/// Equally frequent words keep the order in which they came up.
fn frequent(prompt: &Prompt) -> Vec<String> {
    let stop_words = prompt.spoken.stop_words().collect::<Vec<_>>();
    let mut counts = Vec::<(String, u32)>::new();
    let mut known = HashMap::<String, usize>::new();
    for turn in prompt.said() {
        let weight = if turn.role == "visitor" { VISITOR } else { 1 };
        let words = words(&turn.text);
        for (at, word) in words.iter().enumerate() {
            let is_content = word.lower.chars().count() >= SHORTEST
                && word.lower.chars().all(|c| c.is_alphabetic() || c == '-')
                && !stop_words.contains(&word.lower.as_str())
                && !is_feeling(&words[at..], prompt.spoken);
            if !is_content {
                continue;
            }
            match numbers(&word.lower).find_map(|form| known.get(&form)) {
                Some(at) => counts[*at].1 += weight,
                None => {
                    known.insert(word.lower.clone(), counts.len());
                    counts.push((word.lower.clone(), weight));
                }
            }
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.into_iter().take(MOST).map(|(word, _)| word).collect()
}

/// How someone feels about a subject is not the subject.
fn is_feeling(words: &[Word], language: Language) -> bool {
    groups(language).iter().any(|(_, _, phrases)| phrases.iter().any(|phrase| begins(words, phrase)))
}

/// The word, its plurals and what it may be the plural of: they are one topic.
fn numbers(word: &str) -> impl Iterator<Item = String> {
    let endings = ["s", "es", "n", "en"];
    let plurals = endings.into_iter().map(move |ending| format!("{word}{ending}"));
    let singulars = endings.into_iter().filter_map(move |ending| word.strip_suffix(ending)).map(str::to_owned);
    std::iter::once(word.to_owned()).chain(singulars).chain(plurals)
}

/// Phrases in three languages and what they are a sign of.
struct Sign {
    phrases: [&'static [&'static str]; 3],
    text: [&'static str; 3],
}

#[rustfmt::skip]
const SIGNS: [Sign; 4] = [
    Sign {
        phrases: [&["expensive", "budget", "discount*", "cheaper", "afford"], &["teuer", "budget", "rabatt*", "günstiger"], &["caro", "cara", "presupuesto", "descuento*", "barato"]],
        text: ["The visitor pays attention to the price", "Der Besucher achtet auf den Preis", "El visitante se fija en el precio"],
    },
    Sign {
        phrases: [&["urgent*", "asap", "as soon as possible", "right away", "deadline"], &["dringend*", "so schnell wie möglich", "sofort", "frist"], &["urgente*", "cuanto antes", "lo antes posible", "plazo"]],
        text: ["The matter is urgent for the visitor", "Die Sache ist für den Besucher dringend", "El asunto es urgente para el visitante"],
    },
    Sign {
        phrases: [&["competitor*", "other provider*", "another provider", "compar*", "switch*"], &["konkurrenz", "anderen anbieter", "andere anbieter", "vergleich*", "wechseln"], &["competencia", "otro proveedor", "compar*", "cambiar de"]],
        text: ["The visitor is looking at alternatives", "Der Besucher sieht sich Alternativen an", "El visitante mira alternativas"],
    },
    Sign {
        phrases: [&["cancel*", "leave you", "lawyer", "never again"], &["kündig*", "anwalt", "nie wieder"], &["cancelar*", "abogado", "nunca más"]],
        text: ["The business may lose this customer", "Das Unternehmen könnte diesen Kunden verlieren", "La empresa podría perder a este cliente"],
    },
];

/// The `insights` member of the answer: each sign once, with the first sentence that shows it.
pub(crate) fn insights(prompt: &Prompt) -> Vec<Value> {
    SIGNS.iter().filter_map(|sign| insight(sign, prompt)).collect()
}

fn insight(sign: &Sign, prompt: &Prompt) -> Option<Value> {
    let pick = |language: Language, of: [&'static str; 3]| language.pick(of[0], of[1], of[2]);
    let phrases = prompt.spoken.pick(sign.phrases[0], sign.phrases[1], sign.phrases[2]);
    let shows = |sentence: &&str| {
        let words = words(sentence);
        phrases.iter().any(|phrase| find_phrase(&words, phrase).is_some())
    };
    let (turn, sentence) =
        prompt.of("visitor").find_map(|turn| Some((turn.index, sentences(&turn.text).into_iter().find(shows)?)))?;
    Some(json!({ "text": pick(prompt.output, sign.text), "evidence": [{ "turn": turn, "quote": quote(sentence) }] }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_the_visitors_content_words() {
        let text = "<transcript-1>\n[0] visitor: The solar panels on my roof, are the panels insured?\n\
                    [1] agent: Solar panels are insured.\n[2] system: insurance insurance insurance\n</transcript-1>";
        assert_eq!(topics(&Prompt::parse(text)), ["panels", "solar", "insured", "roof"]);
    }

    #[test]
    fn only_topics_of_the_list_that_were_said_are_reported() {
        let text = "Topics allowed: [\"Delivery\",\"Opening hours\",\"Billing\",\"Roof\"]\n<transcript-1>\n\
                    [0] visitor: My bill is wrong.\n[1] agent: It was delivered within your opening days.\n\
                    [2] system: roof\n</transcript-1>";
        assert_eq!(topics(&Prompt::parse(text)), ["Delivery", "Billing"]);
    }

    #[test]
    fn a_sign_is_reported_once_with_its_sentence() {
        let text = "<transcript-1>\n[0] visitor: Nice. It is too expensive for us.\n[1] visitor: My budget is small.\n</transcript-1>";
        let insights = insights(&Prompt::parse(text));
        assert_eq!(insights.len(), 1);
        assert_eq!(insights[0]["evidence"], json!([{"turn": 0, "quote": "It is too expensive for us."}]));
    }
}
