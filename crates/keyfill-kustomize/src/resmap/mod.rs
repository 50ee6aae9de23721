//! The resources of a build, in order, with indexes that keep the time of all look-ups linear.
//!
//! Ids change while transformers run. [`ResMap::update`] is the only way to change one: it updates the indexes,
//! too, so that a look-up need not visit all resources.

use crate::error::{Error, Result};
use crate::resource::{Behavior, Id, Memory, Resource, text_of_scalar};
use crate::schema::Schema;
use crate::selector::Matcher;
use keyfill_diag::{Cx, nearest};
use keyfill_yaml::{Map, Node, Text};
use std::cell::{Cell, OnceCell};
use std::collections::{BTreeMap, HashMap};

/// The parts of an id that must be unique: a resource whose key exists already cannot be appended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    gvk: crate::Gvk,
    name: Text,
    namespace: Text,
}

impl Key {
    fn of(id: &Id) -> Self {
        Self { gvk: id.gvk.clone(), name: id.name.clone(), namespace: id.effective_namespace().clone() }
    }
}

/// Resources in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub struct ResMap {
    list: Vec<Resource>,
    /// The number of resources by their current key.
    current: HashMap<Key, u32>,
    /// The number of keys that several resources have. Transformers may cause this; appending such resources
    /// fails.
    repeated: usize,
    /// Positions of resources by their names.
    names: Names,
}

/// Positions by current and previous names. A position may be outdated, but none is missing.
///
/// The first look-ups visit all resources; the index is only built if there are more of them. Most kustomizations
/// look up few names.
#[derive(Clone, Debug, Default)]
struct Names {
    index: OnceCell<HashMap<Text, Vec<usize>>>,
    walks: Cell<u32>,
}

/// The number of look-ups before the index is built.
const FEW: u32 = 8;

impl Names {
    /// Adds a name to the index, if it was built.
    fn note(&mut self, name: &Text, at: usize) {
        if let Some(index) = self.index.get_mut() {
            note(index, name, at);
        }
    }

    /// The positions of resources with a name, in order.
    fn find(&self, name: &str, list: &[Resource]) -> Vec<usize> {
        if self.index.get().is_none() && self.walks.get() < FEW {
            self.walks.set(self.walks.get() + 1);
            let has_name =
                |r: &Resource| r.id().name == name || r.memory.previous.iter().any(|p| p.name == name);
            return (0..list.len()).filter(|at| has_name(&list[*at])).collect();
        }
        let mut places = self.index.get_or_init(|| Self::all(list)).get(name).cloned().unwrap_or_default();
        places.sort_unstable();
        places.dedup();
        places.retain(|at| *at < list.len());
        places
    }

    fn all(list: &[Resource]) -> HashMap<Text, Vec<usize>> {
        let mut index = HashMap::new();
        for (at, resource) in list.iter().enumerate() {
            for previous in &resource.memory.previous {
                note(&mut index, &previous.name, at);
            }
            note(&mut index, &resource.id().name, at);
        }
        index
    }
}

impl ResMap {
    /// Builds a map from resources whose ids must all be different.
    pub fn from_list(list: Vec<Resource>) -> Result<Self> {
        let mut map = Self::default();
        for resource in list {
            map.append(resource)?;
        }
        Ok(map)
    }

    /// The resources in order. A resource that a patch deleted is skipped, here and in all other methods.
    pub fn iter(&self) -> impl Iterator<Item = &Resource> {
        self.list.iter().filter(|r| !r.deleted)
    }

    /// The positions of all resources.
    pub fn places(&self) -> Vec<usize> {
        (0..self.list.len()).filter(|at| !self.list[*at].deleted).collect()
    }

    /// A resource by its position.
    pub fn get(&self, at: usize) -> &Resource {
        &self.list[at]
    }

    /// What the build remembers of the resource at a position.
    pub fn memory_mut(&mut self, at: usize) -> &mut Memory {
        &mut self.list[at].memory
    }

    /// Returns all resources, in order.
    pub fn into_list(mut self) -> Vec<Resource> {
        self.list.retain(|r| !r.deleted);
        self.list
    }

    /// The resources, to change fields other than their type, name or namespace.
    pub fn nodes_mut(&mut self) -> impl Iterator<Item = &mut Resource> {
        self.list.iter_mut().filter(|r| !r.deleted)
    }

    /// The resource at a position, to change fields other than its type, name or namespace.
    pub fn node_mut(&mut self, at: usize) -> &mut Resource {
        &mut self.list[at]
    }

