//! One kustomization: its bases, generators, components, transformers and validators, in the order in which
//! the official tool takes them.

mod accumulator;
mod bases;
mod finish;
mod plugins;
mod session;
mod transformers;

pub use finish::build;
pub use session::{BuildRequest, Built, Session};
pub use transformers::load_replacements;

use crate::config::{from_crds, from_files};
use crate::error::{Error, Result};
use crate::generate::{chart, config_map, secret};
use crate::load::{Generator, GeneratorOptions, Kustomization, Loader, Spot};
use crate::origin::{self, Origin};
use crate::resource::Resource;
use accumulator::Accumulator;
use keyfill_files::TreePath;
use keyfill_yaml::Text;
use std::sync::Arc;

/// A kustomization that is being built.
pub struct Target<'a> {
    session: &'a Session<'a>,
    loader: Loader<'a>,
    kustomization: Kustomization,
    /// Path of the kustomization file in the tree.
    file: TreePath,
    /// The same path, as the name that the resources of this kustomization share.
    file_name: Arc<str>,
    /// The folder relative to the outermost kustomization; set when `buildMetadata` asks for origins.
    origin: Option<Origin>,
    /// The namespace for the charts of this kustomization that an outer kustomization sets.
    chart_namespace: Text,
}

impl<'a> Target<'a> {
    /// Reads the kustomization of a folder.
    pub fn load(session: &'a Session<'a>, loader: Loader<'a>) -> Result<Self> {
        session.count()?;
        let (file, kustomization) = session.ahead().kustomization(&loader)?;
        session.warn_of_deprecated(&kustomization, &file);
        let file_name = file.as_str().into();
        let chart_namespace = Text::default();
        Ok(Self { session, loader, kustomization, file, file_name, origin: None, chart_namespace })
    }

    /// Runs all steps of the kustomization on the given resources. A component gets those that its parent has so
    /// far; any other kustomization starts with none.
    fn accumulate(&mut self, mut accumulator: Accumulator) -> Result<Accumulator> {
        let resources = std::mem::take(&mut self.kustomization.resources);
        self.add_resources(&mut accumulator, &resources)?;
        let k = &self.kustomization;
        let config = from_files(&self.loader, &k.configurations).map_err(|e| self.blame(e))?;
        let merged = accumulator.merge_config(&config);
        merged.map_err(|e| e.at_spot(&k.spot.field("configurations")))?;
        if !k.crds.is_empty() {
            let crds = from_crds(&self.loader, &k.crds).map_err(|e| self.blame(e))?;
            let merged = accumulator.merge_config(&Arc::new(crds));
            merged.map_err(|e| e.at_spot(&k.spot.field("crds")))?;
        }
        self.run_generators(&mut accumulator)?;
        let components = std::mem::take(&mut self.kustomization.components);
        for path in &components {
            accumulator = self.add_component(accumulator, path)?;
        }
        self.run_transformers(&mut accumulator)?;
        self.run_validators(&mut accumulator)?;
        let variables = std::mem::take(&mut self.kustomization.variables);
        accumulator.add_variables(variables).map_err(|e| self.blame(e))?;
        Ok(accumulator)
    }

    /// Runs the generators of the fields `configMapGenerator`, `secretGenerator` and `helmCharts`, then those of
    /// `generators`.
    fn run_generators(&self, accumulator: &mut Accumulator) -> Result<()> {
        let (k, schema) = (&self.kustomization, self.session.schema());
        let complete = |generator: &Generator| Generator {
            options: GeneratorOptions::merge(k.generator_options.as_ref(), generator.options.clone()),
            ..generator.clone()
        };
        for generator in &k.config_maps {
            let made = config_map(&self.loader, &complete(generator), &schema)
                .map_err(|e| e.context(format!("configMapGenerator {}", generator.name)))
                .map_err(|e| e.at_spot(&generator.spot))?;
            self.absorb(accumulator, vec![made], "ConfigMapGenerator", &generator.spot)?;
        }
        for generator in &k.secrets {
            let made = secret(&self.loader, &complete(generator), &schema)
                .map_err(|e| e.context(format!("secretGenerator {}", generator.name)))
                .map_err(|e| e.at_spot(&generator.spot))?;
            self.absorb(accumulator, vec![made], "SecretGenerator", &generator.spot)?;
        }
        for entry in &k.helm_charts {
            let mut entry = entry.clone();
            if entry.namespace.is_empty() {
                entry.namespace = self.outer_namespace().clone();
            }
            self.session.require_helm().map_err(|e| e.at_spot(&entry.spot))?;
            self.session.complete(&mut entry);
            let made = chart(&self.loader, self.session.outside(), &k.helm_globals, &entry, &schema)
                .map_err(|e| e.at_spot(&entry.spot))?;
            self.absorb(accumulator, made, "HelmChartInflationGenerator", &entry.spot)?;
        }
        self.run_generator_plugins(accumulator)
    }

    /// Adds the resources that one builtin generator made.
    fn absorb(
        &self,
        accumulator: &mut Accumulator,
        mut made: Vec<Resource>,
        kind: &str,
        spot: &Spot,
    ) -> Result<()> {
        let location = spot.location();
        made.iter_mut().for_each(|resource| resource.made_at(location, &self.file_name));
        let origin = self.origin.as_ref().map(|o| o.builtin(self.file.name(), kind));
        self.absorb_with(accumulator, made, origin.as_ref())
    }

    fn absorb_with(
        &self,
        accumulator: &mut Accumulator,
        made: Vec<Resource>,
        made_by: Option<&Origin>,
    ) -> Result<()> {
        for mut resource in made {
            if let Some(made_by) = made_by
                && origin::annotation(&resource.node).is_none()
            {
                origin::set(&mut resource, made_by);
            }
            accumulator.map.absorb(resource, self.loader.cx()).map_err(|e| self.blame(e))?;
        }
        Ok(())
    }

    /// The namespace for the charts of this kustomization and of those below it.
    fn outer_namespace(&self) -> &Text {
        let own = &self.kustomization.namespace.value;
        if own.is_empty() { &self.chart_namespace } else { own }
    }

    /// Sets this kustomization's file as the place of an error that has none.
    fn blame(&self, error: Error) -> Error {
        error.at_spot(&self.kustomization.spot)
    }
}
