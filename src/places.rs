//! Translates paths of the tree to the paths that the user sees.
//!
//! Inside a work tree or `--root` paths are relative to it, as git and CI show them. Without both, the tree is the
//! whole file system, and paths are relative to the current folder, or absolute. Commands in hints work from the
//! current folder in either case.

use crate::fill::Sources;
use crate::report::Failure;
use crate::source_lines::{Kept, Lines};
use crate::tree::Tree;
use anyhow::Error;
use bytes::Bytes;
use keyfill_diag::Diagnostic;
use keyfill_files::{Files, TreePath};
use keyfill_yaml::Document;
use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A list of file names that several documents share.
type Names = Arc<[Arc<str>]>;

/// How paths are translated; inside a work tree they are not changed.
pub struct Places {
    /// The current folder with a `/` at its end, if the tree is the whole file system.
    here: Option<String>,
    /// The current folder, if it is in the tree.
    current: Option<TreePath>,
    /// The path of the tree's root, if the tree is on disk.
    root: Option<PathBuf>,
    files: Arc<dyn Files>,
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places").field("here", &self.here).finish_non_exhaustive()
    }
}

impl Places {
    /// For the tree of a run.
    pub fn of(tree: &Tree) -> Self {
        let current = tree.current.as_ref().filter(|_| tree.is_whole_file_system());
        let here = current.map(|c| if c.is_root() { String::new() } else { format!("{c}/") });
        let files = tree.files.clone();
        Self { here, current: tree.current.clone(), root: tree.root().map(Path::to_path_buf), files }
    }

    /// Adds source lines to an error of a later stage, whose paths are already translated.
    pub fn with_lines(&self, error: Error) -> Error {
        let lines = Lines::of(&*self.files);
        let complete = |mut problem: Diagnostic| {
            if let Some(file) = problem.place.file.as_deref().and_then(|file| self.in_tree(file)) {
                lines.complete_from(&file, &mut problem);
            }
            problem
        };
        match error.downcast::<Failure>() {
            Ok(failure) => failure.rewritten(complete).into(),
            Err(error) => error,
        }
    }

    /// The tree path for a translated path.
    fn in_tree(&self, shown: &str) -> Option<TreePath> {
        match (&self.here, shown.strip_prefix('/')) {
            (None, _) => TreePath::new(shown),
            (Some(_), Some(absolute)) => TreePath::new(absolute),
            (Some(here), None) => TreePath::new(&format!("{here}{shown}")),
        }
    }

    /// Translates the paths in an error.
    pub fn error(&self, error: Error) -> Error {
        let failure = Failure::of_any(&error);
        let problems = failure.problems();
        let has_command = |d: &Diagnostic| d.hint.as_deref().is_some_and(|hint| hint.contains(HELM_BUILD));
        let is_fetched = |d: &Diagnostic| d.place.file.as_deref().and_then(address).is_some();
        if self.here.is_none() && !problems.iter().any(|d| has_command(d) || is_fetched(d)) {
            return error;
        }
        failure.rewritten(|problem| self.diagnostic(problem)).into()
    }

    /// Translates the paths in a problem.
    pub fn diagnostic(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        diagnostic.hint = diagnostic.hint.map(|hint| self.command(hint));
        diagnostic.place.file = diagnostic.place.file.map(|file| address(&file).unwrap_or(file));
        let Some(here) = &self.here else { return diagnostic };
        diagnostic.place.file = diagnostic.place.file.map(|file| seen_from(here, &file));
        diagnostic.message = self.shortened(here, &diagnostic.message);
        diagnostic.hint = diagnostic.hint.map(|hint| self.shortened(here, &hint));
        for step in &mut diagnostic.trail {
            *step = without(here, step).into_owned();
        }
        diagnostic
    }

