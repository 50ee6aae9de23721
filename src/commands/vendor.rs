//! `keyfill vendor`: writes fetched charts, and with `--bases` remote bases, to the paths at which helm and
//! kustomize find them, or with `--check` reports those that differ from the lock.

use super::Caller;
use super::lock::{Work, finish, replace, say};
use crate::cli::args::VendorArgs;
use crate::discover::RootKind;
use crate::fetch::{Localized, Recorder};
use crate::progress::Progress;
use crate::render::edits::Edited;
use crate::report::Failure;
use anyhow::{Context as _, Result};
use bytes::Bytes;
use keyfill_diag::{Class, Diagnostic, Place, Severity};
use keyfill_files::{Fetch, FileErrorKind, FileKind, Files, MemoryFiles, TreePath};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Runs the command.
pub fn run(caller: &Caller<'_>, args: &VendorArgs) -> Result<()> {
    let work = Work::new(caller, &args.run, args.cache_size, &args.render, &args.dir, false)?;
    let fetcher = Arc::new(work.plan.fetcher(work.lock()?).map_err(|e| Failure::of(&e))?);
    let recorder = Arc::new(Recorder::new(fetcher));
    let outside = work.outside(Arc::clone(&recorder) as Arc<dyn Fetch>);
    let files = &*work.tree.files;
    let mut problems = work.resolve(files, &outside, true);
    let is_error = |problem: &Diagnostic| problem.severity == Severity::Error;
    let mut texts = BTreeMap::new();
    if args.bases && !problems.iter().any(is_error) {
        texts = bases(&work, &*recorder)?;
        // The charts of these bases are written into the tree too, like those of the tree's own kustomizations.
        let more = work.resolve(&Edited::with(files, texts.clone()), &outside, true);
        let more: Vec<_> = more.into_iter().filter(|problem| !problems.contains(problem)).collect();
        problems.extend(more);
    }
    problems.extend(recorder.take_warnings());
    if problems.iter().any(is_error) {
        return finish(problems);
    }
    let layout = Layout { texts, ..Layout::of(&work, &recorder)? };
    if args.check {
        problems.extend(layout.differences(&work));
        finish(problems)?;
        return say(&format!("{} are as they should be", layout.counts()));
    }
    finish(problems)?;
    let written = layout.write(&work)?;
    say(&format!("{}, {written} written", layout.counts()))
}

/// The files of remote bases, and the changed kustomizations that refer to them.
fn bases(work: &Work, fetch: &dyn Fetch) -> Result<BTreeMap<TreePath, Bytes>> {
    let mut bases = Localized::new(fetch, &work.run.cx);
    let roots: Vec<_> = work.roots.iter().filter(|root| root.kind == RootKind::Kustomization).collect();
    let progress = Progress::new("kustomizations", roots.len());
    for root in roots {
        bases.add(&*work.tree.files, root)?;
        progress.step();
    }
    Ok(bases.files.into_iter().map(|(place, text)| (place, text.into())).collect())
}

/// The files that the tree should contain.
#[derive(Default)]
struct Layout {
    /// Archives of dependencies in the `charts/` folders of charts.
    archives: BTreeMap<TreePath, Bytes>,
    /// The unpacked charts of kustomizations, by folder.
    folders: BTreeMap<TreePath, MemoryFiles>,
    /// The files of remote bases, and the changed kustomizations that refer to them.
    texts: BTreeMap<TreePath, Bytes>,
    /// Archives of other versions of the same charts.
    left_over: BTreeSet<TreePath>,
}

impl Layout {
    fn of(work: &Work, recorder: &Recorder) -> Result<Self> {
        let files = &*work.tree.files;
        let mut layout = Self::default();
        for (place, chart) in &recorder.placed(files) {
            if place.as_str().ends_with(".tgz") {
                layout.archives.insert(place.clone(), chart.archive.clone());
            } else {
                let unpacked =
                    keyfill_helm::unpack(&chart.archive, work.run.options.helm.compat, &work.run.cx);
                let unpacked = unpacked.map_err(|e| Failure::of(&e))?;
                layout.folders.insert(place.clone(), unpacked);
            }
        }
        let names = recorder.names();
        let folders: BTreeSet<TreePath> = layout.archives.keys().filter_map(TreePath::parent).collect();
        for folder in folders {
            for entry in files.list(&folder).unwrap_or_default() {
                let Some(path) = folder.join(&entry.name) else { continue };
                let is_of_chart = names.iter().any(|name| is_archive_of(&entry.name, name));
                if entry.kind == FileKind::File && is_of_chart && !layout.archives.contains_key(&path) {
                    layout.left_over.insert(path);
                }
            }
        }
        Ok(layout)
    }

    fn counts(&self) -> String {
        let charts = format!("{} charts", self.archives.len() + self.folders.len());
        if self.texts.is_empty() { charts } else { format!("{charts}, {} files of bases", self.texts.len()) }
    }

