//! Compiles a schema into nodes that values are checked against.
//!
//! Only the schemas that the root refers to, directly or not, are compiled. All references to one place lead to
//! one node, so that the checker can cache its results by node.

use super::formats::{Format, format};
use super::keywords::{self, Draft, LATEST, Rule, draft_of, escaped, is_schema};
use super::value::{Json, Number};
use keyfill_diag::{Cx, Stopped};
use keyfill_go::regexp::Regexp;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use url::Url;

/// The index of a node in `Schema::nodes`.
pub(super) type NodeId = u32;

/// The URL of the schema itself, as the base of references.
const ROOT: &str = "file:///values.schema.json";

/// A compiled schema. A field that is none or empty demands nothing.
#[derive(Default)]
pub(super) struct Node {
    pub(super) draft: Draft,
    /// Set for the schemas `true` and `false`, which every value or no value fits. `{}` is `true`.
    pub(super) always: Option<bool>,
    /// The value must be a schema of this draft.
    pub(super) metaschema: Option<Draft>,
    pub(super) types: Option<HashSet<&'static str>>,
    pub(super) constant: Option<Choices>,
    pub(super) choices: Option<Choices>,
    pub(super) format: Option<Format>,
    /// Schemas that the same value must fit: the targets of `$ref`, `$recursiveRef` and `$dynamicRef`.
    pub(super) references: Vec<NodeId>,
    pub(super) min_properties: Option<i64>,
    pub(super) max_properties: Option<i64>,
    pub(super) required: Vec<String>,
    pub(super) dependencies: Vec<(String, Dependency)>,
    pub(super) properties: BTreeMap<String, NodeId>,
    pub(super) patterns: Vec<(Rc<Regexp>, NodeId)>,
    pub(super) additional_properties: Option<NodeId>,
    pub(super) property_names: Option<NodeId>,
    pub(super) min_items: Option<i64>,
    pub(super) max_items: Option<i64>,
    pub(super) unique_items: bool,
    /// Schemas of the first items.
    pub(super) first_items: Vec<NodeId>,
    /// The schema of all further items.
    pub(super) other_items: Option<NodeId>,
    pub(super) contains: Option<NodeId>,
    pub(super) min_contains: Option<i64>,
    pub(super) max_contains: Option<i64>,
    pub(super) min_length: Option<i64>,
    pub(super) max_length: Option<i64>,
    pub(super) pattern: Option<(String, Rc<Regexp>)>,
    pub(super) minimum: Option<Number>,
    pub(super) maximum: Option<Number>,
    pub(super) exclusive_minimum: Option<Number>,
    pub(super) exclusive_maximum: Option<Number>,
    pub(super) multiple_of: Option<Number>,
    pub(super) not: Option<NodeId>,
    pub(super) all_of: Vec<NodeId>,
    pub(super) any_of: Vec<NodeId>,
    pub(super) one_of: Vec<NodeId>,
    pub(super) condition: Option<Condition>,
    pub(super) unevaluated_properties: Option<NodeId>,
    pub(super) unevaluated_items: Option<NodeId>,
}

/// `if`, `then`, `else`.
pub(super) struct Condition {
    pub(super) test: NodeId,
    pub(super) then: Option<NodeId>,
    pub(super) otherwise: Option<NodeId>,
}

/// What is required if a property exists: other properties, or that the object fits a schema.
pub(super) enum Dependency {
    Names(Vec<String>),
    Schema(NodeId),
}

/// The values of `enum` or `const`, of which one must equal the value.
pub(super) struct Choices {
    /// The canonical forms of the values.
    pub(super) canonical: HashSet<String>,
    /// The values as errors show them; none if one of them is an array or an object.
    pub(super) shown: Option<String>,
}

/// A schema that values can be checked against.
pub(super) struct Schema {
    pub(super) nodes: Vec<Node>,
    /// References to a `urn:` that nothing defines. helm accepts every value there.
    pub(super) ignored: BTreeSet<String>,
}

/// Why a schema cannot be used.
pub(super) enum Failure {
    /// The schema is invalid, at a JSON pointer.
    Wrong(keywords::Wrong),
    /// The schema refers to another document, which is named.
    Elsewhere(String),
    Stopped(Stopped),
}

