//! The kustomization file.

use super::decode::{Item, Object};
use super::deprecated::Deprecated;
use super::fields::{
    Generator, GeneratorOptions, Label, Patch, Replacement, Replica, SortOptions, Variable,
    decode_config_map, decode_generator_options, decode_image, decode_label, decode_patch,
    decode_replacement_entry, decode_replica, decode_secret, decode_sort_options, decode_variable,
};
use super::helm::{ChartEntry, HelmGlobals, decode_chart, decode_globals, decode_old};
use super::loader::Loader;
use super::spot::{Content, Source, Spot, Spotted};
use crate::error::{Error, Result};
use crate::filters::image::Image;
use bytes::Bytes;
use keyfill_files::TreePath;
use keyfill_yaml::{Limits, Text, Value, load_value};
use std::sync::Arc;

/// The names that a kustomization file may have. A folder may contain only one such file.
pub const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// `kind` of a kustomization file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KustomizationKind {
    /// `Kustomization`
    #[default]
    Kustomization,
    /// `Component`
    Component,
}

/// A kustomization as written, with deprecated fields moved to where they belong.
#[derive(Clone, Debug, Default)]
pub struct Kustomization {
    /// `kind` of the file.
    pub kind: KustomizationKind,
    /// `openapi`: a mapping with `path` or `version`.
    pub openapi: Spotted<Vec<(Text, Text)>>,
    /// `namePrefix`
    pub name_prefix: Spotted<Text>,
    /// `nameSuffix`
    pub name_suffix: Spotted<Text>,
    /// `namespace`
    pub namespace: Spotted<Text>,
    /// `commonLabels`
    pub common_labels: Spotted<Vec<(Text, Text)>>,
    /// `labels`
    pub labels: Vec<Label>,
    /// `commonAnnotations`
    pub common_annotations: Spotted<Vec<(Text, Text)>>,
    /// `patchesStrategicMerge`
    pub patches_strategic_merge: Vec<Spotted<Text>>,
    /// `patchesJson6902`
    pub patches_json6902: Vec<Patch>,
    /// `patches`
    pub patches: Vec<Patch>,
    /// `images`, followed by those of `imageTags`.
    pub images: Vec<Spotted<Image>>,
    /// `replacements`: each is the path of a file, or the replacement itself.
    pub replacements: Vec<(Spotted<Text>, Replacement)>,
    /// `replicas`
    pub replicas: Vec<Replica>,
    /// `vars`
    pub variables: Vec<Variable>,
    /// `sortOptions`
    pub sort_options: Option<SortOptions>,
    /// `resources`, followed by those of `bases`.
    pub resources: Vec<Spotted<Text>>,
    /// `components`
    pub components: Vec<Spotted<Text>>,
    /// `crds`
    pub crds: Vec<Spotted<Text>>,
    /// `configMapGenerator`
    pub config_maps: Vec<Generator>,
    /// `secretGenerator`
    pub secrets: Vec<Generator>,
    /// `helmGlobals`
    pub helm_globals: HelmGlobals,
    /// `helmCharts`, followed by those of `helmChartInflationGenerator`.
    pub helm_charts: Vec<ChartEntry>,
    /// `generatorOptions`
    pub generator_options: Option<GeneratorOptions>,
    /// `configurations`
    pub configurations: Vec<Spotted<Text>>,
    /// `generators`
    pub generators: Vec<Spotted<Text>>,
    /// `transformers`
    pub transformers: Vec<Spotted<Text>>,
    /// `validators`
    pub validators: Vec<Spotted<Text>>,
    /// `buildMetadata`
    pub build_metadata: Vec<Text>,
    /// The deprecated fields that the file uses.
    pub deprecated: Vec<Deprecated>,
    /// The place of the file as a whole.
    pub spot: Spot,
}

