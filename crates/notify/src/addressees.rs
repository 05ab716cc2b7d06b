//! Who of those whom a mail is meant for may get it.

use std::collections::HashMap;

use domain::address_hash::AddressHash;
use domain::email_address::EmailAddress;
use domain::settings::EmailSettings;
use domain::step::Code;
use store::suppressions::SuppressionReason;

use crate::context::Context;
use crate::error::Error;
use crate::subject::Subject;

const HARD_BOUNCED: Code = Code::new("hard_bounced");
const COMPLAINED: Code = Code::new("complained");
const UNSUBSCRIBED: Code = Code::new("unsubscribed");

/// Who gets a mail; all addresses in ASCII.
pub(crate) struct Addressees {
    pub(crate) to: EmailAddress,
    /// By which suppressions, events and links know `to`.
    pub(crate) to_hash: AddressHash,
    pub(crate) cc: Vec<EmailAddress>,
    pub(crate) bcc: Vec<EmailAddress>,
}

impl Context {
    /// `to` is in ASCII. A visitor whose address is suppressed gets no mail; `Err` says why. Staff are left out.
    pub(crate) async fn addressees(
        &self,
        subject: &Subject,
        to: EmailAddress,
    ) -> Result<Result<Addressees, Code>, Error> {
        let (tenant, settings) = (subject.tenant(), &subject.settings.email);
        let hash = |address: &EmailAddress| AddressHash::of(tenant, address);
        let staff = staff(settings);
        let to_hash = hash(&to);
        let hashes: Vec<_> = [to_hash].into_iter().chain(staff.iter().map(hash)).collect();
        let suppressed = self.store.suppressions(tenant, &hashes).await.map_err(Error::Database)?;
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
            tracing::warn!(left_out, "staff are suppressed, named twice or not supported by SES, and get no copy");
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
