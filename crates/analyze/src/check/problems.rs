//! Problems of an answer, in a bounded list for the model.

/// The most problems in a list: more would not make the next answer better.
const MAX_LISTED: usize = 20;

#[derive(Default)]
pub(super) struct Problems {
    listed: Vec<String>,
    count: usize,
}

impl Problems {
    /// Adds a problem; calls `problem` only for the first 20, because an answer can have ten thousand.
    pub(super) fn add(&mut self, problem: impl FnOnce() -> String) {
        self.count += 1;
        if self.listed.len() < MAX_LISTED {
            self.listed.push(problem());
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Returns the list; if it is incomplete, its last line counts the rest.
    pub(super) fn listed(mut self) -> Vec<String> {
        if self.count > self.listed.len() {
            self.listed.pop();
            let more = self.count - self.listed.len();
            self.listed.push(format!("{more} more problems like these"));
        }
        self.listed
    }
}
