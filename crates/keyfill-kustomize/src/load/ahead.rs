//! Reading ahead: the files that a kustomization and its bases list are read before their turn in the build, and
//! parsed in parallel.
//!
//! Bases themselves are built one after the other, since each may choose the schema for those after it. Most of
//! the time goes into parsing their files, which does not depend on the schema.

use super::batch::{Batch, ReadFile};
use super::kustomization::Kustomization;
use super::loader::{Loader, Opened};
use super::objects_of;
use super::spot::Spotted;
use crate::error::Result;
use keyfill_files::TreePath;
use keyfill_yaml::{Limits, Node, Text, TextPlace};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// What an entry of `resources` names.
pub enum Listed {
    /// A folder, or a repository, whose folder is a base.
    Folder,
    /// A manifest file.
    File {
        /// Path of the file in the tree.
        file: Arc<str>,
        /// The objects of the file.
        objects: Vec<Node>,
    },
}

/// The folder of a kustomization, and an entry of its `resources`.
type Place = (Arc<str>, Text);

/// Files that were read ahead and not used yet. What fails is left out, so that the error is reported in its turn.
#[derive(Default)]
pub struct Ahead {
    listed: RefCell<HashMap<Place, Listed>>,
    kustomizations: RefCell<HashMap<TreePath, (TreePath, Kustomization)>>,
}

impl Ahead {
    /// Reads the files and bases that a kustomization lists, and those that the bases list, unless they were read
    /// before.
    pub fn gather(&self, loader: &Loader<'_>, resources: &[Spotted<Text>], components: &[Spotted<Text>]) {
        let mut look = Look { ahead: self, batch: Batch::default() };
        look.at(loader, resources, components);
        look.parse(loader);
    }

    /// What an entry of a kustomization's `resources` names. It can be taken once; later calls read it again.
    pub fn entry(&self, loader: &Loader<'_>, path: &Text) -> Result<Listed> {
        let listed = self.listed.borrow_mut().remove(&place(loader, path));
        if let Some(listed) = listed {
            return Ok(listed);
        }
        match loader.open(path)? {
            Opened::Folder => Ok(Listed::Folder),
            Opened::File(text) => {
                let file: Arc<str> = loader.name(path)?.as_str().into();
                let at = TextPlace::file(loader.names().id(&file));
                let objects = objects_of(at, &text, &Limits::from(loader.cx()))?;
                Ok(Listed::File { file, objects })
            }
        }
    }

    /// The kustomization of a folder, with the path of its file.
    pub fn kustomization(&self, loader: &Loader<'_>) -> Result<(TreePath, Kustomization)> {
        let found = self.kustomizations.borrow_mut().remove(loader.root());
        found.map_or_else(|| Kustomization::load(loader), Ok)
    }
}

fn place(loader: &Loader<'_>, path: &Text) -> Place {
    (loader.root().as_str().into(), path.clone())
}

/// The traversal of one kustomization and its bases.
struct Look<'a> {
    ahead: &'a Ahead,
    batch: Batch,
}

impl Look<'_> {
    fn at(&mut self, loader: &Loader<'_>, resources: &[Spotted<Text>], components: &[Spotted<Text>]) {
        loader.gather(resources.iter().chain(components).map(|entry| entry.as_str()));
        for path in resources {
            let place = place(loader, path);
            if self.ahead.listed.borrow().contains_key(&place) {
                continue;
            }
            match loader.open(path) {
                Ok(Opened::File(text)) => {
                    let Ok(file) = loader.name(path) else { continue };
                    let at = TextPlace::file(loader.names().id(file.as_str()));
                    self.batch.push(ReadFile { place, file: file.as_str().into(), at, text });
                    if self.batch.is_full() {
                        self.parse(loader);
                    }
                }
                Ok(Opened::Folder) => {
                    self.ahead.listed.borrow_mut().insert(place, Listed::Folder);
                    self.base(loader, path);
                }
                Err(_) => {}
            }
        }
        for path in components {
            self.base(loader, path);
        }
    }

    fn base(&mut self, loader: &Loader<'_>, path: &str) {
        let Ok(base) = loader.resolve_base(path) else { return };
        if self.ahead.kustomizations.borrow().contains_key(&base.root) {
            return;
        }
        let inner = loader.below(&base);
        if let Ok((file, kustomization)) = Kustomization::load(&inner) {
            self.at(&inner, &kustomization.resources, &kustomization.components);
            self.ahead.kustomizations.borrow_mut().insert(base.root, (file, kustomization));
        }
    }

    fn parse(&mut self, loader: &Loader<'_>) {
        let limits = Limits::from(loader.cx());
        let parsed = std::mem::take(&mut self.batch).parsed(&limits);
        let parsed = parsed.into_iter().filter_map(|(read, objects)| {
            let ReadFile { place, file, .. } = read;
            Some((place, Listed::File { file, objects: objects.ok()? }))
        });
        self.ahead.listed.borrow_mut().extend(parsed);
    }
}
