//! Name references: when a resource gets another name, the fields of other resources that hold it are corrected.
//!
//! DESIGN.md of this crate explains how the target of a reference is found.

mod candidates;
mod unlisted;

use crate::Gvk;
use crate::config::BackReferences;
use crate::error::{Error, Result};
use crate::fieldspec::{self, Create, FieldSpec};
use crate::resmap::{ResMap, describe};
use crate::resource::{Id, Resource, is_null, set_scalar, set_text, text_of_scalar};
use crate::schema::Schema;
use candidates::{Candidates, Referrer};
use keyfill_diag::Cx;
use keyfill_yaml::{Location, Map, Node};
use std::cell::RefCell;
use std::collections::HashMap;
use unlisted::Unlisted;

/// Corrects all references. Returns warnings: references that could not be followed, although their target has
/// another name now.
pub fn fix(map: &mut ResMap, tables: &[BackReferences], schema: &Schema, cx: &Cx) -> Result<Vec<Error>> {
    let left = RefCell::default();
    let by_kind = Rows::new(tables);
    let candidates = Candidates::new(map);
    for at in map.places() {
        cx.check()?;
        let original = map.get(at).original_id().gvk;
        let rows = by_kind.of(&original);
        if rows.is_empty() {
            continue;
        }
        let referrer = candidates.referrer(map, at).map_err(|e| map.get(at).blame_here(e))?;
        let mut node = std::mem::replace(&mut map.node_mut(at).node, Node::null());
        let result = rows.iter().try_for_each(|row| {
            let correction =
                Correction { map, candidates: &candidates, referrer: &referrer, row, cx, left: &left };
            correction.apply(&mut node)
        });
        map.node_mut(at).node = node;
        result.map_err(|e| map.get(at).blame_here(e))?;
        // A configuration may list `metadata/name` itself as a reference.
        map.update(at, schema, |_| Ok(()))?;
    }
    let mut left = left.into_inner();
    if map.iter().any(|resource| is_of_config(&resource.id().gvk) && has_new_name(resource)) {
        for at in map.places() {
            cx.check()?;
            if left.len() >= MOST_LEFT {
                break;
            }
            if by_kind.of(&map.get(at).original_id().gvk).iter().any(|row| is_of_config(row.target)) {
                continue;
            }
            // A reference that was fixed may have got a namespace. What that changes is no error of this build.
            let Ok(referrer) = candidates.referrer(map, at) else { continue };
            let mut look = Unlisted { map, candidates: &candidates, referrer: &referrer, found: Vec::new() };
            look.look(&map.get(at).node);
            left.append(&mut look.found);
        }
        left.truncate(MOST_LEFT);
    }
    Ok(left)
}

/// Whether objects of a type hold settings that other objects refer to: ConfigMaps and Secrets.
fn is_of_config(gvk: &Gvk) -> bool {
    matches!(gvk.kind.as_str(), "ConfigMap" | "Secret") && gvk.group.is_empty()
}

fn has_new_name(resource: &Resource) -> bool {
    resource.memory.previous.iter().any(|previous| previous.name != resource.id().name)
}

/// The most warnings of one build. More would not be read.
const MOST_LEFT: usize = 20;

/// A field that may hold the name of a resource of some type.
#[derive(Clone, Copy)]
struct Row<'a> {
    target: &'a Gvk,
    field: &'a FieldSpec,
    order: usize,
}

/// The rows of the configuration by the kind of the referring resource.
struct Rows<'a> {
    by_kind: HashMap<&'a str, Vec<Row<'a>>>,
    of_any_kind: Vec<Row<'a>>,
}

impl<'a> Rows<'a> {
    fn new(tables: &'a [BackReferences]) -> Self {
        let mut rows = Self { by_kind: HashMap::new(), of_any_kind: Vec::new() };
        let fields = tables.iter().flat_map(|t| t.referrers.iter().map(move |field| (&t.target, field)));
        for (order, (target, field)) in fields.enumerate() {
            let row = Row { target, field, order };
            if field.gvk.kind.is_empty() {
                rows.of_any_kind.push(row);
            } else {
                rows.by_kind.entry(field.gvk.kind.as_str()).or_default().push(row);
            }
        }
        rows
    }

    /// The rows for a type, in the order of the configuration.
    fn of(&self, gvk: &Gvk) -> Vec<Row<'a>> {
        let of_kind = self.by_kind.get(gvk.kind.as_str()).into_iter().flatten();
        let mut rows: Vec<Row> =
            of_kind.chain(&self.of_any_kind).filter(|r| gvk.is_selected_by(&r.field.gvk)).copied().collect();
        rows.sort_by_key(|r| r.order);
        rows
    }
}

/// The correction of one field of one resource.
struct Correction<'a> {
    map: &'a ResMap,
    candidates: &'a Candidates,
    referrer: &'a Referrer,
    row: &'a Row<'a>,
    cx: &'a Cx,
    /// Warnings about references that could not be followed.
    left: &'a RefCell<Vec<Error>>,
}

