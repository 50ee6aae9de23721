//! How paths of the tree read to the one who started the run.
//!
//! Inside a work tree or `--root` they are relative to it, as git and CI show them. Where there is neither,
//! the tree is the whole file system: then they are relative to the current folder, or absolute.

use crate::report::{self, Failure};
use crate::tree::Tree;
use anyhow::Error;
use keyfill_diag::Diagnostic;
use std::borrow::Cow;
use std::sync::Arc;

/// What to do with paths; nothing inside a work tree.
#[derive(Debug)]
pub struct Places {
    /// The current folder with a `/` at its end, when the tree is the whole file system.
    here: Option<String>,
}

impl Places {
    /// For the tree of a run.
    pub fn of(tree: &Tree) -> Self {
        let current = tree.current.as_ref().filter(|_| tree.is_whole_file_system());
        Self { here: current.map(|c| if c.is_root() { String::new() } else { format!("{c}/") }) }
    }

    /// An error whose places are paths of the tree.
    pub fn error(&self, error: Error) -> Error {
        if self.here.is_none() {
            return error;
        }
        let problems = report::problems(&error).into_iter();
        Failure::new(problems.map(|d| self.diagnostic(d)).collect()).into()
    }

    /// A problem whose place is a path of the tree.
    pub fn diagnostic(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        let Some(here) = &self.here else { return diagnostic };
        diagnostic.place.file = diagnostic.place.file.map(|file| seen_from(here, &file));
        diagnostic.message = without(here, &diagnostic.message).into_owned();
        for step in &mut diagnostic.trail {
            *step = without(here, step).into_owned();
        }
        diagnostic
    }

    /// The file that a document came from.
    pub fn origin(&self, file: &mut Option<Arc<str>>) {
        if let (Some(here), Some(path)) = (&self.here, &file) {
            *file = Some(seen_from(here, path).into());
        }
    }
}

/// A path of the whole file system. Names such as `<stdin>` are none.
fn seen_from(here: &str, path: &str) -> String {
    match path.strip_prefix(here) {
        Some(below) => below.to_owned(),
        None if path.starts_with('<') => path.to_owned(),
        None => format!("/{path}"),
    }
}

/// A text without the current folder before the paths in it.
fn without<'a>(here: &str, text: &'a str) -> Cow<'a, str> {
    if here.is_empty() || !text.contains(here) {
        return Cow::Borrowed(text);
    }
    let in_path = |c: char| c.is_alphanumeric() || "/._-~".contains(c);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(here) {
        let (before, found) = rest.split_at(at);
        let begins = !out.chars().chain(before.chars()).next_back().is_some_and(in_path);
        out.push_str(before);
        let after = &found[here.len()..];
        if !begins {
            out.push_str(here);
        } else if !after.starts_with(in_path) {
            out.push_str("./");
        }
        rest = after;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::{seen_from, without};

    #[test]
    fn a_place_is_relative_to_the_current_folder_or_absolute() {
        assert_eq!(seen_from("home/a/", "home/a/app/x.yaml"), "app/x.yaml");
        assert_eq!(seen_from("home/a/", "home/b/x.yaml"), "/home/b/x.yaml");
        assert_eq!(seen_from("", "x.yaml"), "x.yaml", "the current folder is the root");
        assert_eq!(seen_from("home/a/", "<stdin>"), "<stdin>");
    }

    #[test]
    fn only_whole_paths_in_a_text_are_shortened() {
        let shown = |text| without("home/a/", text).into_owned();
        assert_eq!(shown("home/a/x.yaml: no such file"), "x.yaml: no such file");
        assert_eq!(shown("no (home/a/b/c.yaml, home/a/d)"), "no (b/c.yaml, d)");
        assert_eq!(shown("at /home/a/x and my.home/a/x"), "at /home/a/x and my.home/a/x");
        assert_eq!(shown("below home/a/ lies nothing"), "below ./ lies nothing");
    }
}
