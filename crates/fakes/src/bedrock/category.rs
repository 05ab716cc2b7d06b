//! Which of the five categories a visitor belongs to, by weighted words.

use serde_json::{Value, json};

use super::language::Language;
use super::lexicon::negators;
use super::prompt::Prompt;
use super::text::{Word, begins, quote, report, sentences, words};

/// The labels of the answer's schema.
mod label {
    pub(super) const IMMEDIATE_BUYER: &str = "immediate_buyer";
    pub(super) const POTENTIAL_BUYER: &str = "potential_buyer";
    pub(super) const JUST_EXPLORING: &str = "just_exploring";
    pub(super) const FACING_ISSUE: &str = "facing_issue";
    pub(super) const OTHERS: &str = "others";
}

type Words = (&'static str, f64, &'static [&'static str]);

/// In the order in which ties are decided.
#[rustfmt::skip]
const ENGLISH: &[Words] = &[
    (label::FACING_ISSUE, 3.0, &["broken", "doesn't work", "not working", "isn't working", "won't", "crash*", "refund*", "complain*", "stopped working",
                                 "wrong", "damaged", "error*", "still waiting", "never arrived", "double charged", "charged twice", "locked out"]),
    (label::FACING_ISSUE, 2.0, &["problem*", "issue*", "can't log", "cannot", "fail*", "trouble", "bug", "late", "missing", "cancel*", "outage"]),
    (label::IMMEDIATE_BUYER, 3.0, &["i'll take", "buy now", "book now", "sign up", "sign me up", "place an order", "ready to buy", "want to buy", "like to buy",
                                    "like to order", "want to order", "purchase", "credit card", "i'll buy", "let's do it", "go ahead", "send me the contract",
                                    "want to book", "like to book", "subscribe"]),
    (label::IMMEDIATE_BUYER, 2.0, &["buy", "order it", "book", "pay", "checkout", "invoice me", "upgrade today", "today"]),
    (label::POTENTIAL_BUYER, 2.0, &["price*", "pricing", "quote", "demo", "compar*", "trial", "discount*", "how much", "cost*", "budget", "interested in",
                                    "plans", "offer", "availability", "upgrade", "considering", "thinking about", "which plan"]),
    (label::JUST_EXPLORING, 3.0, &["just looking", "just browsing", "just curious", "not ready", "only looking", "looking around", "no rush", "just wondering"]),
    (label::JUST_EXPLORING, 1.0, &["curious", "wondering", "what do you", "tell me about", "research*", "someday", "in general"]),
];
#[rustfmt::skip]
const GERMAN: &[Words] = &[
    (label::FACING_ISSUE, 3.0, &["kaputt*", "funktioniert nicht", "geht nicht", "defekt*", "erstattung", "reklam*", "beschwer*", "beschädigt", "falsch*",
                                 "fehlermeldung*", "doppelt abgebucht"]),
    (label::FACING_ISSUE, 2.0, &["problem*", "fehler*", "störung", "verspät*", "fehlt", "stornier*", "kündig*", "ausfall"]),
    (label::IMMEDIATE_BUYER, 3.0, &["ich nehme", "jetzt kaufen", "möchte kaufen", "möchte bestellen", "bestellen", "kaufen", "verbindlich", "vertrag unterschreiben",
                                    "sofort buchen", "kreditkarte"]),
    (label::IMMEDIATE_BUYER, 2.0, &["buchen", "bezahlen", "anmelden", "abschließen"]),
    (label::POTENTIAL_BUYER, 2.0, &["preis*", "kosten", "kostet", "angebot*", "demo", "vergleich*", "rabatt*", "testversion", "budget", "interessiere",
                                    "wie viel", "tarif*", "verfügbar*"]),
    (label::JUST_EXPLORING, 3.0, &["schaue nur", "nur umsehen", "nur mal schauen", "nur informieren", "noch nicht sicher", "nur neugierig"]),
    (label::JUST_EXPLORING, 1.0, &["neugierig", "frage mich", "allgemein", "irgendwann", "informieren"]),
];
#[rustfmt::skip]
const SPANISH: &[Words] = &[
    (label::FACING_ISSUE, 3.0, &["no funciona", "rota", "roto", "reembolso*", "dañad*", "queja*", "equivocad*", "no llegó", "no ha llegado", "error*", "cobraron dos"]),
    (label::FACING_ISSUE, 2.0, &["problema*", "falla*", "fallo", "retras*", "falta", "cancelar*", "avería"]),
    (label::IMMEDIATE_BUYER, 3.0, &["quiero comprar", "comprar ahora", "me lo llevo", "hacer un pedido", "quiero contratar", "contratar", "reservar ahora",
                                    "quiero reservar", "tarjeta de crédito", "comprarlo"]),
    (label::IMMEDIATE_BUYER, 2.0, &["comprar", "pagar", "reservar", "suscrib*", "pedir"]),
    (label::POTENTIAL_BUYER, 2.0, &["precio*", "cuesta*", "cuánto", "presupuesto", "demostración", "demo", "compar*", "descuento*", "oferta*", "interesa*",
                                    "prueba", "planes", "disponib*"]),
    (label::JUST_EXPLORING, 3.0, &["solo mirando", "sólo mirando", "estoy mirando", "por curiosidad", "todavía no", "solo quería informarme"]),
    (label::JUST_EXPLORING, 1.0, &["curiosidad", "en general", "algún día", "informarme"]),
];

/// Words before a buying word that turn it into its opposite.
const REACH: usize = 3;
/// Quotes given as evidence.
const QUOTES: usize = 3;

/// A category with what speaks for it.
#[derive(Debug)]
pub(crate) struct Category<'a> {
    pub(crate) label: &'static str,
    confidence: f64,
    /// Turn, sentence and the sentence's weight; heaviest first.
    evidence: Vec<(usize, &'a str, f64)>,
}

pub(crate) fn categorize(prompt: &Prompt) -> Category<'_> {
    let lists = prompt.spoken.pick(ENGLISH, GERMAN, SPANISH);
    let said =
        prompt.of("visitor").flat_map(|turn| sentences(&turn.text).into_iter().map(|sentence| (turn.index, sentence)));
    let hits = said.flat_map(|(turn, sentence)| hits(turn, sentence, lists, prompt.spoken)).collect::<Vec<_>>();
    let weight = |label: &str| hits.iter().filter(|hit| hit.label == label).map(|hit| hit.weight).sum::<f64>();
    let ranked = [label::FACING_ISSUE, label::IMMEDIATE_BUYER, label::POTENTIAL_BUYER, label::JUST_EXPLORING];
    let best = ranked
        .into_iter()
        .map(|label| (label, weight(label)))
        .reduce(|best, next| if next.1 > best.1 { next } else { best });
    match best.filter(|(_, weight)| *weight > 0.0) {
        Some((label, most)) => {
            let all = ranked.into_iter().map(weight).sum::<f64>();
            let confidence = ((most + 1.0) / (all + 2.0) * 100.0).round() / 100.0;
            Category { label, confidence, evidence: evidence(&hits, label) }
        }
        None => {
            let first = prompt.of("visitor").find_map(|turn| Some((turn.index, *sentences(&turn.text).first()?, 0.0)));
            Category { label: label::OTHERS, confidence: 0.4, evidence: first.into_iter().collect() }
        }
    }
}

struct Hit<'a> {
    label: &'static str,
    weight: f64,
    turn: usize,
    sentence: &'a str,
}

