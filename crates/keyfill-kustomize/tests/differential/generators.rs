//! Random entries of `configMapGenerator` and `secretGenerator`.

use crate::objects::{name, pairs};
use crate::random::Random;
use crate::tree::Tree;
use crate::writer::Y;

/// One entry of `configMapGenerator` or `secretGenerator`.
pub fn entry(tree: &mut Tree, folder: &str, is_secret: bool, random: &mut Random) -> Y {
    let mut entry = Y::map([("name", name(random).into())]);
    if random.percent(20) {
        entry = entry.with("namespace", random.pick(&["one", "two"]));
    }
    if random.percent(10) {
        entry = entry.with("behavior", random.pick(&["create", "merge", "replace"]));
    }
    if random.percent(70) {
        let literal = |random: &mut Random| {
            Y::from(random.pick(&[
                "a=1",
                "b=two words",
                "c='quoted'",
                "d=x=y",
                "e=",
                "f=\"dq\"",
                "key=<&>",
                "g=$(VAR)",
            ]))
        };
        let mut literals: Vec<Y> = (0..1 + random.below(3)).map(|_| literal(random)).collect();
        let mut keys = std::collections::BTreeSet::new();
        if random.percent(97) {
            literals.retain(
                |l| matches!(l, Y::Raw(text) if keys.insert(text.split_once('=').map(|(k, _)| k.to_owned()))),
            );
        }
        entry = entry.with("literals", Y::List(literals));
    }
    if random.percent(35) {
        let file = random.pick(&["settings.txt", "app.conf", "data.bin"]);
        let text =
            random.pick(&["one line", "two\nlines\n", "", "tab\there\n", "trailing \nblank\n", "ünïcode\n"]);
        tree.file(folder, file, text);
        let listed = if random.percent(50) { file.to_owned() } else { format!("renamed={file}") };
        entry = entry.with("files", Y::list([listed.into()]));
    }
    if random.percent(25) {
        tree.file(folder, "vars.env", random.pick(&["A=1\nB=two\n", "# c\n\nX=y z\n", "Q='a'\n", "A\n"]));
        entry = entry.with("envs", Y::list(["vars.env".into()]));
    }
    if is_secret && random.percent(30) {
        entry = entry.with("type", random.pick(&["Opaque", "kubernetes.io/tls"]));
    }
    if random.percent(30) {
        entry = entry.with("options", options(random));
    }
    entry
}

/// One entry with the given name, namespace and behavior. The object may exist already.
pub fn named(
    tree: &mut Tree,
    folder: &str,
    (name, namespace, behavior): (&str, Option<&str>, Option<&str>),
    is_secret: bool,
    random: &mut Random,
) -> Y {
    let Y::Map(mut fields) = entry(tree, folder, is_secret, random) else { return Y::Map(Vec::new()) };
    fields.retain(|(key, _)| !matches!(key.as_str(), "name" | "namespace" | "behavior"));
    let mut entry = Y::map([("name", name.into())]);
    if let Some(namespace) = namespace {
        entry = entry.with("namespace", namespace);
    }
    if let Some(behavior) = behavior {
        entry = entry.with("behavior", behavior);
    }
    fields.into_iter().fold(entry, |entry, (key, value)| entry.with(&key, value))
}

/// Random options of a generator.
pub fn options(random: &mut Random) -> Y {
    let mut options = Y::Map(Vec::new());
    if random.percent(50) {
        options = options.with("disableNameSuffixHash", random.pick(&["true", "false"]));
    }
    if random.percent(40) {
        options = options.with("labels", pairs(random));
    }
    if random.percent(30) {
        options = options.with("annotations", pairs(random));
    }
    if random.percent(20) {
        options = options.with("immutable", "true");
    }
    options
}
