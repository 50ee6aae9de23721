//! The glob language of `.Files.Glob`, which has `**` and alternatives. (`.helmignore` and `--show-only` use Go's
//! own, [`keyfill_go::path::matches`].)

use keyfill_go::path::BadPattern;
use keyfill_template::function::FuncError;
use regex_automata::meta::Regex;
use std::iter::Peekable;
use std::str::Chars;

/// A pattern of `.Files.Glob`: `*` and `?` stop at `/`, `**` does not, `[abc]`, `[a-z]` and `[!a-z]` are classes,
/// `{a,b}` are alternatives, and `\` escapes the next character.
#[derive(Debug)]
pub(crate) struct FileGlob(Option<Regex>);

/// The most bytes of a pattern. The size of its regular expression may grow with the square of its length.
const MOST_BYTES: usize = 1 << 10;
/// The most groups of alternatives in a pattern. Nested groups use stack.
const MOST_NESTED: usize = 32;

impl FileGlob {
    /// A malformed pattern matches every file, as in helm. A pattern that is too large is an error.
    pub(crate) fn new(pattern: &str) -> Result<Self, FuncError> {
        let nested = pattern.bytes().filter(|b| *b == b'{').count();
        if pattern.len() > MOST_BYTES || nested > MOST_NESTED {
            let message = format!(
                "a pattern of .Files.Glob takes at most {MOST_BYTES} bytes, with {MOST_NESTED} groups of alternatives"
            );
            return Err(FuncError::limit(message));
        }
        let Ok(parts) = sequence(&mut pattern.chars().peekable(), false) else { return Ok(Self(None)) };
        let mut text = String::from(r"(?s)\A");
        write_sequence(&parts, &mut text);
        text.push_str(r"\z");
        let regex = Regex::new(&text);
        let regex = regex.map_err(|_| FuncError::limit("a pattern of .Files.Glob is too large"))?;
        Ok(Self(Some(regex)))
    }

    /// Whether a file's path matches.
    pub(crate) fn matches(&self, path: &str) -> bool {
        self.0.as_ref().is_none_or(|regex| regex.is_match(path))
    }
}

/// A part of a pattern.
enum Part {
    /// Characters as they are.
    Text(String),
    /// `*`
    Any,
    /// `**`
    Super,
    /// `?`
    Single,
    /// `[abc]`, `[!abc]`: the characters, and whether the class is negated.
    List(String, bool),
    /// `[a-z]`, `[!a-z]`: the first and the last character, and whether the class is negated.
    Range(char, char, bool),
    /// `{a,b}`
    AnyOf(Vec<Vec<Part>>),
}

type Pattern<'p> = Peekable<Chars<'p>>;

/// Parses parts up to the end, or inside alternatives up to the next `,` or `}`.
fn sequence(chars: &mut Pattern<'_>, inside: bool) -> Result<Vec<Part>, BadPattern> {
    let mut parts = Vec::new();
    while let Some(c) = chars.peek().copied() {
        match c {
            ',' | '}' if inside => break,
            '*' => {
                chars.next();
                let twice = chars.next_if_eq(&'*').is_some();
                parts.push(if twice { Part::Super } else { Part::Any });
            }
            '?' => {
                chars.next();
                parts.push(Part::Single);
            }
            '[' => {
                chars.next();
                parts.push(class(chars)?);
            }
            '{' => {
                chars.next();
                parts.push(alternatives(chars)?);
            }
            _ => {
                let end = |c| matches!(c, '?' | '*' | '[' | '{') || inside && matches!(c, ',' | '}');
                let text = text(chars, end);
                if !text.is_empty() {
                    parts.push(Part::Text(text));
                }
            }
        }
    }
    Ok(parts)
}

