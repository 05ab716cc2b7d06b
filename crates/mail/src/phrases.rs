//! Fixed sentences of the mail, in the visitor's language.

use chrono::{Datelike, NaiveDate};
use domain::analysis::Owner;
use domain::locale::Locale;
use domain::transcript::Role;

use crate::values::Values;

/// A language the fixed sentences exist in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MailLanguage {
    English,
    German,
    Spanish,
}

const ENGLISH_MONTHS: &str = "January February March April May June July August September October November December";
const GERMAN_MONTHS: &str = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember";
const SPANISH_MONTHS: &str = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre";

impl MailLanguage {
    /// Chooses the visitor's language if its sentences exist, else the tenant's, else English.
    pub(crate) fn of(locale: Option<&Locale>, default: &Locale) -> Self {
        let known = |locale: &Locale| match locale.language() {
            "en" => Some(Self::English),
            "de" => Some(Self::German),
            "es" => Some(Self::Spanish),
            _ => None,
        };
        locale.and_then(known).or_else(|| known(default)).unwrap_or(Self::English)
    }

    /// Returns the value of the `lang` attribute.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::Spanish => "es",
        }
    }

    /// Writes a date in words.
    pub(crate) fn date(self, date: NaiveDate) -> String {
        let (day, year) = (date.day(), date.year());
        let month = |names: &'static str| names.split(' ').nth(date.month0() as usize).unwrap_or_default();
        match self {
            Self::English => format!("{day} {} {year}", month(ENGLISH_MONTHS)),
            Self::German => format!("{day}. {} {year}", month(GERMAN_MONTHS)),
            Self::Spanish => format!("{day} de {} de {year}", month(SPANISH_MONTHS)),
        }
    }

    /// Names the owner of an action item from the visitor's point of view.
    pub(crate) fn owner(self, owner: Owner, business: Option<&str>) -> &str {
        match (owner, self) {
            (Owner::Visitor, Self::English) => "You",
            (Owner::Visitor, Self::German) => "Sie",
            (Owner::Visitor, Self::Spanish) => "Usted",
            (Owner::Agent, Self::English) => "The assistant",
            (Owner::Agent, Self::German) => "Der Assistent",
            (Owner::Agent, Self::Spanish) => "El asistente",
            (Owner::Business, Self::English) => business.unwrap_or("We"),
            (Owner::Business, Self::German) => business.unwrap_or("Wir"),
            (Owner::Business, Self::Spanish) => business.unwrap_or("Nosotros"),
        }
    }

    /// Names a speaker whose name is not known.
    pub(crate) fn speaker(self, speaker: Speaker) -> &'static str {
        match (speaker, self) {
            (Speaker::Visitor, Self::English) => "You",
            (Speaker::Visitor, Self::German) => "Sie",
            (Speaker::Visitor, Self::Spanish) => "Usted",
            (Speaker::Agent, Self::English) => "Assistant",
            (Speaker::Agent, Self::German) => "Assistent",
            (Speaker::Agent, Self::Spanish) => "Asistente",
        }
    }

    pub(crate) fn phrases(self, about: &Names<'_>) -> Phrases {
        match self {
            Self::English => english(about),
            Self::German => german(about),
            Self::Spanish => spanish(about),
        }
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

/// Names and facts that the sentences mention.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names<'a> {
    pub(crate) business: Option<&'a str>,
    pub(crate) visitor: Option<&'a str>,
    /// The date, in words of the same language.
    pub(crate) date: &'a str,
    /// Replies reach a person.
    pub(crate) can_reply: bool,
}

impl Names<'_> {
    /// Returns `before` and the name of the business, or an empty text.
    fn business(&self, before: &str) -> String {
        self.business.map(|name| format!("{before}{name}")).unwrap_or_default()
    }
}

/// Whole sentences and headings, ready for a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Phrases {
    pub(crate) subject: String,
    pub(crate) greeting: String,
    pub(crate) opening: String,
    pub(crate) key_points: &'static str,
    pub(crate) next_steps: &'static str,
    pub(crate) due: &'static str,
    pub(crate) transcript: &'static str,
    pub(crate) closing: String,
    pub(crate) unsubscribe: &'static str,
}

