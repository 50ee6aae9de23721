//! Function calls: arguments are evaluated, checked and converted by the declared types.

use super::eval::{Given, zero};
use super::{Dot, Execution, Site};
use crate::compiler::{NodeId, NodeKind, Number, Tree};
use crate::error::Error;
use crate::failure::FuncError;
use crate::value::{Function, Special, Str, Type, Value};
use smallvec::SmallVec;

type Arguments = SmallVec<[Value; 4]>;

/// Arguments that are smaller, in bytes, do not count as work, since each call counts as a step.
const LARGE_ARGUMENTS: usize = 4 << 10;

impl Execution {
    /// Calls a function by its index in the registry. Errors have the place of `site`'s node.
    pub(super) fn call_function(
        &mut self,
        site: Site<'_>,
        function: u32,
        given: Given<'_>,
    ) -> Result<Value, Error> {
        let tree = site.tree;
        let Some(function) = self.templates.registry().at(function).copied() else {
            let shown = keyfill_go::quote::quote(tree.show(self.at).as_bytes());
            return Err(self.error(tree, format!("{shown} is not a defined function")));
        };
        match function.special {
            Special::And => self.short_circuit(site, false, &function, given),
            Special::Or => self.short_circuit(site, true, &function, given),
            _ => self.call(site, &function, None, given),
        }
    }

    /// Calls a method with its receiver.
    pub(super) fn call_method(
        &mut self,
        site: Site<'_>,
        method: &'static Function,
        receiver: &Value,
        given: Given<'_>,
    ) -> Result<(Value, bool), Error> {
        self.call(site, method, Some(receiver), given).map(|value| (value, false))
    }

    fn call(
        &mut self,
        site: Site<'_>,
        function: &Function,
        receiver: Option<&Value>,
        given: Given<'_>,
    ) -> Result<Value, Error> {
        let Site { tree, node, dot } = site;
        let words = given.words.get(1..).unwrap_or_default();
        self.check_count(tree, function, words.len(), given.last.is_some())?;
        let mut arguments = Arguments::new();
        arguments.extend(receiver.cloned());
        for (index, word) in words.iter().enumerate() {
            arguments.push(self.argument(tree, *word, dot, parameter(function, index))?);
        }
        if let Some(last) = given.last {
            let ty = parameter(function, words.len());
            arguments.push(self.validate(tree, last.clone(), ty)?);
        }
        if function.special == Special::Call {
            self.check_callee(site, words, &arguments)?;
        }
        self.account(tree, &arguments)?;
        match self.apply(function, &arguments) {
            Ok(value) => Ok(value),
            Err(error) => {
                self.at = node;
                Err(self.failure(tree, error).of_call(function.name))
            }
        }
    }

    /// Calls a function with arguments that were checked.
    #[inline]
    fn apply(&mut self, function: &Function, arguments: &[Value]) -> Result<Value, FuncError> {
        match function.special {
            Special::Include => {
                let (name, data) = text_and_data(arguments);
                self.include(name, data).map(Value::Str)
            }
            Special::Tpl => {
                let (text, data) = text_and_data(arguments);
                self.tpl(text, data).map(Value::Str)
            }
            _ => (function.call)(&mut self.run, arguments),
        }
    }

    /// Counts large arguments as work: most functions process all of a text, list or map.
    #[inline]
    fn account(&mut self, tree: &Tree, arguments: &[Value]) -> Result<(), Error> {
        let size = |value: &Value| match value {
            Value::Str(text) => text.size_in_memory(),
            Value::List(list) => list.len() * size_of::<usize>(),
            Value::Map(map) => map.len() * size_of::<usize>(),
            _ => 0,
        };
        let size: usize = arguments.iter().map(size).sum();
        if size < LARGE_ARGUMENTS {
            return Ok(());
        }
        // Most functions also return a value of about the same size.
        let done = self.run.work(size as u64).and_then(|()| self.run.room(size as u64));
        done.map_err(|error| self.failure(tree, error))
    }

    /// Refuses a first argument of `call` that is not a function. The message names it as the template does.
    fn check_callee(&mut self, site: Site<'_>, words: &[NodeId], arguments: &[Value]) -> Result<(), Error> {
        let tree = site.tree;
        let callee = match arguments.first() {
            Some(callee) if !matches!(callee, Value::Func(_)) && !callee.is_nil() => callee,
            _ => return Ok(()),
        };
        let name = match (words.first(), callee) {
            (Some(word), _) => tree.show(*word),
            (None, Value::Str(text)) => text.to_text().into_owned(),
            (None, value) => format!("<{} Value>", value.type_name()),
        };
        self.at = site.node;
        let ty = callee.type_name();
        Err(self.error(tree, format!("error calling call: non-function {name} of type {ty}")))
    }

    fn check_count(&self, tree: &Tree, function: &Function, words: usize, last: bool) -> Result<(), Error> {
        let (given, wanted) = (words + usize::from(last), function.params.len());
        let name = function.name;
        match function.variadic {
            Some(_) if given < wanted => {
                let message = format!("wrong number of args for {name}: want at least {wanted} got {words}");
                Err(self.error(tree, message))
            }
            None if given != wanted => {
                Err(self.error(tree, format!("wrong number of args for {name}: want {wanted} got {given}")))
            }
            _ => Ok(()),
        }
    }