    /// Errors for files that are missing, different or left over.
    fn differences(&self, work: &Work) -> Vec<Diagnostic> {
        let files = &*work.tree.files;
        let differs = |place: &TreePath, what: &str| {
            Diagnostic::error(Class::Missing, format!("{place} {what}"))
                .at(Place::file(place.to_string(), None))
                .hint("run `keyfill vendor` and commit what it writes")
        };
        let mut found = Vec::new();
        for (place, archive) in &self.archives {
            match files.read(place) {
                Ok(there) if there == *archive => {}
                Ok(_) => found.push(differs(place, "is not the chart that is asked for")),
                Err(_) => found.push(differs(place, "is missing")),
            }
        }
        for (folder, chart) in &self.folders {
            match (files.is_dir(folder), is_same(files, folder, chart)) {
                (false, _) => found.push(differs(folder, "is missing")),
                (true, false) => found.push(differs(folder, "is not the chart that is asked for")),
                (true, true) => {}
            }
        }
        for (place, text) in &self.texts {
            match files.read(place) {
                Ok(there) if there == *text => {}
                Ok(_) => found
                    .push(differs(place, "is not what is asked for, or names what the tree does not hold")),
                Err(_) => found.push(differs(place, "is missing")),
            }
        }
        found.extend(self.left_over.iter().map(|place| differs(place, "is left over from another version")));
        found
    }

    /// Writes missing and different files, removes left-over ones, and returns the number of written files.
    fn write(&self, work: &Work) -> Result<usize> {
        let files = &*work.tree.files;
        let mut written = 0;
        for (place, archive) in &self.archives {
            if files.read(place).is_ok_and(|there| there == *archive) {
                continue;
            }
            replace(&on_disk(work, place)?, archive)?;
            written += 1;
        }
        for (folder, chart) in &self.folders {
            if is_same(files, folder, chart) {
                continue;
            }
            replace_folder(&on_disk(work, folder)?, chart)?;
            written += 1;
        }
        for (place, text) in &self.texts {
            if files.read(place).is_ok_and(|there| there == *text) {
                continue;
            }
            replace(&on_disk(work, place)?, text)?;
            written += 1;
        }
        for place in &self.left_over {
            let path = on_disk(work, place)?;
            std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(written)
    }
}

/// Whether a file name is that of an archive of some version of a chart.
fn is_archive_of(file: &str, chart: &str) -> bool {
    let version = file.strip_suffix(".tgz").and_then(|stem| stem.strip_prefix(chart)?.strip_prefix('-'));
    version.is_some_and(|version| version.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit()))
}

fn is_same(files: &dyn Files, folder: &TreePath, chart: &MemoryFiles) -> bool {
    let there = files.walk(folder);
    let expected: Vec<TreePath> = chart.iter().filter_map(|(path, _)| folder.join(path.as_str())).collect();
    there == expected
        && chart
            .iter()
            .zip(&there)
            .all(|((_, content), path)| files.read(path).is_ok_and(|is| is == *content))
}

/// The path on disk of a tree path, with links followed; none of them leaves the tree.
fn on_disk(work: &Work, place: &TreePath) -> Result<PathBuf> {
    let root = work.tree.root().context("the tree does not lie on disk")?;
    let mut missing: Vec<&str> = Vec::new();
    let mut folder = place.clone();
    let real = loop {
        match work.tree.files.resolve(&folder) {
            Ok((real, _)) => break real,
            Err(error) if error.kind() == FileErrorKind::NotFound && !folder.is_root() => {
                let depth = folder.parts().count();
                missing.extend(place.parts().nth(depth.saturating_sub(1)));
                folder = folder.parent().unwrap_or_else(TreePath::root);
            }
            Err(error) => return Err(error.into()),
        }
    };
    Ok(real.parts().chain(missing.into_iter().rev()).fold(root.to_owned(), |path, part| path.join(part)))
}

/// Replaces a folder by renaming, so that no reader sees a partly written folder.
fn replace_folder(path: &Path, chart: &MemoryFiles) -> Result<()> {
    let parent = path.parent().context("a chart's folder lies in another one")?;
    let cannot = || format!("cannot write {}", path.display());
    std::fs::create_dir_all(parent).with_context(cannot)?;
    let aside = tempfile::Builder::new().prefix(".keyfill-").tempdir_in(parent).with_context(cannot)?;
    let (new, old) = (aside.path().join("new"), aside.path().join("old"));
    for (name, content) in chart.iter() {
        let file = name.parts().fold(new.clone(), |path, part| path.join(part));
        std::fs::create_dir_all(file.parent().unwrap_or(&new)).with_context(cannot)?;
        std::fs::write(&file, content).with_context(cannot)?;
    }
    if path.exists() {
        std::fs::rename(path, old).with_context(cannot)?;
    }
    std::fs::rename(new, path).with_context(cannot)
}

#[cfg(test)]
mod tests {
    use super::is_archive_of;

    #[test]
    fn an_archive_is_told_from_that_of_a_chart_with_a_longer_name() {
        assert!(is_archive_of("redis-18.0.1.tgz", "redis") && is_archive_of("redis-v1.tgz", "redis"));
        for other in ["redis-cluster-9.0.0.tgz", "redis.tgz", "redis-18.0.1.tar", "redis-18.0.1.tgz.prov"] {
            assert!(!is_archive_of(other, "redis"), "{other}");
        }
    }
}
