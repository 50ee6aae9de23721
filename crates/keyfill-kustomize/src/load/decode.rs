//! Decoding typed fields of a resolved document, as Go's `encoding/json` decodes structs: the case of field names
//! is ignored, `null` means absent, a wrong type is an error. Errors name file, line and field.

use super::spot::{FieldPath, Source, Spot, Spotted};
use crate::error::{Error, Result};
use keyfill_diag::nearest;
use keyfill_go::strconv::{Bits, Layout, format_float};
use keyfill_yaml::{Step, Text, Value};
use std::sync::Arc;

/// A value of a document, with its path.
#[derive(Clone, Debug)]
pub struct Item<'v> {
    value: &'v Value,
    path: FieldPath,
    source: &'v Arc<Source>,
}

static NULL: Value = Value::Null;

impl<'v> Item<'v> {
    /// The root of a document.
    pub fn root(value: &'v Value, source: &'v Arc<Source>) -> Self {
        Self { value, path: FieldPath::default(), source }
    }

    /// The place of the value in its document.
    pub fn spot(&self) -> Spot {
        Spot::new(self.source, self.path.clone())
    }

    /// The value itself.
    pub fn value(&self) -> &'v Value {
        self.value
    }

    /// Whether the value is absent or `null`.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// This item, or `None` if it is absent or `null`.
    pub fn present(self) -> Option<Self> {
        (!self.is_null()).then_some(self)
    }

    /// An error with the place of this value.
    pub fn error(&self, message: impl Into<String>) -> Error {
        Error::new(message).at_spot(&self.spot())
    }

    fn wrong_type(&self, expected: &str) -> Error {
        self.error(format!("expected {expected}, found {}", article(self.value.type_name())))
    }

    /// The value as a string; empty if absent.
    pub fn text(&self) -> Result<Text> {
        match self.value {
            Value::Null => Ok(Text::default()),
            Value::Str(text) => Ok(text.clone()),
            scalar if self.source.lenient && !matches!(scalar, Value::Seq(_) | Value::Map(_)) => {
                Ok(scalar_text(scalar))
            }
            Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::Number(_) => {
                Err(self.wrong_type("a string").hint("put the value in quotes"))
            }
            _ => Err(self.wrong_type("a string")),
        }
    }

    /// The value as a boolean; false if absent.
    pub fn boolean(&self) -> Result<bool> {
        match self.value {
            Value::Null => Ok(false),
            Value::Bool(b) => Ok(*b),
            _ => Err(self.wrong_type("true or false")),
        }
    }

    /// The value as a whole number; 0 if absent.
    pub fn integer(&self) -> Result<i64> {
        /// Above this, a 64-bit float cannot represent every whole number.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match self.value {
            Value::Null => Ok(0),
            Value::Int(n) => Ok(*n),
            #[allow(clippy::cast_possible_truncation)]
            Value::Float(f) if f.fract() == 0.0 && f.abs() <= EXACT => Ok(*f as i64),
            _ => Err(self.wrong_type("a whole number")),
        }
    }

    /// The items of a list; empty if absent.
    pub fn items(&self) -> Result<Vec<Self>> {
        match self.value {
            Value::Null => Ok(Vec::new()),
            Value::Seq(items) => {
                Ok(items.iter().enumerate().map(|(at, value)| self.below(value, Step::Index(at))).collect())
            }
            _ => Err(self.wrong_type("a list")),
        }
    }

    /// The items of a list, each decoded by `read`.
    pub fn list<T>(&self, read: impl Fn(&Self) -> Result<T>) -> Result<Vec<T>> {
        self.items()?.iter().map(read).collect()
    }

    /// The value as a string, with its place.
    pub fn spotted(&self) -> Result<Spotted<Text>> {
        Ok(Spotted { value: self.text()?, spot: self.spot() })
    }

    /// The value as a list of strings.
    pub fn texts(&self) -> Result<Vec<Text>> {
        self.list(Self::text)
    }

    /// The value as a list of strings with their places.
    pub fn spotted_texts(&self) -> Result<Vec<Spotted<Text>>> {
        self.list(Self::spotted)
    }

    /// The value as a mapping of strings to strings, sorted by key; empty if absent.
    pub fn text_map(&self) -> Result<Vec<(Text, Text)>> {
        let mut pairs = match self.value {
            Value::Null => Vec::new(),
            Value::Map(entries) => entries
                .iter()
                .map(|(key, value)| Ok((key.clone(), self.below(value, Step::Key(key)).text()?)))
                .collect::<Result<Vec<_>>>()?,
            _ => return Err(self.wrong_type("a mapping")),
        };
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(pairs)
    }

    /// The value as a mapping. Fields that are not in `known` are an error if the source is strict.
    pub fn object(&self, known: &[&str]) -> Result<Object<'v>> {
        let entries: &'v [(Text, Value)] = match self.value {
            Value::Null => &[],
            Value::Map(entries) => entries,
            _ => return Err(self.wrong_type("a mapping")),
        };
        if self.source.strict {
            for (key, value) in entries {
                if !known.iter().any(|k| k.eq_ignore_ascii_case(key)) {
                    return Err(self.below(value, Step::Key(key)).unknown_field(key, known));
                }
            }
        }
        Ok(Object { item: self.clone(), entries })
    }

    fn unknown_field(&self, key: &str, known: &[&str]) -> Error {
        let error = Error::new(format!("unknown field \"{key}\"")).placed(self.spot().place_of_key());
        match nearest(key, known.iter().copied()) {
            Some(name) => error.hint(format!("did you mean \"{name}\"?")),
            None if key == "spec" => error.hint(
                "only Flux's Kustomization has a `spec`: it is a manifest, whose file needs another name to be \
                 listed under `resources:`",
            ),
            None => error,
        }
    }

    fn below(&self, value: &'v Value, step: Step<'_>) -> Self {
        Self { value, path: self.path.with(step), source: self.source }
    }
}

