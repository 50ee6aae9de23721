//! Placeholders that were encoded while the manifests were rendered, for example by a chart's templates: percent
//! escapes of a URL, the escapes of a JSON string, base64 somewhere in a text.
//!
//! Where the encoding can be undone without doubt, the placeholder is decoded, and its value is encoded in the
//! same way. Where it cannot (HTML escapes, changed case), the position is reported.

use super::datum::{decode_base64_form, encode_base64_form};
use super::placeholder::{self, Found, MOST_BYTES, PATH_PREFIX, lex};
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use std::ops::Range;
use std::sync::OnceLock;

pub use super::datum::Base64Form;

/// How a placeholder is encoded. `layers` counts how often the same encoding was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// `%3Cpath%3A`: percent escapes.
    Percent {
        /// How often the encoding was applied.
        layers: u32,
    },
    /// `\u003cpath:`: the escapes of a JSON string.
    Json {
        /// How often the encoding was applied.
        layers: u32,
    },
    /// Base64.
    Base64(Base64Form),
}

/// An encoded placeholder that was found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// An encoded text that contains placeholders.
    Encoded {
        /// Its position in the text, in bytes.
        span: Range<usize>,
        /// How it is encoded.
        codec: Codec,
        /// The decoded text.
        text: Vec<u8>,
        /// The text contains only key placeholders (`<key>`), so that it may look like a placeholder by coincidence.
        guess: bool,
    },
    /// A placeholder that was changed in a way that cannot be undone.
    Lost {
        /// Its position in the text, in bytes.
        span: Range<usize>,
        /// What changed the placeholder, as an error names it.
        what: &'static str,
    },
}

impl Sighting {
    /// The position in the text, in bytes.
    pub fn span(&self) -> &Range<usize> {
        match self {
            Self::Encoded { span, .. } | Self::Lost { span, .. } => span,
        }
    }
}

/// What base64 of a text with `<path:` contains: one form for each offset of `<path:` in a group of three bytes.
pub const BASE64_FORMS: [&str; 3] = ["PHBhdGg6", "xwYXRoO", "8cGF0aD"];

/// The same for base64 of a text in which `<path:` is already encoded; the encoded forms stand in the comments.
const NESTED_FORMS: [&str; 18] = [
    // \u003cpath:
    "XHUwMDNjcGF0aD",
    "x1MDAzY3BhdGg6",
    "cdTAwM2NwYXRoO",
    // %3Cpath%3A
    "JTNDcGF0aCUzQ",
    "UzQ3BhdGglM0",
    "lM0NwYXRoJTNB",
    // &lt;path:
    "Jmx0O3BhdGg6",
    "ZsdDtwYXRoO",
    "mbHQ7cGF0aD",
    // PHBhdGg6
    "UEhCaGRHZz",
    "BIQmhkR2c2",
    "QSEJoZEdnN",
    // xwYXRoO
    "eHdZWFJvT",
    "h3WVhSb0",
    "4d1lYUm9P",
    // 8cGF0aD
    "OGNHRjBhR",
    "hjR0YwYU",
    "4Y0dGMGFE",
];

/// What base32 of a text with `<path:` contains: one form for each offset in a group of five bytes.
const BASE32_FORMS: [&str; 5] = ["HRYGC5DIH", "6HAYLUNA5", "Y4DBORUD", "PDQMF2GQO", "4OBQXI2B2"];

/// The beginnings of `<path:` in encodings other than base64 and base32.
const ESCAPED_FORMS: [&str; 18] = [
    "\\u003cpath",
    "\\u003Cpath",
    "\\x3cpath",
    "\\x3Cpath",
    "%3Cpath",
    "%3cpath",
    "%253Cpath",
    "%253cpath",
    "&lt;path:",
    "&#60;path:",
    "&#x3c;path:",
    "&amp;lt;path:",
    "3c706174683a",
    "3C706174683A",
    "<PATH:",
    "<Path:",
    "<-path:",
    "<_path:",
];

/// The beginnings of an encoded `<`: escapes that can be decoded, and those of HTML.
const ESCAPED_BRACKETS: [&str; 12] = [
    "\\u003c", "\\u003C", "\\x3c", "\\x3C", "%3C", "%3c", "%253C", "%253c", "&lt;", "&#60;", "&#x3c;",
    "&amp;lt;",
];

