//! Decoding the structured fields of a kustomization, which configurations of builtin plugins have, too.

use super::decode::{Item, Object};
use super::spot::{Spot, Spotted};
use crate::Gvk;
use crate::error::Result;
use crate::fieldspec::FieldSpec;
use crate::filters::image::Image;
use crate::replacement::FieldOptions;
use crate::resource::{Behavior, Id};
use keyfill_yaml::Text;

/// The resources that a patch or replacement applies to. Empty parts select all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// Group, version and kind; each is a regular expression.
    pub gvk: Gvk,
    /// A regular expression for the name.
    pub name: Text,
    /// A regular expression for the namespace.
    pub namespace: Text,
    /// A selector for annotations, in the syntax of label selectors.
    pub annotations: Text,
    /// A selector for labels.
    pub labels: Text,
}

/// One entry of `patches`.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    /// Path of a file with the patch, or empty.
    pub path: Text,
    /// The text of the patch, or empty.
    pub patch: Spotted<Text>,
    /// The resources that the patch applies to. `None` if the patch names its resource.
    pub target: Option<Selector>,
    /// Which parts of an id the patch may change.
    pub options: Option<PatchOptions>,
    /// Where the entry is written.
    pub spot: Spot,
}

/// Whether a patch may change the name and the kind of a resource.
#[derive(Clone, Copy, Debug, Default)]
pub struct PatchOptions {
    /// Whether the name may change.
    pub allow_name_change: bool,
    /// Whether the kind may change.
    pub allow_kind_change: bool,
}

/// One entry of `labels`.
#[derive(Clone, Debug, Default)]
pub struct Label {
    /// The labels, sorted by key.
    pub pairs: Vec<(Text, Text)>,
    /// Whether selectors get the labels, too.
    pub include_selectors: bool,
    /// Whether pod templates get the labels, too.
    pub include_templates: bool,
    /// Further fields that get the labels.
    pub fields: Vec<FieldSpec>,
    /// Where the entry is written.
    pub spot: Spot,
}

/// One entry of `replicas`.
#[derive(Clone, Debug, Default)]
pub struct Replica {
    /// Name of the resource whose replica count is set.
    pub name: Text,
    /// The replica count.
    pub count: i64,
    /// Where the entry is written.
    pub spot: Spot,
}

/// One entry of `configMapGenerator` or `secretGenerator`.
#[derive(Clone, Debug, Default)]
pub struct Generator {
    /// Namespace of the generated object, or empty.
    pub namespace: Text,
    /// Name of the generated object, without its hash.
    pub name: Text,
    /// What the generated object does to an existing one.
    pub behavior: Behavior,
    /// `key=value` pairs.
    pub literals: Vec<Spotted<Text>>,
    /// Files as `file` or `key=file`.
    pub files: Vec<Spotted<Text>>,
    /// Env files, which contain lines of `key=value`.
    pub envs: Vec<Spotted<Text>>,
    /// The options of this generator, completed by `generatorOptions`.
    pub options: Option<GeneratorOptions>,
    /// Type of a Secret; empty for `Opaque`.
    pub secret_type: Text,
    /// Where the entry is written.
    pub spot: Spot,
}

/// `generatorOptions`, or the `options` of a generator.
#[derive(Clone, Debug, Default)]
pub struct GeneratorOptions {
    /// Labels of the generated object, sorted by key.
    pub labels: Vec<(Text, Text)>,
    /// Annotations of the generated object, sorted by key.
    pub annotations: Vec<(Text, Text)>,
    /// Whether the name gets no hash.
    pub disable_name_suffix_hash: bool,
    /// Whether the generated object has `immutable: true`.
    pub immutable: bool,
}

/// A replacement: a value, and the fields that it is copied to.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// The field that the value is read from; `None` if `value` is set.
    pub source: Option<ReplacementSource>,
    /// The value itself (`sourceValue`).
    pub value: Option<Text>,
    /// The fields that get the value; `None` if `targets` is absent.
    pub targets: Option<Vec<ReplacementTarget>>,
    /// Where the replacement is written.
    pub spot: Spot,
}

/// The field that a replacement's value is read from.
#[derive(Clone, Debug)]
pub struct ReplacementSource {
    /// Id of the resource; empty parts match anything.
    pub id: Id,
    /// Path of the field; empty for `metadata.name`.
    pub field_path: Text,
    /// The part of the field's text that is used.
    pub options: Option<FieldOptions>,
    /// Where the source is written.
    pub spot: Spot,
}

