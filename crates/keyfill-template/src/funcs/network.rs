//! What would ask a network or a cluster: rendering never does, so these answer as `helm template` does.

use super::{FuncError, Function};
use crate::Ctx;
use crate::value::{Map, Type, Value};

const S: Type = Type::String;

/// The functions of this family.
pub const FUNCTIONS: &[Function] =
    &[Function::fixed("getHostByName", &[S], no_host), Function::fixed("lookup", &[S, S, S, S], nothing)];

fn no_host(_: &mut Ctx, _: &[Value]) -> Result<Value, FuncError> {
    Ok("".into())
}

fn nothing(_: &mut Ctx, _: &[Value]) -> Result<Value, FuncError> {
    Ok(Map::new().into())
}
