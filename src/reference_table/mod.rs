//! References to secrets as they are printed: a table of paths and of who needs them, never of a value.

mod diagram;
mod formats;
mod page;
mod state;

use crate::cli::args::RefsFormat;
use anyhow::Result;
use serde::Serialize;
pub use state::{Kind, State, judge, to_seconds, unix_now, unix_time};

/// One reference, as it is printed.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The path, as it is written.
    pub path: String,
    /// The key; empty where the whole secret counts.
    pub key: String,
    /// The version that is named, or that an app was given.
    pub version: Option<String>,
    /// The name of its store; none for the default one.
    pub store: Option<String>,
    /// Vault's namespace, where one is named.
    pub namespace: Option<String>,
    /// What is done with the value.
    pub modifiers: Vec<String>,
    /// Where it stands.
    pub file: Option<String>,
    /// In which line.
    pub line: Option<u32>,
    /// The object that it is filled into.
    pub object: Object,
    /// The root, or the app, that needs it.
    pub root: String,
    /// What its store says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
}

/// An object of a manifest.
#[derive(Clone, Debug, Serialize)]
pub struct Object {
    /// Its kind.
    pub kind: String,
    /// Its namespace; empty where it has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// All that is printed.
#[derive(Debug, Default, Serialize)]
pub struct Table {
    /// All references.
    pub references: Vec<Row>,
    /// Paths that no reference names, where they were asked for.
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
