//! A score and an emotion for each visitor turn, by lexicon.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::language::Language;
use super::lexicon::{Emotion, groups, intensifiers, negators};
use super::prompt::{Prompt, Turn};
use super::text::{Word, begins, quote, report, sentences, words};

/// What a turn sounds like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Feeling {
    pub(crate) turn: usize,
    /// -1 to 1, two decimals.
    pub(crate) score: f64,
    pub(crate) emotion: Emotion,
}

/// A change between consecutive visitor turns that counts as a shift.
const SHIFT: f64 = 0.5;
/// How many words before a feeling can deny or strengthen it.
const REACH: usize = 3;
/// A denied feeling is weaker than its opposite.
const DENIAL: f64 = -0.6;
const EMPHASIS: f64 = 1.3;

pub(crate) fn timeline(prompt: &Prompt) -> Vec<Feeling> {
    prompt.felt().map(|turn| feel(turn, prompt.spoken)).collect()
}

fn feel(turn: &Turn, language: Language) -> Feeling {
    let hits = hits(&words(&turn.text), language);
    let strongest = hits.iter().copied().max_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
    let emotion = match strongest {
        Some((_, emotion)) => emotion,
        None if turn.text.contains('?') => Emotion::Interest,
        None => Emotion::Neutral,
    };
    let mean = hits.iter().map(|(value, _)| value).sum::<f64>() / (hits.len().max(1) as f64);
    Feeling { turn: turn.index, score: round(mean.clamp(-1.0, 1.0)), emotion }
}

fn hits(words: &[Word], language: Language) -> Vec<(f64, Emotion)> {
    let phrases = groups(language)
        .iter()
        .flat_map(|(value, emotion, list)| list.iter().map(|phrase| (*value, *emotion, *phrase)));
    let phrases = phrases.collect::<Vec<_>>();
    (0..words.len())
        .filter_map(|at| {
            // The longest phrase that starts here says most.
            let here = phrases.iter().filter(|(_, _, phrase)| begins(&words[at..], phrase));
            let (value, emotion, _) = here.max_by_key(|(_, _, phrase)| phrase.len())?;
            Some(in_context(&words[at.saturating_sub(REACH)..at], *value, *emotion, language))
        })
        .collect()
}

fn in_context(before: &[Word], value: f64, emotion: Emotion, language: Language) -> (f64, Emotion) {
    let any = |list: &[&str]| before.iter().any(|word| list.contains(&word.lower.as_str()));
    let value = if any(intensifiers(language)) { value * EMPHASIS } else { value };
    if any(negators(language)) { (value * DENIAL, emotion.denied()) } else { (value, emotion) }
}

fn round(number: f64) -> f64 {
    // Adding zero turns -0.0, the sum of nothing, into 0.0.
    (number * 100.0).round() / 100.0 + 0.0
}

/// The `sentiment` member of the answer.
pub(crate) fn describe(prompt: &Prompt, timeline: &[Feeling]) -> Value {
    let language = prompt.output;
    let feelings = timeline.iter().map(
        |feeling| json!({ "turn": feeling.turn, "score": feeling.score, "emotion": feeling.emotion.name(language) }),
    );
    json!({
        "timeline": feelings.collect::<Vec<_>>(),
        "shifts": shifts(prompt, timeline),
        "patterns": patterns(timeline, language),
    })
}

fn shifts(prompt: &Prompt, timeline: &[Feeling]) -> Vec<Value> {
    let by_index = |role| prompt.of(role).map(|turn| (turn.index, turn)).collect::<BTreeMap<_, _>>();
    let (agent, visitor) = (by_index("agent"), by_index("visitor"));
    let changes = timeline.windows(2).filter(|pair| (pair[1].score - pair[0].score).abs() >= SHIFT);
    let shifts = changes.map(|pair| {
        let (from, to) = (pair[0].turn, pair[1].turn);
        let between = agent.range(from + 1..).next().filter(|(index, _)| **index < to).map(|(_, turn)| *turn);
        let cause = cause(between, visitor.get(&to).copied(), prompt.output);
        json!({ "from_turn": from, "to_turn": to, "cause": cause })
    });
    shifts.collect()
}

