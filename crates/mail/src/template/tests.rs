mod limits;
mod mail;
mod places;
mod words;

use super::*;

/// A template with this HTML.
fn with_html(html: &str) -> TemplateSource {
    TemplateSource { subject: "s".to_owned(), text: "t".to_owned(), html: html.to_owned() }
}

/// What `check` says of a text.
fn checked(text: &str) -> Result<(), String> {
    let source = TemplateSource { text: text.to_owned(), ..with_html("h") };
    check(&source, &Show { transcript: true, internal: true }).map_err(|error| error.to_string())
}

/// What `check` finds wrong with a text, which must be something.
fn refusal(text: &str) -> String {
    checked(text).expect_err(text)
}
