//! YAML: helm's functions that encode and decode it.

use super::json::{check_for_yaml, error_list, error_map, not_into, or_empty};
use crate::function::{FuncError, Function, any, text};
use crate::run::Run;
use crate::value::{Map, Type, Value};
use keyfill_yaml::{Limits, load_value, to_yaml};

/// The functions of this family.
pub const FUNCTIONS: &[Function] = &[
    Function::fixed("toYaml", &[Type::Any], |run, args| or_empty(write(run, args))),
    Function::fixed("fromYaml", &[Type::String], from_yaml),
    Function::fixed("fromYamlArray", &[Type::String], from_yaml_array),
];

/// The functions that helm 4 has besides.
pub const ADDED_BY_HELM_4: &[Function] = &[Function::fixed("mustToYaml", &[Type::Any], write)];

/// The value as YAML, without the newline at the end.
fn write(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let value = any(args, 0);
    check_for_yaml(run, value)?;
    let text = run.write(value, |value| to_yaml(value))?;
    run.spend(text.len() as u64)?;
    Ok(Value::str(text.strip_suffix(b"\n").unwrap_or(&text)))
}

fn load(run: &mut Run, args: &[Value]) -> Result<Result<keyfill_yaml::Value, String>, FuncError> {
    let text = text(args, 0);
    run.spend(text.len() as u64 * 8)?;
    run.room(text.len() as u64 * 8)?;
    let loaded = load_value(text, &Limits::from(run.cx()));
    if let Some(stopped) = loaded.as_ref().err().and_then(keyfill_yaml::Error::stopped) {
        return Err(FuncError::limit(stopped.to_string()));
    }
    Ok(loaded.map_err(|error| format!("error converting YAML to JSON: yaml: {}", error.go_text())))
}

fn from_yaml(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    use keyfill_yaml::Value as Yaml;
    Ok(match load(run, args)? {
        Ok(Yaml::Null) => Map::new().into(),
        Ok(map @ Yaml::Map(_)) => map.into(),
        Ok(other) => error_map(mismatch(&other, "map[string]interface {}")),
        Err(error) => error_map(error),
    })
}

fn from_yaml_array(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    use keyfill_yaml::Value as Yaml;
    Ok(match load(run, args)? {
        Ok(Yaml::Null) => Value::list(Vec::new()),
        Ok(list @ Yaml::Seq(_)) => list.into(),
        Ok(other) => error_list(mismatch(&other, "[]interface {}")),
        Err(error) => error_list(error),
    })
}

fn mismatch(value: &keyfill_yaml::Value, wanted: &str) -> String {
    use keyfill_yaml::Value as Yaml;
    let kind = match value {
        Yaml::Null => "null",
        Yaml::Bool(_) => "bool",
        Yaml::Int(_) | Yaml::Uint(_) | Yaml::Float(_) | Yaml::Number(_) => "number",
        Yaml::Str(_) => "string",
        Yaml::Seq(_) => "array",
        Yaml::Map(_) => "object",
    };
    let problem = not_into(kind, wanted);
    format!("error unmarshaling JSON: while decoding JSON: {problem}")
}
