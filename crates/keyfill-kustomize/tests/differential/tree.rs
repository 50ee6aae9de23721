//! A tree of kustomizations: a root, its bases and components, and what they need.

use crate::kustomization::kustomization;
use crate::random::Random;
use std::collections::BTreeMap;

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
        };
        let depth = [0, 0, 1, 1, 2][random.below(5)];
        tree.folder("root", depth, false, &mut random);
        tree
    }

    /// Adds a folder with a kustomization and returns how others name it.
    pub fn folder(&mut self, name: &str, depth: usize, is_component: bool, random: &mut Random) {
        let text = kustomization(self, name, depth, is_component, random);
        let file =
            random.pick(&["kustomization.yaml", "kustomization.yaml", "kustomization.yml", "Kustomization"]);
        self.files.insert(format!("{name}/{file}"), text);
    }

    /// Adds a file.
    pub fn file(&mut self, folder: &str, name: &str, text: impl Into<String>) {
        self.files.insert(format!("{folder}/{name}"), text.into());
    }
}
