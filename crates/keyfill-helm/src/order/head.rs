//! The fields of a rendered document that helm reads: its kind, and whether it is a hook.

use crate::chart::Fields;
use crate::error::{Error, Result};
use keyfill_yaml::{Limits, Value};

/// The annotation that makes a document a hook.
const HOOK: &str = "helm.sh/hook";

/// The fields that decide where a document is printed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: String,
    /// The value of the hook annotation, if the document has one.
    pub(crate) hook: Option<String>,
}

impl Head {
    /// Parses a document. All of it must be YAML, and a mapping or empty.
    pub(crate) fn read(document: &[u8], limits: &Limits) -> Result<Self> {
        let value = keyfill_yaml::load_object(document, limits).map_err(|e| {
            let wrong = Error::render(format!("{}{}", e.message(), super::rendered::shown(document, &e)));
            match e.help() {
                Some(help) => wrong.hint(help),
                None => wrong,
            }
        })?;
        Self::of(&value).map_err(|error| {
            let lines = super::rendered::of_field(document, error.path());
            error.with_lines(&lines)
        })
    }

    fn of(document: &Value) -> Result<Self> {
        let fields = Fields::of(document, "a document")?;
        let mut head = Self::default();
        fields.text("apiVersion", &mut String::new())?;
        fields.text("kind", &mut head.kind)?;
        if let Some(metadata) = fields.get("metadata") {
            head.hook = Self::hook(metadata).map_err(|error| error.at_path("metadata"))?;
        }
        Ok(head)
    }

    fn hook(metadata: &Value) -> Result<Option<String>> {
        let metadata = Fields::of(metadata, "metadata")?;
        metadata.text("name", &mut String::new())?;
        let mut annotations = Vec::new();
        metadata.text_map("annotations", &mut annotations)?;
        Ok(annotations.into_iter().find(|(name, _)| name == HOOK).map(|(_, hook)| hook))
    }
}
