//! JSON: encoding and decoding.
//!
//! helm's `toJson`, `fromJson` and `fromJsonArray` replace sprig's: they return an error as a part of the result.
//! sprig's other functions stay.

use crate::function::{FuncError, Function, any, text};
use crate::run::Run;
use crate::value::{
    ANY_MAP, ANYS, AsJson, Encoded, List, Map, Object, STAND_IN, Str, Type, Value, Walk, too_large,
};
use keyfill_go::json_decode::{self, Decoded, GoVersion, Json};
use keyfill_yaml::{Html, Within, is_read_from_json, to_json, to_json_indent, to_json_plain};

const A: Type = Type::Any;
const S: Type = Type::String;

/// The functions of this family.
pub const FUNCTIONS: &[Function] = &[
    Function::fixed("toJson", &[A], |run, args| or_empty(compact(run, args))),
    Function::fixed("mustToJson", &[A], compact),
    Function::fixed("toPrettyJson", &[A], |run, args| or_empty(pretty(run, args))),
    Function::fixed("mustToPrettyJson", &[A], pretty),
    Function::fixed("toRawJson", &[A], raw),
    Function::fixed("mustToRawJson", &[A], raw),
    Function::fixed("fromJson", &[S], |run, args| from_json(run, args, GoVersion::UpTo126)),
    Function::fixed("fromJsonArray", &[S], |run, args| from_json_array(run, args, GoVersion::UpTo126)),
    Function::fixed("mustFromJson", &[S], |run, args| must_from_json(run, args, GoVersion::UpTo126)),
];

/// The functions that differ in helm 4. It is built with Go 1.27, which writes U+FFFD itself for a byte that is
/// not UTF-8, and has other error messages.
pub const OF_HELM_4: &[Function] = &[
    Function::fixed("toJson", &[A], |run, args| or_empty(written(run, args, |value| to_json(value)))),
    Function::fixed("mustToJson", &[A], |run, args| written(run, args, |value| to_json(value))),
    Function::fixed("toPrettyJson", &[A], |run, args| or_empty(written(run, args, indented))),
    Function::fixed("mustToPrettyJson", &[A], |run, args| written(run, args, indented)),
    Function::fixed("toRawJson", &[A], |run, args| written(run, args, |value| to_json_plain(value))),
    Function::fixed("mustToRawJson", &[A], |run, args| written(run, args, |value| to_json_plain(value))),
    Function::fixed("fromJson", &[S], |run, args| from_json(run, args, GoVersion::From127)),
    Function::fixed("fromJsonArray", &[S], |run, args| from_json_array(run, args, GoVersion::From127)),
    Function::fixed("mustFromJson", &[S], |run, args| must_from_json(run, args, GoVersion::From127)),
];

fn compact(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    encode(run, args, |value| to_json(value), BEFORE_GO_1_27)
}

fn pretty(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    encode(run, args, indented, BEFORE_GO_1_27)
}

fn raw(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    encode(run, args, |value| to_json_plain(value), BEFORE_GO_1_27)
}

fn written(run: &mut Run, args: &[Value], write: Write) -> Result<Value, FuncError> {
    encode(run, args, write, "\u{fffd}")
}

fn indented(value: &Within<'_, AsJson<'_>>) -> Vec<u8> {
    to_json_indent(value, "  ", Html::Escaped)
}

/// Writes a value as JSON.
type Write = fn(&Within<'_, AsJson<'_>>) -> Vec<u8>;

/// What Go before 1.27 writes for a byte that is not UTF-8. The character U+FFFD itself is written unchanged.
const BEFORE_GO_1_27: &str = r"\ufffd";

fn encode(run: &mut Run, args: &[Value], write: Write, for_stray: &str) -> Result<Value, FuncError> {
    let value = any(args, 0);
    check(run, value)?;
    let text = run.write(&AsJson(value), write)?;
    run.spend(text.len() as u64)?;
    Ok(Value::str(without_stand_ins(text, for_stray.as_bytes())))
}

/// Replaces the stand-ins for bytes that are not UTF-8 by what Go writes for them.
fn without_stand_ins(text: Vec<u8>, for_stray: &[u8]) -> Vec<u8> {
    let mut place = [0; 4];
    let stand_in: &[u8] = STAND_IN.encode_utf8(&mut place).as_bytes();
    if memchr::memmem::find(&text, stand_in).is_none() {
        return text;
    }
    let (mut out, mut start) = (Vec::with_capacity(text.len() + 16), 0);
    for at in memchr::memmem::find_iter(&text, stand_in) {
        out.extend_from_slice(&text[start..at]);
        out.extend_from_slice(for_stray);
        start = at + stand_in.len();
    }
    out.extend_from_slice(&text[start..]);
    out
}

/// An empty text if the value cannot be encoded. Exceeded limits stay errors.
pub(super) fn or_empty(text: Result<Value, FuncError>) -> Result<Value, FuncError> {
    match text {
        Err(error) if !error.is_limit() => Ok("".into()),
        other => other,
    }
}

/// Refuses values that JSON cannot express, with Go's messages.
pub(super) fn check(run: &mut Run, value: &Value) -> Result<(), FuncError> {
    check_all(run, value, |_, _| true)
}

/// Refuses values that JSON cannot express, and texts in JSON that YAML's parser refuses: helm encodes JSON and
/// parses it as YAML before it writes YAML.
pub(super) fn check_for_yaml(run: &mut Run, value: &Value) -> Result<(), FuncError> {
    check_all(run, value, is_read_from_json)
}

