//! Lists with a bound.

use serde::{Deserialize, Serialize};

/// Up to `MAX` items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<T>", into = "Vec<T>")]
#[serde(bound(serialize = "T: Clone + Serialize", deserialize = "T: Deserialize<'de>"))]
pub struct Bounded<T, const MAX: usize>(Vec<T>);

/// Why a list was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a list of more than {0}")]
pub struct TooMany(usize);

impl<T, const MAX: usize> Bounded<T, MAX> {
    /// Of a number of items that is known to fit.
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

impl<T, const MAX: usize> std::ops::Deref for Bounded<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const MAX: usize> TryFrom<Vec<T>> for Bounded<T, MAX> {
    type Error = TooMany;

    fn try_from(items: Vec<T>) -> Result<Self, TooMany> {
        if items.len() > MAX { Err(TooMany(MAX)) } else { Ok(Self(items)) }
    }
}

impl<T, const MAX: usize> From<Bounded<T, MAX>> for Vec<T> {
    fn from(list: Bounded<T, MAX>) -> Self {
        list.0
    }
}
