//! Templates of mails: subject, text and HTML.

mod engine;
mod place;
mod sandbox;

use domain::text_enum;
use std::fmt;
use std::sync::OnceLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, ErrorKind, Value};

use crate::context::{Show, VisitorContext};
use crate::header::one_line;
use crate::sample::Sample;

/// The most bytes of a template's subject.
const MAX_SUBJECT_SOURCE: usize = 2_000;
/// The most bytes of a template's text, and of its HTML: Gmail cuts a mail at about 102,000.
const MAX_BODY_SOURCE: usize = 100_000;
/// The longest subject in characters; mail clients show fewer than 100.
const MAX_SUBJECT_CHARS: usize = 150;

text_enum! {
    /// A part of a template, and the same part of the mail.
    pub enum TemplatePart {
        Subject = "subject",
        Text = "text",
        Html = "html",
    }
}

impl TemplatePart {
    fn max_source(self) -> usize {
        match self {
            Self::Subject => MAX_SUBJECT_SOURCE,
            Self::Text | Self::Html => MAX_BODY_SOURCE,
        }
    }

    fn error(self, problem: &str) -> TemplateError {
        TemplateError { part: self, line: None, problem: problem.to_owned() }
    }
}

impl fmt::Display for TemplatePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text of a template, before it is parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateSource {
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl TemplateSource {
    /// Returns the template that is part of the program.
    pub fn built_in() -> Self {
        Self {
            subject: include_str!("../templates/session-summary/subject.txt.j2").to_owned(),
            text: include_str!("../templates/session-summary/body.txt.j2").to_owned(),
            html: include_str!("../templates/session-summary/body.html.j2").to_owned(),
        }
    }

    fn part(&self, part: TemplatePart) -> &str {
        match part {
            TemplatePart::Subject => &self.subject,
            TemplatePart::Text => &self.text,
            TemplatePart::Html => &self.html,
        }
    }
}

/// The first problem of a template. Its text quotes the template, and never a visitor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {part} part{}: {problem}", .line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct TemplateError {
    pub part: TemplatePart,
    /// The line of the part, from 1.
    pub line: Option<usize>,
    pub problem: String,
}

/// A mail without its headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// A single line.
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// A parsed template.
#[derive(Debug, Clone)]
pub struct Template(Environment<'static>);

impl Template {
    /// Parses the parts; `Err` if one is too long or uses what templates must not use.
    pub fn parse(source: &TemplateSource) -> Result<Self, TemplateError> {
        // The default, without trimmed blocks, stands in for an error that these options cannot cause.
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().unwrap_or_default();
        let mut environment = engine::environment(syntax.clone());
        for part in TemplatePart::ALL {
            let (text, most) = (source.part(part), part.max_source());
            let error = |(line, problem)| TemplateError { part, line, problem };
            if text.len() > most {
                return Err(error((None, format!("it has more than {most} bytes"))));
            }
            // The engine computes constants while it compiles, so the inspection comes first.
            sandbox::inspect(text, &syntax).map_err(error)?;
            let added = environment.add_template_owned(part.as_str(), text.to_owned());
            added.map_err(|cause| error((cause.line(), problem(&cause))))?;
        }
        Ok(Self(environment))
    }

    /// Returns the built-in template, which is parsed once.
    pub fn built_in() -> &'static Self {
        static BUILT_IN: OnceLock<Template> = OnceLock::new();
        #[expect(clippy::expect_used, reason = "the template is part of the program")]
        BUILT_IN.get_or_init(|| {
            // Unwrap safety: the tests render it.
            Template::parse(&TemplateSource::built_in()).expect("the built-in template is valid")
        })
    }

    pub fn render(&self, context: &VisitorContext) -> Result<Rendered, TemplateError> {
        Ok(Rendered {
            subject: self.subject(&context.0)?,
            text: self.part(TemplatePart::Text, &context.0)?,
            html: self.part(TemplatePart::Html, &context.0)?,
        })
    }

    pub(crate) fn subject(&self, values: &Value) -> Result<String, TemplateError> {
        let subject = self.part(TemplatePart::Subject, values)?;
        if subject.trim().contains(['\n', '\r']) {
            return Err(TemplatePart::Subject.error("it has more than one line"));
        }
        Ok(one_line(&subject, MAX_SUBJECT_CHARS))
    }

    pub(crate) fn part(&self, part: TemplatePart, values: &Value) -> Result<String, TemplateError> {
        let mut out = engine::PartWriter::new(part);
        let template = self.0.get_template(part.as_str());
        let rendered = template.and_then(|template| template.render_captured_to(values.clone(), &mut out).map(drop));
        rendered.map_err(|cause| TemplateError { part, line: cause.line(), problem: problem(&cause) })?;
        let text = String::from_utf8(out.text).map_err(|_| part.error("it is not UTF-8"))?;
        if text.trim().is_empty() { Err(part.error("it is empty")) } else { Ok(text) }
    }
}

/// Translates an error of the engine for the author of a template.
fn problem(error: &minijinja::Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => "it takes too long".to_owned(),
        (ErrorKind::WriteFailure, _) => format!("it becomes larger than {} bytes", engine::MAX_OUTPUT),
        (ErrorKind::UndefinedError, None) => "unknown value".to_owned(),
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    }
}

/// Checks that a template can make mails.
///
/// The template is parsed and rendered twice: with all optional values, and without any.
pub fn check(source: &TemplateSource, show: &Show) -> Result<(), TemplateError> {
    let template = Template::parse(source)?;
    for sample in [Sample::full(), Sample::bare()] {
        template.render(&sample.context(show))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
