//! Maps. All clones share the entries, and `set` changes them for all.

use super::defer_drop;
use super::function::Function;
use super::list::no_methods;
use super::types::Type;
use super::{Str, Value};
use std::cell::{Ref, RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The type of a map. Keys are always strings.
#[derive(Debug)]
pub struct MapType {
    /// The type as `%T` prints it.
    pub name: &'static str,
    /// The type of the values.
    pub elem: Type,
    /// The methods of a named map type, found by name.
    pub methods: fn(&str) -> Option<&'static Function>,
}

/// `map[string]interface {}`
pub static ANY_MAP: MapType =
    MapType { name: "map[string]interface {}", elem: Type::Any, methods: no_methods };
/// `map[string]string`
pub static STRING_MAP: MapType =
    MapType { name: "map[string]string", elem: Type::String, methods: no_methods };

/// The entries, in the order in which Go's templates and printers visit them.
pub type Entries = BTreeMap<Str, Value>;

/// A Go map with string keys. Clones are the same map: a change through one is visible through all.
///
/// Clones may have different types, like a map in Go that is converted to a named type.
///
/// ```
/// use keyfill_template::value::{Map, Value};
///
/// let map: Map = [("a", "1")].into_iter().collect();
/// let same = map.clone();
/// same.set("b", Value::Int(2));
/// assert_eq!(map.len(), 2);
/// assert_eq!(map.get(b"b").and_then(|value| value.as_int()), Some(2));
/// ```
#[derive(Clone)]
pub struct Map(Rc<Cell>, &'static MapType);

struct Cell {
    entries: RefCell<Entries>,
    nil: bool,
}

impl Map {
    /// An empty `map[string]interface {}`.
    pub fn new() -> Self {
        Self::typed(Entries::new(), &ANY_MAP)
    }

    /// A map of another type; the values must be of its element type.
    pub fn typed(entries: Entries, ty: &'static MapType) -> Self {
        Self(Rc::new(Cell { entries: RefCell::new(entries), nil: false }), ty)
    }

    /// A nil map of a type: empty, equal to nil, `null` in JSON. Do not set keys in it.
    pub fn nil(ty: &'static MapType) -> Self {
        Self(Rc::new(Cell { entries: RefCell::default(), nil: true }), ty)
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<Value> {
        self.0.entries.borrow().get(key).cloned()
    }

    /// Whether there is such a key.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.0.entries.borrow().contains_key(key)
    }

    /// Sets a key, for all clones of the map.
    pub fn set(&self, key: impl Into<Str>, value: impl Into<Value>) {
        // The old value is dropped after the borrow ends, since its drop may take long.
        let old = self.0.entries.borrow_mut().insert(key.into(), value.into());
        drop(old);
    }

    /// Removes a key, for all clones of the map.
    pub fn remove(&self, key: &[u8]) -> Option<Value> {
        self.0.entries.borrow_mut().remove(key)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.0.entries.borrow().len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries, for reading. Do not change the map, or call anything that may change it, while holding this.
    pub fn entries(&self) -> Ref<'_, Entries> {
        self.0.entries.borrow()
    }

    /// The entries, for changes. Hold this briefly.
    pub fn entries_mut(&self) -> RefMut<'_, Entries> {
        self.0.entries.borrow_mut()
    }

    /// A copy of the keys and values, which can be iterated while the map changes.
    pub fn snapshot(&self) -> Vec<(Str, Value)> {
        self.entries().iter().map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    /// The type.
    pub fn ty(&self) -> &'static MapType {
        self.1
    }

    /// The same map under another type, whose element type must be the same.
    #[must_use]
    pub fn with_type(&self, ty: &'static MapType) -> Self {
        Self(Rc::clone(&self.0), ty)
    }

    /// Whether it is a nil map.
    pub fn is_nil(&self) -> bool {
        self.0.nil
    }

    /// Whether both are one and the same map.
    pub fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// A number that identifies this map, for `%p`.
    pub fn address(&self) -> usize {
        Rc::as_ptr(&self.0).cast::<u8>() as usize
    }
}

impl Default for Map {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Into<Str>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self::typed(entries.into_iter().map(|(k, v)| (k.into(), v.into())).collect(), &ANY_MAP)
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        let entries = self.entries.get_mut();
        if entries.values().any(Value::is_container) {
            defer_drop::release(std::mem::take(entries).into_values());
        }
    }
}
