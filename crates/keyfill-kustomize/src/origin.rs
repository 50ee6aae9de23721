//! `buildMetadata`: annotations that say where a resource came from and what has changed it.

use crate::load::Repository;
use crate::resource::{Resource, add_annotation, metadata, metadata_mut, set_annotation, text_of_scalar};
use keyfill_diag::without_users;
use keyfill_yaml::{Node, to_yaml};

/// The annotation that holds a resource's origin.
pub const ORIGIN: &str = "config.kubernetes.io/origin";

/// The annotation that lists the transformers that changed a resource.
pub const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";

/// Where a resource came from, or where a transformer is configured.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// File or folder, seen from the outermost kustomization.
    pub path: String,
    /// The repository that it came from, when that was fetched.
    pub repository: String,
    /// The reference of that repository.
    pub reference: String,
    /// The file that configures the generator or transformer.
    pub configured_in: String,
    /// The generator or transformer: apiVersion, kind, name, namespace.
    pub configured_by: [String; 4],
}

impl Origin {
    /// The origin of what lies at a path below this one.
    #[must_use]
    pub fn below(&self, path: &str) -> Self {
        let Some(Repository { git, path, .. }) = Repository::parse(path) else {
            return Self { path: clean(&self.path, path), ..self.clone() };
        };
        // The official tool names the folder of a clone that was never made for the root of a repository.
        let path = clean("", if path.is_empty() { "notCloned" } else { &path });
        let host = git.url.split_once("://").and_then(|(_, rest)| rest.split('/').next());
        let has_password =
            host.and_then(|host| host.rsplit_once('@')).is_some_and(|(user, _)| user.contains(':'));
        let repository = if has_password { without_users(&git.url) } else { git.url };
        Self { path, repository, reference: git.reference, ..self.clone() }
    }

    /// The origin of what a builtin generator or transformer of a kustomization does.
    pub fn builtin(&self, kustomization_file: &str, kind: &str) -> Self {
        Self {
            path: String::new(),
            repository: self.repository.clone(),
            reference: self.reference.clone(),
            configured_in: clean(&self.path, kustomization_file),
            configured_by: ["builtin".to_owned(), kind.to_owned(), String::new(), String::new()],
        }
    }

    /// The origin of what a generator or transformer does that is configured by an object with an origin.
    pub fn of_plugin(resource: &Resource) -> Option<Self> {
        let origin = annotation(&resource.node)?;
        let field =
            |name: &str| unquoted(origin.lines().find_map(|line| line.strip_prefix(name)).unwrap_or(""));
        let id = resource.id();
        let by =
            [id.gvk.api_version(), id.gvk.kind.to_string(), id.name.to_string(), id.namespace.to_string()];
        Some(Self {
            path: String::new(),
            repository: field("repo: "),
            reference: field("ref: "),
            configured_in: field("path: "),
            configured_by: by,
        })
    }

    /// As the annotation says it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        line(&mut text, "", "path", &self.path);
        line(&mut text, "", "repo", &self.repository);
        line(&mut text, "", "ref", &self.reference);
        line(&mut text, "", "configuredIn", &self.configured_in);
        if self.configured_by.iter().any(|part| !part.is_empty()) {
            text.push_str("configuredBy:\n");
            for (name, value) in ["apiVersion", "kind", "name", "namespace"].iter().zip(&self.configured_by) {
                line(&mut text, "  ", name, value);
            }
        }
        if text.is_empty() { "{}\n".to_owned() } else { text }
    }

    /// As an item of the list of transformations.
    fn item(&self) -> String {
        let mut item = String::new();
        for (at, line) in self.text().lines().enumerate() {
            item.push_str(if at == 0 { "- " } else { "  " });
            item.push_str(line);
            item.push('\n');
        }
        item
    }
}

fn line(text: &mut String, indent: &str, name: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    let written = to_yaml(&Node::string(value));
    text.push_str(&format!("{indent}{name}: {}", String::from_utf8_lossy(&written)));
}

/// What a scalar of one line means; paths with quotes in them are the only ones that are written with any.
fn unquoted(text: &str) -> String {
    let inner = |quote: char| text.strip_prefix(quote).and_then(|t| t.strip_suffix(quote));
    match (inner('"'), inner('\'')) {
        (Some(inner), _) => inner.to_owned(),
        (None, Some(inner)) => inner.replace("''", "'"),
        (None, None) => text.to_owned(),
    }
}

/// Joins paths by their text; the result may climb above its start.
fn clean(dir: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in dir.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|p| *p != "..") => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.join("/")
}

/// The text of the origin annotation.
pub fn annotation(object: &Node) -> Option<&str> {
    let annotations = metadata(object)?.get("annotations")?;
    annotations.get(ORIGIN).map(text_of_scalar)
}

/// Writes down where a resource came from.
pub fn set(resource: &mut Resource, origin: &Origin) {
    set_annotation(&mut resource.node, ORIGIN, &origin.text());
}

/// Writes down which file a resource was read from.
pub fn note_file(resource: &mut Resource, origin: &Origin) {
    add_annotation(&mut resource.node, ORIGIN, &origin.text());
}

/// Writes down that a transformer has worked on a resource. One without an origin was made by it.
pub fn note_transformer(resource: &mut Resource, origin: &Origin) {
    if annotation(&resource.node).is_none() {
        return set(resource, origin);
    }
    let before = metadata(&resource.node)
        .and_then(|m| m.get("annotations"))
        .and_then(|a| a.get(TRANSFORMATIONS))
        .map_or("", text_of_scalar);
    let text = format!("{before}{}", origin.item());
    set_annotation(&mut resource.node, TRANSFORMATIONS, &text);
}

/// Takes an annotation away.
pub fn remove(resource: &mut Resource, name: &str) {
    if annotation_exists(&resource.node, name)
        && let Some(Node::Map(annotations)) =
            metadata_mut(&mut resource.node).and_then(|m| m.get_mut("annotations"))
    {
        annotations.remove(name);
    }
}

fn annotation_exists(object: &Node, name: &str) -> bool {
    metadata(object).and_then(|m| m.get("annotations")).is_some_and(|a| a.get(name).is_some())
}

#[cfg(test)]
mod tests {
    use super::Origin;

    #[test]
    fn origins_are_written_as_yaml() {
        let origin = Origin::default().below("base").below("../cm.yaml");
        assert_eq!(origin.text(), "path: cm.yaml\n");
        let builtin = Origin::default().below("../base").builtin("kustomization.yaml", "PrefixTransformer");
        assert_eq!(
            builtin.item(),
            "- configuredIn: ../base/kustomization.yaml\n  configuredBy:\n    apiVersion: builtin\n    kind: PrefixTransformer\n"
        );
    }
}
