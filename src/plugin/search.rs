//! Searches in the app's tree as `find`, `grep` and `ls` do.

use super::pattern;
use super::plan::{Expression, Filter, Find, Grep, Search, Source};
use super::words::{Variables, Word, fits};
use anyhow::{Result, anyhow};
use keyfill_diag::Cx;
use keyfill_files::{FileKind, Files, TreePath};
use keyfill_go::regexp::Regexp;
use std::cell::Cell;

/// The result of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether the last command of the pipe succeeded.
    pub status: bool,
    /// Whether the pipe printed something.
    pub printed: bool,
}

/// A file or folder that was found, with the name under which it is printed.
struct Found {
    name: String,
    path: TreePath,
}

/// Where a search takes place.
pub struct Place<'a> {
    /// The app's tree.
    pub files: &'a dyn Files,
    /// The working directory, to which names are relative.
    pub at: &'a TreePath,
    /// The deadline.
    pub cx: &'a Cx,
}

/// How deep a search descends into folders.
const DEPTH: usize = 256;

impl Place<'_> {
    /// Runs a search.
    pub fn search(&self, search: &Search, variables: &mut dyn Variables) -> Result<Answer> {
        let (lines, status) = match &search.source {
            Source::Find(find) => {
                let (found, status) = self.find(find, variables)?;
                // A filter that searches in files needs their paths, not only their names.
                if let [Filter::Files { grep, each, always }, rest @ ..] = search.filters.as_slice() {
                    return self.in_files(&found, grep, (*each, *always), rest, search.quiet);
                }
                (found.into_iter().map(|found| found.name).collect(), status)
            }
            Source::List(words) => {
                let (found, status) = self.listed(words, variables)?;
                if let [Filter::Files { grep, each, always }, rest @ ..] = search.filters.as_slice() {
                    return self.in_files(&found, grep, (*each, *always), rest, search.quiet);
                }
                (found.into_iter().map(|found| found.name).collect(), status)
            }
            Source::Grep { paths, recursive, grep } => {
                let (found, all_there) = self.named(paths, variables)?;
                let found = if *recursive { self.below(found, grep)? } else { found };
                if let [Filter::Files { grep: next, each, always }, rest @ ..] = search.filters.as_slice() {
                    let found = self.with_matches(found, grep)?;
                    return self.in_files(&found, next, (*each, *always), rest, search.quiet);
                }
                let mut answer =
                    self.in_files(&found, grep, (false, false), &search.filters, search.quiet)?;
                // `grep` fails if a file does not exist, unless it is quiet and has found something.
                answer.status &= all_there || search.quiet || !search.filters.is_empty();
                return Ok(answer);
            }
            Source::Read(words) => {
                let (found, all_there) = self.named(words, variables)?;
                let all = Grep { expression: String::new(), ..Grep::default() };
                let mut answer = self.in_files(&found, &all, (false, true), &search.filters, search.quiet)?;
                answer.status &= all_there || !search.filters.is_empty();
                return Ok(answer);
            }
            Source::Text(content) => {
                let text = content.expand(variables).map_err(|why| anyhow!(why))?;
                (text.lines().map(str::to_owned).collect(), true)
            }
        };
        let filters = Filters::of(&search.filters)?;
        Ok(filters.answer(lines, status, search.quiet))
    }

    fn check(&self) -> Result<()> {
        self.cx.check().map_err(|stopped| anyhow!("stopped while looking for files: {stopped}"))
    }

    fn path(&self, name: &str) -> Option<TreePath> {
        if name.starts_with('/') { None } else { self.at.join(name) }
    }

    /// The files and folders with these names or patterns, and whether all of them exist.
    fn named(&self, words: &[Word], variables: &mut dyn Variables) -> Result<(Vec<Found>, bool)> {
        let mut all = Vec::new();
        let mut status = true;
        for word in words {
            let before = all.len();
            for name in word.fields(variables) {
                if word.is_pattern() {
                    let parts: Vec<&str> = name.split('/').collect();
                    self.fitting(self.at, &parts, "", &mut all)?;
                } else if let Some(path) = self.path(&name).filter(|path| self.files.resolve(path).is_ok()) {
                    all.push(Found { name, path });
                }
            }
            status &= all.len() > before;
        }
        Ok((all, status))
    }

    /// The names that match the patterns. A pattern without a match stays as it is, as in a shell.
    pub fn fitting_names(&self, patterns: &[String]) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for pattern in patterns {
            let mut found = Vec::new();
            let parts: Vec<&str> = pattern.split('/').collect();
            self.fitting(self.at, &parts, "", &mut found)?;
            if found.is_empty() {
                names.push(pattern.clone());
            }
            names.extend(found.into_iter().map(|found| found.name));
        }
        Ok(names)
    }

    /// What `ls` lists: the files that are named, and the content of folders.
    fn listed(&self, words: &[Word], variables: &mut dyn Variables) -> Result<(Vec<Found>, bool)> {
        let here = [Word::literal(".")];
        let (named, status) = self.named(if words.is_empty() { &here } else { words }, variables)?;
        let mut all = Vec::new();
        for found in named {
            if !self.files.is_dir(&found.path) {
                all.push(found);
                continue;
            }
            let entries = self.files.list(&found.path).unwrap_or_default();
            let shown = entries.into_iter().filter(|entry| !entry.name.starts_with('.'));
            let found = |name: String| Some(Found { path: found.path.join(&name)?, name });
            all.extend(shown.filter_map(|entry| found(entry.name)));
        }
        Ok((all, status))
    }

    /// Adds the files and folders that match a pattern like `overlays/*/kustomization.yaml`.
    fn fitting(&self, dir: &TreePath, parts: &[&str], above: &str, all: &mut Vec<Found>) -> Result<()> {
        self.check()?;
        let Some((first, rest)) = parts.split_first() else { return Ok(()) };
        let names: Vec<String> = if first.contains(['*', '?', '[']) {
            let entries = self.files.list(dir).unwrap_or_default();
            let is_hidden = |name: &str| name.starts_with('.') && !first.starts_with('.');
            entries.into_iter().map(|e| e.name).filter(|name| !is_hidden(name) && fits(first, name)).collect()
        } else {
            vec![(*first).to_owned()]
        };
        for name in names {
            let Some(path) = dir.join(&name) else { continue };
            let shown = if above.is_empty() { name } else { format!("{above}/{name}") };
            if rest.is_empty() {
                if self.files.resolve(&path).is_ok() {
                    all.push(Found { name: shown, path });
                }
            } else if self.files.is_dir(&path) {
                self.fitting(&path, rest, &shown, all)?;
            }
        }
        Ok(())
    }

    fn find(&self, find: &Find, variables: &mut dyn Variables) -> Result<(Vec<Found>, bool)> {
        let expression = Compiled::of(&find.expression, variables)?;
        let mut all = Vec::new();
        let mut status = true;
        let mut starts: Vec<String> = find.starts.iter().flat_map(|word| word.fields(variables)).collect();
        if starts.is_empty() {
            starts.push(".".to_owned());
        }
        for start in starts {
            let found = self.path(&start).and_then(|path| Some((self.files.resolve(&path).ok()?.1, path)));
            let Some((kind, path)) = found else {
                status = false;
                continue;
            };
            let walk = Walk { place: self, find, expression: &expression };
            walk.visit(&path, start.trim_end_matches('/'), kind, false, 0, &mut all)?;
        }
        Ok((all, status))
    }

    /// The files below folders, as `grep -r` visits them.
    fn below(&self, found: Vec<Found>, grep: &Grep) -> Result<Vec<Found>> {
        let mut all = Vec::new();
        for Found { name, path } in found {
            self.check()?;
            if self.files.is_file(&path) {
                all.push(Found { name, path });
                continue;
            }
            let wanted = |file: &TreePath| {
                let any =
                    |patterns: &[String], name: &str| patterns.iter().any(|pattern| fits(pattern, name));
                (grep.include.is_empty() || any(&grep.include, file.name()))
                    && !file.parts().any(|part| any(&grep.exclude, part))
            };
            let files = self.files.walk(&path).into_iter().filter(wanted);
            all.extend(files.map(|path| Found { name: path.to_string(), path }));
        }
        Ok(all)
    }

    /// The files in which `grep` finds something.
    fn with_matches(&self, found: Vec<Found>, grep: &Grep) -> Result<Vec<Found>> {
        let expression = Lines::of(grep)?;
        let paths: Vec<TreePath> = found.iter().map(|found| found.path.clone()).collect();
        let mut with = Vec::new();
        self.files.any(&paths, &mut |path, text| {
            if expression.any(text) {
                with.push(path.clone());
            }
            self.cx.check().is_err()
        });
        Ok(found.into_iter().filter(|found| with.contains(&found.path)).collect())
    }

    /// Runs `grep` over files, and the rest of the pipe over its output.
    fn in_files(
        &self,
        found: &[Found],
        grep: &Grep,
        (each, always): (bool, bool),
        rest: &[Filter],
        quiet: bool,
    ) -> Result<Answer> {
        let expression = Lines::of(grep)?;
        let filters = Filters::of(rest)?;
        let paths: Vec<TreePath> =
            found.iter().map(|found| found.path.clone()).filter(|path| self.files.is_file(path)).collect();
        let counts = rest.iter().any(|filter| matches!(filter, Filter::Count));
        let must_see_all = counts || each && rest.is_empty();
        let (mut lines, mut matching, mut seen) = (Vec::new(), 0_usize, 0_usize);
        self.files.any(&paths, &mut |path, text| {
            seen += 1;
            let mut hits = expression.hits(text).peekable();
            if hits.peek().is_some() {
                matching += 1;
                if grep.names {
                    lines.push(path.to_string());
                } else {
                    // One line that passes the rest of the pipe is enough.
                    let kept: Vec<String> = if counts {
                        hits.map(|line| String::from_utf8_lossy(line).into_owned()).collect()
                    } else {
                        let fits = |line: &&[u8]| filters.keep(line);
                        hits.find(fits)
                            .map(|line| String::from_utf8_lossy(line).into_owned())
                            .into_iter()
                            .collect()
                    };
                    lines.extend(kept);
                }
            }
            let done = !must_see_all && lines.iter().any(|line| filters.keep(line.as_bytes()));
            done || self.cx.check().is_err()
        });
        self.check()?;
        let status = match (always, each) {
            (true, _) => true,
            (false, true) => !paths.is_empty() && matching == seen && seen == paths.len(),
            (false, false) => matching > 0,
        };
        Ok(filters.answer(lines, status, quiet))
    }
}

