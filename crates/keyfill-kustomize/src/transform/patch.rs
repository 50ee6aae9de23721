//! Patches: strategic merges and JSON operations.

use crate::error::{Error, Result};
use crate::json6902;
use crate::load::{Loader, Patch, PatchOptions, objects_of};
use crate::merge::{self, Merged};
use crate::resmap::ResMap;
use crate::resource::{
    Resource, check_annotations, is_null, metadata_mut, metadata_text, set_scalar, set_text,
    strings_in_metadata,
};
use crate::schema::Schema;
use crate::selector::Matcher;
use keyfill_yaml::{Limits, Node, Text};

/// A strategic merge patch with what it is about.
#[derive(Debug)]
struct Merge {
    resource: Resource,
    /// The patch as it is merged into selected resources: its labels and annotations are strings.
    for_selected: Node,
    options: PatchOptions,
}

impl Merge {
    fn new(mut node: Node, options: PatchOptions, schema: &Schema) -> Self {
        // The official tool marks such patches with an annotation, whereby all of them become strings.
        if options.allow_name_change || options.allow_kind_change {
            strings_in_metadata(&mut node, "annotations");
        }
        let mut for_selected = node.clone();
        strings_in_metadata(&mut for_selected, "labels");
        strings_in_metadata(&mut for_selected, "annotations");
        Self { resource: Resource::new(node, schema), for_selected, options }
    }

    /// Merges into the resource that the patch names.
    fn apply_to_named(&self, map: &mut ResMap, schema: &Schema) -> Result<usize> {
        let at = map.target_of(&self.resource.original_id()).map_err(|e| self.blame(e))?;
        map.update(at, schema, |r| merge_into(r, &self.resource.node, self.options, schema))
            .map_err(|e| self.blame(e))?;
        Ok(at)
    }

    /// Merges into resources, whatever their names are.
    fn apply_to_selected(&self, map: &mut ResMap, places: &[usize], schema: &Schema) -> Result<()> {
        for &at in places {
            map.update(at, schema, |resource| {
                if resource
                    .gvk()
                    .has_api_version(self.for_selected.get("apiVersion").and_then(Node::text).unwrap_or(""))
                {
                    return merge_into(resource, &self.for_selected, self.options, schema);
                }
                let mut patch = self.for_selected.clone();
                if let Some(map) = patch.as_map_mut() {
                    set_text(map, "apiVersion", &resource.gvk().api_version());
                }
                merge_into(resource, &patch, self.options, schema)
            })
            .map_err(|e| self.blame(e))?;
        }
        map.check_unique()
    }

    fn blame(&self, error: Error) -> Error {
        match &self.resource.file {
            Some(file) => error.at(&**file, Some(self.resource.node.line())),
            None => error,
        }
    }
}

/// Merges a patch into a resource, whose name, namespace and kind stay as they are unless the options say
/// otherwise.
fn merge_into(resource: &mut Resource, patch: &Node, options: PatchOptions, schema: &Schema) -> Result<()> {
    let id = resource.id().clone();
    if options.allow_name_change || options.allow_kind_change {
        resource.store_previous_id();
    }
    match merge::strategic(&mut resource.node, patch, schema).map_err(|e| resource.blame(e))? {
        Merged::Deleted => {
            resource.deleted = true;
            return Ok(());
        }
        Merged::Kept => {}
    }
    if resets_annotations(patch) {
        resource.memory = crate::resource::Memory::default();
    }
    if let Some(object) = resource.node.as_map_mut()
        && !options.allow_kind_change
    {
        set_text(object, "kind", &id.gvk.kind);
    }
    let Some(metadata) = metadata_mut(&mut resource.node) else { return Ok(()) };
    if !options.allow_name_change {
        set_text(metadata, "name", &id.name);
    }
    match metadata.get_mut("namespace") {
        _ if id.namespace.is_empty() => {
            metadata.remove("namespace");
        }
        Some(node) => set_scalar(node, id.namespace),
        None => metadata.set("namespace", Node::string(id.namespace)),
    }
    Ok(())
}

/// Whether a patch throws all annotations away; the official tool then loses its memory, which lies there.
/// At the root, `$patch: replace` has no effect.
fn resets_annotations(patch: &Node) -> bool {
    let resets = |node: &Node| {
        let directive = node.get("$patch").and_then(Node::text);
        is_null(node) || matches!(directive, Some("replace" | "delete"))
    };
    let Some(metadata) = patch.get("metadata") else { return false };
    resets(metadata) || metadata.get("annotations").is_some_and(resets)
}

