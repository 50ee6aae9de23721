//! `.keyfill-secrets.yaml`: plain-text values of Secrets that are allowed in git, each with its reason.
//!
//! The file is at the repository's root, or in any folder above the checked one. Its paths are relative to its
//! folder.

use crate::fill::plain::PlainValue;
use crate::report::Problem;
use anyhow::Result;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use keyfill_diag::{Class, Cx, Diagnostic, Place};
use keyfill_files::{Files, TreePath};
use keyfill_yaml::Node;
use std::sync::atomic::{AtomicBool, Ordering};

/// The name of the file.
pub const NAME: &str = ".keyfill-secrets.yaml";

/// The rule's name in reports.
const RULE: &str = "plain-secret";

/// The expected form, for errors.
const FORM: &str = "write a list `exceptions` whose entries have a reason and one of path, object and key";

/// The exceptions of a tree.
#[derive(Debug, Default)]
pub struct Exceptions(Vec<Exception>);

#[derive(Debug)]
struct Exception {
    place: Place,
    /// The folder to which its path is relative.
    dir: TreePath,
    path: Option<Gitignore>,
    object: Option<String>,
    key: Option<String>,
    is_used: AtomicBool,
}

impl Exceptions {
    /// Reads the exceptions of the files at and above a folder.
    pub fn read(files: &dyn Files, at: &TreePath, cx: &Cx) -> Result<Self> {
        let (mut all, mut dir) = (Vec::new(), Some(at.clone()));
        while let Some(folder) = dir {
            if let Some(path) = folder.join(NAME).filter(|path| files.is_file(path)) {
                let text = files.read(&path)?;
                let nodes = keyfill_yaml::load_nodes(&text, &keyfill_yaml::Limits::from(cx))
                    .map_err(|error| Problem::usage(format!("{path}: {error}")))?;
                for node in &nodes {
                    all.extend(of_node(node, &folder, &path)?);
                }
            }
            dir = folder.parent();
        }
        Ok(Self(all))
    }

    /// The problem for a value, unless an exception applies. A value in a chart's test is only a warning, since
    /// tests are not installed.
    pub fn judge(&self, value: PlainValue) -> Option<Diagnostic> {
        let mut excepted = false;
        for exception in self.0.iter().filter(|exception| exception.holds(&value)) {
            exception.is_used.store(true, Ordering::Relaxed);
            excepted = true;
        }
        if excepted {
            return None;
        }
        let (key, length) = (&value.key, value.length);
        let message = format!("the value of {key} is committed in plain text ({length} bytes)");
        let found = if value.is_fixture {
            Diagnostic::warning(Class::Forbidden, message)
        } else {
            Diagnostic::error(Class::Forbidden, message)
        };
        let hint = format!(
            "put it into a store and write a placeholder, or encrypt it, and change the credential, since git keeps \
             the old one; if it is none, list it in {NAME} with a reason"
        );
        Some(found.breaks(RULE).at(value.place).about(value.object).hint(hint))
    }

    /// Warnings about exceptions that match no value. Call it only after the whole tree was checked.
    pub fn unused(&self) -> impl Iterator<Item = Diagnostic> {
        let unused = self.0.iter().filter(|exception| !exception.is_used.load(Ordering::Relaxed));
        unused.map(|exception| {
            let message = "this exception matches no plain value";
            let warning = Diagnostic::warning(Class::Usage, message).breaks(RULE);
            warning.at(exception.place.clone()).hint("remove it, or correct its path, object or key")
        })
    }
}

impl Exception {
    fn holds(&self, value: &PlainValue) -> bool {
        let file = value.place.file.as_deref().and_then(TreePath::new);
        let below = file.as_ref().filter(|file| file.is_within(&self.dir));
        let Some(below) = below else { return false };
        let below = below.as_str()[self.dir.as_str().len()..].trim_start_matches('/');
        let has_path = |globs: &Gitignore| globs.matched_path_or_any_parents(below, false).is_ignore();
        let object = &value.object;
        let is_object = |wanted: &String| match wanted.split_once('/') {
            Some((namespace, name)) => namespace == object.namespace && name == object.name,
            None => *wanted == object.name,
        };
        self.path.as_ref().is_none_or(has_path)
            && self.object.as_ref().is_none_or(is_object)
            && self.key.as_ref().is_none_or(|key| *key == value.key)
    }
}

fn of_node(node: &Node, dir: &TreePath, file: &TreePath) -> Result<Vec<Exception>> {
    let fail = |line: u32, what: &str| Problem::usage(format!("{file}:{line}: {what}: {FORM}"));
    let map = node.as_map().ok_or_else(|| fail(node.line(), "this is not a mapping"))?;
    if let Some(other) = map.keys().find(|key| *key != "exceptions") {
        return Err(fail(node.line(), &format!("{other} is not known")).into());
    }
    let list = map.get("exceptions").and_then(Node::as_seq);
    let list = list.ok_or_else(|| fail(node.line(), "exceptions is not a list"))?;
    list.items.iter().map(|item| exception(item, dir, file)).collect()
}

fn exception(item: &Node, dir: &TreePath, file: &TreePath) -> Result<Exception> {
    let line = item.line();
    let fail = |what: &str| Problem::usage(format!("{file}:{line}: {what}: {FORM}"));
    let map = item.as_map().ok_or_else(|| fail("this exception is not a mapping"))?;
    if let Some(other) = map.keys().find(|key| !["path", "object", "key", "reason"].contains(key)) {
        return Err(fail(&format!("{other} is not known")).into());
    }
    let text = |name: &str| map.get(name).and_then(Node::text).map(str::trim).filter(|text| !text.is_empty());
    if text("reason").is_none() {
        return Err(fail("this exception has no reason").into());
    }
    let path = match text("path") {
        None => None,
        Some(glob) => {
            let mut builder = GitignoreBuilder::new("");
            builder.add_line(None, glob).map_err(|error| fail(&format!("path is not a glob ({error})")))?;
            Some(builder.build().map_err(|error| fail(&format!("path is not a glob ({error})")))?)
        }
    };
    let (object, key) = (text("object").map(str::to_owned), text("key").map(str::to_owned));
    if path.is_none() && object.is_none() && key.is_none() {
        return Err(fail("this exception matches everything").into());
    }
    let place = Place::file(file.as_str(), (line > 0).then_some(line));
    Ok(Exception { place, dir: dir.clone(), path, object, key, is_used: AtomicBool::new(false) })
}

#[cfg(test)]
mod tests {
    use super::Exceptions;
    use keyfill_files::{MemoryFiles, TreePath};

    fn refused(text: &'static str) -> String {
        let files: MemoryFiles = [(".keyfill-secrets.yaml", text)].into_iter().collect();
        let read = Exceptions::read(&files, &TreePath::root(), &keyfill_diag::Cx::default());
        read.expect_err("it is not a list of exceptions").to_string()
    }

    #[test]
    fn an_exception_says_what_and_why() {
        for (text, says) in [
            ("exceptions:\n- path: a\n", ".keyfill-secrets.yaml:2: this exception has no reason"),
            ("exceptions:\n- reason: a\n", "matches everything"),
            ("exceptions:\n- {reason: a, file: b}\n", "file is not known"),
            ("exceptions: {}\n", "exceptions is not a list"),
            ("- a\n", "this is not a mapping"),
        ] {
            let said = refused(text);
            assert!(said.contains(says), "{said}");
        }
    }
}
