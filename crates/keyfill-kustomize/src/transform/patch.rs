//! Patches: strategic merges and JSON operations.

use crate::error::{Error, Result};
use crate::json6902;
use crate::load::{Loader, Patch, PatchOptions, Spotted, objects_of};
use crate::merge::{self, Merged};
use crate::resmap::ResMap;
use crate::resource::{
    Resource, check_annotations, is_null, metadata_mut, set_scalar, set_text, strings_in_metadata,
};
use crate::schema::Schema;
use crate::selector::Matcher;
use bytes::Bytes;
use keyfill_diag::{Cx, Report as _};
use keyfill_yaml::{Limits, Node, Text, TextPlace};

/// A strategic merge patch with the id of the resource that it names.
#[derive(Debug)]
struct Merge {
    resource: Resource,
    /// The patch for resources that a target selects: its labels and annotations are strings.
    for_selected: Node,
    options: PatchOptions,
}

impl Merge {
    fn new(mut node: Node, options: PatchOptions, schema: &Schema) -> Self {
        // The official tool stores these options in an annotation of the patch, which makes all annotations
        // strings.
        if options.allow_name_change || options.allow_kind_change {
            strings_in_metadata(&mut node, "annotations");
        }
        let mut for_selected = node.clone();
        strings_in_metadata(&mut for_selected, "labels");
        strings_in_metadata(&mut for_selected, "annotations");
        Self { resource: Resource::new(node, schema), for_selected, options }
    }

    /// Merges the patch into the resource that it names.
    fn apply_to_named(&self, map: &mut ResMap, schema: &Schema, cx: &Cx) -> Result<usize> {
        let at = map.target_of(&self.resource.original_id()).map_err(|e| self.blame(e))?;
        map.update(at, schema, |r| merge_into(r, &self.resource.node, self.options, schema, cx))
            .map_err(|e| self.blame(e))?;
        Ok(at)
    }

    /// Merges the patch into the resources at the given positions, whatever their names are.
    fn apply_to_selected(&self, map: &mut ResMap, places: &[usize], schema: &Schema, cx: &Cx) -> Result<()> {
        for &at in places {
            cx.check()?;
            map.update(at, schema, |resource| {
                if resource
                    .gvk()
                    .has_api_version(self.for_selected.get("apiVersion").and_then(Node::text).unwrap_or(""))
                {
                    return merge_into(resource, &self.for_selected, self.options, schema, cx);
                }
                let mut patch = self.for_selected.clone();
                if let Some(map) = patch.as_map_mut() {
                    set_text(map, "apiVersion", &resource.gvk().api_version());
                }
                merge_into(resource, &patch, self.options, schema, cx)
            })
            .map_err(|e| self.blame(e))?;
        }
        map.check_unique()
    }

    fn blame(&self, error: Error) -> Error {
        error.at_location(self.resource.node.location()).about(self.resource.object_ref())
    }
}

