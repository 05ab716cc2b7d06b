//! Tokens and signing secrets, from Secrets Manager.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_sdk_secretsmanager::operation::put_secret_value::PutSecretValueError;
use domain::id::TenantId;
use domain::step::Code;
use secrecy::{ExposeSecret, SecretString};
use stage::SdkConfig;

/// How long a secret is used without asking again: a rotated one is taken up by then, or at once after a 401.
pub const SECRET_LIFETIME: Duration = Duration::from_secs(300);

/// Why a secret is not to be had; the text completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The name is not the tenant's own: whoever edits an integration must not reach other secrets.
    #[error("use a secret outside the tenant's own names")]
    NotAllowed,
    #[error("find the secret")]
    Unknown,
    /// Empty, not text, or without a member that the kind of integration needs.
    #[error("use the secret: it does not hold what is needed")]
    Invalid,
    #[error("use Secrets Manager")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SecretError {
    /// Whether another delivery can help.
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::NotAllowed | Self::Unknown | Self::Invalid => false,
        }
    }

    pub(crate) fn code(&self) -> Code {
        match self {
            Self::NotAllowed => Code::new("secret_not_allowed"),
            Self::Unknown => Code::new("unknown_secret"),
            Self::Invalid => Code::new("invalid_secret"),
            Self::Unavailable(_) => Code::new("secret_unavailable"),
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
        let answer =
            self.0.get_secret_value().secret_id(name).send().await.map_err(|error| match error.as_service_error() {
                Some(GetSecretValueError::ResourceNotFoundException(_)) => SecretError::Unknown,
                _ => unavailable(error),
            })?;
        answer.secret_string.map(SecretString::from).ok_or(SecretError::Invalid)
    }

    async fn put(&self, name: &str, value: &SecretString) -> Result<(), SecretError> {
        let put = self.0.put_secret_value().secret_id(name).secret_string(value.expose_secret()).send().await;
        match put {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(PutSecretValueError::is_resource_not_found_exception) =>
            {
                let create = self.0.create_secret().name(name).secret_string(value.expose_secret());
                create.send().await.map(drop).map_err(unavailable)
            }
            Err(error) => Err(unavailable(error)),
        }
    }
}

fn unavailable<E: std::error::Error + Send + Sync + 'static>(error: SdkError<E>) -> SecretError {
    SecretError::Unavailable(Box::new(error))
}

/// A secret, and whether it may be out of date.
pub(crate) struct Secret {
    pub(crate) value: SecretString,
    pub(crate) is_cached: bool,
}

/// The secrets of all tenants, each read at most once per [`SECRET_LIFETIME`].
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

    pub(crate) async fn get(&self, tenant: &TenantId, name: &str, now: Instant) -> Result<Secret, SecretError> {
        self.check(tenant, name)?;
        if let Some(value) = self.cached(name, now) {
            return Ok(Secret { value, is_cached: true });
        }
        let fetched = self.source.fetch(name).await?;
        let text = fetched.expose_secret().trim();
        if text.is_empty() {
            return Err(SecretError::Invalid);
        }
        let value = SecretString::from(text);
        self.cache().insert(name.to_owned(), (now, value.clone()));
        Ok(Secret { value, is_cached: false })
    }

    /// Keeps a value that was got for an integration, beside the secret of that name.
    pub(crate) async fn put(
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
        own.is_some_and(|rest| rest.len() > 1 && rest.starts_with('/')).then_some(()).ok_or(SecretError::NotAllowed)
    }

    /// The third party refused it.
    pub(crate) fn forget(&self, name: &str) {
        self.cache().remove(name);
    }

    fn cached(&self, name: &str, now: Instant) -> Option<SecretString> {
        let cache = self.cache();
        let (since, value) = cache.get(name)?;
        (now.saturating_duration_since(*since) < SECRET_LIFETIME).then(|| value.clone())
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Instant, SecretString)>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

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