/// What the agent said between two turns, else what the visitor said in the later one.
fn cause(between: Option<&Turn>, own: Option<&Turn>, language: Language) -> String {
    let main_point = |turn: &Turn| {
        sentences(&turn.text)
            .into_iter()
            .max_by_key(|sentence| sentence.len())
            .map(|sentence| quote(sentence).to_owned())
    };
    match (between.and_then(main_point), own.and_then(main_point)) {
        (Some(said), _) => {
            report(language.pick("The agent said", "Der Agent sagte", "El agente dijo"), &said, language)
        }
        (None, own) => {
            let said = own.unwrap_or_else(|| "…".to_owned());
            report(language.pick("The visitor said", "Der Besucher sagte", "El visitante dijo"), &said, language)
        }
    }
}

fn patterns(timeline: &[Feeling], language: Language) -> Vec<&'static str> {
    let (Some(first), Some(last)) = (timeline.first(), timeline.last()) else { return Vec::new() };
    let change = last.score - first.score;
    let mut patterns = Vec::new();
    if change >= SHIFT {
        patterns.push(language.pick(
            "The mood improves towards the end",
            "Die Stimmung bessert sich zum Ende hin",
            "El ánimo mejora hacia el final",
        ));
    } else if change <= -SHIFT {
        patterns.push(language.pick(
            "The mood worsens towards the end",
            "Die Stimmung verschlechtert sich zum Ende hin",
            "El ánimo empeora hacia el final",
        ));
    } else if timeline.len() > 1 {
        patterns.push(language.pick(
            "The mood ends as it began",
            "Die Stimmung endet, wie sie begann",
            "El ánimo acaba como empezó",
        ));
    }
    let turns = timeline.windows(2).filter(|pair| pair[0].score * pair[1].score < 0.0).count();
    if turns >= 2 {
        patterns.push(language.pick(
            "The mood swings several times",
            "Die Stimmung schwankt mehrfach",
            "El ánimo cambia varias veces",
        ));
    }
    patterns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(text: &str) -> (f64, Emotion) {
        let prompt = Prompt::parse(&format!("<transcript-1>\n[0] visitor: {text}\n</transcript-1>"));
        let feeling = timeline(&prompt)[0];
        (feeling.score, feeling.emotion)
    }

    #[test]
    fn three_languages_are_told_good_from_bad() {
        for (good, bad) in [
            ("This is great, thank you so much", "The app is broken and this is unacceptable"),
            ("Das ist super, vielen Dank", "Das ist eine Frechheit, die Lampe ist kaputt"),
            ("Es perfecto, muchas gracias", "Es terrible, el pedido no funciona"),
        ] {
            assert!(score(good).0 > 0.3, "{good}: {:?}", score(good));
            assert!(score(bad).0 < -0.3, "{bad}: {:?}", score(bad));
        }
        assert_eq!(score("I am calling from Boston"), (0.0, Emotion::Neutral));
    }

    #[test]
    fn a_denied_word_means_its_opposite() {
        assert!(score("I am not happy with it").0 < 0.0);
        assert_eq!(score("I am not happy with it").1, Emotion::Disappointment);
        assert!(score("It was no problem").0 > 0.0);
    }

    #[test]
    fn turns_that_are_sent_for_understanding_only_have_no_entry() {
        let text = "Context: turns 0 to 1 were analysed with the part before; no timeline entries for them\n\
                    <transcript-1>\n[0] visitor: This is terrible\n[2] visitor: Great\n[2] visitor: Great\n</transcript-1>";
        let turns = timeline(&Prompt::parse(text)).iter().map(|feeling| feeling.turn).collect::<Vec<_>>();
        assert_eq!(turns, [2, 2]);
    }

    #[test]
    fn a_great_change_is_a_shift_with_its_cause() {
        let text = "<transcript-1>\n[0] visitor: This is terrible\n[1] agent: I have refunded you.\n[2] visitor: Great, thanks\n</transcript-1>";
        let prompt = Prompt::parse(text);
        let sentiment = describe(&prompt, &timeline(&prompt));
        assert_eq!(
            sentiment["shifts"],
            json!([{"from_turn": 0, "to_turn": 2, "cause": "The agent said “I have refunded you”."}])
        );
        assert_eq!(sentiment["patterns"], json!(["The mood improves towards the end"]));
    }
}
