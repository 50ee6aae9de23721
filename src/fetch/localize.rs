//! Copies the remote repositories and files of kustomizations into folders next to them, and changes the entries
//! to the new paths: `localized-files/HOST/REPOSITORY/REFERENCE`, as `kustomize localize` does. `keyfill vendor
//! --bases` writes them into the tree; for an official binary they are written into its copy of the tree.

use crate::discover::{Root, RootKind};
use crate::references;
use crate::report::Failure;
use anyhow::{Context as _, Result};
use keyfill_diag::{Cx, Place, without_users};
use keyfill_files::{Fetch, FetchError, FileKind, Files, MemoryFiles, TreePath};
use keyfill_kustomize::{Repository, World, is_remote_file, names_a_manifest};
use keyfill_yaml::Node;
use std::collections::{BTreeMap, BTreeSet};

/// The folder of fetched repositories and files.
const FOLDER: &str = "localized-files";
/// The folder of repositories whose root is a base, if these are kept in a separate folder.
const ROOTS: &str = "localized-roots";
/// The fields of a kustomization whose entries may be remote.
const FIELDS: [&str; 3] = ["resources", "bases", "components"];
/// The most kustomizations that are searched.
const MOST: usize = 10_000;

/// The files to write.
pub struct Localized<'a> {
    fetch: &'a dyn Fetch,
    cx: &'a Cx,
    /// The content of files, by their paths in the tree.
    pub files: BTreeMap<TreePath, Vec<u8>>,
    /// The repositories whose files these are.
    pub bases: BTreeSet<Base>,
    /// Whether anything was fetched.
    pub asked: bool,
    /// Whether bases that are the root of their repository are kept in a separate folder, since their origin
    /// annotations have another form.
    has_roots_apart: bool,
    seen: BTreeSet<TreePath>,
}

/// A repository that was written into the tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Base {
    /// The folder that holds its files.
    pub folder: TreePath,
    /// Its URL, as in origin annotations.
    pub repository: String,
    /// The branch, tag or commit in the kustomization; empty for `HEAD`.
    pub reference: String,
    /// Whether the base is the root of the repository.
    pub is_root: bool,
}

/// A kustomization: where it is read, and where it is written.
struct At<'a> {
    /// The tree that it is read from.
    source: &'a dyn Files,
    /// Its folder in that tree.
    dir: TreePath,
    /// Its folder in the tree that is written.
    to: TreePath,
}

impl<'a> Localized<'a> {
    /// Starts without files.
    pub fn new(fetch: &'a dyn Fetch, cx: &'a Cx) -> Self {
        let (files, bases, seen) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Self { fetch, cx, files, bases, asked: false, has_roots_apart: false, seen }
    }

    /// Starts without files. Bases that are the root of their repository are kept in a separate folder.
    pub fn roots_apart(fetch: &'a dyn Fetch, cx: &'a Cx) -> Self {
        Self { has_roots_apart: true, ..Self::new(fetch, cx) }
    }

    /// Adds the remote bases and files of a kustomization in the tree, and of all its bases.
    pub fn add(&mut self, files: &dyn Files, root: &Root) -> Result<()> {
        let roots = references::of_root(files, root, self.cx).roots;
        for dir in std::iter::once(&root.dir).chain(&roots) {
            self.kustomization(&At { source: files, dir: dir.clone(), to: dir.clone() })?;
        }
        Ok(())
    }

    fn kustomization(&mut self, at: &At<'_>) -> Result<()> {
        self.cx.check().map_err(|stopped| anyhow::anyhow!("vendoring was stopped: {stopped}"))?;
        let Some(file) = references::kustomization_file(at.source, &at.dir) else { return Ok(()) };
        let Some(place) = at.to.join(file.name()) else { return Ok(()) };
        if !self.seen.insert(place.clone()) {
            return Ok(());
        }
        if self.seen.len() > MOST {
            anyhow::bail!("more than {MOST} kustomizations name each other");
        }
        let text = String::from_utf8(at.source.read(&file)?.to_vec());
        let mut text = text.with_context(|| format!("{place} is not UTF-8"))?;
        let nodes = keyfill_yaml::load_nodes(text.as_bytes(), &keyfill_yaml::Limits::from(self.cx))
            .with_context(|| format!("cannot read {place}"))?;
        let mut changed = false;
        for entry in entries(&nodes) {
            let below = match Repository::parse(&entry).filter(|_| !names_a_manifest(&entry)) {
                Some(repository) => self.repository(at, &place, &repository)?,
                None if is_remote_file(&entry) => self.file(at, &place, &entry)?,
                None => continue,
            };
            text = replaced(&text, &entry, &below);
            changed = true;
        }
        if changed {
            self.files.insert(place, text.into_bytes());
        }
        Ok(())
    }

