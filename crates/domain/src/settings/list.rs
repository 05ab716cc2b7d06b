//! Lists with a limit.

use serde::{Deserialize, Serialize};

/// A list of up to `MAX` items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<T>", bound(deserialize = "T: Deserialize<'de>"))]
pub struct Bounded<T, const MAX: usize>(Vec<T>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a list of more than {0}")]
pub struct TooMany(usize);

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
