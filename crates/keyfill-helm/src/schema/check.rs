//! Checks values against a compiled schema.
//!
//! Whether a value fits a node is computed once and cached. So a schema whose definitions refer to each other many
//! times costs at most the number of nodes times the number of values. The reasons for errors are computed
//! afterwards, for the values that do not fit.

use super::compile::{Choices, Condition, Dependency, Node, NodeId, Schema, canonical, fits_metaschema};
use super::keywords::{duplicates, escaped};
use super::value::{Json, Number};
use keyfill_diag::{Cx, Stopped};
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

/// The most lines that are reported: the problems, and the reasons below them.
const MOST_LINES: usize = 60;
/// How many branches of an `anyOf` or `oneOf` are shown.
const MOST_BRANCHES: usize = 10;
/// The most names in a line.
const MOST_NAMES: usize = 20;
/// The deepest recursion through references and nested values.
const DEEPEST: u32 = 20_000;
/// The number of checks between two checks of the deadline.
const CHECKS_PER_LOOK: u64 = 1 << 10;
/// The most results that are cached. They take some hundred megabytes.
const MOST_REMEMBERED: usize = 8_000_000;

/// Why checking ended early.
pub(super) enum Failure {
    Stopped(Stopped),
    TooDeep,
    TooMuch,
}

/// The problems of a value, a line each. Empty if the value fits the schema.
pub(super) fn problems(schema: &Schema, value: &Json, cx: &Cx) -> Result<Vec<String>, Failure> {
    let mut checker =
        Checker { schema, cx, known: HashMap::new(), active: HashSet::new(), checks: 0, depth: 0 };
    if checker.fits(0, value)? {
        return Ok(Vec::new());
    }
    let mut lines = Vec::new();
    checker.explain(0, value, &mut Vec::new(), 0, &mut lines)?;
    if lines.len() >= MOST_LINES {
        lines.push("- and more".to_owned());
    }
    Ok(lines)
}

/// A node and the address of a value: whether the value fits the node.
type Question = (NodeId, usize);

struct Checker<'a> {
    schema: &'a Schema,
    cx: &'a Cx,
    known: HashMap<Question, bool>,
    /// The questions that are being answered. One that occurs again meanwhile, by a circle of references, counts
    /// as not fitting.
    active: HashSet<Question>,
    checks: u64,
    depth: u32,
}

/// A reason why a value does not fit a node.
enum Fault<'v> {
    /// A message.
    Said(String),
    /// Another node, which the same value does not fit.
    Same(NodeId),
    /// Another node, which a part of the value does not fit, with the part and its name or index.
    Inside(NodeId, &'v Json, String),
    /// A message, and the branches of `allOf`, `anyOf` or `oneOf` that the value does not fit.
    Branches(String, Vec<NodeId>),
}

type Faults<'v> = Vec<Fault<'v>>;

