//! Attachments of a mail.

mod analytics;
mod transcript;

use domain::settings::email::AttachmentKind;
use domain::step::Code;

use crate::context::About;
use crate::template::Rendered;

/// The attachments exceed the tenant's limit, or the mail with its attachments exceeds the limit of SES.
pub const TOO_LARGE: Code = Code::new("too_large");

/// The most bytes of a mail with its attachments: base64 makes less than the 40 MB that SES accepts of them.
const MAX_MAIL_BYTES: usize = 27 * 1024 * 1024;

/// A file in a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// A file name in ASCII, without a path.
    pub name: &'static str,
    pub content_type: &'static str,
    /// The bytes before they are encoded for the mail.
    pub content: Vec<u8>,
}

/// Makes the attachments that the settings ask for, each once; `Err` is the reason to send `mail` without them.
///
/// A transcript is attached only where `about` has one.
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
