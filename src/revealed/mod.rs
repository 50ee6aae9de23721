//! Remembers secret values that were given to engines, and removes them from messages.
//!
//! A template that gets a secret can show it in an error: in the text of `fail`, in a line that is not valid YAML,
//! in a schema's message about a value. So messages about such a rendering go through [`Revealed::redact`], which
//! removes the values: as they are, in parts, in upper or lower case, backwards, spaced out and encoded. Before
//! that, `twin` removes from an error everything that depends on the values. Such a rendering is neither cached
//! nor logged; [`Revealed::is_empty`] says whether there is anything to hide.

mod patterns;
mod twin;

use crate::report::Failure;
use keyfill_diag::{Diagnostic, ObjectRef};
use keyfill_secrets::SecretBytes;
use patterns::Patterns;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
pub use twin::{Disguise, TWINS, in_common};

/// The text that replaces a value.
const HIDDEN: &str = "***";

/// The most bytes of values that are remembered. If a rendering gets more, no message of it is shown: the search
/// needs about seventy times as much memory as the values.
const MOST: usize = 1 << 20;

/// The most bytes in which values are searched, decoded texts included; after that no message is shown. A hundred
/// usual problems need less than a hundredth of it.
const MOST_LOOKED_AT: usize = 16 << 20;

/// How many bytes at the end of a cut-off text are hidden, since a part of a value would not be found there.
const AT_THE_CUT: usize = 1 << 10;

/// Secret values that were given to an engine. There is no Display, and the Debug text shows only their number.
#[derive(Default)]
pub struct Revealed(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    values: Vec<SecretBytes>,
    /// The hashes of the values, with the random `keys`.
    hashes: HashSet<u64>,
    keys: RandomState,
    /// The search patterns of the values, made when they are first needed.
    patterns: Option<Arc<Patterns>>,
    /// How many bytes were searched so far.
    looked_at: usize,
    bytes: usize,
    /// There were more values than are remembered: no message may be shown.
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

    /// Remembers a value. Call it before an engine gets the value.
    pub fn add(&self, value: &[u8]) {
        let mut kept = self.lock();
        kept.bytes = kept.bytes.saturating_add(value.len().max(1));
        if kept.bytes > MOST {
            kept.overflowed = true;
        } else {
            kept.values.push(SecretBytes::new(value));
            let hash = kept.keys.hash_one(value);
            kept.hashes.insert(hash);
            kept.patterns = None;
        }
    }

    /// Whether no engine got a secret.
    pub fn is_empty(&self) -> bool {
        let kept = self.lock();
        kept.values.is_empty() && !kept.overflowed
    }

    /// Whether a text is one of the values, as a whole.
    pub fn holds(&self, text: &[u8]) -> bool {
        let kept = self.lock();
        kept.overflowed || kept.hashes.contains(&kept.keys.hash_one(text))
    }

    /// The text with the values, plain or encoded, replaced by `***`.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut guard = self.lock();
        let kept = &mut *guard;
        if kept.overflowed || kept.looked_at > MOST_LOOKED_AT && !kept.values.is_empty() {
            return Cow::Owned(HIDDEN.to_owned());
        }
        if kept.values.is_empty() {
            return Cow::Borrowed(text);
        }
        let patterns = match &kept.patterns {
            Some(patterns) => Arc::clone(patterns),
            None => Arc::clone(kept.patterns.insert(Arc::new(Patterns::of(&kept.values)))),
        };
        let (mut spans, looked_at) = patterns.find(text.as_bytes());
        kept.looked_at += looked_at;
        drop(guard);
        if text.len() >= Diagnostic::MOST_MESSAGE {
            spans.push(text.len() - AT_THE_CUT..text.len());
        }
        if spans.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(without(text, spans)) }
    }

    /// The problem with the values replaced in all its texts.
    pub fn diagnostic(&self, diagnostic: Diagnostic) -> Diagnostic {
        if self.is_empty() {
            return diagnostic;
        }
        let mut diagnostic = diagnostic.bounded();
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

    /// The problems with the values replaced.
    pub fn diagnostics(&self, diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
        diagnostics.into_iter().map(|diagnostic| self.diagnostic(diagnostic)).collect()
    }

    /// The error with the values replaced: only its problems are kept, not its causes.
    pub fn error(&self, error: anyhow::Error) -> anyhow::Error {
        if self.is_empty() {
            return error;
        }
        Failure::of_any(&error).rewritten(|problem| self.diagnostic(problem)).into()
    }
}

/// The text with the spans hidden. If a span begins or ends inside a character, the whole character is hidden.
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
            secret.bytes().map(|b| format!("{b:02X} ")).collect(),
            secret.to_uppercase(),
            secret.chars().rev().collect(),
            secret.replace([' ', '<', '>', '\''], "_-"),
            secret.chars().map(|c| format!("{c} ")).collect(),
            secret.chars().map(|c| format!("{c}\n")).collect(),
            base64(secret).as_bytes().chunks(4).map(|c| format!("{} ", String::from_utf8_lossy(c))).collect(),
        ] {
            let shown = revealed.redact(&text);
            for part in ["horse", "battery", "staple", "line of", "elpats", "b a t t"] {
                assert!(!shown.to_lowercase().contains(part), "{shown}");
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
    fn a_value_in_base32_is_hidden_and_short_words_are_not_found_across_others() {
        let revealed = revealed(&["hush-hush", "latest"]);
        assert_eq!(revealed.redact("is NB2XG2BNNB2XG2A="), "is ***=");
        assert_eq!(revealed.redact("a plate standing"), "a plate standing");
        assert_eq!(revealed.redact("LATEST"), "***");
    }

    #[test]
    fn a_hundred_long_problems_about_many_values_are_told_in_a_second() {
        let value =
            |n: usize| format!("value-{n}-{}", n.wrapping_mul(0x9e37_79b9).wrapping_pow(2) % 1_000_003);
        let values: Vec<String> = (0..8_000).map(value).collect();
        let revealed = revealed(&values.iter().map(String::as_str).collect::<Vec<_>>());
        let text = values.join(" ") + &"QUJDREVGR0g".repeat(100_000);
        let problem = Diagnostic::error(Class::Render, text).hint("a hint").via("a step");
        let began = std::time::Instant::now();
        let told = revealed.diagnostics(vec![problem; 100]);
        let limit = if cfg!(debug_assertions) { 60 } else { 5 };
        assert!(told.iter().any(|told| told.message == super::HIDDEN), "the others are not looked at");
        assert!(began.elapsed().as_secs() < limit, "{:?}", began.elapsed());
        assert!(told.iter().all(|told| told.message.len() < 70_000 && !told.message.contains("value-12-")));
    }

    #[test]
    fn what_stands_where_a_text_was_cut_off_is_hidden() {
        let revealed = revealed(&["correct horse battery staple"]);
        let text =
            "x".repeat(Diagnostic::MOST_MESSAGE - 5) + "correct horse battery staple" + &"y".repeat(1_000);
        let told = revealed.diagnostic(Diagnostic::error(Class::Render, text));
        assert!(!told.message.contains("corr") && told.message.ends_with("***"), "{}", told.message.len());
    }

    #[test]
    fn a_value_is_known_again_as_a_whole() {
        let revealed = revealed(&["hush-hush", "latest"]);
        assert!(revealed.holds(b"latest") && revealed.holds(b"hush-hush"));
        assert!(!revealed.holds(b"hush") && !revealed.holds(b""));
        revealed.add(&vec![b'x'; super::MOST + 1]);
        assert!(revealed.holds(b"anything") && revealed.redact("anything") == "***");
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
