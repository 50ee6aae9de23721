//! `buildMetadata`: annotations that say where a resource comes from and which transformers changed it.

use crate::load::Repository;
use crate::resource::{Resource, add_annotation, metadata, metadata_mut, set_annotation, text_of_scalar};
use keyfill_diag::without_users;
use keyfill_yaml::{Node, to_yaml};

/// The annotation that holds a resource's origin.
pub const ORIGIN: &str = "config.kubernetes.io/origin";

/// The annotation that lists the transformers that changed a resource.
pub const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";

/// Where a resource comes from, or where a transformer is configured.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// File or folder, relative to the outermost kustomization.
    pub path: String,
    /// Address of the repository, if the resource comes from a fetched one.
    pub repository: String,
    /// The git reference in that repository.
    pub reference: String,
    /// The file that configures the generator or transformer.
    pub configured_in: String,
    /// The generator or transformer: apiVersion, kind, name, namespace.
    pub configured_by: [String; 4],
}

impl Origin {
    /// The origin of a file or folder whose path is relative to this one.
    #[must_use]
    pub fn below(&self, path: &str) -> Self {
        let Some(Repository { git, path, .. }) = Repository::parse(path) else {
            return Self { path: clean(&self.path, path), ..self.clone() };
        };
        // For the root of a repository, the official tool writes the name of a folder that it never creates.
        let path = clean("", if path.is_empty() { "notCloned" } else { &path });
        let host = git.url.split_once("://").and_then(|(_, rest)| rest.split('/').next());
        let has_password =
            host.and_then(|host| host.rsplit_once('@')).is_some_and(|(user, _)| user.contains(':'));
        let repository = if has_password { without_users(&git.url) } else { git.url };
        Self { path, repository, reference: git.reference, ..self.clone() }
    }

    /// The origin of the output of a builtin generator or transformer.
    pub fn builtin(&self, kustomization_file: &str, kind: &str) -> Self {
        Self {
            path: String::new(),
            repository: self.repository.clone(),
            reference: self.reference.clone(),
            configured_in: clean(&self.path, kustomization_file),
            configured_by: ["builtin".to_owned(), kind.to_owned(), String::new(), String::new()],
        }
    }

    /// The origin of the output of a generator or transformer that is configured by the given object; `None` if
    /// that object has no origin.
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

    /// The text of the annotation.
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

    /// The text of one item in the list of transformations.
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

/// Removes the quotes of a YAML scalar. Paths that contain quotes are the only ones that are written with quotes.
fn unquoted(text: &str) -> String {
    let inner = |quote: char| text.strip_prefix(quote).and_then(|t| t.strip_suffix(quote));
    match (inner('"'), inner('\'')) {
        (Some(inner), _) => inner.to_owned(),
        (None, Some(inner)) => inner.replace("''", "'"),
        (None, None) => text.to_owned(),
    }
}

/// Joins paths as texts. The result may begin with `..`.
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

/// The text of an object's origin annotation.
pub fn annotation(object: &Node) -> Option<&str> {
    let annotations = metadata(object)?.get("annotations")?;
    annotations.get(ORIGIN).map(text_of_scalar)
}

/// Sets the origin of a resource.
pub fn set(resource: &mut Resource, origin: &Origin) {
    set_annotation(&mut resource.node, ORIGIN, &origin.text());
}

/// Sets the file that a resource was read from as its origin.
pub fn note_file(resource: &mut Resource, origin: &Origin) {
    add_annotation(&mut resource.node, ORIGIN, &origin.text());
}

/// Adds a transformer to the list of transformations. A resource without an origin was made by the transformer,
/// which becomes its origin.
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

/// Removes an annotation.
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
