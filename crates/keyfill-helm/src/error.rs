//! The errors of rendering a chart.

use keyfill_diag::{Class, Diagnostic, ObjectRef, Place, Remedy, Report, Stopped};
use keyfill_files::{FetchError, FileError, Files, TreePath};
use keyfill_yaml::{Step, locate};
use std::fmt;

/// The error for a chart that could not be rendered. Pointer-sized. [`diagnostics`](Error::diagnostics) returns
/// what to show to users.
#[derive(Debug)]
pub struct Error(Box<Details>);

#[derive(Debug)]
struct Details {
    diagnostic: Diagnostic,
    /// Further problems, found besides the first.
    more: Vec<Diagnostic>,
    remedy: Remedy,
    /// Whether the chart itself raised the error, with `required` or `fail`.
    refuses_values: bool,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result type of the crate's own functions.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Sets whether the chart itself raised the error, with `required` or `fail`.
    #[must_use]
    pub(crate) fn said_by_chart(mut self, refuses_values: bool) -> Self {
        self.0.refuses_values = refuses_values;
        self
    }

    /// An error from a finished diagnostic.
    pub(crate) fn from_diagnostic(diagnostic: Diagnostic) -> Self {
        Self(Box::new(Details {
            diagnostic,
            more: Vec::new(),
            remedy: Remedy::None,
            refuses_values: false,
            cause: None,
        }))
    }

    /// An error from several problems; there is at least one.
    pub(crate) fn of_diagnostics(diagnostics: Vec<Diagnostic>) -> Self {
        let mut all = diagnostics.into_iter();
        let first =
            all.next().unwrap_or_else(|| Diagnostic::error(Class::Other, "the values were not filled"));
        let mut error = Self::from_diagnostic(first);
        error.0.more = all.collect();
        error
    }

    /// An error in the chart, a value or a file.
    pub(crate) fn render(message: impl Into<String>) -> Self {
        Self::from_diagnostic(Diagnostic::error(Class::Render, message))
    }

    /// An error in the request: a release name, a `--set`, a Kubernetes version.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::from_diagnostic(Diagnostic::error(Class::Usage, message))
    }

    /// The error for a run that was stopped: cancelled, past its deadline, or over its memory limit.
    pub(crate) fn stopped(why: Stopped) -> Self {
        Self::from_diagnostic(Diagnostic::error(Class::Other, format!("rendering was stopped: {why}")))
    }

    /// The error for a chart that could not be fetched.
    pub(crate) fn fetch(error: &FetchError) -> Self {
        let mut diagnostic = Diagnostic::error(error.class(), error.to_string());
        diagnostic.hint = error.help().map(str::to_owned);
        Self::from_diagnostic(diagnostic)
    }

    /// Adds the problem of another error.
    #[must_use]
    pub(crate) fn and(mut self, other: Self) -> Self {
        if self.0.remedy != other.0.remedy {
            self.0.remedy = Remedy::None;
        }
        self.0.more.push(other.0.diagnostic);
        self
    }

    /// The error for a file that could not be read. `what` is the beginning of the message.
    pub(crate) fn file(what: &str, error: FileError) -> Self {
        let place = Place::file(error.path().to_string(), None);
        let diagnostic = Diagnostic::error(error.class(), format!("{what}: {error}")).at(place);
        let cause = std::error::Error::source(&error).is_some().then(|| Box::new(error) as _);
        Self(Box::new(Details {
            diagnostic,
            more: Vec::new(),
            remedy: Remedy::None,
            refuses_values: false,
            cause,
        }))
    }

    /// Sets the file that the error is about, unless a file is set already.
    #[must_use]
    pub(crate) fn in_file(mut self, file: impl Into<String>) -> Self {
        let place = &mut self.0.diagnostic.place;
        if place.file.is_none() {
            place.file = Some(file.into());
        }
        self
    }

    /// The file that the error is about.
    pub(crate) fn place_file(&self) -> Option<&str> {
        self.0.diagnostic.place.file.as_deref()
    }

    /// The path in the document that the error is about.
    pub(crate) fn path(&self) -> Option<&str> {
        self.0.diagnostic.place.path.as_deref()
    }

    /// Appends lines to the message.
    #[must_use]
    pub(crate) fn with_lines(mut self, lines: &str) -> Self {
        self.0.diagnostic.message.push_str(lines);
        self
    }

    /// Replaces the file by what `place` returns for it: a path inside a chart becomes one in the tree.
    #[must_use]
    pub(crate) fn below(mut self, place: impl Fn(&str) -> String) -> Self {
        let file = &mut self.0.diagnostic.place.file;
        *file = file.as_deref().map(place);
        self
    }

    /// Sets the object that the error is about.
    #[must_use]
    pub(crate) fn about(mut self, object: Option<ObjectRef>) -> Self {
        self.0.diagnostic.object = object;
        self
    }

    /// Sets the number of the document in the file, counted from 1.
    #[must_use]
    pub(crate) fn in_document(mut self, number: usize) -> Self {
        self.0.diagnostic.place.document = Some(number);
        self
    }

    /// Sets the text of the line that the error is about.
    #[must_use]
    pub(crate) fn source_line(mut self, line: Option<String>) -> Self {
        self.0.diagnostic.place.source_line = line;
        self
    }

    /// Sets line and column, where they are known.
    #[must_use]
    pub(crate) fn at(mut self, line: u32, column: Option<u32>) -> Self {
        if line > 0 {
            self.0.diagnostic.place.line = Some(line);
            self.0.diagnostic.place.column = column;
        }
        self
    }

    /// Adds a step to the front of the path in a YAML file that the error is about.
    #[must_use]
    pub(crate) fn at_path(mut self, step: &str) -> Self {
        let path = &mut self.0.diagnostic.place.path;
        *path = Some(match path.take() {
            Some(below) => format!("{step}.{below}"),
            None => step.to_owned(),
        });
        self
    }

    /// Sets line and column of an error that has a file and a path in it, but no line.
    #[must_use]
    pub(crate) fn located(mut self, files: &dyn Files) -> Self {
        let place = &mut self.0.diagnostic.place;
        let (Some(file), Some(path), None) = (&place.file, &place.path, place.line) else { return self };
        let text = TreePath::new(file).and_then(|file| files.read(&file).ok());
        let mark = text.and_then(|text| locate(&text, &steps(path)));
        if let Some(mark) = mark {
            (place.line, place.column) = (Some(mark.line), Some(mark.column));
        }
        self
    }

    /// Sets the hint.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.diagnostic.hint = Some(hint.into());
        self
    }

    /// Marks the error as one that only the official tool can avoid.
    #[must_use]
    pub(crate) fn unsupported(mut self) -> Self {
        self.0.remedy = Remedy::OfficialTool;
        self
    }

    /// Marks the error as one that fetching charts fixes.
    #[must_use]
    pub(crate) fn fetched_first(mut self) -> Self {
        self.0.remedy = Remedy::Fetch;
        self
    }

    /// Puts the action that failed in front of the message.
    #[must_use]
    pub(crate) fn context(mut self, doing: &str) -> Self {
        let message = &mut self.0.diagnostic.message;
        *message = format!("{doing}: {message}");
        self
    }
}

