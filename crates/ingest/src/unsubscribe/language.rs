//! What the pages say, in the languages of the built-in mail.

use super::page::{Page, Text};

/// A language that the pages are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    German,
    Spanish,
}

impl Language {
    const ALL: [Self; 3] = [Self::English, Self::German, Self::Spanish];

    /// As in `lang`.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::Spanish => "es",
        }
    }

    /// The one that the browser prefers (RFC 9110, section 12.5.4); English where it names none of ours.
    pub(crate) fn preferred(accept_language: &str) -> Self {
        let mut best = (0.0, Self::English);
        for range in accept_language.split(',') {
            let (tag, quality) = range.split_once(';').unwrap_or((range, "q=1"));
            let primary = tag.trim().split('-').next().unwrap_or_default();
            let language = Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary));
            let quality = quality.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).unwrap_or_default();
            if let Some(language) = language.filter(|_| quality > best.0) {
                best = (quality, language);
            }
        }
        best.1
    }

    /// `business` stands in the text as it is.
    pub(super) fn text(self, page: &Page, business: &str) -> Text {
        match self {
            Self::English => english(page, business),
            Self::German => german(page, business),
            Self::Spanish => spanish(page, business),
        }
    }

    /// On the button of the form.
    pub(super) fn button(self) -> &'static str {
        match self {
            Self::English => "Unsubscribe",
            Self::German => "Abmelden",
            Self::Spanish => "Darse de baja",
        }
    }
}

fn english(page: &Page, business: &str) -> Text {
    match page {
        Page::Form(_) => Text {
            title: "Unsubscribe",
            heading: format!("No more e-mails from {business}?"),
            paragraph: format!(
                "We will no longer send e-mails about your conversations with {business} to the address that got this link."
            ),
        },
        Page::Done(_) => Text {
            title: "Unsubscribed",
            heading: "You are unsubscribed".to_owned(),
            paragraph: format!("{business} will send no more e-mails about conversations to this address."),
        },
        Page::Unknown => Text {
            title: "Unknown link",
            heading: "This link does not work".to_owned(),
            paragraph: "It may have been cut off when it was copied. Please open it again from the e-mail.".to_owned(),
        },
        Page::Unavailable => Text {
            title: "Not available",
            heading: "Please try again in a minute".to_owned(),
            paragraph: "This did not work just now.".to_owned(),
        },
    }
}

fn german(page: &Page, business: &str) -> Text {
    match page {
        Page::Form(_) => Text {
            title: "Abmelden",
            heading: format!("Keine E-Mails mehr von {business}?"),
            paragraph: format!(
                "An die Adresse, die diesen Link bekommen hat, senden wir keine E-Mails mehr über Ihre Gespräche mit {business}."
            ),
        },
        Page::Done(_) => Text {
            title: "Abgemeldet",
            heading: "Sie sind abgemeldet".to_owned(),
            paragraph: format!("{business} sendet an diese Adresse keine E-Mails mehr über Gespräche."),
        },
        Page::Unknown => Text {
            title: "Unbekannter Link",
            heading: "Dieser Link funktioniert nicht".to_owned(),
            paragraph:
                "Vielleicht wurde er beim Kopieren abgeschnitten. Bitte öffnen Sie ihn noch einmal aus der E-Mail."
                    .to_owned(),
        },
        Page::Unavailable => Text {
            title: "Nicht verfügbar",
            heading: "Bitte versuchen Sie es in einer Minute noch einmal".to_owned(),
            paragraph: "Das hat gerade nicht geklappt.".to_owned(),
        },
    }
}

fn spanish(page: &Page, business: &str) -> Text {
    match page {
        Page::Form(_) => Text {
            title: "Darse de baja",
            heading: format!("¿No recibir más correos de {business}?"),
            paragraph: format!(
                "No enviaremos más correos sobre sus conversaciones con {business} a la dirección que recibió este enlace."
            ),
        },
        Page::Done(_) => Text {
            title: "Baja confirmada",
            heading: "Se ha dado de baja".to_owned(),
            paragraph: format!("{business} no enviará más correos sobre conversaciones a esta dirección."),
        },
        Page::Unknown => Text {
            title: "Enlace desconocido",
            heading: "Este enlace no funciona".to_owned(),
            paragraph: "Puede que se haya cortado al copiarlo. Ábralo de nuevo desde el correo.".to_owned(),
        },
        Page::Unavailable => Text {
            title: "No disponible",
            heading: "Inténtelo de nuevo en un minuto".to_owned(),
            paragraph: "En este momento no ha sido posible.".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_first_choice_among_ours_is_taken() {
        for (header, language) in [
            ("", Language::English),
            ("de-CH, de;q=0.9, en;q=0.8", Language::German),
            ("fr-FR, fr;q=0.9, es-419;q=0.7, en;q=0.5", Language::Spanish),
            ("en;q=0.2, DE ; q=0.3", Language::German),
            ("es;q=0, de;q=0.0", Language::English),
            ("fr, *;q=0.5", Language::English),
            ("de;q=NaN, es;q=x, ;;,", Language::English),
        ] {
            assert_eq!(Language::preferred(header), language, "{header:?}");
        }
    }
}
