//! Fills the templates in an ApplicationSet with the parameters of one app. They are Go templates, or of the
//! simple form `{{name}}`.

use super::functions;
use super::parameters::Parameters;
use crate::diff::apps::application::go_on;
use anyhow::{Context as _, Result, bail};
use keyfill_diag::Cx;
use keyfill_template::value::Value as TemplateValue;
use keyfill_template::{Execution, MissingKey, Templates};
use serde_json::Value;
use std::sync::Arc;

/// The template syntax of a set.
pub struct Templating {
    /// Go templates with the set's options; `None` for the simple form.
    go: Option<Templates>,
}

impl Templating {
    /// The syntax by `goTemplate` and `goTemplateOptions`.
    ///
    /// # Errors
    /// If an option is unknown to Go.
    pub fn of(set: &Value) -> Result<Self> {
        if set.pointer("/spec/goTemplate") != Some(&Value::Bool(true)) {
            return Ok(Self { go: None });
        }
        let options = set.pointer("/spec/goTemplateOptions").and_then(Value::as_array);
        let mut missing_key = MissingKey::Default;
        for option in options.map(Vec::as_slice).unwrap_or_default() {
            missing_key = match option.as_str() {
                Some("missingkey=default" | "missingkey=invalid") => MissingKey::Default,
                Some("missingkey=zero") => MissingKey::Zero,
                Some("missingkey=error") => MissingKey::Error,
                _ => bail!("goTemplateOptions: Go's templates have no option {option}"),
            };
        }
        let templates = Templates::new("template", functions::registry()).with_missing_key(missing_key);
        Ok(Self { go: Some(templates) })
    }

    /// Whether it is Go's syntax, in which parameters are objects; else they are texts.
    pub fn is_go(&self) -> bool {
        self.go.is_some()
    }

    /// Fills templates with these parameters.
    pub fn with<'a>(&'a self, parameters: &'a Parameters, cx: &'a Cx) -> Result<Filler<'a>> {
        let go = self.go.as_ref();
        let go = go.map(|templates| anyhow::Ok((templates, TemplateValue::from_serialize(parameters)?)));
        Ok(Filler { go: go.transpose()?, parameters, cx })
    }
}

/// Fills templates with the parameters of one app.
pub struct Filler<'a> {
    go: Option<(&'a Templates, TemplateValue)>,
    parameters: &'a Parameters,
    cx: &'a Cx,
}

impl Filler<'_> {
    /// The value with every text in it filled, keys of maps too. Without any parameter it is not changed.
    pub fn filled(&self, template: &Value) -> Result<Value> {
        if self.parameters.is_empty() { Ok(template.clone()) } else { self.each_text(template) }
    }

    fn each_text(&self, template: &Value) -> Result<Value> {
        go_on(self.cx)?;
        Ok(match template {
            Value::String(written) => Value::String(self.text(written)?),
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.each_text(item)).collect::<Result<_>>()?)
            }
            Value::Object(entries) => {
                let entry = |(key, value): (&String, &Value)| Ok((self.text(key)?, self.each_text(value)?));
                Value::Object(entries.iter().map(entry).collect::<Result<_>>()?)
            }
            other => other.clone(),
        })
    }

    /// Fills one text.
    pub fn text(&self, text: &str) -> Result<String> {
        let Some((templates, data)) = &self.go else { return Ok(self.replaced(text)) };
        if !text.contains("{{") {
            return Ok(text.to_owned());
        }
        let mut templates = (*templates).clone();
        templates.parse_in("text", text, self.cx)?;
        let made = Execution::new(self.cx).render(&Arc::new(templates), "text", data)?;
        String::from_utf8(made).context("a template gave no UTF-8")
    }

    /// Replaces `{{name}}` and `{{ name }}`. Parameters that are unknown, or not texts, are not replaced.
    fn replaced(&self, text: &str) -> String {
        let (mut out, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, behind)) = after.split_once("}}") else { break };
            out.push_str(before);
            match self.parameters.get(name.trim()) {
                Some(Value::String(value)) => out.push_str(value),
                _ => out.push_str(&format!("{{{{{name}}}}}")),
            }
            rest = behind;
        }
        out.push_str(rest);
        out
    }
}
