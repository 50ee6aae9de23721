//! Values as `fmt` prints them.

use super::{Kind, List, Map, Object, Str, Value};
use crate::failure::FuncError;
use keyfill_go::fmt::{Arg, Items, TooLarge, View, Visit, sprint};
use std::borrow::Cow;
use std::rc::Rc;

impl Value {
    /// Appends the value as `fmt.Print` writes it.
    pub fn print(&self, out: &mut Vec<u8>) -> Result<(), FuncError> {
        match self {
            Self::Str(text) => out.extend_from_slice(text.as_bytes()),
            Self::Int(n) | Self::Int64(n) => out.extend_from_slice(n.to_string().as_bytes()),
            Self::Bool(b) => out.extend_from_slice(if *b { b"true" } else { b"false" }),
            other => sprint(out, &[other])?,
        }
        Ok(())
    }

    /// The value as `fmt.Sprint` gives it.
    pub fn printed(&self) -> Result<Str, FuncError> {
        if let Self::Str(text) = self {
            return Ok(text.clone());
        }
        let mut out = Vec::new();
        self.print(&mut out)?;
        Ok(Str::from(out))
    }
}

impl From<TooLarge> for FuncError {
    fn from(_: TooLarge) -> Self {
        super::walk::too_large()
    }
}

impl Arg for Value {
    fn view(&self) -> View<'_> {
        match self {
            Self::Nil | Self::NilInterface => View::Nil,
            Self::Bool(b) => View::Bool(*b),
            Self::Int(n) | Self::Int64(n) => View::Int(*n),
            Self::Int32(n) => View::Int(i64::from(*n)),
            Self::Uint(n) | Self::Uint64(n) => View::Uint(*n),
            Self::Uint8(n) => View::Uint(u64::from(*n)),
            Self::Uint32(n) => View::Uint(u64::from(*n)),
            Self::Float(f) => View::Float(*f),
            Self::Complex(re, im) => View::Complex(*re, *im),
            Self::Str(text) => View::Str(text.as_bytes()),
            Self::Bytes(bytes) => View::Bytes(bytes.as_bytes(), false),
            Self::List(list) => View::List(list),
            Self::Map(map) => View::Map(map),
            Self::Func(function) => View::Pointer(Rc::as_ptr(function).cast::<u8>() as usize),
            Self::Object(object) => object_view(self, object),
        }
    }

    fn type_name(&self) -> Cow<'_, str> {
        Self::type_name(self)
    }
}

/// The view of an object. The fields are borrowed from `value`, which contains the object.
fn object_view<'a>(value: &'a Value, object: &'a Rc<dyn Object>) -> View<'a> {
    let plain = match (object.as_int(), object.kind()) {
        (Some(n), _) => View::Int(n),
        (None, Kind::Ptr | Kind::Func) if object.is_nil() => View::Pointer(0),
        (None, Kind::Ptr) => View::StructPointer(value),
        (None, Kind::Func) => View::Pointer(Rc::as_ptr(object).cast::<u8>() as usize),
        (None, _) => View::Struct(value),
    };
    match object.text() {
        Some(text) => View::Text(Cow::Owned(text.as_bytes().to_vec()), Box::new(plain)),
        None => plain,
    }
}

impl Items for List {
    fn is_nil(&self) -> bool {
        Self::is_nil(self)
    }

    fn each(&self, visit: Visit<'_>) {
        self.iter().for_each(|item| visit(None, item));
    }
}

impl Items for Map {
    fn is_nil(&self) -> bool {
        Self::is_nil(self)
    }

    fn each(&self, visit: Visit<'_>) {
        self.entries().iter().for_each(|(key, item)| visit(Some(&key.as_bytes()), item));
    }
}

/// The fields of an object.
impl Items for Value {
    fn is_nil(&self) -> bool {
        self.is_nil_of_any_type()
    }

    fn each(&self, visit: Visit<'_>) {
        if let Self::Object(object) = self {
            object.fields().iter().for_each(|(name, value)| visit(Some(&name.as_bytes()), value));
        }
    }
}