/// The text up to the next character for which `end` is true. `\` escapes a character, and is dropped at the end
/// of the pattern.
fn text(chars: &mut Pattern<'_>, end: impl Fn(char) -> bool) -> String {
    let mut text = String::new();
    while let Some(c) = chars.next_if(|c| !end(*c)) {
        text.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    text
}

/// Parses the alternatives after a `{`. A missing `}` at the end of the pattern is accepted.
fn alternatives(chars: &mut Pattern<'_>) -> Result<Part, BadPattern> {
    let mut all = vec![sequence(chars, true)?];
    while chars.next() == Some(',') {
        all.push(sequence(chars, true)?);
    }
    Ok(Part::AnyOf(all))
}

/// Parses a class after its `[`: a single range, or a list of characters.
fn class(chars: &mut Pattern<'_>) -> Result<Part, BadPattern> {
    let negated = chars.next_if_eq(&'!').is_some();
    let mut ahead = chars.clone();
    if let (Some(low), Some('-')) = (ahead.next(), ahead.next()) {
        let high = ahead.next().filter(|high| low <= *high).ok_or(BadPattern)?;
        *chars = ahead;
        return match chars.next() {
            Some(']') => Ok(Part::Range(low, high, negated)),
            _ => Err(BadPattern),
        };
    }
    let list = text(chars, |c| c == ']');
    let closed = chars.next().is_some();
    if closed && !list.is_empty() { Ok(Part::List(list, negated)) } else { Err(BadPattern) }
}

/// Writes parts as a regular expression.
fn write_sequence(parts: &[Part], out: &mut String) {
    if let [Part::Text(start), between @ .., Part::Text(end)] = parts
        && !between.is_empty()
        && between.iter().all(|part| matches!(part, Part::Super))
    {
        return write_ends(start, end, out);
    }
    for (index, part) in parts.iter().enumerate() {
        let is_text = |part: Option<&Part>| matches!(part, Some(Part::Text(_)));
        let beside_text = is_text(parts.get(index + 1)) || index > 0 && is_text(parts.get(index - 1));
        // Next to text the official tool matches a single byte here, so that only ASCII characters can match.
        let one = if beside_text { r"[\x00-\x7f&&" } else { "[" };
        match part {
            Part::Text(text) => write_text(text, out),
            Part::Any => out.push_str("[^/]*"),
            Part::Super => out.push_str(".*"),
            Part::Single => out.extend([one, "[^/]]"]),
            Part::List(list, negated) => {
                out.extend([one, if *negated { "[^" } else { "[" }]);
                write_text(list, out);
                out.push_str("]]");
            }
            Part::Range(low, high, negated) => {
                out.extend([one, if *negated { "[^" } else { "[" }]);
                write_text(low.encode_utf8(&mut [0; 4]), out);
                out.push('-');
                write_text(high.encode_utf8(&mut [0; 4]), out);
                out.push_str("]]");
            }
            Part::AnyOf(all) => {
                out.push_str("(?:");
                for (index, parts) in all.iter().enumerate() {
                    out.push_str(if index > 0 { "|" } else { "" });
                    write_sequence(parts, out);
                }
                out.push(')');
            }
        }
    }
}

/// Writes `start**end`: paths that begin with `start` and end with `end`. Both may overlap, so that
/// `conf/**/a.yaml` matches `conf/a.yaml` too.
fn write_ends(start: &str, end: &str, out: &mut String) {
    out.push_str("(?:");
    write_text(start, out);
    out.push_str(".*");
    write_text(end, out);
    for (at, _) in end.char_indices().skip(1).chain([(end.len(), ' ')]) {
        if start.ends_with(&end[..at]) {
            out.push('|');
            write_text(start, out);
            write_text(&end[at..], out);
        }
    }
    out.push(')');
}

fn write_text(text: &str, out: &mut String) {
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::FileGlob;

    #[test]
    fn patterns_match_as_in_helm() {
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
            // A class is one range or a list. Anything else makes the pattern malformed, and it matches everything.
            ("x[a-zA-Z]*", "anything", true),
            ("[a-]", "anything", true),
            ("[-a]", "-", true),
            ("[ab-c]", "-", true),
            ("{a,b", "b", true),
            ("{a,b", "c", false),
            ("a}", "a}", true),
            ("a\\", "a", true),
            ("conf/**/n.conf", "conf/n.conf", true),
            ("conf/**/n.conf", "conf/a/b/n.conf", true),
            ("conf/**/n.conf", "conf/xn.conf", false),
            ("{conf/**/n.conf,x}", "conf/n.conf", true),
            ("conf/**/n.*", "conf/n.x", false),
            ("c?d", "céd", false),
            ("?", "é", true),
        ] {
            let glob = FileGlob::new(pattern).expect("it is small");
            assert_eq!(glob.matches(path), want, "{pattern} {path}");
        }
    }

    #[test]
    fn a_pattern_that_needs_too_much_stack_or_memory_is_refused() {
        for pattern in ["{".repeat(50_000), "{a,".repeat(33), "a".repeat(1_025), "[a".repeat(600)] {
            assert!(FileGlob::new(&pattern).is_err_and(|error| error.is_limit()), "{}", &pattern[..20]);
        }
        for pattern in ["{a,".repeat(32), format!("{0}**{0}", "a".repeat(200)), "{a,b}".repeat(32)] {
            assert!(FileGlob::new(&pattern).is_ok(), "{}", &pattern[..20]);
        }
    }
}
