//! Applies `kustomize edit set image`, `set annotation` and the like in memory.

use crate::cli::render_args::RenderArgs;
use crate::report::Problem;
use crate::settings::Env;
use anyhow::{Context as _, Result};
use bytes::Bytes;
use keyfill_diag::Cx;
use keyfill_files::{Entry, FileError, FileErrorKind, FileKind, Files, Later, TreePath};
use keyfill_yaml::Node;
use std::collections::BTreeMap;

/// Changes to a root's kustomization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    images: BTreeMap<String, Image>,
    annotations: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    /// Text fields to set: `namespace`, `namePrefix`, `nameSuffix`.
    fields: BTreeMap<&'static str, String>,
    /// Whether the edits come from flags. Edits from variables apply only to kustomizations and are ignored for
    /// other folders, as in common plugin definitions; a flag that cannot be applied is an error.
    pub from_flags: bool,
    /// The app's variables from which the edits come.
    pub given: Vec<&'static str>,
}

/// The kind of a `kustomize edit` in a plugin's command.
#[cfg(unix)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Edit {
    /// `set image`
    Image,
    /// `set annotation`, `add annotation`
    Annotation,
    /// `set label`, `add label`
    Label,
    /// `set namespace`
    Namespace,
    /// `set nameprefix`
    NamePrefix,
    /// `set namesuffix`
    NameSuffix,
}

/// An entry of `images:`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    new_name: String,
    new_tag: String,
    digest: String,
}

/// Keeps the value in the kustomization.
const KEEP: &str = "*";

impl Edits {
    /// The edits of flags, and of variables that are common in plugin definitions.
    pub fn resolve(args: &RenderArgs, env: &Env) -> Result<Self> {
        let mut edits = Self::default();
        if let Some(url) = env.get("ARGOCD_ENV_APP_REPO") {
            edits.annotations.insert("github.com/url".to_owned(), url.to_owned());
            edits.given.push("ARGOCD_ENV_APP_REPO");
        }
        if let (Some(name), Some(tag)) = (env.get("ARGOCD_ENV_IMAGE_NAME"), env.get("ARGOCD_ENV_IMAGE_TAG")) {
            let (name, image) = parse_image(&format!("{name}:{tag}"))?;
            edits.images.insert(name, image);
            edits.given.extend(["ARGOCD_ENV_IMAGE_NAME", "ARGOCD_ENV_IMAGE_TAG"]);
        }
        for text in &args.set_image {
            let (name, image) = parse_image(text)?;
            edits.images.insert(name, image);
        }
        for text in &args.set_annotation {
            let separator = text
                .find(['=', ':'])
                .with_context(|| Problem::usage(format!("--set-annotation {text}: write it as KEY=VALUE")))?;
            let (key, value) = (&text[..separator], &text[separator + 1..]);
            if !is_annotation_key(key) {
                let message = format!("--set-annotation {text}: {key:?} is not the key of an annotation");
                return Err(Problem::usage(message).into());
            }
            edits.annotations.insert(key.to_owned(), value.to_owned());
        }
        edits.from_flags = !args.set_image.is_empty() || !args.set_annotation.is_empty();
        Ok(edits)
    }

