//! One sync at a time makes a person in a third party that would take the same address twice.

use std::time::Duration;

use domain::address_hash::AddressHash;

use crate::integration_log::SyncKey;
use crate::sql::{Param, bytes, float, int, millis, statements, text};
use crate::{Error, Store};

statements! {
// `clock_timestamp()`, as `now()` is older than a wait for the row's lock.
TAKE_PERSON = "
-- take_person()
INSERT INTO person_leases AS held (tenant_id, integration_id, address_hash, session_id, analysis_version, ends_at)
SELECT tenant_id, $2, $3, $4, $5, clock_timestamp() + $6 * interval '1 millisecond' FROM integrations
WHERE tenant_id = $1 AND integration_id = $2
ON CONFLICT (tenant_id, address_hash, integration_id) DO UPDATE
SET session_id = excluded.session_id, analysis_version = excluded.analysis_version, ends_at = excluded.ends_at
WHERE (held.session_id, held.analysis_version) = (excluded.session_id, excluded.analysis_version)
   OR held.ends_at < clock_timestamp()";

RELEASE_PERSON = "
-- release_person()
DELETE FROM person_leases
WHERE tenant_id = $1 AND integration_id = $2 AND address_hash = $3 AND session_id = $4 AND analysis_version = $5";
}

impl Store {
    /// Takes the right to create the person with this address for the time of the lease; `false` if another sync has
    /// it. The sync that has it may take it again.
    pub async fn take_person(&self, key: &SyncKey<'_>, address: &AddressHash, lease: Duration) -> Result<bool, Error> {
        let [tenant, integration, address, session, version] = params(key, address);
        let params = [tenant, integration, address, session, version, float(millis(lease))];
        Ok(self.execute(TAKE_PERSON, &params).await? > 0)
    }

    /// Gives the right back: the person is there, or will not be.
    pub async fn release_person(&self, key: &SyncKey<'_>, address: &AddressHash) -> Result<(), Error> {
        self.execute(RELEASE_PERSON, &params(key, address)).await.map(drop)
    }
}

fn params<'a>(key: &SyncKey<'a>, address: &AddressHash) -> [Param<'a>; 5] {
    [
        text(key.tenant_id.as_ref()),
        text(key.integration_id.as_ref()),
        bytes(address.as_bytes().to_vec()),
        text(key.session_id.as_ref()),
        int(key.analysis_version),
    ]
}
