//! Random kustomizations are built with this engine and with kustomize's own library. Both must yield the same
//! bytes, or both an error.
//!
//! `KEYFILL_KUSTOMIZE_CASES` is the number of cases (250 if it is not set), `KEYFILL_KUSTOMIZE_SEED` the number
//! of the first one: case n is always the same. `KEYFILL_KUSTOMIZE_DUMP` is a folder into which trees with
//! different results are written, with both results.

mod copies;
mod documents;
mod edits;
mod features;
mod generators;
mod kustomization;
mod layers;
mod objects;
mod oracle;
mod patches;
mod places;
mod plugins;
mod random;
mod replacements;
mod tree;
mod writer;

use keyfill_diag::{Cx, Report as _};
use keyfill_files::{MemoryFiles, TreePath};
use keyfill_kustomize::{BuildRequest, Outside, SortOrder, build};
use keyfill_yaml::{Body, to_yaml};
use oracle::Oracle;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use tree::Tree;

/// Builds a tree with this engine.
fn ours(tree: &Tree) -> Result<String, keyfill_kustomize::Error> {
    let files: MemoryFiles = tree.files.iter().map(|(path, text)| (path, text.clone())).collect();
    let request = BuildRequest {
        root: TreePath::new(&tree.root),
        reorder: if tree.is_legacy { SortOrder::Legacy } else { SortOrder::Fifo },
        enable_managedby_label: tree.managed_by,
        enable_alpha_plugins: true,
        ..BuildRequest::default()
    };
    let built = build(&files, &request, Outside::default(), &Cx::default())?;
    let mut out = Vec::new();
    for document in &built.documents {
        out.extend_from_slice(&document.before);
        match &document.body {
            Body::Raw(bytes) => out.extend_from_slice(bytes),
            Body::Tree(node) => out.extend_from_slice(&to_yaml(&**node)),
        }
    }
    Ok(String::from_utf8(out).expect("the output is UTF-8"))
}

/// The difference between both results, if there is one.
fn difference(
    theirs: &Result<String, String>,
    ours: &Result<String, keyfill_kustomize::Error>,
) -> Option<String> {
    match (theirs, ours) {
        (Ok(a), Ok(b)) if a == b => None,
        (Err(_), Err(_)) => None,
        (Ok(a), Ok(b)) => {
            let line = a
                .lines()
                .zip(b.lines())
                .position(|(a, b)| a != b)
                .unwrap_or(a.lines().count().min(b.lines().count()));
            let show = |text: &str| text.lines().nth(line).unwrap_or("(nothing)").to_owned();
            Some(format!("line {}: official `{}`, ours `{}`", line + 1, show(a), show(b)))
        }
        (Ok(_), Err(e)) => Some(format!("ours fails: {e}")),
        (Err(e), Ok(_)) => Some(format!("official fails: {e}")),
    }
}

fn dump(
    folder: &Path,
    case: u64,
    tree: &Tree,
    theirs: &Result<String, String>,
    ours: &Result<String, String>,
) {
    let folder = folder.join(case.to_string());
    let write = |path: &Path, text: &str| {
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder"))
            .expect("folders can be made");
        std::fs::write(path, text).expect("files can be written");
    };
    for (path, text) in &tree.files {
        write(&folder.join(path), text);
    }
    let text = |r: &Result<String, String>| match r {
        Ok(t) => t.clone(),
        Err(e) => format!("error: {e}\n"),
    };
    write(&folder.join("official.txt"), &text(theirs));
    write(&folder.join("ours.txt"), &text(ours));
    write(&folder.join("root.txt"), &tree.root);
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

#[test]
fn random_kustomizations_give_the_same_bytes() {
    let Some(mut oracle) = Oracle::start() else { return };
    let seed = setting("KEYFILL_KUSTOMIZE_SEED", 1);
    let cases = setting("KEYFILL_KUSTOMIZE_CASES", 250);
    let folder = std::env::var_os("KEYFILL_KUSTOMIZE_DUMP");
    let (mut failures, mut built, mut unsupported) = (Vec::new(), 0u64, 0u64);
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    for case in seed..seed + cases {
        let tree = Tree::random(case);
        let theirs = oracle.build(&tree);
        let ours = ours(&tree);
        built += u64::from(theirs.is_ok());
        // A feature that the engine reports as unsupported is no difference.
        if ours.as_ref().is_err_and(keyfill_kustomize::Error::is_unsupported) {
            unsupported += 1;
            continue;
        }
        if let Err(reason) = &theirs {
            *reasons
                .entry(reason.chars().rev().take(100).collect::<Vec<_>>().into_iter().rev().collect())
                .or_default() += 1;
        }
        if let Some(difference) = difference(&theirs, &ours) {
            failures.push(format!("case {case}: {difference}"));
            if let Some(folder) = &folder {
                dump(Path::new(folder), case, &tree, &theirs, &ours.map_err(|e| e.to_string()));
            }
        }
    }
    println!("{cases} cases: {built} build, {unsupported} are not supported, {} differ", failures.len());
    let mut common: Vec<_> = reasons.into_iter().collect();
    common.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    common.iter().take(12).for_each(|(reason, count)| println!("{count} fail: {reason}"));
    let mut shown = String::new();
    for failure in failures.iter().take(60) {
        let _ = writeln!(shown, "{}", failure.chars().take(300).collect::<String>());
    }
    assert!(failures.is_empty(), "{} of {cases} cases differ:\n{shown}", failures.len());
}
