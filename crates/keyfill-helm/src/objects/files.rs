//! `.Files`: the files of a chart, as a map from path to bytes with methods.

use crate::chart::ChartFile;
use crate::glob::FileGlob;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyfill_template::Run;
use keyfill_template::function::{FuncError, Function, text};
use keyfill_template::value::{Entries, List, Map, MapType, Str, Type, Value};
use keyfill_yaml::to_yaml;
use std::collections::BTreeMap;

/// Makes `.Files`.
pub(crate) struct FilesObject;

impl FilesObject {
    /// The map of a chart's files.
    pub(crate) fn of(files: &[ChartFile]) -> Map {
        let entry = |f: &ChartFile| (Str::from(f.name.as_str()), Value::Bytes(f.deferred()));
        Map::typed(files.iter().map(entry).collect(), &FILES)
    }
}

/// The Go type of `.Files`.
static FILES: MapType = MapType { name: "engine.files", elem: Type::Bytes, methods };

fn methods(name: &str) -> Option<&'static Function> {
    static METHODS: [Function; 6] = [
        Function::fixed("Get", &[Type::String], get),
        Function::fixed("GetBytes", &[Type::String], get_bytes),
        Function::fixed("Glob", &[Type::String], glob),
        Function::fixed("Lines", &[Type::String], lines),
        Function::fixed("AsConfig", &[], as_config),
        Function::fixed("AsSecrets", &[], as_secrets),
    ];
    METHODS.iter().find(|method| method.name == name)
}

/// The cost of matching one path, in bytes as [`Run::work`] counts them.
const WORK_OF_GLOB: u64 = 256;

fn content(args: &[Value]) -> Str {
    let files = args.first().and_then(Value::as_map);
    match files.and_then(|files| files.get(text(args, 1))) {
        Some(Value::Bytes(bytes)) => bytes,
        _ => Str::EMPTY,
    }
}

fn get(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Str(content(args)))
}

fn get_bytes(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Bytes(content(args)))
}

fn glob(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let files = args.first().and_then(Value::as_map).map_or(0, Map::len);
    run.work(files as u64 * WORK_OF_GLOB)?;
    let glob = FileGlob::new(&String::from_utf8_lossy(text(args, 1)))?;
    let matching: Entries = match args.first().and_then(Value::as_map) {
        Some(files) => {
            let fits = |(name, _): &(&Str, &Value)| glob.matches(&name.to_text());
            files.entries().iter().filter(fits).map(|(name, data)| (name.clone(), data.clone())).collect()
        }
        None => Entries::new(),
    };
    Ok(Value::Map(Map::typed(matching, &FILES)))
}

fn lines(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let content = content(args);
    run.spend(content.len() as u64)?;
    let bytes = content.as_bytes();
    if bytes.is_empty() {
        return Ok(Value::List(List::strings::<Str>([])));
    }
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    Ok(Value::List(List::strings(bytes.split(|b| *b == b'\n'))))
}

fn as_config(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    by_base_name(run, args, |bytes| keyfill_go::utf8::runes(bytes).map(|rune| rune.char).collect())
}

fn as_secrets(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    by_base_name(run, args, |bytes| STANDARD.encode(bytes))
}

/// The files as a YAML mapping, from the last part of each path to what `show` returns for the content.
fn by_base_name(run: &mut Run, args: &[Value], show: fn(&[u8]) -> String) -> Result<Value, FuncError> {
    let Some(files) = args.first().and_then(Value::as_map) else { return Ok("".into()) };
    let mut config: BTreeMap<String, String> = BTreeMap::new();
    for (path, data) in files.entries().iter() {
        let bytes = data.as_bytes().unwrap_or_default();
        run.spend(bytes.len() as u64 * 2)?;
        // If two files have the same name, helm uses either of them at random. Here the one with the last path is
        // used.
        let path = path.to_text();
        let base = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        config.insert(base.to_owned(), show(bytes));
    }
    let entries = config.into_iter().map(|(k, v)| (k.into(), keyfill_yaml::Value::Str(v.into())));
    let mut yaml = to_yaml(&keyfill_yaml::Value::Map(entries.collect()));
    if yaml.last() == Some(&b'\n') {
        yaml.pop();
    }
    Ok(Value::str(yaml))
}
