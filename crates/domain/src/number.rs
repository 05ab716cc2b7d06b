//! Numbers with a range.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("must be between {min} and {max}")]
pub struct OutOfRange {
    pub min: f64,
    pub max: f64,
}

macro_rules! ranged {
    ($(#[$doc:meta])* $name:ident: $min:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "f64")]
        pub struct $name(f64);

        impl $name {
            pub fn get(self) -> f64 {
                self.0
            }
        }

        impl TryFrom<f64> for $name {
            type Error = OutOfRange;

            fn try_from(number: f64) -> Result<Self, OutOfRange> {
                let (min, max) = ($min, $max);
                // A range contains neither NaN nor infinities.
                if (min..=max).contains(&number) { Ok(Self(number)) } else { Err(OutOfRange { min, max }) }
            }
        }
    };
}

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32")]
pub struct Whole<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Whole<MIN, MAX> {
    /// Makes a constant of the program.
    ///
    /// # Panics
    /// If the number is out of range.
    pub const fn literal(number: u32) -> Self {
        assert!(MIN <= number && number <= MAX, "the number is out of range");
        Self(number)
    }

    pub fn get(self) -> u32 {
        self.0
    }
}

impl<const MIN: u32, const MAX: u32> TryFrom<u32> for Whole<MIN, MAX> {
    type Error = OutOfRange;

    fn try_from(number: u32) -> Result<Self, OutOfRange> {
        let (min, max) = (f64::from(MIN), f64::from(MAX));
        if (MIN..=MAX).contains(&number) { Ok(Self(number)) } else { Err(OutOfRange { min, max }) }
    }
}

ranged! {
    /// A sentiment from -1 (very negative) to 1 (very positive).
    Score: -1.0, 1.0
}
ranged! {
    /// How sure the model says it is, from 0 to 1.
    Confidence: 0.0, 1.0
}

impl Score {
    pub const NEUTRAL: Self = Self(0.0);

    /// Computes the mean, rounded to three decimals; `None` without scores.
    pub fn mean(scores: impl IntoIterator<Item = Score>) -> Option<Score> {
        let (sum, count) = scores.into_iter().fold((0.0, 0u32), |(sum, count), score| (sum + score.0, count + 1));
        (count > 0).then(|| Self((sum / f64::from(count) * 1000.0).round() / 1000.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_outside_its_range_is_refused() {
        for number in [-1.01, 1.01, f64::NAN, f64::INFINITY] {
            assert!(Score::try_from(number).is_err(), "{number}");
        }
        assert_eq!(Score::try_from(-1.0).unwrap().get(), -1.0);
        assert!(serde_json::from_str::<Confidence>("1.5").is_err());
    }

    #[test]
    fn the_mean_is_computed_and_rounded() {
        let scores = [1.0, 0.0, -0.5].map(|n| Score::try_from(n).unwrap());
        assert_eq!(Score::mean(scores).unwrap().get(), 0.167);
        assert_eq!(Score::mean([]), None);
    }
}
