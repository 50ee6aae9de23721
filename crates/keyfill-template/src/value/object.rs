//! Values that are implemented in Rust: structs with fields and methods, times, versions, errors.

use super::function::Function;
use super::types::Kind;
use super::{Str, Value};
use std::any::Any;
use std::borrow::Cow;

/// How `toJson` and `toYaml` encode an object.
pub enum Encoded {
    /// As this value.
    Value(Value),
    /// As a JSON object with its keys in this order, since Go writes struct fields in their order.
    Struct(Vec<(&'static str, Value)>),
}

/// A Go value that is neither a plain scalar nor a slice nor a map with string keys.
///
/// ```
/// use keyfill_template::value::{Kind, Map, Object, Value};
/// use keyfill_template::{Execution, Templates, function::Registry, funcs::GO};
/// use std::{borrow::Cow, sync::Arc};
///
/// struct Release;
///
/// impl Object for Release {
///     fn type_name(&self) -> Cow<'static, str> {
///         "main.Release".into()
///     }
///
///     fn kind(&self) -> Kind {
///         Kind::Struct
///     }
///
///     fn field(&self, name: &str) -> Option<Value> {
///         (name == "Name").then(|| Value::from("prod"))
///     }
/// }
///
/// let mut templates = Templates::new("set", Registry::new(&[GO]));
/// templates.parse("t", "{{ .release.Name }}")?;
/// let data: Map = [("release", Value::object(Release))].into_iter().collect();
/// let printed = Execution::new(&Default::default()).render(&Arc::new(templates), "t", &Value::from(data))?;
/// assert_eq!(printed, b"prod");
/// # Ok::<(), keyfill_template::Error>(())
/// ```
pub trait Object: Any {
    /// The type as `%T` prints it, `*chartutil.Capabilities`.
    fn type_name(&self) -> Cow<'static, str>;

    /// The kind of the type: [`Kind::Struct`], [`Kind::Ptr`], or that of a named scalar (`time.Duration` is an
    /// `int64`).
    fn kind(&self) -> Kind;

    /// An exported field, by its Go name.
    fn field(&self, name: &str) -> Option<Value> {
        let _ = name;
        None
    }

    /// The exported fields in order, for printing with `%v` and `%+v`.
    fn fields(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// A method. It gets the object as its first argument, which its `params` do not include.
    fn method(&self, name: &str) -> Option<&'static Function> {
        let _ = name;
        None
    }

    /// The result of `String()` or `Error()` if the type has one of them. The object prints as this text.
    fn text(&self) -> Option<Str> {
        None
    }

    /// What an action prints for a field that holds the object. Go can take the address of a struct in a field, and
    /// then uses the `String` method of the pointer type; a struct that a function returns has no address.
    fn shown(&self) -> Option<Str> {
        self.text()
    }

    /// Whether the object is an `error`.
    fn is_error(&self) -> bool {
        false
    }

    /// Whether the object is a nil pointer.
    fn is_nil(&self) -> bool {
        false
    }

    /// The integer value of a named integer type such as `time.Duration`.
    fn as_int(&self) -> Option<i64> {
        None
    }

    /// Whether Go's `==` is true. Pointers must be the same pointer; structs compare their fields.
    fn equals(&self, other: &dyn Object) -> bool {
        std::ptr::addr_eq(self, other)
    }

    /// How JSON and YAML encode the object.
    fn encode(&self) -> Encoded {
        Encoded::Struct(self.fields())
    }
}

impl dyn Object {
    /// The Rust value of the object, if it is a `T`.
    pub fn downcast_ref<T: Object>(&self) -> Option<&T> {
        (self as &dyn Any).downcast_ref()
    }
}

/// An error as a value: `*errors.errorString`.
pub struct ErrorObject(pub Str);

impl Object for ErrorObject {
    fn type_name(&self) -> Cow<'static, str> {
        "*errors.errorString".into()
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn text(&self) -> Option<Str> {
        Some(self.0.clone())
    }

    fn is_error(&self) -> bool {
        true
    }

    fn encode(&self) -> Encoded {
        Encoded::Struct(Vec::new())
    }
}
