//! Translates the patterns of `grep` and `find` to regular expressions whose memory and time are bounded.

use keyfill_go::regexp::{self, Regexp};

/// The syntax of a pattern of `grep` or `find -regex`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Syntax {
    /// Basic: operators are written `\|`, `\(`, `\+`.
    #[default]
    Basic,
    /// Extended: `-E`, and the part of `-P` that has the same syntax.
    Extended,
    /// The syntax of Emacs, which `find -regex` uses: operators are written `\|`, `\(`, and `+`.
    Emacs,
    /// `-F`: a fixed string.
    Fixed,
}

/// Flags of a pattern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The syntax of the pattern.
    pub syntax: Syntax,
    /// `-i`
    pub ignore_case: bool,
    /// `-w`
    pub word: bool,
    /// `-x`
    pub line: bool,
}

/// The most bytes that a compiled expression may take.
const MOST_COMPILED: usize = 1 << 20;

/// The regular expression for patterns of `grep`, of which at least one must match. An error says what is not
/// supported.
pub fn of_grep(patterns: &[String], flags: Flags) -> Result<String, String> {
    let mut all = Vec::new();
    for line in patterns.iter().flat_map(|pattern| pattern.split('\n')) {
        all.push(match flags.syntax {
            Syntax::Basic => basic(line, false)?,
            Syntax::Emacs => basic(line, true)?,
            Syntax::Extended => extended(line)?,
            Syntax::Fixed => String::from_utf8_lossy(&regexp::quote_meta(line.as_bytes())).into_owned(),
        });
    }
    let mut expression = format!("(?:{})", all.join("|"));
    if flags.word {
        expression = format!(r"\b{expression}\b");
    }
    if flags.line {
        expression = format!("^{expression}$");
    }
    if flags.ignore_case {
        expression = format!("(?i){expression}");
    }
    compile(&expression)?;
    Ok(expression)
}

/// Compiles a regular expression.
pub fn compile(expression: &str) -> Result<Regexp, String> {
    Regexp::compile_within(expression.as_bytes(), MOST_COMPILED)
        .map_err(|_| "the pattern cannot be read".to_owned())
}

/// Translates a basic expression, where most operators need a backslash. In the syntax of Emacs `+` and `?` need
/// none, and braces are ordinary characters.
fn basic(pattern: &str, emacs: bool) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = pattern.chars().peekable();
    let mut begins = true;
    while let Some(c) = rest.next() {
        let mut beginning = false;
        match c {
            '\\' => match rest.next() {
                Some('|') => {
                    out.push('|');
                    beginning = true;
                }
                Some('(') => {
                    out.push_str("(?:");
                    beginning = true;
                }
                Some(')') => out.push(')'),
                Some(sign @ ('{' | '}' | '+' | '?')) if !emacs => out.push(sign),
                other => out.push_str(&escaped(other)?),
            },
            '[' => set(&mut rest, &mut out)?,
            '*' if begins => out.push_str(r"\*"),
            '+' | '?' if emacs && !begins => out.push(c),
            '^' if !begins => out.push_str(r"\^"),
            '+' | '?' | '|' | '(' | ')' | '{' | '}' => {
                out.push('\\');
                out.push(c);
            }
            '$' if rest.peek().is_some() && !ends(&rest) => out.push_str(r"\$"),
            c => out.push(c),
        }
        begins = beginning;
    }
    Ok(out)
}

/// Whether an alternative or a group ends here.
fn ends(rest: &std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    let mut rest = rest.clone();
    rest.next() == Some('\\') && matches!(rest.next(), Some('|' | ')'))
}

/// Translates an extended expression. Escapes that have another meaning in Go are an error.
fn extended(pattern: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' => out.push_str(&escaped(rest.next())?),
            '[' => set(&mut rest, &mut out)?,
            c => out.push(c),
        }
    }
    Ok(out)
}

/// Translates a backslash and the character after it.
fn escaped(sign: Option<char>) -> Result<String, String> {
    match sign {
        None => Err("a backslash stands at its end".to_owned()),
        Some('<' | '>' | 'b') => Ok(r"\b".to_owned()),
        Some(c @ ('w' | 'W' | 's' | 'S' | 'B' | 'd')) => Ok(format!("\\{c}")),
        Some(c) if c.is_ascii_alphanumeric() => Err(format!("\\{c} is not known")),
        Some(c) if c.is_ascii_punctuation() => Ok(format!("\\{c}")),
        Some(c) => Ok(c.to_string()),
    }
}