    /// Whether there are no edits.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
            && self.annotations.is_empty()
            && self.labels.is_empty()
            && self.fields.is_empty()
    }

    /// The edits of a `kustomize edit` in a plugin's command.
    #[cfg(unix)]
    pub fn of_command(edit: Edit, values: &[String]) -> Result<Self> {
        let mut edits = Self { from_flags: true, ..Self::default() };
        let mut values = values.iter().filter(|value| *value != "--");
        let field = match edit {
            Edit::Image => {
                for text in values {
                    let (name, image) = parse_image(text)?;
                    edits.images.insert(name, image);
                }
                return Ok(edits);
            }
            Edit::Annotation | Edit::Label => {
                for pair in values {
                    let form =
                        || Problem::usage(format!("kustomize edit: {pair:?} must be written as KEY:VALUE"));
                    let (key, value) = pair.split_once(':').with_context(form)?;
                    let quotes = ['"', '\''];
                    let (key, value) = (key.trim_matches(quotes), value.trim_matches(quotes));
                    if !is_annotation_key(key) {
                        return Err(form().into());
                    }
                    let map = if edit == Edit::Label { &mut edits.labels } else { &mut edits.annotations };
                    map.insert(key.to_owned(), value.to_owned());
                }
                return Ok(edits);
            }
            Edit::Namespace => "namespace",
            Edit::NamePrefix => "namePrefix",
            Edit::NameSuffix => "nameSuffix",
        };
        match (values.next(), values.next()) {
            (Some(value), None) => edits.fields.insert(field, value.clone()),
            _ => return Err(Problem::usage(format!("kustomize edit: {field} takes one value")).into()),
        };
        Ok(edits)
    }

    /// Applies the edits to the text of a kustomization; `name` is for errors.
    pub fn apply(&self, text: &[u8], name: &str, cx: &Cx) -> Result<Vec<u8>> {
        let documents = keyfill_yaml::load_nodes(text, &keyfill_yaml::Limits::from(cx))
            .with_context(|| format!("cannot read {name}"))?;
        let mut document = match documents.len() {
            0 => Node::map(),
            _ => documents.into_iter().next().unwrap_or_else(Node::map),
        };
        let Some(map) = document.as_map_mut() else {
            return Err(Problem::input(format!("{name} is not a map")).into());
        };
        for (field, pairs) in [("commonAnnotations", &self.annotations), ("commonLabels", &self.labels)] {
            if pairs.is_empty() {
                continue;
            }
            let held = map.get_or_insert_with(field, Node::map);
            if held.as_map().is_none() {
                *held = Node::map();
            }
            if let Some(held) = held.as_map_mut() {
                for (key, value) in pairs {
                    held.set(key.as_str(), Node::string(value.as_str()));
                }
            }
        }
        for (field, value) in &self.fields {
            map.set(*field, Node::string(value.as_str()));
        }
        if !self.images.is_empty() {
            let old = map.remove("images").map(|node| read_images(&node)).unwrap_or_default();
            map.set("images", self.merged(&old));
        }
        Ok(keyfill_yaml::to_yaml(&document))
    }

    /// The whole `images:` list, sorted by name. The edits have priority; `*` keeps the old value.
    fn merged(&self, old: &BTreeMap<String, Image>) -> Node {
        let mut all = old.clone();
        for (name, image) in &self.images {
            let before = old.get(name).cloned().unwrap_or_default();
            all.insert(name.clone(), merged_image(image, &before));
        }
        let mut list = Node::seq();
        if let Some(seq) = list.as_seq_mut() {
            seq.items = all.iter().map(|(name, image)| image.node(name)).collect();
        }
        list
    }
}

/// An entry after an image was set; `*` keeps the old value.
pub fn merged_image(image: &Image, before: &Image) -> Image {
    let keep = |new: &str, before: &str| if new == KEEP { before.to_owned() } else { new.to_owned() };
    Image {
        new_name: keep(&image.new_name, &before.new_name),
        new_tag: keep(&image.new_tag, &before.new_tag),
        digest: keep(&image.digest, &before.digest),
    }
}

impl Image {
    /// Parses an entry of `images:`.
    pub fn of_entry(item: &Node) -> Self {
        let text = |key: &str| item.get(key).and_then(Node::text).unwrap_or_default().to_owned();
        Self { new_name: text("newName"), new_tag: text("newTag"), digest: text("digest") }
    }