/// A mapping whose field names are known.
#[derive(Clone, Debug)]
pub struct Object<'v> {
    item: Item<'v>,
    entries: &'v [(Text, Value)],
}

impl<'v> Object<'v> {
    /// A field by its name, whose case is ignored; a null item if it is absent.
    pub fn get(&self, name: &str) -> Item<'v> {
        let exact = self.entries.iter().find(|(key, _)| key == name);
        let found = exact.or_else(|| self.entries.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)));
        match found {
            Some((key, value)) => self.item.below(value, Step::Key(key)),
            None => self.item.below(&NULL, Step::Key(name)),
        }
    }

    /// A string field; empty if absent.
    pub fn text(&self, name: &str) -> Result<Text> {
        self.get(name).text()
    }

    /// A string field with its place; empty if absent.
    pub fn spotted(&self, name: &str) -> Result<Spotted<Text>> {
        self.get(name).spotted()
    }

    /// The mapping as an item.
    pub fn item(&self) -> &Item<'v> {
        &self.item
    }

    /// An error with the place of the mapping.
    pub fn error(&self, message: impl Into<String>) -> Error {
        self.item.error(message)
    }
}

/// The text of a scalar value.
fn scalar_text(value: &Value) -> Text {
    match value {
        Value::Bool(b) => Text::from(if *b { "true" } else { "false" }),
        Value::Int(n) => n.to_string().into(),
        Value::Uint(n) => n.to_string().into(),
        #[allow(clippy::cast_possible_truncation)]
        Value::Float(f) if f.fract() == 0.0 && f.abs() < 1e15 => (*f as i64).to_string().into(),
        Value::Float(f) => format_float(*f, Layout::General, None, Bits::B64).into(),
        Value::Number(text) | Value::Str(text) => text.clone(),
        Value::Null | Value::Seq(_) | Value::Map(_) => Text::default(),
    }
}

fn article(name: &str) -> String {
    if name == "null" { name.to_owned() } else { format!("a {name}") }
}

#[cfg(test)]
mod tests {
    use super::{Item, Source};
    use crate::load::Content;
    use keyfill_diag::Report as _;
    use keyfill_yaml::{FileId, Limits, Value};
    use std::sync::Arc;

    fn source(text: &'static str) -> Arc<Source> {
        let content = Content::text(text.into(), Limits::default());
        Arc::new(Source { file: "k".into(), id: FileId::UNKNOWN, content, strict: true, lenient: false })
    }

    #[test]
    fn unknown_fields_get_a_hint() {
        let value = Value::Map(vec![("namePrfix".into(), Value::Str("a".into()))]);
        let source = source("# a\nnamePrfix:\n  a\n");
        let error = Item::root(&value, &source).object(&["namePrefix", "nameSuffix"]).unwrap_err();
        let diagnostic = &error.diagnostics()[0];
        assert_eq!(diagnostic.message, "unknown field \"namePrfix\"");
        assert_eq!((diagnostic.place.line, diagnostic.place.column), (Some(2), Some(1)));
        assert_eq!(diagnostic.hint.as_deref(), Some("did you mean \"namePrefix\"?"));
    }

    #[test]
    fn the_case_of_field_names_is_ignored() {
        let value = Value::Map(vec![("NAMEPREFIX".into(), Value::Str("a".into()))]);
        let source = source("");
        let object = Item::root(&value, &source).object(&["namePrefix"]).unwrap();
        assert_eq!(object.text("namePrefix").unwrap(), "a");
    }
}
