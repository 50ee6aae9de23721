//! The generator `git`: folders or files of this repository.

use super::MOST;
use super::functions::normalized;
use super::generators::Generators;
use super::parameters::Parameters;
use crate::diff::apps::application::{go_on, is_own, text_at};
use anyhow::{Context as _, Result, bail, ensure};
use keyfill_diag::Cx;
use keyfill_files::{FileKind, Files, TreePath};
use keyfill_go::path;
use serde_json::{Value, json};

impl Generators<'_> {
    /// A set of parameters for each matching folder, or for each map in matching files.
    pub(super) fn git(&self, git: &Value) -> Result<Vec<Parameters>> {
        let url = text_at(git, "/repoURL");
        ensure!(is_own(self.repository, url), "its generator reads another repository, {url}");
        let listed = |field: &str| git.get(field).and_then(Value::as_array).filter(|list| !list.is_empty());
        let prefix = text_at(git, "/pathParamPrefix");
        let mut found = Vec::new();
        if let Some(entries) = listed("directories") {
            for dir in self.folders()?.iter().filter(|dir| is_wanted(entries, dir, folder_fits)) {
                found.push(self.with_path(Parameters::new(), prefix, dir, None));
            }
        } else if let Some(entries) = listed("files") {
            let paths = self.paths.get_or_init(|| self.files.walk(&TreePath::root()));
            for path in paths.iter().filter(|path| is_wanted(entries, path, file_fits)) {
                go_on(self.cx)?;
                found.extend(self.of_file(prefix, path).with_context(|| path.to_string())?);
                ensure!(found.len() <= MOST, "it makes more than {MOST} apps");
            }
        } else {
            bail!("a git generator needs directories or files");
        }
        for parameters in &mut found {
            self.add_values(git, parameters)?;
        }
        Ok(found)
    }

    fn folders(&self) -> Result<&[TreePath]> {
        if self.folders.get().is_none() {
            let found = folders(self.files, self.cx)?;
            return Ok(self.folders.get_or_init(|| found));
        }
        Ok(self.folders.get().map(Vec::as_slice).unwrap_or_default())
    }

    /// The sets of parameters in a file: one for a map, one for each item of a list.
    fn of_file(&self, prefix: &str, path: &TreePath) -> Result<Vec<Parameters>> {
        let items = match self.loaded(&self.files.read(path)?)? {
            Value::Array(items) => items,
            Value::Null => vec![Value::Object(Parameters::new())],
            object => vec![object],
        };
        let dir = path.parent().unwrap_or_else(TreePath::root);
        let of = |item: &Value| {
            let element = item.as_object().context("it holds neither a map nor a list of maps")?;
            anyhow::Ok(self.with_path(self.of_element(element), prefix, &dir, Some(path.name())))
        };
        items.iter().map(of).collect()
    }

    /// Adds Argo CD's parameters for a folder, and for a file in it.
    fn with_path(
        &self,
        mut parameters: Parameters,
        prefix: &str,
        dir: &TreePath,
        file: Option<&str>,
    ) -> Parameters {
        // The repository's root is `.`, as in Go.
        let (path, name) = match dir.as_str() {
            "" => (".", "."),
            path => (path, dir.name()),
        };
        let mut fields = vec![("basename", name.to_owned()), ("basenameNormalized", normalized(name))];
        if let Some(file) = file {
            fields.extend([("filename", file.to_owned()), ("filenameNormalized", normalized(file))]);
        }
        if self.templating.is_go() {
            let mut of = json!({"path": path, "segments": path.split('/').collect::<Vec<_>>()});
            fields.into_iter().for_each(|(field, text)| of[field] = text.into());
            let (key, value) = if prefix.is_empty() { ("path", of) } else { (prefix, json!({ "path": of })) };
            parameters.insert(key.to_owned(), value);
            return parameters;
        }
        let key = if prefix.is_empty() { "path".to_owned() } else { format!("{prefix}.path") };
        parameters.extend(fields.into_iter().map(|(field, text)| (format!("{key}.{field}"), text.into())));
        for (at, part) in path.split('/').enumerate() {
            parameters.insert(format!("{key}[{at}]"), part.into());
        }
        parameters.insert(key, path.into());
        parameters
    }
}

/// Whether a path matches an entry, and no entry with `exclude`.
fn is_wanted(entries: &[Value], path: &TreePath, fits: fn(&str, &str) -> bool) -> bool {
    let (mut wanted, mut excluded) = (false, false);
    for entry in entries {
        let excludes = entry.get("exclude") == Some(&Value::Bool(true));
        let it = if excludes { &mut excluded } else { &mut wanted };
        *it = *it || fits(text_at(entry, "/path"), path.as_str());
    }
    wanted && !excluded
}

/// Go's `path.Match`: `*` stops at slashes.
fn folder_fits(pattern: &str, folder: &str) -> bool {
    path::matches(pattern.as_bytes(), folder.as_bytes()).unwrap_or(false)
}

/// Matches like `git ls-files`, which Argo CD uses by default: `*` matches slashes too, and a folder matches all
/// files in it.
fn file_fits(pattern: &str, file: &str) -> bool {
    let pattern = pattern.trim_start_matches("./");
    if !pattern.contains(['*', '?', '[']) {
        let below = file.strip_prefix(pattern.trim_end_matches('/'));
        return below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    }
    // Slashes are replaced by a byte that no path contains, so that `*` matches them.
    let flat = |text: &str| text.replace('/', "\u{1}");
    let pattern = flat(pattern).replace("[!", "[^");
    path::matches(pattern.as_bytes(), flat(file).as_bytes()).unwrap_or(false)
}

/// Every folder of a tree except hidden ones.
fn folders(files: &dyn Files, cx: &Cx) -> Result<Vec<TreePath>> {
    let (mut found, mut todo) = (Vec::new(), vec![TreePath::root()]);
    while let Some(dir) = todo.pop() {
        go_on(cx)?;
        for entry in files.list(&dir).unwrap_or_default() {
            if entry.kind == FileKind::Dir && !entry.is_link && !entry.name.starts_with('.') {
                let Some(path) = dir.join(&entry.name) else { continue };
                found.push(path.clone());
                todo.push(path);
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{file_fits, folder_fits};

    #[test]
    fn folders_match_as_in_go_and_files_as_in_git() {
        for (pattern, folder, want) in [
            ("apps/*", "apps/a", true),
            ("apps/*", "apps/a/b", false),
            ("apps/**", "apps/a/b", false),
            ("apps/[ab]", "apps/b", true),
            ("*", "apps", true),
        ] {
            assert_eq!(folder_fits(pattern, folder), want, "{pattern} {folder}");
        }
        for (pattern, file, want) in [
            ("clusters/*.yaml", "clusters/a.yaml", true),
            ("clusters/*.yaml", "clusters/deep/a.yaml", true),
            ("clusters/**/config.json", "clusters/a/b/config.json", true),
            ("clusters/**/config.json", "clusters/config.json", false),
            ("clusters", "clusters/a.yaml", true),
            ("clusters", "clusters2/a.yaml", false),
            ("./a.yaml", "a.yaml", true),
            ("[!a].yaml", "b.yaml", true),
            ("[!a].yaml", "a.yaml", false),
        ] {
            assert_eq!(file_fits(pattern, file), want, "{pattern} {file}");
        }
    }
}
