//! The error of this crate: what was read, where, what the store said, what to do. Never a value.

use keyfill_diag::{Class, Diagnostic, Report};
use std::fmt;
use std::sync::Arc;

/// Why a secret could not be read.
///
/// It is shared, not boxed: one failed read answers every placeholder that waits for it.
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
    /// The store answered, and has no such secret.
    absent: bool,
}

/// Whether another try would help.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prospect {
    /// It would end in the same way.
    Final,
    /// It might end well.
    MayPass,
    /// It might end well, and there is no time left for it.
    OutOfTime,
}

impl Error {
    /// An error of a class. Sources outside of this crate make theirs so.
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

    /// An error that another process has met and put into words.
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

    /// Says what to do.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        self.with(|kind| kind.hint = Some(hint.into()))
    }

    /// Adds to the message's end.
    pub(crate) fn more(self, text: &str) -> Self {
        self.with(|kind| kind.message.push_str(text))
    }

    /// Puts what happened in a larger frame: "cannot log in: ...".
    pub(crate) fn within(self, frame: &str) -> Self {
        self.with(|kind| kind.message = format!("{frame}: {}", kind.message))
    }

    /// Says what could not be done, in place of what was said before.
    #[must_use]
    pub fn about(self, about: impl Into<String>) -> Self {
        self.with(|kind| kind.about = Some(about.into()))
    }

    /// Marks an error that another try might not meet.
    pub(crate) fn passing(self) -> Self {
        self.with(|kind| kind.prospect = Prospect::MayPass)
    }

    /// Marks an error that another try might not meet, had there been time for it.
    pub(crate) fn out_of_time(self) -> Self {
        self.with(|kind| kind.prospect = Prospect::OutOfTime)
    }

    fn with(mut self, change: impl FnOnce(&mut Details)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Whether another try with more time might end well: the store was down, busy or too slow.
    pub fn may_pass(&self) -> bool {
        self.0.prospect != Prospect::Final
    }

    /// Whether trouble lasted until near the deadline.
    pub(crate) fn is_out_of_time(&self) -> bool {
        self.0.prospect == Prospect::OutOfTime
    }

    /// Marks that the store answered and has no such secret.
    pub(crate) fn absent(self) -> Self {
        self.with(|kind| kind.absent = true)
    }

    /// Whether the store answered that it has no such secret: not when it refused, could not be reached, or
    /// has no engine at the path.
    pub fn is_absent(&self) -> bool {
        self.0.absent
    }

    /// What to do, where that is known.
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

    /// The error as a diagnostic without a place: the one who wanted the secret knows where.
    fn diagnostics(&self) -> Vec<Diagnostic> {
        let diagnostic = Diagnostic::error(self.0.class, self.to_string());
        vec![match &self.0.hint {
            Some(hint) => diagnostic.hint(hint.clone()),
            None => diagnostic,
        }]
    }
}
