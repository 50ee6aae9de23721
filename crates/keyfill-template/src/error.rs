//! The crate's error: Go's text, and the places behind it.

use keyfill_diag::{Class, Diagnostic, Place};
use std::fmt;

/// A template could not be parsed or executed.
///
/// Its `Display` text is the one that Go's text/template gives.
#[derive(Debug)]
pub struct Error(Box<Kind>);

/// Where execution was: one step of the chain of templates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The template text that was parsed: a file of a chart.
    pub file: String,
    /// Line, counted from 1.
    pub line: u32,
    /// Column in bytes, counted from 0, as Go prints it.
    pub column: u32,
    /// The template that was executed: the file, or the name of a `define`.
    pub template: String,
    /// The piece of the template, as Go prints it between `<` and `>`.
    pub context: String,
}

#[derive(Debug)]
enum Kind {
    Parse { file: String, line: u32, message: String },
    Exec { frame: Frame, message: String, cause: Option<Error>, limit: bool },
    Plain { message: String, limit: bool },
}

impl Error {
    pub(crate) fn parse(file: &str, line: u32, message: String) -> Self {
        Self(Box::new(Kind::Parse { file: file.to_owned(), line, message }))
    }

    pub(crate) fn exec(frame: Frame, message: String, cause: Option<Self>, limit: bool) -> Self {
        let limit = limit || cause.as_ref().is_some_and(Self::is_limit);
        Self(Box::new(Kind::Exec { frame, message, cause, limit }))
    }

    pub(crate) fn plain(message: String, limit: bool) -> Self {
        Self(Box::new(Kind::Plain { message, limit }))
    }

    /// The class, which picks the exit code.
    pub fn class(&self) -> Class {
        Class::Render
    }

    /// Whether a limit was reached, or the run was stopped from outside.
    pub fn is_limit(&self) -> bool {
        matches!(*self.0, Kind::Exec { limit: true, .. } | Kind::Plain { limit: true, .. })
    }

    /// Whether the template could not be parsed.
    pub fn is_parse(&self) -> bool {
        matches!(*self.0, Kind::Parse { .. })
    }

    /// Whether it arose while a template was executed: Go's `template.ExecError`.
    pub fn is_exec(&self) -> bool {
        matches!(*self.0, Kind::Exec { .. })
    }

    /// The message without the place; of the innermost error when templates called each other.
    pub fn message(&self) -> &str {
        match &*self.0 {
            Kind::Exec { cause: Some(cause), .. } => cause.message(),
            Kind::Parse { message, .. } | Kind::Exec { message, .. } | Kind::Plain { message, .. } => message,
        }
    }

    /// The chain of places, outermost first.
    pub fn frames(&self) -> Vec<&Frame> {
        let mut frames = Vec::new();
        let mut next = Some(self);
        while let Some(error) = next {
            next = match &*error.0 {
                Kind::Exec { frame, cause, .. } => {
                    frames.push(frame);
                    cause.as_ref()
                }
                Kind::Parse { .. } | Kind::Plain { .. } => None,
            };
        }
        frames
    }

    /// The innermost place: file, line, and the column counted from 1.
    pub fn place(&self) -> Place {
        let mut place = match &*self.innermost().0 {
            Kind::Parse { file, line, .. } => return Place::file(file.as_str(), Some(*line)),
            _ => Place::default(),
        };
        if let Some(frame) = self.frames().last() {
            place.file = Some(frame.file.clone());
            place.line = Some(frame.line);
            place.column = Some(frame.column + 1);
            place.width = frame.context.chars().count() as u32;
        }
        place
    }

    fn innermost(&self) -> &Self {
        match &*self.0 {
            Kind::Exec { cause: Some(cause), .. } => cause.innermost(),
            _ => self,
        }
    }

    /// The problem for a person: the innermost place and message, and the chain of templates that led there.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut diagnostic = Diagnostic::error(self.class(), self.message()).at(self.place());
        let frames = self.frames();
        for frame in &frames {
            diagnostic = diagnostic.via(format!(
                "{}:{}:{}: in {:?} at <{}>",
                frame.file, frame.line, frame.column, frame.template, frame.context
            ));
        }
        vec![diagnostic]
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Parse { file, line, message } => write!(f, "template: {file}:{line}: {message}"),
            Kind::Exec { frame, message, cause, .. } => {
                let Frame { file, line, column, template, context } = frame;
                write!(f, "template: {file}:{line}:{column}: executing ")?;
                write!(f, "{template:?} at <{context}>: {message}")?;
                cause.as_ref().map_or(Ok(()), |cause| write!(f, "{cause}"))
            }
            Kind::Plain { message, .. } => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}
