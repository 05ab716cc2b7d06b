//! Fixed sentences of the mail, in the visitor's language.

use chrono::{Datelike, NaiveDate};
use domain::analysis::Owner;
use domain::locale::Locale;
use domain::transcript::Role;

use crate::values::Values;

/// A language with all fixed sentences.
///
/// Placeholders of a sentence: `{date}`, the date in words; `{visitor}`, the visitor's name; `{business}`, `with` and the
/// name of the business, or nothing.
#[derive(Debug)]
pub(crate) struct MailLanguage {
    /// The value of the `lang` attribute.
    pub(crate) tag: &'static str,
    months: &'static str,
    /// A date, with `{day}`, `{month}` and `{year}`.
    date: &'static str,
    you: &'static str,
    we: &'static str,
    /// The agent as the owner of an action item.
    the_assistant: &'static str,
    /// The agent as a speaker.
    assistant: &'static str,
    with: &'static str,
    subject: &'static str,
    greeting: &'static str,
    greeting_by_name: &'static str,
    opening: &'static str,
    closing: &'static str,
    /// Added to the closing if replies reach a person.
    reply: &'static str,
    key_points: &'static str,
    next_steps: &'static str,
    due: &'static str,
    transcript: &'static str,
    unsubscribe: &'static str,
}

static ENGLISH: MailLanguage = MailLanguage {
    tag: "en",
    months: "January February March April May June July August September October November December",
    date: "{day} {month} {year}",
    you: "You",
    we: "We",
    the_assistant: "The assistant",
    assistant: "Assistant",
    with: " with ",
    subject: "Your conversation{business} on {date}",
    greeting: "Hello,",
    greeting_by_name: "Hello {visitor},",
    opening: "Thank you for your conversation{business} on {date}. Here is a short summary.",
    closing: "This summary was written automatically and may contain mistakes.",
    reply: " If something is not right, please reply to this e-mail.",
    key_points: "Key points",
    next_steps: "Next steps",
    due: "When",
    transcript: "Transcript",
    unsubscribe: "Unsubscribe from these e-mails",
};

static GERMAN: MailLanguage = MailLanguage {
    tag: "de",
    months: "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    date: "{day}. {month} {year}",
    you: "Sie",
    we: "Wir",
    the_assistant: "Der Assistent",
    assistant: "Assistent",
    with: " mit ",
    subject: "Ihr Gespräch{business} am {date}",
    greeting: "Guten Tag,",
    greeting_by_name: "Guten Tag {visitor},",
    opening: "vielen Dank für Ihr Gespräch{business} am {date}. Hier eine kurze Zusammenfassung.",
    closing: "Diese Zusammenfassung wurde automatisch erstellt und kann Fehler enthalten.",
    reply: " Wenn etwas nicht stimmt, antworten Sie bitte auf diese E-Mail.",
    key_points: "Das Wichtigste",
    next_steps: "Nächste Schritte",
    due: "Wann",
    transcript: "Gesprächsverlauf",
    unsubscribe: "Diese E-Mails abbestellen",
};

static SPANISH: MailLanguage = MailLanguage {
    tag: "es",
    months: "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    date: "{day} de {month} de {year}",
    you: "Usted",
    we: "Nosotros",
    the_assistant: "El asistente",
    assistant: "Asistente",
    with: " con ",
    subject: "Su conversación{business} del {date}",
    greeting: "Hola:",
    greeting_by_name: "Hola, {visitor}:",
    opening: "Gracias por su conversación{business} del {date}. Este es un breve resumen.",
    closing: "Este resumen se ha redactado automáticamente y puede contener errores.",
    reply: " Si algo no es correcto, responda a este correo.",
    key_points: "Puntos clave",
    next_steps: "Próximos pasos",
    due: "Cuándo",
    transcript: "Transcripción",
    unsubscribe: "Darse de baja de estos correos",
};

impl MailLanguage {
    const ALL: [&Self; 3] = [&ENGLISH, &GERMAN, &SPANISH];

