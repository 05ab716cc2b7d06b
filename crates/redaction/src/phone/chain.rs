//! Chains: groups of digits with only the separators of telephone numbers between them.

use std::ops::{Range, RangeInclusive};

use crate::normalized::{begins_word, ends_word};

/// Characters between two groups: as in `(030) - 12`.
const MAX_GAP: usize = 4;

/// Groups of digits in a text.
pub(super) struct Chain<'a> {
    text: &'a [u8],
    groups: Vec<Range<usize>>,
}

/// Finds the chains of a text, without groups that belong to a time, a decimal or a word.
pub(super) fn chains(text: &[u8]) -> impl Iterator<Item = Chain<'_>> {
    let mut groups = groups(text).filter(|group| stands_apart(text, group)).peekable();
    std::iter::from_fn(move || {
        let mut chain = vec![groups.next()?];
        while let Some(next) = groups.next_if(|next| is_gap(&text[chain[chain.len() - 1].end..next.start])) {
            chain.push(next);
        }
        Some(Chain { text, groups: chain })
    })
}

fn groups(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].iter().position(u8::is_ascii_digit)?;
        at = start + text[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        Some(start..at)
    })
}

fn stands_apart(text: &[u8], group: &Range<usize>) -> bool {
    let is_tied = |tie: Option<&u8>, digit: Option<&u8>| {
        tie.is_some_and(|tie| b":,".contains(tie)) && digit.is_some_and(u8::is_ascii_digit)
    };
    let before = |back: usize| group.start.checked_sub(back).and_then(|at| text.get(at));
    begins_word(text, group.start)
        && ends_word(text, group.end)
        && !is_tied(before(1), before(2))
        && !is_tied(text.get(group.end), text.get(group.end + 1))
}

fn is_gap(between: &[u8]) -> bool {
    between.len() <= MAX_GAP && between.iter().all(|byte| b" .-/()".contains(byte))
}

impl<'a> Chain<'a> {
    pub(super) fn text(&self) -> &'a [u8] {
        self.text
    }

    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    pub(super) fn start(&self) -> usize {
        self.groups[0].start
    }

    pub(super) fn digits(&self, group: usize) -> &'a [u8] {
        &self.text[self.groups[group].clone()]
    }

    /// The range of `count` groups in the text, with a plus or a bracket before them.
    pub(super) fn range(&self, group: usize, count: usize) -> Range<usize> {
        let start = self.groups[group].start;
        let lead = [&b"(+"[..], b"+(", b"+", b"("].into_iter().find(|lead| self.text[..start].ends_with(lead));
        start - lead.map_or(0, <[u8]>::len)..self.groups[group + count - 1].end
    }

    fn before(&self, group: usize) -> Option<u8> {
        self.groups[group].start.checked_sub(1).map(|at| self.text[at])
    }

    fn gap(&self, group: usize) -> &'a [u8] {
        match group.checked_sub(1) {
            Some(previous) => &self.text[self.groups[previous].end..self.groups[group].start],
            None => &[],
        }
    }

    /// Counts the most groups from this one on with a number of digits in the range.
    pub(super) fn longest(&self, group: usize, digits: RangeInclusive<usize>) -> Option<usize> {
        let mut total = 0;
        let mut longest = None;
        for (index, next) in self.groups[group..].iter().enumerate() {
            total += next.len();
            if total > *digits.end() || (index > 0 && self.date_at(group + index) > 0) {
                break;
            }
            if total >= *digits.start() {
                longest = Some(index + 1);
            }
        }
        longest
    }

    /// Counts the groups of a number in international form.
    pub(super) fn international(&self, group: usize) -> Option<usize> {
        let first = self.digits(group);
        let leads = |digits: &[u8]| digits.first().is_some_and(|digit| digit != &b'0');
        // "+(49) 171" is written as well.
        let lead = &self.text[..self.groups[group].start];
        if (lead.ends_with(b"+") || lead.ends_with(b"+(")) && leads(first) {
            return self.longest(group, 8..=15);
        }
        let country = if first == b"00" { self.groups.get(group + 1).map(|_| self.digits(group + 1)) } else { None };
        let is_prefixed = first.strip_prefix(b"00").is_some_and(leads) || country.is_some_and(leads);
        if is_prefixed && self.may_begin(group) { self.longest(group, 10..=17) } else { None }
    }

    /// Whether a number without a plus may begin here: a dash, for example, connects the group to the text before it.
    pub(super) fn may_begin(&self, group: usize) -> bool {
        let is_apart = |byte: u8| !b".-/_#$=&%".contains(&byte) && !byte.is_ascii_digit();
        if group == 0 { self.before(0).is_none_or(is_apart) } else { self.gap(group).contains(&b' ') }
    }

    /// Whether a group is not the `0` of a number such as 0.125.
    pub(super) fn is_no_decimal(&self, group: usize) -> bool {
        self.digits(group) != b"0" || (group + 1 < self.len() && !self.gap(group + 1).starts_with(b"."))
    }

    pub(super) fn in_brackets(&self, group: usize) -> bool {
        let is_closed = group + 1 < self.len() && self.gap(group + 1).starts_with(b")");
        self.before(group) == Some(b'(') && is_closed
    }

    /// Three, three and four digits, perhaps with a 1 before them; area and exchange begin with 2 to 9.
    pub(super) fn north_american(&self, group: usize) -> Option<usize> {
        let lead = usize::from(self.digits(group) == b"1");
        let groups = self.groups.get(group + lead..group + lead + 3)?;
        let lengths = [groups[0].len(), groups[1].len(), groups[2].len()];
        let leads = groups[..2].iter().all(|group| (b'2'..=b'9').contains(&self.text[group.start]));
        (lengths == [3, 3, 4] && leads).then_some(lead + 3)
    }

    /// Counts the groups of a date from this one on: 3 or 0.
    pub(super) fn date_at(&self, group: usize) -> usize {
        if group + 3 > self.len() {
            return 0;
        }
        let gap = self.gap(group + 1);
        let is_separated = matches!(gap, [b'.' | b'-' | b'/']) && self.gap(group + 2) == gap;
        let goes_on = group + 3 < self.len() && self.gap(group + 3) == gap;
        let fits = |index: usize, lengths: RangeInclusive<usize>, values: RangeInclusive<u32>| {
            let digits = self.digits(group + index);
            let value = digits.iter().take(4).fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
            lengths.contains(&digits.len()) && values.contains(&value)
        };
        let is_day_and_month = |first: usize| fits(first, 1..=2, 1..=31) && fits(first + 1, 1..=2, 1..=31);
        let ends_with_year = is_day_and_month(0) && (fits(2, 4..=4, 1900..=2099) || fits(2, 2..=2, 0..=99));
        let begins_with_year = fits(0, 4..=4, 1900..=2099) && is_day_and_month(1);
        if is_separated && !goes_on && (ends_with_year || begins_with_year) { 3 } else { 0 }
    }
}