    /// Adds a resource whose id must be new.
    pub fn append(&mut self, resource: Resource) -> Result<()> {
        let key = Key::of(resource.id());
        if self.current.contains_key(&key) {
            let same = self.named(&key.name).into_iter().map(|at| &self.list[at]);
            let first = same.filter(|r| !r.deleted && Key::of(r.id()) == key).find_map(|r| r.file.as_deref());
            return Err(duplicate(&resource, first));
        }
        self.push(resource);
        Ok(())
    }

    /// Adds the resources of another map, whose ids must be new.
    pub fn append_all(&mut self, other: Self) -> Result<()> {
        if self.list.is_empty() && other.repeated == 0 && !other.list.iter().any(|r| r.deleted) {
            *self = other;
            return Ok(());
        }
        self.names = Names::default();
        other.into_list().into_iter().try_for_each(|resource| self.append(resource))
    }

    fn push(&mut self, resource: Resource) {
        let at = self.list.len();
        if self.names.index.get().is_some() {
            for previous in &resource.memory.previous {
                self.names.note(&previous.name, at);
            }
            self.names.note(&resource.id().name, at);
        }
        self.count(Key::of(resource.id()));
        self.list.push(resource);
    }

    fn count(&mut self, key: Key) {
        let count = self.current.entry(key).or_default();
        *count += 1;
        self.repeated += usize::from(*count == 2);
    }

    fn discount(&mut self, key: &Key) {
        if let Some(count) = self.current.get_mut(key) {
            *count -= 1;
            self.repeated -= usize::from(*count == 1);
            if *count == 0 {
                self.current.remove(key);
            }
        }
    }

    /// Calls a function that changes the resource at a position, and updates the indexes if its id changed.
    pub fn update<T>(
        &mut self,
        at: usize,
        schema: &Schema,
        change: impl FnOnce(&mut Resource) -> Result<T>,
    ) -> Result<T> {
        let resource = &mut self.list[at];
        let before = resource.id().clone();
        let result = change(resource);
        if resource.deleted {
            self.discount(&Key::of(&before));
            return result;
        }
        resource.refresh(schema);
        let after = resource.id();
        let is_renamed = after.name != before.name;
        if is_renamed || after.gvk != before.gvk || after.namespace != before.namespace {
            let (old, new, name) = (Key::of(&before), Key::of(after), after.name.clone());
            self.discount(&old);
            self.count(new);
            if is_renamed {
                self.names.note(&name, at);
            }
        }
        result
    }

    /// Whether no other resource has the same current id.
    pub fn is_unique(&self, at: usize) -> bool {
        self.current.get(&Key::of(self.list[at].id())) == Some(&1)
    }

    /// Fails if two resources have the same current id.
    pub fn check_unique(&self) -> Result<()> {
        if self.repeated == 0 {
            return Ok(());
        }
        let is_repeated =
            |r: &&Resource| !r.deleted && self.current.get(&Key::of(r.id())).is_some_and(|n| *n > 1);
        self.list.iter().filter(is_repeated).nth(1).map_or(Ok(()), |r| Err(duplicate(r, None)))
    }

    /// The positions of resources that have or had a name, in order.
    fn named(&self, name: &str) -> Vec<usize> {
        self.names.find(name, &self.list)
    }

    /// The positions of resources that have the id `id` or had it before.
    pub fn matching_any(&self, id: &Id) -> Vec<usize> {
        let mut places = self.named(&id.name);
        places.retain(|at| {
            let resource = &self.list[*at];
            !resource.deleted && resource.all_ids().any(|other| id.is_same(&other))
        });
        places
    }

    /// The positions of resources that have, or had, an id with the given name that passes `test`.
    pub fn matching_name(&self, name: &str, test: impl Fn(&Id) -> bool) -> Vec<usize> {
        let mut places = self.named(name);
        places.retain(|at| {
            let resource = &self.list[*at];
            !resource.deleted && resource.all_ids().any(|id| id.name == name && test(&id))
        });
        places
    }

    /// The position of the one resource that has the id `id` or had it before: the target of a patch.
    pub fn target_of(&self, id: &Id) -> Result<usize> {
        match self.matching_any(id)[..] {
            [at] => Ok(at),
            [] => {
                let error = Error::new(format!("no resource matches the patch: no {} here", describe(id)));
                Err(match self.near_miss(id) {
                    Some(hint) => error.hint(hint),
                    None => error,
                })
            }
            _ => Err(Error::new(format!("several resources match the patch for {}", describe(id)))),
        }
    }

    /// A hint for an id that does not exist: a similar one that does.
    fn near_miss(&self, id: &Id) -> Option<String> {
        let same_name = self.named(&id.name).first().map(|at| describe(self.list[*at].id()));
        if let Some(other) = same_name {
            return Some(format!("there is {other}: check apiVersion, kind and namespace"));
        }
        let names = self.iter().filter(|r| r.gvk().kind == id.gvk.kind).map(|r| r.id().name.as_str());
        nearest(&id.name, names).map(|name| format!("did you mean \"{name}\"?"))
    }