/// The fields that a replacement's value is copied to.
#[derive(Clone, Debug)]
pub struct ReplacementTarget {
    /// The resources that are changed.
    pub select: Option<Selector>,
    /// Selected resources that are not changed.
    pub reject: Vec<Selector>,
    /// Paths of the fields; `metadata.name` if there are none.
    pub field_paths: Vec<Text>,
    /// The part of the fields' texts that is replaced.
    pub options: Option<FieldOptions>,
    /// Where the target is written.
    pub spot: Spot,
}

/// One entry of `vars`.
#[derive(Clone, Debug, Default)]
pub struct Variable {
    /// Name of the variable, used as `$(NAME)`.
    pub name: Text,
    /// Type of the object that the value is read from.
    pub gvk: Gvk,
    /// Original name of that object, as in its file.
    pub object_name: Text,
    /// Namespace of that object, or empty for any.
    pub object_namespace: Text,
    /// Path of the field; `metadata.name` if none is given.
    pub field_path: Text,
    /// Where the entry is written.
    pub spot: Spot,
}

/// `sortOptions`: the order of the output.
#[derive(Clone, Debug, Default)]
pub struct SortOptions {
    /// Name of the order: `legacy` or `fifo`.
    pub order: Text,
    /// Kinds that come first and kinds that come last, for the legacy order.
    pub legacy: Option<(Vec<Text>, Vec<Text>)>,
    /// Where the field is written.
    pub spot: Spot,
}

/// The order of resources in the output (`--reorder`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortOrder {
    /// By kind, in the order in which objects should be applied.
    #[default]
    Legacy,
    /// In the order in which they were read.
    Fifo,
}

/// The field of a replacement's source or of a variable if none is given.
pub const DEFAULT_FIELD_PATH: &str = "metadata.name";

fn decode_gvk(object: &Object) -> Result<Gvk> {
    Ok(Gvk::new(object.text("group")?, object.text("version")?, object.text("kind")?))
}

/// Decodes a selector.
pub fn decode_selector(item: &Item) -> Result<Selector> {
    let fields = ["group", "version", "kind", "name", "namespace", "annotationSelector", "labelSelector"];
    let object = item.object(&fields)?;
    Ok(Selector {
        gvk: decode_gvk(&object)?,
        name: object.text("name")?,
        namespace: object.text("namespace")?,
        annotations: object.text("annotationSelector")?,
        labels: object.text("labelSelector")?,
    })
}

/// Decodes a list of field specs.
pub fn decode_field_specs(item: &Item) -> Result<Vec<FieldSpec>> {
    item.list(decode_field_spec)
}

/// Decodes a field spec.
pub fn decode_field_spec(item: &Item) -> Result<FieldSpec> {
    let object = item.object(&["group", "version", "kind", "path", "create"])?;
    let path = object.text("path")?;
    Ok(FieldSpec::new(decode_gvk(&object)?, &path, object.get("create").boolean()?))
}

/// Decodes one entry of `patches` or `patchesJson6902`.
pub fn decode_patch(item: &Item) -> Result<Patch> {
    let object = item.object(&["path", "patch", "target", "options"])?;
    Ok(Patch {
        path: object.text("path")?,
        patch: object.spotted("patch")?,
        target: object.get("target").present().map(|i| decode_selector(&i)).transpose()?,
        options: object.get("options").present().map(|i| decode_patch_options(&i)).transpose()?,
        spot: item.spot(),
    })
}

fn decode_patch_options(item: &Item) -> Result<PatchOptions> {
    let object = item.object(&["allowNameChange", "allowKindChange"])?;
    Ok(PatchOptions {
        allow_name_change: object.get("allowNameChange").boolean()?,
        allow_kind_change: object.get("allowKindChange").boolean()?,
    })
}

/// Decodes one entry of `labels`.
pub fn decode_label(item: &Item) -> Result<Label> {
    let object = item.object(&["pairs", "includeSelectors", "includeTemplates", "fields"])?;
    Ok(Label {
        pairs: object.get("pairs").text_map()?,
        include_selectors: object.get("includeSelectors").boolean()?,
        include_templates: object.get("includeTemplates").boolean()?,
        fields: decode_field_specs(&object.get("fields"))?,
        spot: item.spot(),
    })
}

