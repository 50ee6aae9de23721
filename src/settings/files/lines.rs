//! Parses config files that consist of lines: `.env`, Java's properties, and the plain assignments of HCL. Messages
//! name the number of a line, never a value.

use anyhow::{Result, bail};
use std::collections::BTreeMap;

/// Values by their names.
pub type Values = BTreeMap<String, String>;

/// How deep values may refer to each other.
const DEPTH: usize = 16;

/// The most bytes of a value after its variables are replaced.
const MOST_BYTES: usize = 64 << 10;

/// Parses `NAME=value` and `NAME: value`, as in files for shells and docker. `export` may stand before the name, a
/// comment after the value, and variables in the value. A variable is looked up in the environment, then in the
/// lines above.
pub fn dotenv(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<Values> {
    let mut found = Values::new();
    let mut given = Values::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").map_or(line, str::trim_start);
        let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.')));
        let (name, rest) = line.split_at(end.unwrap_or(line.len()));
        let value = rest.trim_start().strip_prefix('=').or_else(|| rest.strip_prefix(':'));
        let Some(value) = value.filter(|_| !name.is_empty()) else {
            bail!("line {} is not KEY=VALUE", number + 1)
        };
        let look = |name: &str| environment(name).or_else(|| given.get(name).cloned());
        let Some(value) = dotenv_value(value.trim(), &look) else {
            bail!("line {} has a quote that is not closed, or text behind it", number + 1)
        };
        if value.len() > MOST_BYTES {
            bail!("line {} becomes longer than {} KiB", number + 1, MOST_BYTES >> 10)
        }
        given.insert(name.to_owned(), value.clone());
        found.insert(name.to_uppercase(), value);
    }
    Ok(found)
}

fn dotenv_value(text: &str, look: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let is_comment = |rest: &str| rest.trim().is_empty() || rest.trim_start().starts_with('#');
    if let Some(inner) = text.strip_prefix('\'') {
        let end = inner.find('\'')?;
        return is_comment(&inner[end + 1..]).then(|| inner[..end].to_owned());
    }
    if let Some(inner) = text.strip_prefix('"') {
        let mut escaped = false;
        let end = inner.char_indices().find_map(|(at, c)| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends.then_some(at)
        })?;
        return is_comment(&inner[end + 1..]).then(|| expanded(&inner[..end], true, look));
    }
    let plain = text.split('#').next().unwrap_or_default();
    Some(expanded(plain.trim_end(), false, look))
}

/// Replaces the variables in a value. Their names are in upper case. Backslash escapes work only in quotes.
fn expanded(text: &str, quoted: bool, look: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' if rest.starts_with('$') => {
                out.push('$');
                rest = &rest[1..];
            }
            '\\' if quoted && !rest.is_empty() => {
                let next = rest.chars().next().unwrap_or('\\');
                rest = &rest[next.len_utf8()..];
                match next {
                    'n' => out.push('\n'),
                    'r' => out.push('\r'),
                    other => out.push(other),
                }
            }
            '$' => {
                let inner = rest.strip_prefix('{').unwrap_or(rest);
                let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
                let length = inner.find(|c| !is_name(c)).unwrap_or(inner.len());
                if length == 0 {
                    out.push('$');
                    continue;
                }
                out.push_str(&look(&inner[..length]).unwrap_or_default());
                rest = &inner[length..];
                if inner.len() < text.len() {
                    rest = rest.strip_prefix('}').unwrap_or(rest);
                }
            }
            c => out.push(c),
        }
    }
    out
}

/// Parses Java's properties: `=`, `:` or white space after the name, `#` and `!` before a comment, `\` at the end
/// of a line that is continued, and `${name}`.
pub fn properties(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<Values> {
    let mut raw = Values::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let mut line = line.to_owned();
        while line.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1 {
            line.pop();
            line.push_str(lines.next().unwrap_or_default().trim_start());
        }
        let (name, value) = key_and_value(&line);
        raw.insert(unescaped(name), unescaped(value));
    }
    let mut found = Values::new();
    for (name, value) in &raw {
        let value = referred(value, &raw, environment, DEPTH)?;
        found.insert(name.to_uppercase(), value);
    }
    Ok(found)
}

fn key_and_value(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.char_indices().find_map(|(at, c)| {
        let ends = !escaped && (matches!(c, '=' | ':') || c.is_whitespace());
        escaped = c == '\\' && !escaped;
        ends.then_some(at)
    });
    let (name, rest) = line.split_at(end.unwrap_or(line.len()));
    let rest = rest.trim_start();
    (name, rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start())
}

fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match rest.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let code: String = rest.by_ref().take(4).collect();
                out.push(u32::from_str_radix(&code, 16).ok().and_then(char::from_u32).unwrap_or('\u{fffd}'));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

