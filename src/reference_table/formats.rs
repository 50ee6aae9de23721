//! Prints references as a table, as JSON and as CSV.

use super::{Row, Table};
use crate::escape;
use crate::values::count;
use anyhow::Result;
use std::fmt::Write as _;

/// The text of an empty cell in a table.
const NOTHING: &str = "-";

impl Row {
    /// `file:line`.
    pub(super) fn at(&self) -> String {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => format!("{file}:{line}"),
            (Some(file), None) => file.clone(),
            (None, _) => NOTHING.to_owned(),
        }
    }

    /// `Secret/db`, with the namespace where there is one.
    pub(super) fn object_name(&self) -> String {
        let object = &self.object;
        match object.namespace.as_str() {
            "" => format!("{}/{}", object.kind, object.name),
            namespace => format!("{}/{namespace}/{}", object.kind, object.name),
        }
    }

    /// The path with the store that it is in.
    pub(super) fn full_path(&self) -> String {
        match &self.store {
            Some(store) => format!("{store}::{}", self.path),
            None => self.path.clone(),
        }
    }

    fn cells(&self) -> [String; 8] {
        let or = |text: Option<&str>| text.filter(|text| !text.is_empty()).unwrap_or(NOTHING).to_owned();
        [
            self.full_path(),
            or(Some(&self.key)),
            or(self.version.as_deref()),
            or(Some(&self.modifiers.join(" | "))),
            self.object_name(),
            self.at(),
            self.root.clone(),
            or(self.state.as_ref().map(super::State::words).as_deref()),
        ]
    }
}

const HEADS: [&str; 8] = ["PATH", "KEY", "VERSION", "MODIFIERS", "OBJECT", "FILE", "ROOT", "STATE"];

/// A table with a line for each reference, and below it the unused paths.
pub fn table(table: &Table) -> String {
    let has_state = table.references.iter().any(|row| row.state.is_some());
    let columns = if has_state { HEADS.len() } else { HEADS.len() - 1 };
    let lines: Vec<[String; 8]> = std::iter::once(HEADS.map(str::to_owned))
        .chain(table.references.iter().map(Row::cells))
        .map(|cells| cells.map(|cell| escape::one_line(&cell).into_owned()))
        .collect();
    let width = |at: usize| lines.iter().map(|cells| cells[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for cells in &lines {
        let line: Vec<String> =
            widths.iter().zip(cells).map(|(&width, cell)| format!("{cell:<width$}")).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", line.join("  ").trim_end());
    }
    let mut paths: Vec<String> = table.references.iter().map(Row::full_path).collect();
    paths.sort_unstable();
    paths.dedup();
    let (rows, secrets) = (count(table.references.len(), "reference"), count(paths.len(), "secret"));
    let _ = writeln!(text, "\n{rows} to {secrets}");
    for (number, path) in table.unused.iter().flatten().enumerate() {
        if number == 0 {
            text.push_str("\nUNUSED\n");
        }
        let _ = writeln!(text, "{}", escape::one_line(path));
    }
    text
}

/// A JSON object with the lists `references` and, if requested, `unused`.
pub fn json(table: &Table) -> Result<String> {
    Ok(format!("{}\n", escape::json(&serde_json::to_string_pretty(table)?)))
}

/// CSV as in RFC 4180, with a header line.
pub fn csv(table: &Table) -> String {
    let mut text = String::from(
        "path,key,version,store,namespace,modifiers,file,line,kind,object_namespace,object,root,state\r\n",
    );
    for row in &table.references {
        let or = |text: &Option<String>| text.clone().unwrap_or_default();
        let cells = [
            row.path.clone(),
            row.key.clone(),
            or(&row.version),
            or(&row.store),
            or(&row.namespace),
            row.modifiers.join(" | "),
            or(&row.file),
            row.line.map(|line| line.to_string()).unwrap_or_default(),
            row.object.kind.clone(),
            row.object.namespace.clone(),
            row.object.name.clone(),
            row.root.clone(),
            row.state.as_ref().map(super::State::words).unwrap_or_default(),
        ];
        let line: Vec<String> = cells.iter().map(|cell| field(cell)).collect();
        text.push_str(&line.join(","));
        text.push_str("\r\n");
    }
    text
}

/// A field of CSV. Text that a spreadsheet would interpret as a formula gets an apostrophe in front, since authors
/// choose the names.
fn field(text: &str) -> String {
    let text = escape::one_line(text);
    let guard = if text.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    if guard.is_empty() && !text.contains([',', '"']) {
        return text.into_owned();
    }
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn a_field_is_quoted_and_no_formula() {
        for (text, written) in [
            ("kv/a", "kv/a"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("=1+1", "\"'=1+1\""),
            ("@a", "\"'@a\""),
        ] {
            assert_eq!(field(text), written);
        }
    }
}
