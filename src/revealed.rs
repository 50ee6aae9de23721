//! Secret values that a rendering has seen before its end, and messages without them.
//!
//! A template that is handed a secret can show it in an error: in the text that `fail` is given, in the line that
//! is not valid YAML, in what a schema says of a value. So what is told of such a rendering goes through
//! [`Revealed::redact`], which takes the values out: as they are, in parts, and encoded. And such a rendering is
//! neither kept in a cache nor logged; [`Revealed::is_empty`] says whether there is anything to hide.

use crate::report::Failure;
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use keyfill_diag::{Diagnostic, ObjectRef};
use keyfill_secrets::SecretBytes;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What stands in a value's place.
const HIDDEN: &str = "***";

/// A value shorter than this is hidden only where it stands as a word of its own: one letter is in every message.
const SHORT: usize = 4;

/// So many bytes of a longer value are hidden, wherever they stand: messages cut and wrap what they quote.
const PART: usize = 10;

/// A run of letters and digits shorter than this is not looked at as an encoded text.
const ENCODED: usize = 6;

/// How often an encoded text inside an encoded text is looked into.
const NESTED: u8 = 3;

/// Bytes of values that are remembered. Of a rendering that has seen more, no message is shown.
const MOST: usize = 4 << 20;

/// Secret values that were handed to an engine. There is no Display, and its Debug text is their number.
#[derive(Default)]
pub struct Revealed(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    values: Vec<SecretBytes>,
    bytes: usize,
    /// More was revealed than is remembered: then nothing of a message may be shown.
    overflowed: bool,
}

impl fmt::Debug for Revealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Revealed({})", self.lock().values.len())
    }
}

impl Revealed {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a value, before an engine sees it.
    pub fn add(&self, value: &[u8]) {
        let mut kept = self.lock();
        kept.bytes = kept.bytes.saturating_add(value.len().max(1));
        if kept.bytes > MOST {
            kept.overflowed = true;
        } else {
            kept.values.push(SecretBytes::new(value));
        }
    }

    /// Whether no engine has seen a secret.
    pub fn is_empty(&self) -> bool {
        let kept = self.lock();
        kept.values.is_empty() && !kept.overflowed
    }

    /// Whether a text is one of the values, as a whole.
    pub fn holds(&self, text: &[u8]) -> bool {
        let kept = self.lock();
        kept.overflowed || kept.values.iter().any(|value| value.expose() == text)
    }

    /// A text without the values, and without what encodes them.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let kept = self.lock();
        if kept.overflowed {
            return Cow::Borrowed(HIDDEN);
        }
        if kept.values.is_empty() {
            return Cow::Borrowed(text);
        }
        let patterns = Patterns::of(&kept.values);
        let spans = patterns.spans(text.as_bytes(), NESTED);
        if spans.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(without(text, spans)) }
    }

    /// A problem without the values.
    pub fn diagnostic(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        if self.is_empty() {
            return diagnostic;
        }
        let change = |text: &mut String| {
            if let Cow::Owned(redacted) = self.redact(text) {
                *text = redacted;
            }
        };
        change(&mut diagnostic.message);
        diagnostic.hint.iter_mut().for_each(change);
        diagnostic.trail.iter_mut().for_each(change);
        let place = &mut diagnostic.place;
        [&mut place.file, &mut place.path, &mut place.source_line].into_iter().flatten().for_each(change);
        if let Some(ObjectRef { kind, namespace, name }) = &mut diagnostic.object {
            [kind, namespace, name].into_iter().for_each(change);
        }
        diagnostic
    }

    /// Problems without the values.
    pub fn diagnostics(&self, diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
        diagnostics.into_iter().map(|diagnostic| self.diagnostic(diagnostic)).collect()
    }

    /// An error without the values: what its problems say, and nothing of its causes.
    pub fn error(&self, error: anyhow::Error) -> anyhow::Error {
        if self.is_empty() {
            return error;
        }
        Failure::of_any(&error).rewritten(|problem| self.diagnostic(problem)).into()
    }
}

/// What is looked for: texts of up to [`PART`] bytes, packed into a number, by their length.
#[derive(Default)]
struct Patterns<'v> {
    texts: [HashSet<u128>; PART + 1],
    short: HashSet<&'v [u8]>,
}

impl<'v> Patterns<'v> {
    fn of(values: &'v [SecretBytes]) -> Self {
        let mut patterns = Self::default();
        for value in values {
            for line in value.expose().split(|b| *b == b'\n').map(<[u8]>::trim_ascii) {
                patterns.add(line);
            }
        }
        patterns
    }

    /// A line of a value, in each of its forms. Of a long one every part is looked for, so that longer parts are
    /// found, and so is the whole.
    fn add(&mut self, line: &'v [u8]) {
        if line.len() < SHORT {
            self.short.insert(line);
            return;
        }
        for form in forms(line) {
            let length = form.len().min(PART);
            self.texts[length].extend(form.windows(length).map(packed));
        }
    }

    /// The places of all that is to be hidden; they may overlap.
    fn spans(&self, text: &[u8], nested: u8) -> Vec<Range<usize>> {
        let mut spans = Vec::new();
        for (length, texts) in self.texts.iter().enumerate().filter(|(_, texts)| !texts.is_empty()) {
            let found = text.windows(length).enumerate().filter(|(_, part)| texts.contains(&packed(part)));
            spans.extend(found.map(|(at, _)| at..at + length));
        }
        spans.extend(runs(text, is_word).filter(|run| self.short.contains(&text[run.clone()])));
        if nested > 0 {
            let encoded = runs(text, is_encoding).filter(|run| run.len() >= ENCODED);
            spans.extend(encoded.filter(|run| self.is_encoded(&text[run.clone()], nested - 1)));
        }
        spans
    }

