//! Words in text: the case styles and text shapes that sprig takes from `xstrings`, `goutils` and `strings`.
//!
//! Several of these functions process bytes where one would expect characters, as the Go libraries do.

mod style;
mod wrap;

pub use style::{kebab_case, pascal_case, snake_case};
pub use wrap::{LongWords, abbreviate, wrap};

use crate::{unicode, utf8};

/// The text with the first letter of each word in title case: `strings.Title`.
pub fn title(text: &[u8]) -> Vec<u8> {
    let mut before = ' ';
    utf8::map(text, |c| {
        let starts = is_separator(before);
        before = c;
        if starts { unicode::to_title(c) } else { c }
    })
}

fn is_separator(c: char) -> bool {
    if c.is_ascii() {
        return !(c.is_ascii_alphanumeric() || c == '_');
    }
    !unicode::is_letter(c) && !unicode::is_digit(c) && unicode::is_space(c)
}

/// The text with the first letter of each word in lower case: `goutils.Uncapitalize`.
pub fn untitle(text: &[u8]) -> Vec<u8> {
    let mut at_start = true;
    utf8::map(text, |c| {
        if unicode::is_space(c) {
            at_start = true;
            c
        } else if std::mem::take(&mut at_start) {
            unicode::to_lower(c)
        } else {
            c
        }
    })
}

/// The text with upper case changed to lower case and vice versa; a lower case letter at the start of a word
/// becomes title case.
pub fn swap_case(text: &[u8]) -> Vec<u8> {
    let mut at_start = true;
    utf8::map(text, |c| {
        if unicode::is_upper(c) || unicode::is_title(c) {
            at_start = false;
            unicode::to_lower(c)
        } else if unicode::is_lower(c) {
            if std::mem::take(&mut at_start) { unicode::to_title(c) } else { unicode::to_upper(c) }
        } else {
            at_start = unicode::is_space(c);
            c
        }
    })
}

/// The first byte of each word. Each byte counts as a Latin-1 character.
pub fn initials(text: &[u8]) -> Vec<u8> {
    let (mut out, mut after_gap) = (Vec::new(), true);
    for c in text.iter().copied().map(char::from) {
        if unicode::is_space(c) {
            after_gap = true;
        } else if std::mem::take(&mut after_gap) {
            utf8::push(&mut out, c);
        }
    }
    out
}

/// The text without white space. If it has some, each of the other bytes counts as a Latin-1 character.
pub fn without_space(text: &[u8]) -> Vec<u8> {
    let is_space = |b: &u8| unicode::is_space(char::from(*b));
    if !text.iter().any(is_space) {
        return text.to_vec();
    }
    let mut out = Vec::with_capacity(text.len());
    for &b in text.iter().filter(|b| !is_space(b)) {
        utf8::push(&mut out, char::from(b));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{initials, swap_case, title, untitle, without_space};

    #[test]
    fn initials_and_titles_are_those_of_go() {
        assert_eq!(title("hello wörld_x y-z éa".as_bytes()), "Hello Wörld_x Y-Z Éa".as_bytes());
        assert_eq!(untitle(b"Hello World"), b"hello world");
        assert_eq!(swap_case(b"This is A Test"), b"tHIS IS a tEST");
        assert_eq!(initials(b"First Try"), b"FT");
    }

    #[test]
    fn bytes_are_treated_as_latin_1() {
        assert_eq!(without_space(" é".as_bytes()), "Ã©".as_bytes());
        assert_eq!(without_space("é".as_bytes()), "é".as_bytes());
    }
}
