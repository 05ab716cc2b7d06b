//! Errors in one line, for logs and dead-letter attributes.

use std::error::Error;

/// Joins an error and its causes in one line.
pub fn error_chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |chain, cause| format!("{chain}: {cause}"))
}
