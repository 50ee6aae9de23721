//! The placeholder language: finds placeholders in a text and parses them.
//!
//! `<path:PATH#KEY>`, `<path:PATH#KEY#VERSION>`, and, in a document with a path annotation, `<KEY>`; each
//! optionally with modifiers: `<password | base64encode>`. Words of a modifier may be quoted, to include
//! characters that would end them. The path form may span lines, the key form may not.

mod find;
mod lex;

pub use find::{Found, find};
pub use lex::{MOST_BYTES, MOST_CALLS, lex};

use lex::{Lexed, LexedCall, WordKind};
use std::fmt;

/// The beginning of the path form.
pub const PATH_PREFIX: &[u8] = b"<path:";

/// A syntax error of a placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No `>` ends it.
    Unclosed,
    /// It has no `#`: no key is named.
    NoKey,
    /// The path is empty.
    EmptyPath,
    /// The key is empty.
    EmptyKey,
    /// There is more than a path, a key and a version.
    TooManyParts,
    /// The version is empty.
    EmptyVersion,
    /// No modifier follows a `|`.
    EmptyModifier,
    /// A key placeholder without a name: `<>`.
    NoName,
    /// It is not valid UTF-8.
    NotText,
    /// The path holds a line break or another control character.
    ControlCharacter,
    /// A quote is not closed.
    UnbalancedQuote,
    /// Text follows a closing quote without white space.
    BehindQuote,
    /// A brace of a jsonPath template is not closed.
    UnclosedBrace,
    /// A placeholder is inside of quotes, or of a jsonPath template.
    QuotedPlaceholder,
    /// A placeholder is only a part of an argument.
    BesidePlaceholder,
    /// A `<` in an argument is not quoted.
    BareBracket,
    /// Placeholders are nested deeper than the limit.
    NestedTooDeep,
    /// There are more than [`MOST_CALLS`] modifiers.
    TooManyModifiers,
    /// No `>` ends it within [`MOST_BYTES`].
    TooLong,
    /// The text has so many broken placeholders that the rest of it is not searched.
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
    /// What to do about the error, where there is specific advice.
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

    /// Whether AVP's syntax has this error too; the other errors concern syntax that only keyfill has.
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

/// A parsed placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// The value that it refers to.
    pub target: Target,
    /// The modifiers that are applied to the value, in order.
    pub calls: Vec<Call>,
}

/// The value that a placeholder refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A key of the secret that the document's annotation names.
    Key(String),
    /// A key of the secret at a path.
    Path {
        /// The path as written; it may contain a template.
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
    /// The text after the name as written, without white space around it.
    pub argument: String,
    /// The argument split into words; empty for `jsonPath`, whose template is one text.
    pub words: Vec<Argument>,
}

/// A word of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Text without quotes.
    Plain(String),
    /// Text in quotes, without the quotes.
    Quoted(String),
    /// A placeholder, whose value is the argument.
    Placeholder(Placeholder),
}

/// Parses one placeholder, brackets included; `keys` is as in [`find()`].
pub fn parse(token: &[u8], keys: bool) -> Result<Placeholder, Fault> {
    let lexed = lex(token, 0, keys).map_err(|e| e.fault)?;
    let text = std::str::from_utf8(token).map_err(|_| Fault::NotText)?;
    of_lexed(text, &lexed)
}

fn of_lexed(text: &str, lexed: &Lexed) -> Result<Placeholder, Fault> {
    // AVP removes every `<` at the beginning: `<<key>` is the key.
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