/// Decodes one entry of `images`.
pub fn decode_image(item: &Item) -> Result<Spotted<Image>> {
    let object = item.object(&["name", "newName", "tagSuffix", "newTag", "digest"])?;
    let value = Image {
        name: object.text("name")?,
        new_name: object.text("newName")?,
        tag_suffix: object.text("tagSuffix")?,
        new_tag: object.text("newTag")?,
        digest: object.text("digest")?,
    };
    Ok(Spotted { value, spot: item.spot() })
}

/// Decodes one entry of `replicas`.
pub fn decode_replica(item: &Item) -> Result<Replica> {
    let object = item.object(&["name", "count"])?;
    let count = object.get("count").integer()?;
    Ok(Replica { name: object.text("name")?, count, spot: item.spot() })
}

/// The fields of both generators.
const GENERATOR_FIELDS: [&str; 9] =
    ["namespace", "name", "behavior", "literals", "files", "envs", "env", "options", "type"];

/// Decodes one entry of `configMapGenerator`.
pub fn decode_config_map(item: &Item) -> Result<Generator> {
    with_env(decode_generator_fields(&item.object(&GENERATOR_FIELDS[..8])?)?, item)
}

/// Decodes one entry of `secretGenerator`.
pub fn decode_secret(item: &Item) -> Result<Generator> {
    let object = item.object(&GENERATOR_FIELDS)?;
    let generator = Generator { secret_type: object.text("type")?, ..decode_generator_fields(&object)? };
    with_env(generator, item)
}

/// Adds `env`, the older form of `envs`. Only a kustomization may have it: in the configuration of a builtin
/// plugin kustomize ignores it.
fn with_env(mut generator: Generator, item: &Item) -> Result<Generator> {
    let env = item.object(&GENERATOR_FIELDS)?.spotted("env")?;
    if !env.is_empty() {
        generator.envs.push(env);
    }
    Ok(generator)
}

/// Decodes the fields that both generators have.
pub fn decode_generator_fields(object: &Object) -> Result<Generator> {
    Ok(Generator {
        namespace: object.text("namespace")?,
        name: object.text("name")?,
        behavior: Behavior::from_name(&object.text("behavior")?),
        literals: object.get("literals").spotted_texts()?,
        files: object.get("files").spotted_texts()?,
        envs: object.get("envs").spotted_texts()?,
        options: object.get("options").present().map(|i| decode_generator_options(&i)).transpose()?,
        secret_type: Text::default(),
        spot: object.item().spot(),
    })
}

/// Decodes `generatorOptions`, or the `options` of a generator.
pub fn decode_generator_options(item: &Item) -> Result<GeneratorOptions> {
    let object = item.object(&["labels", "annotations", "disableNameSuffixHash", "immutable"])?;
    Ok(GeneratorOptions {
        labels: object.get("labels").text_map()?,
        annotations: object.get("annotations").text_map()?,
        disable_name_suffix_hash: object.get("disableNameSuffixHash").boolean()?,
        immutable: object.get("immutable").boolean()?,
    })
}

impl GeneratorOptions {
    /// Completes a generator's own options by the global ones.
    pub fn merge(global: Option<&Self>, own: Option<Self>) -> Option<Self> {
        let Some(global) = global else { return own };
        let mut own = own.unwrap_or_default();
        fill(&mut own.labels, &global.labels);
        fill(&mut own.annotations, &global.annotations);
        own.disable_name_suffix_hash |= global.disable_name_suffix_hash;
        own.immutable |= global.immutable;
        Some(own)
    }
}

/// Adds the pairs of `global` whose keys are not in `own`, which stays sorted.
fn fill(own: &mut Vec<(Text, Text)>, global: &[(Text, Text)]) {
    for (key, value) in global {
        if let Err(at) = own.binary_search_by(|(k, _)| k.cmp(key)) {
            own.insert(at, (key.clone(), value.clone()));
        }
    }
}

/// The fields of a replacement.
const REPLACEMENT_FIELDS: [&str; 4] = ["source", "targets", "sourceValue", "path"];

