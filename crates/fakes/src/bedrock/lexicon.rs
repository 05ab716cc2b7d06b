//! What words tell about a feeling: stems (`*`) with a value and an emotion, in three languages.

use super::language::Language;

/// How someone feels, in the languages of the stand-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Emotion {
    Joy,
    Gratitude,
    Interest,
    Relief,
    Neutral,
    Confusion,
    Worry,
    Disappointment,
    Frustration,
    Anger,
}

impl Emotion {
    pub(crate) fn name(self, language: Language) -> &'static str {
        match self {
            Self::Joy => language.pick("joy", "Freude", "alegría"),
            Self::Gratitude => language.pick("gratitude", "Dankbarkeit", "gratitud"),
            Self::Interest => language.pick("interest", "Interesse", "interés"),
            Self::Relief => language.pick("relief", "Erleichterung", "alivio"),
            Self::Neutral => language.pick("neutral", "neutral", "neutral"),
            Self::Confusion => language.pick("confusion", "Verwirrung", "confusión"),
            Self::Worry => language.pick("worry", "Sorge", "preocupación"),
            Self::Disappointment => language.pick("disappointment", "Enttäuschung", "decepción"),
            Self::Frustration => language.pick("frustration", "Frust", "frustración"),
            Self::Anger => language.pick("anger", "Ärger", "enfado"),
        }
    }

    /// What someone who felt this feels less of, once it is denied.
    pub(crate) fn denied(self) -> Self {
        match self {
            Self::Joy | Self::Gratitude | Self::Interest | Self::Relief => Self::Disappointment,
            Self::Neutral => Self::Neutral,
            Self::Confusion | Self::Worry | Self::Disappointment | Self::Frustration | Self::Anger => Self::Relief,
        }
    }
}

/// Words of one strength and one emotion.
pub(crate) type Group = (f64, Emotion, &'static [&'static str]);

pub(crate) fn groups(language: Language) -> &'static [Group] {
    language.pick(ENGLISH, GERMAN, SPANISH)
}

pub(crate) fn negators(language: Language) -> &'static [&'static str] {
    language.pick(
        &[
            "not", "no", "never", "isn't", "wasn't", "don't", "doesn't", "didn't", "can't", "won't", "hardly",
            "without", "nothing",
        ],
        &["nicht", "kein", "keine", "keinen", "keiner", "nie", "niemals", "ohne", "kaum", "nichts"],
        &["no", "nunca", "jamás", "sin", "ni", "tampoco", "nada"],
    )
}

pub(crate) fn intensifiers(language: Language) -> &'static [&'static str] {
    language.pick(
        &["very", "really", "so", "extremely", "absolutely", "completely", "totally", "incredibly"],
        &["sehr", "wirklich", "so", "total", "absolut", "extrem", "völlig", "unglaublich"],
        &["muy", "realmente", "tan", "totalmente", "absolutamente", "sumamente", "demasiado"],
    )
}

#[rustfmt::skip]
const ENGLISH: &[Group] = &[
    (0.9, Emotion::Joy, &["amazing", "awesome", "fantastic", "wonderful", "excellent", "brilliant", "love", "loved", "delighted", "thrilled"]),
    (0.7, Emotion::Gratitude, &["thank", "thanks", "grateful", "appreciate*"]),
    (0.7, Emotion::Joy, &["great", "happy", "perfect*", "glad", "excited", "pleased", "lovely"]),
    (0.5, Emotion::Interest, &["good", "nice", "interested", "interesting", "helpful", "cool", "like", "sounds good", "useful"]),
    (0.6, Emotion::Relief, &["relieved", "relief", "finally", "reassuring", "phew"]),
    (-0.4, Emotion::Confusion, &["confus*", "unclear", "don't understand", "lost"]),
    (-0.5, Emotion::Worry, &["worried", "worry", "concern*", "afraid", "nervous", "urgent*", "anxious"]),
    (-0.6, Emotion::Disappointment, &["disappoint*", "unfortunately", "sad", "bad", "poor", "expensive", "slow", "missing", "late", "unhappy"]),
    (-0.7, Emotion::Frustration, &["frustrat*", "annoy*", "problem*", "broken", "broke", "fail*", "error*", "wrong", "issue*", "crash*",
                                   "stuck", "doesn't work", "not working", "useless", "complain*", "tired of", "fed up"]),
    (-0.9, Emotion::Anger, &["angry", "furious", "terrible", "horrible", "awful", "unacceptable", "ridiculous", "worst", "hate", "scam",
                             "outrage*", "disgust*", "cancel*"]),
];