struct Walk<'a> {
    place: &'a Place<'a>,
    find: &'a Find,
    expression: &'a Compiled,
}

impl Walk<'_> {
    fn visit(
        &self,
        path: &TreePath,
        name: &str,
        kind: FileKind,
        is_link: bool,
        depth: usize,
        all: &mut Vec<Found>,
    ) -> Result<()> {
        self.place.check()?;
        let seen = Seen {
            path: name,
            name: name.rsplit('/').next().unwrap_or_default(),
            kind,
            is_link,
            is_empty: self.expression.asks_for_empty() && !is_link && self.is_empty(path, kind),
        };
        if depth >= self.find.least_depth && self.expression.prints(&seen) {
            all.push(Found { name: name.to_owned(), path: path.clone() });
        }
        let goes_on =
            kind == FileKind::Dir && !is_link && self.find.most_depth.is_none_or(|most| depth < most);
        if !goes_on || depth >= DEPTH {
            return Ok(());
        }
        for entry in self.place.files.list(path).unwrap_or_default() {
            // Whether Argo CD sends the folder `.git` does not depend on the app, so it is not searched.
            if entry.name == ".git" {
                continue;
            }
            if let Some(below) = path.join(&entry.name) {
                let name = format!("{name}/{}", entry.name);
                self.visit(&below, &name, entry.kind, entry.is_link, depth + 1, all)?;
            }
        }
        Ok(())
    }
}

