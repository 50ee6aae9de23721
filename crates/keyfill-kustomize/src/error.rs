//! Why a kustomization could not be built.

use crate::generate::ChartError;
use crate::load::{FileNames, Spot};
use keyfill_diag::{Class, Diagnostic, ObjectRef, Place, Remedy, Report, Severity, Stopped};
use keyfill_files::{DecryptError, FetchError};
use keyfill_yaml::{FileId, Location, TextPlace};
use std::fmt;

/// A failure with its place, the chain of bases that led there, and what to do.
#[derive(Debug)]
pub struct Error(Box<Kind>);

#[derive(Debug)]
struct Kind {
    diagnostic: Diagnostic,
    /// Where the node stands that the failure is about. Its file becomes the place's once the names of files
    /// are at hand.
    location: Location,
    /// The file of the field that was added last as a step.
    step: Option<FileId>,
    remedy: Remedy,
    /// Whether something could not be fetched.
    of_fetch: bool,
}

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A failure told in one sentence, without a full stop.
    pub fn new(message: impl Into<String>) -> Self {
        Self::with_class(Class::Render, message)
    }

    /// A failure of a class of its own.
    pub fn with_class(class: Class, message: impl Into<String>) -> Self {
        Self::of_diagnostic(Diagnostic::error(class, message))
    }

    fn of_diagnostic(diagnostic: Diagnostic) -> Self {
        Self(Box::new(Kind {
            diagnostic,
            location: Location::NONE,
            step: None,
            remedy: Remedy::None,
            of_fetch: false,
        }))
    }

    /// What the official tool can do and this engine does not; the hint names the way out.
    pub fn unsupported(what: impl fmt::Display) -> Self {
        let hint = "render this folder with `--engine exec`, which runs the official kustomize";
        Self::unsupported_with(what, hint)
    }

    /// What the official tool can do and this engine does not, with the way out.
    pub fn unsupported_with(what: impl fmt::Display, hint: impl Into<String>) -> Self {
        let mut error = Self::new(format!("{what} is not supported by the native engine"));
        error.0.remedy = Remedy::OfficialTool;
        error.hint(hint)
    }

    /// What could not be fetched. Where fetching is off, the official tool may do it.
    pub(crate) fn of_fetch(error: &FetchError) -> Self {
        let mut built = Self::with_class(error.class(), error.to_string());
        if error.is_off() {
            built.0.remedy = Remedy::OfficialTool;
        }
        built.0.of_fetch = true;
        match error.help() {
            Some(help) => built.hint(help),
            None => built,
        }
    }

    /// Whether something could not be fetched.
    pub(crate) fn is_of_fetch(&self) -> bool {
        self.0.of_fetch
    }

    /// A chart that could not be rendered.
    pub(crate) fn of_chart(error: ChartError) -> Self {
        let ChartError { diagnostic, remedy } = error;
        let mut built = Self::of_diagnostic(*diagnostic);
        built.0.remedy = remedy;
        built
    }

    /// A file that could not be decrypted. Where no place is known in it, the one who names it is the place.
    pub(crate) fn of_decrypt(error: &DecryptError) -> Self {
        Self::of_diagnostic(error.diagnostic().clone())
    }

    /// Text of a file that is not YAML.
    pub fn yaml(file: &str, error: &keyfill_yaml::Error) -> Self {
        let mut this = Self::of_yaml(error);
        let known = |n: u32| (n > 0).then_some(n);
        let (line, column) = (known(error.line()), known(error.column()));
        this.0.diagnostic.place = Place { column, ..Place::file(file, line) };
        this
    }

    /// Text that is not YAML and stands at a place.
    pub(crate) fn yaml_at(place: TextPlace, error: &keyfill_yaml::Error) -> Self {
        let mut this = Self::of_yaml(error).at_location(place.location(error.line()));
        if place.is_file() && error.column() > 0 {
            this.0.diagnostic.place.column = Some(error.column());
        }
        this
    }

    /// What is wrong with YAML, without a place.
    pub(crate) fn of_yaml(error: &keyfill_yaml::Error) -> Self {
        if let Some(stopped) = error.stopped() {
            return stopped.into();
        }
        let this = Self::new(error.message());
        match error.help() {
            Some(help) => this.hint(help),
            None => this,
        }
    }

    /// Puts text before the message: `context: message`.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.0.diagnostic.message = format!("{context}: {}", self.0.diagnostic.message);
        self
    }

    /// Sets the hint unless there is one.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.diagnostic.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// Whether a place is known.
    fn has_place(&self) -> bool {
        self.0.diagnostic.place.file.is_some() || self.0.location.file().index().is_some()
    }

    /// Sets the file and line unless a place nearer to the trouble is known.
    #[must_use]
    pub fn at(mut self, file: impl Into<String>, line: Option<u32>) -> Self {
        if !self.has_place() {
            let place = &mut self.0.diagnostic.place;
            let path = place.path.take();
            let line = place.line.or(line).filter(|l| *l > 0);
            *place = Place { path, ..Place::file(file, line) };
        }
        self
    }

    /// Sets the file of a failure whose line is known, unless a file is known.
    #[must_use]
    pub(crate) fn in_file(self, file: &str) -> Self {
        self.at(file, None)
    }

    /// Sets where a node stands unless a place nearer to the trouble is known. What was made on the way stands
    /// nowhere.
    #[must_use]
    pub fn at_location(mut self, location: Location) -> Self {
        let place = &mut self.0.diagnostic.place;
        if place.file.is_none() && !self.0.location.is_known() && location.line() > 0 {
            place.line = Some(location.line());
            self.0.location = location;
        }
        self
    }

    /// Sets the place of a decoded field unless one nearer to the trouble is known. Then the field is the step
    /// that led there.
    #[must_use]
    pub(crate) fn at_spot(mut self, spot: &Spot) -> Self {
        if !self.has_place() {
            if let Some(place) = spot.place() {
                self.0.diagnostic.place = place;
            }
            return self;
        }
        let is_own =
            self.0.location.file() == spot.file() || spot.is_in(self.0.diagnostic.place.file.as_deref());
        // Of one file the innermost field says most.
        if is_own || spot.is_whole_file() || self.0.step == Some(spot.file()) {
            return self;
        }
        self.0.step = Some(spot.file());
        match spot.step() {
            Some(step) => self.via(step),
            None => self,
        }
    }

    /// Sets the place unless one is known.
    #[must_use]
    pub(crate) fn placed(mut self, place: Option<Place>) -> Self {
        if !self.has_place()
            && let Some(place) = place
        {
            self.0.diagnostic.place = place;
        }
        self
    }

    /// Sets the path in the document unless one is known.
    #[must_use]
    pub fn at_path(mut self, path: impl Into<String>) -> Self {
        self.0.diagnostic.place.path.get_or_insert_with(|| path.into());
        self
    }

    /// Puts a field's name before the path in the document.
    #[must_use]
    pub(crate) fn below(mut self, field: &str) -> Self {
        let path = &mut self.0.diagnostic.place.path;
        *path = Some(match path.take() {
            None => field.to_owned(),
            Some(rest) if rest.starts_with('[') => format!("{field}{rest}"),
            Some(rest) => format!("{field}.{rest}"),
        });
        self
    }

    /// Says the path in the document in the message too.
    #[must_use]
    pub(crate) fn named(self) -> Self {
        match self.0.diagnostic.place.path.clone() {
            Some(path) => self.context(format!("`{path}`")),
            None => self,
        }
    }

    /// Names the object that it is about, unless one is named.
    #[must_use]
    pub fn about(mut self, object: Option<ObjectRef>) -> Self {
        let own = &mut self.0.diagnostic.object;
        *own = own.take().or(object);
        self
    }

    /// Adds the step that led here, outside the ones already known.
    #[must_use]
    pub fn via(mut self, step: impl Into<String>) -> Self {
        self.0.diagnostic.trail.insert(0, step.into());
        self
    }

    /// With the names of the files that nodes stand in.
    pub(crate) fn resolved(mut self, names: &FileNames) -> Self {
        let Kind { diagnostic, location, .. } = &mut *self.0;
        shorten(&mut diagnostic.message);
        diagnostic.hint.iter_mut().for_each(shorten);
        if let Some(object) = &mut diagnostic.object {
            [&mut object.kind, &mut object.namespace, &mut object.name].into_iter().for_each(shorten);
        }
        diagnostic.place.path.iter_mut().for_each(shorten);
        if diagnostic.place.file.is_none() {
            diagnostic.place.file = names.name(location.file()).map(|name| name.to_string());
            if diagnostic.place.file.is_none() {
                diagnostic.place.line = None;
            }
        }
        self
    }

    /// As a warning: what it says does not fail the run.
    pub(crate) fn into_warning(self, names: &FileNames) -> Diagnostic {
        let diagnostic = self.resolved(names).0.diagnostic;
        Diagnostic { severity: Severity::Warning, ..diagnostic }
    }

    /// Adds a hint behind the one that is there.
    #[must_use]
    pub(crate) fn also_hint(mut self, more: &str) -> Self {
        let hint = &mut self.0.diagnostic.hint;
        *hint = Some(match hint.take() {
            Some(hint) => format!("{hint}; {more}"),
            None => more.to_owned(),
        });
        self
    }

    /// The message alone.
    pub fn message(&self) -> &str {
        &self.0.diagnostic.message
    }
}

/// Names and paths are an author's texts: what quotes them is cut where nobody reads on.
fn shorten(text: &mut String) {
    const LONGEST: usize = 4_000;
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push_str("...");
    }
}

impl From<Stopped> for Error {
    /// The run was stopped from outside: no place says more.
    fn from(stopped: Stopped) -> Self {
        Self::with_class(Class::Other, stopped.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.diagnostic.fmt(f)
    }
}

impl std::error::Error for Error {}

impl Report for Error {
    fn class(&self) -> Class {
        self.0.diagnostic.class
    }

    fn diagnostics(&self) -> Vec<Diagnostic> {
        vec![self.0.diagnostic.clone()]
    }

    fn remedy(&self) -> Remedy {
        self.0.remedy
    }
}
