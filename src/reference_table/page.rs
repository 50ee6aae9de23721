//! Prints references as one HTML page that loads no other files: paths with the roots that use them, roots with
//! their paths, links between both, and a search. The page can be read without JavaScript.

use super::{Row, Table};
use crate::escape;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page. Its content security policy allows only its own style and script, so that text of manifests cannot
/// inject any.
pub fn html(table: &Table) -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())));
    let policy = format!(
        "default-src 'none'; img-src data:; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    let groups = |name: fn(&Row) -> String| {
        let mut all: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
        for row in &table.references {
            all.entry(name(row)).or_default().push(row);
        }
        all
    };
    let (paths, roots) = (groups(Row::full_path), groups(|row| row.root.clone()));
    let numbers = |all: &BTreeMap<String, Vec<&Row>>| -> BTreeMap<String, usize> {
        all.keys().enumerate().map(|(number, name)| (name.clone(), number)).collect()
    };
    let (path_numbers, root_numbers) = (numbers(&paths), numbers(&roots));
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>Secrets and where they are used</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>Secrets and where they are used</h1>\n\
         <p>{} references, {} paths, {} roots. No value is in this page.</p>\n\
         <search><label for=\"search\">Search</label> <input id=\"search\" type=\"search\" \
         autocomplete=\"off\" aria-describedby=\"count\"> <span id=\"count\" role=\"status\"></span></search>\n\
         <nav><a href=\"#paths\">Paths</a> <a href=\"#roots\">Roots</a>{}</nav>\n</header>\n<main>\n",
        table.references.len(),
        paths.len(),
        roots.len(),
        if table.unused.is_some() { " <a href=\"#unused\">Unused</a>" } else { "" }
    );
    text.push_str("<h2 id=\"paths\" tabindex=\"-1\">Paths</h2>\n");
    for (path, rows) in &paths {
        section(&mut text, ('p', path_numbers[path]), path, rows, |row| {
            link(('r', root_numbers[&row.root]), &row.root)
        });
    }
    text.push_str("<h2 id=\"roots\" tabindex=\"-1\">Roots</h2>\n");
    for (root, rows) in &roots {
        section(&mut text, ('r', root_numbers[root]), root, rows, |row| {
            let path = row.full_path();
            link(('p', path_numbers[&path]), &path)
        });
    }
    if let Some(unused) = &table.unused {
        text.push_str("<h2 id=\"unused\" tabindex=\"-1\">Unused</h2>\n<ul>\n");
        for path in unused {
            let _ = writeln!(text, "<li>{}</li>", escaped(path));
        }
        text.push_str("</ul>\n");
    }
    let _ = write!(text, "</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n");
    text
}

/// A section for a path or a root with its references. `other` returns the link to the other end of a reference.
fn section(text: &mut String, id: (char, usize), name: &str, rows: &[&Row], other: impl Fn(&Row) -> String) {
    let head = if id.0 == 'p' { "Root" } else { "Path" };
    let has_state = rows.iter().any(|row| row.state.is_some());
    let state = if has_state { "<th scope=\"col\">State</th>" } else { "" };
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "<section id=\"{}{}\" tabindex=\"-1\">\n<h3>{}</h3>\n<div class=\"wide\"><table>\n<thead><tr>\
         <th scope=\"col\">{head}</th><th scope=\"col\">Key</th><th scope=\"col\">Version</th>\
         <th scope=\"col\">Modifiers</th><th scope=\"col\">Object</th><th scope=\"col\">File</th>{state}\
         </tr></thead>\n<tbody>\n",
        id.0,
        id.1,
        escaped(name)
    );
    for row in rows {
        let cells = [
            row.key.clone(),
            row.version.clone().unwrap_or_else(|| "latest".to_owned()),
            row.modifiers.join(" | "),
            row.object_name(),
            row.at(),
        ];
        let _ = write!(text, "<tr><td>{}</td>", other(row));
        let state = row.state.as_ref().map(super::State::words).unwrap_or_default();
        for cell in cells.iter().chain(has_state.then_some(&state)) {
            let _ = write!(text, "<td>{}</td>", escaped(cell));
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody>\n</table></div>\n</section>\n");
}

fn link(id: (char, usize), name: &str) -> String {
    format!("<a href=\"#{}{}\">{}</a>", id.0, id.1, escaped(name))
}

/// A text escaped for HTML, with control characters made visible.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in escape::one_line(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn hostile_text_is_text() {
        let safe = escaped("<script>alert('x')</script>\u{202e}&\"");
        assert!(!safe.contains(['<', '>', '"', '\'', '\u{202e}']), "{safe}");
    }
}
