//! Trees that mostly build without errors: each layer knows its objects and the names they had, so that patches,
//! replacements and variables find them.

use crate::copies;
use crate::documents::{SAMPLES, Sample};
use crate::edits;
use crate::features;
use crate::generators;
use crate::objects::{KINDS, NAMES, NAMESPACES, of_kind, pairs};
use crate::plugins;
use crate::random::Random;
use crate::tree::Tree;
use crate::writer::{Y, block};
use keyfill_yaml::{Limits, Node, load_nodes};

/// An object of the tree.
#[derive(Clone, Debug)]
pub struct Known {
    /// apiVersion of the object.
    pub api_version: String,
    /// Kind of the object.
    pub kind: String,
    /// Namespaces and names that the object had, the original ones first.
    pub ids: Vec<(Option<String>, String)>,
    /// The object as it was written.
    pub node: Node,
}

impl Known {
    fn of(node: &Node) -> Option<Self> {
        let text = |path: &[&str]| node.at(path).and_then(Node::text).map(str::to_owned);
        let id = (text(&["metadata", "namespace"]), text(&["metadata", "name"])?);
        Some(Self {
            api_version: text(&["apiVersion"])?,
            kind: text(&["kind"])?,
            ids: vec![id],
            node: node.clone(),
        })
    }

    fn is_cluster_scoped(&self) -> bool {
        let kind = self.kind.as_str();
        kind.starts_with("Cluster") || kind.ends_with("WebhookConfiguration") || kind.ends_with("Class") || {
            matches!(
                kind,
                "Namespace" | "CustomResourceDefinition" | "PersistentVolume" | "APIService" | "Composition"
            )
        }
    }

    /// A selector for the object: its kind, and a name that it has or had.
    pub fn reference(&self, random: &mut Random) -> Y {
        let (namespace, name) = &self.ids[random.below(self.ids.len())];
        let mut fields = Y::map([("kind", self.kind.clone().into()), ("name", name.clone().into())]);
        if let Some(namespace) = namespace.as_ref().filter(|_| random.percent(40)) {
            fields = fields.with("namespace", namespace.as_str());
        }
        let (group, version) = self.api_version.split_once('/').unwrap_or(("", &self.api_version));
        if random.percent(25) {
            fields = fields.with("version", version);
        }
        if !group.is_empty() && random.percent(25) {
            fields = fields.with("group", group);
        }
        fields
    }

    /// The labels of the object whose values are strings.
    pub fn labels(&self) -> Vec<(String, String)> {
        let labels = self.node.at(&["metadata", "labels"]).and_then(Node::as_map);
        labels.map_or_else(Vec::new, |m| {
            m.iter().filter_map(|(k, v)| Some((k.into(), v.text()?.into()))).collect()
        })
    }

    /// The start of a document that names the object.
    fn head(&self, random: &mut Random) -> Y {
        let (namespace, name) = &self.ids[if random.percent(80) { 0 } else { self.ids.len() - 1 }];
        let mut metadata = Y::map([("name", name.clone().into())]);
        if let Some(namespace) = namespace {
            metadata = metadata.with("namespace", namespace.as_str());
        }
        if random.percent(25) {
            metadata = metadata.with("labels", pairs(random));
        }
        if random.percent(20) {
            let annotations = if random.percent(10) { "null".into() } else { pairs(random) };
            metadata = metadata.with("annotations", annotations);
        }
        Y::map([
            ("apiVersion", self.api_version.clone().into()),
            ("kind", self.kind.clone().into()),
            ("metadata", metadata),
        ])
    }

    /// A strategic merge patch for the object.
    pub fn merge_patch(&self, random: &mut Random) -> Y {
        let head = self.head(random);
        if random.percent(2) {
            return head.with("$patch", random.pick(&["delete", "replace", "merge"]));
        }
        let mut patch = head;
        for (key, value) in edits::merge_fields(&self.node, random) {
            patch = patch.with(&key, value);
        }
        patch
    }
}

