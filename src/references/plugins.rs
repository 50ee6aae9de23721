//! Configurations of plugins: the files or inline texts in `generators`, `transformers` and `validators`.
//!
//! kustomize resolves the paths in a configuration relative to the kustomization that lists it, even if the
//! configuration is in another folder; that folder is tried too.

use super::{LONGEST_PATH, Search, kustomization_file, nodes_of, of_kustomization, strings};
use crate::discover::is_manifest_name;
use keyfill_diag::Cx;
use keyfill_files::{FileKind, TreePath};
use keyfill_yaml::Node;

/// Fields of a configuration whose strings are never paths.
const NO_PATHS: &[&str] = &["apiVersion", "kind", "literals", "name", "namespace", "valuesInline"];

/// The `apiVersion` of kustomize's built-in plugins. They read the files that their configuration names and no
/// others.
const BUILT_IN: &str = "builtin";

/// The annotations that make an object the configuration of a KRM function, a program.
const FUNCTIONS: &[&str] = &["config.kubernetes.io/function", "config.k8s.io/function"];

/// How deeply YAML inside of a YAML string is searched.
const MOST_TEXTS: u8 = 3;

impl Search<'_> {
    /// One entry of `generators`, `transformers` or `validators` in the kustomization of `dir`.
    pub(super) fn plugin(&mut self, dir: &TreePath, entry: &Node) {
        let Some(text) = text(entry) else { return };
        let is_name = text.len() <= LONGEST_PATH && !text.contains('\n');
        match is_name.then(|| dir.join(text)).flatten().map(|path| self.files.resolve(&path)) {
            Some(Ok((real, FileKind::File))) => self.configuration_file(dir, &real),
            Some(Ok((real, FileKind::Dir))) if kustomization_file(self.files, &real).is_some() => {
                self.configuration_folder(dir, real);
            }
            // The entry is inline text. A path that does not exist or leaves the tree is reported when the root is
            // rendered.
            _ => match nodes_of(text.as_bytes(), self.cx) {
                Some(nodes) => self.configurations(&[dir], &nodes),
                None => self.found.open_ended = true,
            },
        }
    }

    fn configuration_file(&mut self, dir: &TreePath, file: &TreePath) {
        self.found.files.insert(file.clone());
        if let Some(nodes) = self.nodes(file) {
            let own = file.parent().unwrap_or_else(TreePath::root);
            self.configurations(&[dir, &own], &nodes);
        }
    }

    /// A kustomization that generates configurations: each file that it reads may be one.
    fn configuration_folder(&mut self, dir: &TreePath, folder: TreePath) {
        if !self.configured.insert(folder.clone()) {
            return;
        }
        let read = of_kustomization(self.files, &folder, self.configured, self.cx);
        self.configured.remove(&folder);
        self.found.open_ended |= read.open_ended;
        self.found.roots.insert(folder);
        self.found.roots.extend(read.roots);
        self.found.links.extend(read.links);
        for file in &read.files {
            let is_kustomization = crate::discover::KUSTOMIZATION_NAMES.contains(&file.name());
            if is_manifest_name(file.name()) && !is_kustomization {
                self.configuration_file(dir, file);
            }
        }
        self.found.files.extend(read.files);
    }

    fn configurations(&mut self, folders: &[&TreePath], nodes: &[Node]) {
        let mut names = Vec::new();
        for node in nodes {
            self.found.open_ended |= starts_programs(node);
            strings(node, NO_PATHS, &mut names);
            inner_strings(node, MOST_TEXTS, &mut names, self.cx);
            let kind = node.as_map().and_then(|map| map.get("kind")).and_then(text);
            if kind == Some("HelmChartInflationGenerator") {
                names.push("charts".to_owned());
            }
        }
        for folder in folders {
            for name in &names {
                self.follow(folder, name);
            }
        }
    }
}

fn text(node: &Node) -> Option<&str> {
    match node {
        Node::Scalar(scalar) => Some(scalar.text.as_str()),
        Node::Seq(_) | Node::Map(_) => None,
    }
}

/// Whether an object configures a plugin that is not built in, so that a program is started.
fn starts_programs(node: &Node) -> bool {
    let Some(map) = node.as_map() else { return true };
    let annotations = map.get("metadata").and_then(Node::as_map).and_then(|m| m.get("annotations"));
    let annotations = annotations.and_then(Node::as_map);
    let is_built_in = map.get("apiVersion").and_then(text) == Some(BUILT_IN);
    !is_built_in || annotations.is_some_and(|all| FUNCTIONS.iter().any(|name| all.get(name).is_some()))
}

