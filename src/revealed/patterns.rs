//! Finds secret values in a text: as they are, in parts, in upper or lower case, backwards, with other characters
//! between their letters, and encoded.
//!
//! A template can compute anything from a value, so that this finds the usual changes, not all possible ones. The
//! author of the chart gets the value in the manifests anyway.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use keyfill_secrets::SecretBytes;
use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

/// A value shorter than this, in bytes, is hidden only where it is a separate word, since one letter is in every
/// message.
const SHORT: usize = 4;

/// Any part of this length, in bytes, of a longer value is hidden, since messages cut and wrap quoted texts.
const PART: usize = 10;

/// A value with fewer letters and digits than this is not searched with other characters between them, since the
/// letters of a short word occur by chance.
const FOLDED: usize = 8;

/// A run of letters and digits shorter than this is not decoded.
const ENCODED: usize = 6;

/// The deepest nesting of encoded texts that is decoded.
const NESTED: u8 = 3;

/// Hashes of texts of up to [`PART`] bytes, by the texts' length. If another text has the same hash, it is hidden
/// too.
type Texts = [HashSet<u64>; PART + 1];

/// The search patterns of all values.
#[derive(Default)]
pub struct Patterns {
    /// The values as they are and in escaped forms.
    exact: Texts,
    /// In lower case, forwards and backwards.
    lower: Texts,
    /// Letters and digits alone, in lower case, forwards and backwards.
    folded: Texts,
    short: HashSet<Vec<u8>>,
}

impl Patterns {
    /// Makes the patterns of values.
    pub fn of(values: &[SecretBytes]) -> Self {
        let mut patterns = Self::default();
        for value in values {
            for line in value.expose().split(|b| *b == b'\n').map(<[u8]>::trim_ascii) {
                patterns.add(line);
            }
            let (folded, _) = folded(value.expose());
            if folded.len() >= FOLDED {
                add_both_ways(&mut patterns.folded, folded);
            }
        }
        patterns
    }

    /// Adds a line of a value in each of its forms. For a long line every part is added, so that longer parts and
    /// the whole line are found.
    fn add(&mut self, line: &[u8]) {
        if line.len() < SHORT {
            self.short.insert(line.to_vec());
            return;
        }
        for form in forms(line) {
            add(&mut self.exact, &form);
        }
        add_both_ways(&mut self.lower, line.to_ascii_lowercase());
    }

    /// The ranges to hide, which may overlap, and the number of bytes that were searched, decoded texts included.
    pub fn find(&self, text: &[u8]) -> (Vec<Range<usize>>, usize) {
        let mut looked_at = 0;
        let spans = self.spans(text, NESTED, &mut looked_at);
        // An encoded value that is spaced out or wrapped is found only in the text without other characters.
        let squeezed: Vec<u8> = text.iter().copied().filter(|b| is_encoding(*b)).collect();
        if spans.is_empty()
            && squeezed.len() < text.len()
            && self.is_encoded(&squeezed, NESTED - 1, &mut looked_at)
        {
            return (std::iter::once(0..text.len()).collect(), looked_at);
        }
        (spans, looked_at)
    }

    fn spans(&self, text: &[u8], nested: u8, looked_at: &mut usize) -> Vec<Range<usize>> {
        *looked_at += text.len();
        let mut spans = found(&self.exact, text);
        spans.extend(found(&self.lower, &text.to_ascii_lowercase()));
        let (folded, places) = folded(text);
        let whole = |span: Range<usize>| Some(*places.get(span.start)?..places.get(span.end - 1)? + 1);
        spans.extend(found(&self.folded, &folded).into_iter().filter_map(whole));
        // Short values are not searched in decoded texts, since random bytes contain any short word.
        if nested == NESTED {
            spans.extend(runs(text, is_word).filter(|run| self.short.contains(&text[run.clone()])));
        }
        if nested > 0 {
            let encoded = runs(text, is_encoding).filter(|run| run.len() >= ENCODED);
            spans.extend(encoded.filter(|run| self.is_encoded(&text[run.clone()], nested - 1, looked_at)));
        }
        spans
    }

    /// Whether a run of characters decodes to a text with a value.
    fn is_encoded(&self, run: &[u8], nested: u8, looked_at: &mut usize) -> bool {
        let mut holds = |plain: &[u8]| !self.spans(plain, nested, looked_at).is_empty();
        base64(run).any(|plain| holds(&plain))
            || runs(run, |b| b.is_ascii_hexdigit()).any(|digits| hex(&run[digits]).any(|plain| holds(&plain)))
            || base32(run).any(|plain| holds(&plain))
    }
}

