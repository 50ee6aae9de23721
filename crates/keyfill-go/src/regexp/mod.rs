//! Go's `regexp` over byte strings: its syntax, its leftmost-first matches, its rules for empty matches.
//!
//! The syntax is parsed here (`syntax`), and matching is done by `regex-automata`, so that the time is linear in
//! the input, as in Go. Text need not be UTF-8: a byte that is not part of a rune counts as U+FFFD with a length
//! of one byte.

mod class;
mod error;
mod expand;
mod haystack;
mod syntax;

use regex_automata::meta;
use regex_automata::util::captures::Captures;
use regex_automata::{Anchored, Input};
use std::ops::Range;

pub use error::Error;
use haystack::Haystack;

/// The largest compiled expression, in bytes. Go has a limit, too, at about 3.3 million instructions.
const SIZE_LIMIT: usize = 16 << 20;

/// A compiled expression.
#[derive(Debug)]
pub struct Regexp {
    matcher: meta::Regex,
    /// The name of each group, by index; group 0 is the whole match.
    names: Vec<Option<String>>,
    /// Whether the expression is the empty text, which matters to `split`.
    is_empty: bool,
}

/// The byte range that a group matched.
type Span = Range<usize>;

impl Regexp {
    /// Compiles an expression in Go's syntax (flags as `regexp.Compile` sets them).
    pub fn compile(expression: &[u8]) -> Result<Self, Error> {
        Self::compile_within(expression, SIZE_LIMIT)
    }

    /// As [`Regexp::compile`], for an untrusted expression: the compiled one takes at most `most_bytes` bytes.
    pub fn compile_within(expression: &[u8], most_bytes: usize) -> Result<Self, Error> {
        let parsed = syntax::parse(expression)?;
        let config = meta::Config::new()
            .utf8_empty(true)
            .nfa_size_limit(Some(most_bytes))
            // A whole automaton pays off after some thousand searches. Most expressions are searched for a few times.
            .dfa(false)
            .onepass_size_limit(Some(1 << 20))
            .hybrid_cache_capacity(2 << 20);
        let matcher = meta::Builder::new()
            .configure(config)
            .build_from_hir(&parsed.hir)
            .map_err(|_| Error::new("expression too large", expression))?;
        Ok(Self { matcher, names: parsed.names, is_empty: expression.is_empty() })
    }

    /// Size of the compiled expression in bytes, without the memory that a search needs temporarily.
    pub fn memory_usage(&self) -> usize {
        self.matcher.memory_usage()
    }

