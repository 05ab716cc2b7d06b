//! What is to be synced, and what came of it.

use std::cell::{Cell, RefCell};

use chrono::{DateTime, Utc};
use domain::analysis::Analysis;
use domain::integration::Connection;
use domain::session::Session;
use domain::settings::redaction::ShownText;
use domain::step::Code;
use stage::Delivery;
use store::integration_log::SyncKey;

/// The sync of one analysis to one integration.
pub struct Job<'a> {
    pub key: SyncKey<'a>,
    pub session: &'a Session,
    pub analysis: &'a Analysis,
    /// How the analysis, and any other version of it, is shown.
    pub shown: ShownText,
    /// What the last check of the integration found.
    pub connection: &'a Connection,
    pub delivery: &'a Delivery,
    pub now: DateTime<Utc>,
    pub notes: &'a Notes,
}

/// What is noted while a job is done.
#[derive(Debug, Default)]
pub struct Notes {
    requests: Cell<i32>,
    left_out: RefCell<Vec<String>>,
}

impl Notes {
    /// A request is made.
    pub fn count_request(&self) {
        self.requests.set(self.requests.get() + 1);
    }

    pub fn requests(&self) -> i32 {
        self.requests.get()
    }

    /// A field that could not be set, and why, without its value.
    pub fn leave_out(&self, field: &str, why: &str) {
        let note = format!("{field}: {why}");
        let mut left_out = self.left_out.borrow_mut();
        // Not again when the call is repeated.
        if !left_out.contains(&note) {
            left_out.push(note);
        }
    }

    /// In words, for whoever administers the integration; `None` if everything was told.
    pub fn notice(&self) -> Option<String> {
        let left_out = self.left_out.borrow();
        (!left_out.is_empty()).then(|| format!("Left out: {}.", left_out.join("; ")))
    }
}

/// What became of a [`Job`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Synced {
    /// The third party holds the record with this id.
    Written(String),
    Skipped(Code),
}
