//! Who sends to whom, and what a mail's headers say besides.

use domain::email_address::EmailAddress;
use domain::id::{SessionId, TenantId};
use domain::ses_tag;
use domain::settings::EmailSettings;
use uuid::Uuid;

/// The outside of a mail. All addresses are in ASCII, as [`EmailAddress::to_ascii`] makes them.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// The display name of `from`, in any script.
    pub from_name: Option<&'a str>,
    pub from: &'a EmailAddress,
    pub reply_to: Option<&'a EmailAddress>,
    pub to: &'a EmailAddress,
    pub cc: &'a [EmailAddress],
    pub bcc: &'a [EmailAddress],
    /// `None`: the sender's.
    pub configuration_set: Option<&'a str>,
    /// Those of [`headers`].
    pub headers: &'a [(String, String)],
    /// Those of [`tags`]; SES repeats them in every event about the mail.
    pub tags: &'a [(&'static str, String)],
}

/// A tenant's own headers, and those that let a mail client offer to unsubscribe (RFC 8058).
pub fn headers(settings: &EmailSettings, unsubscribe_url: Option<&str>) -> Vec<(String, String)> {
    let own = settings.headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let one_click = unsubscribe_url.into_iter().flat_map(|url| {
        let link = ("List-Unsubscribe".to_owned(), format!("<{url}>"));
        [link, ("List-Unsubscribe-Post".to_owned(), "List-Unsubscribe=One-Click".to_owned())]
    });
    own.chain(one_click).collect()
}

/// What tells whose mail an event of SES is about.
pub fn tags(email_id: Uuid, tenant: &TenantId, session: &SessionId) -> [(&'static str, String); 3] {
    [
        (ses_tag::EMAIL_ID, email_id.to_string()),
        (ses_tag::TENANT_ID, ses_tag::encode(tenant)),
        (ses_tag::SESSION_ID, ses_tag::encode(session)),
    ]
}
