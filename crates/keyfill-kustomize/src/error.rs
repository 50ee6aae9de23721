//! Why a kustomization could not be built.

use crate::generate::ChartError;
use crate::load::{FileNames, Spot};
use keyfill_diag::{Class, Diagnostic, ObjectRef, Place, Remedy, Report, Severity, Stopped};
use keyfill_files::{DecryptError, FetchError};
use keyfill_yaml::{FileId, Location, TextPlace};
use std::fmt;

/// An error with its place, the chain of bases that led there, and a hint on what to do.
#[derive(Debug)]
pub struct Error(Box<Details>);

#[derive(Debug)]
struct Details {
    diagnostic: Diagnostic,
    /// Location of the node that the error is about. Its file is a number, which [`Error::resolved`] turns into a
    /// name.
    location: Location,
    /// The file of the step that was added to the trail last.
    step: Option<FileId>,
    remedy: Remedy,
    /// Whether the cause is something that could not be fetched.
    of_fetch: bool,
}

/// The result type of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A render error. The message is one sentence without a full stop.
    pub fn new(message: impl Into<String>) -> Self {
        Self::with_class(Class::Render, message)
    }

    /// An error of the given class.
    pub fn with_class(class: Class, message: impl Into<String>) -> Self {
        Self::of_diagnostic(Diagnostic::error(class, message))
    }

    fn of_diagnostic(diagnostic: Diagnostic) -> Self {
        Self(Box::new(Details {
            diagnostic,
            location: Location::NONE,
            step: None,
            remedy: Remedy::None,
            of_fetch: false,
        }))
    }

    /// An error about a feature of the official tool that this engine does not have. The hint names the
    /// alternative.
    pub fn unsupported(what: impl fmt::Display) -> Self {
        let hint = "render this folder with `--engine exec`, which runs the official kustomize";
        Self::unsupported_with(what, hint)
    }

    /// As [`Error::unsupported`], with a hint of its own.
    pub fn unsupported_with(what: impl fmt::Display, hint: impl Into<String>) -> Self {
        let mut error = Self::new(format!("{what} is not supported by the native engine"));
        error.0.remedy = Remedy::OfficialTool;
        error.hint(hint)
    }

    /// An error about something that could not be fetched. Where fetching is switched off, the official tool may
    /// do it.
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

    /// Whether the cause is something that could not be fetched.
    pub(crate) fn is_of_fetch(&self) -> bool {
        self.0.of_fetch
    }

    /// An error about a chart that could not be rendered.
    pub(crate) fn of_chart(error: ChartError) -> Self {
        let ChartError { diagnostic, remedy } = error;
        let mut built = Self::of_diagnostic(*diagnostic);
        built.0.remedy = remedy;
        built
    }

    /// An error about a file that could not be decrypted. Without a place in that file, the place is set later:
    /// that of the field which names the file.
    pub(crate) fn of_decrypt(error: &DecryptError) -> Self {
        Self::of_diagnostic(error.diagnostic().clone())
    }

    /// An error about a file that is not YAML.
    pub fn yaml(file: &str, error: &keyfill_yaml::Error) -> Self {
        let mut this = Self::of_yaml(error);
        let known = |n: u32| (n > 0).then_some(n);
        let (line, column) = (known(error.line()), known(error.column()));
        this.0.diagnostic.place = Place { column, ..Place::file(file, line) };
        this
    }

    /// As [`Error::yaml`], for text that is not a whole file.
    pub(crate) fn yaml_at(place: TextPlace, error: &keyfill_yaml::Error) -> Self {
        let mut this = Self::of_yaml(error).at_location(place.location(error.line()));
        if place.is_file() && error.column() > 0 {
            this.0.diagnostic.place.column = Some(error.column());
        }
        this
    }

    /// An error about text that is not YAML, without a place.
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

    /// Puts a text before the message: `context: message`.
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

    /// Sets the file and line, unless a more exact place is known.
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

    /// Sets the file of an error whose line is known, unless its file is known, too.
    #[must_use]
    pub(crate) fn in_file(self, file: &str) -> Self {
        self.at(file, None)
    }

    /// Sets the location of a node, unless a more exact place is known. A node that the build made has no
    /// location.
    #[must_use]
    pub fn at_location(mut self, location: Location) -> Self {
        let place = &mut self.0.diagnostic.place;
        if place.file.is_none() && !self.0.location.is_known() && location.line() > 0 {
            place.line = Some(location.line());
            self.0.location = location;
        }
        self
    }

    /// Sets the place of a decoded field, unless a more exact place is known. In that case a field of another
    /// file becomes a step of the trail.
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
        // A trail names one field of each file: the innermost one says most.
        if is_own || spot.is_whole_file() || self.0.step == Some(spot.file()) {
            return self;
        }
        self.0.step = Some(spot.file());
        match spot.step() {
            Some(step) => self.via(step),
            None => self,
        }
    }

    /// Sets the place, unless one is known.
    #[must_use]
    pub(crate) fn placed(mut self, place: Option<Place>) -> Self {
        if !self.has_place()
            && let Some(place) = place
        {
            self.0.diagnostic.place = place;
        }
        self
    }

    /// Sets the path in the document, unless one is known.
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

    /// Puts the path in the document before the message, too.
    #[must_use]
    pub(crate) fn named(self) -> Self {
        match self.0.diagnostic.place.path.clone() {
            Some(path) => self.context(format!("`{path}`")),
            None => self,
        }
    }

    /// Sets the object that the error is about, unless one is set.
    #[must_use]
    pub fn about(mut self, object: Option<ObjectRef>) -> Self {
        let own = &mut self.0.diagnostic.object;
        *own = own.take().or(object);
        self
    }

    /// Adds a step to the trail, before the steps that are already known.
    #[must_use]
    pub fn via(mut self, step: impl Into<String>) -> Self {
        self.0.diagnostic.trail.insert(0, step.into());
        self
    }

    /// Replaces the numbers of files by their names.
    pub(crate) fn resolved(mut self, names: &FileNames) -> Self {
        let Details { diagnostic, location, .. } = &mut *self.0;
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

    /// Turns the error into a warning, which does not make the run fail.
    pub(crate) fn into_warning(self, names: &FileNames) -> Diagnostic {
        let diagnostic = self.resolved(names).0.diagnostic;
        Diagnostic { severity: Severity::Warning, ..diagnostic }
    }

    /// Appends to the hint.
    #[must_use]
    pub(crate) fn also_hint(mut self, more: &str) -> Self {
        let hint = &mut self.0.diagnostic.hint;
        *hint = Some(match hint.take() {
            Some(hint) => format!("{hint}; {more}"),
            None => more.to_owned(),
        });
        self
    }

    /// The message, without place and hint.
    pub fn message(&self) -> &str {
        &self.0.diagnostic.message
    }
}

/// Cuts a text that is too long to be read. Messages may quote names and paths, whose length the author controls.
fn shorten(text: &mut String) {
    const LONGEST: usize = 4_000;
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push_str("...");
    }
}

impl From<Stopped> for Error {
    /// The run was stopped from outside, so no place is added.
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