fn check_all(run: &mut Run, value: &Value, is_read: fn(&[u8], bool) -> bool) -> Result<(), FuncError> {
    let cx = run.cx();
    match (Check { walk: Walk::new(cx), is_read }).value(value, cx.limits.depth) {
        Err(error) if error.is_limit() && value.holds_itself(cx) => {
            Err(format!("json: unsupported value: encountered a cycle via {}", value.type_name()).into())
        }
        other => other,
    }
}

/// The state of one walk over a value.
struct Check {
    walk: Walk,
    /// Whether a text can be parsed again. The second argument says whether it is a key.
    is_read: fn(&[u8], bool) -> bool,
}

impl Check {
    fn value(&mut self, value: &Value, depth: u32) -> Result<(), FuncError> {
        let depth = depth.checked_sub(1).ok_or_else(too_large)?;
        match value {
            Value::Float(f) if !f.is_finite() => {
                let shown = match () {
                    () if f.is_nan() => "NaN",
                    () if *f > 0.0 => "+Inf",
                    () => "-Inf",
                };
                Err(format!("json: unsupported value: {shown}").into())
            }
            Value::Func(_) | Value::Complex(..) => {
                Err(format!("json: unsupported type: {}", value.type_name()).into())
            }
            Value::Str(text) => self.text(text, false),
            Value::Bytes(bytes) => self.walk.write(bytes.len()),
            Value::List(list) => {
                self.walk.visit(list.len())?;
                list.iter().try_for_each(|item| self.value(item, depth))
            }
            Value::Map(map) => {
                self.walk.visit(map.len())?;
                map.entries().iter().try_for_each(|(key, item)| {
                    self.text(key, true)?;
                    self.value(item, depth)
                })
            }
            Value::Object(object) => match object.encode() {
                Encoded::Value(inner) => self.value(&inner, depth),
                Encoded::Struct(fields) => fields.iter().try_for_each(|(_, item)| self.value(item, depth)),
            },
            _ => Ok(()),
        }
    }

    fn text(&mut self, text: &Str, is_key: bool) -> Result<(), FuncError> {
        self.walk.write(text.len())?;
        if (self.is_read)(text.as_bytes(), is_key) {
            return Ok(());
        }
        Err("yaml: control characters are not allowed".into())
    }
}

/// The text as which an object is encoded in JSON, if it is encoded as text.
pub(super) fn encoded_text(object: &dyn Object) -> Option<Str> {
    match object.encode() {
        Encoded::Value(Value::Str(text)) => Some(text),
        _ => None,
    }
}

impl From<Json> for Value {
    fn from(json: Json) -> Self {
        match json {
            Json::Null => Self::Nil,
            Json::Bool(b) => Self::Bool(b),
            Json::Number(n) => Self::Float(n),
            Json::Str(text) => Self::str(text),
            Json::Array(items) => Self::list(items.into_iter().map(Self::from).collect()),
            Json::Object(entries) => entries.into_iter().collect::<Map>().into(),
        }
    }
}

fn decode(run: &mut Run, args: &[Value], version: GoVersion) -> Result<Result<Decoded, String>, FuncError> {
    let text = text(args, 0);
    run.spend(text.len() as u64 * 8)?;
    Ok(json_decode::decode_as_of(text, run.cx().limits.depth, version).map_err(|error| error.to_string()))
}

fn must_from_json(run: &mut Run, args: &[Value], version: GoVersion) -> Result<Value, FuncError> {
    Ok(decode(run, args, version)??.into_result().map(Value::from).map_err(|error| error.to_string())?)
}

fn from_json(run: &mut Run, args: &[Value], version: GoVersion) -> Result<Value, FuncError> {
    Ok(match decode(run, args, version)? {
        Ok(Decoded { value: Json::Null, error: None }) => Value::Map(Map::nil(&ANY_MAP)),
        Ok(Decoded { value: Json::Object(entries), error }) => {
            let map: Map = entries.into_iter().collect();
            if let Some(error) = error {
                map.set("Error", error.to_string());
            }
            map.into()
        }
        Ok(other) => error_map(not_into(kind(&other), "map[string]interface {}")),
        Err(error) => error_map(error),
    })
}

fn from_json_array(run: &mut Run, args: &[Value], version: GoVersion) -> Result<Value, FuncError> {
    Ok(match decode(run, args, version)? {
        Ok(Decoded { value: Json::Null, error: None }) => Value::List(List::nil(&ANYS)),
        Ok(Decoded { value: Json::Array(_), error: Some(error) }) => error_list(error.to_string()),
        Ok(Decoded { value: array @ Json::Array(_), error: None }) => array.into(),
        Ok(other) => error_list(not_into(kind(&other), "[]interface {}")),
        Err(error) => error_list(error),
    })
}

/// Go's name for the kind of a decoded value. A number that is too large is still a number.
fn kind(decoded: &Decoded) -> &'static str {
    match (&decoded.value, &decoded.error) {
        (Json::Null, Some(_)) => "number",
        (value, _) => value.kind(),
    }
}

/// Go's message for JSON of another type than the required one.
pub(super) fn not_into(kind: &str, wanted: &str) -> String {
    format!("json: cannot unmarshal {kind} into Go value of type {wanted}")
}

/// An error as a map, as helm returns it.
pub(super) fn error_map(error: String) -> Value {
    Value::Map([("Error", Value::from(error))].into_iter().collect())
}

/// An error as a list, as helm returns it.
pub(super) fn error_list(error: String) -> Value {
    Value::list(vec![error.into()])
}
