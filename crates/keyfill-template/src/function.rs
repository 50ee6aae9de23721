//! What a template function is, how it is registered and how it reports an error.
//!
//! Before a call, the executor checks and converts the arguments to the declared types, with Go's messages. So a
//! function can rely on the types that it declares:
//!
//! ```
//! use keyfill_template::function::{FuncError, Function, Registry, text};
//! use keyfill_template::value::{Type, Value};
//! use keyfill_template::{Run, Templates, funcs};
//! use std::collections::BTreeMap;
//!
//! const SHOUT: Function = Function::fixed("shout", &[Type::String], shout);
//!
//! fn shout(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
//!     run.spend(text(args, 0).len() as u64)?;
//!     let mut text = text(args, 0).to_vec();
//!     text.push(b'!');
//!     Ok(Value::str(text))
//! }
//!
//! let mut registry = Registry::new(funcs::FAMILIES);
//! registry.add(SHOUT);
//! let mut templates = Templates::new("set", registry);
//! templates.parse("greeting", "{{ .name | upper | shout }}")?;
//!
//! let data = BTreeMap::from([("name", "world")]);
//! assert_eq!(templates.render("greeting", &data)?, "WORLD!");
//! # Ok::<(), keyfill_template::Error>(())
//! ```

pub use crate::failure::FuncError;
pub use crate::value::{Call, Function};

use crate::value::{ANY_MAP, ANYS, List, Map, Value};
use fnv::FnvHasher;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// The functions that templates may call, by name. It is created once and shared by all template sets.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    by_name: HashMap<&'static str, u32, BuildHasherDefault<FnvHasher>>,
    functions: Vec<Function>,
}

impl Registry {
    /// The functions of these families; a later one replaces an earlier one of the same name.
    pub fn new(families: &[&[Function]]) -> Self {
        let mut registry = Self::default();
        for function in families.iter().copied().flatten() {
            registry.add(*function);
        }
        registry
    }

    /// Adds or replaces a function.
    pub fn add(&mut self, function: Function) {
        match self.by_name.get(function.name) {
            Some(&index) => self.functions[index as usize] = function,
            None => {
                self.by_name.insert(function.name, self.functions.len() as u32);
                self.functions.push(function);
            }
        }
    }

    /// The index of the function with a name.
    pub fn index(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    /// The function at an index.
    pub fn at(&self, index: u32) -> Option<&Function> {
        self.functions.get(index as usize)
    }

    /// All functions, in the order of their registration.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }
}

/// The bytes of argument `index`, declared as [`Type::String`](crate::value::Type::String) or [`Type::Bytes`](crate::value::Type::Bytes).
pub fn text(args: &[Value], index: usize) -> &[u8] {
    args.get(index).and_then(Value::as_bytes).unwrap_or_default()
}

/// Argument `index`, declared as [`Type::Int`](crate::value::Type::Int) or [`Type::Int64`](crate::value::Type::Int64).
pub fn int(args: &[Value], index: usize) -> i64 {
    args.get(index).and_then(Value::as_int).unwrap_or_default()
}

/// Argument `index`, declared as [`Type::Float64`](crate::value::Type::Float64).
pub fn float(args: &[Value], index: usize) -> f64 {
    args.get(index).and_then(Value::as_float).unwrap_or_default()
}

/// Argument `index`, declared as [`Type::Bool`](crate::value::Type::Bool).
pub fn boolean(args: &[Value], index: usize) -> bool {
    args.get(index).and_then(Value::as_bool).unwrap_or_default()
}

/// Argument `index`, declared as [`Type::Any`](crate::value::Type::Any); nil if it is missing.
pub fn any(args: &[Value], index: usize) -> &Value {
    args.get(index).unwrap_or(&Value::Nil)
}

/// Argument `index`, declared as one of the slice types. A nil slice if the argument is nil.
pub fn list(args: &[Value], index: usize) -> List {
    args.get(index).and_then(Value::as_list).cloned().unwrap_or_else(|| List::nil(&ANYS))
}

/// Argument `index`, declared as `map[string]interface {}`. The result has this type even if the argument has a
/// named type. A nil map if the argument is nil.
pub fn map(args: &[Value], index: usize) -> Map {
    let given = args.get(index).and_then(Value::as_map);
    given.map_or_else(|| Map::nil(&ANY_MAP), |map| map.with_type(&ANY_MAP))
}
