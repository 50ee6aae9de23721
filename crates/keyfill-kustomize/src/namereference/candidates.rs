//! The resources that a reference may mean, found by their previous names.

use crate::Gvk;
use crate::error::{Error, Result};
use crate::resmap::{ResMap, describe};
use crate::resource::{Id, NO_NAMESPACE, text_of_scalar};
use keyfill_yaml::{Node, ScalarKind, Text};
use std::collections::{HashMap, HashSet};

/// Indexes over all resources, built once.
pub struct Candidates {
    /// Positions of resources by the names they had before. A resource whose name never changed is not in it.
    by_previous_name: HashMap<Text, Vec<usize>>,
    /// Positions of resources by the namespace they had originally.
    by_original_namespace: HashMap<Text, Vec<usize>>,
}

/// The resource whose references are corrected.
pub struct Referrer {
    /// Position of the resource.
    pub at: usize,
    /// Current id of the resource.
    pub id: Id,
    /// The type that its `roleRef` names.
    pub role: Option<Gvk>,
    /// Namespaces of the service accounts that a role binding names.
    subjects: HashSet<Text>,
}

impl Candidates {
    /// Builds the indexes.
    pub fn new(map: &ResMap) -> Self {
        let mut by_previous_name: HashMap<Text, Vec<usize>> = HashMap::new();
        let mut by_original_namespace: HashMap<Text, Vec<usize>> = HashMap::new();
        for at in map.places() {
            let resource = map.get(at);
            for previous in &resource.memory.previous {
                let places = by_previous_name.entry(previous.name.clone()).or_default();
                if places.last() != Some(&at) {
                    places.push(at);
                }
            }
            let namespace = match resource.memory.previous.first() {
                Some(previous) => previous.namespace.clone(),
                None => resource.id().effective_namespace().clone(),
            };
            by_original_namespace.entry(namespace).or_default().push(at);
        }
        Self { by_previous_name, by_original_namespace }
    }

    /// Collects what is needed to correct the references of the resource at a position.
    pub fn referrer(&self, map: &ResMap, at: usize) -> Result<Referrer> {
        let resource = map.get(at);
        let id = resource.id().clone();
        let is_binding = id.gvk.kind == "RoleBinding" && !id.is_cluster_scoped;
        let subjects = if is_binding { subject_namespaces(&resource.node, &id)? } else { HashSet::new() };
        Ok(Referrer { at, role: role_type(&resource.node), subjects, id })
    }

    /// The resources that once had the given name and that the referrer can reach.
    pub fn named(&self, map: &ResMap, referrer: &Referrer, name: &str) -> Vec<usize> {
        let places = self.by_previous_name.get(name).map_or(&[][..], Vec::as_slice);
        places.iter().copied().filter(|at| referrer.reaches(map.get(*at).id())).collect()
    }

    /// All resources that once had the given name.
    pub fn all_named(&self, name: &str) -> &[usize] {
        self.by_previous_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// Keeps the resources that were in a namespace originally. If none was that the referrer can reach, keeps
    /// those that are in it now.
    pub fn keep_namespace(&self, map: &ResMap, referrer: &Referrer, namespace: &str, found: &mut Vec<usize>) {
        if namespace == NO_NAMESPACE {
            return found.clear();
        }
        let originals = self.by_original_namespace.get(namespace).map_or(&[][..], Vec::as_slice);
        if originals.iter().any(|at| referrer.reaches(map.get(*at).id())) {
            found.retain(|at| originals.binary_search(at).is_ok());
        } else {
            found.retain(|at| map.get(*at).id().effective_namespace() == namespace);
        }
    }
}

impl Referrer {
    /// Whether the referrer can refer to a resource at all: both are in the same namespace, one of them is
    /// cluster-scoped, or a role binding names a service account in the resource's namespace.
    fn reaches(&self, target: &Id) -> bool {
        self.id.is_cluster_scoped
            || target.is_cluster_scoped
            || target.is_namespace_of(&self.id)
            || self.subjects.contains(&target.namespace)
    }

    /// Whether the reference is possible in the target's current namespace.
    pub fn sees(&self, target: &Id) -> bool {
        self.id.is_cluster_scoped
            || target.is_cluster_scoped
            || target.gvk.kind == "ServiceAccount"
            || self.id.is_namespace_of(target)
    }
}

/// The type that `roleRef` names, if it has a group and a kind. A null field counts as its text.
fn role_type(object: &Node) -> Option<Gvk> {
    let role = object.get("roleRef")?;
    let field = |name| role.get(name).map(|n| n.text().unwrap_or(""));
    Some(Gvk::new(field("apiGroup")?, "", field("kind")?))
}

/// The namespaces of the service accounts among a role binding's subjects.
fn subject_namespaces(object: &Node, id: &Id) -> Result<HashSet<Text>> {
    let subjects = object.get("subjects").and_then(Node::as_seq);
    let mut namespaces = HashSet::new();
    for subject in subjects.map_or(&[][..], |s| &s.items) {
        if subject.as_map().is_none() {
            return Err(Error::new(format!("a subject of {} is not a mapping", describe(id)))
                .at_location(subject.location()));
        }
        let (Some(kind), Some(namespace)) = (subject.get("kind"), subject.get("namespace")) else { continue };
        if kind.as_scalar().is_none_or(|s| s.kind() != ScalarKind::Str) {
            return Err(Error::new(format!("the kind of a subject of {} is not a string", describe(id)))
                .at_location(kind.location()));
        }
        if text_of_scalar(kind) != "ServiceAccount" {
            continue;
        }
        if namespace.as_scalar().is_none_or(|s| s.kind() != ScalarKind::Str) {
            return Err(Error::new(format!("the namespace of a subject of {} is blank", describe(id)))
                .at_location(namespace.location())
                .hint("name the service account's namespace, or leave the field out"));
        }
        namespaces.insert(text_of_scalar(namespace).into());
    }
    Ok(namespaces)
}
