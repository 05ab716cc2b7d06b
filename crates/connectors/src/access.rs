//! Access tokens of integrations that sign in: one for all functions, renewed by one of them.
//!
//! A token is kept in Secrets Manager next to the secret, with its end. The function that renews it
//! holds a lease in the database meanwhile; the others use the old token until its end, or come back.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use domain::integration::Integration;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::Store;

use crate::call::CallError;
use crate::error::Error;
use crate::reason::Reason;
use crate::secrets::{SecretError, SecretSource, Secrets};

/// A token is renewed this long before it ends: longer than any sync takes, so that none meets its end.
pub const RENEWAL_MARGIN: TimeDelta = TimeDelta::minutes(5);
/// Time of a renewal before another function tries: the time-out of a request, twice.
const RENEWAL_LEASE: Duration = Duration::from_secs(30);
/// No token is taken to live longer, whatever its answer says: HubSpot's live half an hour, Salesforce's some hours.
const LONGEST_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Bytes of a fingerprint: it only distinguishes the few secrets that an integration ever has.
const FINGERPRINT_BYTES: usize = 8;

/// A token from a sign-in.
#[derive(Clone, Serialize, Deserialize)]
pub struct AccessToken {
    #[serde(serialize_with = "exposed")]
    pub token: SecretString,
    pub ends_at: DateTime<Utc>,
    /// Where it is to be used, if the sign-in says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Fingerprint of the secret and subject that the token belongs to: another secret needs another token.
    pub of: String,
}

/// Writes the token in the clear, for Secrets Manager only.
fn exposed<S: serde::Serializer>(token: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(token.expose_secret())
}

/// How an integration signs in.
pub trait SignIn {
    /// Gets a token with what the secret holds; [`Reason::Unauthorized`] if the secret is not valid.
    fn sign_in(&self, secret: &SecretString) -> impl Future<Output = Result<Granted, SignInError>>;

    /// As whom, and where, as far as the secret does not say: another subject needs another token.
    fn subject(&self) -> String {
        String::new()
    }
}

/// A new token.
pub struct Granted {
    pub token: SecretString,
    pub lifetime: Duration,
    pub url: Option<String>,
}

/// Sign-ins that give no token.
pub enum SignInError {
    /// The secret does not hold what is needed.
    Secret,
    Call(CallError),
}

/// Occasions to renew a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RenewalCause {
    /// The token is about to end, or is missing.
    Ends,
    Refused,
}

/// The tokens of one integration.
pub struct Access<'a, S, I> {
    pub integration: &'a Integration,
    pub secrets: &'a Secrets<S>,
    pub store: &'a Store,
    pub sign_in: &'a I,
    pub now: DateTime<Utc>,
}