impl Correction<'_> {
    fn apply(&self, object: &mut Node) -> Result<()> {
        let gvk = &self.referrer.id.gvk;
        let field = self.row.field;
        let mut set = |node: &mut Node| self.set(node);
        let result = if gvk.is_selected_by(&field.gvk) {
            fieldspec::visit(object, gvk, field, Create::Never, &mut set)
        } else {
            // The row was chosen by the original kind of the object, which a step has changed since.
            let field = FieldSpec::new(gvk.clone(), &field.path, field.create);
            fieldspec::visit(object, gvk, &field, Create::Never, &mut set)
        };
        result.map_err(|e| e.at_path(field.path.to_string()).context("updating name references"))
    }

    fn set(&self, node: &mut Node) -> Result<()> {
        match node {
            _ if is_null(node) => Ok(()),
            Node::Scalar(_) => self.set_scalar(node),
            Node::Map(map) => self.set_map(map),
            Node::Seq(seq) => seq.items.iter_mut().try_for_each(|item| match item {
                _ if is_null(item) => Ok(()),
                Node::Scalar(_) => self.set_scalar(item),
                Node::Map(map) => self.set_map(map),
                Node::Seq(_) => {
                    Err(Error::new("expected a name, or a mapping with a name").at_location(item.location()))
                }
            }),
        }
    }

    /// Corrects a field that is the name itself.
    fn set_scalar(&self, node: &mut Node) -> Result<()> {
        self.cx.check()?;
        let old = text_of_scalar(node);
        let found = self.candidates.named(self.map, self.referrer, old);
        let target = self.choose(found, false).map_err(|e| e.at_location(node.location()))?;
        match target {
            None => self.note_left(old, node.location()),
            Some(target) if target.name != old => set_scalar(node, target.name.clone()),
            Some(_) => {}
        }
        Ok(())
    }

    /// Corrects a field that is a mapping with `name` and perhaps `namespace`.
    fn set_map(&self, map: &mut Map) -> Result<()> {
        self.cx.check()?;
        let Some(name) = map.get("name") else {
            return Err(Error::new("the field is a mapping without `name`").at_location(map.location));
        };
        let old = text_of_scalar(name);
        let mut found = self.candidates.named(self.map, self.referrer, old);
        if let Some(namespace) = map.get("namespace").map(text_of_scalar) {
            self.candidates.keep_namespace(self.map, self.referrer, namespace, &mut found);
        }
        let target = self.choose(found, true).map_err(|e| e.at_location(map.location))?;
        let Some(target) = target else {
            self.note_left(old, name.location());
            return Ok(());
        };
        if target.name == old && target.namespace.is_empty() {
            return Ok(());
        }
        let (name, namespace) = (target.name.clone(), target.namespace.clone());
        set_text(map, "name", &name);
        // An empty namespace matches any; it must not replace one that is written.
        if !namespace.is_empty() {
            set_text(map, "namespace", &namespace);
        }
        Ok(())
    }

    /// Adds a warning if a name stays although its target was renamed. This happens to objects of charts: they
    /// keep their namespace when the kustomization changes that of all other objects, and then do not see them
    /// any more.
    fn note_left(&self, old: &str, location: Location) {
        let me = self.map.get(self.referrer.at);
        if !me.memory.from_chart || self.left.borrow().len() >= MOST_LEFT {
            return;
        }
        let is_of_type = |at: &usize| {
            self.map
                .get(*at)
                .previous_ids()
                .any(|id| id.gvk.is_selected_by(self.row.target) && id.name == old)
        };
        let was_seen = |at: &usize| {
            let first = self.map.get(*at).memory.previous.first();
            first.is_some_and(|first| first.namespace == *self.referrer.id.effective_namespace())
        };
        let renamed = self.candidates.all_named(old).iter().find(|at| is_of_type(at) && was_seen(at));
        let Some(target) = renamed.map(|at| self.map.get(*at).id()).filter(|id| id.name != old) else {
            return;
        };
        // The reference may mean an object that still has the name.
        let still_there = self.map.matching_name(old, |_| true).into_iter().any(|at| {
            let id = self.map.get(at).id();
            id.name == old && id.gvk == target.gvk && self.referrer.sees(id)
        });
        if still_there {
            return;
        }
        let error = Error::new(format!(
            "the reference to {} \"{old}\" stays, but the object is now {}",
            target.gvk.kind,
            describe(target)
        ))
        .at_location(location)
        .at_path(self.row.field.path.to_string())
        .hint(
            "objects of charts get their namespace from the chart's entry alone, and a reference is followed within \
             one namespace: set `namespace` at the entry of `helmCharts` and in the chart's templates, or turn the \
             hash off with `disableNameSuffixHash`",
        );
        self.left.borrow_mut().push(me.blame_here(error));
    }

    /// The one resource that a reference means, among those that had the name.
    fn choose(&self, mut found: Vec<usize>, with_namespace: bool) -> Result<Option<&Id>> {
        let resource = |at: &usize| self.map.get(*at);
        found.retain(|at| resource(at).previous_ids().any(|id| id.gvk.is_selected_by(self.row.target)));
        if self.row.field.path.ends_with("roleRef/name")
            && let Some(role) = &self.referrer.role
        {
            found.retain(|at| resource(at).previous_ids().any(|id| id.gvk.is_selected_by(role)));
        }
        found.retain(|at| self.referrer.sees(resource(at).id()));
        if found.len() != 1 {
            let me = self.map.get(self.referrer.at);
            found.retain(|at| resource(at).has_affixes_of(me, true));
            if found.len() > 1 {
                found.retain(|at| resource(at).has_affixes_of(me, false));
            }
        }
        let Some((first, rest)) = found.split_first() else { return Ok(None) };
        let first = resource(first).id();
        let is_same = |id: &Id| id.name == first.name && (!with_namespace || id.namespace == first.namespace);
        if rest.iter().all(|at| is_same(resource(at).id())) {
            return Ok(Some(first));
        }
        let all: Vec<String> = found.iter().take(10).map(|at| describe(resource(at).id())).collect();
        Err(Error::new(format!("found multiple possible referrals: {}", all.join(", ")))
            .hint("give the resources different names, or put the reference in the same base as its target"))
    }
}
