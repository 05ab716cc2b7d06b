//! Addresses that get no mail of a tenant.

use domain::address_hash::AddressHash;
use domain::id::TenantId;
use uuid::Uuid;

use crate::row::{FromRow, Row, column_enum};
use crate::sql::{byte_arrays, bytes, statements, text, uuid};
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

column_enum! {
    /// Why an address gets no mail.
    pub enum SuppressionReason {
        HardBounce = "hard_bounce",
        Complaint = "complaint",
        Unsubscribed = "unsubscribed",
    }
}

impl Store {
    /// Returns the addresses that get no mail, each with one reason: complaint before bounce before unsubscription.
    pub async fn suppressions(
        &self,
        tenant: &TenantId,
        addresses: &[AddressHash],
    ) -> Result<Vec<(AddressHash, SuppressionReason)>, Error> {
        let hashes: Vec<Vec<u8>> = addresses.iter().map(|hash| hash.as_bytes().to_vec()).collect();
        self.all(SUPPRESSIONS, &[text(tenant.as_ref()), byte_arrays(hashes)]).await
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

impl FromRow for (AddressHash, SuppressionReason) {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let hash: Vec<u8> = row.get("address_hash")?;
        let wrong = |hash: Vec<u8>| row.unknown("address_hash", &format!("of {} bytes", hash.len()));
        Ok((<[u8; 32]>::try_from(hash).map_err(wrong)?.into(), row.get("reason")?))
    }
}