/// All fields of a kustomization.
const FIELDS: [&str; 34] = [
    "apiVersion",
    "kind",
    "metadata",
    "openapi",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "commonAnnotations",
    "patchesStrategicMerge",
    "patchesJson6902",
    "patches",
    "images",
    "imageTags",
    "replacements",
    "replicas",
    "vars",
    "sortOptions",
    "resources",
    "components",
    "crds",
    "bases",
    "configMapGenerator",
    "secretGenerator",
    "helmGlobals",
    "helmCharts",
    "helmChartInflationGenerator",
    "generatorOptions",
    "configurations",
    "generators",
    "transformers",
    "validators",
    "buildMetadata",
];

const KUSTOMIZATION_VERSION: &str = "kustomize.config.k8s.io/v1beta1";
const COMPONENT_VERSION: &str = "kustomize.config.k8s.io/v1alpha1";

impl Kustomization {
    /// Reads the kustomization of a folder; returns the path of its file in the tree, too.
    pub fn load(loader: &Loader<'_>) -> Result<(TreePath, Self)> {
        let (name, text) = kustomization_file(loader)?;
        let file = loader.join(name)?;
        let source = Source {
            file: file.as_str().into(),
            id: loader.names().id(file.as_str()),
            content: Content::text(text.clone(), Limits::from(loader.cx())),
            strict: true,
            lenient: false,
        };
        let kustomization = Self::parse(&Arc::new(source), &text, &Limits::from(loader.cx()))?;
        Ok((file, kustomization))
    }

    /// Parses the text of a kustomization file.
    fn parse(source: &Arc<Source>, text: &[u8], limits: &Limits) -> Result<Self> {
        let value = load_value(text, limits).map_err(|e| Error::yaml(&source.file, &e))?;
        let item = Item::root(&value, source);
        if !matches!(value, Value::Map(_) | Value::Null) {
            return Err(item.error("a kustomization is a mapping of fields"));
        }
        let kind = check_type(&item)?;
        if is_empty(&value) {
            return Err(item
                .error("the kustomization is empty")
                .hint("name its resources under `resources:`"));
        }
        decode(&item, kind)
    }

    /// Whether `buildMetadata` has an entry.
    pub fn wants_metadata(&self, name: &str) -> bool {
        self.build_metadata.iter().any(|m| m == name)
    }
}