impl From<keywords::Wrong> for Failure {
    fn from(wrong: keywords::Wrong) -> Self {
        Self::Wrong(wrong)
    }
}

/// Compiles a schema.
pub(super) fn compile(document: &Json, cx: &Cx) -> Result<Schema, Failure> {
    let mut compiler = Compiler {
        document,
        cx,
        resources: Vec::new(),
        seen: HashSet::new(),
        nodes: Vec::new(),
        places: HashMap::new(),
        waiting: Vec::new(),
        expressions: HashMap::new(),
        ignored: BTreeSet::new(),
    };
    compiler.collect("", document, ROOT, LATEST)?;
    compiler.node("");
    while let Some((id, pointer)) = compiler.waiting.pop() {
        cx.check().map_err(Failure::Stopped)?;
        let node = compiler.compile(&pointer)?;
        compiler.nodes[id as usize] = node;
    }
    Ok(Schema { nodes: compiler.nodes, ignored: compiler.ignored })
}

/// A schema with an id of its own, and the anchors in it.
struct Resource {
    pointer: String,
    id: String,
    draft: Draft,
    anchors: HashMap<String, String>,
}

struct Compiler<'a> {
    document: &'a Json,
    cx: &'a Cx,
    resources: Vec<Resource>,
    /// The JSON pointers of the schemas that were checked.
    seen: HashSet<String>,
    nodes: Vec<Node>,
    places: HashMap<String, NodeId>,
    waiting: Vec<(NodeId, String)>,
    expressions: HashMap<String, Rc<Regexp>>,
    ignored: BTreeSet<String>,
}

type Entries = BTreeMap<String, Json>;

impl<'a> Compiler<'a> {
    /// Checks a schema and its subschemas, and collects the ids and anchors that references may use.
    fn collect(&mut self, pointer: &str, schema: &'a Json, base: &str, draft: Draft) -> Result<(), Failure> {
        let mut waiting = vec![(pointer.to_owned(), schema, Rc::<str>::from(base), draft)];
        while let Some((pointer, schema, base, draft)) = waiting.pop() {
            if !self.seen.insert(pointer.clone()) {
                continue;
            }
            self.cx.check().map_err(Failure::Stopped)?;
            let (base, draft) = self.resource(&pointer, schema, base, draft)?;
            self.anchors(&pointer, schema, &base, draft)?;
            for (pointer, inner) in keywords::check(schema, &pointer, draft)? {
                waiting.push((pointer, inner, Rc::clone(&base), draft));
            }
        }
        Ok(())
    }

    /// The id and draft of the resource that a schema belongs to. A schema with an id is a resource of its own.
    fn resource(
        &mut self,
        pointer: &str,
        schema: &Json,
        base: Rc<str>,
        draft: Draft,
    ) -> Result<(Rc<str>, Draft), Failure> {
        let text = |name: &str| schema.as_object().and_then(|entries| entries.get(name)?.as_str());
        let named = match text("$schema") {
            Some(url) => {
                Some(draft_of(url).ok_or_else(|| Failure::Elsewhere(format!("the metaschema {url}")))?)
            }
            None => None,
        };
        let own = named.unwrap_or(draft);
        let id = |draft: Draft| {
            let ignored = draft < 2019 && text("$ref").is_some();
            let id = text(if draft == 4 { "id" } else { "$id" }).filter(|_| !ignored)?;
            Some(id.split('#').next().unwrap_or_default()).filter(|id| !id.is_empty())
        };
        // Below the root, only a schema with an id may choose a draft.
        let (draft, id) =
            if id(own).is_some() || pointer.is_empty() { (own, id(own)) } else { (draft, id(draft)) };
        if id.is_none() && !pointer.is_empty() {
            return Ok((base, draft));
        }
        let id = match id {
            Some(id) => join(&base, id).ok_or_else(|| wrong(pointer, format!("the id {id:?} is no URL")))?,
            None => base.to_string(),
        };
        if let Some(other) = self.resources.iter().find(|resource| resource.id == id) {
            return Err(wrong(pointer, format!("the id {id:?} stands at '{}' too", other.pointer)));
        }
        let base = Rc::from(id.as_str());
        self.resources.push(Resource { pointer: pointer.to_owned(), id, draft, anchors: HashMap::new() });
        Ok((base, draft))
    }

