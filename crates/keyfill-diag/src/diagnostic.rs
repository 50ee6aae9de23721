//! The diagnostic: what went wrong, where, why, what to do.

use std::fmt;

/// The class of a problem. It picks the exit code of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Anything else: exit code 1.
    Other,
    /// The command line or a setting is wrong: exit code 2.
    Usage,
    /// The input could not be rendered or read: exit code 3.
    Render,
    /// A placeholder names a secret, version or key that does not exist: exit code 4.
    Missing,
    /// The secret store was unreachable or refused: exit code 5.
    Store,
    /// A policy forbids what was asked for: exit code 6.
    Forbidden,
}

impl Class {
    /// The exit code of the command line for this class.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Other => 1,
            Self::Usage => 2,
            Self::Render => 3,
            Self::Missing => 4,
            Self::Store => 5,
            Self::Forbidden => 6,
        }
    }

    /// The name used in machine-readable reports and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Usage => "usage",
            Self::Render => "render",
            Self::Missing => "missing",
            Self::Store => "store",
            Self::Forbidden => "forbidden",
        }
    }
}

/// The severity of a problem. An error fails the run, a warning is only printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The run fails.
    Error,
    /// The problem is printed on stderr, and the run continues.
    Warning,
}

/// Where in the input a diagnostic points.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    /// File relative to the tree's root, or a name such as `<stdin>`.
    pub file: Option<String>,
    /// The number of the document in the stream, counted from 1.
    pub document: Option<usize>,
    /// Line in the file, counted from 1.
    pub line: Option<u32>,
    /// Column in characters, counted from 1.
    pub column: Option<u32>,
    /// How many characters are underlined with carets; 0 or 1 is a single caret.
    pub width: u32,
    /// Path in the document, as in `spec.template.spec.containers[0].image`.
    pub path: Option<String>,
    /// The text of the line, without its newline.
    pub source_line: Option<String>,
}

/// The Kubernetes object that a diagnostic is about. In a pipe or in Argo CD's UI a line number alone does not
/// help: people search for a kind and a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ObjectRef {
    /// Its kind, for example `Deployment`.
    pub kind: String,
    /// Its namespace; empty if the manifest has none.
    pub namespace: String,
    /// Its name; empty if the manifest has none.
    pub name: String,
}

impl ObjectRef {
    /// An object by its kind, namespace and name; `None` when neither a kind nor a name is known.
    pub fn new(
        kind: impl Into<String>,
        namespace: impl Into<String>,
        name: impl Into<String>,
    ) -> Option<Self> {
        let object = Self { kind: kind.into(), namespace: namespace.into(), name: name.into() };
        (!object.kind.is_empty() || !object.name.is_empty()).then_some(object)
    }
}

impl fmt::Display for ObjectRef {
    /// `Deployment "web" in namespace "shop"`, leaving out what is not known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.kind.is_empty() { "object" } else { &self.kind })?;
        if !self.name.is_empty() {
            write!(f, " \"{}\"", self.name)?;
        }
        if !self.namespace.is_empty() {
            write!(f, " in namespace \"{}\"", self.namespace)?;
        }
        Ok(())
    }
}

/// One problem, with everything that a person needs to fix it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// The class, which decides the exit code.
    pub class: Class,
    /// The name of the rule that is broken, if it is more specific than the class.
    pub rule: Option<&'static str>,
    /// What went wrong and why, in one sentence without a full stop.
    pub message: String,
    /// The position in the input.
    pub place: Place,
    /// The object that the problem is about, if it is about one.
    pub object: Option<ObjectRef>,
    /// How the run came to the position, outermost first: the chain of bases, or of template includes.
    pub trail: Vec<String>,
    /// What to do about the problem.
    pub hint: Option<String>,
}

/// Removes the error numbers that Rust appends to messages of the operating system: `(os error 2)`.
fn without_os_errors(mut message: String) -> String {
    const BEGINS: &str = " (os error ";
    while let Some(start) = message.find(BEGINS) {
        let rest = &message[start + BEGINS.len()..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 || rest.as_bytes().get(digits) != Some(&b')') {
            break;
        }
        message.replace_range(start..start + BEGINS.len() + digits + 1, "");
    }
    message
}

impl Diagnostic {
    /// The longest message, in bytes.
    pub const MOST_MESSAGE: usize = 64 << 10;
    /// The longest other text, in bytes.
    const MOST_TEXT: usize = 4 << 10;
    /// The most steps of a trail.
    const MOST_STEPS: usize = 100;

    /// The same problem with texts of bounded size. An author's template or name can make a message of many
    /// megabytes, which would be copied and printed in full.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        cut(&mut self.message, Self::MOST_MESSAGE);
        let place = &mut self.place;
        let names = [&mut place.file, &mut place.path].into_iter().flatten();
        let object = self.object.iter_mut().flat_map(|o| [&mut o.kind, &mut o.namespace, &mut o.name]);
        self.trail.truncate(Self::MOST_STEPS);
        for text in names.chain(object).chain(&mut self.trail).chain(&mut self.hint) {
            cut(text, Self::MOST_TEXT);
        }
        self
    }

    /// An error with a class and a message. Position, object and hint are added with [`Self::at`], [`Self::about`]
    /// and [`Self::hint`].
    pub fn error(class: Class, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            class,
            rule: None,
            message: without_os_errors(message.into()),
            place: Place::default(),
            object: None,
            trail: Vec::new(),
            hint: None,
        }
    }

    /// A warning; the class is the one that it would have as an error.
    pub fn warning(class: Class, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(class, message) }
    }

    /// Sets the rule that is broken.
    #[must_use]
    pub fn breaks(mut self, rule: &'static str) -> Self {
        self.rule = Some(rule);
        self
    }

    /// The rule's name in machine-readable reports: `rule`, else the name of the class.
    pub fn rule_name(&self) -> &'static str {
        self.rule.unwrap_or_else(|| self.class.name())
    }

    /// Sets the position.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// Sets the object that the problem is about.
    #[must_use]
    pub fn about(mut self, object: impl Into<Option<ObjectRef>>) -> Self {
        self.object = object.into();
        self
    }

    /// Sets the hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds one step of the trail, from the outside in.
    #[must_use]
    pub fn via(mut self, step: impl Into<String>) -> Self {
        self.trail.push(step.into());
        self
    }
}

