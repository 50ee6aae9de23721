//! Transformer configuration from the OpenAPI definitions of `crds:`.

use super::{BackReferences, TransformerConfig};
use crate::Gvk;
use crate::error::{Error, Result};
use crate::fieldspec::{FieldSpec, merge_one};
use crate::load::{Loader, Spotted};
use keyfill_diag::Cx;
use keyfill_yaml::{Limits, Text, Value, load_value};

/// The transformer configuration that the definitions of all files yield.
pub fn from_crds(loader: &Loader, paths: &[Spotted<Text>]) -> Result<TransformerConfig> {
    let mut config = TransformerConfig::default();
    for path in paths {
        let (file, text, _) = loader.load_manifest(path).map_err(|e| e.at_spot(&path.spot))?;
        let limits = Limits::from(loader.cx());
        let definitions = load_value(&text, &limits)
            .map_err(|e| Error::yaml(file.as_str(), &e).context("unable to parse open API definition"))?;
        let Some(entries) = definitions.as_map() else {
            let error = Error::new("open API definitions are a mapping of type names");
            return Err(error.at(file.as_str(), Some(1)));
        };
        for (name, definition) in entries {
            if is_object_type(definition) {
                let mut own = TransformerConfig::default();
                let gvk = Gvk::new("", "", name.rsplit('.').next().unwrap_or(name));
                let mut visit =
                    Visit { definitions: &definitions, gvk, config: &mut own, cx: loader.cx(), steps: 0 };
                visit.definition(name, &mut Vec::new()).map_err(|e| e.in_file(file.as_str()))?;
                config.absorb(&own).map_err(|e| e.in_file(file.as_str()))?;
            }
        }
    }
    Ok(config)
}

fn properties(definition: &Value) -> &[(Text, Value)] {
    definition
        .at(&["Schema", "properties"])
        .or_else(|| definition.at(&["schema", "properties"]))
        .and_then(Value::as_map)
        .unwrap_or(&[])
}

/// Whether a definition has the fields that every Kubernetes object has.
fn is_object_type(definition: &Value) -> bool {
    let properties = properties(definition);
    ["kind", "apiVersion", "metadata"].iter().all(|field| properties.iter().any(|(name, _)| name == field))
}

/// The deepest nesting of properties that is followed. It is deeper than any real type; a definition that refers
/// to itself would never end.
const DEEPEST: usize = 64;

/// The most properties that are visited. Definitions that refer to others several times multiply; real ones come
/// to some thousand.
const MOST_VISITED: usize = 100_000;

struct Visit<'a> {
    definitions: &'a Value,
    gvk: Gvk,
    config: &'a mut TransformerConfig,
    cx: &'a Cx,
    steps: usize,
}

impl<'a> Visit<'a> {
    fn definition(&mut self, name: &str, path: &mut Vec<&'a str>) -> Result<()> {
        let Some(definition) = self.definitions.get(name) else { return Ok(()) };
        self.steps += 1;
        if self.steps > MOST_VISITED {
            return Err(Error::new("the open API definitions refer to each other too often"));
        }
        self.cx.check()?;
        if path.len() > DEEPEST {
            return Err(Error::new(format!("the open API definition of {name} refers to itself")));
        }
        for (property, schema) in properties(definition) {
            path.push(property);
            self.property(schema, path)?;
            path.pop();
        }
        Ok(())
    }

    fn property(&mut self, schema: &'a Value, path: &mut Vec<&'a str>) -> Result<()> {
        let extension = |name: &str| {
            let entries = schema.as_map().unwrap_or(&[]);
            entries.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).and_then(|(_, v)| v.as_str())
        };
        if extension("x-kubernetes-annotation").is_some() {
            let spec = self.spec(path);
            merge_one(&mut self.config.common_annotations, spec)?;
        }
        if extension("x-kubernetes-label-selector").is_some() {
            let spec = self.spec(path);
            merge_one(&mut self.config.common_labels, spec)?;
        }
        if extension("x-kubernetes-identity").is_some() {
            let spec = self.spec(path);
            merge_one(&mut self.config.name_prefix, spec)?;
        }
        let version = extension("x-kubernetes-object-ref-api-version");
        if let (Some(version), Some(kind)) = (version, extension("x-kubernetes-object-ref-kind")) {
            path.push(extension("x-kubernetes-object-ref-name-key").unwrap_or("name"));
            let referrers = vec![self.spec(path)];
            path.pop();
            self.config.add_references(BackReferences { target: Gvk::new("", version, kind), referrers })?;
        }
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            self.definition(reference, path)?;
        }
        Ok(())
    }

    fn spec(&self, path: &[&str]) -> FieldSpec {
        FieldSpec::new(self.gvk.clone(), &path.join("/"), false)
    }
}
