//! Pipelines, commands and operands.

use super::execution::Variable;
use super::{Dot, Execution, Site};
use crate::compiler::{self, Chain, Ideal, Name, NodeId, NodeKind, Tree};
use crate::error::{Error, Link, NilChain};
use crate::templates::MissingKey;
use crate::value::{
    ANY_MAP, ANYS, Function, INTS, Kind, List, Map, Object, STRING_MAP, STRINGS, Str, Type, Value, no_methods,
};
use keyfill_go::quote::quote;
use std::borrow::Cow;
use std::rc::Rc;

/// The arguments of a command: its words (the first is the function itself), and the value of the command before
/// it in the pipeline.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub words: &'a [NodeId],
    pub last: Option<&'a Value>,
}

impl Given<'_> {
    pub const NOTHING: Given<'static> = Given { words: &[], last: None };

    fn is_something(&self) -> bool {
        self.words.len() > 1 || self.last.is_some()
    }
}

impl Execution {
    /// Evaluates a pipeline. Variables that it declares are pushed on the stack.
    pub(super) fn pipeline(&mut self, tree: &Tree, id: NodeId, dot: Dot<'_>) -> Result<Value, Error> {
        self.at = id;
        let NodeKind::Pipe { parts, declared, assign } = tree[id].kind else {
            return Err(self.error(tree, "not a pipeline"));
        };
        let (commands, declared) = tree.pipe(parts, declared);
        let mut value: Option<Value> = None;
        for command in commands {
            let mut next = self.command(tree, *command, dot, value.as_ref())?;
            if matches!(next, Value::NilInterface) {
                next = Value::Nil;
            }
            value = Some(next);
        }
        let value = value.unwrap_or_default();
        for variable in declared {
            if assign {
                self.assign(tree, *variable, Dot::plain(&value))?;
            } else if let NodeKind::Variable(variable) = tree[*variable].kind {
                let (name, value) = (tree.variable(variable).name, value.clone());
                self.variables.push(Variable { name, interface: false, value });
            }
        }
        Ok(value)
    }

    /// Assigns a new value to the variable of that name that was declared last.
    pub(super) fn assign(&mut self, tree: &Tree, id: NodeId, value: Dot<'_>) -> Result<(), Error> {
        let NodeKind::Variable(variable) = tree[id].kind else { return Ok(()) };
        let at = self.find_variable(tree, tree.variable(variable))?;
        let slot = &mut self.variables[at];
        slot.interface = value.interface;
        slot.value = value.value.clone();
        Ok(())
    }

    /// The index of a variable on the stack.
    fn find_variable(&self, tree: &Tree, variable: &compiler::Variable) -> Result<usize, Error> {
        if let Some(slot) = variable.slot {
            return Ok(self.frame + slot as usize);
        }
        let found = self.variables[self.frame..].iter().rposition(|v| v.name == variable.name);
        found.map(|at| self.frame + at).ok_or_else(|| {
            let name = tree.variables[variable.name as usize].to_text().into_owned();
            self.error(tree, format!("undefined variable: {name}"))
        })
    }

    fn command(
        &mut self,
        tree: &Tree,
        id: NodeId,
        dot: Dot<'_>,
        last: Option<&Value>,
    ) -> Result<Value, Error> {
        self.step(tree)?;
        let NodeKind::Command(words) = tree[id].kind else {
            return Err(self.error(tree, "not a command"));
        };
        let words = tree.list(words);
        let given = Given { words, last };
        let first = words[0];
        match tree[first].kind {
            NodeKind::Field(names) => {
                self.at = first;
                self.chain(Site { tree, node: first, dot }, dot, tree.names(names), given)
            }
            NodeKind::Chain(chain) => {
                self.chain_node(Site { tree, node: first, dot }, tree.chain(chain), given)
            }
            NodeKind::Identifier { function, .. } => {
                self.at = first;
                self.call_function(Site { tree, node: id, dot }, function, given)
            }
            NodeKind::Pipe { .. } => {
                self.no_arguments(tree, given)?;
                self.pipeline_inside(tree, first, dot)
            }
            NodeKind::Variable(variable) => {
                self.variable(Site { tree, node: first, dot }, tree.variable(variable), given)
            }
            constant => {
                self.at = first;
                self.no_arguments(tree, given)?;
                match constant {
                    NodeKind::Bool(b) => Ok(Value::Bool(b)),
                    NodeKind::Dot => Ok(dot.operand()),
                    NodeKind::Nil => Err(self.error(tree, "nil is not a command")),
                    NodeKind::Number(number) => self.ideal(tree, tree.number(number)),
                    NodeKind::String { text, .. } => Ok(Value::Str(tree.constant(text).clone())),
                    _ => {
                        let shown = quote(tree.show(first).as_bytes());
                        Err(self.error(tree, format!("can't evaluate command {shown}")))
                    }
                }
            }
        }
    }

    /// Evaluates a pipeline in parentheses, which may be deeply nested.
    pub(super) fn pipeline_inside(&mut self, tree: &Tree, id: NodeId, dot: Dot<'_>) -> Result<Value, Error> {
        stacker::maybe_grow(128 << 10, 1 << 20, || self.pipeline(tree, id, dot))
    }

