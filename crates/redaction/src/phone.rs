//! Telephone numbers, recognized by the way they are written: their digits alone look like any other number.

mod chain;

use std::ops::Range;

use super::normalized::is_labelled;
use chain::Chain;

/// Prefixes of words that announce a telephone number.
const LABELS: [&str; 12] =
    ["TEL", "PHONE", "FON", "MOBIL", "CELL", "CALL", "HANDY", "RUFNUMMER", "WHATSAPP", "FAX", "CELULAR", "ANRUF"];

/// The numbers of a normalized text, in order.
pub(super) fn find(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for chain in chain::chains(text) {
        let mut group = 0;
        while group < chain.len() {
            let skipped = chain.date_at(group);
            match if skipped > 0 { None } else { count_of_number(&chain, group) } {
                Some(count) => {
                    found.push(chain.range(group, count));
                    group += count;
                }
                None => group += skipped.max(1),
            }
        }
    }
    found
}

/// Finds numbers in international form without further digits around them; further digits may be those of a card.
pub(super) fn find_international(text: &[u8]) -> Vec<Range<usize>> {
    let is_whole = |chain: &Chain<'_>| chain.international(0) == Some(chain.len());
    chain::chains(text).filter(is_whole).map(|chain| chain.range(0, chain.len())).collect()
}

/// Counts the groups of a number that begins with this group.
fn count_of_number(chain: &Chain<'_>, group: usize) -> Option<usize> {
    if let Some(count) = chain.international(group) {
        return Some(count);
    }
    if group == 0 && is_labelled(chain.text(), chain.start(), &LABELS) {
        return chain.longest(group, 7..=15);
    }
    if !chain.may_begin(group) {
        return None;
    }
    let first = chain.digits(group);
    let is_trunk = first.first() == Some(&b'0') && first.get(1) != Some(&b'0');
    if is_trunk && chain.is_no_decimal(group) {
        return chain.longest(group, 9..=13);
    }
    chain.north_american(group).or_else(|| chain.in_brackets(group).then(|| chain.longest(group, 8..=12)).flatten())
}