/// The beginnings of all encoded forms of `<path:` that are searched for.
pub fn path_patterns() -> impl Iterator<Item = &'static str> {
    ESCAPED_FORMS.into_iter().chain(BASE64_FORMS).chain(NESTED_FORMS).chain(BASE32_FORMS)
}

/// The searcher for [`path_patterns`].
pub fn path_forms() -> &'static AhoCorasick {
    static FORMS: OnceLock<AhoCorasick> = OnceLock::new();
    FORMS.get_or_init(|| searcher(path_patterns()))
}

fn bracket_forms() -> &'static AhoCorasick {
    static FORMS: OnceLock<AhoCorasick> = OnceLock::new();
    FORMS.get_or_init(|| searcher(ESCAPED_BRACKETS.into_iter()))
}

/// Whether a text may contain an encoded key placeholder (`<key>`).
pub fn may_hold_keys(text: &[u8]) -> bool {
    text.len() <= MOST_FOR_KEYS && (bracket_forms().is_match(text) || base64_words(text).next().is_some())
}

/// Makes a searcher that finds several short patterns in one pass. It is twice as fast as a [`small_searcher`], and
/// takes six times as long to make.
pub fn searcher(patterns: impl Iterator<Item = &'static str>) -> AhoCorasick {
    searcher_of(AhoCorasickKind::DFA, patterns)
}

/// Makes a searcher for a run that searches in little text.
pub fn small_searcher(patterns: impl Iterator<Item = &'static str>) -> AhoCorasick {
    searcher_of(AhoCorasickKind::ContiguousNFA, patterns)
}

fn searcher_of(kind: AhoCorasickKind, patterns: impl Iterator<Item = &'static str>) -> AhoCorasick {
    let mut builder = AhoCorasick::builder();
    builder.kind(Some(kind)).build(patterns).expect("a few short patterns can be searched for")
}

/// Texts longer than this, in bytes, are not searched for encoded key placeholders.
const MOST_FOR_KEYS: usize = 1 << 20;

/// The encoded placeholders of a text, in order. With `keys` key placeholders (`<key>`) are included.
pub fn look(text: &[u8], keys: bool) -> Vec<Sighting> {
    let keys = keys && text.len() <= MOST_FOR_KEYS;
    let mut looker =
        Looker { text, keys, free: 0, work: text.len().saturating_mul(16).saturating_add(1 << 20) };
    let mut found = looker.all(path_forms());
    if keys {
        looker.free = 0;
        let guessed = |sighting: &Sighting| matches!(sighting, Sighting::Encoded { guess: true, .. });
        let of_keys = |sighting: &Sighting| guessed(sighting) || matches!(sighting, Sighting::Lost { .. });
        found.extend(looker.all(bracket_forms()).into_iter().filter(of_keys));
        found.extend(base64_words(text));
        found.sort_by_key(|sighting| (sighting.span().start, guessed(sighting)));
        found.dedup_by(|next, kept| next.span().start < kept.span().end);
    }
    found
}

struct Looker<'t> {
    text: &'t [u8],
    keys: bool,
    /// End of the last placeholder that was found: text before it is not searched again.
    free: usize,
    /// How many bytes may still be decoded. This bounds the work for many escaped `<` without an end.
    work: usize,
}

