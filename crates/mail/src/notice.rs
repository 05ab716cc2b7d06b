//! Mails to administrators: a text, and the same text as plain HTML.

use minijinja::{HtmlEscape, Value};

use crate::template::{Rendered, Template, TemplateError, TemplatePart, TemplateSource};
use crate::values::Values;

/// The template of a mail that is part of the program.
#[derive(Debug, Clone, Copy)]
pub struct Notice {
    pub subject: &'static str,
    pub text: &'static str,
}

/// Fills in a notice; each paragraph of its text becomes a paragraph of its HTML.
pub fn notice(notice: &Notice, values: Values) -> Result<Rendered, TemplateError> {
    let source =
        TemplateSource { subject: notice.subject.to_owned(), text: notice.text.to_owned(), html: String::new() };
    let template = Template::parse(&source)?;
    let values = Value::from(values);
    let (subject, text) = (template.subject(&values)?, template.part(TemplatePart::Text, &values)?);
    let html = html(&subject, &text);
    Ok(Rendered { subject, text, html })
}

fn html(subject: &str, text: &str) -> String {
    let paragraphs = text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
    let paragraphs: String = paragraphs
        .map(|paragraph| {
            format!("<p style=\"margin: 0 0 12px; white-space: pre-wrap;\">{}</p>\n", HtmlEscape(paragraph))
        })
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{}</title></head>\n\
         <body style=\"font-family: 'Segoe UI', Helvetica, Arial, sans-serif; font-size: 15px; line-height: 1.5;\">\n\
         {paragraphs}</body>\n</html>\n",
        HtmlEscape(subject)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_filled_in_as_text_and_as_html() {
        const ALERT: Notice = Notice {
            subject: "{{ failures }} failures",
            text: "Rule <{{ rule }}>\n\n{% for code in codes %}\n- {{ code.code }}\n{% endfor %}\n",
        };
        let codes = ["a&b", "c"].map(|code| Values::new().with("code", code));
        let values = Values::new().with("failures", 3).with("rule", "all:5/15").list("codes", codes);
        let mail = notice(&ALERT, values).unwrap();
        assert_eq!(mail.subject, "3 failures");
        assert_eq!(mail.text, "Rule <all:5/15>\n\n- a&b\n- c\n");
        assert!(mail.html.contains("<title>3 failures</title>"), "{}", mail.html);
        assert!(mail.html.contains("Rule &lt;all:5&#x2f;15&gt;</p>"), "{}", mail.html);
        assert!(mail.html.contains("- a&amp;b\n- c</p>"), "{}", mail.html);
    }
}
