//! Errors of a run that goes on after them.

use crate::Error;

/// The first error, which a run returns; later errors are logged.
#[derive(Default)]
pub(crate) struct FirstError(Option<Error>);

impl FirstError {
    pub(crate) fn note(&mut self, result: Result<(), Error>) {
        let Err(error) = result else { return };
        match &self.0 {
            None => self.0 = Some(error),
            Some(_) => tracing::error!(error = error.line(), "further part of task failed"),
        }
    }

    pub(crate) fn into_result(self) -> Result<(), Error> {
        self.0.map_or(Ok(()), Err)
    }
}