impl Looker<'_> {
    fn all(&mut self, forms: &AhoCorasick) -> Vec<Sighting> {
        let mut found = Vec::new();
        for hit in forms.find_iter(self.text).map(|hit| hit.start()) {
            if hit < self.free {
                continue;
            }
            if let Some(sighting) = self.at(hit) {
                self.free = self.free.max(sighting.span().end);
                found.push(sighting);
            }
        }
        found
    }

    /// The encoded placeholder at the position of a match.
    fn at(&mut self, hit: usize) -> Option<Sighting> {
        let text = self.text;
        match text[hit] {
            b'\\' => self.escaped(json_start(text, hit, self.free)?),
            b'%' => self.escaped((hit, Codec::Percent { layers: percent_layers(&text[hit..]) })),
            b'&' if self.keys && !html_head(&text[hit..]).starts_with(b"path:") => html_key(text, hit),
            b'&' => Some(lost(text, hit, b"&gt;", HTML)),
            b'<' => Some(lost(text, hit, b">", "a change of case")),
            b'3' => Some(self.hexadecimal(hit)),
            _ if BASE32_FORMS.iter().any(|form| text[hit..].starts_with(form.as_bytes())) => {
                Some(self.base32(hit))
            }
            _ => self.base64_run(hit),
        }
    }

    /// A placeholder with escapes of JSON or percent escapes.
    fn escaped(&mut self, (start, codec): (usize, Codec)) -> Option<Sighting> {
        let window = (2 * MOST_BYTES).min(self.work).min(self.text.len() - start);
        let decoded = Decoded::of(&self.text[start..start + window], codec);
        if decoded.text.first() != Some(&b'<') {
            return None;
        }
        let is_path = decoded.text.starts_with(PATH_PREFIX);
        if !is_path && !self.keys {
            return None;
        }
        match lex(&decoded.text, 0, self.keys) {
            Ok(lexed) => {
                let span = start..start + decoded.ends[lexed.end - 1];
                let guess = !is_path;
                if guess && !is_key(&decoded.text[lexed.head.clone()]) {
                    return None;
                }
                Some(Sighting::Encoded { span, codec, text: decoded.text[..lexed.end].to_vec(), guess })
            }
            Err(_) => {
                self.work = self.work.saturating_sub(decoded.ends.last().copied().unwrap_or(1));
                let what = match codec {
                    Codec::Json { .. } => "the escapes of JSON",
                    _ => "percent escapes",
                };
                let length = decoded.ends.last().copied().unwrap_or(1).min(120);
                is_path.then_some(Sighting::Lost { span: start..start + length, what })
            }
        }
    }

    /// The hexadecimal digits around a match.
    fn hexadecimal(&self, hit: usize) -> Sighting {
        let start =
            hit - self.text[self.free..hit].iter().rev().take_while(|b| b.is_ascii_hexdigit()).count();
        let length = self.text[hit..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
        Sighting::Lost { span: start..hit + length, what: "hexadecimal digits" }
    }

    /// The base32 text around a match.
    fn base32(&self, hit: usize) -> Sighting {
        let is_in = |b: &&u8| matches!(b, b'A'..=b'Z' | b'2'..=b'7');
        let start = hit - self.text[self.free..hit].iter().rev().take_while(is_in).count();
        let length = self.text[hit..].iter().take_while(|b| is_in(b) || **b == b'=').count();
        Sighting::Lost { span: start..hit + length, what: "base32" }
    }

    /// The base64 text around a match, if it decodes to a text with a placeholder.
    fn base64_run(&mut self, hit: usize) -> Option<Sighting> {
        let text = self.text;
        let start = hit - text[self.free..hit].iter().rev().take_while(|b| in_base64(**b)).count();
        let length = text[hit..].iter().take_while(|b| in_base64(**b)).count();
        let padding = text[hit + length..].iter().take(2).take_while(|b| **b == b'=').count();
        let span = start..hit + length + padding;
        // The same text is not decoded a second time.
        self.free = span.end;
        let said = |span: Range<usize>| {
            let (form, decoded) = decode_base64_form(&text[span.clone()])?;
            let holds = placeholder::find(&decoded, false)
                .any(|found| matches!(found, Found::Placeholder(_)))
                || path_forms().is_match(&decoded);
            holds.then_some(Sighting::Encoded {
                span,
                codec: Codec::Base64(form),
                text: decoded,
                guess: false,
            })
        };
        // In a path or a URL the text before a slash is not part of the base64.
        let behind_slash = || {
            let slash = text[start..hit].iter().rposition(|b| *b == b'/')?;
            said(start + slash + 1..span.end)
        };
        let found = said(span.clone()).or_else(behind_slash);
        // The base64 was cut off, or characters of it were escaped.
        let is_lost = || {
            let decoded = decode_base64_form(&text[span.clone()]);
            decoded.is_none_or(|(_, decoded)| memchr::memmem::find(&decoded, PATH_PREFIX).is_some())
        };
        found.or_else(|| {
            is_lost().then(|| Sighting::Lost { span: span.clone(), what: "a change of its base64" })
        })
    }
}

/// Names HTML escapes in errors. They cannot be undone without doubt, since an HTML element may look like a
/// placeholder.
const HTML: &str = "HTML escapes";

