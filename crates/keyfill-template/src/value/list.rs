//! Lists: Go slices. They are immutable, so clones share them.

use super::defer_drop;
use super::function::Function;
use super::types::Type;
use super::{Str, Value};
use std::rc::Rc;

/// The type of a list.
#[derive(Debug)]
pub struct ListType {
    /// The type as `%T` prints it.
    pub name: &'static str,
    /// The type of the elements.
    pub elem: Type,
    /// The methods of a named slice type, found by name.
    pub methods: fn(&str) -> Option<&'static Function>,
}

/// No methods, for unnamed types.
pub fn no_methods(_: &str) -> Option<&'static Function> {
    None
}

/// `[]interface {}`
pub static ANYS: ListType = ListType { name: "[]interface {}", elem: Type::Any, methods: no_methods };
/// `[]string`
pub static STRINGS: ListType = ListType { name: "[]string", elem: Type::String, methods: no_methods };
/// `[]int`
pub static INTS: ListType = ListType { name: "[]int", elem: Type::Int, methods: no_methods };

/// A Go slice. Clones share the items.
#[derive(Clone)]
pub struct List(Rc<Cell>);

struct Cell {
    items: Vec<Value>,
    ty: &'static ListType,
    nil: bool,
}

impl List {
    /// A `[]interface {}`.
    pub fn new(items: Vec<Value>) -> Self {
        Self::typed(items, &ANYS)
    }

    /// A slice of another type; the items must be of its element type.
    pub fn typed(items: Vec<Value>, ty: &'static ListType) -> Self {
        Self(Rc::new(Cell { items, ty, nil: false }))
    }

    /// A `[]string`.
    pub fn strings<T: Into<Str>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::typed(items.into_iter().map(|s| Value::Str(s.into())).collect(), &STRINGS)
    }

    /// A nil slice of a type: empty, equal to nil, `null` in JSON.
    pub fn nil(ty: &'static ListType) -> Self {
        Self(Rc::new(Cell { items: Vec::new(), ty, nil: true }))
    }

    /// The items.
    pub fn items(&self) -> &[Value] {
        &self.0.items
    }

    /// The type.
    pub fn ty(&self) -> &'static ListType {
        self.0.ty
    }

    /// Whether it is a nil slice.
    pub fn is_nil(&self) -> bool {
        self.0.nil
    }

    /// Whether both are one and the same slice.
    pub fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// A number that identifies this slice, for `%p`.
    pub fn address(&self) -> usize {
        Rc::as_ptr(&self.0).cast::<u8>() as usize
    }

    /// The items from `start` to `end`, as a slice of the same type.
    ///
    /// # Panics
    /// When the range is out of bounds.
    pub fn slice(&self, start: usize, end: usize) -> Self {
        Self(Rc::new(Cell { items: self.0.items[start..end].to_vec(), ty: self.0.ty, nil: self.0.nil }))
    }
}

impl std::ops::Deref for List {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        self.items()
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        if self.items.iter().any(Value::is_container) {
            defer_drop::release(std::mem::take(&mut self.items).into_iter());
        }
    }
}
