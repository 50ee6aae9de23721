//! The glob language of `.Files.Glob`, which knows `**` and alternatives. (`.helmignore` and `--show-only`
//! have Go's own, [`keyfill_go::path::matches`].)

use keyfill_go::path::BadPattern;
use regex_automata::meta::Regex;

/// A pattern of `.Files.Glob`: `*` and `?` stop at `/`, `**` does not, `[abc]`, `[a-z]` and `[!a-z]` are
/// classes, `{a,b}` alternatives, `\` takes the next character as it is.
#[derive(Debug)]
pub(crate) struct FileGlob(Option<Regex>);

impl FileGlob {
    /// A pattern that is not well formed matches every file, as helm has it.
    pub(crate) fn new(pattern: &str) -> Self {
        let regex = translate(pattern).ok().and_then(|text| Regex::new(&text).ok());
        Self(regex)
    }

    /// Whether a file's path matches.
    pub(crate) fn matches(&self, path: &str) -> bool {
        self.0.as_ref().is_none_or(|regex| regex.is_match(path))
    }
}

/// Writes a `.Files.Glob` pattern as a regular expression over the whole path.
fn translate(pattern: &str) -> Result<String, BadPattern> {
    let mut out = String::from(r"(?s)\A(?:");
    let mut chars = pattern.chars().peekable();
    let mut open = 0_u32;
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.peek() == Some(&'*') => {
                while chars.next_if_eq(&'*').is_some() {}
                out.push_str(".*");
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '{' => {
                open += 1;
                out.push_str("(?:");
            }
            '}' if open > 0 => {
                open -= 1;
                out.push(')');
            }
            ',' if open > 0 => out.push('|'),
            '[' => file_class(&mut chars, &mut out)?,
            '\\' => push_literal(&mut out, chars.next().ok_or(BadPattern)?),
            literal => push_literal(&mut out, literal),
        }
    }
    if open > 0 {
        return Err(BadPattern);
    }
    out.push_str(r")\z");
    Ok(out)
}

/// Writes a class: either one range or a list of characters, as the language has it.
fn file_class(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    out: &mut String,
) -> Result<(), BadPattern> {
    let negated = chars.next_if_eq(&'!').is_some();
    let mut inside = Vec::new();
    loop {
        match chars.next().ok_or(BadPattern)? {
            ']' => break,
            '\\' => inside.push(chars.next().ok_or(BadPattern)?),
            c => inside.push(c),
        }
    }
    if inside.is_empty() {
        return Err(BadPattern);
    }
    out.push_str(if negated { "[^" } else { "[" });
    match inside[..] {
        [low, '-', high] if low <= high => {
            push_class_char(out, low);
            out.push('-');
            push_class_char(out, high);
        }
        [_, '-', _] => return Err(BadPattern),
        _ => inside.iter().for_each(|c| push_class_char(out, *c)),
    }
    out.push(']');
    Ok(())
}

fn push_literal(out: &mut String, c: char) {
    if c.is_ascii_punctuation() {
        out.push('\\');
    }
    out.push(c);
}

fn push_class_char(out: &mut String, c: char) {
    push_literal(out, c);
}

#[cfg(test)]
mod tests {
    use super::FileGlob;

    #[test]
    fn file_globs() {
        for (pattern, path, want) in [
            ("**", "a/b/c", true),
            ("*", "a", true),
            ("*", "a/b", false),
            ("conf/**.yaml", "conf/x/y.yaml", true),
            ("conf/*.{yaml,json}", "conf/y.json", true),
            ("conf/*.{yaml,json}", "conf/y.toml", false),
            ("[!a]b", "cb", true),
            ("[a-c]b", "bb", true),
            ("[abc]b", "db", false),
            (r"a\*b", "a*b", true),
            ("a.b", "axb", false),
            ("[", "anything", true),
        ] {
            assert_eq!(FileGlob::new(pattern).matches(path), want, "{pattern} {path}");
        }
    }
}
