//! The builtin plugins as objects of `generators:`, `transformers:` and `validators:`.
//!
//! Their configuration is read leniently: an unknown field is ignored, as in the official tool.

use crate::assemble::Session;
use crate::error::{Error, Result};
use crate::filters::namespace::SetSubjects;
use crate::generate::{Policy, chart, config_map, is_ksops, ksops, policy, secret};
use crate::load::{
    Content, FieldPath, Generator, Item, Loader, Object, Patch, Source, Spot, decode_chart_fields,
    decode_field_specs, decode_generator_fields, decode_global_fields, decode_image, decode_patch,
    decode_replacement_entry, decode_replica, decode_selector,
};
use crate::resmap::describe;
use crate::resource::Resource;
use crate::selector::Matcher;
use crate::transform::{
    JsonTransformer, PatchTransformer, Specs, StrategicTransformer, Transformer, ValueAdd, ValueTarget,
};
use keyfill_yaml::{Text, TextPlace, Value, resolve};
use std::sync::Arc;

/// Runs a generator that is configured by an object.
pub fn generate(session: &Session, loader: &Loader, plugin: &Resource) -> Result<Vec<Resource>> {
    let schema = session.schema();
    if is_ksops(plugin) && session.outside().decrypt.is_on() {
        let decrypt = |object: &Object| ksops(loader, session.outside(), plugin, object, &schema);
        return Configuration::resolved(plugin)?.read(decrypt);
    }
    let configuration = Configuration::of(session, plugin)?;
    configuration.read(|object| match plugin.gvk().kind.as_str() {
        "ConfigMapGenerator" => Ok(vec![config_map(loader, &named(object)?, &schema)?]),
        "SecretGenerator" => {
            let mut generator = named(object)?;
            generator.secret_type = object.text("type")?;
            Ok(vec![secret(loader, &generator, &schema)?])
        }
        "HelmChartInflationGenerator" => {
            session.require_helm()?;
            let mut entry = decode_chart_fields(object)?;
            session.complete(&mut entry);
            chart(loader, session.outside(), &decode_global_fields(object)?, &entry, &schema)
        }
        "IAMPolicyGenerator" => Ok(vec![policy(&decode_policy(object)?, &schema)?]),
        _ => Err(Error::new(format!("plugin {} is not a generator", describe(plugin.id())))),
    })
}

/// Configures a transformer from an object.
pub fn transformer(session: &Session, loader: &Loader, plugin: &Resource) -> Result<Transformer> {
    let configuration = Configuration::of(session, plugin)?;
    configuration.read(|object| configure(session, loader, plugin, object))
}

fn configure(session: &Session, loader: &Loader, plugin: &Resource, object: &Object) -> Result<Transformer> {
    let schema = session.schema();
    let specs = || -> Result<Specs> { Ok(Arc::new(decode_field_specs(&object.get("fieldSpecs"))?)) };
    let patch = |item: &Object| -> Result<Patch> {
        Ok(Patch {
            path: item.text("path")?,
            patch: item.spotted("jsonOp")?,
            target: target(item)?,
            options: None,
            spot: item.item().spot(),
        })
    };
    Ok(match plugin.gvk().kind.as_str() {
        "AnnotationsTransformer" => {
            Transformer::Annotations { pairs: object.get("annotations").text_map()?, specs: specs()? }
        }
        "LabelTransformer" => {
            Transformer::Labels { pairs: object.get("labels").text_map()?, specs: specs()? }
        }
        "HashTransformer" => Transformer::Hash,
        "ImageTagTransformer" => {
            Transformer::Image { image: decode_image(&object.get("imageTag"))?.value, specs: specs()? }
        }
        "NamespaceTransformer" => Transformer::Namespace {
            name: metadata(object)?.text("namespace")?,
            specs: specs()?,
            unset_only: object.get("unsetOnly").boolean()?,
            subjects: subjects(&object.get("setRoleBindingSubjects"))?,
        },
        "PatchJson6902Transformer" => Transformer::Json(JsonTransformer::new(loader, &patch(object)?)?),
        "PatchStrategicMergeTransformer" => Transformer::Strategic(StrategicTransformer::new(
            loader,
            &object.get("paths").spotted_texts()?,
            &object.spotted("patches")?,
            &schema,
        )?),
        "PatchTransformer" => {
            Transformer::Patch(PatchTransformer::new(loader, &decode_patch(object.item())?, &schema)?)
        }
        "PrefixTransformer" => Transformer::Prefix { prefix: object.text("prefix")?, specs: some(specs()?)? },
        "SuffixTransformer" => Transformer::Suffix { suffix: object.text("suffix")?, specs: some(specs()?)? },
        "PrefixSuffixTransformer" => {
            let specs = some(specs()?)?;
            Transformer::All(vec![
                Transformer::Prefix { prefix: object.text("prefix")?, specs: specs.clone() },
                Transformer::Suffix { suffix: object.text("suffix")?, specs },
            ])
        }
        "ReplacementTransformer" => {
            let entries = object.get("replacements").list(decode_replacement_entry)?;
            Transformer::Replacements(crate::assemble::load_replacements(loader, entries)?)
        }
        "ReplicaCountTransformer" => {
            Transformer::Replicas { replica: decode_replica(&object.get("replica"))?, specs: specs()? }
        }
        "ValueAddTransformer" => Transformer::ValueAdd(value_add(loader, object)?),
        _ => return Err(Error::new(format!("plugin {} is not a transformer", describe(plugin.id())))),
    })
}

