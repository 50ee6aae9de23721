//! Fields of custom resources that look like references, although no configuration lists them.

use super::candidates::{Candidates, Referrer};
use crate::error::Error;
use crate::resmap::{ResMap, describe};
use crate::resource::{Id, text_of_scalar};
use crate::schema::FieldType;
use keyfill_yaml::{Location, Node};

/// The search for such fields in one custom resource.
pub struct Unlisted<'a> {
    pub map: &'a ResMap,
    pub candidates: &'a Candidates,
    pub referrer: &'a Referrer,
    pub found: Vec<Error>,
}

impl Unlisted<'_> {
    /// Adds a warning for each field that holds the previous name of a renamed ConfigMap or Secret. Such names
    /// are not corrected, since only the `configurations` or `crds` of a kustomization say which fields of a
    /// custom resource are references.
    pub fn look(&mut self, object: &Node) {
        let gvk = &self.referrer.id.gvk;
        if FieldType::of(&gvk.api_version(), &gvk.kind).is_none() {
            self.node(object, &mut Vec::new());
        }
    }

    fn node(&mut self, node: &Node, path: &mut Vec<String>) {
        match node {
            Node::Scalar(_) => {}
            Node::Seq(seq) => {
                let Some(own) = path.pop() else { return };
                for (number, item) in seq.items.iter().enumerate() {
                    path.push(format!("{own}[{number}]"));
                    self.node(item, path);
                    path.pop();
                }
                path.push(own);
            }
            Node::Map(map) => {
                let of_its_kind = match node.get("kind").map(text_of_scalar) {
                    Some(kind @ ("ConfigMap" | "Secret")) if !path.is_empty() => Some(kind),
                    _ => None,
                };
                for entry in &map.entries {
                    let key = entry.key.text.as_str();
                    path.push(key.to_owned());
                    let parent = path.len().checked_sub(2).map(|at| path[at].as_str());
                    if let Some(kind) = kind_of(parent, key).or(of_its_kind.filter(|_| key == "name")) {
                        self.name(kind, &entry.value, path);
                    }
                    self.node(&entry.value, path);
                    path.pop();
                }
            }
        }
    }

    fn name(&mut self, kind: &str, value: &Node, path: &[String]) {
        let Node::Scalar(_) = value else { return };
        let old = text_of_scalar(value);
        if let Some(target) = self.renamed(kind, old) {
            let error = broken(old, target, value.location(), path.join("."));
            self.found.push(self.map.get(self.referrer.at).blame_here(error));
        }
    }

    /// The object that had the name, if no object has it now.
    fn renamed(&self, kind: &str, old: &str) -> Option<&Id> {
        let resource = |at: &usize| self.map.get(*at);
        // The namespace of a kustomization is not set on objects of charts, so namespaces are not compared for
        // those.
        let sees_all = resource(&self.referrer.at).memory.from_chart;
        let sees = |id: &Id| sees_all || self.referrer.sees(id);
        let is_meant = |id: &Id| id.gvk.kind == kind && id.gvk.group.is_empty() && sees(id);
        let had = self.candidates.all_named(old).iter();
        let target = had.map(|at| resource(at).id()).find(|id| is_meant(id) && id.name != old)?;
        let still_there = self.map.matching_name(old, |_| true).into_iter();
        let mut still_there = still_there.map(|at| self.map.get(at).id());
        (!still_there.any(|id| id.name == old && is_meant(id))).then_some(target)
    }
}

/// The kind of object that a field refers to, guessed from the name of the field and of the one around it.
fn kind_of(parent: Option<&str>, key: &str) -> Option<&'static str> {
    let parent = parent.map(|parent| parent.split('[').next().unwrap_or(parent));
    match (parent, key) {
        (Some("configMap" | "configMapRef" | "configMapKeyRef"), "name") | (_, "configMapName") => {
            Some("ConfigMap")
        }
        (Some("secretRef" | "secretKeyRef" | "imagePullSecrets"), "name") | (_, "secretName") => {
            Some("Secret")
        }
        _ => None,
    }
}

fn broken(old: &str, target: &Id, location: Location, path: String) -> Error {
    let kind = &target.gvk.kind;
    Error::new(format!("the reference to {kind} \"{old}\" stays, but the object is now {}", describe(target)))
        .at_location(location)
        .at_path(path)
        .hint(format!(
            "kustomize follows names in the fields that it knows: list this one under nameReference of {kind} in a \
             file of `configurations`, or turn the hash off with `disableNameSuffixHash`"
        ))
}
