//! Random replacements and variables.

use crate::objects::name;
use crate::patches::{Known, target};
use crate::random::Random;
use crate::writer::Y;

/// One entry of `replacements`.
pub fn entry(known: &[Known], random: &mut Random) -> Y {
    let targets = (0..1 + random.below(2)).map(|_| one_target(known, random)).collect::<Vec<_>>();
    if random.percent(15) {
        return Y::map([
            ("sourceValue", random.pick(&["given", "'5'", "a-b"]).into()),
            ("targets", Y::List(targets)),
        ]);
    }
    let mut source = match known.len() {
        0 => Y::map([("kind", "ConfigMap".into())]),
        n => {
            let (_, kind, name) = &known[random.below(n)];
            Y::map([("kind", kind.clone().into()), ("name", name.clone().into())])
        }
    };
    if random.percent(35) {
        source = source.with(
            "fieldPath",
            random.pick(&[
                "metadata.name",
                "metadata.labels.app",
                "spec.replicas",
                "data.key",
                "spec.template.spec.containers.0.image",
                "spec.template.spec.containers.[name=main].image",
                "spec.size",
                "metadata.labels",
                "spec.parts.-.name",
            ]),
        );
    }
    if random.percent(10) {
        source = source.with("options", options(random, false));
    }
    Y::map([("source", source), ("targets", Y::List(targets))])
}

/// How a field is read or written.
pub fn options(random: &mut Random, is_target: bool) -> Y {
    let mut options = Y::Map(Vec::new());
    if random.percent(60) {
        options = options
            .with("delimiter", random.pick(&["'-'", "':'", "/", "."]))
            .with("index", random.pick(&["0", "1", "-1", "9"]));
    }
    if is_target && random.percent(60) {
        options = options.with("create", "true");
    }
    options
}

fn one_target(known: &[Known], random: &mut Random) -> Y {
    let mut entry = Y::map([("select", target(known, random))]);
    if random.percent(20) {
        entry = entry.with("reject", Y::list([target(known, random)]));
    }
    if random.percent(90) {
        entry = entry.with(
            "fieldPaths",
            Y::list([random
                .pick(&[
                    "metadata.labels.app",
                    "metadata.annotations.[example.com/x]",
                    "spec.replicas",
                    "data.key",
                    "spec.template.spec.containers.*.image",
                    "spec.template.spec.containers.[name=main].env.[name=A].value",
                    "spec.template.spec.containers.0.image",
                    "spec.parts.*.size",
                    "spec.template.spec.containers.1.name",
                    "data.config\\.json.a.b",
                    "data.config\\.yaml.a.b",
                    "data.config\\.yaml.a",
                    "data.config\\.yaml.list.[x=1].x",
                    "data.config\\.yaml.list.0.x",
                    "data.config\\.yaml.new.deep",
                    "spec.size",
                    "metadata.name",
                ])
                .into()]),
        );
    }
    if random.percent(55) {
        entry = entry.with("options", options(random, true));
    }
    entry
}

/// One entry of `vars`.
pub fn variable(variable: &str, known: &[Known], random: &mut Random) -> Y {
    let (api_version, kind, name) = match known.len() {
        0 => ("v1".to_owned(), "ConfigMap".to_owned(), name(random).to_owned()),
        n => known[random.below(n)].clone(),
    };
    let reference =
        Y::map([("apiVersion", api_version.into()), ("kind", kind.into()), ("name", name.into())]);
    let entry = Y::map([("name", variable.into()), ("objref", reference)]);
    if random.percent(50) {
        let path = random.pick(&[
            "metadata.name",
            "metadata.namespace",
            "spec.replicas",
            "data.key",
            "metadata.labels.app",
        ]);
        return entry.with("fieldref", Y::map([("fieldpath", path.into())]));
    }
    entry
}
