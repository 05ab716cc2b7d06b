//! Configuration from the environment, read once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use transport::SetupError;

/// Errors in the environment: the function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("environment variable {0} is not set")]
    Missing(&'static str),
    #[error("environment variable {name}: {reason}")]
    Invalid { name: &'static str, reason: String },
    #[error("HTTP client of the AWS SDK not built")]
    HttpClient(#[source] SetupError),
}

/// The environment of a function. An empty value counts as unset.
///
/// Records the names that were read, so that a test finds variables of the template that no code reads.
#[derive(Debug, Default)]
pub struct Env {
    variables: BTreeMap<String, String>,
    read: Mutex<BTreeSet<&'static str>>,
}

impl Env {
    /// Reads the environment of this process.
    pub fn from_process() -> Self {
        std::env::vars().collect()
    }

    pub fn optional(&self, name: &'static str) -> Option<&str> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub fn text(&self, name: &'static str) -> Result<String, ConfigError> {
        self.optional(name).map(str::to_owned).ok_or(ConfigError::Missing(name))
    }

    /// Parses a variable.
    pub fn parsed<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<T, ConfigError> {
        self.parsed_by(name, T::from_str)
    }

    /// Parses a variable with a function.
    pub fn parsed_by<T, E: Display>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, ConfigError> {
        parse(&self.text(name)?).map_err(|error| ConfigError::Invalid { name, reason: error.to_string() })
    }

    pub fn seconds(&self, name: &'static str) -> Result<Duration, ConfigError> {
        self.parsed(name).map(Duration::from_secs)
    }

    pub fn millis(&self, name: &'static str) -> Result<Duration, ConfigError> {
        self.parsed(name).map(Duration::from_millis)
    }

    /// Returns the variables whose names begin with `prefix`.
    pub(crate) fn starting_with(&self, prefix: &str) -> BTreeMap<String, String> {
        let variables = self.variables.iter().filter(|(name, value)| name.starts_with(prefix) && !value.is_empty());
        variables.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Returns the variables that are set and were never read.
    pub fn unread(&self) -> Vec<&str> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        self.variables.keys().map(String::as_str).filter(|name| !read.contains(name)).collect()
    }
}

impl FromIterator<(String, String)> for Env {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self { variables: variables.into_iter().collect(), read: Mutex::default() }
    }
}

/// Reads the configuration of the database for an instance that handles `concurrency` records at a time.
pub fn store(env: &Env, concurrency: usize) -> Result<store::Config, ConfigError> {
    Ok(store::Config {
        url: env.text("DATABASE_URL")?,
        ca_file: env.optional("DATABASE_CA_FILE").map(Into::into),
        statement_timeout: env.millis("STATEMENT_TIMEOUT_MS")?,
        pool_size: concurrency,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&str, &str)]) -> Env {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_missing_empty_or_wrong_variable_is_named() {
        let env = env(&[("EMPTY", ""), ("WORDS", "ten")]);
        let message = |error: Result<Duration, ConfigError>| error.unwrap_err().to_string();
        assert_eq!(message(env.seconds("ABSENT")), "environment variable ABSENT is not set");
        assert_eq!(message(env.seconds("EMPTY")), "environment variable EMPTY is not set");
        assert_eq!(message(env.seconds("WORDS")), "environment variable WORDS: invalid digit found in string");
    }

    #[test]
    fn variables_that_were_never_read_are_known() {
        let env = env(&[("A", "1"), ("B", "2")]);
        assert_eq!(env.millis("A").unwrap(), Duration::from_millis(1));
        assert_eq!(env.unread(), ["B"]);
    }
}
