//! Promises made in a conversation.

use serde_json::{Value, json};

use super::language::Language;
use super::prompt::{Prompt, Turn};
use super::text::{begins, find_phrase, quote, sentences, words};

/// The most action items that are reported.
const MOST: usize = 8;

/// A promise needs one of these openings …
fn openings(language: Language) -> &'static [&'static str] {
    language.pick(
        &[
            "i will",
            "i'll",
            "we will",
            "we'll",
            "i am going to",
            "i'm going to",
            "we are going to",
            "let me send",
            "our team will",
            "someone will",
        ],
        &[
            "ich werde",
            "ich schicke",
            "ich sende",
            "ich rufe",
            "ich melde",
            "ich leite",
            "wir werden",
            "wir schicken",
            "wir senden",
            "wir melden",
            "wir rufen",
        ],
        &[
            "le enviaré",
            "te enviaré",
            "le mandaré",
            "te mandaré",
            "le llamaré",
            "te llamaré",
            "le enviaremos",
            "le llamaremos",
            "enviaremos",
            "voy a",
            "vamos a",
            "me pondré",
            "nos pondremos",
            "le confirmaré",
        ],
    )
}

/// … and a verb for something that happens after the conversation: "I'll check" is done by its end.
fn deeds(language: Language) -> &'static [&'static str] {
    language.pick(
        &[
            "send", "email", "e-mail", "call", "schedule", "book", "ship", "refund", "replace", "forward", "escalate",
            "follow", "prepare", "get back", "reserve", "arrange", "open a", "create", "transfer", "issue", "confirm",
            "deliver", "contact", "review", "text",
        ],
        &[
            "send*",
            "schick*",
            "ruf*",
            "anrufen",
            "meld*",
            "leite*",
            "weiterleit*",
            "erstatt*",
            "buch*",
            "vorbereit*",
            "bestell*",
            "ersetz*",
            "reservier*",
            "bestätig*",
            "erstell*",
            "kontaktier*",
            "liefer*",
        ],
        &[
            "envia*",
            "mand*",
            "llam*",
            "program*",
            "reserv*",
            "reembols*",
            "prepar*",
            "confirm*",
            "contact*",
            "en contacto",
            "crear",
            "cambiar",
            "escalar",
        ],
    )
}

fn dues(language: Language) -> &'static [&'static str] {
    language.pick(
        &[
            "day after tomorrow",
            "tomorrow morning",
            "tomorrow afternoon",
            "tomorrow",
            "tonight",
            "today",
            "monday",
            "tuesday",
            "wednesday",
            "thursday",
            "friday",
            "saturday",
            "sunday",
            "next week",
            "this week",
            "next month",
            "end of the day",
            "end of day",
            "end of the week",
        ],
        &[
            "übermorgen",
            "morgen früh",
            "morgen",
            "heute abend",
            "heute",
            "montag",
            "dienstag",
            "mittwoch",
            "donnerstag",
            "freitag",
            "samstag",
            "sonntag",
            "nächste woche",
            "nächster woche",
            "diese woche",
            "nächsten monat",
        ],
        &[
            "pasado mañana",
            "mañana",
            "hoy",
            "lunes",
            "martes",
            "miércoles",
            "jueves",
            "viernes",
            "sábado",
            "domingo",
            "la próxima semana",
            "la semana que viene",
            "esta semana",
            "el próximo mes",
        ],
    )
}

/// `within two days`, `in 24 hours`: a preposition, a number, a unit.
fn spans(language: Language) -> (&'static [&'static str], &'static [&'static str]) {
    language.pick(
        (&["within", "in"], &["minute*", "hour*", "day*", "week*", "business"]),
        (&["innerhalb", "in", "binnen"], &["minute*", "stunde*", "tag*", "woche*", "werktag*"]),
        (&["en", "dentro"], &["minuto*", "hora*", "día*", "semana*"]),
    )
}

/// The `action_items` member of the answer: what agents promised, then what visitors did.
pub(crate) fn action_items(prompt: &Prompt) -> Vec<Value> {
    let of = |role: &'static str| prompt.of(role).flat_map(|turn| promises(turn, role, prompt.spoken));
    of("agent").chain(of("visitor")).take(MOST).collect()
}

fn promises<'a>(turn: &'a Turn, role: &'a str, language: Language) -> impl Iterator<Item = Value> + 'a {
    sentences(&turn.text).into_iter().filter_map(move |sentence| {
        let words = words(sentence);
        let (opening, at) =
            openings(language).iter().find_map(|opening| Some((opening, find_phrase(&words, opening)?)))?;
        deeds(language).iter().find(|deed| (at..words.len()).any(|from| begins(&words[from..], deed)))?;
        let ours = ["we", "our", "wir", "someone", "nos"].iter().any(|word| opening.starts_with(word))
            || opening.ends_with("emos");
        let owner = match (role, ours) {
            ("visitor", _) => "visitor",
            (_, true) => "business",
            (_, false) => "agent",
        };
        let quote = quote(sentence);
        Some(json!({
            "text": quote,
            "owner": owner,
            "due": due(sentence, language),
            "evidence": [{ "turn": turn.index, "quote": quote }],
        }))
    })
}

/// When, in the words of the sentence.
fn due(sentence: &str, language: Language) -> Option<&str> {
    let words = words(sentence);
    let slice = |at: usize, length: usize| Some(&sentence[words.get(at)?.start..words.get(at + length - 1)?.end]);
    let named = dues(language).iter().find_map(|phrase| slice(find_phrase(&words, phrase)?, phrase.split(' ').count()));
    let (prepositions, units) = spans(language);
    let span = || {
        (0..words.len()).find_map(|at| {
            let unit =
                (at + 1..words.len().min(at + 4)).find(|to| units.iter().any(|unit| begins(&words[*to..], unit)))?;
            prepositions.contains(&words[at].lower.as_str()).then(|| slice(at, unit - at + 1))?
        })
    };
    named.or_else(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(lines: &str) -> Vec<Value> {
        action_items(&Prompt::parse(&format!("<transcript-1>\n{lines}\n</transcript-1>")))
    }

    #[test]
    fn a_promise_is_reported_with_who_and_when() {
        for (line, owner, due) in [
            ("[0] agent: Sure. I'll send you the quote by Friday.", "agent", json!("Friday")),
            ("[0] agent: We will ship a replacement within 2 days.", "business", json!("within 2 days")),
            ("[0] visitor: I will call you back tomorrow.", "visitor", json!("tomorrow")),
            ("[0] agent: Ich werde Ihnen das Angebot morgen schicken, und wir sehen es an.", "agent", json!("morgen")),
            ("[0] agent: Le enviaré el presupuesto mañana por la tarde.", "agent", json!("mañana")),
            ("[0] agent: I'll email you the form.", "agent", Value::Null),
        ] {
            let items = items(line);
            assert_eq!(items.len(), 1, "{line}");
            assert_eq!((items[0]["owner"].as_str(), &items[0]["due"]), (Some(owner), &due), "{line}");
            assert!(line.contains(items[0]["evidence"][0]["quote"].as_str().unwrap()));
        }
    }

    #[test]
    fn what_is_done_within_the_conversation_is_no_action_item() {
        assert!(items("[0] agent: I'll check that for you. Will you send it?").is_empty());
    }
}
