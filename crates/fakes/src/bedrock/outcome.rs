//! Whether the visitor got what they came for, by how the conversation ends.

use super::language::Language;
use super::prompt::Prompt;
use super::text::{Word, begins, words};

/// The visitor's last turns that tell.
const LAST: usize = 3;

#[rustfmt::skip]
fn settled(language: Language) -> &'static [&'static str] {
    language.pick(
        &["thank", "thanks", "perfect*", "great", "that works", "that helps", "sounds good", "solved", "resolved", "works now",
          "working now", "that's all", "that is all", "wonderful", "excellent"],
        &["danke", "dank", "perfekt", "super", "prima", "passt", "klappt", "geht wieder", "funktioniert wieder",
          "funktioniert jetzt", "gelöst", "das war alles", "wunderbar"],
        &["gracias", "perfecto", "genial", "listo", "resuelto", "solucionado", "ya funciona", "estupendo", "excelente",
          "de acuerdo", "eso es todo"],
    )
}

#[rustfmt::skip]
fn unsettled(language: Language) -> &'static [&'static str] {
    language.pick(
        &["still broken", "still not", "still doesn't", "still waiting", "not working", "doesn't work", "isn't working",
          "doesn't help", "didn't help", "not helpful", "no help", "not solved", "not resolved", "useless", "unacceptable",
          "ridiculous", "complain*", "never again", "lawyer", "waste of time", "cancel*", "terrible", "worst"],
        &["immer noch nicht", "immer noch kaputt", "noch immer nicht", "funktioniert nicht", "geht nicht", "klappt nicht",
          "hilft mir nicht", "hilft nicht", "nicht gelöst", "nutzlos", "inakzeptabel", "unverschämt*", "beschwer*",
          "nie wieder", "anwalt", "zeitverschwendung", "kündig*", "frechheit"],
        &["sigue sin", "todavía no", "no funciona", "no me ayuda", "no ayuda", "no sirve", "sin resolver", "inútil",
          "inaceptable", "queja*", "nunca más", "abogado", "pérdida de tiempo", "cancelar*", "vergüenza", "pésim*"],
    )
}

/// The answer's `intent.outcome`.
///
/// The visitor's last three turns with thanks or agreement alone: achieved; with a complaint alone: not achieved;
/// with both: partly; with neither: unclear. A complaint outweighs the settling words it contains ("klappt nicht").
pub(crate) fn outcome(prompt: &Prompt) -> &'static str {
    let turns = prompt.of("visitor").collect::<Vec<_>>();
    let (mut thanks, mut complaints) = (false, false);
    for turn in &turns[turns.len().saturating_sub(LAST)..] {
        let words = words(&turn.text);
        let mut at = 0;
        while at < words.len() {
            if let Some(length) = begun(&words[at..], unsettled(prompt.spoken)) {
                complaints = true;
                at += length;
                continue;
            }
            thanks |= begun(&words[at..], settled(prompt.spoken)).is_some();
            at += 1;
        }
    }
    match (thanks, complaints) {
        (true, false) => "achieved",
        (false, true) => "not_achieved",
        (true, true) => "partly",
        (false, false) => "unclear",
    }
}

/// The number of words of the phrase that `words` begin with.
fn begun(words: &[Word], phrases: &[&str]) -> Option<usize> {
    phrases.iter().find(|phrase| begins(words, phrase)).map(|phrase| phrase.split(' ').count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_conversation_tells_its_outcome_in_each_language() {
        for (expected, endings) in [
            ("achieved", ["Perfect, thanks a lot!", "Das ist super, vielen Dank!", "Perfecto, muchas gracias"]),
            ("not_achieved", ["It still doesn't work.", "Das klappt nicht.", "No me ayuda, sigue sin funcionar"]),
            ("partly", ["Thanks, but it is still not here", "Danke, aber es geht nicht", "Gracias, pero todavía no"]),
            ("unclear", ["I am calling from the office", "Ich bin im Büro", "Estoy en la oficina"]),
        ] {
            for ending in endings {
                let text = format!("<transcript-1>\n[0] visitor: {ending}\n</transcript-1>");
                assert_eq!(outcome(&Prompt::parse(&text)), expected, "{ending}");
            }
        }
        assert_eq!(outcome(&Prompt::parse("")), "unclear");
    }

    #[test]
    fn what_was_said_long_before_the_end_does_not_count() {
        let text = "<transcript-1>\n[0] visitor: It does not work, this is ridiculous\n[1] visitor: I see\n\
                    [2] visitor: Ok\n[3] visitor: Thank you\n</transcript-1>";
        assert_eq!(outcome(&Prompt::parse(text)), "achieved");
    }
}