/// Translates `[...]`, in which a backslash is an ordinary character.
fn set(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) -> Result<(), String> {
    out.push('[');
    if rest.peek() == Some(&'^') {
        rest.next();
        out.push('^');
    }
    let mut first = true;
    loop {
        match rest.next() {
            None => return Err("a bracket is not closed".to_owned()),
            Some(']') if !first => break,
            Some('[') if rest.peek() == Some(&':') => {
                out.push('[');
                for c in rest.by_ref() {
                    out.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            Some(c @ ('\\' | '[' | ']')) => {
                out.push('\\');
                out.push(c);
            }
            Some(c) => out.push(c),
        }
        first = false;
    }
    out.push(']');
    Ok(())
}

/// The regular expression for a pattern of `find -path`, where `*` and `?` match a slash too.
pub fn of_path(pattern: &str) -> String {
    let mut out = String::from("^");
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            '*' => out.push_str(".*"),
            '?' => out.push('.'),
            '\\' => out.extend(rest.next().map(literal)),
            c => out.push_str(&literal(c)),
        }
    }
    out.push('$');
    out
}

fn literal(c: char) -> String {
    String::from_utf8_lossy(&regexp::quote_meta(c.encode_utf8(&mut [0; 4]).as_bytes())).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Flags, Syntax, compile, of_grep, of_path};

    fn fits(pattern: &str, syntax: Syntax, text: &str) -> bool {
        let expression = of_grep(&[pattern.to_owned()], Flags { syntax, ..Flags::default() }).unwrap();
        compile(&expression).unwrap().is_match(text.as_bytes())
    }

    #[test]
    fn patterns_match_as_in_grep() {
        for (pattern, text, basic, extended) in [
            (r"<path\|avp\.kubernetes\.io", "a: <path:x#y>", true, false),
            ("<path|avp", "a: <path:x#y>", false, true),
            (r"avp\.kubernetes\.io", "avpxkubernetes.io", false, false),
            ("a+", "a+", true, true),
            ("^a+$", "aaa", false, true),
            (r"a\+$", "aaa", true, false),
            (r"\(a\|b\)c", "bc", true, false),
            ("[]a]b", "]b", true, true),
            (r"[\.]b", r"\b", true, true),
            ("*a", "*a", true, false),
            ("a$b", "a$b", true, false),
            (r"\<path", "<path", true, true),
        ] {
            assert_eq!(fits(pattern, Syntax::Basic, text), basic, "basic {pattern}");
            if pattern != "*a" {
                assert_eq!(fits(pattern, Syntax::Extended, text), extended, "extended {pattern}");
            }
        }
        assert!(fits("a.b|", Syntax::Fixed, "xa.b|") && !fits("a.b", Syntax::Fixed, "axb"));
        for bad in [r"\1", "[a", r"a\"] {
            assert!(of_grep(&[bad.to_owned()], Flags::default()).is_err(), "{bad}");
        }
    }

    #[test]
    fn find_uses_the_syntax_of_emacs() {
        for (pattern, text, fit) in [
            (r".*\.ya?ml", "./a/b.yml", true),
            (r".*/\(kustomization\|Kustomization\)\(\.ya?ml\)?", "./a/Kustomization", true),
            (r"\./[a-z]+\.yaml", "./abc.yaml", true),
            (r".*\.(yaml|yml)", "./a.yaml", false),
            (r"a{2}", "a{2}", true),
        ] {
            assert_eq!(fits(&format!("^{pattern}$"), Syntax::Emacs, text), fit, "{pattern}");
        }
    }

    #[test]
    fn a_star_in_a_path_pattern_matches_slashes() {
        let is_match =
            |pattern: &str, text: &str| compile(&of_path(pattern)).unwrap().is_match(text.as_bytes());
        assert!(is_match("./overlays/*", "./overlays/a/b.yaml") && !is_match("./o.*", "./ox"));
    }
}
