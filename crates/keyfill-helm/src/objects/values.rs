//! `chartutil.Values`: the named map type of `.Values` and of the dot itself, with its methods.

use keyfill_go::quote::quote;
use keyfill_template::Ctx;
use keyfill_template::funcs::{FuncError, Function, map, text};
use keyfill_template::value::{ANY_MAP, Kind, Map, MapType, Type, Value};
use keyfill_yaml::to_yaml;

static VALUES: MapType = MapType { name: "chartutil.Values", elem: Type::Any, methods };

/// A `chartutil.Values` with these entries.
pub(crate) fn values(entries: Vec<(&str, Value)>) -> Map {
    Map::typed(entries.into_iter().map(|(k, v)| (k.into(), v)).collect(), &VALUES)
}

/// A map of values under the named type: the same map, so that a change of one shows in the other.
pub(crate) fn as_values(map: &Map) -> Map {
    map.with_type(&VALUES)
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

fn as_map(_: &mut Ctx, args: &[Value]) -> Result<Value, FuncError> {
    let receiver = map(args, 0);
    Ok(if receiver.is_empty() { Map::new() } else { receiver.with_type(&ANY_MAP) }.into())
}

/// No template has a writer that could be given.
fn encode(_: &mut Ctx, _: &[Value]) -> Result<Value, FuncError> {
    Err(FuncError::new("nothing can be written to"))
}

fn yaml(ctx: &mut Ctx, args: &[Value]) -> Result<Value, FuncError> {
    let receiver = Value::Map(map(args, 0));
    receiver.check_walk(&ctx.cx().limits)?;
    let text = to_yaml(&receiver);
    ctx.spend(text.len() as u64)?;
    Ok(Value::str(text))
}

fn table(_: &mut Ctx, args: &[Value]) -> Result<Value, FuncError> {
    Ok(table_at(&map(args, 0), text(args, 1))?.into())
}

fn table_at(values: &Map, path: &[u8]) -> Result<Map, FuncError> {
    path.split(|b| *b == b'.').try_fold(as_values(values), |table, name| match table.get(name) {
        Some(Value::Map(inner)) => Ok(as_values(&inner)),
        _ => Err(FuncError::new(format!("{} is not a table", quote(name)))),
    })
}

fn path_value(_: &mut Ctx, args: &[Value]) -> Result<Value, FuncError> {
    let (values, path) = (map(args, 0), text(args, 1));
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
