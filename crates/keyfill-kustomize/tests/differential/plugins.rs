//! Builtin plugins that objects of `generators`, `transformers` and `validators` configure.

use crate::copies;
use crate::edits;
use crate::generators;
use crate::kustomization::plugin;
use crate::layers::{Known, any};
use crate::objects::pairs;
use crate::random::Random;
use crate::tree::Tree;
use crate::writer::{Y, block};

/// Adds such plugins to a kustomization.
pub fn fields(mut file: Y, tree: &mut Tree, folder: &str, known: &[Known], random: &mut Random) -> Y {
    if random.percent(7)
        && let Some(text) = generator(tree, folder, random)
    {
        file = file.with("generators", Y::list([placed(tree, folder, "generator", text, random)]));
    }
    if random.percent(12) {
        let mut text = transformer(known, random);
        if random.percent(30) {
            text =
                format!("{text}---\n{}", transformer(known, random).replace("name: plugin", "name: another"));
        }
        file = file.with("transformers", Y::list([placed(tree, folder, "transformer", text, random)]));
    }
    if random.percent(5) {
        let text = if random.percent(70) {
            head("PatchTransformer")
                .with("target", Y::map([("name", "nobody".into())]))
                .with("patch", quoted("[{\"op\": \"remove\", \"path\": \"/spec\"}]"))
                .text()
        } else {
            transformer(known, random)
        };
        file = file.with("validators", Y::list([placed(tree, folder, "validator", text, random)]));
    }
    file
}

/// Puts the configuration of a plugin into a file, into a kustomization with a file, or into the field itself.
fn placed(tree: &mut Tree, folder: &str, name: &str, text: String, random: &mut Random) -> Y {
    match random.below(4) {
        0 => block("|-", &text),
        1 => {
            let inner = format!("{folder}/{name}");
            tree.file(&inner, "plugin.yaml", text);
            tree.file(&inner, "kustomization.yaml", "resources: [plugin.yaml]\n");
            name.into()
        }
        _ => {
            tree.file(folder, &format!("{name}.yaml"), text);
            format!("{name}.yaml").into()
        }
    }
}

fn head(kind: &str) -> Y {
    Y::map([
        ("apiVersion", "builtin".into()),
        ("kind", kind.into()),
        ("metadata", Y::map([("name", "plugin".into())])),
    ])
}

fn quoted(text: &str) -> Y {
    Y::from(serde_json::Value::from(text).to_string())
}

fn generator(tree: &mut Tree, folder: &str, random: &mut Random) -> Option<String> {
    let is_secret = random.percent(40);
    let kind = if is_secret { "Secret" } else { "ConfigMap" };
    if random.percent(15) {
        let policy = head("IAMPolicyGenerator")
            .with("cloud", "gke")
            .with("kubernetesService", Y::map([("name", "k8s-sa".into()), ("namespace", "one".into())]))
            .with("serviceAccount", Y::map([("name", "gsa".into()), ("projectId", "project".into())]));
        return Some(policy.text());
    }
    let name = tree.new_name(kind, random)?;
    let Y::Map(fields) = generators::named(tree, folder, (&name, None, None), is_secret, random) else {
        return None;
    };
    let mut plugin = Y::map([
        ("apiVersion", "builtin".into()),
        ("kind", format!("{kind}Generator").into()),
        ("metadata", Y::map([("name", name.into())])),
    ]);
    for (key, value) in fields.into_iter().filter(|(key, _)| key != "name") {
        plugin = plugin.with(&key, value);
    }
    Some(plugin.text())
}

fn transformer(known: &[Known], random: &mut Random) -> String {
    if known.is_empty() || random.percent(40) {
        return plugin(random);
    }
    let to = any(known, random);
    let specs = |path: &str, create: bool| {
        let mut spec = Y::map([("path", path.into())]);
        if create {
            spec = spec.with("create", "true");
        }
        Y::list([spec.with("kind", to.kind.clone())])
    };
    match random.below(9) {
        0 => head("PatchTransformer")
            .with("target", to.reference(random))
            .with("patch", block("|-", &edits::operations(&to.node, random))),
        1 => head("PatchTransformer").with("patch", block("|-", &to.merge_patch(random).text())),
        2 => head("PatchStrategicMergeTransformer")
            .with("patches", block("|-", &to.merge_patch(random).text())),
        3 => head("PatchJson6902Transformer")
            .with("target", to.reference(random))
            .with("jsonOp", block("|-", &edits::operations(&to.node, random))),
        4 => match copies::replacement(known, random) {
            Some(entry) => head("ReplacementTransformer").with("replacements", Y::list([entry])),
            None => head("HashTransformer"),
        },
        5 => head("SuffixTransformer")
            .with("suffix", "-plug")
            .with("fieldSpecs", specs("metadata/name", false)),
        6 => head("ReplicaCountTransformer")
            .with("replica", Y::map([("name", to.ids[0].1.clone().into()), ("count", "4".into())]))
            .with("fieldSpecs", specs("spec/replicas", true)),
        7 => head("LabelTransformer")
            .with("labels", pairs(random))
            .with("fieldSpecs", specs("spec/selector", true)),
        _ => head("ValueAddTransformer").with("value", "'42'").with(
            "targets",
            Y::list([Y::map([
                ("selector", copies::selector(to, random)),
                (
                    "fieldPath",
                    random
                        .pick(&["spec/added", "metadata/labels/added", "metadata/annotations/a\\/b"])
                        .into(),
                ),
            ])]),
        ),
    }
    .text()
}