    fn anchors(&mut self, pointer: &str, schema: &Json, base: &str, draft: Draft) -> Result<(), Failure> {
        let Some(entries) = schema.as_object() else { return Ok(()) };
        let text = |name: &str| entries.get(name).and_then(Json::as_str);
        let mut anchors: Vec<&str> = Vec::new();
        if draft >= 2019 {
            anchors.extend(text("$anchor"));
            anchors.extend(text("$dynamicAnchor").filter(|_| draft >= 2020));
        } else if text("$ref").is_none() {
            let id = text(if draft == 4 { "id" } else { "$id" });
            anchors.extend(id.and_then(|id| Some(id.split_once('#')?.1)));
        }
        for anchor in anchors.into_iter().filter(|anchor| !anchor.is_empty() && !anchor.starts_with('/')) {
            let Some(resource) = self.resources.iter_mut().rev().find(|resource| resource.id == base) else {
                continue;
            };
            let known = resource.anchors.insert(anchor.to_owned(), pointer.to_owned());
            if let Some(known) = known.filter(|known| known != pointer) {
                return Err(wrong(pointer, format!("the anchor {anchor:?} stands at '{known}' too")));
            }
        }
        Ok(())
    }

    /// The innermost resource that contains a place.
    fn resource_of(&self, pointer: &str) -> &Resource {
        let holds = |resource: &&Resource| {
            pointer
                .strip_prefix(&resource.pointer)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let innermost = self.resources.iter().filter(holds).max_by_key(|resource| resource.pointer.len());
        innermost.unwrap_or(&self.resources[0])
    }

    /// The node of a place. A new node is compiled later.
    fn node(&mut self, pointer: &str) -> NodeId {
        if let Some(id) = self.places.get(pointer) {
            return *id;
        }
        let id = self.add(Node::default());
        self.places.insert(pointer.to_owned(), id);
        self.waiting.push((id, pointer.to_owned()));
        id
    }

    fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        NodeId::try_from(self.nodes.len() - 1).unwrap_or(NodeId::MAX)
    }

