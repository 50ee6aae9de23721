//! The placeholder language: where placeholders stand in a text, and what one says.
//!
//! `<path:PATH#KEY>`, `<path:PATH#KEY#VERSION>`, and, in a document with a path annotation, `<KEY>`; each
//! with modifiers behind bars: `<password | base64encode>`. A placeholder ends at the first `>`, so that
//! `<a> <b>` are two. The path form may span lines, the key form may not.

use memchr::{memchr, memchr2, memmem};
use std::fmt;
use std::ops::Range;

/// How the path form begins.
pub const PATH_PREFIX: &[u8] = b"<path:";

/// What a text holds at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A placeholder, with its brackets.
    Placeholder(Range<usize>),
    /// Text that begins as the path form does and is none.
    Broken(Range<usize>, Fault),
}

/// What is wrong with a placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No `>` ends it.
    Unclosed,
    /// It has no `#`: no key is named.
    NoKey,
    /// The path is empty, or begins with what is no path.
    EmptyPath,
    /// The key is empty.
    EmptyKey,
    /// There is more than a path, a key and a version.
    TooManyParts,
    /// The version is empty.
    EmptyVersion,
    /// A bar with nothing behind it.
    EmptyModifier,
    /// A key placeholder without a name: `<>`.
    NoName,
    /// Its bytes are no UTF-8.
    NotText,
    /// The path holds a line break or another control character.
    ControlCharacter,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unclosed => "is not closed: there is no > after it",
            Self::NoKey => "names no key: there is no # in it",
            Self::EmptyPath => "has an empty path",
            Self::EmptyKey => "has an empty key",
            Self::TooManyParts => "has too many parts: after path, key and version there is another #",
            Self::EmptyVersion => "has an empty version",
            Self::EmptyModifier => "has a | with no modifier behind it",
            Self::NoName => "names no key",
            Self::NotText => "is not valid UTF-8",
            Self::ControlCharacter => "has a line break or another control character in its path",
        })
    }
}

/// What a placeholder says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// What it asks for.
    pub target: Target,
    /// What is done with the value, in order.
    pub calls: Vec<Call>,
}

/// What a placeholder asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A key of the secret that the document's annotation names.
    Key(String),
    /// A key of the secret at a path.
    Path {
        /// The path as written, perhaps a template.
        path: String,
        /// The key.
        key: String,
        /// The version as written.
        version: Option<String>,
    },
}

/// One modifier as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The modifier's name.
    pub name: String,
    /// What stands behind the name, without white space around it.
    pub argument: String,
}

/// Finds placeholders in a text. With `keys` the key form counts too: the document has a path annotation.
pub fn find(text: &[u8], keys: bool) -> Finder<'_> {
    Finder { text, at: 0, keys }
}

/// The placeholders of a text, in order.
#[derive(Debug)]
pub struct Finder<'t> {
    text: &'t [u8],
    at: usize,
    keys: bool,
}

impl Iterator for Finder<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        let found = if self.keys { self.next_of_any_form() } else { self.next_of_path_form() }?;
        self.at = match &found {
            Found::Placeholder(span) => span.end,
            // What follows may hold a whole placeholder: `<path:a <path:b#c>`.
            Found::Broken(span, _) => span.start + PATH_PREFIX.len(),
        };
        Some(found)
    }
}

impl Finder<'_> {
    fn next_of_path_form(&self) -> Option<Found> {
        let start = self.at + memmem::find(&self.text[self.at..], PATH_PREFIX)?;
        Some(self.path_form(start))
    }

    fn next_of_any_form(&self) -> Option<Found> {
        let mut at = self.at;
        loop {
            let start = at + memchr(b'<', self.text.get(at..)?)?;
            let rest = &self.text[start..];
            if let Some(end) = memchr2(b'>', b'\n', rest)
                && rest[end] == b'>'
            {
                return Some(Found::Placeholder(start..start + end + 1));
            }
            if rest.starts_with(PATH_PREFIX) {
                return Some(self.path_form(start));
            }
            at = start + 1;
        }
    }

    /// The path form at a place where its prefix stands: a path up to `#`, a key, perhaps `#` and a version.
    fn path_form(&self, start: usize) -> Found {
        let text = self.text;
        let path = start + PATH_PREFIX.len();
        let close = memchr(b'>', &text[path..]).map(|i| path + i);
        let broken = |end: usize, fault| Found::Broken(start..end, fault);
        // Before the first bar there is no `<`: it begins the next one.
        let stop = close.unwrap_or(text.len());
        let head = memchr(b'|', &text[path..stop]).map_or(stop, |i| path + i);
        let opens = memchr(b'<', &text[path..head]).map(|i| path + i);
        let (Some(close), None) = (close, opens) else {
            // Up to the end of the line is what a person takes for the placeholder.
            let stop = opens.unwrap_or(text.len());
            let end = memchr(b'\n', &text[path..stop]).map_or(stop, |i| path + i);
            return broken(end, Fault::Unclosed);
        };
        let parts: Vec<&[u8]> = text[path..close].split(|b| *b == b'#').collect();
        match parts.as_slice() {
            [_] => broken(close + 1, Fault::NoKey),
            [[], ..] => broken(close + 1, Fault::EmptyPath),
            [_, []] | [_, [], _] => broken(close + 1, Fault::EmptyKey),
            [_, _, []] => broken(close + 1, Fault::EmptyVersion),
            // A # behind the first bar belongs to a modifier's argument.
            [_, _] | [_, _, _] => Found::Placeholder(start..close + 1),
            _ if in_fields(&text[path..close]) <= 3 => Found::Placeholder(start..close + 1),
            _ => broken(close + 1, Fault::TooManyParts),
        }
    }
}