    /// Adds the files that a base in a repository reads; returns the new entry for the kustomization.
    fn repository(&mut self, at: &At<'_>, listed_in: &TreePath, repository: &Repository) -> Result<String> {
        self.asked = true;
        let tree = self.fetch.git(&repository.git, self.cx).map_err(|e| failed(&e, listed_in))?;
        let reference = if repository.git.reference.is_empty() { "HEAD" } else { &repository.git.reference };
        let is_root = repository.path.is_empty();
        let within = if is_root && self.has_roots_apart { ROOTS } else { FOLDER };
        let folder = format!("{within}/{}/{reference}", without_scheme(&repository.git.url));
        let outside = || format!("{folder} is not a path in the tree");
        let mount = at.to.join(&folder).filter(|path| path.is_within(&at.to)).with_context(outside)?;
        self.bases.insert(Base {
            folder: mount.clone(),
            repository: without_password(&repository.git.url),
            reference: repository.git.reference.clone(),
            is_root,
        });
        // The clone is mounted in a `World`, which also provides its submodules.
        let (nothing, cloned) = (MemoryFiles::new(), repository.submodules.then_some(&*repository.git.url));
        let world = World::new(&nothing, self.fetch, self.cx);
        let clone = world.mount_apart("clone", tree.files, cloned);
        let inside = |path: &TreePath| {
            let below = path.is_within(&clone).then(|| path.as_str()[clone.as_str().len()..].to_owned())?;
            mount.join(below.trim_start_matches('/'))
        };
        let dir = clone.join(&repository.path).filter(|dir| dir.is_within(&clone)).with_context(outside)?;
        let root = Root { dir: dir.clone(), kind: RootKind::Kustomization };
        let reads = references::of_root(&world, &root, self.cx);
        for path in &reads.files {
            if let (Ok((_, FileKind::File)), Some(to)) = (world.resolve(path), inside(path)) {
                self.files.insert(to, world.read(path)?.to_vec());
            }
        }
        for dir in std::iter::once(&dir).chain(&reads.roots) {
            if let Some(to) = inside(dir) {
                self.kustomization(&At { source: &world, dir: dir.clone(), to })?;
            }
        }
        Ok(if repository.path.is_empty() { folder } else { format!("{folder}/{}", repository.path) })
    }

    /// Adds a remote file; returns the new entry for the kustomization.
    fn file(&mut self, at: &At<'_>, listed_in: &TreePath, url: &str) -> Result<String> {
        self.asked = true;
        let bytes = self.fetch.file(url, self.cx).map_err(|e| failed(&e, listed_in))?;
        let address = without_scheme(url.split(['?', '#']).next().unwrap_or(url));
        let path = format!("{FOLDER}/{address}");
        let to = at.to.join(&path).filter(|to| to.is_within(&at.to));
        self.files.insert(to.with_context(|| format!("{path} is not a path in the tree"))?, bytes.to_vec());
        Ok(path)
    }
}

fn failed(error: &FetchError, listed_in: &TreePath) -> Failure {
    Failure::of(error).rewritten(|problem| problem.at(Place::file(listed_in.to_string(), None)))
}

/// A URL as in origin annotations: without a password, but with a user that has none.
fn without_password(address: &str) -> String {
    let host = address.split_once("://").and_then(|(_, rest)| rest.split('/').next());
    let user = host.and_then(|host| host.rsplit_once('@')).map_or("", |(user, _)| user);
    if user.contains(':') { without_users(address) } else { address.to_owned() }
}

/// The entries for bases and manifests.
fn entries(nodes: &[Node]) -> Vec<String> {
    let lists = nodes.iter().flat_map(|node| FIELDS.iter().filter_map(|field| node.get(field)));
    let items = lists.filter_map(Node::as_seq).flat_map(|list| &list.items);
    items.filter_map(Node::text).map(str::to_owned).collect()
}

/// Replaces an entry in a text; everything else, comments included, is not changed.
fn replaced(text: &str, entry: &str, with: &str) -> String {
    let in_address = |c: char| !c.is_whitespace() && !"'\"],}".contains(c);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(entry) {
        let (before, found) = rest.split_at(at);
        let after = &found[entry.len()..];
        let is_whole = !after.starts_with(in_address)
            && !before.ends_with(|c: char| c != '[' && c != '{' && in_address(c));
        out.push_str(before);
        out.push_str(if is_whole { with } else { entry });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The host and path of a URL as a file path: without scheme, user and `.git`, and with a slash before the port.
fn without_scheme(address: &str) -> String {
    let address = without_users(address);
    let rest = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    rest.replace(':', "/").trim_end_matches(".git").to_owned()
}

#[cfg(test)]
mod tests {
    use super::{replaced, without_scheme};

    #[test]
    fn an_entry_is_replaced_and_a_longer_one_is_not() {
        let text =
            "resources:\n- https://h/a/b # note\n- 'https://h/a/b'\n- https://h/a/b//c\n- [https://h/a/b]\n";
        assert_eq!(
            replaced(text, "https://h/a/b", "x"),
            "resources:\n- x # note\n- 'x'\n- https://h/a/b//c\n- [x]\n"
        );
    }

    #[test]
    fn addresses_become_paths() {
        for (address, path) in [
            ("https://github.com/org/repo.git", "github.com/org/repo"),
            ("http://user:secret@127.0.0.1:8080/a", "127.0.0.1/8080/a"),
            ("git@github.com:org/repo", "github.com/org/repo"),
        ] {
            assert_eq!(without_scheme(address), path);
        }
    }
}
