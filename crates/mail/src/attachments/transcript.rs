//! Files with the transcript.

use std::fmt::Write;

use minijinja::HtmlEscape;

use crate::context::{About, Frame, ShownTurn};

/// Styles for light and dark screens of any width, and for paper.
const STYLE: &str = include_str!("../../templates/transcript.css");

/// Writes one line for each turn, for people and for programs that read lines.
pub(super) fn text(about: &About<'_>) -> Option<String> {
    let (frame, transcript) = (Frame::of(about), about.transcript?);
    let mut page = format!("{}\n\n", frame.phrases.subject);
    for ShownTurn { speaker, text, time } in frame.spoken(transcript) {
        // Writing to a `String` does not fail.
        let _ = match time {
            Some(time) => writeln!(page, "{speaker} ({time}): {text}"),
            None => writeln!(page, "{speaker}: {text}"),
        };
    }
    Some(page)
}

/// Writes a page that loads nothing, in the look of the mail.
pub(super) fn html(about: &About<'_>) -> Option<String> {
    let (frame, transcript) = (Frame::of(about), about.transcript?);
    let (title, lang) = (HtmlEscape(&frame.phrases.subject), frame.language.tag);
    let content_lang = frame.locale.as_ref().map(|tag| format!(" lang=\"{}\"", HtmlEscape(tag.as_ref())));
    let content_lang = content_lang.unwrap_or_default();
    let mut page = format!(
        "<!doctype html>\n<html lang=\"{lang}\" dir=\"ltr\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n<dl>\n"
    );
    for ShownTurn { speaker, text, time } in frame.spoken(transcript) {
        let time = time.as_deref().map(|time| format!("<time>{time}</time>")).unwrap_or_default();
        let (speaker, text) = (HtmlEscape(&speaker), HtmlEscape(&text));
        // Writing to a `String` does not fail.
        let _ = writeln!(
            page,
            "<dt><span dir=\"auto\">{speaker}</span>{time}</dt>\n<dd{content_lang} dir=\"auto\">{text}</dd>"
        );
    }
    page.push_str("</dl>\n</main>\n</body>\n</html>\n");
    Some(page)
}