impl Walk<'_> {
    fn is_empty(&self, path: &TreePath, kind: FileKind) -> bool {
        let files = self.place.files;
        match kind {
            FileKind::Dir => files.list(path).is_ok_and(|entries| entries.is_empty()),
            _ => files.read(path).is_ok_and(|content| content.is_empty()),
        }
    }
}

struct Seen<'a> {
    path: &'a str,
    name: &'a str,
    kind: FileKind,
    is_link: bool,
    /// Whether the file or folder is empty; `false` if the expression does not use `-empty`.
    is_empty: bool,
}

/// An [`Expression`] with its variables expanded and its patterns compiled.
enum Compiled {
    Name(String, bool),
    Path(Regexp),
    Type(char),
    Empty,
    Print,
    Not(Box<Compiled>),
    And(Vec<Compiled>),
    Or(Vec<Compiled>),
}

impl Compiled {
    fn of(expression: &Expression, variables: &mut dyn Variables) -> Result<Self> {
        let mut all = |parts: &[Expression]| -> Result<Vec<Self>> {
            parts.iter().map(|part| Self::of(part, &mut *variables)).collect()
        };
        Ok(match expression {
            Expression::True => Self::And(Vec::new()),
            Expression::And(parts) => Self::And(all(parts)?),
            Expression::Or(parts) => Self::Or(all(parts)?),
            Expression::Not(part) => Self::Not(Box::new(Self::of(part, variables)?)),
            Expression::Type(kind) => Self::Type(*kind),
            Expression::Print => Self::Print,
            Expression::Empty => Self::Empty,
            Expression::Path(expression) => Self::Path(compiled(expression)?),
            Expression::Name { pattern, ignore_case } => {
                let pattern = pattern.expand(variables);
                Self::Name(if *ignore_case { pattern.to_lowercase() } else { pattern }, *ignore_case)
            }
        })
    }

