//! Turns in a form in which quotes can be found.

use std::ops::Range;

use crate::normalize::{ClusterKind, clusters, normalize};

/// Normalized bytes between two entries of `NormalizedTurn::way_back`.
const STRIDE: usize = 256;

/// The letters, digits and emoji of a turn, and the limits of its words.
pub(super) struct NormalizedTurn {
    text: String,
    starts: Bits,
    ends: Bits,
    /// Pairs of offsets in `text` and in the turn, about one for every [`STRIDE`] bytes.
    way_back: Vec<(usize, usize)>,
}

impl NormalizedTurn {
    pub(super) fn new(turn: &str) -> Self {
        let mut normalized = Self {
            text: String::with_capacity(turn.len()),
            starts: Bits::default(),
            ends: Bits::default(),
            way_back: vec![(0, 0)],
        };
        let (mut last, mut between) = (None, None);
        for (at, cluster) in clusters(turn) {
            let here = normalized.text.len();
            let kind = normalize(cluster, &mut normalized.text);
            if !kind.counts() {
                between = gap(between, kind);
                continue;
            }
            let (ends, starts) = last.map_or((false, true), |last| boundary(last, between, kind));
            if ends {
                normalized.ends.set(here);
            }
            if starts {
                normalized.starts.set(here);
            }
            if normalized.way_back.last().is_none_or(|(known, _)| here - known >= STRIDE) {
                normalized.way_back.push((here, at));
            }
            (last, between) = (Some(kind), None);
        }
        normalized.ends.set(normalized.text.len());
        normalized.text.shrink_to_fit();
        normalized
    }

    /// Finds normalized words, and returns their place in the turn's own text.
    pub(super) fn find(&self, turn: &str, wanted: &str) -> Option<Range<usize>> {
        let first = self.text.find(wanted)?;
        let start = if self.is_whole(first, wanted.len()) {
            first
        } else {
            occurrences(self.text.as_bytes(), wanted.as_bytes()).find(|start| self.is_whole(*start, wanted.len()))?
        };
        self.span(turn, start..start + wanted.len())
    }

    fn is_whole(&self, start: usize, length: usize) -> bool {
        self.starts.get(start) && self.ends.get(start + length)
    }

    fn span(&self, turn: &str, normalized: Range<usize>) -> Option<Range<usize>> {
        let known = self.way_back.partition_point(|(here, _)| *here <= normalized.start).checked_sub(1)?;
        let (mut here, from) = *self.way_back.get(known)?;
        let (mut start, mut buffer) = (None, String::new());
        for (at, cluster) in clusters(turn.get(from..)?) {
            buffer.clear();
            if !normalize(cluster, &mut buffer).counts() {
                continue;
            }
            if here == normalized.start {
                start = Some(from + at);
            }
            here += buffer.len();
            if here >= normalized.end {
                return Some(start?..from + at + cluster.len());
            }
        }
        None
    }
}

/// Adds a cluster to the gap between two clusters that count.
fn gap(before: Option<ClusterKind>, kind: ClusterKind) -> Option<ClusterKind> {
    match (before, kind) {
        (before, ClusterKind::Ignored) => before,
        (None, kind) => Some(kind),
        (Some(_), _) => Some(ClusterKind::Gap),
    }
}

/// Returns whether a quote may end before a cluster, and whether a quote may begin at the cluster.
///
/// "I can" is not a quote of "I can't", and 2 is not a quote of 2.50, but "article" is a quote of "l'article".
fn boundary(last: ClusterKind, between: Option<ClusterKind>, next: ClusterKind) -> (bool, bool) {
    let both = |kind| last == kind && next == kind;
    match between {
        None if both(ClusterKind::Letter) || both(ClusterKind::Digit) => (false, false),
        None => {
            let is_open = |kind| matches!(kind, ClusterKind::Symbol | ClusterKind::Unspaced);
            let parted = is_open(last) || is_open(next);
            (parted, parted)
        }
        Some(ClusterKind::Apostrophe) if both(ClusterKind::Letter) => (false, true),
        Some(ClusterKind::Apostrophe | ClusterKind::Point) if both(ClusterKind::Digit) => (false, false),
        Some(_) => (true, true),
    }
}

/// Finds all occurrences, overlapping ones too, in linear time (Knuth, Morris and Pratt).
fn occurrences<'a>(text: &'a [u8], wanted: &'a [u8]) -> impl Iterator<Item = usize> {
    let mut borders = vec![0; wanted.len()];
    let mut matched = 0;
    for at in 1..wanted.len() {
        matched = extended(wanted, &borders, matched, wanted[at]);
        borders[at] = matched;
    }
    let mut matched = 0;
    text.iter().enumerate().filter_map(move |(at, byte)| {
        matched = extended(wanted, &borders, matched, *byte);
        let is_match = matched == wanted.len();
        if is_match {
            matched = borders[matched - 1];
        }
        is_match.then(|| at + 1 - wanted.len())
    })
}

fn extended(wanted: &[u8], borders: &[usize], mut matched: usize, byte: u8) -> usize {
    while matched > 0 && wanted[matched] != byte {
        matched = borders[matched - 1];
    }
    matched + usize::from(wanted[matched] == byte)
}

#[derive(Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn set(&mut self, at: usize) {
        let word = at / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (at % 64);
    }

    fn get(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn occurrences_may_overlap() {
        let found = |text: &str, wanted: &str| occurrences(text.as_bytes(), wanted.as_bytes()).collect::<Vec<_>>();
        assert_eq!(found("aaaa", "aa"), [0, 1, 2]);
        assert_eq!(found("ababacab", "abac"), [2]);
        assert_eq!(found("abc", "abcd"), [0; 0]);
    }
}
