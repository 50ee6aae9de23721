//! Finds placeholders in a text.

use super::lex::{NotLexed, lex};
use super::{Fault, PATH_PREFIX};
use memchr::{memchr, memchr2, memmem};
use std::ops::Range;

/// What a text holds at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A placeholder, with its brackets.
    Placeholder(Range<usize>),
    /// Text that begins as a placeholder does and is none.
    Broken(Range<usize>, Fault),
}

/// Finds placeholders in a text. With `keys` the key form counts too: the document has a path annotation.
pub fn find(text: &[u8], keys: bool) -> Finder<'_> {
    // Each broken placeholder is read anew from where it begins: so much of that is normal in any text.
    let patience = text.len().saturating_mul(16).saturating_add(1 << 20);
    Finder { text, at: 0, keys, patience, avp: AvpView::default() }
}

/// The placeholders of a text, in order.
#[derive(Debug)]
pub struct Finder<'t> {
    text: &'t [u8],
    at: usize,
    keys: bool,
    /// Bytes that may still be read in vain.
    patience: usize,
    avp: AvpView,
}

impl Iterator for Finder<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        let found = if self.keys { self.next_of_any_form() } else { self.next_of_path_form() }?;
        self.at = match &found {
            Found::Placeholder(span) => span.end,
            Found::Broken(_, Fault::TooManyBroken) => self.text.len(),
            // What follows may hold a whole placeholder: `<path:a <path:b#c>`.
            Found::Broken(span, _) => span.start + 1,
        };
        Some(found)
    }
}

impl Finder<'_> {
    fn next_of_path_form(&mut self) -> Option<Found> {
        let start = self.at + memmem::find(self.text.get(self.at..)?, PATH_PREFIX)?;
        Some(self.path_form(start))
    }

    fn next_of_any_form(&mut self) -> Option<Found> {
        let mut at = self.at;
        loop {
            let start = at + memchr(b'<', self.text.get(at..)?)?;
            if self.text[start..].starts_with(PATH_PREFIX) {
                return Some(self.path_form(start));
            }
            match lex(self.text, start, true) {
                Ok(lexed) => return Some(Found::Placeholder(start..lexed.end)),
                Err(NotLexed { at: seen, .. }) if self.patience < seen - start => {
                    return Some(Found::Broken(start..seen.min(start + 80), Fault::TooManyBroken));
                }
                Err(NotLexed { fault, at: seen }) => {
                    self.patience -= seen - start;
                    // Without a bracket on its line it is text, such as a comparison.
                    if fault != Fault::Unclosed
                        && let Some(end) = memchr2(b'>', b'\n', &self.text[start..])
                        && self.text[start + end] == b'>'
                    {
                        return Some(Found::Broken(start..self.shown_end(start, seen), fault));
                    }
                }
            }
            at = start + 1;
        }
    }

    /// The path form at a place where its prefix stands: a path up to `#`, a key, perhaps `#` and a version.
    fn path_form(&mut self, start: usize) -> Found {
        let lexed = match lex(self.text, start, self.keys) {
            Ok(lexed) => lexed,
            Err(NotLexed { at, .. }) if self.patience < at - start => {
                return Found::Broken(start..at.min(start + 80), Fault::TooManyBroken);
            }
            Err(NotLexed { fault, at }) => {
                self.patience -= at - start;
                return Found::Broken(start..self.shown_end(start, at), fault);
            }
        };
        let inner = &self.text[lexed.head.start + PATH_PREFIX.len() - 1..lexed.head.end];
        let parts: Vec<&[u8]> = inner.splitn(4, |b| *b == b'#').collect();
        let fault = match parts.as_slice() {
            [_] => Some(Fault::NoKey),
            [[], ..] => Some(Fault::EmptyPath),
            [_, []] | [_, [], _] => Some(Fault::EmptyKey),
            [_, _, []] => Some(Fault::EmptyVersion),
            [_, _] | [_, _, _] => None,
            _ => Some(Fault::TooManyParts),
        };
        match fault {
            None => Found::Placeholder(start..lexed.end),
            Some(fault) => Found::Broken(start..lexed.end, fault),
        }
    }

    /// The end of what a person takes for the placeholder that was read up to a place: its line's end, or the
    /// next one's beginning.
    fn shown_end(&self, start: usize, seen: usize) -> usize {
        let rest = &self.text[seen..];
        let line = memchr(b'\n', &self.text[start..seen]).map(|end| start + end);
        let stop = match line {
            Some(end) => end,
            None if rest.first() == Some(&b'<') => seen,
            None => seen + rest.iter().take(200).position(|b| *b == b'\n').unwrap_or(rest.len().min(200)),
        };
        stop.max(start + 1)
    }

    /// Whether AVP takes a broken placeholder at a place for ordinary text, which stays as it is.
    pub fn is_text_to_avp(&mut self, start: usize) -> bool {
        if self.keys { !self.avp.closes_in_line(self.text, start) } else { !self.avp.takes(self.text, start) }
    }
}

/// What AVP takes for the path form: it knows no line ends and no quotes, and lets the path run over `>` up
/// to the next `#`. What was found for a `#` is kept, since the places asked for may be many.
#[derive(Debug, Default)]
struct AvpView {
    /// The first `#` behind a place, or the text's end, and what stands behind it.
    known: Option<(Range<usize>, bool)>,
    /// The first `>` or line's end behind a place, or the text's end.
    end: Option<usize>,
}

impl AvpView {
    /// Whether a `>` follows on the line: then it is a placeholder of the key form. Places must be asked for in
    /// their order.
    fn closes_in_line(&mut self, text: &[u8], start: usize) -> bool {
        let end = match self.end {
            Some(end) if end >= start => end,
            _ => start + memchr2(b'>', b'\n', &text[start..]).unwrap_or(text.len() - start),
        };
        self.end = Some(end);
        text.get(end) == Some(&b'>')
    }

    /// Places must be asked for in their order.
    fn takes(&mut self, text: &[u8], start: usize) -> bool {
        let path = start + PATH_PREFIX.len();
        let (hash, closes) = match &self.known {
            Some((span, closes)) if span.contains(&path) => (span.end - 1, *closes),
            _ => {
                let hash = memchr(b'#', text.get(path..).unwrap_or_default()).map(|at| path + at);
                let closes = hash.is_some_and(|hash| closes_behind(text, hash));
                let hash = hash.unwrap_or(text.len());
                self.known = Some((path..hash + 1, closes));
                (hash, closes)
            }
        };
        hash > path && closes
    }
}

/// Whether a key, perhaps a version, and a bracket follow a `#`.
fn closes_behind(text: &[u8], hash: usize) -> bool {
    // The end of a part of at least one byte that begins at `from`, and the byte there.
    let part = |from: usize| {
        let rest = text.get(from..).filter(|rest| rest.first().is_some_and(|b| *b != b'#'))?;
        let end = from + 1 + memchr2(b'#', b'>', &rest[1..])?;
        Some((end, text[end]))
    };
    match part(hash + 1) {
        Some((_, b'>')) => true,
        Some((hash, _)) => part(hash + 1).is_some_and(|(_, end)| end == b'>'),
        None => false,
    }
}
