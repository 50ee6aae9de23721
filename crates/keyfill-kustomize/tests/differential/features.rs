//! Fields of a kustomization that depend little or not at all on its objects.

use crate::kustomization::{SCHEMA, configuration, image, labels};
use crate::layers::{Known, any};
use crate::random::Random;
use crate::tree::Tree;
use crate::writer::Y;

/// Adds such fields to a kustomization.
pub fn fields(mut file: Y, tree: &mut Tree, folder: &str, known: &[Known], random: &mut Random) -> Y {
    if random.percent(50) {
        file = labels(file, random);
    }
    if random.percent(25) {
        file = file.with("images", Y::List((0..1 + random.below(2)).map(|_| image(random)).collect()));
    }
    let scalable: Vec<&Known> = known
        .iter()
        .filter(|k| matches!(k.kind.as_str(), "Deployment" | "StatefulSet" | "ReplicaSet"))
        .collect();
    if !scalable.is_empty() && random.percent(25) {
        let ids = &scalable[random.below(scalable.len())].ids;
        let name = ids[random.below(ids.len())].1.clone();
        let replica = Y::map([("name", name.into()), ("count", random.pick(&["0", "7"]).into())]);
        file = file.with("replicas", Y::list([replica]));
    }
    if random.percent(12) {
        tree.file(folder, "config.yaml", tables(known, random).text());
        file = file.with("configurations", Y::list(["config.yaml".into()]));
    }
    if random.percent(6) {
        tree.file(folder, "crd.json", CRD);
        file = file.with("crds", Y::list(["crd.json".into()]));
    }
    if random.percent(4) {
        tree.has_schema = true;
        tree.file(folder, "schema.json", SCHEMA);
        file = file.with("openapi", Y::map([("path", "schema.json".into())]));
    }
    if random.percent(8) {
        let order = random.pick(&["legacy", "legacy", "fifo"]);
        let mut options = Y::map([("order", order.into())]);
        if order == "legacy" && random.percent(50) {
            let kinds = |list: &[&str]| Y::List(list.iter().map(|k| Y::from(*k)).collect());
            let sort = Y::map([
                ("orderFirst", kinds(&["Namespace", "Widget", "Service"])),
                ("orderLast", kinds(&["Deployment", "ConfigMap"])),
            ]);
            options = options.with("legacySortOptions", sort);
        }
        file = file.with("sortOptions", options);
    }
    if random.percent(8) {
        let all = ["originAnnotations", "transformerAnnotations", "managedByLabel"];
        let chosen: Vec<Y> = all.iter().filter(|_| random.percent(50)).map(|o| Y::from(*o)).collect();
        file = file.with("buildMetadata", Y::List(chosen));
    }
    file
}

/// A file of `configurations`. Some of its field specs lead to fields of objects in the tree.
fn tables(known: &[Known], random: &mut Random) -> Y {
    let mut file = configuration(random);
    if random.percent(40) || known.is_empty() {
        return file;
    }
    let (to, from) = (any(known, random), any(known, random));
    let spec = |path: &str| Y::map([("path", path.into()), ("kind", from.kind.clone().into())]);
    let path = random.pick(&[
        "spec/sourceRef/name",
        "spec/chart/spec/sourceRef/name",
        "spec/issuerRef/name",
        "spec/to/name",
        "spec/parts/configRef",
        "spec/secretName",
        "spec/configRef",
    ]);
    let more = match random.below(3) {
        0 => (
            "nameReference",
            Y::list([Y::map([("kind", to.kind.clone().into()), ("fieldSpecs", Y::list([spec(path)]))])]),
        ),
        1 => ("varReference", Y::list([spec("metadata/annotations"), spec("spec/dnsNames"), spec("data")])),
        _ => ("namePrefix", Y::list([spec(path)])),
    };
    if let Y::Map(fields) = &file
        && fields.iter().all(|(key, _)| key != more.0)
    {
        file = file.with(more.0, more.1);
    }
    file
}

/// Definitions for `crds`.
const CRD: &str = r##"{
  "example.com/v1.Widget": {"Schema": {"properties": {
    "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"},
    "spec": {"$ref": "example.com/v1.WidgetSpec"}}}},
  "example.com/v1.WidgetSpec": {"Schema": {"properties": {
    "configRef": {"x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "ConfigMap"},
    "notes": {"x-kubernetes-annotation": ""},
    "selector": {"x-kubernetes-label-selector": ""},
    "image": {"x-kubernetes-identity": ""},
    "secret": {"x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "Secret",
      "x-kubernetes-object-ref-name-key": "id"}}}}
}"##;
