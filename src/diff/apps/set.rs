//! ApplicationSets: the apps that their generators make from what the repository holds. Generators that ask a cluster
//! or a server are noted, and make no app here.

use super::application::{self, Application, go_on, is_own, text_at};
use super::template;
use anyhow::Result;
use ignore::overrides::OverrideBuilder;
use keyfill_diag::Cx;
use keyfill_files::{Files, Kind, TreePath};
use keyfill_template::MissingKey;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The parameters of one app.
type Parameters = Map<String, Value>;

/// How deep generators may lie in each other.
const DEEPEST: usize = 4;
/// The most apps of a set.
const MOST: usize = 5_000;

/// The apps of a set.
pub fn applications(
    files: &dyn Files,
    path: &TreePath,
    set: &Value,
    repository: &[String],
    notes: &mut BTreeSet<String>,
    cx: &Cx,
) -> Result<Vec<Application>> {
    let name = format!("ApplicationSet {} ({path})", text_at(set, "/metadata/name"));
    let go = set.pointer("/spec/goTemplate") == Some(&Value::Bool(true));
    let options = set.pointer("/spec/goTemplateOptions").and_then(Value::as_array);
    let is_strict = options.is_some_and(|all| all.iter().any(|option| option == "missingkey=error"));
    let missing_key = go.then_some(if is_strict { MissingKey::Error } else { MissingKey::Default });
    let Some(base) = set.pointer("/spec/template") else { return Ok(Vec::new()) };
    if set.pointer("/spec/templatePatch").is_some() {
        notes.insert(format!("{name}: templatePatch is not followed"));
    }
    let mut world = Generators { files, repository, go, name: &name, notes, cx };
    let mut apps = Vec::new();
    let generators = set.pointer("/spec/generators").and_then(Value::as_array);
    for generator in generators.map(Vec::as_slice).unwrap_or_default() {
        for parameters in world.parameters(generator, 0)? {
            let object = template::filled(base, &parameters, missing_key, cx);
            let object = match object {
                Ok(mut object) => {
                    let namespace = text_at(set, "/metadata/namespace");
                    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
                        metadata.insert("namespace".to_owned(), namespace.into());
                    }
                    object
                }
                Err(error) => {
                    world.notes.insert(format!("{name}: {error:#}"));
                    continue;
                }
            };
            apps.extend(application::of(&object));
            anyhow::ensure!(apps.len() <= MOST, "{name} makes more than {MOST} apps");
        }
    }
    Ok(apps)
}

struct Generators<'a> {
    files: &'a dyn Files,
    repository: &'a [String],
    go: bool,
    name: &'a str,
    notes: &'a mut BTreeSet<String>,
    cx: &'a Cx,
}

