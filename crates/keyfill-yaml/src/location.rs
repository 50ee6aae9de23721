//! The location of a node: the number of a file, and a line of that file.

use std::fmt;

/// The number of a file, assigned by the user of a tree. A tree may hold nodes of several files: kustomize merges
/// patches into objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FileId(u16);

impl FileId {
    /// An unknown file.
    pub const UNKNOWN: Self = Self(0);

    /// The number for the file at an index of a list. Files beyond the first 65,534 have no number and are
    /// unknown.
    pub fn of_index(index: usize) -> Self {
        index.checked_add(1).and_then(|n| u16::try_from(n).ok()).map_or(Self::UNKNOWN, Self)
    }

    /// The index in the list; `None` for an unknown file.
    pub fn index(self) -> Option<usize> {
        usize::from(self.0).checked_sub(1)
    }
}

/// A line of a file. It takes six bytes, so that nodes stay small.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Location {
    line: [u16; 2],
    file: FileId,
}

impl Location {
    /// The location of a node that was made and not read.
    pub const NONE: Self = Self { line: [0, 0], file: FileId::UNKNOWN };

    /// The location of a line, counted from 1.
    pub const fn new(file: FileId, line: u32) -> Self {
        // Both halves of the 32 bits are kept.
        #[allow(clippy::cast_possible_truncation)]
        let line = [(line >> 16) as u16, line as u16];
        Self { line, file }
    }

    /// The line, counted from 1; 0 for a node that was not read.
    pub fn line(self) -> u32 {
        u32::from(self.line[0]) << 16 | u32::from(self.line[1])
    }

    /// The file, which may be unknown.
    pub fn file(self) -> FileId {
        self.file
    }

    /// Whether there is a location.
    pub fn is_known(self) -> bool {
        self != Self::NONE
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.0, self.line())
    }
}

/// Where a text that is parsed comes from: it is a file, or a scalar of another document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextPlace {
    start: Location,
    layout: Layout,
}

/// How the lines of a text correspond to the lines of its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Layout {
    /// The text is the file.
    #[default]
    File,
    /// A literal block: its lines follow the line of the scalar's indicator.
    Block,
    /// Quoted, folded or generated text: all its lines have the location of one line.
    Line,
}

impl TextPlace {
    /// A text that is a whole file.
    pub fn file(file: FileId) -> Self {
        Self { start: Location::new(file, 0), layout: Layout::File }
    }

    /// The text of a literal block scalar; `start` is the location of its indicator.
    pub fn block(start: Location) -> Self {
        Self { start, layout: Layout::Block }
    }

    /// Text that is on one line, or whose lines do not correspond to those of its file.
    pub fn line(start: Location) -> Self {
        Self { start, layout: Layout::Line }
    }

    /// The place for the same text without its first lines.
    #[must_use]
    pub fn skipping(self, lines: u32) -> Self {
        match self.layout {
            Layout::Line => self,
            Layout::File | Layout::Block => {
                let line = self.start.line().saturating_add(lines);
                Self { start: Location::new(self.start.file(), line), ..self }
            }
        }
    }

    /// The location of a line of the text, counted from 1; line 0 is the text as a whole.
    pub fn location(self, line: u32) -> Location {
        match (self.layout, line) {
            (Layout::Line | Layout::Block, 0) | (Layout::Line, _) => self.start,
            _ => Location::new(self.start.file(), self.start.line().saturating_add(line)),
        }
    }

    /// Whether lines and columns of the text are those of the file.
    pub fn is_file(self) -> bool {
        self.layout == Layout::File
    }
}

#[cfg(test)]
mod tests {
    use super::{FileId, Location, TextPlace};

    #[test]
    fn a_location_is_small_and_keeps_its_parts() {
        assert_eq!(size_of::<Location>(), 6);
        let file = FileId::of_index(7);
        let location = Location::new(file, 70_000);
        assert_eq!((location.line(), location.file().index()), (70_000, Some(7)));
        assert_eq!(FileId::of_index(70_000), FileId::UNKNOWN);
        assert!(!Location::NONE.is_known() && location.is_known());
    }

    #[test]
    fn lines_of_a_block_follow_its_indicator() {
        let at = Location::new(FileId::of_index(0), 7);
        assert_eq!(TextPlace::block(at).location(1).line(), 8);
        assert_eq!(TextPlace::block(at).skipping(2).location(1).line(), 10);
        assert_eq!(TextPlace::line(at).skipping(2).location(5).line(), 7);
        assert_eq!(TextPlace::file(at.file()).location(5).line(), 5);
    }
}