    /// The fields of its entry, empty ones included.
    pub fn fields(&self) -> [(&'static str, &str); 3] {
        [
            ("newName", self.new_name.as_str()),
            ("newTag", self.new_tag.as_str()),
            ("digest", self.digest.as_str()),
        ]
    }

    fn node(&self, name: &str) -> Node {
        let mut node = Node::map();
        if let Some(map) = node.as_map_mut() {
            for (key, value) in std::iter::once(("name", name)).chain(self.fields()) {
                if !value.is_empty() {
                    map.set(key, Node::string(value));
                }
            }
        }
        node
    }
}

fn read_images(node: &Node) -> BTreeMap<String, Image> {
    let items = node.as_seq().map(|s| s.items.as_slice()).unwrap_or_default();
    let text = |item: &Node, key: &str| item.get(key).and_then(Node::text).unwrap_or_default().to_owned();
    items.iter().map(|item| (text(item, "name"), Image::of_entry(item))).collect()
}

/// Parses `NAME[=NEW][:TAG|@DIGEST]` as kustomize v5.8.1 does.
pub fn parse_image(text: &str) -> Result<(String, Image)> {
    let (key, value) = text.split_once('=').map_or((None, text), |(k, v)| (Some(k), v));
    let (rest, digest) = value.split_once('@').unwrap_or((value, ""));
    // A colon before the last slash is the registry's port, not a tag.
    let slash = rest.rfind('/').map_or(0, |i| i + 1);
    let (name, tag) = match rest[slash..].find(':') {
        Some(colon) => (&rest[..slash + colon], &rest[slash + colon + 1..]),
        None => (rest, ""),
    };
    if name == text || key == Some("") {
        let form = "NAME=NEW, NAME:TAG, NAME@DIGEST or NAME=NEW:TAG";
        return Err(Problem::usage(format!("the image {text:?} must be written as {form}")).into());
    }
    let image = |new_name: &str| Image {
        new_name: new_name.to_owned(),
        new_tag: tag.to_owned(),
        digest: digest.to_owned(),
    };
    Ok(match key {
        Some(key) => (key.to_owned(), image(name)),
        None => (name.to_owned(), image("")),
    })
}

/// Whether a text is valid as the key of an annotation or label.
pub fn is_annotation_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(p, n)| (Some(p), n));
    let part = |text: &str, most: usize, extra: &str| {
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        text.len() <= most
            && ends(text.chars().next())
            && ends(text.chars().last())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
    };
    part(name, 63, "-_.") && prefix.is_none_or(|p| part(p, 253, "-."))
}

/// A tree in which some files are replaced or added, with the folders of added files.
pub struct Edited<'a> {
    files: &'a dyn Files,
    content: BTreeMap<TreePath, Bytes>,
}

impl<'a> Edited<'a> {
    /// `files` with other content at `path`.
    pub fn new(files: &'a dyn Files, path: TreePath, content: impl Into<Bytes>) -> Self {
        Self::with(files, BTreeMap::from([(path, content.into())]))
    }

    /// `files` with other content at these paths.
    pub fn with(files: &'a dyn Files, content: BTreeMap<TreePath, Bytes>) -> Self {
        Self { files, content }
    }

    /// Whether a replaced or added file is below a folder.
    fn is_folder(&self, dir: &TreePath) -> bool {
        self.content.keys().any(|path| path != dir && path.is_within(dir))
    }
}

impl Files for Edited<'_> {
    fn read(&self, path: &TreePath) -> Result<Bytes, FileError> {
        match self.content.get(path) {
            Some(content) => Ok(content.clone()),
            None => self.files.read(path),
        }
    }

    fn later(&self, path: &TreePath) -> Result<Later, FileError> {
        match self.content.get(path) {
            Some(content) => Ok(content.clone().into()),
            None => self.files.later(path),
        }
    }

    fn open(&self, path: &TreePath) -> Result<Option<std::fs::File>, FileError> {
        if self.content.contains_key(path) { Ok(None) } else { self.files.open(path) }
    }

    fn is_bounded(&self) -> bool {
        self.files.is_bounded()
    }

    fn list(&self, dir: &TreePath) -> Result<Vec<Entry>, FileError> {
        let mut entries = match self.files.list(dir) {
            Err(error) if error.kind() == FileErrorKind::NotFound && self.is_folder(dir) => Vec::new(),
            listed => listed?,
        };
        let depth = dir.parts().count();
        for path in self.content.keys().filter(|path| path.is_within(dir)) {
            let mut parts = path.parts().skip(depth);
            let Some(name) = parts.next() else { continue };
            let kind = if parts.next().is_none() { FileKind::File } else { FileKind::Dir };
            if let Err(at) = entries.binary_search_by(|entry| entry.name.as_str().cmp(name)) {
                entries.insert(at, Entry { name: name.to_owned(), kind, is_link: false });
            }
        }
        Ok(entries)
    }

    fn resolve(&self, path: &TreePath) -> Result<(TreePath, FileKind), FileError> {
        if self.content.contains_key(path) {
            return Ok((path.clone(), FileKind::File));
        }
        match self.files.resolve(path) {
            Err(error) if error.kind() == FileErrorKind::NotFound && self.is_folder(path) => {
                Ok((path.clone(), FileKind::Dir))
            }
            resolved => resolved,
        }
    }

    fn any(&self, paths: &[TreePath], look: &mut dyn FnMut(&TreePath, &[u8]) -> bool) -> bool {
        let (changed, same): (Vec<TreePath>, Vec<TreePath>) =
            paths.iter().cloned().partition(|path| self.content.contains_key(path));
        let mut found = |path: &TreePath| self.content.get(path).is_some_and(|content| look(path, content));
        changed.iter().any(&mut found) || self.files.any(&same, look)
    }
}

