//! Prints references to secrets: a table of paths and of the objects that need them, without values.

mod diagram;
mod formats;
mod page;
mod state;

use crate::cli::args::RefsFormat;
use anyhow::Result;
use serde::Serialize;
pub use state::{State, VersionState, judge, to_seconds, unix_now, unix_time};

/// One reference to a key of a secret.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The secret's path.
    pub path: String,
    /// The key; empty if the reference is to the whole secret.
    pub key: String,
    /// The version in the reference, or the version that an app has received.
    pub version: Option<String>,
    /// The name of the store; `None` for the default store.
    pub store: Option<String>,
    /// The Vault namespace, if the reference has one.
    pub namespace: Option<String>,
    /// The names of the modifiers, in order.
    pub modifiers: Vec<String>,
    /// The file with the reference.
    pub file: Option<String>,
    /// The line in the file, counted from 1.
    pub line: Option<u32>,
    /// The object that it is filled into.
    pub object: Object,
    /// The root, or the app, that needs it.
    pub root: String,
    /// The state of the secret by the store's metadata, if that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
}

/// An object of a manifest.
#[derive(Clone, Debug, Serialize)]
pub struct Object {
    /// Its kind.
    pub kind: String,
    /// Its namespace; empty if the manifest has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// All references, and the unused paths.
#[derive(Debug, Default, Serialize)]
pub struct Table {
    /// All references.
    pub references: Vec<Row>,
    /// Paths without a reference; `None` unless they were requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unused: Option<Vec<String>>,
}

/// The table in a format.
pub fn written(table: &Table, format: RefsFormat) -> Result<String> {
    Ok(match format {
        RefsFormat::Table => formats::table(table),
        RefsFormat::Json => formats::json(table)?,
        RefsFormat::Csv => formats::csv(table),
        RefsFormat::Dot => diagram::dot(table),
        RefsFormat::Mermaid => diagram::mermaid(table),
        RefsFormat::Html => page::html(table),
    })
}
