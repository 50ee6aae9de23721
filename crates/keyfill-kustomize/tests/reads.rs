//! Files are read ahead of their turn. These tests check that each is read once, and that results and errors are
//! those of a build without reading ahead.

use bytes::Bytes;
use keyfill_diag::Cx;
use keyfill_files::{Entry, FileError, FileKind, Files, MemoryFiles, TreePath};
use keyfill_kustomize::{BuildRequest, Built, Error, Outside, build};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// A tree that counts how often each file is read.
struct Counted {
    tree: MemoryFiles,
    reads: Mutex<BTreeMap<String, u32>>,
}

impl Files for Counted {
    fn read(&self, path: &TreePath) -> Result<Bytes, FileError> {
        let bytes = self.tree.read(path)?;
        *self.reads.lock().expect("no reader panicked").entry(path.to_string()).or_default() += 1;
        Ok(bytes)
    }

    fn list(&self, dir: &TreePath) -> Result<Vec<Entry>, FileError> {
        self.tree.list(dir)
    }

    fn resolve(&self, path: &TreePath) -> Result<(TreePath, FileKind), FileError> {
        self.tree.resolve(path)
    }
}

fn run(tree: &[(&str, &str)]) -> (Result<Built, Error>, BTreeMap<String, u32>) {
    let tree = tree.iter().map(|(path, text)| (*path, text.to_string())).collect();
    let files = Counted { tree, reads: Mutex::default() };
    let request = BuildRequest { root: TreePath::new("top"), ..BuildRequest::default() };
    let built = build(&files, &request, Outside::default(), &Cx::default());
    (built, files.reads.into_inner().expect("no reader panicked"))
}

/// A ConfigMap so large that files are parsed in parallel.
fn map(name: &str) -> String {
    let padding = "x".repeat(200_000);
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{padding: {padding}}}\n")
}

#[test]
fn every_file_of_independent_bases_is_read_once() {
    let (a, b, c, d) = (map("a"), map("b"), map("c"), map("d"));
    let (built, reads) = run(&[
        ("top/kustomization.yaml", "resources: [d.yaml, ../a, ../b]\ncomponents: [../c]\n"),
        ("top/d.yaml", &d),
        ("a/kustomization.yaml", "resources: [a.yaml]\n"),
        ("a/a.yaml", &a),
        ("b/kustomization.yaml", "resources: [b.yaml]\nnamePrefix: x-\n"),
        ("b/b.yaml", &b),
        (
            "c/kustomization.yaml",
            "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\nresources: [c.yaml]\n",
        ),
        ("c/c.yaml", &c),
    ]);
    let built = built.expect("it builds");
    let names: Vec<_> = built
        .documents
        .iter()
        .map(|d| match &d.body {
            keyfill_yaml::Body::Tree(node) => {
                node.at(&["metadata", "name"]).and_then(|n| n.text().map(str::to_owned))
            }
            keyfill_yaml::Body::Raw(_) => None,
        })
        .collect();
    let expected = ["a", "c", "d", "x-b"].map(|name| Some(name.to_owned()));
    assert_eq!(names, expected);
    assert_eq!(reads.len(), 8, "{reads:?}");
    assert!(reads.values().all(|count| *count == 1), "{reads:?}");
}

#[test]
fn the_error_that_is_first_in_the_order_of_the_build_is_reported() {
    let (built, _) = run(&[
        ("top/kustomization.yaml", "resources: [../a, ../b, missing.yaml]\n"),
        ("a/kustomization.yaml", "resources: [a.yaml]\npatches:\n- path: none.yaml\n"),
        ("a/a.yaml", &map("a")),
        ("b/kustomization.yaml", "resources: [b.yaml]\n"),
        ("b/b.yaml", "a: [\n"),
    ]);
    let error = built.expect_err("a patch is missing");
    assert!(error.to_string().contains("none.yaml"), "{error}");
}

#[test]
fn a_file_that_is_listed_twice_is_reported_as_a_duplicate_object() {
    let (built, _) =
        run(&[("top/kustomization.yaml", "resources: [a.yaml, a.yaml]\n"), ("top/a.yaml", &map("a"))]);
    let error = built.expect_err("one object twice");
    assert!(error.to_string().contains("already registered"), "{error}");
}
