//! The type of a scalar, without its value.

use crate::resolve::{Resolved, resolve_plain};
use crate::scan::Dialect;
use crate::{Scalar, Style, Tag};

/// The type of a scalar by the rules of yaml.v3: that of its tag, or what its text resolves to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalarKind {
    /// A string.
    Str,
    /// `null`, `~` or no text.
    Null,
    /// `true` or `false`.
    Bool,
    /// An integer.
    Int,
    /// A floating point number.
    Float,
    /// A date or timestamp.
    Timestamp,
    /// A type that none of these covers, given by a tag.
    Other,
}

impl Scalar {
    /// The type of the scalar. That of a tag counts even if the text does not fit the tag.
    pub fn kind(&self) -> ScalarKind {
        match &self.tag {
            Tag::None if self.style == Style::Plain => match resolve_plain(Dialect::V3, &self.text) {
                Resolved::Null => ScalarKind::Null,
                Resolved::Bool(_) => ScalarKind::Bool,
                Resolved::Int(_) | Resolved::Uint(_) => ScalarKind::Int,
                Resolved::Float(_) => ScalarKind::Float,
                Resolved::Timestamp(_) => ScalarKind::Timestamp,
                Resolved::Merge | Resolved::Str => ScalarKind::Str,
            },
            Tag::None | Tag::Str => ScalarKind::Str,
            Tag::Int => ScalarKind::Int,
            Tag::Float => ScalarKind::Float,
            Tag::Bool => ScalarKind::Bool,
            Tag::Null => ScalarKind::Null,
            Tag::Timestamp => ScalarKind::Timestamp,
            Tag::Binary | Tag::Other(_) => ScalarKind::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ScalarKind;
    use crate::{Scalar, Style};

    #[test]
    fn quotes_and_tags_decide_before_the_text() {
        assert_eq!(Scalar::plain("5").kind(), ScalarKind::Int);
        assert_eq!(Scalar::plain("").kind(), ScalarKind::Null);
        assert_eq!(Scalar::string("5").kind(), ScalarKind::Str);
        assert_eq!(Scalar { style: Style::Double, ..Scalar::plain("5") }.kind(), ScalarKind::Str);
        assert_eq!(Scalar::plain("2001-12-14").kind(), ScalarKind::Timestamp);
    }
}
