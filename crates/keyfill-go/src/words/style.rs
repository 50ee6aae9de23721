//! `snake_case`, `kebab-case` and `PascalCase` as `github.com/huandu/xstrings` (1.5.0) writes them.

use crate::{unicode, utf8};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Bytes that are not valid UTF-8, and nothing else.
    Broken,
    Number,
    /// Upper case letters; the last one may be followed by lower case letters.
    Upper,
    /// Other letters.
    Letters,
    /// Spaces, hyphens, underscores.
    Connector,
    Punctuation,
    Other,
}

/// A run of characters of the same class.
#[derive(Clone, Copy)]
struct Word<'a> {
    class: Class,
    text: &'a [u8],
}

/// An empty word, which stands for the end of the text.
const END: Word<'static> = Word { class: Class::Broken, text: b"" };

/// The words in lower case, joined by underscores: `HTTPServer` becomes `http_server`.
pub fn snake_case(text: &[u8]) -> Vec<u8> {
    joined(text, '_')
}

/// The words in lower case, joined by hyphens: `HTTPServer` becomes `http-server`.
pub fn kebab_case(text: &[u8]) -> Vec<u8> {
    joined(text, '-')
}

/// The words joined, each with an upper case letter at its start: `http_server` becomes `HttpServer`.
pub fn pascal_case(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut runes = utf8::runes(text).map(|r| r.char);
    let mut current = '\0';
    // Connectors at the start are kept. If there is nothing else, the last one is written twice.
    for c in runes.by_ref() {
        current = c;
        if !is_connector(c) {
            break;
        }
        utf8::push(&mut out, c);
    }
    if text.is_empty() {
        return out;
    }
    let mut after_upper = unicode::is_upper(current);
    if !is_connector(current) {
        current = unicode::to_upper(current);
    }
    for next in runes {
        let before = std::mem::replace(&mut current, next);
        if is_connector(before) && !is_connector(next) {
            after_upper = unicode::is_upper(next);
            current = unicode::to_upper(next);
            continue;
        }
        if !is_connector(before) && after_upper {
            after_upper = unicode::is_upper(next);
            if after_upper {
                current = unicode::to_lower(next);
            }
        }
        utf8::push(&mut out, before);
    }
    utf8::push(&mut out, current);
    out
}

fn joined(text: &[u8], connector: char) -> Vec<u8> {
    let words = words(text);
    let mut joiner = Joiner { words: &words, at: 0, connector, out: Vec::with_capacity(text.len() + 8) };
    while joiner.at + 1 < words.len() {
        joiner.step();
    }
    joiner.write(joiner.word());
    joiner.out
}

struct Joiner<'a> {
    words: &'a [Word<'a>],
    at: usize,
    connector: char,
    out: Vec<u8>,
}

impl<'a> Joiner<'a> {
    fn word(&self) -> Word<'a> {
        self.words.get(self.at).copied().unwrap_or(END)
    }

    /// Writes the current word, and what joins it to the next one.
    fn step(&mut self) {
        let word = self.word();
        if word.class != Class::Connector {
            self.write(word);
        }
        self.at += 1;
        match word.class {
            Class::Number => self.letters_after_number(),
            Class::Connector => self.write(word),
            Class::Punctuation => {}
            _ if self.word().class == Class::Number => self.number_after_letters(),
            _ => self.join(false),
        }
    }

    /// Writes letters and numbers that follow a number as one word: `2m3s`.
    fn letters_after_number(&mut self) {
        while matches!(self.word().class, Class::Letters | Class::Number) {
            self.write(self.word());
            self.at += 1;
        }
        self.join(true);
    }

    /// Writes a number that follows a word. It belongs to that word, unless lower case letters follow it:
    /// `HTTP2xx`.
    fn number_after_letters(&mut self) {
        if self.at + 1 >= self.words.len() {
            return;
        }
        let number = self.word();
        self.at += 1;
        if self.word().class == Class::Letters {
            utf8::push(&mut self.out, self.connector);
            self.write(number);
            self.letters_after_number();
        } else {
            self.write(number);
            self.join(false);
        }
    }

    /// Writes a connector before the next word, unless that begins with one.
    fn join(&mut self, not_before_broken: bool) {
        let class = self.word().class;
        let left_out = matches!(class, Class::Connector | Class::Punctuation)
            || not_before_broken && class == Class::Broken;
        if !left_out {
            utf8::push(&mut self.out, self.connector);
        }
    }

    fn write(&mut self, word: Word<'_>) {
        if !matches!(word.class, Class::Upper | Class::Connector) {
            self.out.extend_from_slice(word.text);
            return;
        }
        for rune in utf8::runes(word.text) {
            let c = if is_connector(rune.char) { self.connector } else { lower(rune.char) };
            utf8::push(&mut self.out, c);
        }
    }
}