    fn no_arguments(&self, tree: &Tree, given: Given<'_>) -> Result<(), Error> {
        if !given.is_something() {
            return Ok(());
        }
        let first = given.words.first().map_or_else(String::new, |word| tree.show(*word));
        Err(self.error(tree, format!("can't give argument to non-function {first}")))
    }

    /// The value of a number constant in a place that accepts any type.
    pub(super) fn ideal(&self, tree: &Tree, number: &compiler::Number) -> Result<Value, Error> {
        match number.ideal {
            Ideal::Int(n) => Ok(Value::Int(n)),
            Ideal::Float(f) => Ok(Value::Float(f)),
            Ideal::Complex(re, im) => Ok(Value::Complex(re, im)),
            Ideal::Overflow => Err(self.error(tree, format!("{} overflows int", number.text))),
        }
    }

    /// `$x`, `$x.A.B`
    pub(super) fn variable(
        &mut self,
        site: Site<'_>,
        variable: &compiler::Variable,
        given: Given<'_>,
    ) -> Result<Value, Error> {
        let tree = site.tree;
        self.at = site.node;
        let at = self.find_variable(tree, variable)?;
        let Variable { value, interface, .. } = &self.variables[at];
        let (value, interface) = (value.clone(), *interface);
        let value = Dot { value: &value, interface };
        if variable.fields.is_empty() {
            self.no_arguments(tree, given)?;
            return Ok(value.operand());
        }
        self.chain(site, value, tree.names(variable.fields), given)
    }

    /// `(pipeline).A.B`
    pub(super) fn chain_node(
        &mut self,
        site: Site<'_>,
        chain: Chain,
        given: Given<'_>,
    ) -> Result<Value, Error> {
        self.at = site.node;
        let value = self.argument(site.tree, chain.node, site.dot, Type::Reflect)?;
        self.chain(site, Dot::plain(&value), site.tree.names(chain.fields), given)
    }

