//! The template of an ApplicationSet with the parameters of one app in it.

use super::application::go_on;
use anyhow::{Context as _, Result};
use keyfill_diag::Cx;
use keyfill_template::function::Registry;
use keyfill_template::value::Value as TemplateValue;
use keyfill_template::{Execution, MissingKey, Templates, funcs};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Fills every text of a template, keys of maps too.
pub fn filled(
    template: &Value,
    parameters: &Map<String, Value>,
    go: Option<MissingKey>,
    cx: &Cx,
) -> Result<Value> {
    go_on(cx)?;
    let text = |text: &str| match go {
        Some(missing_key) => with_go(text, parameters, missing_key, cx),
        None => Ok(replaced(text, parameters)),
    };
    Ok(match template {
        Value::String(written) => Value::String(text(written)?),
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| filled(item, parameters, go, cx)).collect::<Result<_>>()?)
        }
        Value::Object(entries) => {
            let entry =
                |(key, value): (&String, &Value)| Ok((text(key)?, filled(value, parameters, go, cx)?));
            Value::Object(entries.iter().map(entry).collect::<Result<_>>()?)
        }
        other => other.clone(),
    })
}

/// Go's templates, with the functions of sprig.
fn with_go(text: &str, parameters: &Map<String, Value>, missing_key: MissingKey, cx: &Cx) -> Result<String> {
    if !text.contains("{{") {
        return Ok(text.to_owned());
    }
    let mut templates =
        Templates::new("template", Registry::new(funcs::FAMILIES)).with_missing_key(missing_key);
    templates.parse("text", text)?;
    let data = TemplateValue::from_serialize(parameters)?;
    let made = Execution::new(cx).render(&Arc::new(templates), "text", &data)?;
    String::from_utf8(made).context("a template gave no UTF-8")
}

/// `{{name}}` and `{{ name }}`; what is not known stays as it is, as in Argo CD.
fn replaced(text: &str, parameters: &Map<String, Value>) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, behind)) = after.split_once("}}") else { break };
        out.push_str(before);
        match parameters.get(name.trim()) {
            Some(Value::String(value)) => out.push_str(value),
            Some(value) => out.push_str(&value.to_string()),
            None => out.push_str(&format!("{{{{{name}}}}}")),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}
