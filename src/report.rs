//! Reports problems to people: message, position, the line with a caret, the trail, a hint.

use crate::escape;
use crate::terminal::{self, Stream};
use keyfill_diag::{Class, Diagnostic, Remedy, Report, Severity};
use keyfill_files::FileError;
use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// The most problems of a run that are reported.
const MOST_PROBLEMS: usize = 100;

/// The failure of a run: every problem that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    problems: Vec<Diagnostic>,
    remedy: Remedy,
    refuses_values: bool,
}

impl Failure {
    /// Makes a failure of problems, of which there must be at least one. Of very many only the first are kept, and
    /// one more states the number of the others. Their texts are bounded in size.
    pub fn new(mut diagnostics: Vec<Diagnostic>) -> Self {
        // The last one may already state a number of problems that are not shown.
        if diagnostics.len() > MOST_PROBLEMS + 1 {
            let others = diagnostics.split_off(MOST_PROBLEMS);
            let message = format!("and {} more problems that are not shown", others.len());
            diagnostics.push(Diagnostic::error(gravest(&others), message));
        }
        let diagnostics = diagnostics.into_iter().map(Diagnostic::bounded).collect();
        Self { problems: diagnostics, remedy: Remedy::None, refuses_values: false }
    }

    /// Makes a failure of an engine's error.
    pub fn of(error: &dyn Report) -> Self {
        Self {
            remedy: error.remedy(),
            refuses_values: error.refuses_values(),
            ..Self::new(error.diagnostics())
        }
    }

    /// Makes a failure of any error of a run: with its problems, or with its chain of causes as one problem.
    pub fn of_any(error: &anyhow::Error) -> Self {
        if let Some(failure) = error.downcast_ref::<Self>() {
            return failure.clone();
        }
        let mut diagnostic = Diagnostic::error(class(error), format!("{error:#}"));
        diagnostic.hint = hint(error);
        diagnostic.into()
    }

    /// The same failure with each problem changed.
    #[must_use]
    pub fn rewritten(self, change: impl FnMut(Diagnostic) -> Diagnostic) -> Self {
        Self { problems: self.problems.into_iter().map(change).collect(), ..self }
    }

    /// The problems.
    pub fn problems(&self) -> &[Diagnostic] {
        &self.problems
    }

    /// The problems, by value.
    pub fn into_problems(self) -> Vec<Diagnostic> {
        self.problems
    }
}

/// The class of several errors together: policies and settings come before errors that an author can fix in a
/// manifest.
fn gravest(problems: &[Diagnostic]) -> Class {
    const ORDER: [Class; 6] =
        [Class::Forbidden, Class::Usage, Class::Store, Class::Render, Class::Missing, Class::Other];
    let has = |class: &Class| problems.iter().any(|d| d.class == *class && d.severity == Severity::Error);
    ORDER.into_iter().find(has).unwrap_or(Class::Other)
}

impl Report for Failure {
    fn class(&self) -> Class {
        gravest(&self.problems)
    }

    fn diagnostics(&self) -> Vec<Diagnostic> {
        self.problems.clone()
    }

    fn remedy(&self) -> Remedy {
        self.remedy
    }

