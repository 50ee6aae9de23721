//! Whether a value may be passed for a type.

use super::{Kind, Type, Value};

impl Value {
    /// Go's assignability: the same type, or the same underlying type when one of them has no name.
    pub(crate) fn is_assignable_to(&self, ty: Type) -> bool {
        match (self, ty) {
            (_, Type::Any | Type::Reflect) => true,
            (Self::Map(map), Type::Map) => map.ty().elem == Type::Any,
            (Self::Map(map), Type::StringMap) => map.ty().elem == Type::String,
            (Self::List(list), Type::List) => list.ty().elem == Type::Any,
            (Self::List(list), Type::Strings) => list.ty().elem == Type::String,
            (Self::List(list), Type::Ints) => list.ty().elem == Type::Int,
            (Self::Bytes(_), Type::Bytes) => true,
            (Self::Object(object), Type::Error) => object.is_error(),
            (_, Type::Error) => false,
            (Self::NilInterface, _) => false,
            (value, Type::Named(name, _)) => value.type_name() == name,
            (Self::Object(_), _) => false,
            (value, ty) => value.kind() == ty.kind() && !matches!(ty.kind(), Kind::Slice | Kind::Map),
        }
    }
}
