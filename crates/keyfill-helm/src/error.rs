//! Why a chart could not be rendered.

use keyfill_diag::{Class, Diagnostic, ObjectRef, Place, Remedy, Report, Stopped};
use keyfill_files::{FetchError, FileError, Files, TreePath};
use keyfill_yaml::{Step, locate};
use std::fmt;

/// A chart that could not be rendered. Pointer-sized; what to show a person is in
/// [`diagnostics`](Error::diagnostics).
#[derive(Debug)]
pub struct Error(Box<Details>);

#[derive(Debug)]
struct Details {
    diagnostic: Diagnostic,
    /// Further problems, found beside the first.
    more: Vec<Diagnostic>,
    remedy: Remedy,
    /// The chart itself says it.
    refuses_values: bool,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What the crate's own functions return.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Marks what the chart itself says.
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

    /// The chart, a value or a file is wrong.
    pub(crate) fn render(message: impl Into<String>) -> Self {
        Self::from_diagnostic(Diagnostic::error(Class::Render, message))
    }

    /// The request is wrong: a release name, a `--set`, a Kubernetes version.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::from_diagnostic(Diagnostic::error(Class::Usage, message))
    }

    /// The run was stopped from outside.
    pub(crate) fn stopped(why: Stopped) -> Self {
        Self::from_diagnostic(Diagnostic::error(Class::Other, format!("rendering was stopped: {why}")))
    }

    /// What could not be fetched.
    pub(crate) fn fetch(error: &FetchError) -> Self {
        let mut diagnostic = Diagnostic::error(error.class(), error.to_string());
        diagnostic.hint = error.help().map(str::to_owned);
        Self::from_diagnostic(diagnostic)
    }

    /// Adds a further problem, found beside the first.
    #[must_use]
    pub(crate) fn and(mut self, other: Self) -> Self {
        if self.0.remedy != other.0.remedy {
            self.0.remedy = Remedy::None;
        }
        self.0.more.push(other.0.diagnostic);
        self
    }

    /// A file that could not be read, and what it was wanted for.
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

    /// Sets the file that the error is about, where no place is known yet.
    #[must_use]
    pub(crate) fn in_file(mut self, file: impl Into<String>) -> Self {
        let place = &mut self.0.diagnostic.place;
        if place.file.is_none() {
            place.file = Some(file.into());
        }
        self
    }

    /// The file that it is about.
    pub(crate) fn place_file(&self) -> Option<&str> {
        self.0.diagnostic.place.file.as_deref()
    }

    /// The path in the document that it is about.
    pub(crate) fn path(&self) -> Option<&str> {
        self.0.diagnostic.place.path.as_deref()
    }

    /// Adds lines behind the message.
    #[must_use]
    pub(crate) fn with_lines(mut self, lines: &str) -> Self {
        self.0.diagnostic.message.push_str(lines);
        self
    }

    /// Changes the file, as from one of a chart to one of the tree.
    #[must_use]
    pub(crate) fn below(mut self, place: impl Fn(&str) -> String) -> Self {
        let file = &mut self.0.diagnostic.place.file;
        *file = file.as_deref().map(place);
        self
    }

    /// Sets the object that it is about.
    #[must_use]
    pub(crate) fn about(mut self, object: Option<ObjectRef>) -> Self {
        self.0.diagnostic.object = object;
        self
    }

    /// Sets which document of the file it is.
    #[must_use]
    pub(crate) fn in_document(mut self, number: usize) -> Self {
        self.0.diagnostic.place.document = Some(number);
        self
    }

    /// Sets the line itself.
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

    /// Finds the line of an error that knows the path in its file and no line.
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

    /// Marks what only the official tool can do.
    #[must_use]
    pub(crate) fn unsupported(mut self) -> Self {
        self.0.remedy = Remedy::OfficialTool;
        self
    }

    /// Marks what has to be fetched first.
    #[must_use]
    pub(crate) fn fetched_first(mut self) -> Self {
        self.0.remedy = Remedy::Fetch;
        self
    }

    /// Puts what was being done in front of the message.
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
        // The message of a file error is part of ours: the chain goes on with its own cause.
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

    /// The official tool may follow a schema that refers to another host. A dependency that is missing it only names.
    fn remedy(&self) -> Remedy {
        self.0.remedy
    }

    /// With `required` or `fail`.
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