impl Phrases {
    pub(crate) fn values(&self) -> Values {
        Values::new()
            .text("subject", &self.subject)
            .text("greeting", &self.greeting)
            .text("opening", &self.opening)
            .text("key_points", self.key_points)
            .text("next_steps", self.next_steps)
            .text("due", self.due)
            .text("transcript", self.transcript)
            .text("closing", &self.closing)
            .text("unsubscribe", self.unsubscribe)
    }
}

fn english(about: &Names<'_>) -> Phrases {
    let (business, date) = (about.business(" with "), about.date);
    let reply = if about.can_reply { " If something is not right, please reply to this e-mail." } else { "" };
    Phrases {
        subject: format!("Your conversation{business} on {date}"),
        greeting: about.visitor.map_or("Hello,".to_owned(), |name| format!("Hello {name},")),
        opening: format!("Thank you for your conversation{business} on {date}. Here is a short summary."),
        key_points: "Key points",
        next_steps: "Next steps",
        due: "When",
        transcript: "Transcript",
        unsubscribe: "Unsubscribe from these e-mails",
        closing: format!("This summary was written automatically and may contain mistakes.{reply}"),
    }
}

fn german(about: &Names<'_>) -> Phrases {
    let (business, date) = (about.business(" mit "), about.date);
    let reply = if about.can_reply { " Wenn etwas nicht stimmt, antworten Sie bitte auf diese E-Mail." } else { "" };
    Phrases {
        subject: format!("Ihr Gespräch{business} am {date}"),
        greeting: about.visitor.map_or("Guten Tag,".to_owned(), |name| format!("Guten Tag {name},")),
        opening: format!("vielen Dank für Ihr Gespräch{business} am {date}. Hier eine kurze Zusammenfassung."),
        key_points: "Das Wichtigste",
        next_steps: "Nächste Schritte",
        due: "Wann",
        transcript: "Gesprächsverlauf",
        unsubscribe: "Diese E-Mails abbestellen",
        closing: format!("Diese Zusammenfassung wurde automatisch erstellt und kann Fehler enthalten.{reply}"),
    }
}

fn spanish(about: &Names<'_>) -> Phrases {
    let (business, date) = (about.business(" con "), about.date);
    let reply = if about.can_reply { " Si algo no es correcto, responda a este correo." } else { "" };
    Phrases {
        subject: format!("Su conversación{business} del {date}"),
        greeting: about.visitor.map_or("Hola:".to_owned(), |name| format!("Hola, {name}:")),
        opening: format!("Gracias por su conversación{business} del {date}. Este es un breve resumen."),
        key_points: "Puntos clave",
        next_steps: "Próximos pasos",
        due: "Cuándo",
        transcript: "Transcripción",
        unsubscribe: "Darse de baja de estos correos",
        closing: format!("Este resumen se ha redactado automáticamente y puede contener errores.{reply}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_visitors_or_the_tenants_or_english() {
        let language =
            |tag: &str, default: &str| MailLanguage::of(tag.parse().ok().as_ref(), &default.parse().unwrap()).tag();
        let tags = ["de-AT", "ES-mx", "en", "fr-FR", "desert", ""];
        assert_eq!(tags.map(|tag| language(tag, "fr")), ["de", "es", "en", "en", "en", "en"]);
        assert_eq!(tags.map(|tag| language(tag, "de-CH")), ["de", "es", "en", "de", "de", "de"]);
    }

    #[test]
    fn dates_are_words_of_the_language() {
        let date = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
        let words =
            [MailLanguage::English, MailLanguage::German, MailLanguage::Spanish].map(|language| language.date(date));
        assert_eq!(words, ["1 March 2026", "1. März 2026", "1 de marzo de 2026"]);
    }

    #[test]
    fn sentences_are_whole_without_names() {
        let about = Names { business: None, visitor: None, date: "1 March 2026", can_reply: false };
        let phrases = MailLanguage::English.phrases(&about);
        assert_eq!(phrases.subject, "Your conversation on 1 March 2026");
        assert_eq!(phrases.greeting, "Hello,");
        assert_eq!(phrases.closing, "This summary was written automatically and may contain mistakes.");
        assert_eq!(MailLanguage::German.owner(Owner::Business, None), "Wir");
        assert_eq!(MailLanguage::German.owner(Owner::Business, Some("Acme")), "Acme");
    }
}
