//! `chartutil.Values`, in helm 4 `common.Values`: the named map type of `.Values` and of the dot itself, with its
//! methods.

use crate::request::HelmCompat;
use keyfill_go::quote::quote;
use keyfill_template::Run;
use keyfill_template::function::{FuncError, Function, map, text};
use keyfill_template::value::{ANY_MAP, Kind, Map, MapType, Type, Value};
use keyfill_yaml::to_yaml;

static VALUES_3: MapType = MapType { name: "chartutil.Values", elem: Type::Any, methods };
static VALUES_4: MapType = MapType { name: "common.Values", elem: Type::Any, methods };

fn values_type(helm: HelmCompat) -> &'static MapType {
    match helm {
        HelmCompat::V3 => &VALUES_3,
        HelmCompat::V4 => &VALUES_4,
    }
}

/// A map of the named type with these entries.
pub(crate) fn values(helm: HelmCompat, entries: Vec<(&str, Value)>) -> Map {
    Map::typed(entries.into_iter().map(|(k, v)| (k.into(), v)).collect(), values_type(helm))
}

/// The same map with the named type. Both share their entries: a change through one is visible through the other.
pub(crate) fn as_values(helm: HelmCompat, map: &Map) -> Map {
    map.with_type(values_type(helm))
}

fn methods(name: &str) -> Option<&'static Function> {
    const WRITER: Type = Type::Named("io.Writer", Kind::Interface);
    static METHODS: [Function; 5] = [
        Function::fixed("AsMap", &[], as_map),
        Function::fixed("Encode", &[WRITER], encode),
        Function::fixed("PathValue", &[Type::String], path_value),
        Function::fixed("Table", &[Type::String], table),
        Function::fixed("YAML", &[], yaml),
    ];
    METHODS.iter().find(|method| method.name == name)
}

fn as_map(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let receiver = map(args, 0);
    Ok(if receiver.is_empty() { Map::new() } else { receiver.with_type(&ANY_MAP) }.into())
}

/// Always fails: no template has an `io.Writer` to pass.
fn encode(_: &mut Run, _: &[Value]) -> Result<Value, FuncError> {
    Err(FuncError::new("nothing can be written to"))
}

fn yaml(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let receiver = Value::Map(map(args, 0));
    receiver.check_written(run.cx())?;
    let text = to_yaml(&receiver);
    run.spend(text.len() as u64)?;
    Ok(Value::str(text))
}

fn table(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(table_at(&receiver(args), text(args, 1))?.into())
}

/// The map whose method is called, of its named type.
fn receiver(args: &[Value]) -> Map {
    args.first().and_then(Value::as_map).cloned().unwrap_or_default()
}

fn table_at(values: &Map, path: &[u8]) -> Result<Map, FuncError> {
    path.split(|b| *b == b'.').try_fold(values.clone(), |table, name| match table.get(name) {
        Some(Value::Map(inner)) => Ok(inner.with_type(values.ty())),
        _ => Err(FuncError::new(format!("{} is not a table", quote(name)))),
    })
}

fn path_value(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let (values, path) = (receiver(args), text(args, 1));
    if path.is_empty() {
        return Err(FuncError::new("YAML path cannot be empty"));
    }
    let dot = memchr::memrchr(b'.', path);
    let key = dot.map_or(path, |dot| &path[dot + 1..]);
    let holder = dot.map_or(Ok(values.clone()), |dot| table_at(&values, &path[..dot]));
    match holder.ok().and_then(|holder| holder.get(key)) {
        Some(value) if !matches!(value, Value::Map(_)) => Ok(value),
        _ => Err(FuncError::new(format!("{} is not a value", quote(key)))),
    }
}