/// Adds all parts of a text.
fn add(texts: &mut Texts, text: &[u8]) {
    let length = text.len().min(PART);
    texts[length].extend(text.windows(length).map(packed));
}

fn add_both_ways(texts: &mut Texts, mut text: Vec<u8>) {
    add(texts, &text);
    text.reverse();
    add(texts, &text);
}

/// The ranges in `text` that are one of `texts`.
fn found(texts: &Texts, text: &[u8]) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    for (length, texts) in texts.iter().enumerate().filter(|(_, texts)| !texts.is_empty()) {
        let found = text.windows(length).enumerate().filter(|(_, part)| texts.contains(&packed(part)));
        spans.extend(found.map(|(at, _)| at..at + length));
    }
    spans
}

/// The letters and digits of a text in lower case, and the position of each.
fn folded(text: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let words = text.iter().enumerate().filter(|(_, b)| is_word(**b));
    words.map(|(at, b)| (b.to_ascii_lowercase(), at)).unzip()
}

/// A hash of a text of at most [`PART`] bytes.
fn packed(text: &[u8]) -> u64 {
    const ODD: u64 = 0x517c_c1b7_2722_0a95;
    text.iter().fold(0, |number: u64, byte| (number.rotate_left(5) ^ u64::from(*byte)).wrapping_mul(ODD))
}

/// Decodes a run of characters as base64 of either alphabet, from each of the four possible start positions, since
/// the characters before the base64 may belong to the run.
fn base64(run: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    const FORM: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let standard: Vec<u8> = run
        .iter()
        .map(|b| match b {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    (0..4).filter_map(move |start| {
        let text = standard.get(start..)?;
        // A single last character cannot be decoded.
        let end = text.len() - usize::from(text.len() % 4 == 1);
        FORM.decode(&text[..end]).ok()
    })
}

/// A line as it is, and as escaped in JSON, Go's `%q`, YAML, HTML and URLs.
fn forms(line: &[u8]) -> Vec<Cow<'_, [u8]>> {
    let mut forms = vec![Cow::Borrowed(line)];
    let mut add = |form: Vec<u8>| {
        if form != line {
            forms.push(Cow::Owned(form));
        }
    };
    if let Ok(text) = std::str::from_utf8(line) {
        let json = serde_json::to_vec(text).unwrap_or_default();
        add(json.get(1..json.len().saturating_sub(1)).unwrap_or_default().to_vec());
        // YAML's single quotes, and the escapes of `<`, `>` and `&` in Go's JSON and in HTML.
        add(text.replace('\'', "''").into_bytes());
        add(text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026").into_bytes());
        add(text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").into_bytes());
        add(url::form_urlencoded::byte_serialize(line).collect::<String>().into_bytes());
        add(url::form_urlencoded::byte_serialize(line).collect::<String>().replace('+', "%20").into_bytes());
    }
    forms.retain(|form| form.len() >= SHORT);
    forms
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

fn is_encoding(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// The maximal runs of bytes of a kind.
fn runs(text: &[u8], is_of_kind: fn(u8) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text.get(at..)?.iter().position(|b| is_of_kind(*b))?;
        let length = text[start..].iter().position(|b| !is_of_kind(*b)).unwrap_or(text.len() - start);
        at = start + length;
        Some(start..at)
    })
}

/// Decodes a run of hexadecimal digits from both possible start positions.
fn hex(run: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok()).unwrap_or_default();
    (0..2).filter_map(move |start| {
        let pairs = run.get(start..)?.chunks_exact(2);
        Some(pairs.map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect())
    })
}

/// Decodes a run of characters as base32 from each of the eight possible start positions.
fn base32(run: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let digits: Option<Vec<u8>> = run
        .iter()
        .map(|b| match b {
            b'A'..=b'Z' => Some(b - b'A'),
            b'2'..=b'7' => Some(b - b'2' + 26),
            _ => None,
        })
        .collect();
    let digits = digits.unwrap_or_default();
    (0..8).filter_map(move |start| {
        let (mut plain, mut bits, mut held) = (Vec::new(), 0_u32, 0);
        for digit in digits.get(start..).filter(|rest| !rest.is_empty())? {
            bits = bits << 5 | u32::from(*digit);
            held += 5;
            if held >= 8 {
                held -= 8;
                plain.push((bits >> held & 0xff) as u8);
            }
        }
        Some(plain)
    })
}
