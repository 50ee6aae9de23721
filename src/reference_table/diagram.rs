//! Prints references as a graph from roots to paths, in Graphviz's and Mermaid's languages.

use super::{Row, Table};
use crate::escape;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A graph: roots, paths, and edges from root to path (as indexes) with the keys.
struct Graph {
    roots: Vec<String>,
    paths: Vec<String>,
    edges: BTreeMap<(usize, usize), Vec<String>>,
}

impl Graph {
    fn of(table: &Table) -> Self {
        let names = |name: fn(&Row) -> String| {
            let mut all: Vec<String> = table.references.iter().map(name).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        let (roots, paths) = (names(|row| row.root.clone()), names(Row::full_path));
        let mut edges: BTreeMap<(usize, usize), Vec<String>> = BTreeMap::new();
        for row in &table.references {
            let from = roots.binary_search(&row.root).unwrap_or_default();
            let to = paths.binary_search(&row.full_path()).unwrap_or_default();
            let keys = edges.entry((from, to)).or_default();
            if !row.key.is_empty() && !keys.contains(&row.key) {
                keys.push(row.key.clone());
            }
        }
        Self { roots, paths, edges }
    }
}

/// A digraph for `dot -Tsvg`.
pub fn dot(table: &Table) -> String {
    let quoted = |text: &str| {
        let text = escape::one_line(text).replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{text}\"")
    };
    let graph = Graph::of(table);
    let mut text = String::from("digraph secrets {\n  rankdir=LR;\n  node [shape=box];\n");
    // Writing to a string cannot fail.
    for (number, root) in graph.roots.iter().enumerate() {
        let _ = writeln!(text, "  r{number} [label={}];", quoted(root));
    }
    for (number, path) in graph.paths.iter().enumerate() {
        let _ = writeln!(text, "  p{number} [label={}, shape=ellipse];", quoted(path));
    }
    for ((from, to), keys) in &graph.edges {
        let _ = writeln!(text, "  r{from} -> p{to} [label={}];", quoted(&keys.join(", ")));
    }
    text.push_str("}\n");
    text
}

/// A flowchart, which GitHub and GitLab draw in Markdown.
pub fn mermaid(table: &Table) -> String {
    let quoted = |text: &str| {
        let mut safe = String::new();
        for c in escape::one_line(text).chars() {
            match c {
                '"' | '#' | '<' | '>' | '&' | '`' | '\\' | ';' | '[' | ']' | '{' | '}' | '|' => {
                    let _ = write!(safe, "#{};", u32::from(c));
                }
                c => safe.push(c),
            }
        }
        format!("\"{safe}\"")
    };
    let graph = Graph::of(table);
    let mut text = String::from("flowchart LR\n");
    for (number, root) in graph.roots.iter().enumerate() {
        let _ = writeln!(text, "  r{number}[{}]", quoted(root));
    }
    for (number, path) in graph.paths.iter().enumerate() {
        let _ = writeln!(text, "  p{number}([{}])", quoted(path));
    }
    for ((from, to), keys) in &graph.edges {
        let label = if keys.is_empty() { String::new() } else { format!("|{}|", quoted(&keys.join(", "))) };
        let _ = writeln!(text, "  r{from} -->{label} p{to}");
    }
    text
}
