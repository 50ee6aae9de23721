//! A tree of kustomizations: a root, its bases and components, and what they need.

use crate::kustomization::kustomization;
use crate::layers::{ALL_NAMES, Layer, layer};
use crate::random::Random;
use std::collections::{BTreeMap, BTreeSet};

/// Files and how they are built.
pub struct Tree {
    /// Text by path.
    pub files: BTreeMap<String, String>,
    /// The folder to build.
    pub root: String,
    /// Whether resources are put in kustomize's order.
    pub is_legacy: bool,
    /// Whether the label of the tool is added.
    pub managed_by: bool,
    /// Whether some kustomization brings a schema.
    pub has_schema: bool,
    /// Whether what is made now is used twice: with prefixes only, so that it holds nothing that keeps its name.
    pub is_shared: bool,
    /// Kinds and names that are taken, and variables.
    taken: BTreeSet<(String, String)>,
}

impl Tree {
    /// The tree of a case.
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
        // An eighth combines at random what need not fit together; the rest mostly builds.
        if case.is_multiple_of(8) {
            tree.folder("root", depth, false, &mut random);
        } else {
            layer(&mut tree, "root", Layer { depth, ..Layer::default() }, &mut random);
        }
        tree
    }

    /// Adds a folder with a kustomization and returns how others name it.
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

    /// A name that no object of the kind has yet; there is one namespace at most.
    pub fn new_name(&mut self, kind: &str, random: &mut Random) -> Option<String> {
        if self.is_shared && matches!(kind, "Namespace" | "CustomResourceDefinition" | "APIService") {
            return None;
        }
        let (start, most) = if kind == "Namespace" { (0, 1) } else { (random.below(2), ALL_NAMES.len()) };
        let mut names = (0..most).map(|n| ALL_NAMES[(n + start) % ALL_NAMES.len()]);
        let is_new = |name: &&str| self.taken.insert((kind.to_owned(), (*name).to_owned()));
        names.find(is_new).map(str::to_owned)
    }

    /// Whether a variable's name is not taken yet.
    pub fn new_variable(&mut self, name: &str) -> bool {
        !self.is_shared && self.taken.insert(("variable".to_owned(), name.to_owned()))
    }

    /// Adds a file.
    pub fn file(&mut self, folder: &str, name: &str, text: impl Into<String>) {
        self.files.insert(format!("{folder}/{name}"), text.into());
    }
}
