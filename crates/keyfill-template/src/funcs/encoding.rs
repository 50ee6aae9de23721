//! Base64 and base32. As in sprig, a text that cannot be decoded gives the text of the error.

use crate::function::{FuncError, Function, text};
use crate::value::{Type, Value};
use keyfill_go::base;

const S: Type = Type::String;

/// The functions of this family.
pub const FUNCTIONS: &[Function] = &[
    Function::fixed("b64enc", &[S], |_, args| Ok(Value::str(base::encode64(text(args, 0))))),
    Function::fixed("b64dec", &[S], |_, args| decoded(base::decode64(text(args, 0)))),
    Function::fixed("b32enc", &[S], |_, args| Ok(Value::str(base::encode32(text(args, 0))))),
    Function::fixed("b32dec", &[S], |_, args| decoded(base::decode32(text(args, 0)))),
];

fn decoded(data: Result<Vec<u8>, base::Corrupt>) -> Result<Value, FuncError> {
    Ok(data.map_or_else(|error| error.to_string().into(), Value::str))
}