    /// Whether the expression matches anywhere in the text.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.matcher.is_match(Haystack::new(text).bytes())
    }

    /// The byte range of the leftmost match.
    pub fn find(&self, text: &[u8]) -> Option<Span> {
        let haystack = Haystack::new(text);
        let found = self.matcher.find(haystack.bytes())?;
        Some(haystack.original(&found.range()))
    }

    /// The leftmost match with its groups; group 0 is the match itself.
    pub fn find_submatch(&self, text: &[u8]) -> Option<Vec<Option<Span>>> {
        let haystack = Haystack::new(text);
        let groups = self.search(&haystack, 0)?;
        Some(groups.into_iter().map(|g| g.map(|g| haystack.original(&g))).collect())
    }

    /// At most `n` successive matches; all if `n` is negative. An empty match right after another match is left
    /// out.
    pub fn find_all(&self, text: &[u8], n: i64) -> Vec<Span> {
        let haystack = Haystack::new(text);
        let limit = usize::try_from(n).unwrap_or(usize::MAX);
        let end = haystack.bytes().len();
        let (mut found, mut at, mut last_end) = (Vec::new(), 0, None);
        while found.len() < limit && at <= end {
            let Some(span) = self.search_span(&haystack, at) else { break };
            let mut accept = true;
            if span.end == at {
                // An empty match is left out if it is at the end of the previous match.
                accept = last_end != Some(span.start);
                at = haystack.after_rune(at);
            } else {
                at = span.end;
            }
            last_end = Some(span.end);
            if accept {
                found.push(haystack.original(&span));
            }
        }
        found
    }

    /// The text with each match replaced by `template`, in which `$1` and `${name}` stand for groups and `$$` for
    /// a dollar sign.
    pub fn replace_all(&self, text: &[u8], template: &[u8]) -> Vec<u8> {
        if !template.contains(&b'$') {
            return self.replace_all_literal(text, template);
        }
        self.replace_with(text, true, |groups, out| {
            expand::expand(out, template, text, groups, &self.names);
        })
    }

    /// The text with each match replaced by `replacement`, in which `$` has no meaning.
    pub fn replace_all_literal(&self, text: &[u8], replacement: &[u8]) -> Vec<u8> {
        self.replace_with(text, false, |_, out| out.extend_from_slice(replacement))
    }

    /// The text between matches: at most `n` pieces; all if `n` is negative; `None` if `n` is 0.
    pub fn split(&self, text: &[u8], n: i64) -> Option<Vec<Span>> {
        if n == 0 {
            return None;
        }
        if text.is_empty() && !self.is_empty {
            return Some(std::iter::once(0..0).collect());
        }
        let (mut pieces, mut begin, mut end) = (Vec::new(), 0, 0);
        for found in self.find_all(text, n) {
            if n > 0 && i64::try_from(pieces.len()) == Ok(n - 1) {
                break;
            }
            end = found.start;
            if found.end != 0 {
                pieces.push(begin..end);
            }
            begin = found.end;
        }
        if end != text.len() {
            pieces.push(begin..text.len());
        }
        Some(pieces)
    }

    fn replace_with(
        &self,
        text: &[u8],
        with_groups: bool,
        mut put: impl FnMut(&[Option<Span>], &mut Vec<u8>),
    ) -> Vec<u8> {
        let haystack = Haystack::new(text);
        let end = haystack.bytes().len();
        let (mut out, mut last_end, mut at) = (Vec::with_capacity(text.len()), 0, 0);
        while at <= end {
            let groups = if with_groups {
                self.search(&haystack, at)
            } else {
                self.search_span(&haystack, at).map(|s| vec![Some(s)])
            };
            let Some((span, groups)) = groups.and_then(|g| Some((g.first()?.clone()?, g))) else { break };
            let start = haystack.original(&(last_end..span.start));
            out.extend_from_slice(&text[start]);
            // An empty match right after another match is not replaced.
            if span.end > last_end || span.start == 0 {
                let groups: Vec<_> = groups.into_iter().map(|g| g.map(|g| haystack.original(&g))).collect();
                put(&groups, &mut out);
            }
            last_end = span.end;
            at = haystack.after_rune(at).max(span.end);
        }
        out.extend_from_slice(&text[haystack.original(&(last_end..end))]);
        out
    }

    fn search_span(&self, haystack: &Haystack<'_>, at: usize) -> Option<Span> {
        let bytes = haystack.bytes();
        let input = Input::new(bytes).span(at..bytes.len()).anchored(Anchored::No);
        self.matcher.search(&input).map(|m| m.range())
    }

    fn search(&self, haystack: &Haystack<'_>, at: usize) -> Option<Vec<Option<Span>>> {
        let bytes = haystack.bytes();
        let mut captures: Captures = self.matcher.create_captures();
        let input = Input::new(bytes).span(at..bytes.len());
        self.matcher.search_captures(&input, &mut captures);
        if !captures.is_match() {
            return None;
        }
        Some(captures.iter().map(|s| s.map(|s| s.range())).collect())
    }
}