/// Merges a patch into a resource. Its name, namespace and kind stay as they are, unless the options allow to
/// change them.
fn merge_into(
    resource: &mut Resource,
    patch: &Node,
    options: PatchOptions,
    schema: &Schema,
    cx: &Cx,
) -> Result<()> {
    let id = resource.id().clone();
    if options.allow_name_change || options.allow_kind_change {
        resource.store_previous_id();
    }
    match merge::strategic(&mut resource.node, patch, schema, cx).map_err(|e| resource.blame(e))? {
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

/// Whether a patch removes or replaces all annotations. The official tool then loses its memory, which it stores
/// there. At the root of a patch, `$patch: replace` has no effect.
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
    /// Reads the patches: each entry is a patch itself or, if it cannot be parsed as one, a file of patches. The
    /// patches in `text` come after those of the entries.
    pub fn new(
        loader: &Loader,
        entries: &[Spotted<Text>],
        text: &Spotted<Text>,
        schema: &Schema,
    ) -> Result<Self> {
        let limits = Limits::from(loader.cx());
        let mut patches = Vec::new();
        for entry in entries {
            match objects_of(entry.spot.text_place(), entry.as_bytes(), &limits) {
                Ok(nodes) => add(&mut patches, nodes, schema),
                Err(inline) => {
                    let (_, text, place) = loader.load_manifest(entry).map_err(|e| {
                        // An entry of several lines is a patch and not a path: the error of the parser is
                        // reported.
                        let is_patch = entry.contains('\n') && !e.is_unsupported();
                        if is_patch { inline } else { e.at_spot(&entry.spot) }
                    })?;
                    let nodes = objects_of(place, &text, &limits).map_err(|e| e.at_spot(&entry.spot))?;
                    add(&mut patches, nodes, schema);
                }
            }
        }
        if !text.is_empty() {
            let nodes = objects_of(text.spot.text_place(), text.as_bytes(), &limits)?;
            add(&mut patches, nodes, schema);
        }
        if patches.is_empty() {
            let spot = entries.first().map_or(&text.spot, |entry| &entry.spot);
            return Err(Error::new("the strategic merge patches are empty").at_spot(spot));
        }
        Ok(Self { patches })
    }

    /// Merges each patch into the resource that it names.
    pub fn apply(&self, map: &mut ResMap, schema: &Schema, cx: &Cx) -> Result<()> {
        for patch in &self.patches {
            let at = map.target_of(&patch.resource.original_id()).map_err(|e| patch.blame(e))?;
            patch.apply_to_selected(map, &[at], schema, cx)?;
        }
        Ok(())
    }
}

fn add(patches: &mut Vec<Merge>, nodes: Vec<Node>, schema: &Schema) {
    patches.extend(nodes.into_iter().map(|node| Merge::new(node, PatchOptions::default(), schema)));
}

/// One entry of `patches`.
#[derive(Debug)]
pub struct PatchTransformer {
    kind: PatchKind,
    target: Option<Matcher>,
}

#[derive(Debug)]
enum PatchKind {
    Merges(Vec<Merge>),
    Operations(json6902::Patch),
}

impl PatchTransformer {
    /// Reads a patch and detects whether it is a strategic merge or a list of JSON operations.
    pub fn new(loader: &Loader, patch: &Patch, schema: &Schema) -> Result<Self> {
        Self::read(loader, patch, schema).map_err(|e| e.at_spot(&patch.spot))
    }

    fn read(loader: &Loader, patch: &Patch, schema: &Schema) -> Result<Self> {
        let inline = patch.patch.trim();
        let (text, place) = match (inline.is_empty(), patch.path.is_empty()) {
            (true, true) => return Err(Error::new("must specify one of patch and path")),
            (false, false) => return Err(Error::new("patch and path can't be set at the same time")),
            (false, true) => {
                let skipped = patch.patch.len() - patch.patch.trim_start().len();
                (Bytes::copy_from_slice(inline.as_bytes()), inline_place(patch, skipped))
            }
            (true, false) => {
                load_file(loader, patch).map_err(|e| e.context("failed to get the patch file"))?
            }
        };
        let kind = kind_of(&text, place, patch, loader, schema)?;
        // If the patch is empty, its target is not checked.
        let target = match &kind {
            PatchKind::Merges(merges) if merges.is_empty() => None,
            _ => matcher(patch)?,
        };
        match &kind {
            PatchKind::Merges(merges) if target.is_some() && merges.len() > 1 => {
                Err(Error::new("several strategic merge patches in one entry cannot have a target")
                    .at_spot(&patch.spot.field("target"))
                    .hint("give each its own entry under `patches:`, or leave the target out"))
            }
            PatchKind::Operations(_) if target.is_none() => Err(Error::new("a JSON patch needs a target")),
            _ => Ok(Self { kind, target }),
        }
    }

    /// Applies the patch to the resources it selects or names.
    pub fn apply(&self, map: &mut ResMap, schema: &Schema, cx: &Cx) -> Result<()> {
        match (&self.kind, &self.target) {
            (PatchKind::Merges(merges), None) => {
                merges.iter().try_for_each(|m| m.apply_to_named(map, schema, cx).map(|_| ()))
            }
            (PatchKind::Merges(merges), Some(target)) => {
                let Some(merge) = merges.first() else { return Ok(()) };
                let places = map.select(target);
                merge.apply_to_selected(map, &places, schema, cx)
            }
            (PatchKind::Operations(patch), Some(target)) => operate(map, schema, target, patch, cx, true),
            (PatchKind::Operations(_), None) => Ok(()),
        }
    }
}

/// The place of an inline patch's text, if its first `skipped` bytes are left out.
fn inline_place(patch: &Patch, skipped: usize) -> TextPlace {
    let lines = memchr::memchr_iter(b'\n', &patch.patch.as_bytes()[..skipped]).count();
    patch.patch.spot.text_place().skipping(u32::try_from(lines).unwrap_or(0))
}

fn load_file(loader: &Loader, patch: &Patch) -> Result<(Bytes, TextPlace)> {
    let loaded = loader.load_manifest(&patch.path).map_err(|e| e.at_spot(&patch.spot.field("path")))?;
    Ok((loaded.1, loaded.2))
}

fn matcher(patch: &Patch) -> Result<Option<Matcher>> {
    let matcher = patch.target.as_ref().map(Matcher::new).transpose();
    matcher.map_err(|e| e.at_spot(&patch.spot.field("target")))
}

fn kind_of(
    text: &[u8],
    place: TextPlace,
    patch: &Patch,
    loader: &Loader,
    schema: &Schema,
) -> Result<PatchKind> {
    let limits = Limits::from(loader.cx());
    let merge_error = match objects_of(place, text, &limits) {
        Ok(nodes) => {
            let options = patch.options.unwrap_or_default();
            let merges = nodes.into_iter().map(|node| Merge::new(node, options, schema));
            return Ok(PatchKind::Merges(merges.collect()));
        }
        Err(e) => e,
    };
    match json6902::Patch::parse_at(text, place, &limits) {
        Ok(patch) => Ok(PatchKind::Operations(patch)),
        Err(e) => {
            let start = text.trim_ascii_start();
            let is_list = start.starts_with(b"[") || start.starts_with(b"-");
            let error = if is_list { e } else { merge_error };
            Err(error
                .at_location(place.location(1))
                .context("neither a strategic merge patch nor a JSON patch"))
        }
    }
}

/// Applies JSON operations to all resources that a selector selects.
fn operate(
    map: &mut ResMap,
    schema: &Schema,
    target: &Matcher,
    patch: &json6902::Patch,
    cx: &Cx,
    remember: bool,
) -> Result<()> {
    for at in map.select(target) {
        cx.check()?;
        map.update(at, schema, |resource| {
            if remember {
                resource.store_previous_id();
            }
            // The official tool stores its memory in annotations, so the operations find a mapping if there is a
            // memory.
            if !resource.memory.is_empty()
                && let Some(metadata) = metadata_mut(&mut resource.node)
            {
                let annotations = metadata.get_or_insert_with("annotations", Node::map);
                if is_null(annotations) {
                    *annotations = Node::map();
                }
            }
            patch.apply(&mut resource.node, cx).map_err(|e| resource.blame(e))?;
            // The official tool writes its annotations back, which makes all annotations strings.
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
}

impl JsonTransformer {
    /// Reads the operations of an entry.
    pub fn new(loader: &Loader, patch: &Patch) -> Result<Self> {
        Self::read(loader, patch).map_err(|e| e.at_spot(&patch.spot))
    }

    fn read(loader: &Loader, patch: &Patch) -> Result<Self> {
        if patch.target.as_ref().is_none_or(|t| t.name.is_empty()) {
            return Err(Error::new("a JSON patch must specify the target name"));
        }
        let (text, place) = match (patch.path.is_empty(), patch.patch.is_empty()) {
            (true, true) => return Err(Error::new("a JSON patch needs a path or operations")),
            (false, false) => return Err(Error::new("must specify a file path or operations, not both")),
            (true, false) => (Bytes::copy_from_slice(patch.patch.as_bytes()), inline_place(patch, 0)),
            (false, true) => load_file(loader, patch)?,
        };
        let operations = json6902::Patch::parse_at(&text, place, &Limits::from(loader.cx()))
            .map_err(|e| e.at_location(place.location(1)))?;
        if operations.is_empty() {
            return Err(Error::new("the JSON patch is empty").at_location(place.location(1)));
        }
        let target = matcher(patch)?.ok_or_else(|| Error::new("a JSON patch needs a target"))?;
        Ok(Self { target, patch: operations })
    }

    /// Applies the operations to the resources that the target selects.
    pub fn apply(&self, map: &mut ResMap, schema: &Schema, cx: &Cx) -> Result<()> {
        operate(map, schema, &self.target, &self.patch, cx, false)
    }
}