    fn refuses_values(&self) -> bool {
        self.refuses_values
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::new(vec![diagnostic])
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.problems.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Failure {}

/// A failure whose problems were already printed, in the requested format.
#[derive(Debug)]
pub struct AlreadyReported(pub Failure);

impl fmt::Display for AlreadyReported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for AlreadyReported {}

impl Report for AlreadyReported {
    fn class(&self) -> Class {
        self.0.class()
    }

    fn diagnostics(&self) -> Vec<Diagnostic> {
        self.0.diagnostics()
    }
}

/// The problems of any error: those of a failure, or the error's chain of causes as one.
pub fn problems(error: &anyhow::Error) -> Vec<Diagnostic> {
    Failure::of_any(error).into_problems()
}

/// The class of any error: that of the outermost cause with a class.
pub fn class(error: &anyhow::Error) -> Class {
    if let Some(problem) = error.downcast_ref::<Problem>() {
        return problem.class;
    }
    reports(error).next().map_or(Class::Other, Report::class)
}

/// Whether the error is a feature that the engine lacks and the official binary may have.
pub fn is_unsupported(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Failure>().is_some_and(Report::is_unsupported)
}

fn hint(error: &anyhow::Error) -> Option<String> {
    if let Some(problem) = error.downcast_ref::<Problem>() {
        return problem.hint.map(str::to_owned);
    }
    reports(error).find_map(|report| report.diagnostics().into_iter().find_map(|problem| problem.hint))
}

/// The causes of an error that implement [`Report`], outermost first.
fn reports(error: &anyhow::Error) -> impl Iterator<Item = &dyn Report> {
    error.chain().filter_map(|cause| AS_REPORT.iter().find_map(|as_report| as_report(cause)))
}

type Cause = dyn std::error::Error + 'static;
type AsReport = for<'c> fn(&'c Cause) -> Option<&'c dyn Report>;

/// The error types with [`Report`] that occur in an error's chain. An engine's error is converted to a [`Failure`]
/// where the engine is called.
const AS_REPORT: [AsReport; 5] = [
    as_report::<Failure>,
    as_report::<AlreadyReported>,
    as_report::<keyfill_secrets::Error>,
    as_report::<keyfill_yaml::Error>,
    as_report::<FileError>,
];

fn as_report<E: Report + 'static>(cause: &Cause) -> Option<&dyn Report> {
    cause.downcast_ref::<E>().map(|error| error as &dyn Report)
}

/// A message with a class: an error by itself, or the context of another error.
#[derive(Debug)]
pub struct Problem {
    class: Class,
    message: String,
    hint: Option<&'static str>,
}

impl Problem {
    fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), hint: None }
    }

    /// An error of the command line or of a setting.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Class::Usage, message)
    }

    /// An error of the input: it cannot be read or rendered.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(Class::Render, message)
    }

    /// An error about something that does not exist.
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(Class::Missing, message)
    }

    /// An error about something that a policy forbids.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(Class::Forbidden, message)
    }

    /// Adds a hint: what to do about it.
    pub fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

/// The longest message that is printed, in bytes.
const MOST_MESSAGE: usize = 16 << 10;

/// One diagnostic as text for people, ending with a newline. Names and texts of authors cannot begin a line or
/// control a terminal.
pub fn human(diagnostic: &Diagnostic) -> String {
    let mut text = String::new();
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let message = cut(&diagnostic.message, MOST_MESSAGE);
    let message = escape::lines(&message);
    let mut lines = message.lines();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{severity}: {}", lines.next().unwrap_or_default());
    for line in lines {
        // CI systems recognise commands after white space too.
        let begins_command = ["::", "##["].iter().any(|command| line.trim_start().starts_with(command));
        let _ = writeln!(text, "  {}{line}", if begins_command { "| " } else { "" });
    }
    let place = diagnostic.place.to_string();
    let object = diagnostic.object.as_ref().map(ToString::to_string);
    let shown: Vec<&str> = [Some(place.as_str()), object.as_deref()]
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect();
    if !shown.is_empty() {
        let _ = writeln!(text, "  --> {}", escape::one_line(&shown.join(": ")));
    }
    source_line(&mut text, diagnostic);
    for step in &diagnostic.trail {
        let _ = writeln!(text, "  via {}", escape::one_line(step));
    }
    if let Some(hint) = &diagnostic.hint {
        let _ = writeln!(text, "  help: {}", escape::one_line(&cut(hint, MOST_MESSAGE)));
    }
    text
}

/// The beginning of a text that is too long to read.
fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}… ({} bytes more)", &text[..text.floor_char_boundary(most)], text.len() - most))
}

/// The most characters of a line that are shown on each side of the caret.
const CONTEXT: usize = 60;

fn source_line(text: &mut String, diagnostic: &Diagnostic) {
    let Some(line) = &diagnostic.place.source_line else { return };
    let number = diagnostic.place.line.map(|n| n.to_string()).unwrap_or_default();
    let margin = " ".repeat(number.len());
    let column = diagnostic.place.column.map_or(0, |c| c.saturating_sub(1)) as usize;
    let width = (diagnostic.place.width.max(1) as usize).min(CONTEXT * 2);
    let start = column.saturating_sub(CONTEXT);
    let shown: String = line.chars().skip(start).take(CONTEXT * 2 + width).collect();
    let shown = escape::same_width(&shown);
    let lead = if start > 0 { "..." } else { "" };
    let _ = writeln!(text, "  {margin} |");
    let _ = writeln!(text, "  {number} | {lead}{}", shown.trim_end());
    if diagnostic.place.column.is_some() {
        let _ =
            writeln!(text, "  {margin} | {}{}", " ".repeat(lead.len() + column - start), "^".repeat(width));
    }
}