/// The kinds of all builtin plugins.
const KINDS: [&str; 18] = [
    "AnnotationsTransformer",
    "ConfigMapGenerator",
    "HashTransformer",
    "HelmChartInflationGenerator",
    "IAMPolicyGenerator",
    "ImageTagTransformer",
    "LabelTransformer",
    "NamespaceTransformer",
    "PatchJson6902Transformer",
    "PatchStrategicMergeTransformer",
    "PatchTransformer",
    "PrefixSuffixTransformer",
    "PrefixTransformer",
    "ReplacementTransformer",
    "ReplicaCountTransformer",
    "SecretGenerator",
    "SuffixTransformer",
    "ValueAddTransformer",
];

/// The configuration of a builtin plugin, decoded from its object.
struct Configuration<'a> {
    value: Value,
    plugin: &'a Resource,
}

impl<'a> Configuration<'a> {
    fn of(session: &Session, plugin: &'a Resource) -> Result<Self> {
        let gvk = plugin.gvk();
        let at = |error: Error| plugin.blame_here(error);
        if !(gvk.group.is_empty() && gvk.version == "builtin") {
            let what = format!("the external plugin {}", describe(plugin.id()));
            if is_ksops(plugin) && !session.allows_plugins() {
                let error = Error::new(format!("{what} is not run: decryption is not switched on"));
                return Err(at(error.hint("set KEYFILL_SOPS=true: its files are then decrypted in process")));
            }
            return Err(at(if session.allows_plugins() {
                Error::unsupported(what)
            } else {
                Error::new(format!("{what} cannot be loaded: external plugins are disabled")).hint(
                    "builtin plugins have `apiVersion: builtin`; the official kustomize starts others with \
                         `--engine exec --enable-alpha-plugins --enable-exec`",
                )
            }));
        }
        if !KINDS.contains(&gvk.kind.as_str()) {
            let error = Error::new(format!("there is no builtin plugin {}", gvk.kind));
            return Err(at(match keyfill_diag::nearest(&gvk.kind, KINDS) {
                Some(kind) => error.hint(format!("did you mean {kind}?")),
                None => error,
            }));
        }
        Self::resolved(plugin)
    }

    /// The configuration of a plugin of any kind.
    fn resolved(plugin: &'a Resource) -> Result<Self> {
        let value = resolve(&plugin.node).map_err(|e| {
            let place = TextPlace::file(plugin.node.location().file());
            plugin.blame_here(Error::yaml_at(place, &e))
        })?;
        Ok(Self { value, plugin })
    }

