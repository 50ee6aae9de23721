//! Decodes the fields of a YAML mapping as Go's YAML and JSON libraries fill a struct: names match in any case,
//! scalars are converted to text for string fields, and null leaves a field unchanged.

use crate::error::{Error, Result};
use keyfill_go::strconv::{Bits, Layout, format_float};
use keyfill_yaml::Value;

/// A mapping whose fields are decoded into a struct.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    entries: &'a [(keyfill_yaml::Text, Value)],
    /// The struct's name, for errors.
    of: &'a str,
}

impl<'a> Fields<'a> {
    /// The fields of a document, which must be a mapping or null. Null has no fields.
    pub(crate) fn of(value: &'a Value, of: &'a str) -> Result<Self> {
        match value {
            Value::Map(entries) => Ok(Self { entries, of }),
            Value::Null => Ok(Self { entries: &[], of }),
            other => Err(Error::render(format!("{of} must be a map, but it is a {}", other.type_name()))),
        }
    }

    /// The value of a field that is set and not null. An exact name takes precedence over one that differs in case.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        let exact = self.entries.iter().find(|(key, _)| key == name);
        let folded = || self.entries.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        exact.or_else(folded).map(|(_, value)| value).filter(|value| !matches!(value, Value::Null))
    }

    /// Fills a text field. `target` keeps its value if the mapping does not have the field.
    pub(crate) fn text(&self, name: &str, target: &mut String) -> Result<()> {
        if let Some(value) = self.get(name) {
            *target = text(value).ok_or_else(|| self.wrong(name, "text", value))?;
        }
        Ok(())
    }

    /// Fills a boolean field.
    pub(crate) fn bool(&self, name: &str, target: &mut bool) -> Result<()> {
        match self.get(name) {
            None => Ok(()),
            Some(Value::Bool(b)) => {
                *target = *b;
                Ok(())
            }
            Some(other) => Err(self.wrong(name, "true or false", other)),
        }
    }

    /// Fills a list of texts.
    pub(crate) fn texts(&self, name: &str, target: &mut Vec<String>) -> Result<()> {
        if let Some(items) = self.list(name)? {
            let read = |item: &Value| match item {
                Value::Null => Ok(String::new()),
                item => text(item).ok_or_else(|| self.wrong(name, "a list of texts", item)),
            };
            *target = items.iter().map(read).collect::<Result<_>>()?;
        }
        Ok(())
    }

    /// The items of a list field.
    pub(crate) fn list(&self, name: &str) -> Result<Option<&'a [Value]>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Seq(items)) => Ok(Some(items)),
            Some(other) => Err(self.wrong(name, "a list", other)),
        }
    }

    /// Fills a map from text to text.
    pub(crate) fn text_map(&self, name: &str, target: &mut Vec<(String, String)>) -> Result<()> {
        match self.get(name) {
            None => Ok(()),
            Some(Value::Map(entries)) => {
                let before = target.len();
                for (key, value) in entries {
                    let value = match value {
                        Value::Null => String::new(),
                        value => text(value).ok_or_else(|| self.wrong(name, "a map of texts", value))?,
                    };
                    // The keys of one map are unique. Only a file that was decoded before can have set the same
                    // key.
                    if before > 0 {
                        target.retain(|(known, _)| known != key.as_str());
                    }
                    target.push((key.to_string(), value));
                }
                Ok(())
            }
            Some(other) => Err(self.wrong(name, "a map", other)),
        }
    }

    fn wrong(&self, name: &str, wanted: &str, value: &Value) -> Error {
        Error::render(format!("{}.{name} must be {wanted}, but holds a {}", self.of, value.type_name()))
            .at_path(name)
    }
}

/// A scalar as the text that a string field gets; none for lists and mappings, and for null.
pub(crate) fn text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Str(text) | Value::Number(text) => text.to_string(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Uint(n) => n.to_string(),
        Value::Float(f) => format_float(*f, Layout::General, None, Bits::B64),
        Value::Null | Value::Seq(_) | Value::Map(_) => return None,
    })
}
