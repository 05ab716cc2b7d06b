//! Addresses that get no mail of a tenant.

use domain::address_hash::AddressHash;
use domain::id::TenantId;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::sql::{byte_arrays, bytes, get, one_of, statements, text, uuid};
use crate::{Error, Store};

statements! {
SUPPRESSIONS = "
-- suppressions()
SELECT DISTINCT ON (address_hash) address_hash, reason FROM email_suppressions
WHERE tenant_id = $1 AND address_hash = ANY ($2::bytea[])
ORDER BY address_hash, array_position(ARRAY['complaint', 'hard_bounce', 'unsubscribed'], reason)";

SUPPRESS = "
-- suppress()
INSERT INTO email_suppressions (tenant_id, address_hash, reason, email_id)
SELECT tenant_id, $2, $3, $4 FROM tenants WHERE tenant_id = $1
ON CONFLICT (tenant_id, address_hash, reason) DO NOTHING";
}

/// Why an address gets no mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SuppressionReason {
    HardBounce,
    Complaint,
    Unsubscribed,
}

impl SuppressionReason {
    const ALL: [Self; 3] = [Self::HardBounce, Self::Complaint, Self::Unsubscribed];

    /// As in the `reason` column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HardBounce => "hard_bounce",
            Self::Complaint => "complaint",
            Self::Unsubscribed => "unsubscribed",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

impl Store {
    /// Those of the addresses that get no mail, each with one reason: a complaint before a bounce before an
    /// unsubscription.
    pub async fn suppressions(
        &self,
        tenant: &TenantId,
        addresses: &[AddressHash],
    ) -> Result<Vec<(AddressHash, SuppressionReason)>, Error> {
        let hashes: Vec<Vec<u8>> = addresses.iter().map(|hash| hash.as_bytes().to_vec()).collect();
        let rows = self.rows(SUPPRESSIONS, &[text(tenant.as_ref()), byte_arrays(hashes)]).await?;
        rows.iter().map(read).collect()
    }

    /// Suppresses an address; `false` if it was suppressed for this reason before, or the tenant is unknown.
    pub async fn suppress(
        &self,
        tenant: &TenantId,
        address: &AddressHash,
        reason: SuppressionReason,
        email_id: Option<Uuid>,
    ) -> Result<bool, Error> {
        let hash = address.as_bytes().to_vec();
        let params = [text(tenant.as_ref()), bytes(hash), text(reason.as_str()), uuid(email_id)];
        Ok(self.execute(SUPPRESS, &params).await? > 0)
    }
}

fn read(row: &Row) -> Result<(AddressHash, SuppressionReason), Error> {
    let hash: Vec<u8> = get(SUPPRESSIONS, row, "address_hash")?;
    let hash = <[u8; 32]>::try_from(hash).map_err(|hash| Error::Row {
        statement: "suppressions",
        column: "address_hash",
        source: format!("{} bytes", hash.len()).into(),
    })?;
    Ok((hash.into(), one_of(SUPPRESSIONS, row, "reason", SuppressionReason::parse)?))
}
