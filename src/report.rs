//! What a person reads when something is wrong: message, place, the line with a caret, the way there, a hint.

use keyfill_diag::{Class, Diagnostic, Severity};
use std::fmt::{self, Write as _};

/// Why a run failed: every problem that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(Vec<Diagnostic>);

impl Failure {
    /// From the problems found. There is at least one.
    pub fn new(diagnostics: Vec<Diagnostic>) -> Self {
        Self(diagnostics)
    }

    /// The problems.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0
    }

    /// The class that picks the exit code when there are several: what no edit of the manifests mends first.
    pub fn class(&self) -> Class {
        const ORDER: [Class; 6] =
            [Class::Forbidden, Class::Usage, Class::Store, Class::Render, Class::Missing, Class::Other];
        let has = |class: &Class| self.0.iter().any(|d| d.class == *class && d.severity == Severity::Error);
        ORDER.into_iter().find(has).unwrap_or(Class::Other)
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl From<crate::fill::FillError> for Failure {
    fn from(error: crate::fill::FillError) -> Self {
        Self(error.into_diagnostics())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Failure {}

/// The problems of any error: those of a failure, or the error's own chain as one.
pub fn problems(error: &anyhow::Error) -> Vec<Diagnostic> {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.diagnostics().to_vec();
    }
    let class = class(error);
    vec![Diagnostic::error(class, format!("{error:#}"))]
}

/// The class of any error.
pub fn class(error: &anyhow::Error) -> Class {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        failure.class()
    } else if let Some(secrets) = error.downcast_ref::<keyfill_secrets::Error>() {
        secrets.class()
    } else if let Some(failed) = error.downcast_ref::<crate::commands::check::Failed>() {
        failed.0.class()
    } else if error.downcast_ref::<Usage>().is_some() {
        Class::Usage
    } else {
        Class::Other
    }
}

/// A command line or setting that cannot be followed.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// One diagnostic as a person reads it, ending with a newline.
pub fn human(diagnostic: &Diagnostic) -> String {
    let mut text = String::new();
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut lines = diagnostic.message.lines();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{severity}: {}", lines.next().unwrap_or_default());
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
    let place = diagnostic.place.to_string();
    if !place.is_empty() {
        let _ = writeln!(text, "  --> {place}");
    }
    source_line(&mut text, diagnostic);
    for step in &diagnostic.trail {
        let _ = writeln!(text, "  via {step}");
    }
    if let Some(hint) = &diagnostic.hint {
        let _ = writeln!(text, "  help: {hint}");
    }
    text
}

/// At most so much of a line is shown on each side of what the caret points to.
const CONTEXT: usize = 60;

fn source_line(text: &mut String, diagnostic: &Diagnostic) {
    let Some(line) = &diagnostic.place.source_line else { return };
    let number = diagnostic.place.line.map(|n| n.to_string()).unwrap_or_default();
    let margin = " ".repeat(number.len());
    let column = diagnostic.place.column.map_or(0, |c| c.saturating_sub(1)) as usize;
    let width = (diagnostic.place.width.max(1) as usize).min(CONTEXT * 2);
    let start = column.saturating_sub(CONTEXT);
    let shown: String =
        line.chars().skip(start).take(CONTEXT * 2 + width).map(|c| if c == '\t' { ' ' } else { c }).collect();
    let lead = if start > 0 { "..." } else { "" };
    let _ = writeln!(text, "  {margin} |");
    let _ = writeln!(text, "  {number} | {lead}{}", shown.trim_end());
    if diagnostic.place.column.is_some() {
        let _ =
            writeln!(text, "  {margin} | {}{}", " ".repeat(lead.len() + column - start), "^".repeat(width));
    }
}

/// Prints diagnostics on stderr.
pub fn print(diagnostics: &[Diagnostic]) {
    let text: Vec<String> = diagnostics.iter().map(human).collect();
    let mut stderr = std::io::stderr().lock();
    // Where stderr is closed there is nobody to tell.
    let _ = std::io::Write::write_all(&mut stderr, text.join("\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::{Failure, human};
    use keyfill_diag::{Class, Diagnostic, Place};

    #[test]
    fn the_caret_stands_under_what_is_meant() {
        let place = Place {
            line: Some(12),
            column: Some(8),
            width: 5,
            path: Some("data.a".into()),
            source_line: Some("    a: <pat>".into()),
            ..Place::file("app/s.yaml", None)
        };
        let d = Diagnostic::error(Class::Missing, "no key pat")
            .at(place)
            .hint("did you mean path?")
            .via("base x");
        let want = "error: no key pat\n  --> app/s.yaml:12:8 (data.a)\n     |\n  12 |     a: <pat>\n     |        ^^^^^\n  via base x\n  help: did you mean path?\n";
        assert_eq!(human(&d), want);
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let line = format!("{}<x>{}", "a".repeat(5000), "b".repeat(5000));
        let place = Place {
            line: Some(1),
            column: Some(5001),
            width: 3,
            source_line: Some(line),
            ..Place::default()
        };
        let text = human(&Diagnostic::error(Class::Render, "m").at(place));
        assert!(text.len() < 500 && text.contains("<x>"), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[3].find('<'), lines[4].find('^'));
    }

    #[test]
    fn the_worst_class_counts() {
        let all = [Class::Missing, Class::Forbidden].map(|c| Diagnostic::error(c, "x"));
        assert_eq!(Failure::new(all.to_vec()).class(), Class::Forbidden);
    }
}