    /// `.A.B.C` of a value. The arguments are those of the last field, which may be a method.
    pub(super) fn chain(
        &mut self,
        site: Site<'_>,
        start: Dot<'_>,
        names: &[Name],
        given: Given<'_>,
    ) -> Result<Value, Error> {
        let tree = site.tree;
        let Some((first, rest)) = names.split_first() else { return Ok(start.operand()) };
        let given_to = |place: usize| if place + 1 == names.len() { given } else { Given::NOTHING };
        let (mut value, mut interface) = self.field(site, start, tree.name(*first), given_to(0))?;
        for (place, name) in (1..).zip(rest) {
            let receiver = Dot { value: &value, interface };
            match self.field(site, receiver, tree.name(*name), given_to(place)) {
                Ok(next) => (value, interface) = next,
                Err(error) if value.is_nil() => {
                    let walked = &names[..place];
                    let hint = nil_hint(tree, site.node, start.value, walked);
                    return Err(error.with_hint(hint).with_nil(nil_chain(tree, start.value, walked)));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(value)
    }

    /// A field, key or method of a value, and whether the result is held in an `interface {}`.
    fn field(
        &mut self,
        site: Site<'_>,
        receiver: Dot<'_>,
        name: &[u8],
        given: Given<'_>,
    ) -> Result<(Value, bool), Error> {
        let tree = site.tree;
        match receiver.value {
            Value::Nil if !receiver.interface => match self.templates.missing_key() {
                MissingKey::Error => {
                    let key = quote(name);
                    Err(self.error(tree, format!("nil data; no entry for key {key}")))
                }
                _ => Ok((Value::Nil, false)),
            },
            Value::Nil | Value::NilInterface => {
                Err(self.error(tree, format!("nil pointer evaluating interface {{}}.{}", lossy(name))))
            }
            Value::Map(map) => match method_of(map.ty().methods, name) {
                Some(method) => self.call_method(site, method, receiver.value, given),
                None => self.key(tree, map, name, given),
            },
            Value::Object(object) => self.object_field(site, receiver, object, name, given),
            Value::List(list) => match method_of(list.ty().methods, name) {
                Some(method) => self.call_method(site, method, receiver.value, given),
                None => Err(self.no_field(tree, receiver, name)),
            },
            _ => Err(self.no_field(tree, receiver, name)),
        }
    }

    #[cold]
    fn no_field(&self, tree: &Tree, receiver: Dot<'_>, name: &[u8]) -> Error {
        let ty = if receiver.interface { "interface {}".into() } else { receiver.value.type_name() };
        self.error(tree, format!("can't evaluate field {} in type {ty}", lossy(name)))
    }

    fn key(&self, tree: &Tree, map: &Map, name: &[u8], given: Given<'_>) -> Result<(Value, bool), Error> {
        if given.is_something() {
            let name = lossy(name);
            return Err(self.error(tree, format!("{name} is not a method but has arguments")));
        }
        let elem = map.ty().elem;
        let interface = elem == Type::Any;
        match map.get(name) {
            Some(Value::Nil) if interface => Ok((Value::NilInterface, true)),
            Some(value) => Ok((value, interface)),
            None => match self.templates.missing_key() {
                MissingKey::Default => Ok((Value::Nil, false)),
                MissingKey::Zero => Ok((zero(elem), interface)),
                MissingKey::Error => {
                    let key = quote(name);
                    Err(self.error(tree, format!("map has no entry for key {key}")))
                }
            },
        }
    }

    fn object_field(
        &mut self,
        site: Site<'_>,
        receiver: Dot<'_>,
        object: &Rc<dyn Object>,
        name: &[u8],
        given: Given<'_>,
    ) -> Result<(Value, bool), Error> {
        let tree = site.tree;
        let text = lossy(name);
        if let Some(method) = object.method(&text) {
            return self.call_method(site, method, receiver.value, given);
        }
        if object.is_nil() {
            let ty = if receiver.interface { "interface {}".into() } else { object.type_name() };
            return Err(self.error(tree, format!("nil pointer evaluating {ty}.{text}")));
        }
        match object.field(&text) {
            Some(_) if given.is_something() => {
                Err(self.error(tree, format!("{text} has arguments but cannot be invoked as function")))
            }
            Some(value) => Ok((value, false)),
            None => Err(self.no_field(tree, receiver, name)),
        }
    }
}

/// A hint that says which value was nil when a chain of fields failed, and which name may have been meant.
#[cold]
fn nil_hint(tree: &Tree, id: NodeId, start: &Value, names: &[Name]) -> Option<String> {
    let text = |name: &Name| lossy(tree.name(*name));
    let base = match tree[id].kind {
        NodeKind::Field(_) => String::new(),
        NodeKind::Variable(variable) => {
            tree.variables[tree.variable(variable).name as usize].to_text().into_owned()
        }
        _ => return None,
    };
    let path =
        |names: &[Name]| names.iter().fold(base.clone(), |path, name| path + "." + text(name).as_ref());
    let nil = path(names);
    let (missing, before) = names.split_last()?;
    let holder = before.iter().try_fold(start.clone(), |value, name| value.as_map()?.get(tree.name(*name)));
    let Some(Value::Map(holder)) = holder else { return Some(format!("{nil} is nil")) };
    if holder.contains(tree.name(*missing)) {
        return Some(format!("{nil} is nil: set it, or test it before its fields are used"));
    }
    let keys: Vec<String> = holder.entries().keys().map(|key| key.to_text().into_owned()).collect();
    Some(match keyfill_diag::nearest(&text(missing), keys.iter().map(String::as_str)) {
        Some(near) => format!("{nil} is not set; did you mean {}.{near}?", path(before)),
        None => format!("{nil} is not set: set it, or test it before its fields are used"),
    })
}

/// The maps that a chain of fields went through, up to the field that was nil.
#[cold]
fn nil_chain(tree: &Tree, start: &Value, names: &[Name]) -> Option<NilChain> {
    let mut links = Vec::with_capacity(names.len());
    let mut value = start.clone();
    for (place, name) in names.iter().enumerate() {
        let Value::Map(map) = &value else { return None };
        let key = tree.name(*name);
        links.push(Link { map: map.address(), name: lossy(key).into_owned() });
        let next = map.get(key);
        if place + 1 == names.len() {
            let entries = map.entries();
            let known: Vec<_> = entries.keys().map(|key| key.to_text()).collect();
            let near = keyfill_diag::nearest(&lossy(key), known.iter().map(AsRef::as_ref));
            let near = near.map(str::to_owned);
            return Some(NilChain { links, is_null: next.is_some(), near });
        }
        value = next?;
    }
    None
}

fn lossy(name: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(name)
}

/// A method of a named type.
fn method_of(methods: Methods, name: &[u8]) -> Option<&'static Function> {
    // Most types have no methods, so the name need not be decoded.
    if std::ptr::fn_addr_eq(methods, no_methods as Methods) {
        return None;
    }
    std::str::from_utf8(name).ok().and_then(methods)
}

type Methods = fn(&str) -> Option<&'static Function>;

/// The zero value of a type.
pub(super) fn zero(ty: Type) -> Value {
    match ty {
        Type::Any => Value::NilInterface,
        Type::Bool => Value::Bool(false),
        Type::Int => Value::Int(0),
        Type::Int64 => Value::Int64(0),
        Type::Uint8 => Value::Uint8(0),
        Type::Uint32 => Value::Uint32(0),
        Type::Uint64 => Value::Uint64(0),
        Type::Float64 => Value::Float(0.0),
        Type::String => Value::Str(Str::EMPTY),
        Type::Bytes => Value::Bytes(Str::EMPTY),
        Type::List => Value::List(List::nil(&ANYS)),
        Type::Strings => Value::List(List::nil(&STRINGS)),
        Type::Ints => Value::List(List::nil(&INTS)),
        Type::Map => Value::Map(Map::nil(&ANY_MAP)),
        Type::StringMap => Value::Map(Map::nil(&STRING_MAP)),
        Type::Named(_, Kind::String) => Value::Str(Str::EMPTY),
        Type::Error | Type::Reflect | Type::Named(..) => Value::Nil,
    }
}
