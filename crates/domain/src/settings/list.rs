//! Lists with a limit.

use std::collections::BTreeSet;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

use crate::email_address::EmailAddress;
use crate::id::AgentId;

/// Reasons to refuse a list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidList {
    #[error("the list has more than {0} entries")]
    TooMany(usize),
    #[error("the list has more than one {0:?}")]
    Repeated(String),
}

/// An item of a [`Bounded`] list.
pub trait ListItem {
    /// Returns the text that no other item of the list may have; `None` if items may repeat.
    fn key(&self) -> Option<String> {
        None
    }
}

impl ListItem for AgentId {}
impl ListItem for EmailAddress {}

/// A list of up to `MAX` items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<T>", bound(deserialize = "T: ListItem + Deserialize<'de>"))]
pub struct Bounded<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> Bounded<T, MAX> {
    /// Makes a constant of the program; too many items do not compile.
    pub fn of<const N: usize>(items: [T; N]) -> Self {
        const { assert!(N <= MAX, "more items than the list may have") };
        Self(items.into())
    }
}

impl<T, const MAX: usize> Default for Bounded<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> Deref for Bounded<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: ListItem, const MAX: usize> TryFrom<Vec<T>> for Bounded<T, MAX> {
    type Error = InvalidList;

    fn try_from(items: Vec<T>) -> Result<Self, InvalidList> {
        if items.len() > MAX {
            return Err(InvalidList::TooMany(MAX));
        }
        let mut keys = BTreeSet::new();
        match items.iter().filter_map(ListItem::key).find(|key| !keys.insert(key.clone())) {
            Some(repeated) => Err(InvalidList::Repeated(repeated)),
            None => Ok(Self(items)),
        }
    }
}