/// The text after the escaped `<` at its beginning.
fn html_head(text: &[u8]) -> &[u8] {
    let end = memchr::memchr(b';', &text[..text.len().min(8)]).map_or(0, |at| at + 1);
    let rest = &text[end..];
    // Twice escaped: `&amp;lt;`.
    rest.strip_prefix(b"lt;").unwrap_or(rest)
}

/// A key placeholder with HTML escapes. An element that is closed later, or that is never closed (`<br>`), is no
/// placeholder.
fn html_key(text: &[u8], start: usize) -> Option<Sighting> {
    const WITHOUT_END: [&[u8]; 7] = [b"br", b"hr", b"img", b"input", b"link", b"meta", b"p"];
    let head = html_head(&text[start..]);
    let line = &head[..head.len().min(300)];
    let line = &line[..memchr::memchr(b'\n', line).unwrap_or(line.len())];
    let ends = ["&gt;", "&#62;", "&#x3e;", "&amp;gt;"].iter();
    let (at, length) =
        ends.filter_map(|end| Some((memchr::memmem::find(line, end.as_bytes())?, end.len()))).min()?;
    let name = line[..at].split(|b| *b == b'|').next().unwrap_or_default();
    if !is_key(name) || WITHOUT_END.iter().any(|element| name.eq_ignore_ascii_case(element)) {
        return None;
    }
    let open = &text[start..text.len() - head.len()];
    let closing = [open, b"/", name.trim_ascii()].concat();
    // Only the next 16 KiB are searched, since a long text may contain many elements.
    if memchr::memmem::find(&head[..head.len().min(16 << 10)], &closing).is_some() {
        return None;
    }
    Some(Sighting::Lost { span: start..start + open.len() + at + length, what: HTML })
}

fn lost(text: &[u8], start: usize, close: &[u8], what: &'static str) -> Sighting {
    let rest = &text[start..];
    let rest = &rest[..rest.len().min(300)];
    let end = memchr::memmem::find(rest, close).map_or(rest.len().min(80), |at| at + close.len());
    let end = memchr::memchr(b'\n', &rest[..end]).unwrap_or(end);
    Sighting::Lost { span: start..start + end, what }
}

/// Where the escape of a `<` begins, and how often it was escaped: each layer doubles the backslashes.
fn json_start(text: &[u8], hit: usize, free: usize) -> Option<(usize, Codec)> {
    let before = text[free..hit].iter().rev().take(16).take_while(|b| **b == b'\\').count();
    let count = before + 1;
    let (layers, own) = match count {
        n if n % 2 == 1 => (1, 1),
        n if n % 4 == 2 => (2, 2),
        n if n % 8 == 4 => (3, 4),
        _ => return None,
    };
    Some((hit + 1 - own, Codec::Json { layers }))
}

fn percent_layers(text: &[u8]) -> u32 {
    let mut layers = 1;
    let mut rest = &text[1..];
    while let Some(inner) = rest.strip_prefix(b"25") {
        layers += 1;
        rest = inner;
    }
    layers
}

/// Whether a text looks like the name of a secret's key.
fn is_key(head: &[u8]) -> bool {
    let head = head.trim_ascii();
    !head.is_empty() && head.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
}

/// A decoded text, and for each of its bytes the end of that byte's escape in the encoded text.
struct Decoded {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Decoded {
    fn of(text: &[u8], codec: Codec) -> Self {
        let mut decoded = Self { text: text.to_vec(), ends: (1..=text.len()).collect() };
        match codec {
            Codec::Json { layers } => (0..layers).for_each(|_| decoded.unescape(json_escape)),
            Codec::Percent { layers } => {
                (1..layers).for_each(|_| decoded.unescape(percent_escape));
                // In a URL's query a colon is escaped, and a space is written `+`.
                let colon = &decoded.text[..decoded.text.len().min(10)];
                if colon.eq_ignore_ascii_case(b"%3Cpath%3A") || !colon.ends_with(b"path:") {
                    decoded.unescape(query_escape);
                } else {
                    decoded.unescape(percent_escape);
                }
            }
            Codec::Base64(_) => {}
        }
        decoded
    }

