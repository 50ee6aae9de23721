//! The tokens that the scanner passes to the parser.

use crate::{Error, Style};
use std::borrow::Cow;

/// A position in the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Line, counted from 0.
    pub line: u32,
    /// Column in characters, counted from 0.
    pub column: u32,
    /// Offset in bytes from the start of the text.
    pub offset: u32,
}

/// A token with its position.
#[derive(Debug)]
pub(crate) struct Token<'a> {
    pub kind: TokenKind<'a>,
    pub mark: Mark,
}

/// The tokens of libyaml's grammar. Large and rare contents are boxed, so that a token stays small.
#[derive(Debug)]
pub(crate) enum TokenKind<'a> {
    StreamEnd,
    /// `%YAML major.minor`
    Version(u8, u8),
    /// `%TAG handle prefix`
    TagDirective(Box<(&'a str, Cow<'a, str>)>),
    /// `---`
    DocumentStart,
    /// `...`
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    /// `-`
    BlockEntry,
    /// `,`
    FlowEntry,
    /// `?`, or the start of a simple key, which has no characters.
    Key,
    /// `:`
    Value,
    /// `*name`
    Alias(&'a str),
    /// `&name`
    Anchor(&'a str),
    /// `!handle!suffix`; an empty handle means that the suffix is the whole tag.
    Tag(Box<(&'a str, Cow<'a, str>)>),
    Scalar(Cow<'a, str>, Style),
}

/// An error at a position of the text.
pub(crate) fn at(mark: Mark, message: impl Into<String>) -> Error {
    Error::at(mark.line + 1, mark.column + 1, message)
}