/// The text with a backslash before each character that has a meaning in expressions.
pub fn quote_meta(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &b in text {
        if br"\.+*?()|[]{}^$".contains(&b) {
            out.push(b'\\');
        }
        out.push(b);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Regexp, quote_meta};

    fn all(expression: &str, text: &[u8]) -> Vec<std::ops::Range<usize>> {
        Regexp::compile(expression.as_bytes()).expect("compiles").find_all(text, -1)
    }

    fn replaced(expression: &str, text: &[u8], template: &str) -> Vec<u8> {
        let re = Regexp::compile(expression.as_bytes()).expect("compiles");
        re.replace_all(text, template.as_bytes())
    }

    fn refused(expression: &str) -> String {
        Regexp::compile(expression.as_bytes()).expect_err("refused").to_string()
    }

    #[test]
    fn empty_matches_are_found_as_in_go() {
        assert_eq!(all("a*", b"baaab"), [0..0, 1..4, 5..5]);
        assert_eq!(replaced("a*", b"baaab", "X"), b"XbXbX");
        assert_eq!(replaced("", "äb".as_bytes(), "-"), "-ä-b-".as_bytes());
    }

    #[test]
    fn perl_classes_contain_only_ascii_characters() {
        assert_eq!(all(r"\d+", "1२3".as_bytes()), [0..1, 4..5]);
        assert!(all(r"\bé\b", "é".as_bytes()).is_empty());
        assert_eq!(all(r"\s", b"\x0b\x0c\n"), [1..2, 2..3]);
    }

    #[test]
    fn bytes_that_are_no_runes_count_as_one_replacement_character() {
        assert_eq!(all(".", b"\xffa\xc3"), [0..1, 1..2, 2..3]);
        assert_eq!(replaced(r"\x{FFFD}", b"a\xffb", "-"), b"a-b");
        assert_eq!(replaced("(.)b", b"\xffb", "${1}c"), b"\xffc");
    }

    #[test]
    fn replacement_templates_are_expanded_as_in_go() {
        assert_eq!(replaced("a(?P<x>b)", b"ab", "[$x|${x}y|$xy|$1|$9|$$|$]"), b"[b|by||b||$|$]");
        assert_eq!(replaced("a(?P<x>b)?", b"a", "[$x]"), b"[]");
    }

    #[test]
    fn errors_have_the_words_of_go() {
        assert_eq!(refused("a("), "error parsing regexp: missing closing ): `a(`");
        assert_eq!(refused("a**"), "error parsing regexp: invalid nested repetition operator: `**`");
        assert_eq!(refused("*"), "error parsing regexp: missing argument to repetition operator: `*`");
        assert_eq!(refused(r"\8"), r"error parsing regexp: invalid escape sequence: `\8`");
        assert_eq!(refused("(?<n"), "error parsing regexp: invalid named capture: `(?<n`");
        assert_eq!(refused("[b-a]"), "error parsing regexp: invalid character class range: `b-a`");
        assert_eq!(refused("a{1001}"), "error parsing regexp: invalid repeat count: `{1001}`");
        assert_eq!(refused("(?=a)"), "error parsing regexp: invalid or unsupported Perl syntax: `(?=`");
        assert!(Regexp::compile_within(&b"(a?){1000}".repeat(50), 256 << 10).is_err());
        assert!(Regexp::compile_within(b"^secret/data/[a-z]{1,63}/", 256 << 10).is_ok());
        assert_eq!(refused("(a{100}){100}"), "error parsing regexp: invalid repeat count: `{100}`");
    }

    #[test]
    fn texts_are_split_as_in_go() {
        let re = Regexp::compile(b"a").expect("compiles");
        assert_eq!(re.split(b"banana", 2), Some(vec![0..1, 2..6]));
        assert_eq!(re.split(b"", -1), Some(std::iter::once(0..0).collect()));
        assert_eq!(re.split(b"x", 0), None);
    }

    #[test]
    fn meta_characters_are_quoted() {
        assert_eq!(quote_meta(b"a.b\\"), b"a\\.b\\\\");
    }
}
