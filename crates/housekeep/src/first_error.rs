//! Errors of a run that goes on after them.

use crate::Error;

/// The first error, which a run returns; later errors are logged.
#[derive(Default)]
pub(crate) struct FirstError(Option<Error>);

impl FirstError {
    pub(crate) fn note(&mut self, result: Result<(), Error>) {
        self.value(result);
    }

    /// Returns the value of a result; notes its error.
    pub(crate) fn value<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        match (result, &self.0) {
            (Ok(value), _) => return Some(value),
            (Err(error), None) => self.0 = Some(error),
            (Err(error), Some(_)) => tracing::error!(error = error.line(), "further part of task failed"),
        }
        None
    }

    pub(crate) fn into_result(self) -> Result<(), Error> {
        self.0.map_or(Ok(()), Err)
    }
}
