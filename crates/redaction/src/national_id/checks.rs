//! Checks of numbers; each check gets exactly the characters of its form.

fn value(digit: &u8) -> u32 {
    u32::from(digit.wrapping_sub(b'0'))
}

fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |number, digit| number * 10 + u64::from(value(digit)))
}

/// US: the areas 000, 666 and 900 to 999, the group 00 and the serial 0000 are never issued.
pub(super) fn is_ssn(digits: &[u8]) -> bool {
    let (area, group, serial) = (number(&digits[..3]), number(&digits[3..5]), number(&digits[5..]));
    area != 0 && area != 666 && area < 900 && group != 0 && serial != 0
}

/// UK: two letters of which some, and some pairs, are not used; a last letter from A to D.
pub(super) fn is_nino(id: &[u8]) -> bool {
    const UNUSED: [&[u8; 2]; 7] = [b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"];
    let prefix = [id[0], id[1]];
    !b"DFIQUV".contains(&id[0])
        && !b"DFIOQUV".contains(&id[1])
        && !UNUSED.contains(&&prefix)
        && (b'A'..=b'D').contains(&id[8])
}

/// ES: the last letter is the number's remainder by 23; the first letter of an NIE stands for a digit.
pub(super) fn is_dni_or_nie(id: &[u8]) -> bool {
    let lead = match id[0] {
        digit if digit.is_ascii_digit() => u64::from(value(&digit)),
        letter @ b'X'..=b'Z' => u64::from(letter - b'X'),
        _ => return false,
    };
    let remainder = (lead * 10_000_000 + number(&id[1..8])) % 23;
    b"TRWAGMYFPDXBNJZSQVHLCKE"[remainder as usize] == id[8]
}

/// FR: sex, year, month, department (2A and 2B are Corsica's), commune, order, and 97 less the remainder by 97.
pub(super) fn is_nir(id: &[u8]) -> bool {
    let mut digits = id[..13].to_vec();
    let corsica = match (id[5], id[6]) {
        (b'2', b'A') => 1_000_000,
        (b'2', b'B') => 2_000_000,
        _ => 0,
    };
    if corsica > 0 {
        digits[6] = b'0';
    }
    if !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let month = number(&digits[3..5]);
    let is_dated = matches!(month, 1..=12 | 20..=42 | 50..=99) && b"123478".contains(&digits[0]);
    is_dated && 97 - (number(&digits) - corsica) % 97 == number(&id[13..])
}

/// DE or BR, whose numbers have the same length.
pub(super) fn is_steuer_id_or_cpf(digits: &[u8]) -> bool {
    is_steuer_id(digits) || is_cpf(digits)
}

/// DE: of the first ten digits exactly one occurs twice or three times; the last follows from ISO 7064, MOD 11, 10.
fn is_steuer_id(digits: &[u8]) -> bool {
    let times = |digit: u8| digits[..10].iter().filter(|&&other| other == digit).count();
    let repeated: Vec<_> = (b'0'..=b'9').map(times).filter(|&times| times > 1).collect();
    if digits[0] == b'0' || !matches!(repeated[..], [2 | 3]) {
        return false;
    }
    let product = digits[..10].iter().fold(10, |product, digit| {
        let sum = (value(digit) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == value(&digits[10])
}

/// BR: two check digits by 11; numbers of one repeated digit pass the check, but are never issued.
fn is_cpf(digits: &[u8]) -> bool {
    let check = |count: usize| {
        let weights = (2..=count as u32 + 1).rev();
        let sum: u32 = digits[..count].iter().zip(weights).map(|(digit, weight)| value(digit) * weight).sum();
        sum * 10 % 11 % 10
    };
    let is_varied = digits.iter().any(|digit| digit != &digits[0]);
    is_varied && check(9) == value(&digits[9]) && check(10) == value(&digits[10])
}

/// NL: the digits weighted 9 to 2 and -1 are a multiple of 11.
pub(super) fn is_bsn(digits: &[u8]) -> bool {
    let weighted: u32 = digits[..8].iter().zip((2..=9).rev()).map(|(digit, weight)| value(digit) * weight).sum();
    let last = value(&digits[8]);
    weighted > last && (weighted - last).is_multiple_of(11)
}

/// IT: a letter from the values of the characters, which differ between odd and even places; digits may be letters.
pub(super) fn is_codice_fiscale(code: &[u8]) -> bool {
    const ODD: [u8; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let rank = |byte: u8| if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' };
    let is_digit = |place: usize| code[place].is_ascii_digit() || b"LMNPQRSTUV".contains(&code[place]);
    let sum: u32 = code[..15]
        .iter()
        .enumerate()
        .map(|(place, &byte)| u32::from(if place % 2 == 0 { ODD[usize::from(rank(byte))] } else { rank(byte) }))
        .sum();
    let is_month = b"ABCDEHLMPRST".contains(&code[8]);
    [6, 7, 9, 10, 12, 13, 14].into_iter().all(is_digit) && is_month && (sum % 26) as u8 + b'A' == code[15]
}