/// Name and content of the kustomization file of a folder.
fn kustomization_file(loader: &Loader<'_>) -> Result<(&'static str, Bytes)> {
    let mut found: Option<(&'static str, Bytes)> = None;
    for name in FILE_NAMES {
        let text = match loader.load(name) {
            Ok(text) => text,
            Err(error) if error.is_of_fetch() => return Err(error),
            Err(_) => {
                loader.cx().check()?;
                continue;
            }
        };
        if let Some((first, _)) = &found {
            return Err(Error::new(format!("found multiple kustomization files under '{}'", loader.root()))
                .hint(format!("keep one of {first} and {name}")));
        }
        found = Some((name, text));
    }
    found.ok_or_else(|| {
        let names = FILE_NAMES.join("', '");
        Error::new(format!("unable to find one of '{names}' in folder '{}'", loader.root()))
    })
}

/// Checks `apiVersion` and `kind`; either may be absent.
fn check_type(item: &Item) -> Result<KustomizationKind> {
    let object = item.object(&FIELDS)?;
    let kind = match object.text("kind")?.as_str() {
        "" | "Kustomization" => KustomizationKind::Kustomization,
        "Component" => KustomizationKind::Component,
        other => {
            let error = object.get("kind").error(format!("kind \"{other}\" is not that of a kustomization"));
            return Err(error.hint("kind should be Kustomization or Component"));
        }
    };
    let (name, wanted) = match kind {
        KustomizationKind::Kustomization => ("Kustomization", KUSTOMIZATION_VERSION),
        KustomizationKind::Component => ("Component", COMPONENT_VERSION),
    };
    let version = object.text("apiVersion")?;
    if !version.is_empty() && version != wanted {
        return Err(object
            .get("apiVersion")
            .error(format!("apiVersion for {name} should be {wanted}, not {version}")));
    }
    Ok(kind)
}

/// Whether all fields besides `apiVersion` and `kind` are empty. An empty list is not empty in this sense, as in
/// the official tool.
fn is_empty(value: &Value) -> bool {
    let fields = value.as_map().unwrap_or(&[]);
    fields.iter().all(|(key, value)| {
        let is_type = key.eq_ignore_ascii_case("apiVersion") || key.eq_ignore_ascii_case("kind");
        // Empty strings count as empty, and so do empty lists of fields that are appended to another field.
        let joins = ["bases", "imageTags", "helmChartInflationGenerator"];
        let is_nothing = match value {
            Value::Null => true,
            Value::Str(s) => s.is_empty(),
            Value::Seq(items) => items.is_empty() && joins.iter().any(|j| key.eq_ignore_ascii_case(j)),
            _ => false,
        };
        is_type || is_nothing
    })
}

fn decode(item: &Item, kind: KustomizationKind) -> Result<Kustomization> {
    let object = item.object(&FIELDS)?;
    if let Some(metadata) = object.get("metadata").present() {
        let metadata = metadata.object(&["name", "namespace", "labels", "annotations"])?;
        metadata.text("name")?;
        metadata.text("namespace")?;
        metadata.get("labels").text_map()?;
        metadata.get("annotations").text_map()?;
    }
    let deprecated = super::deprecated::used(&object);
    let mut resources = object.get("resources").spotted_texts()?;
    resources.extend(object.get("bases").spotted_texts()?);
    let mut images = object.get("images").list(decode_image)?;
    images.extend(object.get("imageTags").list(decode_image)?);
    let (old_charts, old_globals) = decode_old(&object.get("helmChartInflationGenerator"))?;
    let mut helm_charts = object.get("helmCharts").list(decode_chart)?;
    helm_charts.extend(old_charts);
    let helm_globals = match object.get("helmGlobals").present() {
        Some(item) => decode_globals(&item)?,
        None => old_globals,
    };
    Ok(Kustomization {
        kind,
        openapi: pairs(&object, "openapi")?,
        name_prefix: object.spotted("namePrefix")?,
        name_suffix: object.spotted("nameSuffix")?,
        namespace: object.spotted("namespace")?,
        common_labels: pairs(&object, "commonLabels")?,
        labels: object.get("labels").list(decode_label)?,
        common_annotations: pairs(&object, "commonAnnotations")?,
        patches_strategic_merge: object.get("patchesStrategicMerge").spotted_texts()?,
        patches_json6902: object.get("patchesJson6902").list(decode_patch)?,
        patches: object.get("patches").list(decode_patch)?,
        images,
        replacements: object.get("replacements").list(decode_replacement_entry)?,
        replicas: object.get("replicas").list(decode_replica)?,
        variables: object.get("vars").list(decode_variable)?,
        sort_options: object.get("sortOptions").present().map(|i| decode_sort_options(&i)).transpose()?,
        resources,
        components: object.get("components").spotted_texts()?,
        crds: object.get("crds").spotted_texts()?,
        config_maps: object.get("configMapGenerator").list(decode_config_map)?,
        secrets: object.get("secretGenerator").list(decode_secret)?,
        helm_globals,
        helm_charts,
        generator_options: object
            .get("generatorOptions")
            .present()
            .map(|i| decode_generator_options(&i))
            .transpose()?,
        configurations: object.get("configurations").spotted_texts()?,
        generators: object.get("generators").spotted_texts()?,
        transformers: object.get("transformers").spotted_texts()?,
        validators: object.get("validators").spotted_texts()?,
        build_metadata: object.get("buildMetadata").texts()?,
        deprecated,
        spot: item.spot(),
    })
}

/// A field that is a mapping of strings to strings, with its place.
fn pairs(object: &Object, name: &str) -> Result<Spotted<Vec<(Text, Text)>>> {
    let item = object.get(name);
    Ok(Spotted { value: item.text_map()?, spot: item.spot() })
}
