//! Random patches of both kinds: strategic merge and JSON.

use crate::objects::{IMAGES, KINDS, container, name, of_kind, pairs, ports, scalar};
use crate::random::Random;
use crate::tree::Tree;
use crate::writer::{Y, block};

/// An object of a folder: apiVersion, kind and name.
pub type Known = (String, String, String);

/// One entry of `patches`.
pub fn entry(tree: &mut Tree, folder: &str, known: &[Known], random: &mut Random) -> Y {
    let is_json = random.percent(45);
    let (text, mut target) = if is_json {
        (operations(random), Some(target(known, random)))
    } else {
        let has_target = random.percent(40);
        (merge(known, random).text(), has_target.then(|| target(known, random)))
    };
    if is_json && random.percent(3) {
        target = None;
    }
    let mut entry = if random.percent(30) {
        let file = format!("patch-{}.yaml", random.below(1000));
        tree.file(folder, &file, text);
        Y::map([("path", file.into())])
    } else {
        Y::map([("patch", block("|-", &text))])
    };
    if let Some(target) = target {
        entry = entry.with("target", target);
    }
    if !is_json && random.percent(15) {
        let option = random.pick(&["allowNameChange", "allowKindChange"]);
        entry = entry.with("options", Y::map([(option, "true".into())]));
    }
    entry
}

/// A random selector.
pub fn target(known: &[Known], random: &mut Random) -> Y {
    let kind = known_kind(known, random);
    match random.below(7) {
        0 => Y::map([("kind", kind.into())]),
        1 => Y::map([
            ("kind", kind.into()),
            ("name", random.pick(&["alpha|beta", "a.*", "gamma", ".*"]).into()),
        ]),
        2 => {
            Y::map([("labelSelector", random.pick(&["app=web", "app in (web, db)", "!tier", "env"]).into())])
        }
        3 => Y::map([("group", "apps".into()), ("version", "v1".into())]),
        4 => Y::map([("annotationSelector", "app=web".into())]),
        5 => Y::map([("namespace", random.pick(&["one", "default", "t.*"]).into())]),
        _ => Y::map([("kind", kind.into()), ("name", name(random).into())]),
    }
}

fn known_kind(known: &[Known], random: &mut Random) -> String {
    if known.is_empty() || random.percent(10) {
        return KINDS[random.below(KINDS.len())].1.to_owned();
    }
    known[random.below(known.len())].1.clone()
}

/// A strategic merge patch, mostly for an object that exists.
pub fn merge(known: &[Known], random: &mut Random) -> Y {
    let (api_version, kind, name) = if known.is_empty() || random.percent(1) {
        let (a, k) = KINDS[random.below(KINDS.len())];
        (a.to_owned(), k.to_owned(), name(random).to_owned())
    } else {
        known[random.below(known.len())].clone()
    };
    if random.percent(10) {
        return of_kind(&api_version, &kind, &name, random);
    }
    let mut metadata = Y::map([("name", name.into())]);
    if random.percent(40) {
        metadata = metadata.with("labels", pairs(random));
    }
    if random.percent(20) {
        metadata =
            metadata.with("annotations", if random.percent(15) { "null".into() } else { pairs(random) });
    }
    let patch =
        Y::map([("apiVersion", api_version.into()), ("kind", kind.clone().into()), ("metadata", metadata)]);
    if random.percent(4) {
        return patch.with("$patch", random.pick(&["delete", "replace", "merge", "what"]));
    }
    match kind.as_str() {
        "Deployment" | "StatefulSet" => {
            let mut spec = Y::map([("template", Y::map([("spec", pod(random))]))]);
            if random.percent(30) {
                spec = spec.with("replicas", scalar(random));
            }
            patch.with("spec", spec)
        }
        "Pod" => patch.with("spec", pod(random)),
        "ConfigMap" => patch.with("data", Y::map([("key", scalar(random)), ("new", scalar(random))])),
        "Widget" => patch.with("spec", widget(random)),
        "Service" => patch.with(
            "spec",
            Y::map([("ports", Y::list([Y::map([("port", "80".into()), ("targetPort", scalar(random))])]))]),
        ),
        _ if random.percent(30) => patch.with("extra", scalar(random)),
        _ => patch,
    }
}

fn pod(random: &mut Random) -> Y {
    let mut items = Vec::new();
    for name in ["side", "main", "fresh"] {
        if random.percent(50) {
            items.push(container_patch(name, random));
        }
    }
    if random.percent(6) {
        items.push(Y::map([("$patch", random.pick(&["replace", "delete", "merge"]).into())]));
    }
    if random.percent(3) {
        items.push(Y::map([("image", "nameless".into())]));
    }
    let mut spec = Y::Map(Vec::new());
    if !items.is_empty() {
        spec = spec.with("containers", Y::List(items));
    }
    if random.percent(25) {
        spec = spec
            .with("volumes", Y::list([Y::map([("name", "v1".into()), ("emptyDir", Y::Map(Vec::new()))])]));
    }
    if random.percent(15) {
        spec = spec.with("tolerations", Y::list([Y::map([("key", "b".into())])]));
    }
    if random.percent(10) {
        spec = spec.with("hostname", scalar(random));
    }
    if random.percent(5) {
        spec = spec.with("$retainKeys", Y::list(["containers".into()]));
    }
    if random.percent(5) {
        spec = spec.with("initContainers", "null");
    }
    spec
}

