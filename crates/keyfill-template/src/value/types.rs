//! Go's types, as far as templates can distinguish them.

use std::borrow::Cow;

/// The kind of a type: Go's `reflect.Kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The names say it: they are Go's.
pub enum Kind {
    Invalid,
    Bool,
    Int,
    Int32,
    Int64,
    Uint,
    Uint8,
    Uint32,
    Uint64,
    Float64,
    Complex128,
    String,
    Slice,
    Map,
    Func,
    Ptr,
    Struct,
    Interface,
}

impl Kind {
    /// Go's name, as sprig's `kindOf` prints it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Uint => "uint",
            Self::Uint8 => "uint8",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
            Self::Float64 => "float64",
            Self::Complex128 => "complex128",
            Self::String => "string",
            Self::Slice => "slice",
            Self::Map => "map",
            Self::Func => "func",
            Self::Ptr => "ptr",
            Self::Struct => "struct",
            Self::Interface => "interface",
        }
    }

    /// Whether a value of this kind may be nil, so that `nil` can be passed for it.
    pub const fn can_be_nil(self) -> bool {
        matches!(self, Self::Slice | Self::Map | Self::Func | Self::Ptr | Self::Interface)
    }
}

/// A Go type: of a parameter, or of the elements of a list or map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `interface {}`: accepts any value.
    Any,
    /// `reflect.Value`: accepts any value, and distinguishes no value from a nil interface
    /// ([`super::Value::NilInterface`]). For the built-in functions only.
    Reflect,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `int64`
    Int64,
    /// `uint8`
    Uint8,
    /// `uint32`
    Uint32,
    /// `uint64`
    Uint64,
    /// `float64`
    Float64,
    /// `string`
    String,
    /// `[]uint8`
    Bytes,
    /// `[]interface {}`
    List,
    /// `[]string`
    Strings,
    /// `[]int`
    Ints,
    /// `map[string]interface {}`
    Map,
    /// `map[string]string`
    StringMap,
    /// `error`
    Error,
    /// Any other type, by its name as `%T` prints it and its kind: `time.Time` is a struct.
    Named(&'static str, Kind),
}

impl Type {
    /// The type as Go prints it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Reflect => "reflect.Value",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Uint8 => "uint8",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
            Self::Float64 => "float64",
            Self::String => "string",
            Self::Bytes => "[]uint8",
            Self::List => "[]interface {}",
            Self::Strings => "[]string",
            Self::Ints => "[]int",
            Self::Map => "map[string]interface {}",
            Self::StringMap => "map[string]string",
            Self::Error => "error",
            Self::Named(name, _) => name,
        }
    }

    /// The kind of the type.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Any | Self::Error => Kind::Interface,
            Self::Reflect => Kind::Struct,
            Self::Bool => Kind::Bool,
            Self::Int => Kind::Int,
            Self::Int64 => Kind::Int64,
            Self::Uint8 => Kind::Uint8,
            Self::Uint32 => Kind::Uint32,
            Self::Uint64 => Kind::Uint64,
            Self::Float64 => Kind::Float64,
            Self::String => Kind::String,
            Self::Bytes | Self::List | Self::Strings | Self::Ints => Kind::Slice,
            Self::Map | Self::StringMap => Kind::Map,
            Self::Named(_, kind) => kind,
        }
    }

    /// The name, as [`super::Value::type_name`] returns it.
    pub const fn name_cow(self) -> Cow<'static, str> {
        Cow::Borrowed(self.name())
    }
}
