//! The crate's error: Go's message, and the chain of places where it occurred.

use keyfill_diag::{Class, Diagnostic, Place, Report};
use std::fmt;

/// The error for a template that could not be parsed or executed.
///
/// Its `Display` text is that of Go's text/template.
#[derive(Debug)]
pub struct Error(Box<ErrorKind>);

/// A place in a template during execution: one step of the chain of templates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The name under which the text was parsed. For a Helm chart it is the path of a file.
    pub file: String,
    /// Line, counted from 1.
    pub line: u32,
    /// Column in bytes, counted from 0, as Go prints it.
    pub column: u32,
    /// The name of the template that was executed: that of the file, or that of a `define`.
    pub template: String,
    /// The part of the template that was executed, as Go prints it between `<` and `>`.
    pub context: String,
    /// The text of the line, if it is in a text that `tpl` executes and so in no file.
    pub text: Option<String>,
}

/// A chain of fields, such as `.a.b.c`, that failed because one of them was nil.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NilChain {
    /// The fields up to the one that was nil, which is the last.
    pub links: Vec<Link>,
    /// Whether the last field exists and is null.
    pub is_null: bool,
    /// A field of the same map with a similar name.
    pub near: Option<String>,
}

/// A field that was looked up in a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The identity of the map: its [`Map::address`](crate::value::Map::address).
    pub map: usize,
    /// The name of the field.
    pub name: String,
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, template, context, .. } = self;
        write!(f, "{file}:{line}:{column}: in {template:?} at <{context}>")
    }
}

/// The number of places that a diagnostic shows at each end of a long chain.
const SHOWN_FRAMES: usize = 8;

#[derive(Debug)]
enum ErrorKind {
    Parse {
        file: String,
        line: u32,
        message: String,
        hint: Option<String>,
        /// The name of a function that does not exist.
        undefined: Option<String>,
        /// The number and text of the line, if it is in a text that `tpl` executes.
        text: Option<(u32, String)>,
    },
    Exec {
        frame: Frame,
        message: String,
        cause: Option<Error>,
        limit: bool,
        hint: Option<String>,
        nil: Option<NilChain>,
        /// The function that failed. The message names it before the function's own message.
        called: Option<String>,
    },
    Plain {
        message: String,
        limit: bool,
        hint: Option<String>,
    },
}

impl Error {
    pub(crate) fn parse(file: &str, line: u32, message: String) -> Self {
        Self(Box::new(ErrorKind::Parse {
            file: file.to_owned(),
            line,
            message,
            hint: None,
            undefined: None,
            text: None,
        }))
    }

    pub(crate) fn exec(frame: Frame, message: String, cause: Option<Self>, limit: bool) -> Self {
        let limit = limit || cause.as_ref().is_some_and(Self::is_limit);
        Self(Box::new(ErrorKind::Exec { frame, message, cause, limit, hint: None, nil: None, called: None }))
    }

    pub(crate) fn plain(message: String, limit: bool) -> Self {
        Self(Box::new(ErrorKind::Plain { message, limit, hint: None }))
    }

    /// Names the function that failed. The message becomes Go's, which ends with the function's own message.
    pub(crate) fn of_call(mut self, name: &str) -> Self {
        if let ErrorKind::Exec { message, called, .. } = &mut *self.0 {
            message.insert_str(0, &before_words(name));
            *called = Some(name.to_owned());
        }
        self
    }

    /// Names the function that does not exist.
    pub(crate) fn of_undefined(mut self, name: &str) -> Self {
        if let ErrorKind::Parse { undefined, .. } = &mut *self.0 {
            *undefined = Some(name.to_owned());
        }
        self
    }

    /// The function that failed and its own message, if a function failed: `("fail", "give a host")`.
    pub fn failed_call(&self) -> Option<(&str, &str)> {
        match &*self.innermost().0 {
            ErrorKind::Exec { called: Some(name), message, .. } => {
                Some((name, message.get(before_words(name).len()..).unwrap_or_default()))
            }
            _ => None,
        }
    }

    /// The function that a template calls and that does not exist, if that is the error.
    pub fn undefined_function(&self) -> Option<&str> {
        match &*self.innermost().0 {
            ErrorKind::Parse { undefined, .. } => undefined.as_deref(),
            _ => None,
        }
    }

    /// Adds the text of the error's line in `whole`, a text that `tpl` executes.
    pub(crate) fn with_line_of(mut self, whole: &[u8]) -> Self {
        if let ErrorKind::Parse { line, text, .. } = &mut *self.0 {
            // An error at the end of the text is reported behind the last line.
            let filled = |line: &u32| line_of(whole, *line).is_some_and(|text| !text.trim().is_empty());
            let shown = (1..=*line).rev().find(filled).unwrap_or(*line);
            *text = line_of(whole, shown).map(|text| (shown, text));
        }
        self
    }

    /// Adds which field of a chain was nil.
    pub(crate) fn with_nil(mut self, chain: Option<NilChain>) -> Self {
        if let ErrorKind::Exec { nil, .. } = &mut *self.0 {
            *nil = chain;
        }
        self
    }