    /// Translates the paths in a message or hint.
    fn shortened(&self, here: &str, text: &str) -> String {
        let text = without(here, text);
        // In messages paths are in single quotes. One that is outside of the current folder becomes absolute.
        let quoted = |(number, part): (usize, &str)| {
            let is_path = number % 2 == 1
                && !part.starts_with(['/', '.'])
                && (part.contains('/') || format!("{part}/") == here)
                && TreePath::new(part).is_some_and(|path| self.files.resolve(&path).is_ok());
            let below = TreePath::new(here).and_then(|here| here.join(part));
            let is_here = below.is_some_and(|path| self.files.resolve(&path).is_ok());
            match is_path && !is_here {
                true if format!("{part}/") == here => ".".to_owned(),
                true => format!("/{part}"),
                false => part.to_owned(),
            }
        };
        text.split('\'').enumerate().map(quoted).collect::<Vec<_>>().join("'")
    }

    /// Rewrites the command in a hint so that it works from the current folder.
    fn command(&self, hint: String) -> String {
        let Some((before, rest)) = hint.split_once(HELM_BUILD) else { return hint };
        let Some((path, after)) = rest.split_once('`') else { return hint };
        format!("{before}{HELM_BUILD}{}`{after}", word(&self.reached(path)))
    }

    /// The path with which a command reaches a tree path from the current folder.
    fn reached(&self, path: &str) -> String {
        let Some(path) = TreePath::new(path) else { return path.to_owned() };
        let below = self.current.as_ref().and_then(|current| {
            if *current == path {
                return Some(".");
            }
            let folder = if current.is_root() { String::new() } else { format!("{current}/") };
            path.as_str().strip_prefix(&folder)
        });
        match (below, &self.root) {
            (Some(below), _) => below.to_owned(),
            (None, Some(root)) => root.join(path.as_str()).display().to_string(),
            (None, None) => path.to_string(),
        }
    }

    /// Translates the source files of documents.
    pub fn origins(&self, documents: &mut [Document]) {
        let Some(here) = &self.here else { return };
        // Documents of one engine share one list of files, which is translated once.
        let mut last: Option<(Names, Names)> = None;
        for origin in documents.iter_mut().map(|d| &mut d.origin) {
            if let Some(path) = &origin.file {
                origin.file = Some(seen_from(here, path).into());
            }
            let shown = match &last {
                Some((files, shown)) if Arc::ptr_eq(files, &origin.files) => shown.clone(),
                _ => origin.files.iter().map(|file| seen_from(here, file).into()).collect(),
            };
            last = Some((std::mem::replace(&mut origin.files, shown.clone()), shown));
        }
    }
}

/// The files of a tree, to show the line that a problem is about.
pub struct TreeTexts {
    /// As in [`Places`], if files are asked for by translated paths.
    here: Option<String>,
    files: Arc<dyn Files>,
    kept: Kept,
}

impl TreeTexts {
    /// For translated paths, as from [`Places`].
    pub fn of(tree: &Tree) -> Self {
        Self { here: Places::of(tree).here, files: Arc::clone(&tree.files), kept: Kept::default() }
    }

    /// For paths of the tree.
    pub fn by_path(tree: &Tree) -> Self {
        Self { here: None, files: Arc::clone(&tree.files), kept: Kept::default() }
    }

    fn path(&self, shown: &str) -> Option<TreePath> {
        match (&self.here, shown.strip_prefix('/')) {
            (None, _) => TreePath::new(shown),
            (Some(_), Some(absolute)) => TreePath::new(absolute),
            (Some(here), None) => TreePath::new(&format!("{here}{shown}")),
        }
    }
}

impl fmt::Debug for TreeTexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TreeTexts").field("here", &self.here).finish_non_exhaustive()
    }
}

impl Sources for TreeTexts {
    fn text(&self, file: &str) -> Option<Bytes> {
        self.kept.text(file, || self.files.read(&self.path(file)?).ok())
    }
}

/// The beginning of a command in hints that contains a path of the tree.
const HELM_BUILD: &str = "`helm dependency build ";

