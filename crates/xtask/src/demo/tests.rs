//! The run that the tests of the outcome, the page and the table share.

pub(super) mod canned;
