//! The contents of an archive's files, for the lines that error messages show. The archive stays packed in memory
//! and is opened again only if there is an error.

use crate::fill::Sources;
use crate::report::Failure;
use crate::source_lines::{Kept, Lines};
use bytes::Bytes;
use keyfill_cmp::archive::{ArchiveFiles, Limits, Packed};
use keyfill_diag::{Cx, Diagnostic};
use keyfill_files::{Files as _, TreePath};
use std::fmt;
use std::sync::OnceLock;

/// A request's archive, which is opened again when a line of it has to be shown.
pub struct Texts {
    packed: Packed,
    app: TreePath,
    cx: Cx,
    opened: OnceLock<Option<ArchiveFiles>>,
    kept: Kept,
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Texts").field("app", &self.app).finish_non_exhaustive()
    }
}

impl Texts {
    /// The contents of an archive; `None` if its file descriptor cannot be duplicated.
    pub fn of(packed: &Packed, app: &TreePath, cx: &Cx) -> Option<Self> {
        let packed = packed.try_clone().ok()?;
        Some(Self {
            packed,
            app: app.clone(),
            cx: cx.clone(),
            opened: OnceLock::new(),
            kept: Kept::default(),
        })
    }

    fn files(&self) -> Option<&ArchiveFiles> {
        let open = || {
            let packed = self.packed.try_clone().ok()?;
            ArchiveFiles::open(packed, &self.app, Limits::default(), &self.cx).ok()
        };
        self.opened.get_or_init(open).as_ref()
    }

    /// Adds to an error's problems the source lines that they name.
    pub fn with_lines(&self, error: anyhow::Error) -> anyhow::Error {
        let failure = match error.downcast::<Failure>() {
            Ok(failure) => failure,
            Err(error) => return error,
        };
        let names_a_line = |d: &Diagnostic| d.place.line.is_some() && d.place.source_line.is_none();
        if !failure.problems().iter().any(names_a_line) {
            return failure.into();
        }
        let Some(files) = self.files() else { return failure.into() };
        let lines = Lines::of(files);
        let complete = |mut problem| {
            lines.complete(&mut problem);
            problem
        };
        failure.rewritten(complete).into()
    }
}

impl Sources for Texts {
    fn text(&self, file: &str) -> Option<Bytes> {
        self.kept.text(file, || self.files()?.read(&TreePath::new(file)?).ok())
    }
}
