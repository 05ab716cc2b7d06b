//! Kinds of personal data that are recognized by their form.

use serde::{Deserialize, Serialize};

/// A kind of personal data with a form of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entity {
    Email,
    Phone,
    PaymentCard,
    Iban,
    NationalId,
    IpAddress,
}

impl Entity {
    pub const ALL: [Self; 6] =
        [Self::Email, Self::Phone, Self::PaymentCard, Self::Iban, Self::NationalId, Self::IpAddress];

    /// The text in JSON, and in lower case the name in placeholders.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::PaymentCard => "payment_card",
            Self::Iban => "iban",
            Self::NationalId => "national_id",
            Self::IpAddress => "ip_address",
        }
    }
}