/// Replaces `${name}` in a value.
fn referred(
    text: &str,
    all: &Values,
    environment: &dyn Fn(&str) -> Option<String>,
    depth: usize,
) -> Result<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let Some(length) = rest[at + 2..].find('}') else { bail!("a brace of a value is not closed") };
        let name = &rest[at + 2..at + 2 + length];
        out.push_str(&rest[..at]);
        rest = &rest[at + 3 + length..];
        let Some(depth) = depth.checked_sub(1) else { bail!("its values name each other in a circle") };
        match all.get(name) {
            Some(value) => out.push_str(&referred(value, all, environment, depth)?),
            None => out.push_str(&environment(name).unwrap_or_default()),
        }
        if out.len() > MOST_BYTES {
            bail!("a value becomes longer than {} KiB", MOST_BYTES >> 10);
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// Parses HCL's assignments, `NAME = "value"`, and comments with `#`, `//` and `/* */`. Blocks are skipped.
pub fn hcl(text: &str) -> Result<Values> {
    let mut found = Values::new();
    let (mut depth, mut is_comment) = (0_usize, false);
    for (number, line) in text.lines().enumerate() {
        let line = without_comments(line, &mut is_comment);
        let line = line.trim().trim_end_matches(',').trim_end();
        let opens = line.ends_with(['{', '[']);
        if depth > 0 || opens {
            depth = (depth + usize::from(opens)).saturating_sub(usize::from(line.starts_with(['}', ']'])));
            continue;
        }
        if line.is_empty() || line.ends_with('}') || line.ends_with(']') {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            bail!("line {} is not NAME = VALUE", number + 1)
        };
        let value = value.trim();
        let quoted = value.strip_prefix('"').map(|value| value.strip_suffix('"'));
        let value = match quoted {
            Some(None) => bail!("line {} has a quote that is not closed", number + 1),
            Some(Some(value)) => unescaped(value),
            None => value.to_owned(),
        };
        found.insert(name.trim().trim_matches('"').to_uppercase(), value);
    }
    Ok(found)
}

fn without_comments(line: &str, is_comment: &mut bool) -> String {
    let mut out = String::new();
    let (mut quoted, mut escaped) = (false, false);
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if *is_comment {
            let Some(end) = rest.find("*/") else { return out };
            *is_comment = false;
            rest = &rest[end + 2..];
            continue;
        }
        if !quoted && (c == '#' || rest.starts_with("//")) {
            return out;
        }
        if !quoted && rest.starts_with("/*") {
            *is_comment = true;
            rest = &rest[2..];
            continue;
        }
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Values, dotenv, hcl, properties};

    fn process(name: &str) -> Option<String> {
        (name == "OUTER").then(|| "o".to_owned())
    }

    fn is(values: &Values, want: &[(&str, &str)]) {
        assert!(values.iter().map(|(k, v)| (k.as_str(), v.as_str())).eq(want.iter().copied()), "{values:?}");
    }

    #[test]
    fn a_dotenv_file_has_comments_quotes_and_variables() {
        let text = "# c\nexport a=1 # d\nB: two words\nC='$A # x'\nD=\"x\\n\\\"$B\" # d\nE=${B}/$OUTER$NONE.$cd\\$B$\nF=a#b\nG=\n";
        let text = text.replace("$B", "$X").replace("${B}", "${X}");
        let found = dotenv(&format!("X=y\n{text}"), &process).unwrap();
        is(
            &found,
            &[
                ("A", "1"),
                ("B", "two words"),
                ("C", "$A # x"),
                ("D", "x\n\"y"),
                ("E", "y/o.$cd$X$"),
                ("F", "a"),
                ("G", ""),
                ("X", "y"),
            ],
        );
        for bad in ["hush", "A=\"hush", "A='hush' x", "=hush"] {
            let message = dotenv(bad, &process).unwrap_err().to_string();
            assert!(message.starts_with("line 1 ") && !message.contains("hush"), "{message}");
        }
    }

    #[test]
    fn properties_have_three_separators_and_continue_after_a_backslash() {
        let text = "! c\nh=x\na: http://${h}:1/${OUTER}\nb one\\\n   two\nc\\:d=\\u0041\\t\nempty\n";
        is(
            &properties(text, &process).unwrap(),
            &[("A", "http://x:1/o"), ("B", "onetwo"), ("C:D", "A\t"), ("EMPTY", ""), ("H", "x")],
        );
        assert!(properties("a=${b}\nb=${a}", &process).is_err() && properties("a=${b", &process).is_err());
    }

    #[test]
    fn comments_and_blocks_of_hcl_are_skipped() {
        let text = "/* a\nb = 1 */ c = \"x # \\\"y\" // d\n# e\nf = 2\nblock \"x\" {\n  g = 1\n  in {\n  }\n}\nh = [1]\nl = [\n 1,\n]\n\"i\" = true\n";
        is(&hcl(text).unwrap(), &[("C", "x # \"y"), ("F", "2"), ("I", "true")]);
        assert!(hcl("hush").is_err() && hcl("a = \"hush").is_err());
    }
}
