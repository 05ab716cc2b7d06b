//! Texts of the pages, in the languages of the built-in mail.

/// Language of the pages, with all their texts.
#[derive(Debug)]
pub(crate) struct PageLanguage {
    /// As in `lang`.
    pub(super) tag: &'static str,
    /// On the button of the form.
    pub(super) button: &'static str,
    pub(super) form: PageText,
    pub(super) done: PageText,
    pub(super) unknown: PageText,
    pub(super) unavailable: PageText,
}

/// Texts of a page, as HTML. `{business}` stands for the name of the business.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageText {
    pub(super) title: &'static str,
    pub(super) heading: &'static str,
    pub(super) paragraph: &'static str,
}

const fn text(title: &'static str, heading: &'static str, paragraph: &'static str) -> PageText {
    PageText { title, heading, paragraph }
}

static ENGLISH: PageLanguage = PageLanguage {
    tag: "en",
    button: "Unsubscribe",
    form: text(
        "Unsubscribe",
        "No more e-mails from {business}?",
        "We will no longer send e-mails about your conversations with {business} to the address that got this link.",
    ),
    done: text(
        "Unsubscribed",
        "You are unsubscribed",
        "{business} will send no more e-mails about conversations to this address.",
    ),
    unknown: text(
        "Unknown link",
        "This link does not work",
        "It may have been cut off when it was copied. Please open it again from the e-mail.",
    ),
    unavailable: text("Not available", "Please try again in a minute", "This did not work just now."),
};

static GERMAN: PageLanguage = PageLanguage {
    tag: "de",
    button: "Abmelden",
    form: text(
        "Abmelden",
        "Keine E-Mails mehr von {business}?",
        "An die Adresse, die diesen Link bekommen hat, senden wir keine E-Mails mehr über Ihre Gespräche mit {business}.",
    ),
    done: text(
        "Abgemeldet",
        "Sie sind abgemeldet",
        "{business} sendet an diese Adresse keine E-Mails mehr über Gespräche.",
    ),
    unknown: text(
        "Unbekannter Link",
        "Dieser Link funktioniert nicht",
        "Vielleicht wurde er beim Kopieren abgeschnitten. Bitte öffnen Sie ihn noch einmal aus der E-Mail.",
    ),
    unavailable: text(
        "Nicht verfügbar",
        "Bitte versuchen Sie es in einer Minute noch einmal",
        "Das hat gerade nicht geklappt.",
    ),
};

static SPANISH: PageLanguage = PageLanguage {
    tag: "es",
    button: "Darse de baja",
    form: text(
        "Darse de baja",
        "¿No recibir más correos de {business}?",
        "No enviaremos más correos sobre sus conversaciones con {business} a la dirección que recibió este enlace.",
    ),
    done: text(
        "Baja confirmada",
        "Se ha dado de baja",
        "{business} no enviará más correos sobre conversaciones a esta dirección.",
    ),
    unknown: text(
        "Enlace desconocido",
        "Este enlace no funciona",
        "Puede que se haya cortado al copiarlo. Ábralo de nuevo desde el correo.",
    ),
    unavailable: text("No disponible", "Inténtelo de nuevo en un minuto", "En este momento no ha sido posible."),
};

impl PageLanguage {
    pub(super) const ALL: [&Self; 3] = [&ENGLISH, &GERMAN, &SPANISH];

    /// Finds the browser's preferred language (RFC 9110, section 12.5.4); English if the header names no known language.
    pub(crate) fn preferred(accept_language: &str) -> &'static Self {
        let mut best = (0.0, &ENGLISH);
        for range in accept_language.split(',') {
            let (tag, quality) = range.split_once(';').unwrap_or((range, "q=1"));
            let primary = tag.trim().split('-').next().unwrap_or_default();
            let language = Self::ALL.into_iter().find(|language| language.tag.eq_ignore_ascii_case(primary));
            let quality = quality.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).unwrap_or_default();
            if let Some(language) = language.filter(|_| quality > best.0) {
                best = (quality, language);
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_first_choice_among_ours_is_taken() {
        for (header, language) in [
            ("", "en"),
            ("de-CH, de;q=0.9, en;q=0.8", "de"),
            ("fr-FR, fr;q=0.9, es-419;q=0.7, en;q=0.5", "es"),
            ("en;q=0.2, DE ; q=0.3", "de"),
            ("es;q=0, de;q=0.0", "en"),
            ("fr, *;q=0.5", "en"),
            ("de;q=NaN, es;q=x, ;;,", "en"),
        ] {
            assert_eq!(PageLanguage::preferred(header).tag, language, "{header:?}");
        }
    }
}