/// The same with colours, if the stream supports them.
pub fn human_for(diagnostic: &Diagnostic, stream: Stream) -> String {
    let text = human(diagnostic);
    if terminal::has_colours(stream) { terminal::coloured(&text) } else { text }
}

/// Prints diagnostics on stderr. Of very many (a rendering may have any number of warnings) only the first are
/// printed.
pub fn print(diagnostics: &[Diagnostic]) {
    // A failure has at most this number, and one more that states the number of the others.
    let shown = if diagnostics.len() > MOST_PROBLEMS + 1 { MOST_PROBLEMS } else { diagnostics.len() };
    let (first, others) = diagnostics.split_at(shown);
    let mut text: Vec<String> = first.iter().map(|d| human_for(d, Stream::Err)).collect();
    if let Some(one) = others.first() {
        let message = format!("and {} more that are not shown", others.len());
        let more = Diagnostic { severity: one.severity, ..Diagnostic::warning(one.class, message) };
        text.push(human_for(&more, Stream::Err));
    }
    let mut stderr = std::io::stderr().lock();
    // If stderr is closed, nobody can be told.
    let _ = std::io::Write::write_all(&mut stderr, text.join("\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::{Failure, Problem, class, human, problems};
    use anyhow::Context as _;
    use keyfill_diag::{Class, Diagnostic, ObjectRef, Place, Report as _};

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
            .about(ObjectRef::new("Secret", "", "s"))
            .hint("did you mean path?")
            .via("base x");
        let want = "error: no key pat\n  --> app/s.yaml:12:8 (data.a): Secret \"s\"\n     |\n  12 |     a: <pat>\n     |        ^^^^^\n  via base x\n  help: did you mean path?\n";
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
    fn names_forge_no_lines_and_move_no_cursor() {
        let hostile = "a\n::warning file=x::forged\n\u{1b}[2J\u{9b}1m\u{202e}.yaml";
        let place = Place {
            line: Some(1),
            column: Some(1),
            path: Some(hostile.into()),
            source_line: Some(hostile.replace('\n', "\r")),
            ..Place::file(hostile, None)
        };
        let made = Diagnostic::error(Class::Render, format!("no {hostile} here"))
            .at(place)
            .about(ObjectRef::new("Secret", hostile, hostile))
            .via(hostile)
            .hint(hostile);
        let text = human(&made);
        assert!(text.lines().all(|line| !line.trim_start().starts_with("::")), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\r']), "{text}");
        let long = human(&Diagnostic::error(Class::Render, "x".repeat(1 << 20)));
        assert!(long.len() < 20_000 && long.contains("bytes more"));
    }

    #[test]
    fn of_many_problems_the_first_are_kept_and_the_others_counted() {
        let many: Vec<Diagnostic> =
            (0..5_000).map(|n| Diagnostic::error(Class::Render, format!("problem {n}"))).collect();
        let failure = Failure::new(many);
        let shown = failure.problems();
        assert_eq!((shown.len(), shown[0].message.as_str()), (101, "problem 0"));
        assert_eq!(shown[100].message, "and 4900 more problems that are not shown");
    }

    #[test]
    fn a_context_keeps_class_and_hint_of_what_it_is_about() {
        let cause = || std::io::Error::other("no");
        let of_context =
            Err::<(), _>(cause()).context(Problem::input("cannot read x").hint("name y")).unwrap_err();
        assert_eq!(class(&of_context), Class::Render);
        let shown = problems(&of_context);
        assert_eq!(
            (shown[0].message.as_str(), shown[0].hint.as_deref()),
            ("cannot read x: no", Some("name y"))
        );
        let of_cause = Err::<(), _>(Problem::usage("bad flag")).context("while reading").unwrap_err();
        assert_eq!(class(&of_cause), Class::Usage);
        assert_eq!(class(&anyhow::anyhow!("x")), Class::Other);
    }

    #[test]
    fn the_worst_class_counts() {
        let all = [Class::Missing, Class::Forbidden].map(|c| Diagnostic::error(c, "x"));
        assert_eq!(Failure::new(all.to_vec()).class(), Class::Forbidden);
    }
}
