//! Parsing an env file as the library godotenv v1.5.1 does: with quotes, escapes, comments, and values that refer
//! to variables above them.

use crate::error::{Error, Result};
use keyfill_yaml::Text;
use std::collections::BTreeMap;

/// The variables of an env file. Errors name lines and quote nothing from them: the text may be secret.
pub fn read(text: &str) -> Result<BTreeMap<Text, Text>> {
    let text = text.replace("\r\n", "\n");
    let mut variables = BTreeMap::new();
    let mut rest = statement(&text);
    while let Some(left) = rest {
        let line = || text[..text.len() - left.len()].matches('\n').count() + 1;
        let (key, left) = key(left).ok_or_else(|| wrong(line(), "the name of a variable is not usable"))?;
        let (value, left) =
            value(left, &variables).ok_or_else(|| wrong(line(), "a quoted value has no end"))?;
        variables.insert(Text::from(key), Text::from(value));
        rest = statement(left);
    }
    Ok(variables)
}

fn wrong(line: usize, what: &str) -> Error {
    Error::new(format!("line {line} of the decrypted variables: {what}"))
        .hint("write lines of NAME=value; names are letters, digits, `_` and `.`")
}

/// The text from the next statement on. Blank lines and comments are skipped.
fn statement(text: &str) -> Option<&str> {
    let mut text = text.trim_start();
    while text.starts_with('#') {
        text = text.split_once('\n')?.1.trim_start();
    }
    (!text.is_empty()).then_some(text)
}

/// White space other than a newline. godotenv compares single bytes where it looks for names, so that some bytes
/// inside multi-byte characters count as white space there; no name has such characters.
fn is_space(c: char) -> bool {
    matches!(c, '\t' | '\x0b' | '\x0c' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

/// The name of a variable, and the text behind the `=` or `:` that follows it. Without such a sign the name is
/// empty, and the whole text is the value.
fn key(text: &str) -> Option<(&str, &str)> {
    let mut text = text.trim_start_matches(is_space);
    if let Some(rest) = text.strip_prefix("export")
        && rest.starts_with(is_space)
    {
        text = rest.trim_start_matches(is_space);
    }
    for (at, c) in text.char_indices() {
        match c {
            '=' | ':' => {
                return Some((text[..at].trim_end(), text[at + 1..].trim_start_matches(is_space)));
            }
            c if is_space(c) || c == '_' || c == '.' || c.is_ascii_alphanumeric() => {}
            // godotenv compares single bytes: those of other letters count as letters.
            c if !c.is_ascii() && c.is_alphanumeric() => {}
            _ => return None,
        }
    }
    Some(("", text))
}

/// The value, and the text behind it. `None` if a quoted value has no closing quote.
fn value<'t>(text: &'t str, variables: &BTreeMap<Text, Text>) -> Option<(String, &'t str)> {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        let end = text.find(['\n', '\r']).unwrap_or(text.len());
        let line = before_comment(&text[..end]).trim_matches(is_space);
        return Some((expanded(line, variables), &text[end..]));
    };
    let is_end = |at: &usize| text.as_bytes()[at - 1] != b'\\';
    let end = text.match_indices(quote).map(|(at, _)| at).filter(|at| *at > 0).find(is_end)?;
    let inside = text[..end].trim_matches(quote);
    let value = if quote == '"' { expanded(&unescaped(inside), variables) } else { inside.to_owned() };
    Some((value, &text[end + 1..]))
}

/// The line without its comment, which starts at the last `#` that follows white space.
fn before_comment(line: &str) -> &str {
    let starts = line.match_indices('#').map(|(at, _)| at);
    let behind_space = |at: &usize| line[..*at].ends_with(is_space);
    starts.rev().find(behind_space).map_or(line, |at| &line[..at])
}

/// Replaces `\n` and `\r` by the characters they mean, then removes each backslash that is not before a `$`.
fn unescaped(text: &str) -> String {
    let mut first = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => first.push('\n'),
                Some('r') => first.push('\r'),
                // In godotenv's regular expression `.` does not match a newline.
                Some(next) => first.extend(['\\', next]),
                None => first.push('\\'),
            },
            (c, false) => first.push(c),
        }
    }
    let mut out = String::with_capacity(first.len());
    let mut chars = first.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(next)) if *next != '$' => {
                out.push(*next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}

/// Replaces `$NAME` and `${NAME}` by the value of a variable above; that of an unknown one is empty. Of `\$` the
/// backslash is removed.
fn expanded(text: &str, variables: &BTreeMap<Text, Text>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(found) = rest.find('$') {
        let escaped = rest[..found].ends_with('\\');
        out.push_str(&rest[..found - usize::from(escaped)]);
        let start = found - usize::from(escaped);
        let mut end = found + 1;
        let is_at = |at: usize, sign: u8| rest.as_bytes().get(at) == Some(&sign);
        let has_bracket = is_at(end, b'(');
        end += usize::from(has_bracket);
        end += usize::from(is_at(end, b'{'));
        let is_of_name = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_';
        let length = rest.as_bytes()[end..].iter().take_while(|b| is_of_name(b)).count();
        let name = &rest[end..end + length];
        end += length;
        end += usize::from(is_at(end, b'}'));
        let whole = &rest[start..end];
        match () {
            // godotenv means to treat `$(` like `\$`, but compares the wrong group: only a backslash has an
            // effect.
            () if escaped => out.push_str(&whole[1..]),
            () if !name.is_empty() => out.push_str(variables.get(name).map_or("", Text::as_str)),
            () => out.push_str(whole),
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::read;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let read = read(text).expect("it can be read");
        read.into_iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    #[test]
    fn variables_are_parsed_as_godotenv_does() {
        let text = "# first\nexport A=1\n\nB: two words # note\nC='$A #x'\nD=\"l1\\nl2\\$A $A\"\nE=x#y\nF=${A}${NO}-$A\nG=\n\
                    H=\"multi\nline\"\n";
        let want = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "$A #x"),
            ("D", "l1\nl2$A 1"),
            ("E", "x#y"),
            ("F", "1-1"),
            ("G", ""),
            ("H", "multi\nline"),
        ];
        let want: Vec<(String, String)> = want.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        assert_eq!(pairs(text), want);
        assert_eq!(pairs(" \n# only\n#"), []);
    }

    #[test]
    fn errors_do_not_quote_the_text() {
        for text in ["A=1\nhush hush!=2", "A='hush", "A=1\n\"hush\"=1"] {
            let error = read(text).expect_err("it is wrong").to_string();
            assert!(error.contains("line ") && !error.contains("hush"), "{error}");
        }
    }
}