/// What a layer is generated from.
#[derive(Default)]
pub struct Layer {
    /// The number of layers below.
    pub depth: usize,
    /// The objects of the kustomization that a component is listed in.
    pub parent: Option<Vec<Known>>,
    /// A base that exists already, with its folder and objects, and the prefix for this use of it.
    pub shared: Option<(String, Vec<Known>, &'static str)>,
}

/// Generates a folder with a kustomization, and returns the objects that it yields.
pub fn layer(tree: &mut Tree, folder: &str, layer: Layer, random: &mut Random) -> Vec<Known> {
    let is_component = layer.parent.is_some();
    let mut file = Y::Map(Vec::new());
    if is_component {
        file = file.with("apiVersion", "kustomize.config.k8s.io/v1alpha1").with("kind", "Component");
    } else if random.percent(60) {
        file = file.with("apiVersion", "kustomize.config.k8s.io/v1beta1").with("kind", "Kustomization");
    }
    let mut known = layer.parent.clone().unwrap_or_default();
    let mut listed = Vec::new();
    if let Some((path, objects, _)) = &layer.shared {
        listed.push(Y::from(path.as_str()));
        known.extend(objects.clone());
    } else if layer.depth > 0 {
        bases(tree, folder, layer.depth, &mut listed, &mut known, random);
    }
    if layer.depth == 0 && layer.shared.is_none() || random.percent(30) {
        files(tree, folder, &mut listed, &mut known, random);
    }
    if !listed.is_empty() {
        file = file.with("resources", Y::List(listed));
    }
    file = generated(file, tree, folder, &mut known, random);
    if !is_component && random.percent(25) && !known.is_empty() {
        let component = format!("{folder}/component");
        known = self::layer(tree, &component, Layer { parent: Some(known), ..Layer::default() }, random);
        file = file.with("components", Y::list(["component".into()]));
    }
    if !known.is_empty() {
        file = patches(file, tree, folder, &known, random);
    }
    file = named(file, layer.shared.map(|(_, _, prefix)| prefix), &mut known, random);
    file = features::fields(file, tree, folder, &known, random);
    if !known.is_empty() {
        file = copied(file, tree, folder, &known, random);
    }
    file = plugins::fields(file, tree, folder, &known, random);
    let Y::Map(mut fields) = file else { return known };
    for n in (1..fields.len()).rev() {
        fields.swap(n, random.below(n + 1));
    }
    tree.kustomization(folder, Y::Map(fields).text(), random);
    known
}

/// Generates bases: one or two, or two overlays that share a base.
fn bases(
    tree: &mut Tree,
    folder: &str,
    depth: usize,
    listed: &mut Vec<Y>,
    known: &mut Vec<Known>,
    random: &mut Random,
) {
    if random.percent(30) {
        let was_shared = std::mem::replace(&mut tree.is_shared, true);
        let below = Layer { depth: depth - 1, ..Layer::default() };
        let base = layer(tree, &format!("{folder}/shared"), below, random);
        for (name, prefix) in [("left", "l-"), ("right", "r-")] {
            let shared = Some(("../shared".to_owned(), base.clone(), prefix));
            known.extend(layer(
                tree,
                &format!("{folder}/{name}"),
                Layer { shared, ..Layer::default() },
                random,
            ));
            listed.push(name.into());
        }
        tree.is_shared = was_shared;
        return;
    }
    for n in 0..1 + random.below(2) {
        let name = format!("base{n}");
        known.extend(layer(
            tree,
            &format!("{folder}/{name}"),
            Layer { depth: depth - 1, ..Layer::default() },
            random,
        ));
        listed.push(if random.percent(20) { format!("./{name}/") } else { name }.into());
    }
}

/// Generates files with documents.
fn files(tree: &mut Tree, folder: &str, listed: &mut Vec<Y>, known: &mut Vec<Known>, random: &mut Random) {
    for n in 0..1 + random.below(3) {
        let mut documents: Vec<String> =
            (0..1 + random.below(3)).filter_map(|_| document(tree, random)).collect();
        if documents.is_empty() {
            continue;
        }
        for text in &documents {
            known.extend(
                load_nodes(text.as_bytes(), &Limits::default()).iter().flatten().filter_map(Known::of),
            );
        }
        if random.percent(6) {
            documents = vec![as_list(&documents)];
        }
        let path = format!("{}r{n}.yaml", if random.percent(15) { "sub/" } else { "" });
        tree.file(folder, &path, dressed(&documents, random));
        listed.push(path.into());
    }
}

fn as_list(documents: &[String]) -> String {
    let mut text = "apiVersion: v1\nkind: List\nitems:\n".to_owned();
    for document in documents {
        for (n, line) in document.lines().enumerate() {
            if !line.is_empty() {
                text.push_str(if n == 0 { "- " } else { "  " });
                text.push_str(line);
            }
            text.push('\n');
        }
    }
    text
}

/// Joins documents, with comments and separators between them as in real files.
fn dressed(documents: &[String], random: &mut Random) -> String {
    let mut text = String::new();
    text.push_str(random.pick(&[
        "",
        "",
        "",
        "---\n",
        "# a comment\n",
        "# a comment\n---\n",
        "\n---\n# below\n",
    ]));
    for (n, document) in documents.iter().enumerate() {
        if n > 0 {
            text.push_str(random.pick(&[
                "---\n",
                "---\n",
                "\n---\n",
                "--- # next\n",
                "---\n---\n",
                "---   \n",
                "---\n# no\n---\n",
            ]));
        }
        text.push_str(document);
    }
    text.push_str(random.pick(&["", "", "\n", "---\n", "# end\n", "---\n# end\n"]));
    if random.percent(5) { text.replace('\n', "\r\n") } else { text }
}

/// A document whose kind and name are not in the tree yet.
fn document(tree: &mut Tree, random: &mut Random) -> Option<String> {
    let sample = &SAMPLES[random.below(SAMPLES.len())];
    let (api_version, kind) = if random.percent(55) { sample.is } else { KINDS[random.below(KINDS.len())] };
    let name = tree.new_name(kind, random)?;
    if sample.is == (api_version, kind) {
        return Some(from_sample(sample, &name, random));
    }
    Some(of_kind(api_version, kind, &name, random).text())
}

fn from_sample(sample: &Sample, name: &str, random: &mut Random) -> String {
    let (api_version, kind) = sample.is;
    let mut text = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: {name}\n");
    if random.percent(30) {
        text.push_str(&format!("  namespace: {}\n", random.pick(&NAMESPACES)));
    }
    text.push_str(random.pick(&[
        "",
        "",
        "  labels: {app: web, tier: \"1\"}\n",
        "  labels:\n    app: web # the app\n    'env': prod\n",
        "  labels: {}\n",
        "  labels: &l\n    app: db\n",
        "  creationTimestamp: null\n",
        "  finalizers: [a/b]\n",
    ]));
    text.push_str(random.pick(&[
        "",
        "",
        "  annotations:\n    example.com/x: \"yes\"\n    text: |\n      a\n      b\n",
        "  annotations: {config.kubernetes.io/local-config: \"false\"}\n",
        "  annotations: {a: 1, b: true}\n",
        "  annotations:\n    cert-manager.io/inject-ca-from: $(VAR)/alpha\n    argocd.argoproj.io/sync-wave: \"-1\"\n",
        "  annotations:\n",
    ]));
    text.push_str(&sample.body.replace('@', name));
    text
}

fn generated(mut file: Y, tree: &mut Tree, folder: &str, known: &mut Vec<Known>, random: &mut Random) -> Y {
    for (field, kind) in [("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")] {
        if !random.percent(22) {
            continue;
        }
        let mut entries = Vec::new();
        for _ in 0..1 + random.below(2) {
            let there = known.iter().find(|k| k.kind == kind).filter(|_| random.percent(40)).cloned();
            let (name, namespace, behavior) = match &there {
                Some(there) => {
                    let (namespace, name) = there.ids[there.ids.len() - 1].clone();
                    (name, namespace, Some(random.pick(&["merge", "merge", "replace"])))
                }
                None => match tree.new_name(kind, random) {
                    Some(name) => (name, None, None),
                    None => continue,
                },
            };
            let entry = generators::named(
                tree,
                folder,
                (&name, namespace.as_deref(), behavior),
                kind == "Secret",
                random,
            );
            if there.is_none() {
                let text = format!("apiVersion: v1\nkind: {kind}\nmetadata:\n  name: {name}\n");
                known.extend(
                    load_nodes(text.as_bytes(), &Limits::default()).iter().flatten().filter_map(Known::of),
                );
            }
            entries.push(entry);
        }
        file = file.with(field, Y::List(entries));
    }
    if random.percent(10) {
        file = file.with("generatorOptions", generators::options(random));
    }
    file
}

fn patches(mut file: Y, tree: &mut Tree, folder: &str, known: &[Known], random: &mut Random) -> Y {
    if random.percent(50) {
        let entries = (0..1 + random.below(2)).map(|_| patch(tree, folder, known, random)).collect();
        file = file.with("patches", Y::List(entries));
    }
    if random.percent(8) {
        let texts: Vec<String> =
            (0..1 + random.below(2)).map(|_| any(known, random).merge_patch(random).text()).collect();
        let entry = if random.percent(50) {
            tree.file(folder, "merge.yaml", texts.join("---\n"));
            "merge.yaml".into()
        } else {
            block("|-", &texts.join("---\n"))
        };
        file = file.with("patchesStrategicMerge", Y::list([entry]));
    }
    if random.percent(6) {
        let to = any(known, random);
        let entry = Y::map([("target", to.reference(random).with("version", to.version()))]);
        file = file.with(
            "patchesJson6902",
            Y::list([entry.with("patch", block("|-", &edits::operations(&to.node, random)))]),
        );
    }
    file
}

impl Known {
    fn version(&self) -> &str {
        self.api_version.split_once('/').map_or(&self.api_version, |(_, version)| version)
    }
}

/// One of several objects.
pub fn any<'a>(known: &'a [Known], random: &mut Random) -> &'a Known {
    &known[random.below(known.len())]
}

