//! Loads a chart from a folder or an archive in the file tree.

use super::archive::{self, Budget};
use super::ignore::Rules;
use super::load::{Loader, is_needed, join};
use super::{Chart, ChartFile, ChartId, Charts, UNREADABLE};
use crate::error::{Error, Result};
use crate::request::{HelmCompat, TemplateRequest};
use keyfill_diag::Cx;
use keyfill_files::{FileErrorKind, FileKind, Files, Later, MemoryFiles, TreePath};

/// The deepest nesting of folders in a chart. A symbolic link to a parent folder would recurse without end.
const DEEPEST: u32 = 64;
/// The most files of a chart, more than any has.
const MOST_FILES: usize = 100_000;

/// Loads the chart of a request: a folder with a `Chart.yaml`, or a `.tgz` archive.
pub(crate) fn load_root(files: &dyn Files, request: &TemplateRequest, cx: &Cx) -> Result<(Charts, ChartId)> {
    let mut charts = Charts::default();
    let id = load_into(&mut charts, files, &request.root, request.helm, cx)?;
    if request.helm == HelmCompat::V4 {
        check_api_version(charts.chart(id))?;
    }
    Ok((charts, id))
}

/// helm 4 refuses charts with an unknown `apiVersion`; helm 3 accepts any.
fn check_api_version(chart: &Chart) -> Result<()> {
    let version = &chart.metadata.api_version;
    if matches!(version.as_str(), "v1" | "v2") {
        return Ok(());
    }
    Err(Error::render(format!("unsupported chart version: apiVersion is {version:?}"))
        .in_file(chart.place_of("Chart.yaml"))
        .at_path("apiVersion")
        .hint("write `apiVersion: v2`; --helm-compat 3 takes any"))
}

/// Loads charts from archives that are not in the file tree, and adds them to `charts`. Each archive comes with
/// the path that it would have in the tree. One limit applies to what all of them unpack to.
pub(crate) fn load_archives<'a>(
    charts: &mut Charts,
    archives: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    helm: HelmCompat,
    cx: &Cx,
) -> Result<Vec<ChartId>> {
    let mut loader = Loader { charts, cx, helm, budget: Budget::new(helm, cx) };
    let load = |(place, archive): (&str, &[u8])| {
        let content = archive::unpack(archive, &mut loader.budget, cx).map_err(|e| e.in_file(place))?;
        loader.load(content, place, 1)
    };
    archives.into_iter().map(load).collect()
}

/// The files of an archive, as a file tree.
pub(crate) fn unpack(archive: &[u8], helm: HelmCompat, cx: &Cx) -> Result<MemoryFiles> {
    let mut files = MemoryFiles::new();
    for file in archive::unpack(archive, &mut Budget::new(helm, cx), cx)? {
        files.insert(
            child(&TreePath::root(), &file.name)?,
            file.data.get().map_err(|e| Error::file(UNREADABLE, e))?,
        );
    }
    Ok(files)
}

/// The archive of the chart at `path`: `path` itself if it is an archive, or the files of the folder, packed. The
/// same files give the same archive.
pub(crate) fn pack(
    files: &dyn Files,
    path: &TreePath,
    name: &str,
    helm: HelmCompat,
    cx: &Cx,
) -> Result<Vec<u8>> {
    if files.is_file(path) {
        let archive = files.read(path).map_err(|e| Error::file("the chart cannot be read", e))?;
        return Ok(archive.to_vec());
    }
    archive::pack(name, &Walk::read(files, path, &Budget::new(helm, cx), cx)?)
}

/// Loads the chart at `path` and adds it to `charts`.
pub(crate) fn load_into(
    charts: &mut Charts,
    files: &dyn Files,
    path: &TreePath,
    helm: HelmCompat,
    cx: &Cx,
) -> Result<ChartId> {
    let (_, kind) = files.resolve(path).map_err(|e| Error::file("the chart cannot be read", e))?;
    let mut budget = Budget::new(helm, cx);
    let content = match kind {
        FileKind::Dir => Walk::read(files, path, &budget, cx)?,
        FileKind::File => {
            let data = files.read(path).map_err(|e| Error::file("the chart cannot be read", e))?;
            archive::unpack(&data, &mut budget, cx).map_err(|e| e.in_file(path.to_string()))?
        }
        FileKind::Other => {
            return Err(
                Error::render("the chart is neither a folder nor an archive").in_file(path.to_string())
            );
        }
    };
    Loader { charts, cx, helm, budget }.load(content, &path.to_string(), 0)
}

