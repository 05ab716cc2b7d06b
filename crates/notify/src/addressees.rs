//! Recipients of a mail, without suppressed addresses.

use std::collections::HashMap;

use domain::address_hash::AddressHash;
use domain::email_address::EmailAddress;
use domain::settings::EmailSettings;
use domain::step::Code;
use store::suppressions::SuppressionReason;

use crate::context::Context;
use crate::error::Error;
use crate::source::MailSource;

const HARD_BOUNCED: Code = Code::new("hard_bounced");
const COMPLAINED: Code = Code::new("complained");
const UNSUBSCRIBED: Code = Code::new("unsubscribed");

/// The recipients of a mail; all addresses are in ASCII.
pub(crate) struct Addressees {
    pub(crate) to: EmailAddress,
    /// The hash of `to` in suppressions, events and links.
    pub(crate) to_hash: AddressHash,
    pub(crate) cc: Vec<EmailAddress>,
    pub(crate) bcc: Vec<EmailAddress>,
}

impl Context {
    /// Collects the recipients; `to` must be in ASCII.
    ///
    /// `Err` is the reason if the visitor's address is suppressed: no mail is sent. Suppressed staff are left out.
    pub(crate) async fn addressees(
        &self,
        source: &MailSource,
        to: EmailAddress,
    ) -> Result<Result<Addressees, Code>, Error> {
        let (tenant, settings) = (source.tenant(), &source.settings.email);
        let hash = |address: &EmailAddress| AddressHash::of(tenant, address);
        let staff = staff(settings);
        let to_hash = hash(&to);
        let hashes: Vec<_> = [to_hash].into_iter().chain(staff.iter().map(hash)).collect();
        let suppressed = self.store.suppressions(tenant, &hashes).await?;
        let suppressed: HashMap<_, _> = suppressed.into_iter().collect();
        if let Some(reason) = suppressed.get(&to_hash) {
            return Ok(Err(code(*reason)));
        }
        let mut taken = vec![to.clone()];
        let mut allowed = |addresses: &[EmailAddress]| -> Vec<_> {
            let ascii = addresses.iter().filter_map(EmailAddress::to_ascii);
            let free = ascii.filter(|address| {
                let is_free = !suppressed.contains_key(&hash(address)) && !taken.contains(address);
                taken.push(address.clone());
                is_free
            });
            free.collect()
        };
        let (cc, bcc) = (allowed(&settings.cc), allowed(&settings.bcc));
        let left_out = settings.cc.len() + settings.bcc.len() - cc.len() - bcc.len();
        if left_out > 0 {
            // These addresses are suppressed, named twice, or not supported by SES.
            tracing::warn!(left_out, "copies to staff left out");
        }
        Ok(Ok(Addressees { to, to_hash, cc, bcc }))
    }
}

fn staff(settings: &EmailSettings) -> Vec<EmailAddress> {
    settings.cc.iter().chain(settings.bcc.iter()).filter_map(EmailAddress::to_ascii).collect()
}

fn code(reason: SuppressionReason) -> Code {
    match reason {
        SuppressionReason::HardBounce => HARD_BOUNCED,
        SuppressionReason::Complaint => COMPLAINED,
        SuppressionReason::Unsubscribed => UNSUBSCRIBED,
    }
}
