//! Whether output goes to a terminal, and whether it is coloured: not with `NO_COLOR`; with `CLICOLOR_FORCE` even
//! in a pipe; not with `CLICOLOR=0`; else on terminals other than `TERM=dumb`.

use crate::settings::Env;
use std::io::IsTerminal as _;
use std::sync::OnceLock;

/// When to use colours, by the variables; not set before [`look_at`] is called.
static WANTED: OnceLock<Wanted> = OnceLock::new();

/// Whether the terminal cannot move the cursor (`TERM=dumb`).
static IS_DUMB: OnceLock<bool> = OnceLock::new();

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Wanted {
    Always,
    OnTerminals,
    #[default]
    Never,
}

/// An output stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Reads the variables, once for the process.
pub fn look_at(env: &Env) {
    // A second call changes nothing.
    let _ = WANTED.set(wanted(env));
    let _ = IS_DUMB.set(env.get("TERM") == Some("dumb"));
}

fn wanted(env: &Env) -> Wanted {
    if env.get("NO_COLOR").is_some() {
        return Wanted::Never;
    }
    if env.get("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
        return Wanted::Always;
    }
    if env.get("CLICOLOR") == Some("0") || env.get("TERM") == Some("dumb") {
        return Wanted::Never;
    }
    Wanted::OnTerminals
}

/// Whether a stream has colours.
pub fn has_colours(stream: Stream) -> bool {
    match WANTED.get().copied().unwrap_or_default() {
        Wanted::Always => true,
        Wanted::Never => false,
        Wanted::OnTerminals => is_terminal(stream),
    }
}

/// Whether a line of a stream can be overwritten: it is a terminal, and not a dumb one.
pub fn is_lively(stream: Stream) -> bool {
    is_terminal(stream) && !IS_DUMB.get().copied().unwrap_or_default()
}

/// Whether a stream is a terminal.
fn is_terminal(stream: Stream) -> bool {
    match stream {
        Stream::Out => std::io::stdout().is_terminal(),
        Stream::Err => std::io::stderr().is_terminal(),
    }
}

/// Adds colours to a report of problems: severity, positions, carets and hints. The text must not contain control
/// characters.
pub fn coloured(report: &str) -> String {
    const RED: &str = "\x1b[1;31m";
    const YELLOW: &str = "\x1b[1;33m";
    const BLUE: &str = "\x1b[34m";
    const CYAN: &str = "\x1b[36m";
    let painted = |line: &str| {
        let marks = [("error:", RED), ("warning:", YELLOW), ("  --> ", BLUE), ("  help:", CYAN)];
        if let Some((mark, colour)) = marks.iter().find(|(mark, _)| line.starts_with(mark)) {
            return format!("{colour}{mark}\x1b[0m{}", &line[mark.len()..]);
        }
        let is_caret = line.ends_with('^') && line.chars().all(|c| matches!(c, ' ' | '|' | '^'));
        if is_caret { format!("{RED}{line}\x1b[0m") } else { line.to_owned() }
    };
    report.split('\n').map(painted).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{Wanted, coloured, wanted};

    fn of(pairs: &[(&str, &str)]) -> Wanted {
        wanted(&pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn the_usual_variables_decide() {
        assert_eq!(of(&[]), Wanted::OnTerminals);
        assert_eq!(of(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]), Wanted::Never);
        assert_eq!(of(&[("NO_COLOR", ""), ("CLICOLOR_FORCE", "1")]), Wanted::Always);
        assert_eq!(of(&[("CLICOLOR_FORCE", "0")]), Wanted::OnTerminals);
        assert_eq!(of(&[("CLICOLOR", "0")]), Wanted::Never);
        assert_eq!(of(&[("TERM", "dumb")]), Wanted::Never);
    }

    #[test]
    fn colours_stand_at_what_is_wrong_and_change_no_text() {
        let text = "error: no key\n  --> a:1\n  1 | x\n    | ^\n  help: write it\n";
        let painted = coloured(text);
        assert!(painted.starts_with("\x1b[1;31merror:\x1b[0m no key\n"), "{painted:?}");
        assert!(painted.contains("\x1b[36m  help:\x1b[0m write it"), "{painted:?}");
        let plain = ["\x1b[1;31m", "\x1b[34m", "\x1b[36m", "\x1b[0m"]
            .iter()
            .fold(painted, |text, code| text.replace(code, ""));
        assert_eq!(plain, text);
    }
}