    /// The positions of the resources that a selector selects.
    pub fn select(&self, matcher: &Matcher) -> Vec<usize> {
        let matches = |at: &usize| !self.list[*at].deleted && matcher.matches(&self.list[*at]);
        match matcher.literal_name() {
            Some(name) => self.named(name).into_iter().filter(matches).collect(),
            None => (0..self.list.len()).filter(matches).collect(),
        }
    }

    /// Keeps the resources for which `keep` is true.
    pub fn retain(&mut self, mut keep: impl FnMut(&Resource) -> bool) {
        let mut list = std::mem::take(&mut self.list);
        list.retain(|r| !r.deleted && keep(r));
        self.rebuild(list);
    }

    /// Sorts the resources.
    pub fn sort_by_cached_key<K: Ord>(&mut self, key: impl FnMut(&Resource) -> K) {
        let mut list = std::mem::take(&mut self.list);
        list.retain(|r| !r.deleted);
        list.sort_by_cached_key(key);
        self.rebuild(list);
    }

    fn rebuild(&mut self, list: Vec<Resource>) {
        *self = Self::default();
        list.into_iter().for_each(|r| self.push(r));
    }

    /// Adds a generated resource. Its behavior says whether it must be new, replaces an existing one, or is
    /// merged into it.
    pub fn absorb(&mut self, mut made: Resource, cx: &Cx) -> Result<()> {
        cx.check()?;
        let places = self.matching_any(made.id());
        let behavior = made.memory.behavior.unwrap_or_default();
        let at = match places[..] {
            [] if matches!(behavior, Behavior::Merge | Behavior::Replace) => {
                return Err(made.blame_here(self.nothing_to_change(&made, behavior)));
            }
            [] => return self.append(made),
            [at] => at,
            _ => {
                let message = format!("several resources could be merged with {}", describe(made.id()));
                return Err(made.blame_here(Error::new(message)));
            }
        };
        let old = &self.list[at];
        match behavior {
            Behavior::Replace => inherit(&mut made, old, cx),
            Behavior::Merge => {
                let origin = crate::origin::annotation(&old.node).map(str::to_owned);
                inherit(&mut made, old, cx);
                merge_data(&mut made, old, "data", cx);
                merge_data(&mut made, old, "binaryData", cx);
                if let Some(origin) = origin {
                    crate::resource::set_annotation(&mut made.node, crate::origin::ORIGIN, &origin);
                }
            }
            other => {
                let message = format!(
                    "{} exists already; behavior '{}' cannot be used",
                    describe(made.id()),
                    other.name()
                );
                let error = Error::new(message).hint("use `behavior: merge` or `behavior: replace`");
                return Err(made.blame_here(error));
            }
        }
        self.replace(at, made)
    }

    /// The error about a generator that changes an object which does not exist.
    fn nothing_to_change(&self, made: &Resource, behavior: Behavior) -> Error {
        let error = Error::new(format!(
            "{} does not exist; the generator cannot {} it",
            describe(made.id()),
            behavior.name()
        ));
        let same_name: Vec<&Resource> =
            self.named(&made.id().name).into_iter().map(|at| &self.list[at]).filter(|r| !r.deleted).collect();
        let elsewhere = same_name.iter().find(|r| r.gvk() == made.gvk());
        let Some(other) = elsewhere else {
            return error.hint(self.meant_by(made, &same_name));
        };
        let (kind, namespace) = (&other.gvk().kind, &other.id().namespace);
        error.hint(if namespace.is_empty() {
            format!(
                "there is a {kind} of that name without a namespace: leave `namespace` out of the generator"
            )
        } else {
            format!(
                "there is a {kind} of that name in namespace \"{namespace}\": \
                 set `namespace: {namespace}` at the generator"
            )
        })
    }

    /// A hint for a generator that changes an object which does not exist in any namespace.
    fn meant_by(&self, made: &Resource, same_name: &[&Resource]) -> String {
        let other = match made.gvk().kind.as_str() {
            "ConfigMap" => "Secret",
            _ => "ConfigMap",
        };
        if same_name.iter().any(|r| r.gvk().kind == other) {
            let field = if other == "Secret" { "secretGenerator" } else { "configMapGenerator" };
            return format!("there is a {other} of that name, which `{field}` changes");
        }
        let names = self.list.iter().filter(|r| !r.deleted && r.gvk() == made.gvk());
        match nearest(&made.id().name, names.map(|r| r.id().name.as_str())) {
            Some(near) => format!("did you mean {near:?}? `behavior: create` makes a new one"),
            None => "use `behavior: create`, or generate it in a base".to_owned(),
        }
    }

