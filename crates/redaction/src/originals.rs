//! The way back from placeholders to the hidden values.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::placeholder;

/// The hidden value of each placeholder of a session, in its first spelling. `Debug` does not print values.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Originals(BTreeMap<String, String>);

impl Originals {
    pub(super) fn insert(&mut self, placeholder: String, original: String) {
        self.0.insert(placeholder, original);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts the hidden values.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Keeps only the placeholders that are in the text.
    pub fn within(&self, text: &str) -> Self {
        let names = placeholder::find(text).map(|(range, _, _)| &text[range]);
        Self(
            names
                .filter_map(|name| self.0.get_key_value(name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        )
    }

    /// Replaces placeholders by their values. Placeholders inside of a value stay.
    pub fn restore<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut restored = String::new();
        let mut copied = 0;
        for (range, _, _) in placeholder::find(text) {
            if let Some(original) = self.0.get(&text[range.clone()]) {
                restored.push_str(&text[copied..range.start]);
                restored.push_str(original);
                copied = range.end;
            }
        }
        if copied == 0 {
            return Cow::Borrowed(text);
        }
        restored.push_str(&text[copied..]);
        Cow::Owned(restored)
    }
}

impl fmt::Debug for Originals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