    /// Whether a path is printed: if `-print` is reached, or, in an expression without `-print`, if the whole
    /// expression is true.
    fn prints(&self, seen: &Seen<'_>) -> bool {
        let printed = Cell::new(false);
        let holds = self.holds(seen, &printed);
        if self.has_print() { printed.get() } else { holds }
    }

    fn has_print(&self) -> bool {
        match self {
            Self::Print => true,
            Self::Not(part) => part.has_print(),
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::has_print),
            Self::Name(..) | Self::Path(_) | Self::Type(_) | Self::Empty => false,
        }
    }

    fn asks_for_empty(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Not(part) => part.asks_for_empty(),
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::asks_for_empty),
            Self::Name(..) | Self::Path(_) | Self::Type(_) | Self::Print => false,
        }
    }

    fn holds(&self, seen: &Seen<'_>, printed: &Cell<bool>) -> bool {
        match self {
            Self::Name(pattern, true) => fits(pattern, &seen.name.to_lowercase()),
            Self::Name(pattern, false) => fits(pattern, seen.name),
            Self::Path(expression) => expression.is_match(seen.path.as_bytes()),
            Self::Empty => seen.is_empty,
            Self::Type('l') => seen.is_link,
            Self::Type('d') => seen.kind == FileKind::Dir && !seen.is_link,
            Self::Type(_) => seen.kind == FileKind::File && !seen.is_link,
            Self::Print => {
                printed.set(true);
                true
            }
            Self::Not(part) => !part.holds(seen, printed),
            Self::And(parts) => parts.iter().all(|part| part.holds(seen, printed)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(seen, printed)),
        }
    }
}

fn compiled(expression: &str) -> Result<Regexp> {
    pattern::compile(expression).map_err(|why| anyhow!(why))
}

/// Selects the lines that `grep` prints.
struct Lines {
    expression: Regexp,
    invert: bool,
}

impl Lines {
    fn of(grep: &Grep) -> Result<Self> {
        Ok(Self { expression: compiled(&grep.expression)?, invert: grep.invert })
    }

    fn keep(&self, line: &[u8]) -> bool {
        self.expression.is_match(line) != self.invert
    }

    fn hits<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let lines = text.split(|byte| *byte == b'\n');
        lines.filter(move |line| !text.is_empty() && self.keep(line))
    }

    fn any(&self, text: &[u8]) -> bool {
        self.hits(text).next().is_some()
    }
}

/// The rest of a pipe, which works on lines.
struct Filters(Vec<Stage>);

enum Stage {
    Lines(Lines),
    Pass,
    Count,
}

impl Filters {
    fn of(filters: &[Filter]) -> Result<Self> {
        let stage = |filter: &Filter| {
            Ok(match filter {
                Filter::Lines(grep) => Stage::Lines(Lines::of(grep)?),
                Filter::Pass => Stage::Pass,
                Filter::Count => Stage::Count,
                Filter::Files { .. } => return Err(anyhow!("xargs stands behind lines that are no files")),
            })
        };
        filters.iter().map(stage).collect::<Result<_>>().map(Self)
    }

    /// Whether a line passes all commands before `wc -l`.
    fn keep(&self, line: &[u8]) -> bool {
        let before = self.0.iter().take_while(|stage| !matches!(stage, Stage::Count));
        before.into_iter().all(|stage| if let Stage::Lines(lines) = stage { lines.keep(line) } else { true })
    }

    fn answer(&self, mut lines: Vec<String>, mut status: bool, quiet: bool) -> Answer {
        for stage in &self.0 {
            match stage {
                Stage::Pass => status = true,
                Stage::Count => {
                    lines = vec![lines.len().to_string()];
                    status = true;
                }
                Stage::Lines(expression) => {
                    lines.retain(|line| expression.keep(line.as_bytes()));
                    status = !lines.is_empty();
                }
            }
        }
        // A single empty line does not count as output.
        let printed = !quiet && (lines.len() > 1 || lines.first().is_some_and(|line| !line.is_empty()));
        Answer { status, printed }
    }
}
