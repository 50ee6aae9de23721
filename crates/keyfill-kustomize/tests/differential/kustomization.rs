//! A random kustomization file.

use crate::generators;
use crate::objects::{self, KINDS, NAMES, NAMESPACES, name, pairs};
use crate::patches::{self, Known};
use crate::random::Random;
use crate::replacements;
use crate::tree::Tree;
use crate::writer::{Y, block};

/// The text of a random kustomization, whose files are added to the tree.
pub fn kustomization(
    tree: &mut Tree,
    folder: &str,
    depth: usize,
    is_component: bool,
    random: &mut Random,
) -> String {
    let mut file = Y::Map(Vec::new());
    if is_component {
        file = file.with("apiVersion", "kustomize.config.k8s.io/v1alpha1").with("kind", "Component");
    } else if random.percent(60) {
        file = file.with("apiVersion", "kustomize.config.k8s.io/v1beta1").with("kind", "Kustomization");
    }
    let mut known = Vec::new();
    file = resources(file, tree, folder, depth, &mut known, random);
    file = names_and_labels(file, random);
    file = generated(file, tree, folder, &mut known, random);
    file = changes(file, tree, folder, &known, random);
    file = settings(file, tree, folder, &known, random);
    if depth > 0 && random.percent(30) {
        let component = format!("{folder}/component");
        tree.folder(&component, 0, true, random);
        file = file.with("components", Y::list(["component".into()]));
    }
    file.text()
}

fn resources(
    mut file: Y,
    tree: &mut Tree,
    folder: &str,
    depth: usize,
    known: &mut Vec<Known>,
    random: &mut Random,
) -> Y {
    let mut list = Vec::new();
    let count = if depth == 0 { 1 + random.below(3) } else { random.below(3) };
    for n in 0..count {
        let (api_version, kind) = KINDS[random.below(KINDS.len())];
        let own = if random.percent(97) { NAMES[(n + random.below(2) * 2) % 4] } else { name(random) };
        let mut text = objects::of_kind(api_version, kind, own, random).text();
        known.push((api_version.to_owned(), kind.to_owned(), own.to_owned()));
        if random.percent(20) {
            text.push_str("---\n");
            text.push_str(&objects::object(random).text());
        }
        let path = format!("r{n}.yaml");
        tree.file(folder, &path, text);
        list.push(Y::from(path));
    }
    if depth > 0 {
        for n in 0..1 + random.below(2) {
            let base = format!("{folder}/base{n}");
            tree.folder(&base, depth - 1, false, random);
            list.push(Y::from(format!("base{n}")));
        }
        // The objects of bases are known from their files, whatever their kustomizations change.
        for (path, text) in &tree.files {
            if path.starts_with(&format!("{folder}/base")) && path.contains("/r") {
                known.extend(known_of(text));
            }
        }
    }
    if !list.is_empty() {
        let field = if random.percent(4) { "bases" } else { "resources" };
        let bases_only =
            field == "bases" && list.iter().all(|l| matches!(l, Y::Raw(t) if t.starts_with("base")));
        file = file.with(if bases_only { "bases" } else { "resources" }, Y::List(list));
    }
    file
}

fn known_of(text: &str) -> Option<Known> {
    let field = |key: &str| text.lines().find_map(|l| l.strip_prefix(key)).map(str::to_owned);
    Some((field("apiVersion: ")?, field("kind: ")?, field("  name: ")?))
}

fn names_and_labels(mut file: Y, random: &mut Random) -> Y {
    if random.percent(25) {
        file = file.with("namePrefix", random.pick(&["pre-", "dev-", "\"1-\""]));
    }
    if random.percent(15) {
        file = file.with("nameSuffix", random.pick(&["-suf", "-v2"]));
    }
    if random.percent(30) {
        file = file.with("namespace", random.pick(&NAMESPACES));
    }
    labels(file, random)
}

/// Adds labels and annotations.
pub fn labels(mut file: Y, random: &mut Random) -> Y {
    if random.percent(15) {
        file = file.with("commonLabels", pairs(random));
    }
    if random.percent(25) {
        let mut label = Y::map([("pairs", pairs(random))]);
        for option in ["includeSelectors", "includeTemplates"] {
            if random.percent(30) {
                label = label.with(option, "true");
            }
        }
        if random.percent(20) {
            let spec = Y::map([
                ("path", "spec/custom/labels".into()),
                ("create", "true".into()),
                ("kind", "Widget".into()),
            ]);
            label = label.with("fields", Y::list([spec]));
        }
        file = file.with("labels", Y::list([label]));
    }
    if random.percent(15) {
        file = file.with("commonAnnotations", pairs(random));
    }
    file
}

