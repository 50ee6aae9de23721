//! Values as Go's templates see them.
//!
//! A [`Value`] is cheap to clone. Maps are shared and mutable, lists are shared and immutable.
//! `Nil` is Go's untyped nil; nil slices and maps of a type are [`List::nil`] and [`Map::nil`].

mod assign;
mod convert;
mod defer_drop;
mod emit;
mod function;
mod list;
mod map;
mod object;
mod print;
mod serialize;
mod text;
mod types;
mod walk;

pub(crate) use emit::{AsJson, STAND_IN};
pub(crate) use function::Special;
pub use function::{Call, Function};
pub use list::{ANYS, INTS, List, ListType, STRINGS, no_methods};
pub use map::{ANY_MAP, Entries, Map, MapType, STRING_MAP};
pub use object::{Encoded, ErrorObject, Object};
pub use text::Str;
pub use types::{Kind, Type};
pub(crate) use walk::{Walk, too_large};

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

/// A value.
#[derive(Clone, Default)]
pub enum Value {
    /// No value, or a nil `interface {}`.
    #[default]
    Nil,
    /// A nil in an `interface {}`, such as the value of a missing key with `missingkey=zero`. It is seen only by
    /// the executor and by functions with [`Type::Reflect`] parameters. Lists, maps and all other functions get
    /// `Nil`.
    NilInterface,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `int32`
    Int32(i32),
    /// `int64`
    Int64(i64),
    /// `uint`
    Uint(u64),
    /// `uint8`
    Uint8(u8),
    /// `uint32`
    Uint32(u32),
    /// `uint64`
    Uint64(u64),
    /// `float64`
    Float(f64),
    /// `complex128`: real and imaginary part.
    Complex(f64, f64),
    /// `string`
    Str(Str),
    /// `[]uint8`
    Bytes(Str),
    /// Any other slice.
    List(List),
    /// A map with string keys.
    Map(Map),
    /// A function, for `call`.
    Func(Rc<Function>),
    /// Any other Go value, implemented in Rust.
    Object(Rc<dyn Object>),
}

impl Value {
    /// A string.
    pub fn str(text: impl Into<Str>) -> Self {
        Self::Str(text.into())
    }

    /// A `[]interface {}`.
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(List::new(items))
    }

    /// An object.
    pub fn object(object: impl Object) -> Self {
        Self::Object(Rc::new(object))
    }

    /// Whether the value is `nil` in an `interface {}` (typed nils are not).
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil | Self::NilInterface)
    }

    /// Whether the value is nil of any type, as `eq x nil` tests.
    pub fn is_nil_of_any_type(&self) -> bool {
        match self {
            Self::Nil | Self::NilInterface => true,
            Self::List(list) => list.is_nil(),
            Self::Map(map) => map.is_nil(),
            Self::Object(object) => object.is_nil(),
            _ => false,
        }
    }

    /// Whether dropping the value may drop other values.
    pub(crate) fn is_container(&self) -> bool {
        matches!(self, Self::List(_) | Self::Map(_) | Self::Object(_))
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Nil => Kind::Invalid,
            Self::NilInterface => Kind::Interface,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::Int32(_) => Kind::Int32,
            Self::Int64(_) => Kind::Int64,
            Self::Uint(_) => Kind::Uint,
            Self::Uint8(_) => Kind::Uint8,
            Self::Uint32(_) => Kind::Uint32,
            Self::Uint64(_) => Kind::Uint64,
            Self::Float(_) => Kind::Float64,
            Self::Complex(..) => Kind::Complex128,
            Self::Str(_) => Kind::String,
            Self::Bytes(_) | Self::List(_) => Kind::Slice,
            Self::Map(_) => Kind::Map,
            Self::Func(_) => Kind::Func,
            Self::Object(object) => object.kind(),
        }
    }

    /// The type as `%T` prints it: `map[string]interface {}`; `<nil>` for nil.
    pub fn type_name(&self) -> Cow<'static, str> {
        match self {
            Self::Nil => "<nil>".into(),
            Self::NilInterface => "interface {}".into(),
            Self::Bytes(_) => "[]uint8".into(),
            Self::List(list) => list.ty().name.into(),
            Self::Map(map) => map.ty().name.into(),
            Self::Func(_) => "func()".into(),
            Self::Object(object) => object.type_name(),
            scalar => scalar.kind().name().into(),
        }
    }

    /// Whether the value is true in Go's templates: not the zero value of its type, not empty.
    pub fn truth(&self) -> bool {
        match self {
            Self::Nil | Self::NilInterface => false,
            Self::Bool(b) => *b,
            Self::Int(n) | Self::Int64(n) => *n != 0,
            Self::Int32(n) => *n != 0,
            Self::Uint(n) | Self::Uint64(n) => *n != 0,
            Self::Uint8(n) => *n != 0,
            Self::Uint32(n) => *n != 0,
            Self::Float(f) => *f != 0.0,
            Self::Complex(re, im) => *re != 0.0 || *im != 0.0,
            Self::Str(s) | Self::Bytes(s) => !s.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Func(_) => true,
            Self::Object(object) => match object.as_int() {
                Some(n) => n != 0,
                None => !object.is_nil(),
            },
        }
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&Str> {
        if let Self::Str(s) = self { Some(s) } else { None }
    }

    /// The bytes of a string or byte slice.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        if let Self::Str(s) | Self::Bytes(s) = self { Some(s.as_bytes()) } else { None }
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(b) = self { Some(*b) } else { None }
    }

    /// The number of any signed integer type.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(n) | Self::Int64(n) => Some(*n),
            Self::Int32(n) => Some(i64::from(*n)),
            Self::Object(object) => object.as_int(),
            _ => None,
        }
    }

    /// The number of any unsigned integer type.
    pub fn as_uint(&self) -> Option<u64> {
        match self {
            Self::Uint(n) | Self::Uint64(n) => Some(*n),
            Self::Uint8(n) => Some(u64::from(*n)),
            Self::Uint32(n) => Some(u64::from(*n)),
            _ => None,
        }
    }

    /// The `float64`, if it is one.
    pub fn as_float(&self) -> Option<f64> {
        if let Self::Float(f) = self { Some(*f) } else { None }
    }

    /// The list, if it is a slice that is not `[]uint8`.
    pub fn as_list(&self) -> Option<&List> {
        if let Self::List(list) = self { Some(list) } else { None }
    }

    /// The map, if it is one.
    pub fn as_map(&self) -> Option<&Map> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }

    /// The Rust value of an object, if it is a `T`.
    pub fn as_object<T: Object>(&self) -> Option<&T> {
        if let Self::Object(object) = self { object.downcast_ref() } else { None }
    }
}

impl fmt::Debug for Value {
    /// Prints only the type, never the content: values of charts may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.type_name())
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text.into())
    }
}

impl From<Str> for Value {
    fn from(text: Str) -> Self {
        Self::Str(text)
    }
}

impl From<List> for Value {
    fn from(list: List) -> Self {
        Self::List(list)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}