fn hits<'a>(turn: usize, sentence: &'a str, lists: &'static [Words], language: Language) -> Vec<Hit<'a>> {
    let words = words(sentence);
    let at = |at: usize| {
        let found = lists.iter().find(|(_, _, phrases)| phrases.iter().any(|phrase| begins(&words[at..], phrase)))?;
        let (label, weight, _) = *found;
        let denied = is_denied(&words[at.saturating_sub(REACH)..at], language);
        Some(match (label, denied) {
            (label::IMMEDIATE_BUYER, true) => Hit { label: label::JUST_EXPLORING, weight, turn, sentence },
            (label::FACING_ISSUE, true) => return None,
            _ => Hit { label, weight, turn, sentence },
        })
    };
    (0..words.len()).filter_map(at).collect()
}

fn is_denied(before: &[Word], language: Language) -> bool {
    before.iter().any(|word| negators(language).contains(&word.lower.as_str()))
}

fn evidence<'a>(hits: &[Hit<'a>], label: &str) -> Vec<(usize, &'a str, f64)> {
    let mut evidence = Vec::<(usize, &str, f64)>::new();
    for hit in hits.iter().filter(|hit| hit.label == label) {
        match evidence.iter_mut().find(|(turn, sentence, _)| (*turn, *sentence) == (hit.turn, hit.sentence)) {
            Some((_, _, weight)) => *weight += hit.weight,
            None => evidence.push((hit.turn, hit.sentence, hit.weight)),
        }
    }
    evidence.sort_by(|a, b| b.2.total_cmp(&a.2));
    evidence.truncate(QUOTES);
    evidence
}

