//! Directives before a document: `%YAML`, and `%TAG`, which defines the handles of short tags.

use crate::Error;
use crate::scan::{Mark, Token, TokenKind, at};
use std::borrow::Cow;

/// Prefix of the tags of YAML's core schema.
pub const CORE: &str = "tag:yaml.org,2002:";

/// The directives of one document.
#[derive(Default)]
pub struct Directives<'a> {
    is_versioned: bool,
    handles: Vec<(&'a str, Cow<'a, str>)>,
}

impl<'a> Directives<'a> {
    /// Whether a token is a directive.
    pub fn is_one(kind: &TokenKind<'_>) -> bool {
        matches!(kind, TokenKind::Version(..) | TokenKind::TagDirective(_))
    }

    /// Adds a directive.
    pub fn add(&mut self, token: Token<'a>) -> Result<(), Error> {
        match token.kind {
            TokenKind::Version(..) if self.is_versioned => {
                Err(at(token.mark, "found duplicate %YAML directive"))
            }
            TokenKind::Version(1, 1) => {
                self.is_versioned = true;
                Ok(())
            }
            TokenKind::Version(..) => Err(at(token.mark, "found incompatible YAML document")
                .hint("only %YAML 1.1 is known; leave the directive out")),
            TokenKind::TagDirective(directive) => {
                let (handle, prefix) = *directive;
                if self.handles.iter().any(|(known, _)| *known == handle) {
                    return Err(at(token.mark, "found duplicate %TAG directive"));
                }
                self.handles.push((handle, prefix));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The long form of a tag: its handle is replaced by the prefix that `%TAG` defines.
    pub fn long_tag(&self, handle: &str, suffix: Cow<'a, str>, mark: Mark) -> Result<Cow<'a, str>, Error> {
        if handle.is_empty() {
            return Ok(suffix);
        }
        let own = self.handles.iter().find(|(known, _)| *known == handle).map(|(_, prefix)| &**prefix);
        let prefix = match (own, handle) {
            (Some(prefix), _) => prefix,
            (None, "!") => "!",
            (None, "!!") => CORE,
            _ => return Err(at(mark, format!("found undefined tag handle {handle}"))),
        };
        Ok(Cow::Owned(format!("{prefix}{suffix}")))
    }
}
