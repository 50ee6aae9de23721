//! Checks values against the `values.schema.json` of each chart.

use super::formats;
use crate::chart::{ChartId, Charts};
use crate::error::{Error, Result};
use jsonschema::{PatternOptions, Retrieve, Uri};
use keyfill_template::value::{Map, Value};
use serde_json::Value as Json;

/// How many problems of one chart are listed.
const MOST_PROBLEMS: usize = 20;

/// Checks the values of a chart and its subcharts; all that do not fit are named in one error.
pub(crate) fn validate(charts: &Charts, root: ChartId, values: &Map) -> Result<()> {
    let mut problems = Vec::new();
    check(charts, root, values, &mut problems)?;
    if problems.is_empty() {
        return Ok(());
    }
    let list = problems.join("\n");
    Err(Error::render(format!(
        "values don't meet the specifications of the schema(s) in the following chart(s):\n{list}"
    ))
    .hint("mend the values, or skip the check with --skip-schema-validation"))
}

fn check(charts: &Charts, id: ChartId, values: &Map, problems: &mut Vec<String>) -> Result<()> {
    let chart = charts.chart(id);
    let name = &chart.metadata.name;
    if let Some(schema) = &chart.schema {
        let place = chart.place_of("values.schema.json");
        let found = against(schema, values).map_err(|e| e.in_file(place))?;
        if !found.is_empty() {
            problems.push(format!("{name}:"));
            problems.extend(found);
        }
    }
    for child in &chart.children {
        let child_name = &charts.chart(*child).metadata.name;
        match values.get(child_name.as_bytes()) {
            None | Some(Value::Nil) => {}
            Some(Value::Map(inner)) => check(charts, *child, &inner, problems)?,
            Some(other) => problems.push(format!(
                "{child_name}:\ninvalid type for values: expected object (map), got {}",
                other.type_name()
            )),
        }
    }
    Ok(())
}

/// What does not fit, a line each. The lines name places and rules, not the values.
fn against(schema: &[u8], values: &Map) -> Result<Vec<String>> {
    let schema: Json =
        serde_json::from_slice(schema).map_err(|e| Error::render(format!("the schema is not JSON: {e}")))?;
    let validator = jsonschema::options()
        .with_retriever(Nowhere)
        // Go's expressions have no look-around: neither must ours, and time stays linear.
        .with_pattern_options(PatternOptions::regex())
        .with_format("hostname", formats::hostname)
        .with_format("uuid", formats::uuid)
        .with_format("duration", formats::duration)
        .with_format("regex", formats::regex)
        .build(&schema);
    let validator = match validator {
        Ok(validator) => validator,
        Err(error) => {
            let text = error.to_string();
            let wrong = Error::render(format!("the schema cannot be used: {text}"));
            return Err(if text.contains(ELSEWHERE) { wrong.unsupported() } else { wrong });
        }
    };
    let instance = json(&Value::Map(values.clone()));
    let problem = |error: jsonschema::ValidationError<'_>| {
        let at = error.instance_path().to_string();
        format!("- at '{at}': {}", error.masked_with("the value"))
    };
    Ok(validator.iter_errors(&instance).take(MOST_PROBLEMS).map(problem).collect())
}

const ELSEWHERE: &str = "refers to another document, which is not read";

/// Reads no other document: engines do no IO.
struct Nowhere;

impl Retrieve for Nowhere {
    fn retrieve(
        &self,
        uri: &Uri<String>,
    ) -> std::result::Result<Json, Box<dyn std::error::Error + Send + Sync>> {
        // helm takes an unresolved URN for a schema that allows all.
        if uri.scheme().as_str() == "urn" {
            return Ok(Json::Bool(true));
        }
        Err(format!("{uri} {ELSEWHERE}").into())
    }
}

/// Values as JSON. A float without a fraction is an integer to a schema.
fn json(value: &Value) -> Json {
    match keyfill_yaml::Value::from(value) {
        keyfill_yaml::Value::Map(entries) => {
            Json::Object(entries.iter().map(|(k, v)| (k.to_string(), plain(v))).collect())
        }
        other => plain(&other),
    }
}

fn plain(value: &keyfill_yaml::Value) -> Json {
    use keyfill_yaml::Value as Yaml;
    match value {
        Yaml::Null => Json::Null,
        Yaml::Bool(b) => Json::Bool(*b),
        Yaml::Int(n) => Json::from(*n),
        Yaml::Uint(n) => Json::from(*n),
        Yaml::Float(f) if f.fract() == 0.0 && f.abs() < 9e15 => Json::from(*f as i64),
        Yaml::Float(f) => Json::from(*f),
        Yaml::Number(text) => serde_json::from_str(text).unwrap_or_default(),
        Yaml::Str(text) => Json::String(text.to_string()),
        Yaml::Seq(items) => Json::Array(items.iter().map(plain).collect()),
        Yaml::Map(entries) => Json::Object(entries.iter().map(|(k, v)| (k.to_string(), plain(v))).collect()),
    }
}
