//! Numbers of payment cards; no part of one is left.

use std::ops::Range;

use super::gaps;

/// The shortest and the longest number of a card, in digits (Maestro; ISO/IEC 7812-1).
const MIN_DIGITS: usize = 12;
const MAX_DIGITS: usize = 19;
/// Characters between two digits of one number: as in `4111 - 1111`.
const MAX_GAP: usize = 3;

/// The card numbers of a normalized text, in order.
pub(super) fn find(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut positions: Vec<usize> = Vec::new();
    for at in (0..text.len()).filter(|&at| text[at].is_ascii_digit()) {
        if positions.last().is_some_and(|&last| !is_gap(&text[last + 1..at])) {
            found.extend(DigitRun::new(text, &positions).cards());
            positions.clear();
        }
        positions.push(at);
    }
    found.extend(DigitRun::new(text, &positions).cards());
    found
}

fn is_gap(between: &[u8]) -> bool {
    between.len() <= MAX_GAP && between.iter().all(|byte| b" .-,".contains(byte))
}

/// Digits with nothing but separators between them.
struct DigitRun<'a> {
    text: &'a [u8],
    /// The index of each digit in the text.
    positions: &'a [usize],
    digits: Vec<u8>,
    /// Luhn's sums of the digits before each index: with even indexes doubled, and with odd indexes doubled.
    sums: Vec<[usize; 2]>,
}

impl<'a> DigitRun<'a> {
    fn new(text: &'a [u8], positions: &'a [usize]) -> Self {
        let digits: Vec<u8> = positions.iter().map(|&at| text[at] - b'0').collect();
        let mut sums = vec![[0, 0]];
        let mut sum = [0, 0];
        for (index, &digit) in digits.iter().enumerate() {
            let digit = usize::from(digit);
            sum[index % 2] += if digit > 4 { digit * 2 - 9 } else { digit * 2 };
            sum[1 - index % 2] += digit;
            sums.push(sum);
        }
        Self { text, positions, digits, sums }
    }

    /// Finds card numbers. Numbers that begin and end with a group of digits come first, because people write them so.
    fn cards(&self) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let whole = 0..self.digits.len();
        let grouped = self.covered(whole.clone(), |number| self.is_grouped(number) && self.is_network(number));
        for piece in gaps(whole, grouped.iter().cloned()) {
            let embedded = self.covered(piece.clone(), |number| self.is_network(number));
            let alone = gaps(piece, embedded.iter().cloned()).into_iter().filter(|piece| self.is_alone(piece));
            found.extend(alone);
            found.extend(embedded);
        }
        found.extend(grouped);
        found.sort_unstable_by_key(|number| number.start);
        found.into_iter().map(|number| self.positions[number.start]..self.positions[number.end - 1] + 1).collect()
    }

    /// The ranges that card numbers cover; overlapping numbers become one range, so that no part of either is left.
    fn covered(&self, piece: Range<usize>, is_card: impl Fn(&Range<usize>) -> bool) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for start in piece.clone() {
            let ends = (start + MIN_DIGITS)..=(start + MAX_DIGITS).min(piece.end);
            // The longest number wins: a shorter one would leave some of its digits in the clear.
            let Some(end) = ends.rev().find(|&end| is_card(&(start..end))) else { continue };
            match found.last_mut().filter(|last| start < last.end) {
                Some(last) => last.end = last.end.max(end),
                None => found.push(start..end),
            }
        }
        found
    }

    fn is_grouped(&self, number: &Range<usize>) -> bool {
        let at = |index: usize| self.positions[index];
        let begins = number.start == 0 || at(number.start) - at(number.start - 1) > 1;
        begins && (number.end == self.digits.len() || at(number.end) - at(number.end - 1) > 1)
    }

    fn is_network(&self, number: &Range<usize>) -> bool {
        self.is_luhn(number) && is_of_network(&self.digits[number.clone()])
    }

    fn is_alone(&self, piece: &Range<usize>) -> bool {
        if !(MIN_DIGITS..=MAX_DIGITS).contains(&piece.len()) || !self.is_luhn(piece) {
            return false;
        }
        let positions = &self.positions[piece.clone()];
        let mut gaps = positions.windows(2).filter(|pair| pair[1] - pair[0] > 1);
        let first = gaps.next().map(|pair| &self.text[pair[0] + 1..pair[1]]);
        first.is_none_or(|gap| gap.len() == 1 && gaps.all(|pair| self.text[pair[0] + 1..pair[1]] == *gap))
    }

    fn is_luhn(&self, number: &Range<usize>) -> bool {
        // The last digit is not doubled, so those of the other parity are.
        let parity = number.end % 2;
        (self.sums[number.end][parity] - self.sums[number.start][parity]).is_multiple_of(10)
    }
}

/// Whether a network issues numbers with these first digits and this length.
fn is_of_network(digits: &[u8]) -> bool {
    let first = |count: usize| digits[..count].iter().fold(0, |number, &digit| number * 10 + u32::from(digit));
    let length = digits.len();
    match first(2) {
        // Visa
        40..=49 => matches!(length, 13 | 16 | 19),
        // Mastercard; below 2300 also Mir
        22..=27 => match first(4) {
            2200..=2204 => (16..=19).contains(&length),
            2221..=2720 => length == 16,
            _ => false,
        },
        51..=55 => length == 16,
        // American Express
        34 | 37 => length == 15,
        // Diners Club
        30 | 36 | 38 | 39 => (14..=19).contains(&length),
        // JCB
        35 => (3528..=3589).contains(&first(4)) && (16..=19).contains(&length),
        // Maestro, Discover, UnionPay, RuPay, Elo, Verve, Dankort
        50 | 56..=58 | 60..=69 => true,
        // RuPay, UnionPay
        81 | 82 => (16..=19).contains(&length),
        // Uzcard, Humo, Troy
        86 | 97 | 98 => matches!(first(4), 8600 | 9792 | 9860) && length == 16,
        _ => false,
    }
}