    fn lookup(&self, pointer: &str) -> Option<&'a Json> {
        let parts = pointer.split('/').skip(1);
        parts.map(|part| part.replace("~1", "/").replace("~0", "~")).try_fold(self.document, |value, part| {
            match value {
                Json::Object(entries) => entries.get(&part),
                Json::Array(items) => items.get(part.parse::<usize>().ok()?),
                _ => None,
            }
        })
    }

    fn compile(&mut self, pointer: &str) -> Result<Node, Failure> {
        let resource = self.resource_of(pointer);
        let (base, draft) = (resource.id.clone(), resource.draft);
        let missing =
            || wrong(pointer, "a reference points here, but the schema has nothing at this place".to_owned());
        let schema = self.lookup(pointer).ok_or_else(missing)?;
        if !self.seen.contains(pointer) && !matches!(schema, Json::Bool(_)) {
            self.collect(pointer, schema, &base, draft)?;
        }
        let entries = match schema {
            Json::Object(entries) if !entries.is_empty() => entries,
            Json::Bool(false) => return Ok(Node { draft, always: Some(false), ..Node::default() }),
            _ => return Ok(Node { draft, always: Some(true), ..Node::default() }),
        };
        let mut node = Node { draft, ..Node::default() };
        if draft >= 6 {
            node.constant = entries.get("const").map(|value| choices(std::slice::from_ref(value)));
        }
        let mut references = vec!["$ref"];
        references.extend((draft == 2019).then_some("$recursiveRef"));
        references.extend((draft >= 2020).then_some("$dynamicRef"));
        for name in references {
            if let Some(reference) = entries.get(name).and_then(Json::as_str) {
                node.references.push(self.reference(reference, &base, pointer)?);
            }
        }
        // Up to draft 7, keywords beside a reference are ignored.
        if draft >= 2019 || node.references.is_empty() {
            self.scalars(&mut node, entries, draft)?;
            self.applicators(&mut node, entries, pointer)?;
        }
        Ok(node)
    }

    fn reference(&mut self, reference: &str, base: &str, pointer: &str) -> Result<NodeId, Failure> {
        let (place, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let target = if place.is_empty() { Some(base.to_owned()) } else { join(base, place) };
        let bad = || wrong(pointer, format!("the reference {reference:?} is no URL"));
        let target = target.ok_or_else(bad)?;
        let fragment = percent_decoded(fragment).ok_or_else(bad)?;
        let Some(resource) = self.resources.iter().find(|resource| resource.id == target) else {
            return self.other_document(&target, reference);
        };
        if fragment.is_empty() || fragment.starts_with('/') {
            let pointer = format!("{}{fragment}", resource.pointer);
            return Ok(self.node(&pointer));
        }
        match resource.anchors.get(&fragment).cloned() {
            Some(pointer) => Ok(self.node(&pointer)),
            None => Err(wrong(pointer, format!("no anchor has the name that {reference:?} asks for"))),
        }
    }

    fn other_document(&mut self, target: &str, reference: &str) -> Result<NodeId, Failure> {
        if let (Some(draft), false) = (draft_of(target), reference.contains("#/")) {
            return Ok(self.add(Node { metaschema: Some(draft), ..Node::default() }));
        }
        if target.starts_with("urn:") {
            self.ignored.insert(target.to_owned());
            return Ok(self.add(Node { always: Some(true), ..Node::default() }));
        }
        Err(Failure::Elsewhere(target.to_owned()))
    }

    fn scalars(&mut self, node: &mut Node, entries: &Entries, draft: Draft) -> Result<(), Failure> {
        let number = |name: &str| match entries.get(name) {
            Some(Json::Number(number)) if number.is_readable() => Some(number.clone()),
            _ => None,
        };
        let count = |name: &str| number(name).and_then(|number| number.as_count());
        let flag = |name: &str| matches!(entries.get(name), Some(Json::Bool(true)));
        node.types = entries.get("type").map(keywords::types_of).filter(|types| !types.is_empty());
        node.choices = entries.get("enum").and_then(Json::as_array).map(choices);
        (node.minimum, node.exclusive_minimum) = match flag("exclusiveMinimum") {
            true => (None, number("minimum")),
            false => (number("minimum"), number("exclusiveMinimum")),
        };
        (node.maximum, node.exclusive_maximum) = match flag("exclusiveMaximum") {
            true => (None, number("maximum")),
            false => (number("maximum"), number("exclusiveMaximum")),
        };
        node.multiple_of = number("multipleOf");
        (node.min_length, node.max_length) = (count("minLength"), count("maxLength"));
        (node.min_items, node.max_items) = (count("minItems"), count("maxItems"));
        (node.min_properties, node.max_properties) = (count("minProperties"), count("maxProperties"));
        node.unique_items = flag("uniqueItems");
        node.required = names(entries.get("required"));
        if draft >= 2019 {
            (node.min_contains, node.max_contains) = (count("minContains"), count("maxContains"));
        }
        if let Some(pattern) = entries.get("pattern").and_then(Json::as_str) {
            node.pattern = Some((pattern.to_owned(), self.expression(pattern)?));
        }
        // From draft 2019 on, `format` is only an annotation.
        if draft < 2019 {
            node.format = entries.get("format").and_then(Json::as_str).and_then(format);
        }
        Ok(())
    }

    fn applicators(&mut self, node: &mut Node, entries: &Entries, pointer: &str) -> Result<(), Failure> {
        let draft = node.draft;
        let has = |name: &str| {
            entries.contains_key(name) && keywords::keywords(draft).any(|keyword| keyword.name == name)
        };
        let below = |name: &str| format!("{pointer}/{name}");
        let one = |compiler: &mut Self, name: &str| has(name).then(|| compiler.node(&below(name)));
        let list = |compiler: &mut Self, name: &str| -> Vec<NodeId> {
            let items = entries.get(name).filter(|_| has(name)).and_then(Json::as_array).unwrap_or_default();
            (0..items.len()).map(|n| compiler.node(&format!("{pointer}/{name}/{n}"))).collect()
        };
        let map = |compiler: &mut Self, name: &str| -> Vec<(String, NodeId)> {
            let map = entries.get(name).filter(|_| has(name)).and_then(Json::as_object);
            let keys = map.into_iter().flat_map(|map| map.keys());
            keys.map(|key| (key.clone(), compiler.node(&format!("{pointer}/{name}/{}", escaped(key)))))
                .collect()
        };
        node.all_of = list(self, "allOf");
        node.any_of = list(self, "anyOf");
        node.one_of = list(self, "oneOf");
        node.not = one(self, "not");
        node.properties = map(self, "properties").into_iter().collect();
        for (expression, id) in map(self, "patternProperties") {
            node.patterns.push((self.expression(&expression)?, id));
        }
        node.additional_properties = one(self, "additionalProperties");
        node.property_names = one(self, "propertyNames");
        node.contains = one(self, "contains");
        match entries.get("items") {
            Some(Json::Array(_)) if draft < 2020 => {
                node.first_items = list(self, "items");
                node.other_items = one(self, "additionalItems");
            }
            _ => {
                node.first_items = list(self, "prefixItems");
                node.other_items = one(self, "items");
            }
        }
        self.dependencies(node, entries, pointer);
        node.dependencies.extend(
            map(self, "dependentSchemas").into_iter().map(|(name, id)| (name, Dependency::Schema(id))),
        );
        node.condition = one(self, "if").map(|test| Condition {
            test,
            then: one(self, "then"),
            otherwise: one(self, "else"),
        });
        node.unevaluated_properties = one(self, "unevaluatedProperties");
        node.unevaluated_items = one(self, "unevaluatedItems");
        Ok(())
    }

    fn dependencies(&mut self, node: &mut Node, entries: &Entries, pointer: &str) {
        for keyword in keywords::keywords(node.draft) {
            if !matches!(keyword.rule, Rule::Dependencies | Rule::NamesMap) {
                continue;
            }
            let name = keyword.name;
            for (key, value) in entries.get(name).and_then(Json::as_object).into_iter().flatten() {
                let dependency = match value {
                    Json::Array(_) => Dependency::Names(names(Some(value))),
                    _ => Dependency::Schema(self.node(&format!("{pointer}/{name}/{}", escaped(key)))),
                };
                node.dependencies.push((key.clone(), dependency));
            }
        }
    }

    fn expression(&mut self, text: &str) -> Result<Rc<Regexp>, Failure> {
        if let Some(known) = self.expressions.get(text) {
            return Ok(Rc::clone(known));
        }
        self.cx.check().map_err(Failure::Stopped)?;
        let compiled = Regexp::compile(text.as_bytes()).map_err(|error| wrong("", error.to_string()))?;
        let compiled = Rc::new(compiled);
        self.expressions.insert(text.to_owned(), Rc::clone(&compiled));
        Ok(compiled)
    }
}

