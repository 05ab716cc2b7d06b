//! The placeholders of a session, and the way back to the hidden values.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::placeholder::find;

/// The hidden value of each placeholder of a session, in its first spelling. `Debug` does not print values.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Originals(BTreeMap<String, String>);

impl Originals {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts the hidden values.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Keeps only the placeholders that are in the text.
    pub fn within(&self, text: &str) -> Self {
        let kept = find(text).filter_map(|(range, _, _)| self.0.get_key_value(&text[range]));
        Self(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Replaces placeholders by their values. Placeholders inside of a value stay.
    pub fn restore<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut restored = String::new();
        let mut copied = 0;
        for (range, _, _) in find(text) {
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

/// Assigns placeholders to values, one to each value throughout a session.
pub(super) struct Placeholders<'a> {
    names: &'a [String],
    /// Numbers of placeholders that speakers wrote, for each name.
    reserved: Vec<HashSet<u32>>,
    last: Vec<u32>,
    given: Vec<HashMap<String, String>>,
    pub(super) originals: Originals,
}

impl<'a> Placeholders<'a> {
    pub(super) fn new<'t>(names: &'a [String], texts: impl Iterator<Item = &'t str>) -> Self {
        let mut reserved = vec![HashSet::new(); names.len()];
        for text in texts {
            for (_, name, number) in find(text) {
                if let Some(index) = names.iter().position(|known| known == name) {
                    reserved[index].insert(number);
                }
            }
        }
        let (last, given) = (vec![0; names.len()], vec![HashMap::new(); names.len()]);
        Self { names, reserved, last, given, originals: Originals::default() }
    }

    /// Returns the placeholder of a value; all spellings of the value share `key`.
    pub(super) fn of(&mut self, name: usize, key: String, original: &str) -> &str {
        let Self { names, reserved, last, given, originals } = self;
        given[name].entry(key).or_insert_with(|| {
            last[name] += 1;
            // A number that a speaker wrote stays free, so that restoring finds no value for it.
            while reserved[name].contains(&last[name]) {
                last[name] += 1;
            }
            let placeholder = format!("[{}_{}]", names[name], last[name]);
            originals.0.insert(placeholder.clone(), original.to_owned());
            placeholder
        })
    }
}