/// A path as one word for a shell, in double quotes if it needs quotes, since messages have single quotes around
/// paths.
fn word(path: &str) -> String {
    let path = if path.starts_with('-') { format!("./{path}") } else { path.to_owned() };
    if path.chars().all(|c| c.is_alphanumeric() || "/._-~+,:@%=".contains(c)) {
        return path;
    }
    let mut quoted = String::from("\"");
    for c in path.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted + "\""
}

/// The URL of a fetched file, whose path is the URL with one slash: `https:/host/file`.
fn address(path: &str) -> Option<String> {
    let (scheme, rest) = path.split_once(":/")?;
    (matches!(scheme, "http" | "https") && !rest.starts_with('/')).then(|| format!("{scheme}://{rest}"))
}

/// Translates a path of the whole file system. Names such as `<stdin>`, URLs, and paths that begin with a dot or a
/// slash are not changed.
fn seen_from(here: &str, path: &str) -> String {
    let is_given = ["<", "/", "./", "../", "https:/", "http:/"].iter().any(|start| path.starts_with(start));
    match path.strip_prefix(here) {
        _ if is_given => path.to_owned(),
        Some(below) => below.to_owned(),
        None => format!("/{path}"),
    }
}

/// The text with paths below the current folder made relative to it.
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
    use super::{Places, seen_from, without};
    use keyfill_files::TreePath;
    use std::sync::Arc;

    #[test]
    fn a_place_is_relative_to_the_current_folder_or_absolute() {
        assert_eq!(seen_from("home/a/", "home/a/app/x.yaml"), "app/x.yaml");
        assert_eq!(seen_from("home/a/", "home/b/x.yaml"), "/home/b/x.yaml");
        assert_eq!(seen_from("", "x.yaml"), "x.yaml", "the current folder is the root");
        assert_eq!(seen_from("home/a/", "<stdin>"), "<stdin>");
        assert_eq!(seen_from("home/a/", "./c/values.yaml"), "./c/values.yaml", "given with -f");
    }

    #[test]
    fn a_command_in_a_hint_works_from_the_current_folder() {
        let places = |current: Option<&str>| Places {
            here: None,
            current: current.map(|path| TreePath::new(path).unwrap()),
            root: Some("/repo".into()),
            files: Arc::new(keyfill_files::MemoryFiles::default()),
        };
        let hint =
            |current, path| places(current).command(format!("run `helm dependency build {path}` and commit"));
        for (current, path, shown) in [
            (Some(""), "apps/web", "apps/web"),
            (Some("apps"), "apps/web", "web"),
            (Some("apps/web"), "apps/web", "."),
            (Some("app"), "apps/web", "/repo/apps/web"),
            (None, "apps/web", "/repo/apps/web"),
            (Some("my apps"), "my apps/the web", "\"the web\""),
            (Some("a"), "my apps/web", "\"/repo/my apps/web\""),
            (Some(""), "-x/$y", "\"./-x/\\$y\""),
        ] {
            assert_eq!(hint(current, path), format!("run `helm dependency build {shown}` and commit"));
        }
    }

    #[test]
    fn paths_in_messages_and_hints_read_as_places_do() {
        let files = [("home/a/x.yaml", ""), ("home/b.yaml", ""), ("home/a/sub/y.yaml", "")];
        let places = Places {
            here: Some("home/a/".to_owned()),
            current: TreePath::new("home/a"),
            root: Some("/".into()),
            files: Arc::new(files.into_iter().collect::<keyfill_files::MemoryFiles>()),
        };
        let message = "security; file 'home/b.yaml' is not in or below 'home/a'";
        let diagnostic = keyfill_diag::Diagnostic::error(keyfill_diag::Class::Render, message)
            .hint("it comes from home/a/x.yaml, too; 'sub/y.yaml' isn't it, 'a/b' is none");
        let shown = places.diagnostic(diagnostic);
        assert_eq!(shown.message, "security; file '/home/b.yaml' is not in or below '.'");
        assert_eq!(
            shown.hint.as_deref(),
            Some("it comes from x.yaml, too; 'sub/y.yaml' isn't it, 'a/b' is none")
        );
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