fn container_patch(name: &str, random: &mut Random) -> Y {
    if random.percent(15) {
        return container(name, random);
    }
    let mut patch = Y::map([("name", name.into())]);
    if random.percent(12) {
        patch = patch.with("$patch", random.pick(&["delete", "delete", "replace", "merge"]));
    }
    if random.percent(40) {
        patch = patch.with("image", random.pick(&IMAGES));
    }
    if random.percent(30) {
        patch = patch.with("env", Y::list([Y::map([("name", "A".into()), ("value", scalar(random))])]));
    }
    if random.percent(30) {
        patch = patch.with("ports", ports(random));
    }
    if random.percent(15) {
        patch = patch.with("args", if random.percent(30) { "null".into() } else { Y::list(["x".into()]) });
    }
    patch
}

fn widget(random: &mut Random) -> Y {
    match random.below(5) {
        0 => Y::map([("size", scalar(random))]),
        1 => Y::map([("parts", Y::list([Y::map([("name", "p3".into())])]))]),
        2 => Y::map([("parts", "null".into())]),
        3 => Y::map([("manifest", Y::map([("spec", pod(random))]))]),
        _ => Y::map([("deep", Y::map([("a", "null".into()), ("b", scalar(random))]))]),
    }
}

/// Operations of a JSON patch, as YAML or JSON.
pub fn operations(random: &mut Random) -> String {
    let count = 1 + random.below(3);
    if random.percent(25) {
        let list: Vec<String> = (0..count).map(|_| json_operation(random)).collect();
        return format!("[{}]", list.join(", "));
    }
    Y::list((0..count).map(|_| operation(random))).text()
}

const PATHS: [&str; 14] = [
    "/metadata/labels/app",
    "/metadata/labels",
    "/metadata/annotations",
    "/metadata/annotations/example.com~1a",
    "/metadata/name",
    "/spec/replicas",
    "/spec/template/spec/containers/0/image",
    "/spec/template/spec/containers/-",
    "/spec/template/spec/containers/1",
    "/spec/template/spec/containers/-1/args",
    "/data/key",
    "/data",
    "/spec/size",
    "/spec/parts/0",
];

/// Paths on which operations succeed for most objects. With other paths most trees would not build.
const SAFE_PATHS: [&str; 4] = ["/metadata/annotations", "/metadata/labels", "/extra", "/metadata/generation"];

fn safe_operation(random: &mut Random) -> Y {
    let path = random.pick(&SAFE_PATHS);
    let op = random.pick(&["add", "replace"]);
    let value = if path.ends_with('s') { pairs(random) } else { value(random) };
    Y::map([("op", op.into()), ("path", path.into()), ("value", value)])
}

fn operation(random: &mut Random) -> Y {
    if random.percent(75) {
        return safe_operation(random);
    }
    let path = Y::from(random.pick(&PATHS));
    // kustomize stores its memory in the annotations. An operation that moves or copies them would print it.
    let is_memory = matches!(&path, Y::Raw(text) if text == "/metadata/annotations");
    match random.below(10) {
        4 if is_memory => operation(random),
        0 | 1 => Y::map([("op", "remove".into()), ("path", path)]),
        2 | 3 => Y::map([("op", "replace".into()), ("path", path), ("value", value(random))]),
        4 => Y::map([
            ("op", random.pick(&["move", "copy"]).into()),
            ("from", path),
            ("path", random.pick(&PATHS).into()),
        ]),
        5 if random.percent(50) => Y::map([("op", "test".into()), ("path", path), ("value", value(random))]),
        _ => Y::map([("op", "add".into()), ("path", path), ("value", value(random))]),
    }
}

fn value(random: &mut Random) -> Y {
    match random.below(5) {
        0 => pairs(random),
        1 => Y::list([scalar(random)]),
        2 => Y::map([("name", "added".into()), ("image", "nginx".into())]),
        _ => scalar(random),
    }
}

fn json_operation(random: &mut Random) -> String {
    let value = random.pick(&[
        "1",
        "1.0",
        "1e3",
        "\"<a>\"",
        "null",
        "{\"a\": \"b\"}",
        "[1, \"x\"]",
        "true",
        "12345678",
    ]);
    let (op, path) = if random.percent(70) {
        (random.pick(&["add", "replace"]), random.pick(&["/extra", "/metadata/generation"]))
    } else {
        (random.pick(&["add", "replace", "add", "test"]), random.pick(&PATHS))
    };
    format!("{{\"op\": \"{op}\", \"path\": \"{path}\", \"value\": {value}}}")
}
