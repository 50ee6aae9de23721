//! The trait that the error types of all engines implement.

use crate::{Class, Diagnostic};

/// What may help against an error, other than editing the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing else is known to help.
    #[default]
    None,
    /// Running the official tool, which may support what this engine does not.
    OfficialTool,
    /// Fetching something first; the official tool needs it too.
    Fetch,
}

/// An error that knows its problems with their positions, its class, and what may help against it.
///
/// Each crate's error type implements it, so that the command line treats all of them alike and does not have to
/// recognise any by its text.
///
/// ```
/// use keyfill_diag::{Class, Diagnostic, Report};
///
/// #[derive(Debug)]
/// struct NoSuchChart(String);
///
/// impl std::fmt::Display for NoSuchChart {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         write!(f, "no chart is called {}", self.0)
///     }
/// }
///
/// impl std::error::Error for NoSuchChart {}
///
/// impl Report for NoSuchChart {
///     fn class(&self) -> Class {
///         Class::Render
///     }
/// }
///
/// let problems: Vec<Diagnostic> = NoSuchChart("web".into()).diagnostics();
/// assert_eq!(problems[0].message, "no chart is called web");
/// ```
pub trait Report: std::error::Error {
    /// The class, which decides the exit code.
    fn class(&self) -> Class;

    /// The problems, each with position, message, trail and hint; there is at least one. By default it is one
    /// problem with the error's text.
    fn diagnostics(&self) -> Vec<Diagnostic> {
        vec![Diagnostic::error(self.class(), self.to_string())]
    }

    /// What may help, other than editing the files.
    fn remedy(&self) -> Remedy {
        Remedy::None
    }

    /// Whether the official tool may support what this engine does not.
    fn is_unsupported(&self) -> bool {
        self.remedy() == Remedy::OfficialTool
    }

    /// Whether the chart itself refuses its values (a schema, `fail` in a template), so that it may render with
    /// other values.
    fn refuses_values(&self) -> bool {
        false
    }
}
