//! Compares the references to secrets in a root: placeholders that were added, removed or changed.

use crate::fill::uses::SecretUse;
use keyfill_secrets::SecretRef;
use std::collections::BTreeMap;

/// A reference to a key of a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The secret.
    pub secret: SecretRef,
    /// The key; `*` for all keys.
    pub key: String,
}

impl std::fmt::Display for Reference {
    /// `secret/data/web#password`, with version, namespace and store if they are set.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let SecretRef { store, path, version, namespace, .. } = &self.secret;
        if let Some(store) = store {
            write!(f, "{store}::")?;
        }
        write!(f, "{path}#{}", self.key)?;
        if let Some(version) = version {
            write!(f, "#{version}")?;
        }
        if let Some(namespace) = namespace {
            write!(f, " (namespace {namespace})")?;
        }
        Ok(())
    }
}

/// The kind of a change of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReferenceChangeKind {
    /// A new placeholder.
    Added,
    /// A removed placeholder.
    Removed,
    /// The same field refers to another path, key, store or namespace.
    OtherPath,
    /// The same key is referred to in another version.
    OtherVersion,
}

impl ReferenceChangeKind {
    /// The kind in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::OtherPath => "other path",
            Self::OtherVersion => "other version",
        }
    }
}

/// A reference that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceChange {
    /// The kind of change.
    pub kind: ReferenceChangeKind,
    /// The reference on the older side.
    pub before: Option<Reference>,
    /// The reference on the newer side.
    pub after: Option<Reference>,
    /// The fields with this change, as `Secret prod/db: stringData.password`.
    pub used_by: Vec<String>,
}

/// A reference and the field that contains it.
struct Use {
    place: String,
    reference: Reference,
}

fn uses(found: Vec<SecretUse>) -> Vec<Use> {
    let of = |used: SecretUse| Use {
        place: format!("{}: {}", used.object, used.field),
        reference: Reference { secret: used.secret, key: used.key },
    };
    found.into_iter().map(of).collect()
}

/// The references that differ. References of the same field are matched first, then those to the same key.
pub fn changes(before: Vec<SecretUse>, after: Vec<SecretUse>) -> Vec<ReferenceChange> {
    let (mut before, mut after) = (uses(before), uses(after));
    let mut found: BTreeMap<(ReferenceChangeKind, Option<Reference>, Option<Reference>), Vec<String>> =
        BTreeMap::new();
    let is_same = |one: &Use, other: &Use| one.place == other.place && one.reference == other.reference;
    take_pairs(&mut before, &mut after, is_same, |_, _| {});
    let mut add = |one: Use, other: Use| {
        let kind = match is_other_version(&one.reference, &other.reference) {
            true => ReferenceChangeKind::OtherVersion,
            false => ReferenceChangeKind::OtherPath,
        };
        // The same reference in another field is not a difference.
        if one.reference != other.reference {
            found.entry((kind, Some(one.reference), Some(other.reference))).or_default().push(other.place);
        }
    };
    take_pairs(&mut before, &mut after, |one, other| one.place == other.place, &mut add);
    take_pairs(&mut before, &mut after, |one, other| one.reference == other.reference, &mut add);
    let versions = |one: &Use, other: &Use| is_other_version(&one.reference, &other.reference);
    take_pairs(&mut before, &mut after, versions, &mut add);
    for gone in before {
        let key = (ReferenceChangeKind::Removed, Some(gone.reference), None);
        found.entry(key).or_default().push(gone.place);
    }
    for new in after {
        let key = (ReferenceChangeKind::Added, None, Some(new.reference));
        found.entry(key).or_default().push(new.place);
    }
    let change = |((kind, before, after), used_by)| ReferenceChange { kind, before, after, used_by };
    found.into_iter().map(change).collect()
}

fn is_other_version(one: &Reference, other: &Reference) -> bool {
    let bare = |reference: &Reference| {
        let secret = SecretRef { version: None, ..reference.secret.clone() };
        (secret, reference.key.clone())
    };
    bare(one) == bare(other) && one.secret.version != other.secret.version
}

/// Removes matching uses from both lists and passes each pair to `take`.
fn take_pairs(
    before: &mut Vec<Use>,
    after: &mut Vec<Use>,
    belongs: impl Fn(&Use, &Use) -> bool,
    mut take: impl FnMut(Use, Use),
) {
    let mut at = 0;
    while at < before.len() {
        match after.iter().position(|other| belongs(&before[at], other)) {
            Some(other) => take(before.remove(at), after.remove(other)),
            None => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::changes;
    use crate::fill::uses::SecretUse;
    use keyfill_diag::ObjectRef;
    use keyfill_secrets::SecretRef;

    fn used(field: &str, path: &str, version: Option<&str>) -> SecretUse {
        let secret = SecretRef { version: version.map(str::to_owned), ..SecretRef::latest(path) };
        let object = ObjectRef { kind: "Secret".into(), namespace: "n".into(), name: "s".into() };
        SecretUse { document: 0, object: object.into(), field: field.into(), secret, key: "k".into() }
    }

    #[test]
    fn placeholders_come_go_and_ask_for_something_else() {
        let before = vec![
            used("same", "p/a", None),
            used("path", "p/b", None),
            used("version", "p/c", Some("1")),
            used("gone", "p/d", None),
        ];
        let after = vec![
            used("same", "p/a", None),
            used("path", "p/x", None),
            used("version", "p/c", Some("2")),
            used("new", "p/e", None),
        ];
        let line = |c: super::ReferenceChange| {
            let text = |r: Option<super::Reference>| r.map_or("-".to_owned(), |r| r.to_string());
            format!("{}: {} -> {} in {}", c.kind.name(), text(c.before), text(c.after), c.used_by.join("; "))
        };
        let found: Vec<String> = changes(before, after).into_iter().map(line).collect();
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found[0].starts_with("added: - -> p/e#k in "), "{found:?}");
        assert!(found[1].starts_with("removed: p/d#k -> - in "), "{found:?}");
        assert!(found[2].starts_with("other path: p/b#k -> p/x#k in "), "{found:?}");
        assert!(found[3].starts_with("other version: p/c#k#1 -> p/c#k#2 in "), "{found:?}");
    }

    #[test]
    fn a_placeholder_that_moved_is_no_difference() {
        assert!(changes(vec![used("a", "p", None)], vec![used("b", "p", None)]).is_empty());
    }
}
