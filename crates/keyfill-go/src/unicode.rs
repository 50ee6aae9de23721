//! Categories and case mappings of characters, by the rules of Go's `unicode`: general categories and simple
//! mappings.
//!
//! Rust's own methods use other properties (`Alphabetic`) and full mappings (`ß` to `SS`).

use regex_syntax::hir::{Class, HirKind};
use std::cmp::Ordering;
use std::sync::LazyLock;

/// The characters of a category, as sorted ranges of characters.
struct Category(LazyLock<Vec<(char, char)>>);

macro_rules! category {
    ($name:literal) => {
        Category(LazyLock::new(|| ranges(concat!(r"\p{", $name, "}"))))
    };
}

static LETTER: Category = category!("L");
static DIGIT: Category = category!("Nd");
static NUMBER: Category = category!("N");
static PUNCTUATION: Category = category!("P");
static UPPER: Category = category!("Lu");
static LOWER: Category = category!("Ll");

fn ranges(query: &str) -> Vec<(char, char)> {
    match regex_syntax::parse(query).map(regex_syntax::hir::Hir::into_kind) {
        Ok(HirKind::Class(Class::Unicode(class))) => {
            class.ranges().iter().map(|r| (r.start(), r.end())).collect()
        }
        // The queries are constants, and a test checks each of them.
        _ => Vec::new(),
    }
}

impl Category {
    fn has(&self, c: char) -> bool {
        let order = |&(low, high): &(char, char)| match () {
            () if high < c => Ordering::Less,
            () if low > c => Ordering::Greater,
            () => Ordering::Equal,
        };
        self.0.binary_search_by(order).is_ok()
    }
}

/// Whether a character is a letter (category L).
pub fn is_letter(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphabetic() } else { LETTER.has(c) }
}

/// Whether a character is a decimal digit (category Nd).
pub fn is_digit(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_digit() } else { DIGIT.has(c) }
}

/// Whether a character is a number of any kind (category N).
pub fn is_number(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_digit() } else { NUMBER.has(c) }
}

/// Whether a character is punctuation (category P). `$+<=>^` and others are symbols instead.
pub fn is_punct(c: char) -> bool {
    PUNCTUATION.has(c)
}

/// Whether a character is an upper case letter (category Lu).
pub fn is_upper(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_uppercase() } else { UPPER.has(c) }
}

/// Whether a character is a lower case letter (category Ll).
pub fn is_lower(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_lowercase() } else { LOWER.has(c) }
}

/// Whether a character is a title case letter (category Lt).
pub fn is_title(c: char) -> bool {
    matches!(c, 'ǅ' | 'ǈ' | 'ǋ' | 'ǲ' | '\u{1F88}'..='\u{1F8F}' | '\u{1F98}'..='\u{1F9F}')
        || matches!(c, '\u{1FA8}'..='\u{1FAF}' | '\u{1FBC}' | '\u{1FCC}' | '\u{1FFC}')
}

/// Whether a character is white space (property `White_Space`).
pub fn is_space(c: char) -> bool {
    c.is_whitespace()
}

/// The simple upper case mapping, which is always one character.
pub fn to_upper(c: char) -> char {
    let mut full = c.to_uppercase();
    match (full.next(), full.next()) {
        (Some(upper), None) => upper,
        _ => simple_upper(c),
    }
}

/// The simple mapping of a character whose full mapping has several characters.
fn simple_upper(c: char) -> char {
    let shift = match c {
        '\u{1F80}'..='\u{1F87}' | '\u{1F90}'..='\u{1F97}' | '\u{1FA0}'..='\u{1FA7}' => 8,
        '\u{1FB3}' | '\u{1FC3}' | '\u{1FF3}' => 9,
        _ => 0,
    };
    char::from_u32(u32::from(c) + shift).unwrap_or(c)
}

/// The simple lower case mapping, which is always one character.
pub fn to_lower(c: char) -> char {
    // This is the only character whose full mapping has two characters.
    if c == 'İ' {
        return 'i';
    }
    c.to_lowercase().next().unwrap_or(c)
}

/// The simple title case mapping: upper case, except for digraphs, and for Georgian, which has no title case.
pub fn to_title(c: char) -> char {
    match c {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        '\u{10D0}'..='\u{10FA}' | '\u{10FD}'..='\u{10FF}' => c,
        _ => to_upper(c),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_digit, is_letter, is_lower, is_number, is_punct, is_title, is_upper};
    use super::{to_lower, to_title, to_upper};

    #[test]
    fn characters_have_the_categories_of_go() {
        assert!(is_letter('é') && is_letter('中') && !is_letter('\u{0345}') && !is_letter('1'));
        assert!(is_digit('२') && !is_digit('²') && is_number('²') && is_number('Ⅷ'));
        assert!(is_punct('!') && is_punct('_') && !is_punct('$') && is_punct('«'));
        assert!(is_upper('É') && !is_upper('Ⅷ') && is_lower('ß') && !is_lower('ª') && is_title('ǅ'));
    }

    #[test]
    fn case_mappings_yield_exactly_one_character() {
        assert_eq!(to_upper('ß'), 'ß');
        assert_eq!(to_upper('ŉ'), 'ŉ');
        assert_eq!(to_upper('ᾳ'), 'ᾼ');
        assert_eq!(to_lower('İ'), 'i');
        assert_eq!(to_title('ǆ'), 'ǅ');
        assert_eq!(to_title('ა'), 'ა');
    }
}