    /// Removes one layer of escapes, up to the first byte that cannot be part of the encoded text.
    fn unescape(&mut self, read: fn(&[u8]) -> Option<(Unescaped, usize)>) {
        let mut text = Vec::with_capacity(self.text.len());
        let mut ends = Vec::with_capacity(self.text.len());
        let mut at = 0;
        while at < self.text.len() {
            let Some((unescaped, length)) = read(&self.text[at..]) else { break };
            at += length;
            let mut buffer = [0; 4];
            let bytes: &[u8] = match unescaped {
                Unescaped::Byte(byte) => {
                    buffer[0] = byte;
                    &buffer[..1]
                }
                Unescaped::Char(c) => c.encode_utf8(&mut buffer).as_bytes(),
            };
            text.extend_from_slice(bytes);
            ends.extend(std::iter::repeat_n(self.ends[at - 1], bytes.len()));
        }
        *self = Self { text, ends };
    }
}

enum Unescaped {
    Byte(u8),
    Char(char),
}

fn hex(text: &[u8]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok().filter(|_| text[0] != b'+')
}

/// Decodes one character of a JSON string, JavaScript's `\x3c` and `\'` included; `None` at the string's end.
fn json_escape(text: &[u8]) -> Option<(Unescaped, usize)> {
    match text {
        [b'"', ..] => None,
        [control, ..] if *control < 0x20 => None,
        [b'\\', escape, ..] => Some(match escape {
            b'n' => (Unescaped::Byte(b'\n'), 2),
            b't' => (Unescaped::Byte(b'\t'), 2),
            b'r' => (Unescaped::Byte(b'\r'), 2),
            b'b' => (Unescaped::Byte(8), 2),
            b'f' => (Unescaped::Byte(12), 2),
            b'"' | b'\\' | b'/' | b'\'' => (Unescaped::Byte(*escape), 2),
            b'x' => (Unescaped::Char(char::from_u32(hex(text.get(2..4)?)?)?), 4),
            b'u' => {
                let first = hex(text.get(2..6)?)?;
                match char::from_u32(first) {
                    Some(c) => (Unescaped::Char(c), 6),
                    None => {
                        let second =
                            text.get(6..8).filter(|u| *u == b"\\u").and_then(|_| hex(text.get(8..12)?))?;
                        let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                        let high = first.checked_sub(0xd800).filter(|high| *high < 0x400)?;
                        (Unescaped::Char(char::from_u32(0x10000 + (high << 10) + low)?), 12)
                    }
                }
            }
            _ => return None,
        }),
        [b'\\'] | [] => None,
        [byte, ..] => Some((Unescaped::Byte(*byte), 1)),
    }
}

/// Decodes one character of a URL; `None` at the URL's end.
fn percent_escape(text: &[u8]) -> Option<(Unescaped, usize)> {
    match text {
        [b'%', ..] => Some((Unescaped::Byte(u8::try_from(hex(text.get(1..3)?)?).ok()?), 3)),
        [byte, ..] if byte.is_ascii_whitespace() || b"\"'<>\\".contains(byte) => None,
        [byte, ..] => Some((Unescaped::Byte(*byte), 1)),
        [] => None,
    }
}

fn query_escape(text: &[u8]) -> Option<(Unescaped, usize)> {
    if text.first() == Some(&b'+') { Some((Unescaped::Byte(b' '), 1)) } else { percent_escape(text) }
}

fn in_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// Words that decode from base64 to a text with key placeholders; that text may be base64 as well. Examples:
/// `auth` in the JSON of a registry's login, a header `Basic dTo8cGFzc3dvcmQ+`.
fn base64_words(text: &[u8]) -> impl Iterator<Item = Sighting> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < text.len() {
            let start = at + text[at..].iter().take_while(|b| !in_base64(**b)).count();
            let length = text[start..].iter().take_while(|b| in_base64(**b)).count();
            let padding = text[start + length..].iter().take(2).take_while(|b| **b == b'=').count();
            let span = start..start + length + padding;
            at = span.end.max(at + 1);
            if length >= SHORTEST_WORD
                && may_say_key(&text[start..start + length])
                && let Some((form, decoded)) = decode_base64_form(&text[span.clone()])
                && says_key(&decoded)
            {
                return Some(Sighting::Encoded {
                    span,
                    codec: Codec::Base64(form),
                    text: decoded,
                    guess: true,
                });
            }
        }
        None
    })
}

/// The length of `<k>` in base64, the shortest key placeholder.
const SHORTEST_WORD: usize = 4;