/// The steps of a path such as `dependencies[0].name`.
pub(crate) fn steps(path: &str) -> Vec<Step<'_>> {
    let step = |part: &'_ str| -> Option<usize> { part.strip_suffix(']')?.parse().ok() };
    let parts = path.split(['.', '[']).filter(|part| !part.is_empty());
    parts.map(|part| step(part).map_or(Step::Key(part), Step::Index)).collect()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.diagnostic.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The message of a file error is a part of this message, so the chain continues with that error's cause.
        self.0.cause.as_deref().and_then(std::error::Error::source)
    }
}

impl Report for Error {
    fn class(&self) -> Class {
        self.0.diagnostic.class
    }

    fn diagnostics(&self) -> Vec<Diagnostic> {
        std::iter::once(&self.0.diagnostic).chain(&self.0.more).cloned().collect()
    }

    /// The official tool may load a schema from another host. A missing dependency has to be fetched: the official
    /// tool would only report it.
    fn remedy(&self) -> Remedy {
        self.0.remedy
    }

    /// Whether the chart refused its values, with `required` or `fail`.
    fn refuses_values(&self) -> bool {
        self.0.refuses_values
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, steps};
    use keyfill_diag::Report as _;
    use keyfill_files::MemoryFiles;
    use keyfill_yaml::Step;

    #[test]
    fn a_path_leads_to_the_line_of_its_file() {
        assert_eq!(steps("a[1].b"), [Step::Key("a"), Step::Index(1), Step::Key("b")]);
        let text = "name: c\ndependencies:\n- name: a\n- name: b\n  alias: x y\n";
        let files: MemoryFiles = [("c/Chart.yaml", text)].into_iter().collect();
        let line = |file: &str, path: &str| {
            let error = Error::render("wrong").in_file(file).at_path(path).located(&files);
            error.diagnostics().remove(0).place.line
        };
        assert_eq!(line("c/Chart.yaml", "dependencies[1].alias"), Some(5));
        assert_eq!(line("c/Chart.yaml", "none"), None);
        assert_eq!(line("c.tgz/Chart.yaml", "name"), None);
    }
}
