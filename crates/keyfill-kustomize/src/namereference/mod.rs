//! Name references: where a resource's name has changed, the fields of others that hold it are mended.
//!
//! DESIGN.md beside this crate tells how a reference finds its target.

mod candidates;

use crate::Gvk;
use crate::config::BackReferences;
use crate::error::{Error, Result};
use crate::fieldspec::{self, Create, FieldSpec};
use crate::resmap::{ResMap, describe};
use crate::resource::{Id, is_null, set_scalar, set_text, text_of_scalar};
use crate::schema::Schema;
use candidates::{Candidates, Referrer};
use keyfill_yaml::{Map, Node};
use std::collections::HashMap;

/// Mends all references.
pub fn fix(map: &mut ResMap, tables: &[BackReferences], schema: &Schema) -> Result<()> {
    let by_kind = Rows::new(tables);
    let candidates = Candidates::new(map);
    for at in map.places() {
        let original = map.get(at).original_id().gvk;
        let rows = by_kind.of(&original);
        if rows.is_empty() {
            continue;
        }
        let referrer = candidates.referrer(map, at)?;
        let mut node = std::mem::replace(&mut map.node_mut(at).node, Node::null());
        let result = rows.iter().try_for_each(|row| {
            let mend = Mend { map, candidates: &candidates, referrer: &referrer, row };
            mend.apply(&mut node)
        });
        map.node_mut(at).node = node;
        result.map_err(|e| map.get(at).blame(e))?;
        // A table may name `metadata/name` itself.
        map.update(at, schema, |_| Ok(()))?;
    }
    Ok(())
}

/// A field that may hold the name of a resource of some type.
#[derive(Clone, Copy)]
struct Row<'a> {
    target: &'a Gvk,
    field: &'a FieldSpec,
    order: usize,
}

/// The rows of the tables by the kind of the referring resource.
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

    /// The rows for a type, in the order of the tables.
    fn of(&self, gvk: &Gvk) -> Vec<Row<'a>> {
        let of_kind = self.by_kind.get(gvk.kind.as_str()).into_iter().flatten();
        let mut rows: Vec<Row> =
            of_kind.chain(&self.of_any_kind).filter(|r| gvk.is_selected_by(&r.field.gvk)).copied().collect();
        rows.sort_by_key(|r| r.order);
        rows
    }
}

/// Mends one field of one resource.
struct Mend<'a> {
    map: &'a ResMap,
    candidates: &'a Candidates,
    referrer: &'a Referrer,
    row: &'a Row<'a>,
}

impl Mend<'_> {
    fn apply(&self, object: &mut Node) -> Result<()> {
        let gvk = &self.referrer.id.gvk;
        let field = self.row.field;
        let mut set = |node: &mut Node| self.set(node);
        let result = if gvk.is_selected_by(&field.gvk) {
            fieldspec::visit(object, gvk, field, Create::Never, &mut set)
        } else {
            // Its kind was changed on the way; what it was at first has chosen the row.
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
                    Err(Error::new("expected a name, or a mapping with a name").at_line(item.line()))
                }
            }),
        }
    }

    /// The field is the name itself.
    fn set_scalar(&self, node: &mut Node) -> Result<()> {
        let old = text_of_scalar(node);
        let found = self.candidates.named(self.map, self.referrer, old);
        if let Some(target) = self.choose(found, false)?
            && target.name != old
        {
            set_scalar(node, target.name.clone());
        }
        Ok(())
    }

    /// The field is a mapping with `name` and perhaps `namespace`.
    fn set_map(&self, map: &mut Map) -> Result<()> {
        let Some(name) = map.get("name") else {
            return Err(Error::new("the field is a mapping without `name`"));
        };
        let old = text_of_scalar(name);
        let mut found = self.candidates.named(self.map, self.referrer, old);
        if let Some(namespace) = map.get("namespace").map(text_of_scalar) {
            self.candidates.keep_namespace(self.map, self.referrer, namespace, &mut found);
        }
        let Some(target) = self.choose(found, true)? else { return Ok(()) };
        if target.name == old && target.namespace.is_empty() {
            return Ok(());
        }
        let (name, namespace) = (target.name.clone(), target.namespace.clone());
        set_text(map, "name", &name);
        // An empty namespace matches any; it must not take the place of one that is written.
        if !namespace.is_empty() {
            set_text(map, "namespace", &namespace);
        }
        Ok(())
    }

    /// The one resource among those that had the name.
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
        let all: Vec<String> = found.iter().map(|at| describe(resource(at).id())).collect();
        Err(Error::new(format!("found multiple possible referrals: {}", all.join(", ")))
            .hint("give the resources different names, or put the reference in the same base as its target"))
    }
}
