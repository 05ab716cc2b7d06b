//! Tokens and signing secrets, from Secrets Manager.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use domain::id::TenantId;
use secrecy::{ExposeSecret, SecretString};
use stage::SdkConfig;

use crate::reason::Reason;

/// How long a secret is used without asking again: a rotated one is taken up by then, or at once after a 401.
const SECRET_LIFETIME: Duration = Duration::from_secs(300);

/// Secrets that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The name is not the tenant's own: an integration must not reach the secrets of others.
    #[error("the secret's name is not one of the tenant's own")]
    NotAllowed,
    #[error("unknown secret")]
    Unknown,
    /// Empty, not text, or without a member that the kind of integration needs.
    #[error("the secret does not hold what the integration needs")]
    Invalid,
    #[error("the secret is marked for deletion")]
    Deleted(#[source] SecretCause),
    /// The role's policy or the key's does not allow it.
    #[error("access to the secret denied")]
    Forbidden(#[source] SecretCause),
    #[error("no answer from Secrets Manager")]
    Unavailable(#[source] SecretCause),
}

type SecretCause = Box<dyn std::error::Error + Send + Sync>;

impl SecretError {
    pub fn reason(&self) -> Reason {
        match self {
            Self::NotAllowed => Reason::SecretNotAllowed,
            Self::Unknown => Reason::UnknownSecret,
            Self::Invalid => Reason::InvalidSecret,
            Self::Deleted(_) => Reason::SecretDeleted,
            Self::Forbidden(_) => Reason::SecretForbidden,
            Self::Unavailable(_) => Reason::SecretUnavailable,
        }
    }

    /// Separates errors for an administrator to fix from errors that pass.
    fn of<E, R>(error: SdkError<E, R>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        match error.as_service_error().and_then(ProvideErrorMetadata::code) {
            // A name that is not valid belongs to no secret.
            Some("ResourceNotFoundException" | "InvalidParameterException" | "ValidationException") => Self::Unknown,
            Some("InvalidRequestException") => Self::Deleted(error.into()),
            Some("AccessDeniedException" | "DecryptionFailure" | "EncryptionFailure") => Self::Forbidden(error.into()),
            _ => Self::Unavailable(error.into()),
        }
    }
}

/// Where secrets are kept.
pub trait SecretSource {
    fn fetch(&self, name: &str) -> impl Future<Output = Result<SecretString, SecretError>>;

    /// Puts a value in place of another, or of none.
    fn put(&self, name: &str, value: &SecretString) -> impl Future<Output = Result<(), SecretError>>;
}

/// AWS Secrets Manager.
#[derive(Debug, Clone)]
pub struct SecretsManager(Client);

impl SecretsManager {
    pub fn new(aws: &SdkConfig) -> Self {
        Self(Client::new(aws))
    }
}

impl SecretSource for SecretsManager {
    async fn fetch(&self, name: &str) -> Result<SecretString, SecretError> {
        let answer = self.0.get_secret_value().secret_id(name).send().await.map_err(SecretError::of)?;
        answer.secret_string.map(SecretString::from).ok_or(SecretError::Invalid)
    }

    async fn put(&self, name: &str, value: &SecretString) -> Result<(), SecretError> {
        let put = self.0.put_secret_value().secret_id(name).secret_string(value.expose_secret()).send().await;
        match put.map_err(SecretError::of) {
            // Only the first token of an integration has no secret yet.
            Err(SecretError::Unknown) => {
                let create = self.0.create_secret().name(name).secret_string(value.expose_secret());
                create.send().await.map(drop).map_err(SecretError::of)
            }
            put => put.map(drop),
        }
    }
}

/// A secret, and whether it may be out of date.
pub struct Secret {
    pub value: SecretString,
    pub is_cached: bool,
}

/// The secrets of all tenants, each read at most once in five minutes.
pub struct Secrets<S> {
    source: S,
    /// Followed by the tenant's id and `/`, the beginning of every name the tenant may use.
    prefix: String,
    cache: Mutex<HashMap<String, (Instant, SecretString)>>,
}

impl<S: SecretSource> Secrets<S> {
    pub fn new(source: S, prefix: &str) -> Self {
        Self { source, prefix: prefix.to_owned(), cache: Mutex::default() }
    }

    pub async fn get(&self, tenant: &TenantId, name: &str, now: Instant) -> Result<Secret, SecretError> {
        self.check(tenant, name)?;
        if let Some(value) = self.cached(name, now) {
            return Ok(Secret { value, is_cached: true });
        }
        let fetched = self.source.fetch(name).await?;
        // A pasted secret often ends with a line break, which no header can hold.
        let text = fetched.expose_secret().trim();
        if text.is_empty() {
            return Err(SecretError::Invalid);
        }
        let value = SecretString::from(text);
        self.cache().insert(name.to_owned(), (now, value.clone()));
        Ok(Secret { value, is_cached: false })
    }

    /// Keeps a value that was got for an integration, in a secret next to the one of that name.
    pub async fn put(
        &self,
        tenant: &TenantId,
        name: &str,
        value: SecretString,
        now: Instant,
    ) -> Result<(), SecretError> {
        self.check(tenant, name)?;
        self.source.put(name, &value).await?;
        self.cache().insert(name.to_owned(), (now, value));
        Ok(())
    }

    fn check(&self, tenant: &TenantId, name: &str) -> Result<(), SecretError> {
        let own = name.strip_prefix(&self.prefix).and_then(|rest| rest.strip_prefix(tenant.as_ref()));
        // The slash keeps the tenant `acme` out of the secrets of `acme2`.
        own.is_some_and(|rest| rest.len() > 1 && rest.starts_with('/')).then_some(()).ok_or(SecretError::NotAllowed)
    }

    /// Forgets a secret that the third party refused.
    pub fn forget(&self, name: &str) {
        self.cache().remove(name);
    }

    fn cached(&self, name: &str, now: Instant) -> Option<SecretString> {
        let mut cache = self.cache();
        // A secret is not kept in memory for longer than it may be used.
        cache.retain(|_, (since, _)| now.saturating_duration_since(*since) < SECRET_LIFETIME);
        cache.get(name).map(|(_, value)| value.clone())
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Instant, SecretString)>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use aws_sdk_secretsmanager::error::ErrorMetadata;
    use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;

    use super::*;

    #[derive(Default)]
    struct Counting(Cell<u32>);

    impl SecretSource for Counting {
        async fn fetch(&self, _: &str) -> Result<SecretString, SecretError> {
            self.0.set(self.0.get() + 1);
            Ok(format!(" pat-{}\n", self.0.get()).into())
        }

        async fn put(&self, _: &str, _: &SecretString) -> Result<(), SecretError> {
            Err(SecretError::NotAllowed)
        }
    }

    async fn value(secrets: &Secrets<Counting>, now: Instant) -> String {
        let tenant = "acme".parse().unwrap();
        secrets.get(&tenant, "post-session/test/acme/hubspot", now).await.unwrap().value.expose_secret().to_owned()
    }

    #[tokio::test]
    async fn a_secret_is_read_once_until_it_expires_or_is_refused() {
        let secrets = Secrets::new(Counting::default(), "post-session/test/");
        let start = Instant::now();
        assert_eq!(value(&secrets, start).await, "pat-1");
        assert_eq!(value(&secrets, start + SECRET_LIFETIME - Duration::from_secs(1)).await, "pat-1");
        assert_eq!(value(&secrets, start + SECRET_LIFETIME).await, "pat-2");
        secrets.forget("post-session/test/acme/hubspot");
        assert_eq!(value(&secrets, start + SECRET_LIFETIME).await, "pat-3");
    }

    #[tokio::test]
    async fn what_is_too_old_to_be_used_is_not_kept_in_memory() {
        let secrets = Secrets::new(Counting::default(), "post-session/test/");
        let (tenant, start) = ("acme".parse().unwrap(), Instant::now());
        value(&secrets, start).await;
        secrets.get(&tenant, "post-session/test/acme/hook", start + SECRET_LIFETIME).await.unwrap();
        assert_eq!(secrets.cache().keys().collect::<Vec<_>>(), ["post-session/test/acme/hook"]);
    }

    #[test]
    fn only_what_passes_is_tried_again() {
        for (code, expected) in [
            (Some("ResourceNotFoundException"), "unknown_secret"),
            (Some("InvalidParameterException"), "unknown_secret"),
            (Some("InvalidRequestException"), "secret_deleted"),
            (Some("AccessDeniedException"), "secret_forbidden"),
            (Some("DecryptionFailure"), "secret_forbidden"),
            (Some("InternalServiceError"), "secret_unavailable"),
            (Some("ThrottlingException"), "secret_unavailable"),
            (None, "secret_unavailable"),
        ] {
            let metadata = ErrorMetadata::builder();
            let metadata = if let Some(code) = code { metadata.code(code) } else { metadata };
            let refused = GetSecretValueError::generic(metadata.build());
            let error = SecretError::of(SdkError::service_error(refused, ()));
            let row = error.reason().row();
            assert_eq!(
                (row.code.as_str(), row.next.is_retried()),
                (expected, expected == "secret_unavailable"),
                "{code:?}"
            );
        }
        let silent: SdkError<GetSecretValueError, ()> = SdkError::timeout_error("no answer");
        assert_eq!(SecretError::of(silent).reason(), Reason::SecretUnavailable);
    }

    #[tokio::test]
    async fn a_tenant_reaches_only_secrets_of_its_own() {
        let secrets = Secrets::new(Counting::default(), "post-session/test/");
        let tenant = "acme".parse().unwrap();
        for name in [
            "post-session/test/other/hubspot",
            "post-session/test/acme-2/hubspot",
            "post-session/test/acme",
            "post-session/test/acme/",
            "post-session/prod/acme/hubspot",
            "arn:aws:secretsmanager:eu-west-1:1:secret:post-session/test/acme/hubspot",
            "",
        ] {
            let refused = secrets.get(&tenant, name, Instant::now()).await;
            assert!(matches!(refused, Err(SecretError::NotAllowed)), "{name}");
        }
        assert_eq!(secrets.source.0.get(), 0, "nothing may be read to find out");
    }
}
