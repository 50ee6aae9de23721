//! The error of this crate. It says what was read, from where, what the store answered and what to do. It never
//! contains a secret value.

use keyfill_diag::{Class, Diagnostic, Report};
use std::fmt;
use std::sync::Arc;

/// Why a secret could not be read.
///
/// It is an `Arc`, not a `Box`: if a read fails, each placeholder that waits for it gets a clone of the error.
#[derive(Clone)]
pub struct Error(Arc<Details>);

#[derive(Clone)]
struct Details {
    class: Class,
    /// What could not be done: "cannot read secret/data/app".
    about: Option<String>,
    message: String,
    hint: Option<String>,
    prospect: Prospect,
    /// Whether the store answered that it has no such secret.
    absent: bool,
}

/// Whether a retry may succeed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prospect {
    /// A retry would fail in the same way.
    Final,
    /// A retry may succeed.
    MayPass,
    /// A retry may succeed, but there is no time left for one before the deadline.
    OutOfTime,
}

impl Error {
    /// An error of a class with a message. Sources outside of this crate make their errors with it.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self(Arc::new(Details {
            class,
            about: None,
            message: message.into(),
            hint: None,
            prospect: Prospect::Final,
            absent: false,
        }))
    }

    /// An error whose message was written elsewhere, for example in another process.
    pub fn relayed(class: Class, message: String, hint: Option<String>, is_absent: bool) -> Self {
        let mut error = Self::new(class, message);
        if is_absent {
            error = error.absent();
        }
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Class::Usage, message)
    }

    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::new(Class::Missing, message)
    }

    pub(crate) fn store(message: impl Into<String>) -> Self {
        Self::new(Class::Store, message)
    }

    /// Adds a hint: what the user can do.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        self.with(|kind| kind.hint = Some(hint.into()))
    }

    /// Appends `text` to the message.
    pub(crate) fn more(self, text: &str) -> Self {
        self.with(|kind| kind.message.push_str(text))
    }

    /// Puts `frame` before the message: "cannot log in: ...".
    pub(crate) fn within(self, frame: &str) -> Self {
        self.with(|kind| kind.message = format!("{frame}: {}", kind.message))
    }

    /// Sets what could not be done, for example "cannot read secret/data/app". It replaces an earlier such text.
    #[must_use]
    pub fn about(self, about: impl Into<String>) -> Self {
        self.with(|kind| kind.about = Some(about.into()))
    }

    /// Marks the failure as temporary: a retry may succeed.
    pub(crate) fn passing(self) -> Self {
        self.with(|kind| kind.prospect = Prospect::MayPass)
    }

    /// Marks the failure as temporary, with no time left for a retry before the deadline.
    pub(crate) fn out_of_time(self) -> Self {
        self.with(|kind| kind.prospect = Prospect::OutOfTime)
    }

    fn with(mut self, change: impl FnOnce(&mut Details)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Whether a retry with more time may succeed: the store was down, busy or too slow.
    pub fn may_pass(&self) -> bool {
        self.0.prospect != Prospect::Final
    }

    /// Whether the failure is temporary and lasted until near the deadline.
    pub(crate) fn is_out_of_time(&self) -> bool {
        self.0.prospect == Prospect::OutOfTime
    }

    /// Marks that the store answered that it has no such secret.
    pub(crate) fn absent(self) -> Self {
        self.with(|kind| kind.absent = true)
    }

    /// Whether the store answered that it has no such secret. False if the store refused the request, could not be
    /// reached, or has no engine at the path.
    pub fn is_absent(&self) -> bool {
        self.0.absent
    }

    /// The hint: what the user can do.
    pub fn advice(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(about) = &self.0.about {
            write!(f, "{about}: ")?;
        }
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.0.class.name())
    }
}

impl std::error::Error for Error {}

impl Report for Error {
    fn class(&self) -> Class {
        self.0.class
    }

    /// The error as a diagnostic without file and line: only the caller knows which placeholder needs the secret.
    fn diagnostics(&self) -> Vec<Diagnostic> {
        let diagnostic = Diagnostic::error(self.0.class, self.to_string());
        vec![match &self.0.hint {
            Some(hint) => diagnostic.hint(hint.clone()),
            None => diagnostic,
        }]
    }
}