#[rustfmt::skip]
const GERMAN: &[Group] = &[
    (0.9, Emotion::Joy, &["großartig*", "fantastisch*", "wunderbar*", "hervorragend*", "begeistert", "liebe", "genial"]),
    (0.7, Emotion::Gratitude, &["danke", "dank", "dankbar", "vielen dank"]),
    (0.7, Emotion::Joy, &["toll*", "super", "perfekt", "prima", "klasse", "glücklich", "freue", "freut", "zufrieden"]),
    (0.5, Emotion::Interest, &["gut", "gute", "guter", "schön*", "interessant*", "interessiert", "hilfreich", "gefällt"]),
    (0.6, Emotion::Relief, &["erleichtert", "endlich", "beruhigend", "beruhigt"]),
    (-0.4, Emotion::Confusion, &["verwirr*", "unklar*", "verstehe nicht"]),
    (-0.5, Emotion::Worry, &["sorge*", "besorgt", "dringend*", "angst", "befürchte", "nervös"]),
    (-0.6, Emotion::Disappointment, &["enttäusch*", "leider", "schade", "schlecht*", "traurig", "teuer", "langsam", "fehlt", "spät", "verspät*"]),
    (-0.7, Emotion::Frustration, &["problem*", "kaputt*", "fehler*", "defekt*", "falsch*", "ärgerlich", "nervt", "frustrier*", "funktioniert nicht",
                                   "geht nicht", "reklam*", "beschwer*", "abgestürzt"]),
    (-0.9, Emotion::Anger, &["wütend", "furchtbar*", "schrecklich*", "unverschämt*", "inakzeptabel", "katastroph*", "betrug", "hasse", "kündig*",
                             "storniere*", "frechheit"]),
];

#[rustfmt::skip]
const SPANISH: &[Group] = &[
    (0.9, Emotion::Joy, &["increíble*", "fantástic*", "maravillos*", "excelente*", "encanta", "encantad*", "genial"]),
    (0.7, Emotion::Gratitude, &["gracias", "agradec*", "agradezco"]),
    (0.7, Emotion::Joy, &["perfect*", "feliz", "content*", "estupend*", "alegr*", "emocionad*"]),
    (0.5, Emotion::Interest, &["bien", "buen", "buena idea", "interesante*", "interesa", "interesad*", "útil", "gusta"]),
    (0.6, Emotion::Relief, &["aliviad*", "alivio", "por fin", "tranquil*"]),
    (-0.4, Emotion::Confusion, &["confund*", "confus*", "no entiendo"]),
    (-0.5, Emotion::Worry, &["preocup*", "urgente*", "miedo", "nervios*"]),
    (-0.6, Emotion::Disappointment, &["decepcion*", "desafortunadamente", "triste", "mal", "mala", "malo", "caro", "cara", "lento", "tarde", "lamentablemente"]),
    (-0.7, Emotion::Frustration, &["problema*", "roto", "rota", "error*", "falla*", "fallo", "fallando", "no funciona", "equivocad*", "frustr*",
                                   "molest*", "queja*", "harto", "harta"]),
    (-0.9, Emotion::Anger, &["furios*", "terrible", "horrible", "inaceptable", "pésim*", "peor", "odio", "estafa", "cancelar*", "vergüenza", "enfadad*"]),
];