#[cfg(test)]
mod tests {
    use super::{Edited, Edits, Image, is_annotation_key, parse_image};
    use bytes::Bytes;
    use keyfill_files::{FileErrorKind, FileKind, Files, MemoryFiles, TreePath};

    #[test]
    fn new_files_have_their_folders() {
        let tree: MemoryFiles = [("app/a.yaml", "a")].into_iter().collect();
        let at = |path: &str| TreePath::new(path).unwrap();
        let content = ["app/b.yaml", "app/new/deep/c.yaml"].map(|path| (at(path), Bytes::from("x")));
        let edited = Edited::with(&tree, content.into());
        let names = |dir: &str| -> Vec<(String, FileKind)> {
            edited.list(&at(dir)).unwrap().into_iter().map(|entry| (entry.name, entry.kind)).collect()
        };
        let want = [("a.yaml", FileKind::File), ("b.yaml", FileKind::File), ("new", FileKind::Dir)];
        assert_eq!(names("app"), want.map(|(name, kind)| (name.to_owned(), kind)));
        assert_eq!(names("app/new"), [("deep".to_owned(), FileKind::Dir)]);
        assert!(edited.is_dir(&at("app/new/deep")) && edited.is_file(&at("app/new/deep/c.yaml")));
        let error = edited.list(&at("app/gone")).unwrap_err();
        assert_eq!(error.kind(), FileErrorKind::NotFound);
    }

    #[test]
    fn images_are_read_as_kustomize_does() {
        let cases = [
            ("node:8.15.0", "node", "", "8.15.0", ""),
            ("mysql=mariadb", "mysql", "mariadb", "", ""),
            ("a=host:5000/b:1", "a", "host:5000/b", "1", ""),
            ("host:5000/b:1", "host:5000/b", "", "1", ""),
            ("alpine@sha256:aa", "alpine", "", "", "sha256:aa"),
            ("my-app=r/my-app:t@sha256:bb", "my-app", "r/my-app", "t", "sha256:bb"),
            ("a=*:2", "a", "*", "2", ""),
        ];
        for (text, name, new_name, new_tag, digest) in cases {
            let want = Image { new_name: new_name.into(), new_tag: new_tag.into(), digest: digest.into() };
            assert_eq!(parse_image(text).unwrap(), (name.to_owned(), want), "{text}");
        }
        for bad in ["alpine", "=x", ""] {
            assert!(parse_image(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_are_checked() {
        assert!(is_annotation_key("github.com/url") && is_annotation_key("a"));
        assert!(
            !is_annotation_key("")
                && !is_annotation_key("a b")
                && !is_annotation_key("/x")
                && !is_annotation_key("-a")
        );
    }

    #[test]
    fn edits_change_what_they_name() {
        let (name, image) = parse_image("web=*:2").unwrap();
        let edits = Edits {
            images: [(name, image)].into(),
            annotations: [("a".to_owned(), "true".to_owned())].into(),
            from_flags: true,
            ..Edits::default()
        };
        let text = b"resources: [x.yaml]\nimages:\n- name: web\n  newName: w\n  newTag: '1'\n- {name: db, newTag: 9}\n";
        let text = String::from_utf8(edits.apply(text, "k", &keyfill_diag::Cx::default()).unwrap()).unwrap();
        let want = "commonAnnotations:\n  a: \"true\"\nimages:\n- name: db\n  newTag: \"9\"\n- name: web\n  newName: w\n  newTag: \"2\"\nresources:\n- x.yaml\n";
        assert_eq!(text, want);
    }
}