/// `patchesStrategicMerge`.
#[derive(Debug)]
pub struct StrategicTransformer {
    patches: Vec<Merge>,
}

impl StrategicTransformer {
    /// Reads the patches: each entry is a patch itself or, failing that, a file of patches. Patches given
    /// as one text come behind.
    pub fn new(loader: &Loader, file: &str, entries: &[Text], text: &str, schema: &Schema) -> Result<Self> {
        let limits = Limits::from(&loader.cx().limits);
        let mut patches = Vec::new();
        for entry in entries {
            match objects_of(file, entry.as_bytes(), &limits) {
                Ok(nodes) => add(&mut patches, nodes, file, schema),
                Err(inline) => {
                    let text = loader.load(entry).map_err(|e| {
                        // Several lines are a patch and no path: what is wrong with the patch matters then.
                        if entry.contains('\n') && !e.is_unsupported() { inline } else { e.at(file, None) }
                    })?;
                    let path = loader.join(entry)?;
                    let nodes = objects_of(path.as_str(), &text, &limits)?;
                    add(&mut patches, nodes, path.as_str(), schema);
                }
            }
        }
        if !text.is_empty() {
            let nodes = objects_of(file, text.as_bytes(), &limits)?;
            add(&mut patches, nodes, file, schema);
        }
        if patches.is_empty() {
            return Err(Error::new("the strategic merge patches are empty").at(file, None));
        }
        Ok(Self { patches })
    }

    /// Merges each patch into the resource it names.
    pub fn apply(&self, map: &mut ResMap, schema: &Schema) -> Result<()> {
        for patch in &self.patches {
            let at = map.target_of(&patch.resource.original_id()).map_err(|e| patch.blame(e))?;
            patch.apply_to_selected(map, &[at], schema)?;
        }
        Ok(())
    }
}

fn add(patches: &mut Vec<Merge>, nodes: Vec<Node>, file: &str, schema: &Schema) {
    for node in nodes {
        let mut merge = Merge::new(node, PatchOptions::default(), schema);
        merge.resource.file = Some(file.into());
        patches.push(merge);
    }
}

/// One entry of `patches`.
#[derive(Debug)]
pub struct PatchTransformer {
    kind: PatchKind,
    target: Option<Matcher>,
    file: String,
}

#[derive(Debug)]
enum PatchKind {
    Merges(Vec<Merge>),
    Operations(json6902::Patch),
}

impl PatchTransformer {
    /// Reads a patch and finds out which of the two kinds it is.
    pub fn new(loader: &Loader, file: &str, patch: &Patch, schema: &Schema) -> Result<Self> {
        let inline = patch.patch.trim();
        let (text, file) = match (inline.is_empty(), patch.path.is_empty()) {
            (true, true) => return Err(Error::new("must specify one of patch and path").at(file, None)),
            (false, false) => {
                return Err(Error::new("patch and path can't be set at the same time").at(file, None));
            }
            (false, true) => (inline.as_bytes().to_vec(), file.to_owned()),
            (true, false) => {
                let text = loader
                    .load(&patch.path)
                    .map_err(|e| e.context("failed to get the patch file").at(file, None))?;
                (text.to_vec(), loader.join(&patch.path)?.as_str().to_owned())
            }
        };
        let kind = read(&file, &text, patch, loader, schema)?;
        // Without a patch nobody looks at the target.
        let target = match &kind {
            PatchKind::Merges(merges) if merges.is_empty() => None,
            _ => patch.target.as_ref().map(Matcher::new).transpose()?,
        };
        match &kind {
            PatchKind::Merges(merges) if target.is_some() && merges.len() > 1 => {
                return Err(Error::new("several strategic merge patches in one entry cannot have a target")
                    .at(file, None)
                    .hint("give each its own entry under `patches:`, or leave the target out"));
            }
            PatchKind::Operations(_) if target.is_none() => {
                return Err(Error::new("a JSON patch needs a target").at(file, None));
            }
            _ => {}
        }
        Ok(Self { kind, target, file })
    }

