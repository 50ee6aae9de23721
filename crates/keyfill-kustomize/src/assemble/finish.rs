//! The whole build, and its last steps: hashes, references, variables, order, removal of internal annotations.

use super::Target;
use super::accumulator::Accumulator;
use super::session::{BuildRequest, Built, Session};
use crate::error::{Error, Result};
use crate::fieldspec::FieldSpec;
use crate::load::{self, FileNames, Loader, Remotes, World};
use crate::merge;
use crate::origin::{self, ORIGIN, Origin, TRANSFORMATIONS};
use crate::outside::Outside;
use crate::replacement::check_types;
use crate::resmap::ResMap;
use crate::resource::{Resource, drop_memory_annotations, metadata, strings_in_metadata, text_of_scalar};
use crate::transform::Transformer;
use crate::{Gvk, namereference, order, variables};
use bytes::Bytes;
use keyfill_diag::Cx;
use keyfill_files::{FileKind, Files, TreePath};
use keyfill_yaml::{Body, Document, Node};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Objects with this annotation are for local tools and are not printed.
const LOCAL: &str = "config.kubernetes.io/local-config";

/// The label that names the tool that manages an object.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// The value of that label: the version of kustomize whose output is reproduced.
const VERSION: &str = "kustomize-v5.8.1";

/// Builds the kustomization of a folder.
pub fn build(files: &dyn Files, request: &BuildRequest, outside: Outside<'_>, cx: &Cx) -> Result<Built> {
    let asked = request.root.clone().unwrap_or_else(TreePath::root);
    let root = match files.resolve(&asked) {
        Ok((root, FileKind::Dir)) => root,
        Ok(_) => return Err(Error::new(format!("'{asked}' is not a folder"))),
        Err(e) => return Err(Error::new(e.to_string())),
    };
    let session = Session::new(request, outside);
    let names = FileNames::default();
    let world = World::new(files, outside.fetch, cx);
    let remotes = Remotes::new(outside.fetch);
    let documents = {
        let loader = Loader::new(&world, &remotes, &names, cx, request.load_restrictor, &root);
        run(&session, loader).map_err(|e| e.resolved(&names))?
    };
    Ok(Built { documents, warnings: session.into_warnings() })
}

fn run(session: &Session, loader: Loader) -> Result<Vec<Document>> {
    let mut target = Target::load(session, loader)?;
    session.set_schema(&target.loader, &target.kustomization.openapi, true)?;
    if !target.kustomization.build_metadata.is_empty() {
        target.origin = Some(Origin::default());
    }
    let accumulator = target.accumulate(Accumulator::default());
    let finished = accumulator.and_then(|a| finish(session, &target, a)).map_err(|e| target.blame(e));
    // The resources that a component patches are in the kustomizations that list it: alone it may find none of
    // them.
    let is_component = target.kustomization.kind == load::KustomizationKind::Component;
    finished.map_err(|e| if is_component { e.also_hint(ALONE) } else { e })
}

/// The hint for a component that is built alone.
const ALONE: &str = "this folder is a Component, which is not built alone: \
                     build a kustomization that lists it under `components:`";

fn finish(session: &Session, target: &Target, accumulator: Accumulator) -> Result<Vec<Document>> {
    let (schema, cx) = (session.schema(), target.loader.cx());
    let Accumulator { mut map, config, variables } = accumulator;
    Transformer::Hash.apply(&mut map, &schema, cx)?;
    let names = target.loader.names();
    for unmatched in namereference::fix(&mut map, &config.name_reference, &schema, cx)? {
        session.warn(unmatched.into_warning(names));
    }
    for missed in without_namespace(&map) {
        session.warn(missed.into_warning(names));
    }
    variables::resolve(session, &mut map, &variables, &config.var_reference, &schema, cx)?;
    map.check_unique()?;
    map.iter().try_for_each(Resource::check)?;
    map.retain(|resource| !is_local(&resource.node));
    let kustomization = &target.kustomization;
    order::apply(&mut map, kustomization.sort_options.as_ref(), session.request().reorder)?;
    if session.request().enable_managedby_label || kustomization.wants_metadata("managedByLabel") {
        let specs = Arc::new(vec![FieldSpec::new(Gvk::default(), "metadata/labels", true)]);
        let pairs = vec![(MANAGED_BY.into(), VERSION.into())];
        Transformer::Labels { pairs, specs }.apply(&mut map, &schema, cx)?;
    }
    let (origins, transformations) = (
        kustomization.wants_metadata("originAnnotations"),
        kustomization.wants_metadata("transformerAnnotations"),
    );
    let files = names.list();
    let mut documents = Vec::new();
    for (at, mut resource) in map.into_list().into_iter().enumerate() {
        clean(&mut resource, origins, transformations);
        cx.check()?;
        check_types(&resource.node).map_err(|e| resource.blame_here(e))?;
        if let Some(left) = merge::directive_left_in(&resource.node) {
            session.warn(resource.blame_here(left).into_warning(names));
        }
        let before = if at == 0 { Bytes::new() } else { Bytes::from_static(b"---\n") };
        documents.push(document(resource, before, &files));
    }
    Ok(documents)
}

/// Warnings about objects of charts that have no namespace, because the `namespace` of a kustomization is not set
/// on them.
fn without_namespace(map: &ResMap) -> Vec<Error> {
    let mut missed: BTreeMap<&str, Vec<&Resource>> = BTreeMap::new();
    for resource in map.iter() {
        let id = resource.id();
        let namespace = resource.memory.missed_namespace.as_ref();
        if let Some(namespace) = namespace.filter(|_| id.namespace.is_empty() && !id.is_cluster_scoped) {
            missed.entry(namespace).or_default().push(resource);
        }
    }
    let warning = |(namespace, resources): (&str, Vec<&Resource>)| {
        let others = match resources.len() - 1 {
            0 => String::new(),
            1 => " and 1 more object".to_owned(),
            more => format!(" and {more} more objects"),
        };
        let first = resources.first()?;
        let id = first.id();
        let error = Error::new(format!(
            "{} \"{}\"{others} of charts get no namespace: kustomize does not set `namespace: {namespace}` on what \
             charts render",
            id.gvk.kind, id.name
        ));
        Some(first.blame_here(error.hint(
            "set `namespace` at the entry of `helmCharts`, for templates that write it; without it they go where \
             they are applied to",
        )))
    };
    missed.into_iter().filter_map(warning).collect()
}

fn is_local(object: &Node) -> bool {
    let value = metadata(object)
        .and_then(|m| m.get("annotations"))
        .and_then(|annotations| annotations.get(LOCAL))
        .map(text_of_scalar);
    value.is_some_and(|v| v != "false")
}

/// Removes the annotations that only the build needed, and makes the values of all other annotations strings.
fn clean(resource: &mut Resource, origins: bool, transformations: bool) {
    if !origins {
        origin::remove(resource, ORIGIN);
    }
    if !transformations {
        origin::remove(resource, TRANSFORMATIONS);
    }
    drop_memory_annotations(&mut resource.node);
    strings_in_metadata(&mut resource.node, "annotations");
}

fn document(resource: Resource, before: Bytes, files: &Arc<[Arc<str>]>) -> Document {
    let line = resource.node.line();
    let origin = keyfill_yaml::Origin { file: resource.file, line, index: 0, files: files.clone() };
    Document { before, body: Body::Tree(Arc::new(resource.node)), origin }
}
