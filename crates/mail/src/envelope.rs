//! Sender, recipients and further headers of a mail.

use domain::email_address::EmailAddress;
use domain::id::{SessionId, TenantId};
use domain::ses_tag;
use domain::settings::EmailSettings;
use uuid::Uuid;

/// The outside of a mail. All addresses are in ASCII: see [`EmailAddress::to_ascii`].
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// The display name of `from`, in any script.
    pub from_name: Option<&'a str>,
    pub from: &'a EmailAddress,
    pub reply_to: Option<&'a EmailAddress>,
    pub to: &'a EmailAddress,
    pub cc: &'a [EmailAddress],
    pub bcc: &'a [EmailAddress],
    /// The configuration set of this mail; `None` for the default of the sender.
    pub configuration_set: Option<&'a str>,
    /// Further headers, made by [`headers`].
    pub headers: &'a [(String, String)],
    /// Tags, made by [`tags`]: SES repeats them in every event about the mail.
    pub tags: &'a [(&'static str, String)],
}

const AUTO_SUBMITTED: &str = "Auto-Submitted";

/// Returns the header that keeps auto-responders from answering (RFC 3834).
pub fn auto_submitted() -> (String, String) {
    (AUTO_SUBMITTED.to_owned(), "auto-generated".to_owned())
}

/// Lists the tenant's own headers, `Auto-Submitted` also without the tenant, and the headers for unsubscribing in one
/// click (RFC 8058).
pub fn headers(settings: &EmailSettings, unsubscribe_url: Option<&str>) -> Vec<(String, String)> {
    let own = settings.headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let is_set = settings.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(AUTO_SUBMITTED));
    let one_click = unsubscribe_url.into_iter().flat_map(|url| {
        let link = ("List-Unsubscribe".to_owned(), format!("<{url}>"));
        [link, ("List-Unsubscribe-Post".to_owned(), "List-Unsubscribe=One-Click".to_owned())]
    });
    own.chain((!is_set).then(auto_submitted)).chain(one_click).collect()
}

/// Lists the tags by which an event of SES finds its mail again.
pub fn tags(email_id: Uuid, tenant: &TenantId, session: &SessionId) -> [(&'static str, String); 3] {
    [
        (ses_tag::EMAIL_ID, email_id.to_string()),
        (ses_tag::TENANT_ID, ses_tag::encode(tenant)),
        (ses_tag::SESSION_ID, ses_tag::encode(session)),
    ]
}