impl<'a> Checker<'a> {
    /// Whether a value fits a node.
    fn fits(&mut self, id: NodeId, value: &Json) -> Result<bool, Failure> {
        let schema = self.schema;
        let node = &schema.nodes[id as usize];
        if let Some(always) = node.always {
            return Ok(always);
        }
        self.count()?;
        let question = (id, std::ptr::from_ref(value) as usize);
        if let Some(known) = self.known.get(&question) {
            return Ok(*known);
        }
        if !self.active.insert(question) {
            return Ok(false);
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Failure::TooDeep);
        }
        let faults = stacker::maybe_grow(64 << 10, 1 << 20, || self.faults(node, value, false))?;
        self.depth -= 1;
        self.active.remove(&question);
        if self.known.len() >= MOST_REMEMBERED {
            return Err(Failure::TooMuch);
        }
        self.known.insert(question, faults.is_empty());
        Ok(faults.is_empty())
    }

    /// The reasons why a value does not fit a node: with `all` every reason, otherwise at least one.
    fn faults<'v>(&mut self, node: &'a Node, value: &'v Json, all: bool) -> Result<Faults<'v>, Failure> {
        let mut found = whole_faults(node, value);
        // helm reports nothing else for a value whose type is wrong.
        if !found.is_empty() {
            return Ok(found);
        }
        for reference in &node.references {
            if !self.fits(*reference, value)? {
                found.push(Fault::Same(*reference));
            }
        }
        let goes_on = |found: &Faults<'_>| all || found.is_empty();
        if goes_on(&found) {
            self.object_faults(node, value, &mut found)?;
        }
        if goes_on(&found) {
            self.array_faults(node, value, &mut found)?;
        }
        if goes_on(&found) {
            scalar_faults(node, value, &mut found);
            self.combined_faults(node, value, &mut found)?;
        }
        if goes_on(&found) {
            self.unevaluated_faults(node, value, &mut found)?;
        }
        Ok(found)
    }

    fn object_faults<'v>(
        &mut self,
        node: &'a Node,
        value: &'v Json,
        found: &mut Faults<'v>,
    ) -> Result<(), Failure> {
        let Json::Object(entries) = value else { return Ok(()) };
        bounds("Properties", entries.len(), node.min_properties, node.max_properties, found);
        let missing = |names: &[String]| -> Vec<String> {
            names.iter().filter(|name| !entries.contains_key(*name)).cloned().collect()
        };
        match &missing(&node.required)[..] {
            [] => {}
            [one] => found.push(Fault::Said(format!("missing property '{one}'"))),
            several => found.push(Fault::Said(format!("missing properties {}", quoted(several)))),
        }
        for (name, dependency) in node.dependencies.iter().filter(|(name, _)| entries.contains_key(name)) {
            match dependency {
                Dependency::Schema(id) if !self.fits(*id, value)? => found.push(Fault::Same(*id)),
                Dependency::Names(names) if !missing(names).is_empty() => {
                    let names = quoted(&missing(names));
                    found.push(Fault::Said(format!("properties {names} required, if '{name}' exists")));
                }
                Dependency::Schema(_) | Dependency::Names(_) => {}
            }
        }
        let mut additional = Vec::new();
        for (name, inner) in entries {
            let mut evaluated = false;
            for id in self.of_property(node, name)? {
                evaluated = true;
                if !self.fits(id, inner)? {
                    found.push(Fault::Inside(id, inner, name.clone()));
                }
            }
            if let Some(id) = node.additional_properties.filter(|_| !evaluated) {
                if self.schema.nodes[id as usize].always == Some(false) {
                    additional.push(name.clone());
                } else if !self.fits(id, inner)? {
                    found.push(Fault::Inside(id, inner, name.clone()));
                }
            }
            if let Some(id) = node.property_names {
                let name = Json::Str(name.clone());
                let fits = self.fits_alone(id, &name)?;
                if !fits {
                    let shown = name.shown().unwrap_or_default();
                    found.push(Fault::Said(format!("invalid propertyName {shown}")));
                }
            }
        }
        if !additional.is_empty() {
            found.push(Fault::Said(format!("additional properties {} not allowed", quoted(&additional))));
        }
        Ok(())
    }

    /// The nodes that `properties` and `patternProperties` apply to a property.
    fn of_property(&mut self, node: &Node, name: &str) -> Result<Vec<NodeId>, Failure> {
        let mut found: Vec<NodeId> = node.properties.get(name).copied().into_iter().collect();
        for (pattern, id) in &node.patterns {
            self.count()?;
            if pattern.is_match(name.as_bytes()) {
                found.push(*id);
            }
        }
        Ok(found)
    }

    /// Counts a step, and from time to time checks whether the run has to stop.
    fn count(&mut self) -> Result<(), Failure> {
        self.checks += 1;
        if self.checks.is_multiple_of(CHECKS_PER_LOOK) {
            self.cx.check().map_err(Failure::Stopped)?;
        }
        Ok(())
    }

    /// Whether a temporary value fits a node. The result must not be cached, since another value may later have
    /// the same address.
    fn fits_alone(&mut self, id: NodeId, value: &Json) -> Result<bool, Failure> {
        let known = std::mem::take(&mut self.known);
        let fits = self.fits(id, value);
        self.known = known;
        fits
    }

    fn array_faults<'v>(
        &mut self,
        node: &'a Node,
        value: &'v Json,
        found: &mut Faults<'v>,
    ) -> Result<(), Failure> {
        let Json::Array(items) = value else { return Ok(()) };
        bounds("Items", items.len(), node.min_items, node.max_items, found);
        if let Some((first, second)) = node.unique_items.then(|| duplicates(items)).flatten() {
            found.push(Fault::Said(format!("items at {first} and {second} are equal")));
        }
        for (place, item) in items.iter().enumerate() {
            let Some(id) = node.first_items.get(place).copied().or(node.other_items) else { continue };
            let behind_first = place >= node.first_items.len() && node.draft < 2020;
            if behind_first
                && !node.first_items.is_empty()
                && self.schema.nodes[id as usize].always == Some(false)
            {
                let count = items.len() - place;
                found.push(Fault::Said(format!("last {count} additionalItem(s) not allowed")));
                break;
            }
            if !self.fits(id, item)? {
                found.push(Fault::Inside(id, item, place.to_string()));
            }
        }
        if let Some(id) = node.contains {
            let mut matching = 0;
            for item in items {
                matching += i64::from(self.fits(id, item)?);
            }
            let least = node.min_contains.unwrap_or(1);
            if matching < least {
                let text = match node.min_contains {
                    None => "no items match contains schema".to_owned(),
                    Some(_) => {
                        format!("min {least} items required to match contains schema, {matching} matched")
                    }
                };
                found.push(Fault::Said(text));
            }
            if let Some(most) = node.max_contains.filter(|most| matching > *most) {
                let text = format!("max {most} items required to match contains schema, {matching} matched");
                found.push(Fault::Said(text));
            }
        }
        Ok(())
    }

    fn combined_faults<'v>(
        &mut self,
        node: &'a Node,
        value: &'v Json,
        found: &mut Faults<'v>,
    ) -> Result<(), Failure> {
        if let Some(id) = node.not
            && self.fits(id, value)?
        {
            found.push(Fault::Said("'not' failed".to_owned()));
        }
        let failing = self.failing(&node.all_of, value)?;
        if !failing.is_empty() {
            found.push(Fault::Branches("'allOf' failed".to_owned(), failing));
        }
        if !node.any_of.is_empty() && self.failing(&node.any_of, value)?.len() == node.any_of.len() {
            found.push(Fault::Branches("'anyOf' failed".to_owned(), node.any_of.clone()));
        }
        if !node.one_of.is_empty() {
            let failing = self.failing(&node.one_of, value)?;
            match node.one_of.len() - failing.len() {
                1 => {}
                0 => found.push(Fault::Branches("'oneOf' failed, none matched".to_owned(), failing)),
                _ => {
                    let matched: Vec<String> = (0..)
                        .zip(&node.one_of)
                        .filter(|(_, id)| !failing.contains(id))
                        .map(|(place, _): (usize, _)| place.to_string())
                        .take(2)
                        .collect();
                    let matched = matched.join(", ");
                    found.push(Fault::Said(format!("'oneOf' failed, subschemas {matched} matched")));
                }
            }
        }
        if let Some(Condition { test, then, otherwise }) = &node.condition {
            let then = if self.fits(*test, value)? { then } else { otherwise };
            if let Some(id) = *then
                && !self.fits(id, value)?
            {
                found.push(Fault::Same(id));
            }
        }
        Ok(())
    }

    fn failing(&mut self, nodes: &[NodeId], value: &Json) -> Result<Vec<NodeId>, Failure> {
        let mut failing = Vec::new();
        for id in nodes {
            if !self.fits(*id, value)? {
                failing.push(*id);
            }
        }
        Ok(failing)
    }

    fn unevaluated_faults<'v>(
        &mut self,
        node: &'a Node,
        value: &'v Json,
        found: &mut Faults<'v>,
    ) -> Result<(), Failure> {
        let (id, parts): (NodeId, Vec<(String, &Json)>) = match value {
            Json::Object(entries) => {
                let Some(id) = node.unevaluated_properties else { return Ok(()) };
                (id, entries.iter().map(|(name, inner)| (name.clone(), inner)).collect())
            }
            Json::Array(items) => {
                let Some(id) = node.unevaluated_items else { return Ok(()) };
                (id, items.iter().enumerate().map(|(n, item)| (n.to_string(), item)).collect())
            }
            _ => return Ok(()),
        };
        let evaluated = Evaluated::of(self, node, value)?;
        for (name, inner) in parts {
            if !evaluated.holds(&name) && !self.fits(id, inner)? {
                found.push(Fault::Inside(id, inner, name));
            }
        }
        Ok(())
    }

    /// Appends the reasons why a value does not fit a node, as lines with the JSON pointers of its parts.
    fn explain(
        &mut self,
        id: NodeId,
        value: &Json,
        at: &mut Vec<String>,
        indent: usize,
        lines: &mut Vec<String>,
    ) -> Result<(), Failure> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Failure::TooDeep);
        }
        let explained =
            stacker::maybe_grow(64 << 10, 1 << 20, || self.explain_one(id, value, at, indent, lines));
        self.depth -= 1;
        explained
    }

    fn explain_one(
        &mut self,
        id: NodeId,
        value: &Json,
        at: &mut Vec<String>,
        indent: usize,
        lines: &mut Vec<String>,
    ) -> Result<(), Failure> {
        let node = &self.schema.nodes[id as usize];
        let pointer: String = at.iter().map(|part| format!("/{}", escaped(part))).collect();
        let line = |text: &str| format!("{}- at '{pointer}': {text}", "  ".repeat(indent.min(20)));
        if node.always == Some(false) {
            lines.push(line("not allowed here"));
            return Ok(());
        }
        for fault in self.faults(node, value, true)? {
            if lines.len() >= MOST_LINES {
                return Ok(());
            }
            match fault {
                Fault::Said(text) => lines.push(line(&text)),
                Fault::Same(id) => self.explain(id, value, at, indent, lines)?,
                Fault::Inside(id, inner, name) => {
                    at.push(name);
                    self.explain(id, inner, at, indent, lines)?;
                    at.pop();
                }
                Fault::Branches(title, nodes) => {
                    lines.push(line(&title));
                    for id in nodes.into_iter().take(MOST_BRANCHES) {
                        if lines.len() < MOST_LINES {
                            self.explain(id, value, at, indent + 1, lines)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// The reasons that concern a value as a whole, in helm's order. If there is one, nothing else is checked.
fn whole_faults<'v>(node: &Node, value: &Json) -> Faults<'v> {
    let said = |text: String| vec![Fault::Said(text)];
    if let Some(draft) = node.metaschema
        && !fits_metaschema(value, draft)
    {
        return said("is no schema".to_owned());
    }
    if let Some(types) = &node.types {
        let is_integer = matches!(value, Json::Number(number) if number.is_integer());
        let fits = types.contains(value.type_name()) || is_integer && types.contains("integer");
        if !fits {
            let mut wanted: Vec<&str> = types.iter().copied().collect();
            wanted.sort_unstable();
            return said(format!("got {}, want {}", value.type_name(), wanted.join(" or ")));
        }
    }
    for (rule, choices) in [("const", &node.constant), ("enum", &node.choices)] {
        let Some(Choices { canonical: known, shown }) = choices else { continue };
        if !known.contains(&canonical(value)) {
            return said(match shown {
                Some(one) if known.len() == 1 => format!("value must be {one}"),
                Some(shown) => format!("value must be one of {shown}"),
                None => format!("'{rule}' failed"),
            });
        }
    }
    match (&node.format, value) {
        (Some(format), Json::Str(text)) if !(format.is_valid)(text) => {
            said(format!("the value is not valid {}", format.name))
        }
        _ => Vec::new(),
    }
}

fn scalar_faults(node: &Node, value: &Json, found: &mut Faults<'_>) {
    match value {
        Json::Str(text) => string_faults(node, text, found),
        Json::Number(number) => number_faults(node, number, found),
        _ => {}
    }
}

fn bounds(what: &str, count: usize, least: Option<i64>, most: Option<i64>, found: &mut Faults<'_>) {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    if let Some(least) = least.filter(|least| count < *least) {
        found.push(Fault::Said(format!("min{what}: got {count}, want {least}")));
    }
    if let Some(most) = most.filter(|most| count > *most) {
        found.push(Fault::Said(format!("max{what}: got {count}, want {most}")));
    }
}

fn string_faults(node: &Node, text: &str, found: &mut Faults<'_>) {
    if node.min_length.is_some() || node.max_length.is_some() {
        bounds("Length", text.chars().count(), node.min_length, node.max_length, found);
    }
    if let Some((pattern, _)) = node.pattern.as_ref().filter(|(_, regexp)| !regexp.is_match(text.as_bytes()))
    {
        found.push(Fault::Said(format!("the value does not match pattern '{pattern}'")));
    }
}

fn number_faults(node: &Node, number: &Number, found: &mut Faults<'_>) {
    let mut bound = |name: &str, bound: &Option<Number>, wrong: &[Ordering]| {
        if let Some(bound) = bound
            && wrong.contains(&number.compare(bound))
        {
            let wanted = &bound.written;
            found.push(Fault::Said(format!("{name}: got {}, want {wanted}", number.written)));
        }
    };
    bound("minimum", &node.minimum, &[Ordering::Less]);
    bound("maximum", &node.maximum, &[Ordering::Greater]);
    bound("exclusiveMinimum", &node.exclusive_minimum, &[Ordering::Less, Ordering::Equal]);
    bound("exclusiveMaximum", &node.exclusive_maximum, &[Ordering::Greater, Ordering::Equal]);
    if let Some(divisor) = node.multiple_of.as_ref().filter(|divisor| !number.is_multiple_of(divisor)) {
        found.push(Fault::Said(format!("multipleOf: got {}, want {}", number.written, divisor.written)));
    }
}

fn quoted(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(MOST_NAMES).map(|name| format!("'{name}'")).collect();
    let left = names.len().saturating_sub(MOST_NAMES);
    let more = if left > 0 { format!(" and {left} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// The parts of a value that a node has evaluated, by property name or item index.
enum Evaluated {
    All,
    Some(BTreeSet<String>),
}

impl Evaluated {
    fn holds(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Some(names) => names.contains(name),
        }
    }

    /// The parts that were evaluated by the node itself, and by all nodes that it applies to the same value and
    /// that the value fits.
    fn of(checker: &mut Checker<'_>, node: &Node, value: &Json) -> Result<Self, Failure> {
        let mut names = BTreeSet::new();
        let mut waiting: Vec<Rc<[NodeId]>> = Vec::new();
        let mut seen = HashSet::new();
        if own(checker, node, value, &mut names)? {
            return Ok(Self::All);
        }
        waiting.push(applied(checker, node, value)?.into());
        while let Some(ids) = waiting.pop() {
            for id in ids.iter().copied() {
                if !seen.insert(id) || !checker.fits(id, value)? {
                    continue;
                }
                let inner = &checker.schema.nodes[id as usize];
                if own(checker, inner, value, &mut names)?
                    || inner.unevaluated_properties.is_some() && matches!(value, Json::Object(_))
                    || inner.unevaluated_items.is_some() && matches!(value, Json::Array(_))
                {
                    return Ok(Self::All);
                }
                waiting.push(applied(checker, inner, value)?.into());
            }
        }
        Ok(Self::Some(names))
    }
}

/// Adds the parts that a node's own keywords evaluate. Returns whether these are all parts.
fn own(
    checker: &mut Checker<'_>,
    node: &Node,
    value: &Json,
    names: &mut BTreeSet<String>,
) -> Result<bool, Failure> {
    match value {
        Json::Object(entries) => {
            if node.additional_properties.is_some() {
                return Ok(true);
            }
            for name in entries.keys() {
                if !checker.of_property(node, name)?.is_empty() {
                    names.insert(name.clone());
                }
            }
        }
        Json::Array(items) => {
            if node.other_items.is_some() {
                return Ok(true);
            }
            names.extend((0..node.first_items.len().min(items.len())).map(|place| place.to_string()));
            if let Some(id) = node.contains.filter(|_| node.draft >= 2020) {
                for (place, item) in items.iter().enumerate() {
                    if checker.fits(id, item)? {
                        names.insert(place.to_string());
                    }
                }
            }
        }
        _ => {}
    }
    Ok(false)
}

/// The nodes that a node applies to the same value.
fn applied(checker: &mut Checker<'_>, node: &Node, value: &Json) -> Result<Vec<NodeId>, Failure> {
    let mut ids: Vec<NodeId> = node.references.clone();
    ids.extend(node.all_of.iter().chain(&node.any_of).chain(&node.one_of));
    if let Json::Object(entries) = value {
        ids.extend(node.dependencies.iter().filter_map(|(name, dependency)| match dependency {
            Dependency::Schema(id) if entries.contains_key(name) => Some(*id),
            _ => None,
        }));
    }
    if let Some(Condition { test, then, otherwise }) = &node.condition {
        ids.push(*test);
        ids.extend(if checker.fits(*test, value)? { then } else { otherwise });
    }
    Ok(ids)
}
