//! The entries of `resources` and `components`: manifest files, bases, components.

use super::Target;
use super::accumulator::Accumulator;
use crate::error::{Error, Result};
use crate::load::{Base, KustomizationKind, Listed, Loader, Spotted};
use crate::origin::{self, Origin};
use crate::resource::Resource;
use crate::schema::Schema;
use keyfill_files::TreePath;
use keyfill_yaml::{Node, Text};
use std::sync::Arc;

impl Target<'_> {
    /// Adds the manifest files and bases that `resources` lists, in their order.
    pub(super) fn add_resources(&self, accumulator: &mut Accumulator, paths: &[Spotted<Text>]) -> Result<()> {
        let ahead = self.session.ahead();
        ahead.gather(&self.loader, paths, &self.kustomization.components);
        for path in paths {
            let listed = ahead.entry(&self.loader, path).map_err(|e| e.at_spot(&path.spot))?;
            match listed {
                Listed::File { file, objects } => self.add_file(accumulator, path, &file, objects)?,
                Listed::Folder => {
                    let inner = self.inner(path, KustomizationKind::Kustomization)?;
                    accumulator
                        .merge(inner)
                        .map_err(|e| e.context(format!("merging the base '{}'", path.value)))
                        .map_err(|e| e.at_spot(&path.spot))?;
                }
            }
        }
        Ok(())
    }

    /// Adds the objects of a manifest file.
    fn add_file(
        &self,
        accumulator: &mut Accumulator,
        path: &str,
        file: &Arc<str>,
        objects: Vec<Node>,
    ) -> Result<()> {
        let schema = self.session.schema();
        let fresh = objects.into_iter().map(|node| self.resource(node, file, path, &schema)).collect();
        // Two objects of one file must not have the same id: the official tool checks that before it adds any of
        // them.
        accumulator.map.append_all(crate::resmap::ResMap::from_list(fresh)?)
    }

    fn resource(&self, node: Node, file: &Arc<str>, path: &str, schema: &Schema) -> Resource {
        let mut resource = Resource::new(node, schema);
        resource.file = Some(file.clone());
        if let Some(origin) = &self.origin {
            origin::note_file(&mut resource, &origin.below(path));
        }
        resource
    }

    /// Runs a component on the resources that were accumulated before it.
    pub(super) fn add_component(
        &self,
        accumulator: Accumulator,
        path: &Spotted<Text>,
    ) -> Result<Accumulator> {
        let base = self.base(path)?;
        let loader = self.loader.below(&base);
        let component = self
            .load_inner(loader, path, KustomizationKind::Component)?
            .accumulate(accumulator)
            .map_err(|e| e.via(format!("component {}, {}", shown(&base.root), listed(path))))?;
        let mut merged = Accumulator::default();
        merged.merge(component).map_err(|e| e.at_spot(&path.spot))?;
        Ok(merged)
    }

    /// Builds the base or component in a folder and returns what it yields.
    fn inner(&self, path: &Spotted<Text>, kind: KustomizationKind) -> Result<Accumulator> {
        let base = self.base(path)?;
        let loader = self.loader.below(&base);
        self.load_inner(loader, path, kind)?
            .accumulate(Accumulator::default())
            .map_err(|e| e.via(format!("base {}, {}", shown(&base.root), listed(path))))
    }

    fn base(&self, path: &Spotted<Text>) -> Result<Base> {
        self.loader.resolve_base(path).map_err(|e| e.at_spot(&path.spot))
    }

    /// Reads the kustomization of a base or component, and passes on what the outer one sets for it.
    fn load_inner<'b>(
        &'b self,
        loader: Loader<'b>,
        path: &Spotted<Text>,
        kind: KustomizationKind,
    ) -> Result<Target<'b>> {
        let mut inner = Target::load(self.session, loader).map_err(|e| {
            let step = format!("{}, {}", shown(loader.root()), listed(path));
            e.at_spot(&path.spot).via(step)
        })?;
        inner.kustomization.build_metadata.clone_from(&self.kustomization.build_metadata);
        inner.origin = self.origin.as_ref().map(|origin: &Origin| origin.below(path));
        inner.chart_namespace = self.outer_namespace().clone();
        self.session.set_schema(&inner.loader, &inner.kustomization.openapi, false)?;
        match (kind, inner.kustomization.kind) {
            (KustomizationKind::Component, KustomizationKind::Kustomization) => {
                let error = format!("expected kind Component at '{}', found Kustomization", inner.file);
                Err(Error::new(error)
                    .at_spot(&path.spot)
                    .hint("list it under `resources:`, or make it a Component"))
            }
            (KustomizationKind::Kustomization, KustomizationKind::Component) => {
                let error = format!("expected kind Kustomization at '{}', found Component", inner.file);
                Err(Error::new(error).at_spot(&path.spot).hint("list it under `components:`"))
            }
            _ => Ok(inner),
        }
    }
}

/// The name of a folder in messages. A folder of a fetched repository is shown as its address.
fn shown(folder: &TreePath) -> String {
    match folder.as_str().split_once(":/") {
        Some((scheme @ ("http" | "https"), rest)) => format!("{scheme}://{rest}"),
        _ => folder.to_string(),
    }
}

/// The file and line that list a base, for the trail of an error.
fn listed(path: &Spotted<Text>) -> String {
    match path.spot.place() {
        Some(place) => {
            let line = place.line.map(|line| format!(":{line}")).unwrap_or_default();
            format!("listed in {}{line}", place.file.unwrap_or_default())
        }
        None => format!("listed as {}", path.value),
    }
}
