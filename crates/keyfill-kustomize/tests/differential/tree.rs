//! A random tree: a root kustomization, its bases and components, and their files.

use crate::kustomization::kustomization;
use crate::layers::{ALL_NAMES, Layer, layer};
use crate::random::Random;
use std::collections::{BTreeMap, BTreeSet};

/// Files, and the options of their build.
pub struct Tree {
    /// The content of each file, by its path.
    pub files: BTreeMap<String, String>,
    /// The folder to build.
    pub root: String,
    /// Whether the resources are sorted in kustomize's legacy order.
    pub is_legacy: bool,
    /// Whether the label `app.kubernetes.io/managed-by` is added.
    pub managed_by: bool,
    /// Whether a kustomization sets a schema.
    pub has_schema: bool,
    /// Whether a base that two overlays share is generated now. They change names with prefixes only, so it may
    /// hold no object that keeps its name.
    pub is_shared: bool,
    /// Kinds and names of the objects so far, and the names of variables.
    taken: BTreeSet<(String, String)>,
}

impl Tree {
    /// The tree of the case with this number.
    pub fn random(case: u64) -> Self {
        let mut random = Random::new(case);
        let mut tree = Self {
            files: BTreeMap::new(),
            root: "root".into(),
            is_legacy: random.percent(70),
            managed_by: random.percent(3),
            has_schema: false,
            is_shared: false,
            taken: BTreeSet::new(),
        };
        let depth = [0, 0, 1, 1, 2][random.below(5)];
        // One case in eight combines random objects and patches that need not fit together. The others mostly
        // build.
        if case.is_multiple_of(8) {
            tree.folder("root", depth, false, &mut random);
        } else {
            layer(&mut tree, "root", Layer { depth, ..Layer::default() }, &mut random);
        }
        tree
    }

    /// Adds a folder with a random kustomization.
    pub fn folder(&mut self, name: &str, depth: usize, is_component: bool, random: &mut Random) {
        let text = kustomization(self, name, depth, is_component, random);
        self.kustomization(name, text, random);
    }

    /// Adds the kustomization of a folder.
    pub fn kustomization(&mut self, folder: &str, text: String, random: &mut Random) {
        let file =
            random.pick(&["kustomization.yaml", "kustomization.yaml", "kustomization.yml", "Kustomization"]);
        self.files.insert(format!("{folder}/{file}"), text);
    }

    /// A name that no object of this kind has yet. There is at most one object of the kind Namespace.
    pub fn new_name(&mut self, kind: &str, random: &mut Random) -> Option<String> {
        if self.is_shared && matches!(kind, "Namespace" | "CustomResourceDefinition" | "APIService") {
            return None;
        }
        let (start, most) = if kind == "Namespace" { (0, 1) } else { (random.below(2), ALL_NAMES.len()) };
        let mut names = (0..most).map(|n| ALL_NAMES[(n + start) % ALL_NAMES.len()]);
        let is_new = |name: &&str| self.taken.insert((kind.to_owned(), (*name).to_owned()));
        names.find(is_new).map(str::to_owned)
    }

    /// Whether the name of a variable is new, which makes it used.
    pub fn new_variable(&mut self, name: &str) -> bool {
        !self.is_shared && self.taken.insert(("variable".to_owned(), name.to_owned()))
    }

    /// Adds a file.
    pub fn file(&mut self, folder: &str, name: &str, text: impl Into<String>) {
        self.files.insert(format!("{folder}/{name}"), text.into());
    }
}