/// A quick check that avoids decoding most words of base64: whether the decoded text has a `<`, or begins like
/// base64.
fn may_say_key(word: &[u8]) -> bool {
    let digit = |at: usize| word.get(at).map_or(0, |byte| base64_digit(*byte));
    let bytes = |at: usize| {
        let group = (0..4).fold(0, |bits, n| bits << 6 | u32::from(digit(at + n)));
        [(group >> 16) as u8, (group >> 8) as u8, group as u8]
    };
    bytes(0).into_iter().all(in_base64) || (0..word.len()).step_by(4).any(|at| bytes(at).contains(&b'<'))
}

/// The number that a character of base64 stands for, in the standard and the URL alphabet.
fn base64_digit(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        _ => 63,
    }
}

/// Whether decoded bytes are a text with a key placeholder, or base64 of such a text.
fn says_key(decoded: &[u8]) -> bool {
    std::str::from_utf8(decoded).is_ok_and(|text| !text.contains(char::is_control))
        && (placeholder::find(decoded, true).any(|found| names_key(decoded, &found))
            || decode_base64_form(decoded).is_some_and(|(_, inner)| {
                placeholder::find(&inner, true).any(|found| names_key(&inner, &found))
            }))
}

fn names_key(text: &[u8], found: &Found) -> bool {
    let Found::Placeholder(span) = found else { return false };
    lex(text, span.start, true).is_ok_and(|lexed| is_key(&text[lexed.head]))
}

impl Codec {
    /// Whether the encoding accepts bytes that are not UTF-8.
    pub fn takes_bytes(self) -> bool {
        matches!(self, Self::Base64(_) | Self::Percent { .. })
    }

    /// Encodes a value, or, for base64, the whole text with its values.
    pub fn encode(self, text: &[u8]) -> Vec<u8> {
        match self {
            Self::Base64(form) => encode_base64_form(text, form).into_bytes(),
            Self::Percent { layers } => {
                (0..layers).fold(text.to_vec(), |text, _| percent_encoded(&text).into_bytes())
            }
            Self::Json { layers } => (0..layers).fold(text.to_vec(), |text, _| json_encoded(&text)),
        }
    }

    /// The most bytes that [`Codec::encode`] can make of a text of this length.
    pub fn most_bytes(self, bytes: usize) -> usize {
        let times = match self {
            Self::Base64(_) => return bytes / 3 * 4 + 4,
            Self::Percent { layers } => 3_usize.saturating_pow(layers),
            Self::Json { layers } => 6_usize.saturating_mul(2_usize.saturating_pow(layers)),
        };
        bytes.saturating_mul(times)
    }
}

/// Percent escapes of RFC 3986: all but letters, digits and `-._~` is escaped, so that the text fits any part of a
/// URL.
pub fn percent_encoded(text: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            out.push(char::from(*byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    out
}

/// The text as it stands between the quotes of a JSON string.
fn json_encoded(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let mut quoted = keyfill_yaml::to_json(&keyfill_yaml::Value::Str(text.as_ref().into()));
    quoted.pop();
    quoted.remove(0);
    quoted
}

#[cfg(test)]
mod tests {
    use super::{Base64Form, encode_base64_form, may_say_key};

    #[test]
    fn words_that_hold_a_key_are_decoded() {
        let encoded = |text: &str| encode_base64_form(text.as_bytes(), Base64Form::Standard);
        for before in ["", "a", "ab", "user:", "\u{e9}", ">>>???"] {
            for after in ["", "b", "bc", "/d?"] {
                let once = encoded(&format!("{before}<key>{after}"));
                let word = |text: &str| text.trim_end_matches('=').to_owned();
                assert!(may_say_key(word(&once).as_bytes()), "{once}");
                let for_urls = word(&once).replace('+', "-").replace('/', "_");
                assert!(may_say_key(for_urls.as_bytes()), "{for_urls}");
                let twice = word(&encoded(&once));
                assert!(may_say_key(twice.as_bytes()), "{twice}");
            }
        }
    }

    #[test]
    fn usual_words_are_not() {
        for word in ["ConfigMap", "apiVersion", "metadata", "nginx", "password", "kubernetes"] {
            assert!(!may_say_key(word.as_bytes()), "{word}");
        }
    }
}
