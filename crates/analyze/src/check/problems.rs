//! What is wrong with an answer, told to the model in bounded space.

/// More would not make the next answer better.
const MAX_TOLD: usize = 20;

#[derive(Default)]
pub(super) struct Problems {
    told: Vec<String>,
    count: usize,
}

impl Problems {
    /// `told` is only called for the first ones: an answer can have ten thousand problems.
    pub(super) fn add(&mut self, told: impl FnOnce() -> String) {
        self.count += 1;
        if self.told.len() < MAX_TOLD {
            self.told.push(told());
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn told(mut self) -> Vec<String> {
        if self.count > self.told.len() {
            // In place of the last one: who reads the first 20 reads this too.
            self.told.pop();
            let more = self.count - self.told.len();
            self.told.push(format!("{more} more problems like these"));
        }
        self.told
    }
}