    /// Replaces a resource by another one with the same current id.
    fn replace(&mut self, at: usize, resource: Resource) -> Result<()> {
        let key = Key::of(resource.id());
        if Key::of(self.list[at].id()) != key {
            let error = Error::new(format!("cannot find {} to replace it", describe(resource.id())));
            return Err(resource.blame_here(error));
        }
        if self.current.get(&key).is_some_and(|n| *n > 1) {
            let error = Error::new(format!("several resources are {}", describe(resource.id())));
            return Err(resource.blame_here(error));
        }
        for previous in &resource.memory.previous {
            self.names.note(&previous.name, at);
        }
        self.list[at] = resource;
        Ok(())
    }
}

fn note(by_name: &mut HashMap<Text, Vec<usize>>, name: &Text, at: usize) {
    let places = by_name.entry(name.clone()).or_default();
    if places.last() != Some(&at) {
        places.push(at);
    }
}

/// The error about a resource whose id exists already. `first` is the file of the other one, if it is known.
fn duplicate(resource: &Resource, first: Option<&str>) -> Error {
    let error = Error::new(format!(
        "may not add resource with an already registered id: {}",
        describe(resource.id())
    ))
    .hint(match first {
        Some(file) => format!("it comes from {file}, too: drop one of them, or patch it"),
        None => "the same object comes from two places: drop one of them, or patch it".to_owned(),
    });
    resource.blame_here(error)
}

/// An id as shown in messages: `Deployment apps/v1 "web" in namespace "x"`.
pub fn describe(id: &Id) -> String {
    let mut text = format!("{} {} \"{}\"", id.gvk.kind, id.gvk.api_version(), id.name);
    if !id.namespace.is_empty() {
        text.push_str(&format!(" in namespace \"{}\"", id.namespace));
    }
    text
}

/// Copies labels, annotations, name, namespace and memory from the replaced resource. Labels and annotations of
/// the new resource take precedence, and it decides itself whether its name gets a hash.
fn inherit(made: &mut Resource, old: &Resource, cx: &Cx) {
    for field in ["labels", "annotations"] {
        merge_metadata(made, old, field, cx);
    }
    made.set_name(&old.id().name.clone());
    let namespace = old.id().namespace.clone();
    if namespace.is_empty() {
        if let Some(metadata) = crate::resource::metadata_mut(&mut made.node) {
            metadata.remove("namespace");
        }
    } else {
        crate::resource::set_metadata_text(&mut made.node, "namespace", &namespace);
    }
    let needs_hash = made.memory.needs_hash && old.memory.needs_hash;
    made.memory = Memory { needs_hash, ..old.memory.clone() };
    made.variables.clone_from(&old.variables);
    made.set_namespace_id(namespace);
}

fn merge_metadata(made: &mut Resource, old: &Resource, field: &str, cx: &Cx) {
    let of = |node: &Node| {
        crate::resource::metadata(node).and_then(|m| m.get(field)).and_then(Node::as_map).cloned()
    };
    let merged = merged(of(&old.node), of(&made.node), text_of_scalar, cx);
    let Some(metadata) = crate::resource::metadata_mut(&mut made.node) else { return };
    metadata.remove(field);
    if !merged.is_empty() {
        metadata.set(field, Node::Map(merged));
    }
}

/// Both mappings merged, with string values, sorted by key; `over` takes precedence.
fn merged(under: Option<Map>, over: Option<Map>, text_of: fn(&Node) -> &str, cx: &Cx) -> Map {
    let entries = under.into_iter().chain(over).flat_map(|m| m.entries);
    let pairs: BTreeMap<Text, Text> =
        entries.map(|entry| (entry.key.text, Text::from(text_of(&entry.value)))).collect();
    let mut map = Map::default();
    map.entries.reserve(pairs.len());
    for (key, value) in pairs {
        let value = Node::Scalar(crate::filters::scalar::made_string(value, cx));
        map.entries.push(keyfill_yaml::Entry { key: keyfill_yaml::Scalar::plain(key), value });
    }
    map
}

/// Merges the data of the existing resource into those of the generated one, which take precedence.
fn merge_data(made: &mut Resource, old: &Resource, field: &str, cx: &Cx) {
    let of = |node: &Node| node.get(field).and_then(Node::as_map).cloned();
    let merged = merged(of(&old.node), of(&made.node), crate::filters::scalar::text_of, cx);
    let Some(object) = made.node.as_map_mut() else { return };
    object.remove(field);
    if !merged.is_empty() {
        object.set(field, Node::Map(merged));
    }
}
