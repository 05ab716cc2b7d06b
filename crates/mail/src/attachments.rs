//! What is attached to a mail.

mod analytics;
mod transcript;

use domain::settings::email::AttachmentKind;
use domain::step::Code;

use crate::context::About;
use crate::template::Rendered;

/// The attachments together were larger than the tenant allows, or with the mail larger than SES takes.
pub const TOO_LARGE: Code = Code::new("too_large");

/// Bytes of a mail with its attachments: as base64 less than the 40 MB that SES takes.
const MAX_MAIL_BYTES: usize = 27 * 1024 * 1024;

/// A file in a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// In ASCII, without a path.
    pub name: &'static str,
    pub content_type: &'static str,
    /// Before it is encoded for the mail.
    pub content: Vec<u8>,
}

/// What the settings ask for, each once, to go with `mail`; `Err` is the code of why it has to go without.
///
/// Where there is no transcript, there is none of it.
pub fn of(about: &About<'_>, mail: &Rendered) -> Result<Vec<Attachment>, Code> {
    let own_bytes = mail.subject.len() + mail.text.len() + mail.html.len();
    let most = about.settings.max_attachment_bytes.get() as usize;
    let most = most.min(MAX_MAIL_BYTES.saturating_sub(own_bytes));
    let (mut bytes, mut attachments) = (0, Vec::new());
    for kind in [AttachmentKind::TranscriptTxt, AttachmentKind::TranscriptHtml, AttachmentKind::AnalyticsJson] {
        let wanted = about.settings.attachments.contains(&kind);
        let Some(attachment) = wanted.then(|| attachment(kind, about)).flatten() else { continue };
        bytes += attachment.content.len();
        if bytes > most {
            return Err(TOO_LARGE);
        }
        attachments.push(attachment);
    }
    Ok(attachments)
}

fn attachment(kind: AttachmentKind, about: &About<'_>) -> Option<Attachment> {
    let (name, content_type, content) = match kind {
        AttachmentKind::TranscriptTxt => ("transcript.txt", "text/plain; charset=utf-8", transcript::text(about)?),
        AttachmentKind::TranscriptHtml => ("transcript.html", "text/html; charset=utf-8", transcript::html(about)?),
        AttachmentKind::AnalyticsJson => ("analytics.json", "application/json", analytics::json(about)?),
    };
    Some(Attachment { name, content_type, content: content.into_bytes() })
}

#[cfg(test)]
mod tests;
