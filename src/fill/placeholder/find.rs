//! Finds placeholders in a text.

use super::lex::{NotLexed, lex};
use super::{Fault, PATH_PREFIX};
use memchr::{memchr, memchr2, memmem};
use std::ops::Range;

/// A placeholder that was found in a text, or a broken one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The position of a placeholder, brackets included.
    Placeholder(Range<usize>),
    /// The position of text that begins like a placeholder but is not a valid one, and what is wrong.
    Broken(Range<usize>, Fault),
}

/// Finds placeholders in a text. `keys` says that the document has a path annotation, so that key placeholders
/// (`<key>`) are found too.
pub fn find(text: &[u8], keys: bool) -> Finder<'_> {
    // Text after a broken placeholder is parsed again, which could take quadratic time. This bound is far above
    // what ordinary text needs.
    let patience = text.len().saturating_mul(16).saturating_add(1 << 20);
    Finder { text, at: 0, keys, patience, avp: AvpView::default() }
}

/// The placeholders of a text, in order.
#[derive(Debug)]
pub struct Finder<'t> {
    text: &'t [u8],
    at: usize,
    keys: bool,
    /// How many bytes may still be parsed for broken placeholders.
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
            // The text of a broken placeholder may contain a valid one: `<path:a <path:b#c>`.
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
                    // A `<` without a `>` on its line is ordinary text, such as a comparison.
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

    /// Parses the path form, whose prefix is at `start`: a path up to `#`, a key, and optionally `#` and a version.
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

    /// The end of a broken placeholder as an error shows it: the end of its line, or the beginning of the next
    /// placeholder. The parser has read it up to `seen`.
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

    /// Whether AVP treats the broken placeholder at `start` as ordinary text, which is not changed.
    pub fn is_text_to_avp(&mut self, start: usize) -> bool {
        if self.keys { !self.avp.closes_in_line(self.text, start) } else { !self.avp.takes(self.text, start) }
    }
}

/// The text that AVP's regular expressions match as a placeholder: in the path form line ends and quotes have no
/// meaning, and the path continues over `>` up to the next `#`. Results are cached, since a text may have many
/// broken placeholders.
#[derive(Debug, Default)]
struct AvpView {
    /// The range from the position that was asked for to the first `#` after it or the text's end, and whether a
    /// valid key follows.
    known: Option<(Range<usize>, bool)>,
    /// The first `>` or line end after the position that was asked for, or the text's end.
    end: Option<usize>,
}

impl AvpView {
    /// Whether a `>` follows on the line, so that AVP treats the text as a key placeholder. Positions must be
    /// asked for in ascending order.
    fn closes_in_line(&mut self, text: &[u8], start: usize) -> bool {
        let end = match self.end {
            Some(end) if end >= start => end,
            _ => start + memchr2(b'>', b'\n', &text[start..]).unwrap_or(text.len() - start),
        };
        self.end = Some(end);
        text.get(end) == Some(&b'>')
    }

    /// Whether AVP treats the text as a path placeholder. Positions must be asked for in ascending order.
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

/// Whether a key, optionally a version, and a `>` follow a `#`.
fn closes_behind(text: &[u8], hash: usize) -> bool {
    // The end of a part of at least one byte that begins at `from`, and the byte at that end.
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
