//! The three languages the stand-in has words for.

use super::text::words;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    German,
    Spanish,
}

impl Language {
    const ALL: [Self; 3] = [Self::English, Self::German, Self::Spanish];

    /// Of a BCP 47 tag; `None` for anything else, English for other languages.
    pub(crate) fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next()?.to_ascii_lowercase();
        match primary.as_str() {
            "de" => Some(Self::German),
            "es" => Some(Self::Spanish),
            other if (2..=3).contains(&other.len()) && other.chars().all(|c| c.is_ascii_alphabetic()) => {
                Some(Self::English)
            }
            _ => None,
        }
    }

    /// By the most frequent short words; English when nothing tells.
    pub(crate) fn detect<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut counts = [0_u32; 3];
        for text in texts {
            for word in words(text) {
                for (count, language) in counts.iter_mut().zip(Self::ALL) {
                    *count += u32::from(language.marker_words().contains(&word.lower.as_str()));
                }
            }
        }
        let most = counts.iter().copied().max().unwrap_or(0);
        Self::ALL
            .into_iter()
            .zip(counts)
            .find(|(_, count)| *count == most)
            .map_or(Self::English, |(language, _)| language)
    }

    pub(crate) fn pick<T>(self, english: T, german: T, spanish: T) -> T {
        match self {
            Self::English => english,
            Self::German => german,
            Self::Spanish => spanish,
        }
    }

    /// Words that say nothing of the subject; also the words a language is known by.
    pub(crate) fn stop_words(self) -> impl Iterator<Item = &'static str> {
        self.marker_words().iter().chain(self.filler_words()).copied()
    }

    #[rustfmt::skip]
    fn marker_words(self) -> &'static [&'static str] {
        self.pick(
            &["the", "a", "an", "is", "are", "was", "i", "i'm", "you", "we", "it", "my", "your", "and", "of", "to", "for",
              "with", "this", "that", "have", "has", "do", "does", "what", "how", "can", "could", "would", "not", "be",
              "hello", "hi", "thanks", "please", "yes", "but", "there", "from", "on", "at", "will", "i'd", "it's"],
            &["der", "die", "das", "den", "dem", "ein", "eine", "einen", "ist", "sind", "war", "ich", "sie", "wir", "und",
              "oder", "nicht", "mit", "für", "von", "zu", "auf", "mein", "meine", "ihr", "ihre", "was", "wie", "kann",
              "habe", "haben", "hat", "hallo", "danke", "bitte", "ja", "nein", "aber", "es", "im", "am", "guten", "ihnen"],
            &["el", "la", "los", "las", "un", "una", "es", "son", "fue", "yo", "usted", "nosotros", "y", "o", "no", "con",
              "para", "por", "de", "del", "que", "qué", "cómo", "puedo", "puede", "tengo", "tiene", "mi", "su", "hola",
              "gracias", "favor", "sí", "pero", "en", "le", "me", "se", "lo", "quiero", "está", "al", "buenos", "buenas"],
        )
    }

    #[rustfmt::skip]
    fn filler_words(self) -> &'static [&'static str] {
        self.pick(
            &["about", "after", "again", "also", "been", "before", "being", "come", "did", "don't", "doing", "each", "else",
              "even", "ever", "every", "get", "give", "going", "good", "great", "help", "here", "i'll", "i've", "into", "just",
              "know", "let", "like", "look", "looking", "made", "make", "maybe", "more", "most", "much", "need", "never",
              "nothing", "now", "okay", "one", "only", "other", "over", "really", "right", "said", "same", "say", "see",
              "should", "since", "some", "something", "still", "such", "sure", "take", "tell", "than", "thank", "that's",
              "their", "them", "then", "these", "they", "thing", "things", "think", "those", "through", "time", "today", "too",
              "tomorrow", "very", "want", "we'll", "well", "were", "when", "where", "which", "while", "who", "why", "won't",
              "yet", "you're", "sorry", "moment", "two", "three", "our", "us", "she", "her", "his", "him", "away", "around", "quite", "understand",
              "course", "week", "weeks", "month", "months", "days", "next", "decide", "decided", "including"],
            &["aber", "alle", "alles", "also", "auch", "bei", "beim", "bin", "bis", "dann", "dass", "dein", "dich", "dir",
              "diese", "diesen", "dieser", "dieses", "doch", "durch", "einem", "einer", "eines", "etwas", "ganz", "gar",
              "gerne", "gern", "gibt", "gut", "hätte", "heute", "hier", "immer", "jetzt", "kein", "keine", "keinen", "können",
              "könnte", "machen", "mal", "mehr", "meinen", "meiner", "mich", "mir", "möchte", "morgen", "muss", "nach", "noch",
              "nun", "nur", "ohne", "schon", "sehr", "sein", "seine", "seit", "sich", "über", "unser", "unsere", "vielen",
              "viel", "vom", "vor", "wann", "warum", "weil", "wenn", "werde", "werden", "wird", "wieder", "will", "wissen",
              "wurde", "würde", "zum", "zur", "zwei", "tag", "natürlich", "einfach", "brauche", "uns", "herr", "frau", "drei", "vier", "woche", "wochen",
              "monat", "tage", "tagen", "wirklich", "hoffe", "klappt", "sonst", "damit", "leid"],
            &["ahora", "algo", "alguna", "algún", "antes", "aquí", "así", "aunque", "bien", "bueno", "cada", "claro", "como",
              "cuando", "cuándo", "cual", "cuál", "cuánto", "cuánta", "dar", "debe", "decir", "desde", "días", "donde",
              "dónde", "ella", "ellos", "entonces", "entre", "era", "esa", "ese", "eso", "esta", "este", "esto", "estoy",
              "están", "gustaría", "había", "hace", "hacer", "hasta", "hay", "hoy", "mañana", "mas", "más", "menos", "mucho",
              "muchas", "muy", "nada", "necesito", "ni", "nos", "nunca", "otra", "otro", "poco", "porque", "pues", "quien",
              "quiere", "saber", "sea", "ser", "sería", "será", "si", "sin", "sobre", "solo", "sólo", "también", "tan", "te",
              "tener", "toda", "todo", "tu", "tus", "unos", "ver", "vez", "voy", "ya", "siento", "disculpe", "dos", "vamos", "tres",
              "semana", "semanas", "mes", "llegó", "funciona", "quisiera", "cosa", "vale"],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_known_by_its_small_words() {
        let detect = |text: &str| Language::detect([text].into_iter());
        assert_eq!(detect("Guten Tag, ich habe eine Frage zu der Rechnung"), Language::German);
        assert_eq!(detect("Hola, tengo una pregunta sobre la factura"), Language::Spanish);
        assert_eq!(detect("I have a question about the invoice"), Language::English);
        assert_eq!(detect(""), Language::English);
    }

    #[test]
    fn a_sentence_in_place_of_a_tag_is_no_language() {
        assert_eq!(Language::of_tag("the transcript's language"), None);
        assert_eq!(Language::of_tag("es-MX"), Some(Language::Spanish));
        assert_eq!(Language::of_tag("fr"), Some(Language::English));
    }
}