/// How many parts stand before the first bar.
fn in_fields(inner: &[u8]) -> usize {
    let head = memchr(b'|', inner).map_or(inner, |bar| &inner[..bar]);
    head.split(|b| *b == b'#').count()
}

/// Whether AVP takes the path form at a place of a text for a placeholder. It knows no line ends and lets
/// the path run over `>` up to the next `#`.
fn avp_takes(text: &[u8], start: usize) -> bool {
    // The end of a part of at least one byte that begins at `from`, and the byte there.
    let part = |from: usize| {
        let rest = text.get(from..).filter(|rest| rest.first().is_some_and(|b| *b != b'#'))?;
        let end = from + 1 + memchr2(b'#', b'>', &rest[1..])?;
        Some((end, text[end]))
    };
    let path = start + PATH_PREFIX.len();
    let Some(hash) = memchr(b'#', &text[path..]).filter(|length| *length > 0) else { return false };
    match part(path + hash + 1) {
        Some((_, b'>')) => true,
        Some((hash, _)) => part(hash + 1).is_some_and(|(_, end)| end == b'>'),
        None => false,
    }
}

impl Finder<'_> {
    /// Whether AVP takes a broken placeholder at a place for ordinary text, which stays as it is.
    pub fn is_text_to_avp(&self, start: usize) -> bool {
        self.keys || !avp_takes(self.text, start)
    }
}

/// Reads one placeholder, with its brackets.
pub fn parse(token: &[u8]) -> Result<Placeholder, Fault> {
    let token = std::str::from_utf8(token).map_err(|_| Fault::NotText)?;
    // AVP takes every bracket off both ends: `<<key>` is the key.
    let inner = token.trim_matches(['<', '>']);
    let mut fields = inner.split('|');
    let target = target(fields.next().unwrap_or_default().trim())?;
    let calls = fields.map(call).collect::<Result<_, _>>()?;
    Ok(Placeholder { target, calls })
}

fn target(text: &str) -> Result<Target, Fault> {
    let Some(text) = text.strip_prefix("path:") else {
        return if text.is_empty() { Err(Fault::NoName) } else { Ok(Target::Key(text.to_owned())) };
    };
    let parts: Vec<&str> = text.split('#').map(str::trim).collect();
    let (path, key, version) = match parts.as_slice() {
        [_] => return Err(Fault::NoKey),
        [path, key] => (*path, *key, None),
        [path, key, version] => (*path, *key, Some(*version)),
        _ => return Err(Fault::TooManyParts),
    };
    if path.is_empty() {
        Err(Fault::EmptyPath)
    } else if path.contains(char::is_control) {
        Err(Fault::ControlCharacter)
    } else if key.is_empty() {
        Err(Fault::EmptyKey)
    } else if version.is_some_and(str::is_empty) {
        Err(Fault::EmptyVersion)
    } else {
        Ok(Target::Path { path: path.to_owned(), key: key.to_owned(), version: version.map(str::to_owned) })
    }
}

fn call(text: &str) -> Result<Call, Fault> {
    let text = text.trim();
    let (name, argument) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    if name.is_empty() {
        return Err(Fault::EmptyModifier);
    }
    Ok(Call { name: name.to_owned(), argument: argument.trim().to_owned() })
}

impl Target {
    /// The key.
    pub fn key(&self) -> &str {
        match self {
            Self::Key(key) | Self::Path { key, .. } => key,
        }
    }
}

#[cfg(test)]
#[path = "placeholder_tests.rs"]
mod tests;