    /// Whether a run of characters is an encoding of something that holds a value.
    fn is_encoded(&self, run: &[u8], nested: u8) -> bool {
        let holds = |plain: &[u8]| !self.spans(plain, nested).is_empty();
        base64(run).any(|plain| holds(&plain)) || hex(run).is_some_and(|plain| holds(&plain))
    }
}

/// A text of at most [`PART`] bytes as a number.
fn packed(text: &[u8]) -> u128 {
    text.iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// What a run of characters says in base64 of either alphabet, from each place where it may begin: what stands
/// before it may be of the same characters.
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
        // One character alone says nothing.
        let end = text.len() - usize::from(text.len() % 4 == 1);
        FORM.decode(&text[..end]).ok()
    })
}

/// A line as it is, and as JSON, Go's `%q` and addresses write it.
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
        // YAML's single quotes, and what Go's html/json encoders make of three signs.
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

/// The longest stretches of bytes of a kind.
fn runs(text: &[u8], is_of_kind: fn(u8) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text.get(at..)?.iter().position(|b| is_of_kind(*b))?;
        let length = text[start..].iter().position(|b| !is_of_kind(*b)).unwrap_or(text.len() - start);
        at = start + length;
        Some(start..at)
    })
}

fn hex(run: &[u8]) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let whole = run.len().is_multiple_of(2);
    let bytes = run.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?));
    if whole { bytes.collect() } else { None }
}

/// The text with its spans hidden. They may begin or end inside a character: then all of it goes.
fn without(text: &str, mut spans: Vec<Range<usize>>) -> String {
    spans.sort_unstable_by_key(|span| (span.start, span.end));
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    let mut spans = spans.into_iter().peekable();
    while let Some(mut span) = spans.next() {
        while let Some(next) = spans.next_if(|next| next.start <= span.end) {
            span.end = span.end.max(next.end);
        }
        let (start, end) = (text.floor_char_boundary(span.start), text.ceil_char_boundary(span.end));
        out.push_str(text.get(from..start).unwrap_or_default());
        out.push_str(HIDDEN);
        from = end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::Revealed;
    use base64::Engine as _;
    use keyfill_diag::{Class, Diagnostic, Place};

    fn revealed(values: &[&str]) -> Revealed {
        let revealed = Revealed::default();
        values.iter().for_each(|value| revealed.add(value.as_bytes()));
        revealed
    }

    #[test]
    fn a_value_is_hidden_as_it_is_in_parts_and_encoded() {
        let secret = "correct horse <battery> 'staple'\nsecond line of it";
        let revealed = revealed(&[secret]);
        let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        for text in [
            secret.to_owned(),
            format!("{secret:?}"),
            "correct horse <battery> 'staple'".to_owned(),
            "wrapped: second line of it".to_owned(),
            "cut: correct horse <bat...".to_owned(),
            "correct horse \\u003cbattery\\u003e 'staple'".to_owned(),
            "'correct horse <battery> ''staple'''".to_owned(),
            "correct%20horse%20%3Cbattery%3E%20%27staple%27".to_owned(),
            base64(secret),
            base64(&format!("user:{secret}")),
            base64(&base64(&format!("xy{secret}"))),
            secret.bytes().map(|b| format!("{b:02x}")).collect(),
        ] {
            let shown = revealed.redact(&text);
            for part in ["horse", "battery", "staple", "line of"] {
                assert!(!shown.contains(part), "{shown}");
            }
            assert!(shown.contains("***") && shown.len() < text.len() / 2 + 16, "{text}: {shown}");
        }
    }

    #[test]
    fn what_is_no_secret_is_shown() {
        let revealed = revealed(&["hush-hush", "a", "42"]);
        for text in ["a chart", "line 420 of apps/a1/values.yaml", "SGVsbG8sIHdvcmxkIQ==", ""] {
            let shown = revealed.redact(text).replace("*** chart", "a chart");
            assert_eq!(shown, text.to_owned());
        }
        assert_eq!(revealed.redact("is 42, not 'a'"), "is ***, not '***'");
        assert_eq!(revealed.redact("ü hush-hush ü"), "ü *** ü");
        assert_eq!(Revealed::default().redact("hush-hush"), "hush-hush");
    }

    #[test]
    fn every_text_of_a_problem_is_looked_at() {
        let revealed = revealed(&["hush-hush"]);
        let place = Place { source_line: Some("x: hush-hush".into()), ..Place::file("hush-hush", Some(1)) };
        let problem = Diagnostic::error(Class::Render, "hush-hush fails").at(place).hint("not hush-hush");
        let error = anyhow::Error::from(crate::report::Failure::from(problem.via("hush-hush")));
        let error = revealed.error(error);
        assert!(!format!("{error:?}{error:#}").contains("hush"), "{error:?}");
        assert_eq!(crate::report::class(&error), Class::Render);
        assert_eq!(format!("{revealed:?}"), "Revealed(1)");
        let plain = revealed.error(anyhow::anyhow!("cannot write hush-hush"));
        assert_eq!(plain.to_string(), "error: cannot write ***".trim_start_matches("error: "));
    }
}
