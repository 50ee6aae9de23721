//! The formats of SOPS files: parsing encrypted files, and writing decrypted ones.

mod dotenv;
mod flat;
mod ini;
mod json;
mod yaml;

use crate::{Branch, Error, Hidden, Item, Value};
use keyfill_diag::Cx;
use memchr::memmem;

/// The key of the metadata in formats with nesting, and the name of their section in INI.
const METADATA: &str = "sops";

/// The prefix of the metadata's keys in dotenv files, which have no nesting.
const PREFIX: &str = "sops_";

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// YAML, one or several documents.
    Yaml,
    /// A JSON object.
    Json,
    /// Lines of `NAME=value`.
    Dotenv,
    /// Sections of `name = value`.
    Ini,
    /// Any bytes, which SOPS encrypts as one value in JSON.
    Binary,
}

impl Format {
    /// The format that SOPS uses for a file of this name; `Binary` for an unknown extension.
    pub fn of_path(path: &str) -> Self {
        let ends = |ending: &str| path.ends_with(ending);
        if ends(".yaml") || ends(".yml") {
            Self::Yaml
        } else if ends(".json") {
            Self::Json
        } else if ends(".env") {
            Self::Dotenv
        } else if ends(".ini") {
            Self::Ini
        } else {
            Self::Binary
        }
    }

    /// The documents and the metadata of an encrypted file.
    pub(crate) fn read(self, text: &[u8], cx: &Cx) -> Result<(Vec<Branch>, Branch), Error> {
        let mut documents = match self {
            Self::Yaml => yaml::read(text, cx)?,
            Self::Json | Self::Binary => vec![json::read(text)?],
            Self::Dotenv => vec![dotenv::read(text)?],
            Self::Ini => vec![ini::read(text)?],
        };
        let metadata = match self {
            Self::Dotenv => flat::unflatten(prefixed(&mut documents))?,
            Self::Ini => match named(&mut documents)? {
                Some(flat) => flat::unflatten(flat::unescape(flat))?,
                None => None,
            },
            Self::Yaml | Self::Json | Self::Binary => named(&mut documents)?,
        };
        metadata.map(|metadata| (documents, metadata)).ok_or_else(|| {
            Error::file("the file has no metadata of SOPS: it is not encrypted, or not in this format")
                .hint("encrypt it with `sops encrypt`; its ending names the format")
        })
    }

    /// Decrypted documents as SOPS prints them.
    pub(crate) fn write(self, documents: &[Branch]) -> Result<Hidden, Error> {
        let first = || documents.first().ok_or_else(|| Error::file("the file holds no document"));
        match self {
            Self::Yaml => yaml::write(documents),
            Self::Json => json::write(first()?),
            Self::Dotenv => dotenv::write(first()?),
            Self::Ini => ini::write(first()?),
            Self::Binary => match first()?.get("data") {
                Some(Value::Str(content)) => Ok(content.clone()),
                _ => Err(Error::file("the file holds no content under the key data")
                    .hint("it is not a binary file of SOPS; give it the ending of its format")),
            },
        }
    }

    /// Whether a text seems to have SOPS' metadata, without parsing it.
    pub(crate) fn has_metadata(self, text: &[u8]) -> bool {
        let holds = |part: &[u8]| memmem::find(text, part).is_some();
        let has_line = |start: &str| {
            text.starts_with(start.as_bytes())
                || memmem::find_iter(text, start.as_bytes()).any(|at| at > 0 && text[at - 1] == b'\n')
        };
        holds(b"ENC[AES256_GCM,")
            && match self {
                Self::Yaml => has_line("sops:") || holds(b"\"sops\""),
                Self::Json | Self::Binary => holds(b"\"sops\""),
                Self::Dotenv => has_line("sops_mac="),
                Self::Ini => has_line("[sops]"),
            }
    }
}

/// Removes the key `sops` from all documents, and returns the metadata of the first one.
fn named(documents: &mut [Branch]) -> Result<Option<Branch>, Error> {
    let mut metadata = None;
    for (number, document) in documents.iter_mut().enumerate() {
        let is_metadata = |item: &Item| matches!(item, Item::Entry(key, _) if key == METADATA);
        let (taken, kept) = std::mem::take(&mut document.0).into_iter().partition::<Vec<_>, _>(is_metadata);
        document.0 = kept;
        if number > 0 {
            continue;
        }
        for item in taken {
            match item {
                Item::Entry(_, Value::Map(_)) if metadata.is_some() => {
                    return Err(Error::file("the file has the key sops twice"));
                }
                Item::Entry(_, Value::Map(branch)) => metadata = Some(branch),
                _ => return Err(Error::file("the key sops holds no metadata: it is not a map")),
            }
        }
    }
    Ok(metadata)
}

/// Removes the keys with the prefix `sops_` from the documents, and returns them without the prefix.
fn prefixed(documents: &mut [Branch]) -> Branch {
    let mut metadata = Branch::default();
    for document in documents {
        for item in std::mem::take(&mut document.0) {
            match item {
                Item::Entry(key, value) if key.starts_with(PREFIX) => {
                    metadata.0.push(Item::Entry(key[PREFIX.len()..].to_owned(), value));
                }
                item => document.0.push(item),
            }
        }
    }
    metadata
}

/// A value as text, for formats that have only texts; `None` for lists, mappings and comments.
fn as_text(value: &Value) -> Option<Vec<u8>> {
    use keyfill_go::strconv::{Bits, Layout, format_float};
    Some(match value {
        Value::Str(text) => text.bytes().to_vec(),
        Value::Time(text) => text.clone().into_bytes(),
        Value::Bool(flag) => flag.to_string().into_bytes(),
        Value::Int(n) => n.to_string().into_bytes(),
        Value::Float(n) => {
            let text = format_float(*n, Layout::General, None, Bits::B64).to_uppercase();
            let text = if text.contains(['.', 'E', 'N']) { text } else { format!("{text}.0") };
            text.into_bytes()
        }
        Value::Null => b"<nil>".to_vec(),
        Value::Comment(_) | Value::List(_) | Value::Map(_) => return None,
    })
}