impl Place {
    /// The position of a file, and of a line in it if that is known.
    pub fn file(file: impl Into<String>, line: Option<u32>) -> Self {
        Self { file: Some(file.into()), line, ..Self::default() }
    }
}

impl fmt::Display for Place {
    /// `file:line:column (document 2, spec.x)`, leaving out what is not known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut some = false;
        if let Some(file) = &self.file {
            f.write_str(file)?;
            some = true;
        }
        if let Some(line) = self.line {
            if some {
                write!(f, ":{line}")?;
            } else {
                write!(f, "line {line}")?;
            }
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
            some = true;
        }
        let document = self.document.map(|n| format!("document {n}"));
        let rest: Vec<&str> = document.as_deref().into_iter().chain(self.path.as_deref()).collect();
        match (some, rest.is_empty()) {
            (_, true) => Ok(()),
            (true, false) => write!(f, " ({})", rest.join(", ")),
            (false, false) => f.write_str(&rest.join(", ")),
        }
    }
}

impl fmt::Display for Diagnostic {
    /// One line: position, object and message. The command line prints the caret line and the hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place.to_string();
        if !place.is_empty() {
            write!(f, "{place}: ")?;
        }
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Keeps the beginning of a text and appends how much was cut off. A text that was cut already is not cut again
/// because of the appended words.
fn cut(text: &mut String, most: usize) {
    const WORDS: usize = 64;
    if text.len() > most + WORDS {
        let more = text.len() - most;
        text.truncate(text.floor_char_boundary(most));
        text.shrink_to_fit();
        text.push_str(&format!("… ({more} bytes more)"));
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, Diagnostic, ObjectRef, Place};

    #[test]
    fn a_diagnostic_prints_its_place_first() {
        let place = Place { path: Some("data.a".into()), ..Place::file("app/cm.yaml", Some(3)) };
        let d = Diagnostic::error(Class::Missing, "no such key").at(place);
        assert_eq!(d.to_string(), "app/cm.yaml:3 (data.a): no such key");
        assert_eq!(Diagnostic::error(Class::Other, "plain").to_string(), "plain");
        let d = d.about(ObjectRef::new("ConfigMap", "shop", "web"));
        let expected = "app/cm.yaml:3 (data.a): ConfigMap \"web\" in namespace \"shop\": no such key";
        assert_eq!(d.to_string(), expected);
        assert_eq!(ObjectRef::new("", "shop", ""), None);
    }

    #[test]
    fn texts_of_any_size_become_texts_that_can_be_shown() {
        let long = || "é".repeat(1 << 20);
        let place = Place { path: Some(long()), ..Place::file(long(), None) };
        let mut d = Diagnostic::error(Class::Render, long()).at(place).hint(long());
        d = d.about(ObjectRef::new("ConfigMap", long(), long()));
        d.trail = vec!["é".repeat(5_000); 1_000];
        let bounded = d.bounded();
        assert!(bounded.message.len() < (64 << 10) + 64 && bounded.message.ends_with("bytes more)"));
        assert!(format!("{bounded:?}").len() < 1 << 20, "all of its texts");
        assert_eq!(bounded.clone().bounded(), bounded, "once is enough");
        let short = Diagnostic::error(Class::Render, "short").via("base");
        assert_eq!(short.clone().bounded(), short);
    }

    #[test]
    fn exit_codes_are_distinct() {
        let all = [Class::Other, Class::Usage, Class::Render, Class::Missing, Class::Store, Class::Forbidden];
        let mut codes: Vec<u8> = all.iter().map(|c| c.exit_code()).collect();
        codes.dedup();
        assert_eq!(codes, [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn what_the_system_says_has_no_number() {
        for (said, shown) in [
            (
                "cannot open x: No such file or directory (os error 2)",
                "cannot open x: No such file or directory",
            ),
            ("a (os error 111): b (os error 2)", "a: b"),
            ("a (os error x) (os error 2)", "a (os error x) (os error 2)"),
            ("no (os error", "no (os error"),
        ] {
            assert_eq!(Diagnostic::error(Class::Render, said).message, shown);
        }
    }
}