/// Decodes one entry of `replacements`: the path of a file, or a replacement.
pub fn decode_replacement_entry(item: &Item) -> Result<(Spotted<Text>, Replacement)> {
    let object = item.object(&REPLACEMENT_FIELDS)?;
    let path = object.spotted("path")?;
    let replacement = decode_replacement_fields(&object)?;
    let has_inline =
        replacement.source.is_some() || replacement.targets.as_ref().is_some_and(|t| !t.is_empty());
    if !path.is_empty() && has_inline {
        return Err(object.error("cannot specify both path and inline replacement"));
    }
    Ok((path, replacement))
}

/// Decodes a replacement from a file.
pub fn decode_replacement(item: &Item) -> Result<Replacement> {
    decode_replacement_fields(&item.object(&REPLACEMENT_FIELDS[..3])?)
}

fn decode_replacement_fields(object: &Object) -> Result<Replacement> {
    Ok(Replacement {
        source: object.get("source").present().map(|i| decode_source(&i)).transpose()?,
        value: object.get("sourceValue").present().map(|i| i.text()).transpose()?,
        targets: object.get("targets").present().map(|i| i.list(decode_target)).transpose()?,
        spot: object.item().spot(),
    })
}

fn decode_source(item: &Item) -> Result<ReplacementSource> {
    let fields = ["group", "version", "kind", "name", "namespace", "fieldPath", "options"];
    let object = item.object(&fields)?;
    Ok(ReplacementSource {
        id: Id {
            gvk: decode_gvk(&object)?,
            name: object.text("name")?,
            namespace: object.text("namespace")?,
            is_cluster_scoped: false,
        },
        field_path: object.text("fieldPath")?,
        options: decode_field_options(&object.get("options"))?,
        spot: item.spot(),
    })
}

fn decode_target(item: &Item) -> Result<ReplacementTarget> {
    let object = item.object(&["select", "reject", "fieldPaths", "options"])?;
    Ok(ReplacementTarget {
        select: object.get("select").present().map(|i| decode_selector(&i)).transpose()?,
        reject: object.get("reject").list(decode_selector)?,
        field_paths: object.get("fieldPaths").texts()?,
        options: decode_field_options(&object.get("options"))?,
        spot: item.spot(),
    })
}

fn decode_field_options(item: &Item) -> Result<Option<FieldOptions>> {
    if item.is_null() {
        return Ok(None);
    }
    let object = item.object(&["delimiter", "index", "encoding", "create"])?;
    Ok(Some(FieldOptions {
        delimiter: object.text("delimiter")?,
        index: object.get("index").integer()?,
        encoding: object.text("encoding")?,
        create: object.get("create").boolean()?,
    }))
}

/// Decodes one entry of `vars`.
pub fn decode_variable(item: &Item) -> Result<Variable> {
    let object = item.object(&["name", "objref", "fieldref"])?;
    let reference =
        object.get("objref").object(&["apiVersion", "group", "version", "kind", "name", "namespace"])?;
    let mut gvk = decode_gvk(&reference)?;
    let api_version = reference.text("apiVersion")?;
    // An `apiVersion` with more than one slash is ignored, as in the official tool.
    match api_version.split('/').collect::<Vec<_>>()[..] {
        [""] => {}
        [version] => gvk.version = version.into(),
        [group, version] => {
            gvk.group = group.into();
            gvk.version = version.into();
        }
        _ => {}
    }
    let mut field_path = object.get("fieldref").object(&["fieldPath"])?.text("fieldPath")?;
    if field_path.is_empty() {
        field_path = Text::new_static(DEFAULT_FIELD_PATH);
    }
    Ok(Variable {
        name: object.text("name")?,
        gvk,
        object_name: reference.text("name")?,
        object_namespace: reference.text("namespace")?,
        field_path,
        spot: item.spot(),
    })
}

/// Decodes `sortOptions`.
pub fn decode_sort_options(item: &Item) -> Result<SortOptions> {
    let object = item.object(&["order", "legacySortOptions"])?;
    let legacy = match object.get("legacySortOptions").present() {
        Some(item) => {
            let lists = item.object(&["orderFirst", "orderLast"])?;
            Some((lists.get("orderFirst").texts()?, lists.get("orderLast").texts()?))
        }
        None => None,
    };
    Ok(SortOptions { order: object.text("order")?, legacy, spot: item.spot() })
}