    fn read<T>(&self, read: impl FnOnce(&Object) -> Result<T>) -> Result<T> {
        let source = source(self.plugin);
        let object = Item::root(&self.value, &source).object(&[])?;
        read(&object).map_err(|e| {
            let error = e.context(format!("plugin {}", describe(self.plugin.id())));
            error.at_spot(&object.item().spot())
        })
    }
}

/// The document that errors about a plugin's fields refer to.
fn source(plugin: &Resource) -> Arc<Source> {
    Arc::new(Source {
        file: plugin.file.clone().unwrap_or_default(),
        id: plugin.node.location().file(),
        content: Content::Node(plugin.node.clone()),
        strict: false,
        lenient: true,
    })
}

/// The place of a plugin's object.
pub fn spot(plugin: &Resource) -> Spot {
    Spot::new(&source(plugin), FieldPath::default())
}

fn metadata<'v>(object: &Object<'v>) -> Result<Object<'v>> {
    object.get("metadata").object(&[])
}

/// Decodes a generator's fields. Its name and namespace may also stand in `metadata`.
fn named(object: &Object) -> Result<Generator> {
    let mut generator = decode_generator_fields(object)?;
    let metadata = metadata(object)?;
    if generator.name.is_empty() {
        generator.name = metadata.text("name")?;
    }
    if generator.namespace.is_empty() {
        generator.namespace = metadata.text("namespace")?;
    }
    Ok(generator)
}

fn target(object: &Object) -> Result<Option<crate::load::Selector>> {
    object.get("target").present().map(|item| decode_selector(&item)).transpose()
}

fn some(specs: Specs) -> Result<Specs> {
    if specs.is_empty() { Err(Error::new("fieldSpecs must be given")) } else { Ok(specs) }
}

fn subjects(item: &Item) -> Result<SetSubjects> {
    match item.text()?.as_str() {
        "" | "defaultOnly" => Ok(SetSubjects::DefaultOnly),
        "allServiceAccounts" => Ok(SetSubjects::AllServiceAccounts),
        "none" => Ok(SetSubjects::None),
        other => Err(item
            .error(format!("invalid value \"{other}\" for setRoleBindingSubjects"))
            .hint("it must be one of defaultOnly, none, allServiceAccounts")),
    }
}

fn decode_policy(object: &Object) -> Result<Policy> {
    let (service, account) =
        (object.get("kubernetesService").object(&[])?, object.get("serviceAccount").object(&[])?);
    Ok(Policy {
        cloud: object.text("cloud")?,
        name: service.text("name")?,
        namespace: service.text("namespace")?,
        account: account.text("name")?,
        project: account.text("projectId")?,
    })
}

fn value_add(loader: &Loader, object: &Object) -> Result<ValueAdd> {
    let mut value = Text::from(object.text("value")?.trim());
    if value.is_empty() {
        value = loader.root().name().into();
    }
    let mut targets = object.get("targets").list(value_target)?;
    let path = object.text("targetFilePath")?;
    if !path.is_empty() {
        let spot = object.get("targetFilePath").spot();
        let (document, source) = loader.load_document(&path, false).map_err(|e| e.at_spot(&spot))?;
        let more = Item::root(&document, &source).object(&[])?;
        targets.extend(more.get("targets").list(value_target)?);
    }
    if targets.is_empty() {
        return Err(Error::new("must specify at least one target"));
    }
    Ok(ValueAdd { value, targets })
}

fn value_target(item: &Item) -> Result<ValueTarget> {
    let object = item.object(&[])?;
    let field_path = object.text("fieldPath")?;
    let file_path_position = object.get("filePathPosition").integer()?;
    if field_path.is_empty() {
        return Err(item.error("fieldPath cannot be empty"));
    }
    if file_path_position < 0 {
        return Err(item.error("filePathPosition cannot be negative"));
    }
    let selector = object.get("selector").present().map(|i| decode_selector(&i)).transpose()?;
    let selector = selector.as_ref().map(Matcher::new).transpose();
    let selector = selector.map_err(|e| e.at_spot(&item.spot()))?;
    Ok(ValueTarget { selector, field_path, file_path_position, spot: item.spot() })
}
