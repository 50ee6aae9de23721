//! The placeholder language: where placeholders stand in a text, and what one says.
//!
//! `<path:PATH#KEY>`, `<path:PATH#KEY#VERSION>`, and, in a document with a path annotation, `<KEY>`; each
//! with modifiers behind bars: `<password | base64encode>`. Words of a modifier may stand in quotes, which
//! protect what would end them. The path form may span lines, the key form may not.

mod find;
mod lex;

pub use find::{Found, find};
pub use lex::{MOST_BYTES, MOST_CALLS, lex};

use lex::{Lexed, LexedCall, WordKind};
use std::fmt;

/// How the path form begins.
pub const PATH_PREFIX: &[u8] = b"<path:";

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
    /// A quote that nothing closes.
    UnbalancedQuote,
    /// Text directly behind a closing quote.
    BehindQuote,
    /// A brace of a jsonPath template that nothing closes.
    UnclosedBrace,
    /// A placeholder inside of quotes, or of a jsonPath template.
    QuotedPlaceholder,
    /// A placeholder that is only a part of an argument.
    BesidePlaceholder,
    /// A `<` in an argument without quotes.
    BareBracket,
    /// Placeholders inside each other, more than anyone needs.
    NestedTooDeep,
    /// More modifiers than anyone needs.
    TooManyModifiers,
    /// No `>` ends it within any sensible length.
    TooLong,
    /// The text holds so many broken placeholders that the others are not looked for.
    TooManyBroken,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyModifiers => return write!(f, "has more than {MOST_CALLS} modifiers"),
            Self::TooLong => return write!(f, "is not closed within {} KiB", MOST_BYTES >> 10),
            _ => {}
        }
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
            Self::UnbalancedQuote => "has a quote that is not closed",
            Self::BehindQuote => "has text directly behind a closing quote",
            Self::UnclosedBrace => "has a { that is not closed",
            Self::QuotedPlaceholder => "holds another placeholder inside of quotes or braces",
            Self::BesidePlaceholder => "holds another placeholder as a part of an argument",
            Self::BareBracket => "has a < in an argument that is not in quotes",
            Self::NestedTooDeep => "holds too many placeholders inside each other",
            Self::TooManyBroken => "and many before it are broken; what follows was not looked at",
            Self::TooManyModifiers | Self::TooLong => "",
        })
    }
}

impl Fault {
    /// What to do about it, where that is not the same for all.
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::UnbalancedQuote => {
                Some("close the quote, or put the whole text into the other kind of quotes: \"it's\"")
            }
            Self::BehindQuote | Self::BareBracket => Some("put all of the text into quotes"),
            Self::UnclosedBrace => Some("an action of a jsonPath template ends with }"),
            Self::QuotedPlaceholder | Self::BesidePlaceholder => {
                Some("a placeholder may be the argument of default, alone and without quotes")
            }
            Self::NestedTooDeep | Self::TooManyModifiers => Some("write a simpler one"),
            _ => None,
        }
    }

    /// Whether AVP's own rules find this wrong: others are about what only keyfill knows.
    pub fn is_avps(self) -> bool {
        matches!(
            self,
            Self::Unclosed
                | Self::NoKey
                | Self::EmptyPath
                | Self::EmptyKey
                | Self::TooManyParts
                | Self::EmptyVersion
                | Self::TooLong
        )
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
    /// What stands behind the name as it is written, without white space around it.
    pub argument: String,
    /// The same in words; none for `jsonPath`, whose template is one text.
    pub words: Vec<Argument>,
}

/// A word of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Text without quotes.
    Plain(String),
    /// Text that stood in quotes.
    Quoted(String),
    /// A placeholder, whose value is meant.
    Placeholder(Placeholder),
}

/// Reads one placeholder, with its brackets; `keys` as in [`find()`].
pub fn parse(token: &[u8], keys: bool) -> Result<Placeholder, Fault> {
    let lexed = lex(token, 0, keys).map_err(|e| e.fault)?;
    let text = std::str::from_utf8(token).map_err(|_| Fault::NotText)?;
    of_lexed(text, &lexed)
}

fn of_lexed(text: &str, lexed: &Lexed) -> Result<Placeholder, Fault> {
    // AVP takes every bracket off: `<<key>` is the key.
    let head = text[lexed.head.clone()].trim_start_matches('<');
    let target = target(head.trim())?;
    let calls = lexed.calls.iter().map(|call| of_call(text, call)).collect::<Result<_, _>>()?;
    Ok(Placeholder { target, calls })
}

fn of_call(text: &str, call: &LexedCall) -> Result<Call, Fault> {
    let name = &text[call.name.clone()];
    if name.is_empty() {
        return Err(Fault::EmptyModifier);
    }
    let word = |word: &lex::Word| {
        let written = text[word.span.clone()].to_owned();
        Ok(match &word.kind {
            WordKind::Plain => Argument::Plain(written),
            WordKind::Quoted => Argument::Quoted(written),
            WordKind::Placeholder(lexed) => Argument::Placeholder(of_lexed(text, lexed)?),
        })
    };
    let words = call.words.iter().map(word).collect::<Result<_, _>>()?;
    Ok(Call { name: name.to_owned(), argument: text[call.argument.clone()].to_owned(), words })
}

fn target(text: &str) -> Result<Target, Fault> {
    let Some(text) = text.strip_prefix("path:") else {
        return if text.is_empty() { Err(Fault::NoName) } else { Ok(Target::Key(text.to_owned())) };
    };
    let parts: Vec<&str> = text.splitn(4, '#').map(str::trim).collect();
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

impl Target {
    /// The key.
    pub fn key(&self) -> &str {
        match self {
            Self::Key(key) | Self::Path { key, .. } => key,
        }
    }
}

#[cfg(test)]
mod tests;