    /// Applies the patch to its targets.
    pub fn apply(&self, map: &mut ResMap, schema: &Schema) -> Result<()> {
        match (&self.kind, &self.target) {
            (PatchKind::Merges(merges), None) => {
                merges.iter().try_for_each(|m| m.apply_to_named(map, schema).map(|_| ()))
            }
            (PatchKind::Merges(merges), Some(target)) => {
                let Some(merge) = merges.first() else { return Ok(()) };
                let places = map.select(target);
                merge.apply_to_selected(map, &places, schema)
            }
            (PatchKind::Operations(patch), Some(target)) => {
                operate(map, schema, target, patch, true).map_err(|e| e.at(self.file.as_str(), None))
            }
            (PatchKind::Operations(_), None) => Ok(()),
        }
    }
}

fn read(file: &str, text: &[u8], patch: &Patch, loader: &Loader, schema: &Schema) -> Result<PatchKind> {
    let limits = Limits::from(&loader.cx().limits);
    let merge_error = match objects_of(file, text, &limits) {
        Ok(nodes) => {
            let options = patch.options.unwrap_or_default();
            let merges = nodes.into_iter().map(|node| {
                let mut merge = Merge::new(node, options, schema);
                merge.resource.file = Some(file.into());
                merge
            });
            return Ok(PatchKind::Merges(merges.collect()));
        }
        Err(e) => e,
    };
    match json6902::Patch::parse(text) {
        Ok(patch) => Ok(PatchKind::Operations(patch)),
        Err(e) => {
            let is_list =
                text.trim_ascii_start().starts_with(b"[") || text.trim_ascii_start().starts_with(b"-");
            let error = if is_list { e.at(file, None) } else { merge_error };
            Err(error.context("neither a strategic merge patch nor a JSON patch"))
        }
    }
}

/// Applies operations to all resources that a selector picks.
fn operate(
    map: &mut ResMap,
    schema: &Schema,
    target: &Matcher,
    patch: &json6902::Patch,
    remember: bool,
) -> Result<()> {
    for at in map.select(target) {
        map.update(at, schema, |resource| {
            if remember {
                resource.store_previous_id();
            }
            // The memory of the official tool lies in annotations: where there is some, there are annotations.
            if !resource.memory.is_empty()
                && let Some(metadata) = metadata_mut(&mut resource.node)
            {
                let annotations = metadata.get_or_insert_with("annotations", Node::map);
                if is_null(annotations) {
                    *annotations = Node::map();
                }
            }
            patch.apply(&mut resource.node).map_err(|e| resource.blame(e))?;
            // The official tool writes its annotations back, whereby all of them become strings.
            let checked = check_annotations(&resource.node).map_err(|e| resource.blame(e));
            strings_in_metadata(&mut resource.node, "annotations");
            checked
        })?;
    }
    Ok(())
}

/// One entry of `patchesJson6902`.
#[derive(Debug)]
pub struct JsonTransformer {
    target: Matcher,
    patch: json6902::Patch,
    file: String,
}

impl JsonTransformer {
    /// Reads the operations.
    pub fn new(loader: &Loader, file: &str, patch: &Patch) -> Result<Self> {
        let Some(target) = patch.target.as_ref().filter(|t| !t.name.is_empty()) else {
            return Err(Error::new("a JSON patch must specify the target name").at(file, None));
        };
        let (text, file) = match (patch.path.is_empty(), patch.patch.is_empty()) {
            (true, true) => return Err(Error::new("a JSON patch needs a path or operations").at(file, None)),
            (false, false) => {
                return Err(Error::new("must specify a file path or operations, not both").at(file, None));
            }
            (true, false) => (patch.patch.as_bytes().to_vec(), file.to_owned()),
            (false, true) => {
                let text = loader.load(&patch.path).map_err(|e| e.at(file, None))?;
                (text.to_vec(), loader.join(&patch.path)?.as_str().to_owned())
            }
        };
        let operations = json6902::Patch::parse(&text).map_err(|e| e.at(file.as_str(), None))?;
        if operations.is_empty() {
            return Err(Error::new("the JSON patch is empty").at(file, None));
        }
        Ok(Self { target: Matcher::new(target)?, patch: operations, file })
    }

    /// Applies the operations to the targets.
    pub fn apply(&self, map: &mut ResMap, schema: &Schema) -> Result<()> {
        operate(map, schema, &self.target, &self.patch, false).map_err(|e| e.at(self.file.as_str(), None))
    }
}

/// Names in errors of this module come from the objects themselves.
impl Resource {
    /// Adds which resource an error is about.
    pub fn blame(&self, error: Error) -> Error {
        let name = metadata_text(&self.node, "name");
        let place = self.file.as_deref().map_or_else(String::new, |f| format!(" from {f}"));
        error.context(format!("{} \"{name}\"{place}", self.gvk().kind))
    }
}