/// One entry of `patches`.
pub fn patch(tree: &mut Tree, folder: &str, known: &[Known], random: &mut Random) -> Y {
    let to = any(known, random);
    let is_json = random.percent(50);
    let text = if is_json { edits::operations(&to.node, random) } else { to.merge_patch(random).text() };
    let mut entry = if random.percent(30) {
        let file = format!("patch-{}.yaml", random.below(1000));
        tree.file(folder, &file, text);
        Y::map([("path", file.into())])
    } else {
        Y::map([("patch", block(random.pick(&["|-", "|"]), &text))])
    };
    if is_json || random.percent(30) {
        let target =
            if is_json && random.percent(70) { to.reference(random) } else { copies::selector(to, random) };
        entry = entry.with("target", target);
    }
    if !is_json && random.percent(8) {
        entry = entry
            .with("options", Y::map([(random.pick(&["allowNameChange", "allowKindChange"]), "true".into())]));
    }
    entry
}

/// Adds prefix, suffix and namespace, and applies their effect to the objects.
fn named(mut file: Y, forced: Option<&str>, known: &mut [Known], random: &mut Random) -> Y {
    let prefix = forced.or_else(|| random.percent(22).then(|| random.pick(&["pre-", "dev-", "x"])));
    let suffix = random.percent(14).then(|| random.pick(&["-suf", "-v2"]));
    let namespace = random.percent(25).then(|| random.pick(&NAMESPACES));
    for (field, value) in [("namePrefix", prefix), ("nameSuffix", suffix), ("namespace", namespace)] {
        if let Some(value) = value {
            file = file.with(field, value);
        }
    }
    for object in known {
        let (mut own_namespace, mut name) = object.ids[object.ids.len() - 1].clone();
        if let Some(namespace) = namespace.filter(|_| !object.is_cluster_scoped()) {
            own_namespace = Some(namespace.to_owned());
        }
        if !matches!(object.kind.as_str(), "Namespace" | "CustomResourceDefinition" | "APIService") {
            name = format!("{}{name}{}", prefix.unwrap_or(""), suffix.unwrap_or(""));
        }
        let id = (own_namespace, name);
        if object.ids.last() != Some(&id) {
            object.ids.push(id);
        }
    }
    file
}

fn copied(mut file: Y, tree: &mut Tree, folder: &str, known: &[Known], random: &mut Random) -> Y {
    if random.percent(28) {
        let entries: Vec<Y> =
            (0..1 + random.below(3)).filter_map(|_| copies::replacement(known, random)).collect();
        if !entries.is_empty() && random.percent(20) {
            let is_list = random.percent(50);
            let text = if is_list { Y::List(entries).text() } else { entries[0].text() };
            tree.file(folder, "replacement.yaml", text);
            file = file.with("replacements", Y::list([Y::map([("path", "replacement.yaml".into())])]));
        } else if !entries.is_empty() {
            file = file.with("replacements", Y::List(entries));
        }
    }
    let name = random.pick(&["VAR", "OTHER"]);
    if random.percent(14)
        && tree.new_variable(name)
        && let Some(variable) = copies::variable(name, known, random)
    {
        file = file.with("vars", Y::list([variable]));
    }
    file
}

/// Names of objects, in the order in which they are used.
pub const ALL_NAMES: [&str; 8] =
    [NAMES[0], NAMES[1], NAMES[2], NAMES[3], "epsilon", "zeta.example.com", "eta", "theta"];
