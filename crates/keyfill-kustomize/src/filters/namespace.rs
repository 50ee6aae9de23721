//! Setting the namespace of an object and of the subjects it names.

use super::scalar::{is_null, is_null_or_empty, set as set_scalar, text_of, wrong_kind};
use super::shared::Writes;
use crate::Gvk;
use crate::error::Result;
use crate::fieldspec::{Create, FieldSpec, visit};
use keyfill_yaml::{Map, Node, Tag, Text};

const OWN_NAMESPACE: &str = "metadata/namespace";
const OWN_NAME: &str = "metadata/name";

/// Which subjects of role bindings get the namespace (`setRoleBindingSubjects`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SetSubjects {
    /// Subjects named `default`.
    #[default]
    DefaultOnly,
    /// All service accounts.
    AllServiceAccounts,
    /// None.
    None,
}

/// A namespace, and where it is set.
#[derive(Clone, Copy, Debug)]
pub struct Namespace<'a> {
    /// The namespace.
    pub name: &'a str,
    /// Whether it is set only where no namespace is set yet.
    pub unset_only: bool,
    /// The subjects of role bindings that get it.
    pub subjects: SetSubjects,
}

/// Sets the namespace of an object unless its type is cluster-scoped, in the subjects of a role binding, and in
/// the fields that the field specs lead to.
pub fn set(
    object: &mut Node,
    gvk: &Gvk,
    namespace: &Namespace<'_>,
    specs: &[FieldSpec],
    is_cluster_scoped: bool,
) -> Result<()> {
    let mut step = Step { namespace, text: namespace.name.into(), writes: Writes::default() };
    if !is_cluster_scoped {
        let own = FieldSpec::new(Gvk::default(), OWN_NAMESPACE, true);
        visit(object, gvk, &own, Create::Scalar, &mut |node| step.put(node))?;
    }
    let is_binding = matches!(gvk.kind.as_str(), "RoleBinding" | "ClusterRoleBinding");
    if is_binding {
        step.subjects(object)?;
    }
    // The field spec for `metadata/name` applies only to the core type Namespace.
    let is_core = gvk.group.is_empty() && gvk.version == "v1";
    let applies = |spec: &&FieldSpec| {
        spec.path != OWN_NAMESPACE && (is_core || spec.path != OWN_NAME) && !(is_binding && is_subjects(spec))
    };
    for spec in specs.iter().filter(applies) {
        visit(object, gvk, spec, Create::Scalar, &mut |node| step.put(node))?;
    }
    step.writes.spread(object);
    Ok(())
}

/// Whether a field spec is about the subjects of role bindings, for which [`SetSubjects`] decides.
fn is_subjects(spec: &FieldSpec) -> bool {
    spec.path == "subjects/namespace"
        && matches!(spec.gvk.kind.as_str(), "RoleBinding" | "ClusterRoleBinding")
}

struct Step<'a> {
    namespace: &'a Namespace<'a>,
    text: Text,
    writes: Writes,
}

impl Step<'_> {
    fn put(&mut self, node: &mut Node) -> Result<()> {
        if self.namespace.unset_only && !is_null_or_empty(node) && !text_of(node).is_empty() {
            return Ok(());
        }
        set_scalar(node, self.text.clone(), Tag::Str, &mut self.writes)
    }

    fn subjects(&mut self, object: &mut Node) -> Result<()> {
        if self.namespace.subjects == SetSubjects::None {
            return Ok(());
        }
        let subjects = match object.get_mut("subjects") {
            None => return Ok(()),
            Some(node) if is_null(node) => return Ok(()),
            Some(Node::Seq(subjects)) => subjects,
            Some(other) => return Err(wrong_kind("a list of subjects", other)),
        };
        for subject in &mut subjects.items {
            match subject {
                Node::Map(map) => {
                    if self.is_meant(map)? {
                        self.put(map.get_or_insert_with("namespace", || Node::string("")))?;
                    }
                }
                node if is_null(node) => {}
                other => return Err(wrong_kind("a mapping as subject", other)),
            }
        }
        Ok(())
    }

    fn is_meant(&self, subject: &Map) -> Result<bool> {
        let (field, wanted) = match self.namespace.subjects {
            SetSubjects::AllServiceAccounts => ("kind", "ServiceAccount"),
            _ => ("name", "default"),
        };
        match subject.get(field) {
            None => Ok(false),
            Some(node @ Node::Scalar(_)) => Ok(text_of(node) == wanted),
            Some(other) => Err(wrong_kind("a scalar", other).at_path(format!("subjects.{field}"))),
        }
    }
}