    /// The chain of fields in which one was nil, if that is the error.
    pub fn nil_chain(&self) -> Option<&NilChain> {
        match &*self.innermost().0 {
            ErrorKind::Exec { nil, .. } => nil.as_ref(),
            _ => None,
        }
    }

    /// The number and text of the line, if a text that `tpl` executes could not be parsed.
    pub fn parsed_text(&self) -> Option<(u32, &str)> {
        match &*self.innermost().0 {
            ErrorKind::Parse { text: Some((line, text)), .. } => Some((*line, text)),
            _ => None,
        }
    }

    /// Adds a hint.
    pub(crate) fn with_hint(mut self, text: Option<String>) -> Self {
        match &mut *self.0 {
            ErrorKind::Parse { hint, .. } | ErrorKind::Exec { hint, .. } | ErrorKind::Plain { hint, .. } => {
                *hint = text;
            }
        }
        self
    }

    /// What to do about the error, if that is known: a similar name, or the value that is not set.
    pub fn hint(&self) -> Option<&str> {
        match &*self.innermost().0 {
            ErrorKind::Parse { hint, .. } | ErrorKind::Exec { hint, .. } | ErrorKind::Plain { hint, .. } => {
                hint.as_deref()
            }
        }
    }

    /// Whether a limit was exceeded, or the run was stopped.
    pub fn is_limit(&self) -> bool {
        matches!(*self.0, ErrorKind::Exec { limit: true, .. } | ErrorKind::Plain { limit: true, .. })
    }

    /// Whether the template could not be parsed.
    pub fn is_parse(&self) -> bool {
        matches!(*self.0, ErrorKind::Parse { .. })
    }

    /// Whether the error occurred while a template was executed: Go's `template.ExecError`.
    pub fn is_exec(&self) -> bool {
        matches!(*self.0, ErrorKind::Exec { .. })
    }

    /// The message without its place. If templates called each other, the message of the innermost error.
    pub fn message(&self) -> &str {
        match &*self.0 {
            ErrorKind::Exec { cause: Some(cause), .. } => cause.message(),
            ErrorKind::Parse { message, .. }
            | ErrorKind::Exec { message, .. }
            | ErrorKind::Plain { message, .. } => message,
        }
    }

    /// The places in the templates that called each other, outermost first.
    pub fn frames(&self) -> Vec<&Frame> {
        let mut frames = Vec::new();
        let mut next = Some(self);
        while let Some(error) = next {
            next = match &*error.0 {
                ErrorKind::Exec { frame, cause, .. } => {
                    frames.push(frame);
                    cause.as_ref()
                }
                ErrorKind::Parse { .. } | ErrorKind::Plain { .. } => None,
            };
        }
        frames
    }

    /// The innermost place: file, line, and the column counted from 1.
    pub fn place(&self) -> Place {
        let mut place = match &*self.innermost().0 {
            ErrorKind::Parse { file, line, .. } => return Place::file(file.as_str(), Some(*line)),
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
            ErrorKind::Exec { cause: Some(cause), .. } => cause.innermost(),
            _ => self,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            ErrorKind::Parse { file, line, message, .. } => write!(f, "template: {file}:{line}: {message}"),
            ErrorKind::Exec { frame, message, cause, .. } => {
                let Frame { file, line, column, template, context, .. } = frame;
                write!(f, "template: {file}:{line}:{column}: executing ")?;
                write!(f, "{template:?} at <{context}>: {message}")?;
                cause.as_ref().map_or(Ok(()), |cause| write!(f, "{cause}"))
            }
            ErrorKind::Plain { message, .. } => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}

impl Report for Error {
    fn class(&self) -> Class {
        Class::Render
    }

    /// The error as a diagnostic: the innermost place and message, and the chain of templates that led there.
    fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut diagnostic = Diagnostic::error(self.class(), self.message()).at(self.place());
        diagnostic.hint = self.hint().map(str::to_owned);
        let frames = self.frames();
        let left_out = frames.len().saturating_sub(2 * SHOWN_FRAMES);
        for (index, frame) in frames.iter().enumerate() {
            if left_out == 0 || index < SHOWN_FRAMES || index >= SHOWN_FRAMES + left_out {
                diagnostic = diagnostic.via(frame.to_string());
            } else if index == SHOWN_FRAMES {
                diagnostic = diagnostic.via(format!("{left_out} more"));
            }
        }
        vec![diagnostic]
    }
}

/// The text that Go puts before the message of a function that failed.
fn before_words(name: &str) -> String {
    format!("error calling {name}: ")
}

/// The most bytes of a line that are shown.
const LONGEST_LINE: usize = 400;

/// A line of a text, counted from 1 and cut to `LONGEST_LINE`.
pub(crate) fn line_of(text: &[u8], line: u32) -> Option<String> {
    let at = usize::try_from(line).ok()?.checked_sub(1)?;
    let line = text.split(|b| *b == b'\n').nth(at)?;
    let line = &line[..line.len().min(LONGEST_LINE)];
    Some(String::from_utf8_lossy(line).trim_end_matches('\r').to_owned())
}