fn wrong(pointer: &str, what: String) -> Failure {
    Failure::Wrong(keywords::Wrong { pointer: pointer.to_owned(), what })
}

fn names(list: Option<&Json>) -> Vec<String> {
    let items = list.and_then(Json::as_array).unwrap_or_default();
    items.iter().filter_map(Json::as_str).map(str::to_owned).collect()
}

fn choices(values: &[Json]) -> Choices {
    let canonical = values.iter().map(canonical).collect();
    let shown: Option<Vec<String>> = values.iter().map(Json::shown).collect();
    Choices { canonical, shown: shown.map(|shown| shown.join(", ")) }
}

/// A text that is the same for equal values.
pub(super) fn canonical(value: &Json) -> String {
    let mut text = String::new();
    value.canonical(&mut text);
    text
}

/// Resolves a reference against a base URL, without its fragment.
fn join(base: &str, reference: &str) -> Option<String> {
    let url = match Url::parse(reference) {
        Ok(url) => url,
        Err(_) => Url::parse(base).ok()?.join(reference).ok()?,
    };
    let text = url.as_str();
    Some(text.split('#').next().unwrap_or(text).to_owned())
}

fn percent_decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[2..];
        } else {
            bytes.push(*byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Whether a value is itself a schema of the draft, for references to a metaschema.
pub(super) fn fits_metaschema(value: &Json, draft: Draft) -> bool {
    is_schema(value, draft)
}
