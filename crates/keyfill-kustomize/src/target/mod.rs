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
use crate::load::{Generator, GeneratorOptions, Kustomization, Loader};
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
    /// Its file, as a path of the tree.
    file: TreePath,
    /// Where it lies, seen from the outermost one, when build metadata is asked for.
    origin: Option<Origin>,
    /// The namespace that charts take from an outer kustomization.
    chart_namespace: Text,
}

impl<'a> Target<'a> {
    /// Reads the kustomization of a folder.
    pub fn load(session: &'a Session<'a>, loader: Loader<'a>) -> Result<Self> {
        let (file, kustomization) = session.ahead().kustomization(&loader)?;
        session.warn_of_deprecated(&kustomization, &file);
        Ok(Self { session, loader, kustomization, file, origin: None, chart_namespace: Text::default() })
    }

    /// Runs all steps on top of what is accumulated: for a component, what its parent has so far.
    fn accumulate(&mut self, mut accumulator: Accumulator) -> Result<Accumulator> {
        let resources = std::mem::take(&mut self.kustomization.resources);
        self.add_resources(&mut accumulator, &resources)?;
        let config =
            from_files(&self.loader, &self.kustomization.configurations).map_err(|e| self.blame(e))?;
        accumulator.merge_config(&config).map_err(|e| self.blame(e))?;
        if !self.kustomization.crds.is_empty() {
            let crds = from_crds(&self.loader, &self.kustomization.crds).map_err(|e| self.blame(e))?;
            accumulator.merge_config(&Arc::new(crds)).map_err(|e| self.blame(e))?;
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

    /// Runs the generators of the kustomization's own fields, then those of `generators`.
    fn run_generators(&self, accumulator: &mut Accumulator) -> Result<()> {
        let (k, schema) = (&self.kustomization, self.session.schema());
        let complete = |generator: &Generator| Generator {
            options: GeneratorOptions::merge(k.generator_options.as_ref(), generator.options.clone()),
            ..generator.clone()
        };
        for generator in &k.config_maps {
            let made = config_map(&self.loader, &complete(generator), &schema)
                .map_err(|e| self.blame(e.context(format!("configMapGenerator {}", generator.name))))?;
            self.absorb(accumulator, vec![made], "ConfigMapGenerator")?;
        }
        for generator in &k.secrets {
            let made = secret(&self.loader, &complete(generator), &schema)
                .map_err(|e| self.blame(e.context(format!("secretGenerator {}", generator.name))))?;
            self.absorb(accumulator, vec![made], "SecretGenerator")?;
        }
        for entry in &k.helm_charts {
            let mut entry = entry.clone();
            if entry.namespace.is_empty() {
                entry.namespace = self.outer_namespace().clone();
            }
            self.session.require_helm().map_err(|e| self.blame(e))?;
            self.session.complete(&mut entry);
            let made = chart(&self.loader, self.session.charts(), &k.helm_globals, &entry, &schema)
                .map_err(|e| self.blame(e))?;
            self.absorb(accumulator, made, "HelmChartInflationGenerator")?;
        }
        self.run_generator_plugins(accumulator)
    }

    /// Takes up what one builtin generator made.
    fn absorb(&self, accumulator: &mut Accumulator, made: Vec<Resource>, kind: &str) -> Result<()> {
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
            accumulator.map.absorb(resource).map_err(|e| self.blame(e))?;
        }
        Ok(())
    }

    /// The namespace that charts and inner kustomizations' charts get.
    fn outer_namespace(&self) -> &Text {
        if self.kustomization.namespace.is_empty() {
            &self.chart_namespace
        } else {
            &self.kustomization.namespace
        }
    }

    /// Adds this kustomization's file to an error without a place.
    fn blame(&self, error: Error) -> Error {
        error.at(self.file.as_str(), None)
    }
}