/// A walk over a chart's folder.
struct Walk<'a> {
    files: &'a dyn Files,
    root: &'a TreePath,
    rules: Rules,
    cx: &'a Cx,
    found: Vec<ChartFile>,
    /// Bytes that all further files together may have.
    left: u64,
    most_in_one: u64,
}

impl<'a> Walk<'a> {
    fn read(files: &'a dyn Files, root: &'a TreePath, budget: &Budget, cx: &'a Cx) -> Result<Vec<ChartFile>> {
        let rules_path = child(root, ".helmignore")?;
        let rules = if files.is_file(&rules_path) {
            let text = files.read(&rules_path).map_err(|e| Error::file("cannot read .helmignore", e))?;
            let parsed = Rules::parse(&String::from_utf8_lossy(&text));
            parsed.map_err(|e| e.in_file(rules_path.to_string()))?
        } else {
            Rules::parse("")?
        };
        let mut walk = Self {
            files,
            root,
            rules,
            cx,
            found: Vec::new(),
            left: budget.of_folder,
            most_in_one: budget.of_file,
        };
        walk.folder("", 0)?;
        Ok(walk.found)
    }

    fn folder(&mut self, name: &str, depth: u32) -> Result<()> {
        if depth > DEEPEST {
            let message = format!("folders are nested more than {DEEPEST} deep, or links lead in a circle");
            return Err(Error::render(message).in_file(join(&self.root.to_string(), name)));
        }
        self.cx.check().map_err(Error::stopped)?;
        let dir = child(self.root, name)?;
        let entries = self.files.list(&dir).map_err(|e| Error::file("the chart cannot be read", e))?;
        for entry in entries {
            // A `.helmignore` may have very many rules, so that checking a single name takes long.
            self.cx.check().map_err(Error::stopped)?;
            let inner = if name.is_empty() { entry.name } else { format!("{name}/{}", entry.name) };
            match entry.kind {
                FileKind::Dir if self.rules.ignores(&inner, true) => {}
                FileKind::Dir => self.folder(&inner, depth + 1)?,
                FileKind::Other if entry.is_link && self.leads_nowhere(&inner) => {
                    return Err(self.irregular(&inner));
                }
                _ if self.rules.ignores(&inner, false) => {}
                FileKind::File => self.file(inner)?,
                FileKind::Other => return Err(self.irregular(&inner)),
            }
        }
        Ok(())
    }

    fn file(&mut self, name: String) -> Result<()> {
        let path = child(self.root, &name)?;
        let data: Later =
            if is_needed(&name) { self.files.read(&path).map(Later::from) } else { self.files.later(&path) }
                .map_err(|e| Error::file(UNREADABLE, e))?;
        let too_large = |message: String| {
            let hint = "leave it out of the chart with a line in .helmignore";
            Error::render(message).in_file(path.to_string()).hint(hint)
        };
        if data.len() > self.most_in_one {
            let most = self.most_in_one;
            return Err(too_large(format!("the file is larger than {most} bytes, the most that helm takes")));
        }
        self.left = self.left.checked_sub(data.len()).ok_or_else(|| {
            too_large("with this file the chart is larger than helm takes: 100 MiB in all".to_owned())
        })?;
        if self.found.len() >= MOST_FILES {
            let message = format!("the chart holds more than {MOST_FILES} files");
            return Err(Error::render(message).in_file(self.root.to_string()));
        }
        self.found.push(ChartFile { name, data });
        Ok(())
    }

    /// Whether a link is broken. helm resolves links before it applies `.helmignore`.
    fn leads_nowhere(&self, name: &str) -> bool {
        let found = child(self.root, name).map(|path| self.files.resolve(&path));
        matches!(found, Ok(Err(error)) if matches!(error.kind(), FileErrorKind::NotFound | FileErrorKind::LinkLoop))
    }

    /// The error for a socket, a device, or a link that is broken or leaves the tree. Resolving the path shows
    /// which.
    fn irregular(&self, name: &str) -> Error {
        let path = match child(self.root, name) {
            Ok(path) => path,
            Err(error) => return error,
        };
        match self.files.resolve(&path) {
            Err(error) => Error::file(UNREADABLE, error),
            Ok(_) => Error::render("cannot load an irregular file").in_file(path.to_string()),
        }
        .hint("remove it, or leave it out of the chart with a line in .helmignore")
    }
}

/// A path below the chart's folder. The names come from directory listings, so an error means a malformed tree.
fn child(root: &TreePath, name: &str) -> Result<TreePath> {
    root.join(name).ok_or_else(|| Error::render(format!("{name:?} is not a path in the tree")))
}
