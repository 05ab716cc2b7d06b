//! `cargo xtask preview-email`: what a mail would look like, without a stack.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use domain::settings::EmailSettings;
use mail::sample::Sample;
use mail::{Template, TemplateSource, VisitorContext};
use serde::de::DeserializeOwned;

use crate::paths;

#[derive(Debug, Args)]
pub(crate) struct PreviewEmail {
    /// A directory with subject.txt.j2, body.txt.j2 and body.html.j2 instead of the built-in template.
    #[arg(long, value_name = "DIR")]
    template: Option<PathBuf>,
    /// A session with analysis and transcript instead of the built-in one: JSON like crates/mail/sample/session.json.
    #[arg(long, value_name = "FILE")]
    session: Option<PathBuf>,
    /// The visitor's language instead of the session's, such as de or pt-BR.
    #[arg(long, value_name = "TAG")]
    locale: Option<domain::locale::Locale>,
    /// The tenant's `email` settings, as JSON; without it, defaults that show the transcript.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Where the mail is written instead of target/preview.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Writes the mail and its attachments and prints their paths; the subject is the first line of the text.
pub(crate) fn run(options: PreviewEmail) -> anyhow::Result<()> {
    let shown = EmailSettings { show_transcript: true, ..EmailSettings::default() };
    let settings = options.settings.as_deref().map_or(Ok(shown), read_json)?;
    let mut sample = options.session.as_deref().map_or_else(|| Ok(Sample::full()), read_json)?;
    if let Some(locale) = options.locale {
        sample.session.visitor.locale = Some(locale.to_string());
    }
    let about = sample.about(&settings);
    let source = options.template.as_deref().map_or_else(|| Ok(TemplateSource::built_in()), source)?;
    let rendered = Template::parse(&source).and_then(|template| template.render(&VisitorContext::new(&about)));
    let rendered = rendered.context("failed to make the mail")?;
    let out = options.out.unwrap_or_else(|| paths::target().join("preview"));
    let text = format!("{}\n\n{}", rendered.subject, rendered.text);
    write(&out, "mail.html", rendered.html.as_bytes())?;
    write(&out, "mail.txt", text.as_bytes())?;
    match mail::attachments::of(&about, &rendered) {
        Ok(attachments) => attachments.iter().try_for_each(|file| write(&out, file.name, &file.content)),
        Err(code) => {
            println!("attachments left out: {code}");
            Ok(())
        }
    }
}

/// The three parts of a template, named as those of crates/mail/templates.
fn source(directory: &Path) -> anyhow::Result<TemplateSource> {
    let part = |name: &str| paths::read(&directory.join(name));
    Ok(TemplateSource { subject: part("subject.txt.j2")?, text: part("body.txt.j2")?, html: part("body.html.j2")? })
}

fn read_json<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    serde_json::from_str(&paths::read(path)?).with_context(|| format!("failed to understand {}", path.display()))
}

fn write(directory: &Path, name: &str, content: &[u8]) -> anyhow::Result<()> {
    let path = directory.join(name);
    paths::write(&path, content)?;
    println!("{}", path.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::paths::read;

    /// A directory of this test, with these files.
    fn directory(test: &str, files: &[(&str, &str)]) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("preview-email-{test}-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        files.iter().for_each(|(name, text)| fs::write(directory.join(name), text).unwrap());
        directory
    }

    fn nothing() -> PreviewEmail {
        PreviewEmail { template: None, session: None, locale: None, settings: None, out: None }
    }

    #[test]
    fn without_arguments_the_built_in_mail_of_the_sample_is_written() {
        let out = directory("plain", &[]);
        run(PreviewEmail { out: Some(out.clone()), ..nothing() }).unwrap();
        let (html, text) = (read(&out.join("mail.html")).unwrap(), read(&out.join("mail.txt")).unwrap());
        fs::remove_dir_all(&out).unwrap();
        assert!(
            text.starts_with("Your conversation with Müller & Co on 22 November 2026\n\nHello Ana López,"),
            "{text}"
        );
        assert!(text.contains("Fourteen months") && html.contains("Fourteen months"), "{text}");
    }

    #[test]
    fn another_template_language_and_settings_are_used() {
        let files = [
            ("subject.txt.j2", "{{ phrases.subject }}"),
            ("body.txt.j2", "{{ internal.category.label }}"),
            ("body.html.j2", "<p>{{ date }}</p>"),
            ("settings.json", r#"{ "show_internal": true, "attachments": ["analytics_json"] }"#),
            ("session.json", include_str!("../../mail/sample/session.json")),
        ];
        let out = directory("other", &files);
        let options = PreviewEmail {
            template: Some(out.clone()),
            session: Some(out.join("session.json")),
            locale: Some("de".parse().unwrap()),
            settings: Some(out.join("settings.json")),
            out: Some(out.clone()),
        };
        run(options).unwrap();
        let [html, text, json] = ["mail.html", "mail.txt", "analytics.json"].map(|name| read(&out.join(name)).unwrap());
        fs::remove_dir_all(&out).unwrap();
        assert_eq!(html, "<p>22. November 2026</p>");
        assert_eq!(text, "Ihr Gespräch mit Müller & Co am 22. November 2026\n\nFacing Issue");
        assert!(json.contains("\"internal\""), "{json}");
    }

    #[test]
    fn a_mistake_is_named_with_its_file_and_line() {
        let files = [
            ("subject.txt.j2", "s"),
            ("body.txt.j2", "a\n{{ visitr }}"),
            ("body.html.j2", "h"),
            ("session.json", "{\n  \"tenant_name\": 1\n}"),
        ];
        let out = directory("wrong", &files);
        let message = |options: PreviewEmail| format!("{:#}", run(options).unwrap_err());
        let template = message(PreviewEmail { template: Some(out.clone()), out: Some(out.clone()), ..nothing() });
        let session = message(PreviewEmail { session: Some(out.join("session.json")), ..nothing() });
        let missing = message(PreviewEmail { settings: Some(out.join("none.json")), ..nothing() });
        fs::remove_dir_all(&out).unwrap();
        assert!(template.contains(": invalid text part, line 2: unknown name `visitr`; known are lang"), "{template}");
        assert!(session.contains("session.json: ") && session.contains("line 2 column 18"), "{session}");
        assert!(missing.starts_with("failed to read ") && missing.contains("none.json: No such file"), "{missing}");
    }
}