impl<S: SecretSource, I: SignIn> Access<'_, S, I> {
    /// Calls with a token; a refused token is renewed, once.
    pub async fn with_token<T>(&self, call: impl AsyncFn(&AccessToken) -> Result<T, Error>) -> Result<T, Error> {
        let token = self.token().await?;
        let result = call(&token).await;
        if !result.as_ref().is_err_and(Error::is_unauthorized) {
            return result;
        }
        // Once only: if a new token is refused as well, the fault is the secret's or the account's.
        call(&self.renew(Some(token), RenewalCause::Refused).await?).await
    }

    /// Calls with a new token, even where a token is kept: the call shows whether the secret is valid now, and the kept
    /// token may have been revoked. The integration need not be saved yet, so other tokens may exist.
    pub async fn with_new_token<T>(&self, call: impl AsyncFn(&AccessToken) -> Result<T, Error>) -> Result<T, Error> {
        self.forget();
        call(&self.sign_in().await?).await
    }

    async fn token(&self) -> Result<AccessToken, Error> {
        match self.kept().await? {
            Some(kept) if self.lasts(&kept) => Ok(kept),
            kept => self.renew(kept, RenewalCause::Ends).await,
        }
    }

    fn lasts(&self, token: &AccessToken) -> bool {
        token.ends_at - self.now > RENEWAL_MARGIN
    }

    /// Renews the token in one function; the others use the old token until it ends, or come back.
    async fn renew(&self, old: Option<AccessToken>, reason: RenewalCause) -> Result<AccessToken, Error> {
        let Integration { tenant_id, integration_id, .. } = self.integration;
        let Some(renewal) = self.store.take_renewal(tenant_id, integration_id, RENEWAL_LEASE).await? else {
            let usable = old.filter(|old| reason == RenewalCause::Ends && old.ends_at > self.now);
            return usable.ok_or(Error::Reason(Reason::TokenRenewal));
        };
        let renewed = self.renew_now(old.as_ref()).await;
        // Also after an error, so that the next sync need not wait until the lease ends.
        self.store.end_renewal(tenant_id, integration_id, renewal).await?;
        renewed
    }

    async fn renew_now(&self, old: Option<&AccessToken>) -> Result<AccessToken, Error> {
        // The function that held the lease before may have renewed it; and a fixed secret must count at once.
        self.forget();
        let is_new = |kept: &AccessToken| old.is_none_or(|old| old.token.expose_secret() != kept.token.expose_secret());
        if let Some(kept) = self.kept().await?.filter(|kept| self.lasts(kept) && is_new(kept)) {
            return Ok(kept);
        }
        self.sign_in().await
    }

    /// Gets a new token, which replaces the kept one.
    async fn sign_in(&self) -> Result<AccessToken, Error> {
        let secret = self.secret().await?;
        let granted = self.sign_in.sign_in(&secret).await.map_err(|error| match error {
            SignInError::Secret => Error::Secret(SecretError::Invalid),
            SignInError::Call(error) => Error::SignIn(error),
        })?;
        let ends_at = self.now + granted.lifetime.min(LONGEST_LIFETIME);
        let token = AccessToken { token: granted.token, ends_at, url: granted.url, of: self.fingerprint(&secret) };
        // A token that cannot be kept is still used.
        let Ok(text) = serde_json::to_string(&token) else { return Ok(token) };
        let (tenant, name) = (&self.integration.tenant_id, self.token_name());
        self.secrets.put(tenant, &name, text.into(), Instant::now()).await?;
        Ok(token)
    }

    /// The token in Secrets Manager, if it was got with the secret that is there now.
    async fn kept(&self) -> Result<Option<AccessToken>, Error> {
        let found = self.secrets.get(&self.integration.tenant_id, &self.token_name(), Instant::now()).await;
        let text = match found {
            Ok(found) => found.value,
            // A kept token that cannot be read is replaced like a missing one.
            Err(SecretError::Unknown | SecretError::Invalid) => return Ok(None),
            Err(error) => return Err(Error::Secret(error)),
        };
        let Ok(kept) = serde_json::from_str::<AccessToken>(text.expose_secret()) else { return Ok(None) };
        let secret = self.secret().await?;
        Ok(Some(kept).filter(|kept| kept.of == self.fingerprint(&secret)))
    }

    async fn secret(&self) -> Result<SecretString, Error> {
        let Integration { tenant_id, secret_name, .. } = self.integration;
        Ok(self.secrets.get(tenant_id, secret_name, Instant::now()).await?.value)
    }

    fn forget(&self) {
        self.secrets.forget(&self.token_name());
        self.secrets.forget(&self.integration.secret_name);
    }

    fn token_name(&self) -> String {
        format!("{}/access-token", self.integration.secret_name)
    }

    /// Tells one secret and subject from another without holding it.
    fn fingerprint(&self, secret: &SecretString) -> String {
        let hash = Sha256::new().chain_update(secret.expose_secret()).chain_update(self.sign_in.subject()).finalize();
        hash.iter().take(FINGERPRINT_BYTES).map(|byte| format!("{byte:02x}")).collect()
    }
}
