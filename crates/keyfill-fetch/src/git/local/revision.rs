//! The commit that an expression such as `origin/main~2` names, and the merge base of two commits.

use super::super::object::{self, Id, ObjectKind};
use super::{LocalRepository, SHALLOW};
use crate::digest::to_hex;
use keyfill_diag::Class;
use keyfill_files::FetchError;
use std::collections::{BinaryHeap, HashMap};

/// A commit, and the expression that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The expression, such as `main~2`.
    pub name: String,
    pub(super) id: Id,
}

impl Revision {
    /// The 40 hexadecimal digits of the commit.
    pub fn commit(&self) -> String {
        to_hex(&self.id)
    }
}

/// The most commits that are read to find a merge base.
const MOST_COMMITS: usize = 1_000_000;

pub(super) fn resolve(repository: &LocalRepository, expression: &str) -> Result<Revision, FetchError> {
    if let Some((one, other)) = expression.split_once("...") {
        let or_head = |name: &str| resolve(repository, if name.is_empty() { "HEAD" } else { name });
        let base = merge_base(repository, &or_head(one)?, &or_head(other)?)?;
        return Ok(Revision { name: expression.to_owned(), ..base });
    }
    let end = expression.find(['~', '^']).unwrap_or(expression.len());
    let (name, mut steps) = expression.split_at(end);
    let mut id = peel(repository, named(repository, name, expression)?)?;
    while let Some(sign) = steps.chars().next() {
        if !['~', '^'].contains(&sign) {
            return Err(unknown(repository, expression));
        }
        let rest = &steps[1..];
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: usize = match &rest[..digits] {
            "" => 1,
            digits => digits.parse().map_err(|_| unknown(repository, expression))?,
        };
        steps = &rest[digits..];
        if steps.starts_with('{') || number > MOST_COMMITS {
            return Err(unknown(repository, expression));
        }
        let count = if sign == '~' { number } else { 1 };
        for _ in 0..count {
            let parents = parents(&repository.commit(&id)?);
            let which = if sign == '^' { number } else { 1 };
            if which > 0 {
                id = *parents.get(which - 1).ok_or_else(|| unknown(repository, expression))?;
            }
        }
    }
    // If the commit was not fetched, the error comes here and not when its files are read.
    repository.commit(&id)?;
    Ok(Revision { name: expression.to_owned(), id })
}

fn named(repository: &LocalRepository, name: &str, expression: &str) -> Result<Id, FetchError> {
    let full = super::references::id(name);
    if let Some(id) = repository.references().find(name).or(full) {
        return Ok(id);
    }
    let is_commit =
        |id: &Id| matches!(repository.objects.get(id), Ok((ObjectKind::Commit | ObjectKind::Tag, _)));
    let found: Vec<Id> = repository.objects.starting(name).into_iter().filter(is_commit).collect();
    match found.as_slice() {
        [id] => Ok(*id),
        [] => Err(unknown(repository, expression)),
        several => {
            let message = format!("{name} is the beginning of {} commits", several.len());
            Err(FetchError::new(Class::Usage, message).hint("write more digits of the commit"))
        }
    }
}

/// The commit that an object name stands for: the commit itself, or the one that a tag points to.
fn peel(repository: &LocalRepository, id: Id) -> Result<Id, FetchError> {
    let mut at = id;
    for _ in 0..8 {
        match repository.objects.get(&at) {
            Ok((ObjectKind::Commit, _)) => return Ok(at),
            Ok((ObjectKind::Tag, content)) => {
                at = object::header(&content, "object")
                    .ok_or_else(|| super::broken(&at, "the tag is broken"))?;
            }
            Ok(_) => return Err(super::broken(&at, "it is no commit")),
            Err(why) => return Err(repository.missing(&at, &why)),
        }
    }
    Err(super::broken(&id, "tags of tags do not end"))
}

fn unknown(repository: &LocalRepository, expression: &str) -> FetchError {
    let error = FetchError::new(Class::Usage, format!("{expression:?} names no commit of this repository"));
    if repository.is_shallow() {
        return error.hint(SHALLOW);
    }
    error.hint("name a branch, a tag or a commit that was fetched, perhaps with ~N or ^N behind it")
}

fn parents(commit: &[u8]) -> Vec<Id> {
    let lines = commit.split(|b| *b == b'\n').skip(1);
    let parent =
        |line: &[u8]| super::references::id(std::str::from_utf8(line.strip_prefix(b"parent ")?).ok()?);
    lines.map_while(parent).collect()
}

/// The committer's time of a commit, in seconds since 1970.
fn time(commit: &[u8]) -> i64 {
    let line = commit.split(|b| *b == b'\n').take_while(|line| !line.is_empty());
    let line = line.into_iter().find(|line| line.starts_with(b"committer ")).unwrap_or_default();
    let end = line.iter().rposition(|b| *b == b'>').map_or(line.len(), |at| at + 1);
    let text = String::from_utf8_lossy(&line[end..]).into_owned();
    text.split_whitespace().next().and_then(|seconds| seconds.parse().ok()).unwrap_or_default()
}

/// Flags of a commit: it was reached from the first commit, from the second one.
const ONE: u8 = 1;
const OTHER: u8 = 2;

/// The newest commit that two commits both descend from. Commits are visited by their time, the newest first, until
/// one was reached from both. It is an error if the history ends before that, for example in a shallow clone.
pub(super) fn merge_base(
    repository: &LocalRepository,
    one: &Revision,
    other: &Revision,
) -> Result<Revision, FetchError> {
    let mut seen: HashMap<Id, u8> = HashMap::new();
    let mut ahead: BinaryHeap<(i64, Id)> = BinaryHeap::new();
    for (revision, side) in [(one, ONE), (other, OTHER)] {
        *seen.entry(revision.id).or_default() |= side;
        ahead.push((time(&repository.commit(&revision.id)?), revision.id));
    }
    while let Some((_, id)) = ahead.pop() {
        let sides = seen.get(&id).copied().unwrap_or_default();
        if sides == ONE | OTHER {
            return Ok(Revision { name: format!("{}...{}", one.name, other.name), id });
        }
        if seen.len() > MOST_COMMITS {
            break;
        }
        // A commit that a shallow clone lacks ends this line of history.
        let Ok(commit) = repository.commit(&id) else { continue };
        for parent in parents(&commit) {
            let held = seen.entry(parent).or_default();
            if *held | sides != *held {
                *held |= sides;
                let when = repository.commit(&parent).map_or(i64::MIN, |commit| time(&commit));
                ahead.push((when, parent));
            }
        }
    }
    let message = format!("{} and {} have no commit in common", one.name, other.name);
    let error = FetchError::new(Class::Render, message);
    Err(if repository.is_shallow() { error.hint(SHALLOW) } else { error })
}