fn lower(c: char) -> char {
    if unicode::is_upper(c) { unicode::to_lower(c) } else { c }
}

fn words(mut text: &[u8]) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    while !text.is_empty() {
        let (class, len) = next_word(text);
        words.push(Word { class, text: &text[..len] });
        text = &text[len..];
    }
    words
}

/// The next character, and its length with the invalid bytes before it; `None` if only such bytes are left.
fn next_character(text: &[u8]) -> Option<(char, usize)> {
    let mut len = 0;
    while let Some(rune) = utf8::decode(&text[len..]) {
        len += rune.len;
        if rune.char != char::REPLACEMENT_CHARACTER {
            return Some((rune.char, len));
        }
    }
    None
}

fn next_word(text: &[u8]) -> (Class, usize) {
    let Some((first, len)) = next_character(text) else { return (Class::Broken, text.len()) };
    let is_lower_letter = |c| is_alphabetic(c) && !unicode::is_upper(c);
    match first {
        c if is_connector(c) => (Class::Connector, run(text, len, c, is_connector)),
        c if unicode::is_punct(c) => (Class::Punctuation, run(text, len, c, unicode::is_punct)),
        c if unicode::is_upper(c) => (Class::Upper, upper_word(text, len, c)),
        c if is_alphabetic(c) => (Class::Letters, run(text, len, c, is_lower_letter)),
        c if unicode::is_number(c) => (Class::Number, run(text, len, c, unicode::is_number)),
        c => (Class::Other, run(text, len, c, is_other)),
    }
}

/// The end of a run of characters. Invalid bytes at the end of the text count as the character before them.
fn run(text: &[u8], mut len: usize, last: char, accept: impl Fn(char) -> bool) -> usize {
    let mut last = last;
    while len < text.len() {
        let (c, size) = next_character(&text[len..]).unwrap_or((last, text.len() - len));
        if !accept(c) {
            break;
        }
        last = c;
        len += size;
    }
    len
}

fn upper_word(text: &[u8], len: usize, first: char) -> usize {
    if len == text.len() {
        return len;
    }
    let (second, size) = next_character(&text[len..]).unwrap_or((first, text.len() - len));
    if !unicode::is_upper(second) {
        return run(text, len, first, |c| is_alphabetic(c) && !unicode::is_upper(c));
    }
    let (mut end, mut last, mut last_size) = (len + size, second, size);
    while end < text.len() {
        let (c, size) = next_character(&text[end..]).unwrap_or((last, text.len() - end));
        if !unicode::is_upper(c) {
            // The last upper case letter begins the next word, as in `HTTPStatus`.
            return if is_alphabetic(c) { end - last_size } else { end };
        }
        (end, last, last_size) = (end + size, c, size);
    }
    end
}

fn is_other(c: char) -> bool {
    !(is_connector(c) || is_alphabetic(c) || unicode::is_number(c) || unicode::is_punct(c))
}

fn is_connector(c: char) -> bool {
    matches!(c, '-' | '_') || unicode::is_space(c)
}

/// Whether a character is a letter, and not an ideograph.
fn is_alphabetic(c: char) -> bool {
    let ideograph =
        matches!(c, '\u{3400}'..='\u{4D85}' | '\u{4E00}'..='\u{9FCC}' | '\u{20000}'..='\u{2B81D}');
    !ideograph && unicode::is_letter(c)
}

#[cfg(test)]
mod tests {
    use super::{kebab_case, pascal_case, snake_case};

    #[test]
    fn snake_and_kebab_case_are_those_of_xstrings() {
        for (text, snake) in [
            ("FirstName", "first_name"),
            ("HTTPServer", "http_server"),
            ("NoHTTPS", "no_https"),
            ("GO-PATH x", "go_path_x"),
            ("http2xx", "http_2xx"),
            ("HTTP20xOK", "http_20x_ok"),
            ("Duration2m3s", "duration_2m3s"),
            ("Bld4Floor3rd", "bld4_floor_3rd"),
            ("a1", "a1"),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8_lossy(&snake_case(text.as_bytes())), snake);
            let kebab = snake.replace('_', "-");
            assert_eq!(String::from_utf8_lossy(&kebab_case(text.as_bytes())), kebab);
        }
    }

    #[test]
    fn pascal_case_is_that_of_xstrings() {
        for (text, pascal) in [
            ("some_words", "SomeWords"),
            ("_complex__case_", "_Complex_Case_"),
            ("GOLANG_IS_GREAT", "GolangIsGreat"),
            ("__", "___"),
            ("x", "X"),
        ] {
            assert_eq!(String::from_utf8_lossy(&pascal_case(text.as_bytes())), pascal);
        }
    }
}