    /// `and` and `or`: the first argument that decides is the value, and the others are not evaluated.
    fn short_circuit(
        &mut self,
        site: Site<'_>,
        settles: bool,
        function: &Function,
        given: Given<'_>,
    ) -> Result<Value, Error> {
        let Site { tree, dot, .. } = site;
        let words = given.words.get(1..).unwrap_or_default();
        self.check_count(tree, function, words.len(), given.last.is_some())?;
        let mut value = Value::Nil;
        for word in words {
            value = self.argument(tree, *word, dot, Type::Reflect)?;
            if value.truth() == settles {
                return Ok(value);
            }
        }
        Ok(given.last.cloned().unwrap_or(value))
    }

    /// The value of an argument, converted to the type of the parameter.
    pub(super) fn argument(
        &mut self,
        tree: &Tree,
        id: NodeId,
        dot: Dot<'_>,
        ty: Type,
    ) -> Result<Value, Error> {
        self.at = id;
        let site = Site { tree, node: id, dot };
        let value = match tree[id].kind {
            NodeKind::Dot => dot.operand(),
            NodeKind::Nil if ty == Type::Reflect => return Ok(Value::Nil),
            NodeKind::Nil if ty.kind().can_be_nil() => return Ok(without_interface(zero(ty))),
            NodeKind::Nil => return Err(self.error(tree, format!("cannot assign nil to {}", ty.name()))),
            NodeKind::Field(names) => {
                // In Go the only word is the field itself.
                let given = Given { words: std::slice::from_ref(&id), last: None };
                self.chain(site, dot, tree.names(names), given)?
            }
            NodeKind::Variable(variable) => self.variable(site, tree.variable(variable), Given::NOTHING)?,
            NodeKind::Pipe { .. } => self.pipeline_inside(tree, id, dot)?,
            NodeKind::Identifier { function, .. } => self.call_function(site, function, Given::NOTHING)?,
            NodeKind::Chain(chain) => self.chain_node(site, tree.chain(chain), Given::NOTHING)?,
            _ => return self.constant(tree, id, ty),
        };
        self.validate(tree, value, ty)
    }

    /// A constant, converted to the type of the parameter.
    fn constant(&self, tree: &Tree, id: NodeId, ty: Type) -> Result<Value, Error> {
        let node = &tree[id].kind;
        let number = |get: fn(&Number) -> Option<Value>, expected: &str| {
            let value = if let NodeKind::Number(number) = node { get(tree.number(*number)) } else { None };
            value.ok_or_else(|| self.error(tree, format!("expected {expected}; found {}", tree.show(id))))
        };
        match (ty, node) {
            (Type::Any | Type::Reflect, NodeKind::Bool(b)) | (Type::Bool, NodeKind::Bool(b)) => {
                Ok(Value::Bool(*b))
            }
            (Type::Any | Type::Reflect | Type::String, NodeKind::String { text, .. }) => {
                Ok(Value::Str(tree.constant(*text).clone()))
            }
            (Type::Any | Type::Reflect, NodeKind::Number(number)) => self.ideal(tree, tree.number(*number)),
            (Type::Bool, _) => number(|_| None, "bool"),
            (Type::String, _) => number(|_| None, "string"),
            (Type::Int, _) => number(|n| n.int.map(Value::Int), "integer"),
            (Type::Int64, _) => number(|n| n.int.map(Value::Int64), "integer"),
            (Type::Uint8, _) => number(|n| n.uint.map(|u| Value::Uint8(u as u8)), "unsigned integer"),
            (Type::Uint32, _) => number(|n| n.uint.map(|u| Value::Uint32(u as u32)), "unsigned integer"),
            (Type::Uint64, _) => number(|n| n.uint.map(Value::Uint64), "unsigned integer"),
            (Type::Float64, _) => number(|n| n.float.map(Value::Float), "float"),
            _ => {
                let shown = tree.show(id);
                Err(self.error(tree, format!("can't handle {shown} for arg of type {}", ty.name())))
            }
        }
    }

    /// Refuses a value that a parameter of the type does not accept.
    fn validate(&self, tree: &Tree, value: Value, ty: Type) -> Result<Value, Error> {
        match (&value, ty) {
            (_, Type::Reflect) => Ok(value),
            (_, Type::Any) => Ok(without_interface(value)),
            (Value::Nil, _) if ty.kind().can_be_nil() => Ok(without_interface(zero(ty))),
            (Value::Nil, _) => Err(self.error(tree, format!("invalid value; expected {}", ty.name()))),
            _ if value.is_assignable_to(ty) => Ok(value),
            _ => {
                let got = value.type_name();
                let wanted = ty.name();
                Err(self.error(tree, format!("wrong type for value; expected {wanted}; got {got}")))
            }
        }
    }
}

/// The arguments of `include` and `tpl`.
fn text_and_data(arguments: &[Value]) -> (&Str, &Value) {
    let text = arguments.first().and_then(Value::as_str).unwrap_or(&Str::EMPTY);
    (text, arguments.get(1).unwrap_or(&Value::Nil))
}

/// The type of the parameter at an index.
fn parameter(function: &Function, index: usize) -> Type {
    function.params.get(index).copied().or(function.variadic).unwrap_or(Type::Any)
}

/// For functions, a nil in an `interface {}` is a plain nil.
fn without_interface(value: Value) -> Value {
    if let Value::NilInterface = value { Value::Nil } else { value }
}
