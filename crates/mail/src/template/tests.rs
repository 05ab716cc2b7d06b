mod limits;
mod mail;
mod places;
mod words;

use super::*;

/// Makes a template with this HTML.
fn with_html(html: &str) -> TemplateSource {
    TemplateSource { subject: "s".to_owned(), text: "t".to_owned(), html: html.to_owned() }
}

/// Returns the result of `check` for a text.
fn checked(text: &str) -> Result<(), String> {
    let source = TemplateSource { text: text.to_owned(), ..with_html("h") };
    check(&source, &Show { transcript: true, internal: true }).map_err(|error| error.to_string())
}

/// Returns the error of `check` for a text that is not valid.
fn refusal(text: &str) -> String {
    checked(text).expect_err(text)
}