fn generated(mut file: Y, tree: &mut Tree, folder: &str, known: &mut Vec<Known>, random: &mut Random) -> Y {
    for (field, kind, chance) in [("configMapGenerator", "ConfigMap", 30), ("secretGenerator", "Secret", 15)]
    {
        if random.percent(chance) {
            let entry = generators::entry(tree, folder, kind == "Secret", random);
            if let Some((_, name)) = entry.text().lines().next().and_then(|l| l.split_once(": ")) {
                known.push(("v1".to_owned(), kind.to_owned(), name.to_owned()));
            }
            file = file.with(field, Y::list([entry]));
        }
    }
    if random.percent(12) {
        file = file.with("generatorOptions", generators::options(random));
    }
    file
}

fn changes(mut file: Y, tree: &mut Tree, folder: &str, known: &[Known], random: &mut Random) -> Y {
    if random.percent(40) {
        let entries = (0..1 + random.below(2)).map(|_| patches::entry(tree, folder, known, random)).collect();
        file = file.with("patches", Y::List(entries));
    }
    if random.percent(10) {
        let text = patches::merge(known, random).text();
        let entry = if random.percent(50) {
            tree.file(folder, "merge.yaml", text);
            "merge.yaml".into()
        } else {
            block("|-", &text)
        };
        file = file.with("patchesStrategicMerge", Y::list([entry]));
    }
    if random.percent(8) && !known.is_empty() {
        let (api_version, kind, name) = &known[random.below(known.len())];
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let mut target = Y::map([
            ("version", version.into()),
            ("kind", kind.clone().into()),
            ("name", name.clone().into()),
        ]);
        if !group.is_empty() {
            target = target.with("group", group);
        }
        let entry = Y::map([("target", target), ("patch", block("|-", &patches::operations(random)))]);
        file = file.with("patchesJson6902", Y::list([entry]));
    }
    if random.percent(25) {
        let image = image(random);
        file = file.with("images", Y::list([image]));
    }
    let scalable = known.iter().find(|k| k.1 == "Deployment" || k.1 == "StatefulSet");
    if let Some((_, _, name)) = scalable.filter(|_| random.percent(20)) {
        let replica = Y::map([("name", name.clone().into()), ("count", random.pick(&["0", "7"]).into())]);
        file = file.with("replicas", Y::list([replica]));
    }
    if random.percent(25) {
        let entries = (0..1 + random.below(2)).map(|_| replacements::entry(known, random)).collect();
        file = file.with("replacements", Y::List(entries));
    }
    file
}

/// One entry of `images`.
pub fn image(random: &mut Random) -> Y {
    let mut image = Y::map([(
        "name",
        random.pick(&["nginx", "registry.io:5000/team/app", "team/app", "busybox", "red.s"]).into(),
    )]);
    for (field, values) in [
        ("newName", ["new/name", "other.io/x"]),
        ("newTag", ["v9", "\"1.0\""]),
        ("digest", ["sha256:123", "sha256:456"]),
        ("tagSuffix", ["-x", "-y"]),
    ] {
        if random.percent(35) {
            image = image.with(field, random.pick(&values));
        }
    }
    image
}

fn settings(mut file: Y, tree: &mut Tree, folder: &str, known: &[Known], random: &mut Random) -> Y {
    if random.percent(12) {
        let variables = Y::list([replacements::variable("VAR", known, random)]);
        file = file.with("vars", variables);
    }
    if random.percent(12) {
        tree.file(folder, "config.yaml", configuration(random).text());
        file = file.with("configurations", Y::list(["config.yaml".into()]));
    }
    if random.percent(6) {
        let order = random.pick(&["legacy", "fifo"]);
        file = file.with("sortOptions", Y::map([("order", order.into())]));
    }
    if random.percent(5) {
        let option = random.pick(&["originAnnotations", "transformerAnnotations", "managedByLabel"]);
        file = file.with("buildMetadata", Y::list([option.into()]));
    }
    if random.percent(3) {
        tree.has_schema = true;
        tree.file(folder, "schema.json", SCHEMA);
        file = file.with("openapi", Y::map([("path", "schema.json".into())]));
    }
    if random.percent(6) {
        tree.file(folder, "transformer.yaml", plugin(random));
        file = file.with("transformers", Y::list(["transformer.yaml".into()]));
    }
    file
}

