//! What every error of an engine tells.

use crate::{Class, Diagnostic};

/// What may help besides an edit of the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing that is known of.
    #[default]
    None,
    /// The official tool may do what this engine does not.
    OfficialTool,
    /// Something has to be fetched first; the official tool asks for it, too.
    Fetch,
}

/// An error that knows its problems with their places, its class, and whether only the engine is at a loss.
///
/// Each crate's error type implements it, so that the command line asks one question of all of them and
/// recognises none by its text.
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
    /// The class, which picks the exit code.
    fn class(&self) -> Class;

    /// Place, message, trail and hint of each problem; there is at least one. Unless an error knows more, it is its
    /// text.
    fn diagnostics(&self) -> Vec<Diagnostic> {
        vec![Diagnostic::error(self.class(), self.to_string())]
    }

    /// What may help besides an edit of the files.
    fn remedy(&self) -> Remedy {
        Remedy::None
    }

    /// Whether the official tool may do what this engine does not.
    fn is_unsupported(&self) -> bool {
        self.remedy() == Remedy::OfficialTool
    }

    /// Whether a chart refuses its values in its own words: with others it may render.
    fn refuses_values(&self) -> bool {
        false
    }
}