impl Generators<'_> {
    /// The parameters that a generator gives, a set of them for each app.
    fn parameters(&mut self, generator: &Value, depth: usize) -> Result<Vec<Parameters>> {
        go_on(self.cx)?;
        if ["template", "selector"].iter().any(|key| {
            generator.get(key).is_some()
                || generator
                    .as_object()
                    .is_some_and(|all| all.values().any(|v| v.get(key).is_some() && *key == "template"))
        }) {
            self.notes
                .insert(format!("{}: template and selector of a generator are not followed", self.name));
        }
        if let Some(list) = generator.get("list") {
            return Ok(self.list(list));
        }
        if let Some(git) = generator.get("git") {
            return self.git(git);
        }
        let matrix = generator.pointer("/matrix/generators").and_then(Value::as_array);
        if let Some(parts) = matrix.filter(|_| depth < DEEPEST) {
            let mut all = vec![Parameters::new()];
            for part in parts {
                let found = self.parameters(part, depth + 1)?;
                anyhow::ensure!(all.len() * found.len() <= MOST, "{} makes more than {MOST} apps", self.name);
                let join = |one: &Parameters| -> Vec<Parameters> {
                    let joined = |other: &Parameters| one.clone().into_iter().chain(other.clone()).collect();
                    found.iter().map(joined).collect()
                };
                all = all.iter().flat_map(join).collect();
            }
            return Ok(all);
        }
        let kinds: Vec<&str> =
            generator.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
        self.notes.insert(format!("{}: the generator {} is not followed", self.name, kinds.join(", ")));
        Ok(Vec::new())
    }

    fn list(&mut self, list: &Value) -> Vec<Parameters> {
        if list.get("elementsYaml").is_some() {
            self.notes.insert(format!("{}: elementsYaml is not followed", self.name));
        }
        let elements = list.get("elements").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        elements.iter().filter_map(Value::as_object).map(|element| self.flat(element)).collect()
    }

    /// What a map means as parameters: itself for Go's templates, else its leaves by their paths.
    fn flat(&self, element: &Parameters) -> Parameters {
        if self.go {
            return element.clone();
        }
        let mut found = Parameters::new();
        flatten("", &Value::Object(element.clone()), &mut found);
        found
    }

    fn git(&mut self, git: &Value) -> Result<Vec<Parameters>> {
        let url = text_at(git, "/repoURL");
        if !is_own(self.repository, url) {
            self.notes.insert(format!("{}: its generator reads another repository, {url}", self.name));
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        if let Some(entries) = git.get("directories").and_then(Value::as_array) {
            let globs = Globs::of(entries)?;
            for dir in folders(self.files, self.cx)?.into_iter().filter(|dir| globs.holds(dir, true)) {
                found.push(self.of_path(&dir));
            }
        }
        if let Some(entries) = git.get("files").and_then(Value::as_array) {
            let globs = Globs::of(entries)?;
            let all = self.files.walk(&TreePath::root());
            for path in all.into_iter().filter(|path| globs.holds(path, false)) {
                found.extend(self.of_file(&path));
            }
        }
        let values = git.get("values").and_then(Value::as_object).cloned().unwrap_or_default();
        for parameters in &mut found {
            let missing = self.go.then_some(MissingKey::Default);
            let filled = template::filled(&Value::Object(values.clone()), parameters, missing, self.cx)?;
            if self.go {
                parameters.insert("values".to_owned(), filled);
            } else {
                flatten("values", &filled, parameters);
            }
        }
        Ok(found)
    }

    /// The parameters of a file's content, a set for each item of a list.
    fn of_file(&mut self, path: &TreePath) -> Vec<Parameters> {
        let limits = keyfill_yaml::Limits::from(self.cx);
        let text = self.files.read(path).ok();
        let value = text.and_then(|text| keyfill_yaml::load_object(&text, &limits).ok());
        let json =
            value.and_then(|value| serde_json::from_slice::<Value>(&keyfill_yaml::to_json(&value)).ok());
        let items = match json {
            Some(Value::Array(items)) => items,
            Some(object @ Value::Object(_)) => vec![object],
            _ => {
                self.notes.insert(format!("{}: {path} holds no map", self.name));
                return Vec::new();
            }
        };
        let dir = path.parent().unwrap_or_else(TreePath::root);
        let add = |element: &Parameters| {
            let mut parameters = self.flat(element);
            parameters.extend(self.of_path(&dir));
            let file = path.name();
            match self.go {
                true => {
                    if let Some(Value::Object(held)) = parameters.get_mut("path") {
                        held.insert("filename".to_owned(), file.into());
                        held.insert("filenameNormalized".to_owned(), normalized(file).into());
                    }
                }
                false => {
                    parameters.insert("path.filename".to_owned(), file.into());
                    parameters.insert("path.filenameNormalized".to_owned(), normalized(file).into());
                }
            }
            parameters
        };
        items.iter().filter_map(Value::as_object).map(add).collect()
    }

    /// What Argo CD says of a folder.
    fn of_path(&self, dir: &TreePath) -> Parameters {
        let (path, name) = (dir.as_str(), dir.name());
        let mut found = Parameters::new();
        if self.go {
            let segments: Vec<&str> = dir.parts().collect();
            let of = json!({
                "path": path, "basename": name, "basenameNormalized": normalized(name), "segments": segments,
            });
            found.insert("path".to_owned(), of);
            return found;
        }
        found.insert("path".to_owned(), path.into());
        found.insert("path.basename".to_owned(), name.into());
        found.insert("path.basenameNormalized".to_owned(), normalized(name).into());
        for (at, part) in dir.parts().enumerate() {
            found.insert(format!("path[{at}]"), part.into());
        }
        found
    }
}

/// The leaves of a value by their paths, with dots between.
fn flatten(prefix: &str, value: &Value, found: &mut Parameters) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&name, value, found);
            }
        }
        Value::String(_) => drop(found.insert(prefix.to_owned(), value.clone())),
        other => drop(found.insert(prefix.to_owned(), other.to_string().into())),
    }
}

/// A name that Kubernetes takes: what is no letter, digit, dash or dot becomes a dash.
fn normalized(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let clean = |c: char| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '-' };
    lower.chars().map(clean).collect::<String>().trim_matches(['-', '.']).to_owned()
}

/// Every folder of a tree but hidden ones.
fn folders(files: &dyn Files, cx: &Cx) -> Result<Vec<TreePath>> {
    let (mut found, mut todo) = (Vec::new(), vec![TreePath::root()]);
    while let Some(dir) = todo.pop() {
        go_on(cx)?;
        for entry in files.list(&dir).unwrap_or_default() {
            if entry.kind == Kind::Dir && !entry.is_link && !entry.name.starts_with('.') {
                let Some(path) = dir.join(&entry.name) else { continue };
                found.push(path.clone());
                todo.push(path);
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Paths with `exclude` besides; `*` does not cross folders.
struct Globs {
    wanted: ignore::overrides::Override,
    excluded: ignore::overrides::Override,
}

impl Globs {
    fn of(entries: &[Value]) -> Result<Self> {
        let (mut wanted, mut excluded) = (OverrideBuilder::new("/"), OverrideBuilder::new("/"));
        for entry in entries {
            let path = text_at(entry, "/path").trim_start_matches("./");
            let excludes = entry.get("exclude") == Some(&Value::Bool(true));
            let builder = if excludes { &mut excluded } else { &mut wanted };
            builder.add(&format!("/{}", path.trim_start_matches('/')))?;
        }
        Ok(Self { wanted: wanted.build()?, excluded: excluded.build()? })
    }

    fn holds(&self, path: &TreePath, is_dir: bool) -> bool {
        let matches =
            |globs: &ignore::overrides::Override| globs.matched(path.as_str(), is_dir).is_whitelist();
        matches(&self.wanted) && !matches(&self.excluded)
    }
}
