//! The sync of one analysis, and its result.

use std::cell::{Cell, RefCell};

use chrono::{DateTime, Utc};
use domain::analysis::Analysis;
use domain::integration::Connection;
use domain::session::Session;
use domain::settings::redaction::ShownText;
use stage::Delivery;
use store::integration_log::SyncKey;

use crate::reason::Reason;

/// The sync of one analysis to one integration.
pub struct Job<'a> {
    pub key: SyncKey<'a>,
    pub session: &'a Session,
    pub analysis: &'a Analysis,
    /// How the analysis, and any other version of it, is shown.
    pub shown: ShownText,
    /// Findings of the last check of the integration.
    pub connection: &'a Connection,
    pub delivery: &'a Delivery,
    pub now: DateTime<Utc>,
    pub notes: &'a SyncNotes,
}

/// Notes taken during a job.
#[derive(Debug, Default)]
pub struct SyncNotes {
    requests: Cell<i32>,
    left_out: RefCell<Vec<String>>,
}

impl SyncNotes {
    /// Counts a request.
    pub fn count_request(&self) {
        self.requests.set(self.requests.get() + 1);
    }

    pub fn requests(&self) -> i32 {
        self.requests.get()
    }

    /// Notes a field that could not be set, and why, without its value.
    pub fn leave_out(&self, field: &str, why: &str) {
        let note = format!("{field}: {why}");
        let mut left_out = self.left_out.borrow_mut();
        // Not again when the call is repeated.
        if !left_out.contains(&note) {
            left_out.push(note);
        }
    }

    /// Renders the notes for administrators; `None` if nothing was left out.
    pub fn notice(&self) -> Option<String> {
        let left_out = self.left_out.borrow();
        (!left_out.is_empty()).then(|| format!("Left out: {}.", left_out.join("; ")))
    }
}

/// The result of a [`Job`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Synced {
    /// The third party holds the record with this id.
    Written(String),
    Skipped(Reason),
}