/// A schema for `openapi`.
pub const SCHEMA: &str = r##"{"definitions": {
  "v1.Widget": {"properties": {"spec": {"$ref": "#/definitions/v1.WidgetSpec"}},
    "x-kubernetes-group-version-kind": [{"group": "example.com", "kind": "Widget", "version": "v1"}]},
  "v1.WidgetSpec": {"properties": {"parts": {"type": "array", "items": {"type": "object"},
    "x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge"}}}}}
"##;

/// A file of `configurations`.
pub fn configuration(random: &mut Random) -> Y {
    match random.below(6) {
        0 => Y::map([(
            "nameReference",
            Y::list([Y::map([
                ("kind", "ConfigMap".into()),
                ("version", "v1".into()),
                (
                    "fieldSpecs",
                    Y::list([Y::map([("path", "spec/configRef/name".into()), ("kind", "Widget".into())])]),
                ),
            ])]),
        )]),
        1 => Y::map([(
            "commonLabels",
            Y::list([Y::map([
                ("path", "spec/widgetLabels".into()),
                ("create", "true".into()),
                ("kind", "Widget".into()),
            ])]),
        )]),
        2 => Y::map([(
            "images",
            Y::list([Y::map([("path", "spec/image".into()), ("kind", "Widget".into())])]),
        )]),
        3 => Y::map([(
            "varReference",
            Y::list([Y::map([("path", "data".into()), ("kind", "ConfigMap".into())])]),
        )]),
        4 => Y::map([(
            "namespace",
            Y::list([Y::map([
                ("path", "spec/target/namespace".into()),
                ("kind", "Widget".into()),
                ("create", "true".into()),
            ])]),
        )]),
        _ => Y::map([(
            "replicas",
            Y::list([Y::map([("path", "spec/size".into()), ("kind", "Widget".into())])]),
        )]),
    }
}

/// The configuration of a builtin transformer.
pub fn plugin(random: &mut Random) -> String {
    let head = |kind: &str| {
        Y::map([
            ("apiVersion", "builtin".into()),
            ("kind", kind.into()),
            ("metadata", Y::map([("name", "plugin".into())])),
        ])
    };
    let metadata = |path: &str| Y::list([Y::map([("path", path.into()), ("create", "true".into())])]);
    match random.below(6) {
        0 => head("LabelTransformer")
            .with("labels", pairs(random))
            .with("fieldSpecs", metadata("metadata/labels")),
        1 => head("AnnotationsTransformer")
            .with("annotations", pairs(random))
            .with("fieldSpecs", metadata("metadata/annotations")),
        2 => head("PrefixTransformer")
            .with("prefix", "plug-")
            .with("fieldSpecs", Y::list([Y::map([("path", "metadata/name".into())])])),
        3 => {
            let mut plugin = Y::map([
                ("apiVersion", "builtin".into()),
                ("kind", "NamespaceTransformer".into()),
                (
                    "metadata",
                    Y::map([("name", "plugin".into()), ("namespace", random.pick(&NAMESPACES).into())]),
                ),
            ]);
            if random.percent(50) {
                plugin = plugin.with("unsetOnly", "true");
            }
            if random.percent(60) {
                plugin = plugin.with(
                    "setRoleBindingSubjects",
                    random.pick(&["none", "allServiceAccounts", "defaultOnly"]),
                );
            }
            plugin
        }
        4 => head("ValueAddTransformer").with("value", "added").with(
            "targets",
            Y::list([Y::map([
                ("selector", Y::map([("kind", random.pick(&["Widget", "ConfigMap", "Deployment"]).into())])),
                (
                    "fieldPath",
                    random.pick(&["spec/extra/value", "data/key", "metadata/annotations/a"]).into(),
                ),
                ("filePathPosition", random.pick(&["0", "1", "2"]).into()),
            ])]),
        ),
        _ => head("ImageTagTransformer")
            .with("imageTag", Y::map([("name", "nginx".into()), ("newTag", "plug".into())]))
            .with("fieldSpecs", metadata("spec/image")),
    }
    .text()
}