    /// Chooses the visitor's language if its sentences exist, else the tenant's, else English.
    pub(crate) fn of(locale: Option<&Locale>, default: &Locale) -> &'static Self {
        let known = |locale: &Locale| Self::ALL.into_iter().find(|language| language.tag == locale.language());
        locale.and_then(known).or_else(|| known(default)).unwrap_or(&ENGLISH)
    }

    /// Writes a date in words.
    pub(crate) fn date(&self, date: NaiveDate) -> String {
        let month = self.months.split(' ').nth(date.month0() as usize).unwrap_or_default();
        let (day, year) = (date.day().to_string(), date.year().to_string());
        self.date.replace("{day}", &day).replace("{month}", month).replace("{year}", &year)
    }

    /// Names the owner of an action item from the visitor's point of view.
    pub(crate) fn owner<'a>(&self, owner: Owner, business: Option<&'a str>) -> &'a str {
        match owner {
            Owner::Visitor => self.you,
            Owner::Agent => self.the_assistant,
            Owner::Business => business.unwrap_or(self.we),
        }
    }

    /// Names a speaker whose name is not known.
    pub(crate) fn speaker(&self, speaker: Speaker) -> &'static str {
        match speaker {
            Speaker::Visitor => self.you,
            Speaker::Agent => self.assistant,
        }
    }

    /// Fills in the sentences; `date` is in words, and `can_reply` says whether replies reach a person.
    pub(crate) fn phrases(
        &'static self,
        business: Option<&str>,
        visitor: Option<&str>,
        date: &str,
        can_reply: bool,
    ) -> Phrases {
        let business = business.map(|name| format!("{}{name}", self.with)).unwrap_or_default();
        // The name comes last: braces in it stand for nothing.
        let filled = |sentence: &str| sentence.replace("{date}", date).replace("{business}", &business);
        let greeting = match visitor {
            Some(name) => self.greeting_by_name.replace("{visitor}", name),
            None => self.greeting.to_owned(),
        };
        let reply = if can_reply { self.reply } else { "" };
        let closing = format!("{}{reply}", self.closing);
        Phrases { language: self, subject: filled(self.subject), greeting, opening: filled(self.opening), closing }
    }
}

/// Speakers whose turns visitors see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    Visitor,
    Agent,
}

impl Speaker {
    /// Returns `None` for a turn that was not spoken.
    pub(crate) fn of(role: Role) -> Option<Self> {
        match role {
            Role::Visitor => Some(Self::Visitor),
            Role::Agent => Some(Self::Agent),
            Role::System | Role::Tool => None,
        }
    }
}

/// Whole sentences, and the language of the headings.
pub(crate) struct Phrases {
    language: &'static MailLanguage,
    pub(crate) subject: String,
    greeting: String,
    opening: String,
    closing: String,
}

impl Phrases {
    pub(crate) fn values(&self) -> Values {
        Values::new()
            .with("subject", &self.subject)
            .with("greeting", &self.greeting)
            .with("opening", &self.opening)
            .with("key_points", self.language.key_points)
            .with("next_steps", self.language.next_steps)
            .with("due", self.language.due)
            .with("transcript", self.language.transcript)
            .with("closing", &self.closing)
            .with("unsubscribe", self.language.unsubscribe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_visitors_or_the_tenants_or_english() {
        let language =
            |tag: &str, default: &str| MailLanguage::of(tag.parse().ok().as_ref(), &default.parse().unwrap()).tag;
        let tags = ["de-AT", "ES-mx", "en", "fr-FR", "desert", ""];
        assert_eq!(tags.map(|tag| language(tag, "fr")), ["de", "es", "en", "en", "en", "en"]);
        assert_eq!(tags.map(|tag| language(tag, "de-CH")), ["de", "es", "en", "de", "de", "de"]);
    }

    #[test]
    fn dates_are_words_of_the_language() {
        let date = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
        let words = MailLanguage::ALL.map(|language| language.date(date));
        assert_eq!(words, ["1 March 2026", "1. März 2026", "1 de marzo de 2026"]);
    }

    #[test]
    fn sentences_are_whole_without_names() {
        let phrases = ENGLISH.phrases(None, None, "1 March 2026", false);
        assert_eq!(phrases.subject, "Your conversation on 1 March 2026");
        assert_eq!(phrases.greeting, "Hello,");
        assert_eq!(phrases.closing, "This summary was written automatically and may contain mistakes.");
        assert_eq!(GERMAN.owner(Owner::Business, None), "Wir");
        assert_eq!(GERMAN.owner(Owner::Business, Some("Acme")), "Acme");
    }
}
