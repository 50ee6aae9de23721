//! Finds the roots that read the changed files on either side.

use super::revisions::Revisions;
use crate::commands::check::targets;
use crate::discover::{self, Root, RootKind};
use crate::ignore_file::IgnoreFiles;
use crate::outside::Outside;
use crate::render::options::Options;
use anyhow::Result;
use keyfill_diag::Cx;
use keyfill_files::{Files, TreePath};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One comparison: a root, or an app, on both sides.
pub struct Job {
    /// The name of the root or app.
    pub name: String,
    /// The parts to render on the older side; empty if the root does not exist there.
    pub before: Vec<Part>,
    /// The parts to render on the newer side.
    pub after: Vec<Part>,
}

/// One folder or file that is rendered.
#[derive(Clone)]
pub struct Part {
    /// The folder, or a file of plain YAML.
    pub root: Root,
    /// The files of its side.
    pub files: Arc<dyn Files>,
    /// The rendering options.
    pub options: Arc<Options>,
    /// The services of its side for what is not in the files.
    pub outside: Outside,
}

/// One side, with everything that is needed to render its roots.
pub struct Context<'a> {
    /// The side's files.
    pub files: &'a Arc<dyn Files>,
    /// The rendering options of roots.
    pub options: &'a Arc<Options>,
    /// The services for what is not in the files.
    pub outside: &'a Outside,
}

impl Context<'_> {
    fn part(&self, root: Root) -> Part {
        Part {
            root,
            files: Arc::clone(self.files),
            options: Arc::clone(self.options),
            outside: self.outside.clone(),
        }
    }

    /// The parts of a folder: the folder itself, or its files of plain YAML.
    fn parts(&self, dir: &TreePath, cx: &Cx) -> Vec<Part> {
        let files = &**self.files;
        if !files.is_dir(dir) {
            return Vec::new();
        }
        match discover::kind_of(files, dir, cx) {
            RootKind::Yaml => {
                let own = discover::own_manifests(files, dir, &mut IgnoreFiles::new(files), cx);
                own.into_iter().map(|dir| self.part(Root { dir, kind: RootKind::Yaml })).collect()
            }
            kind => vec![self.part(Root { dir: dir.clone(), kind })],
        }
    }
}

/// The roots that the changed files affect on either side. If `within` is not empty, only those at or below one of
/// its folders.
pub fn jobs(
    revisions: &Revisions,
    sides: &[Context<'_>; 2],
    within: &[TreePath],
    exclude: &[String],
    cx: &Cx,
) -> Result<Vec<Job>> {
    let mut folders: BTreeSet<TreePath> = BTreeSet::new();
    let mut plain: BTreeMap<TreePath, BTreeSet<TreePath>> = BTreeMap::new();
    for side in [&revisions.base, &revisions.head] {
        let from = side.tree.current.clone().unwrap_or_else(TreePath::root);
        for root in targets::reached(&*side.tree.files, &from, &revisions.changed, exclude, cx)? {
            if root.kind == RootKind::Yaml {
                let folder = root.dir.parent().unwrap_or_else(TreePath::root);
                plain.entry(folder).or_default().insert(root.dir);
            } else {
                folders.insert(root.dir);
            }
        }
    }
    let is_wanted = |dir: &TreePath| within.is_empty() || within.iter().any(|path| dir.is_within(path));
    let [base, head] = sides;
    let mut jobs: BTreeMap<TreePath, Job> = BTreeMap::new();
    for (folder, files) in plain.into_iter().filter(|(folder, _)| !folders.contains(folder)) {
        let part = |side: &Context<'_>| -> Vec<Part> {
            let there = files.iter().filter(|path| side.files.is_file(path) && is_wanted(path));
            there.map(|path| side.part(Root { dir: path.clone(), kind: RootKind::Yaml })).collect()
        };
        let (before, after) = (part(base), part(head));
        if !(before.is_empty() && after.is_empty()) {
            jobs.insert(folder.clone(), Job { name: folder.to_string(), before, after });
        }
    }
    for dir in folders.into_iter().filter(is_wanted) {
        let (before, after) = (base.parts(&dir, cx), head.parts(&dir, cx));
        jobs.insert(dir.clone(), Job { name: dir.to_string(), before, after });
    }
    Ok(with_moved(jobs))
}

/// The most roots, and files in each, that are compared to find moved roots.
const MOST_MOVED: usize = 200;

/// Combines a removed root and an added one if at least half of their files are the same.
fn with_moved(mut jobs: BTreeMap<TreePath, Job>) -> Vec<Job> {
    let alone = |jobs: &BTreeMap<TreePath, Job>, is_gone: bool| -> Vec<TreePath> {
        let is_it = |job: &Job| if is_gone { job.after.is_empty() } else { job.before.is_empty() };
        jobs.iter().filter(|(_, job)| is_it(job)).map(|(dir, _)| dir.clone()).take(MOST_MOVED).collect()
    };
    let (gone, mut new) = (alone(&jobs, true), alone(&jobs, false));
    for old in gone {
        let Some(before) = jobs.get(&old).and_then(|job| job.before.first()) else { continue };
        let same = |dir: &TreePath| {
            let after = jobs.get(dir).and_then(|job| job.after.first());
            after
                .filter(|after| after.root.kind == before.root.kind)
                .map_or(0, |after| likeness(before, after))
        };
        let best = new.iter().enumerate().map(|(at, dir)| (same(dir), at)).max();
        let Some((_, at)) = best.filter(|(percent, _)| *percent >= 50) else { continue };
        let dir = new.remove(at);
        let before = jobs.remove(&old).map(|job| job.before).unwrap_or_default();
        if let Some(job) = jobs.get_mut(&dir) {
            job.name = format!("{old} => {dir}");
            job.before = before;
        }
    }
    jobs.into_values().collect()
}

/// The percentage of files with the same path and content in two folders.
fn likeness(one: &Part, other: &Part) -> usize {
    let contents = |part: &Part| -> BTreeSet<(String, bytes::Bytes)> {
        let dir = part.root.dir.as_str();
        let all = part.files.walk(&part.root.dir).into_iter().take(MOST_MOVED);
        all.filter_map(|path| {
            Some((path.as_str().strip_prefix(dir)?.to_owned(), part.files.read(&path).ok()?))
        })
        .collect()
    };
    let (one, other) = (contents(one), contents(other));
    one.intersection(&other).count() * 100 / one.len().max(other.len()).max(1)
}