impl Category<'_> {
    /// The `category` member of the answer.
    pub(crate) fn describe(&self, language: Language) -> Value {
        let evidence =
            self.evidence.iter().map(|(turn, sentence, _)| json!({ "turn": turn, "quote": quote(sentence) }));
        json!({
            "label": self.label,
            "confidence": self.confidence,
            "reasoning": self.reasoning(language),
            "evidence": evidence.collect::<Vec<_>>(),
        })
    }

    fn reasoning(&self, language: Language) -> String {
        let Some((_, sentence, _)) = self.evidence.first() else {
            return language
                .pick("The visitor said nothing.", "Der Besucher sagte nichts.", "El visitante no dijo nada.")
                .to_owned();
        };
        let (en, de, es) = match self.label {
            label::FACING_ISSUE => ("describes a problem", "schildert ein Problem", "describe un problema"),
            label::IMMEDIATE_BUYER => ("wants to buy now", "will jetzt kaufen", "quiere comprar ya"),
            label::POTENTIAL_BUYER => ("weighs up an offer", "prüft ein Angebot", "valora una oferta"),
            label::JUST_EXPLORING => ("is only looking around", "sieht sich nur um", "solo está mirando"),
            _ => (
                "shows no intent that fits another category",
                "zeigt keine andere Absicht",
                "no muestra otra intención",
            ),
        };
        let lead =
            language.pick(format!("The visitor {en}:"), format!("Der Besucher {de}:"), format!("El visitante {es}:"));
        report(&lead, sentence, language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label_of(text: &str) -> &'static str {
        let prompt = Prompt::parse(&format!("<transcript-1>\n[0] visitor: {text}\n</transcript-1>"));
        categorize(&prompt).label
    }

    #[test]
    fn each_category_is_recognised_in_each_language() {
        for (label, texts) in [
            (
                "facing_issue",
                [
                    "My router is broken and I want a refund",
                    "Mein Router ist kaputt, das ist ein Problem",
                    "Mi router no funciona",
                ],
            ),
            (
                "immediate_buyer",
                [
                    "I would like to order two of them, here is my credit card",
                    "Ich möchte bestellen, wir nehmen zwei",
                    "Quiero comprar dos, puedo pagar con tarjeta de crédito",
                ],
            ),
            (
                "potential_buyer",
                [
                    "How much does it cost? Could I get a demo?",
                    "Wie viel kostet das? Ich hätte gern ein Angebot",
                    "¿Cuánto cuesta? Me gustaría ver los precios",
                ],
            ),
            (
                "just_exploring",
                [
                    "I'm just browsing, no rush",
                    "Ich schaue nur, ich bin neugierig",
                    "Hola, solo mirando, gracias por todo",
                ],
            ),
            ("others", ["Is Peter there?", "Ist der Peter da?", "¿Está Pedro?"]),
        ] {
            for text in texts {
                assert_eq!(label_of(text), label, "{text}");
            }
        }
    }

    #[test]
    fn someone_who_is_not_buying_is_no_buyer() {
        assert_eq!(label_of("I do not want to buy anything"), "just_exploring");
        assert_eq!(label_of("It was no problem at all"), "others");
    }

    #[test]
    fn labels_are_the_domains() {
        for list in [ENGLISH, GERMAN, SPANISH] {
            for (label, _, _) in list {
                assert!(domain::analysis::CategoryLabel::parse(label).is_some(), "{label}");
            }
        }
    }
}