/// Collects the strings of YAML inside of multi-line strings, such as a function's `exec: {path: ...}`.
fn inner_strings(node: &Node, texts: u8, into: &mut Vec<String>, cx: &Cx) {
    match node {
        Node::Scalar(scalar) if texts > 0 && scalar.text.as_str().contains('\n') => {
            for inner in nodes_of(scalar.text.as_bytes(), cx).unwrap_or_default() {
                if inner.as_map().is_some() || inner.as_seq().is_some() {
                    strings(&inner, NO_PATHS, into);
                    inner_strings(&inner, texts - 1, into, cx);
                }
            }
        }
        Node::Scalar(_) => {}
        Node::Seq(seq) => seq.items.iter().for_each(|item| inner_strings(item, texts, into, cx)),
        Node::Map(map) => map.iter().for_each(|(_, value)| inner_strings(value, texts, into, cx)),
    }
}

#[cfg(test)]
mod tests {
    use crate::discover::{Root, RootKind};
    use crate::references::{References, of_root};
    use keyfill_files::{MemoryFiles, TreePath};

    fn read_by_app(files: &[(&str, &'static str)]) -> References {
        let files: MemoryFiles = files.iter().copied().collect();
        let root = Root { dir: TreePath::new("app").unwrap(), kind: RootKind::Kustomization };
        of_root(&files, &root, &keyfill_diag::Cx::default())
    }

    fn names(read: &References) -> Vec<&str> {
        read.files.iter().map(TreePath::as_str).collect()
    }

    #[test]
    fn files_that_a_built_in_plugin_names_are_read_and_no_others() {
        let read = read_by_app(&[
            (
                "app/kustomization.yaml",
                "transformers: [t.yaml]\ngenerators: [\"apiVersion: builtin\\nkind: ConfigMapGenerator\\nmetadata: {name: x}\\nfiles: [k=f.txt]\\n\"]",
            ),
            (
                "app/t.yaml",
                "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: p}\npath: ../common/p.yaml",
            ),
            ("app/f.txt", ""),
            ("app/x", ""),
            ("common/p.yaml", ""),
        ]);
        assert_eq!(names(&read), ["app/f.txt", "app/kustomization.yaml", "app/t.yaml", "common/p.yaml"]);
        assert!(!read.open_ended);
    }

    #[test]
    fn files_are_found_from_the_listing_kustomization_and_from_their_own_folder() {
        let read = read_by_app(&[
            ("app/kustomization.yaml", "transformers: [conf]"),
            ("app/p.yaml", ""),
            ("app/conf/kustomization.yaml", "resources: [t.yaml, ../conf2]"),
            ("app/conf/t.yaml", "apiVersion: builtin\nkind: PatchTransformer\npath: p.yaml"),
            ("app/conf/p.yaml", ""),
            ("app/conf2/kustomization.yaml", "transformers: [../conf]"),
        ]);
        let want = ["app/conf/kustomization.yaml", "app/conf/p.yaml", "app/conf/t.yaml"];
        assert!(want.iter().all(|file| names(&read).contains(file)), "{:?}", names(&read));
        assert!(names(&read).contains(&"app/p.yaml"));
    }

    #[test]
    fn a_program_may_read_anything() {
        for plugin in [
            "apiVersion: viaduct.ai/v1\nkind: ksops\nfiles: [s.enc.yaml]",
            "apiVersion: builtin\nkind: X\nmetadata:\n  annotations:\n    config.kubernetes.io/function: |\n      exec:\n        path: ./run\nfiles: [s.enc.yaml]",
            "{broken",
        ] {
            let read = read_by_app(&[
                ("app/kustomization.yaml", "generators: [g.yaml]"),
                ("app/g.yaml", plugin),
                ("app/s.enc.yaml", ""),
                ("app/run", ""),
            ]);
            assert!(read.open_ended, "{plugin}");
            assert_eq!(names(&read).contains(&"app/s.enc.yaml"), plugin != "{broken", "{plugin}");
            assert_eq!(names(&read).contains(&"app/run"), plugin.contains("run"), "{plugin}");
        }
    }
}
