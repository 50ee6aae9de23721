//! The syntax of vals' references: `ref+SCHEME://PATH?PARAMETERS#FRAGMENT`, or with `secretref+`. Inside a longer
//! text a `+` ends a reference.

use memchr::memmem;
use std::ops::Range;

/// The beginning of a reference; `secret` may precede it.
pub const MARK: &[u8] = b"ref+";

/// The longest name of a scheme, in bytes.
const MOST_SCHEME: usize = 32;

/// A parsed reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference<'t> {
    /// Its position in the text, in bytes, with the `+` that ends it.
    pub span: Range<usize>,
    /// The text before `://`.
    pub scheme: &'t str,
    /// The text after `://`.
    pub path: &'t str,
    /// The text after `?`.
    pub parameters: &'t str,
    /// The text after `#`, without leading slashes.
    pub fragment: &'t str,
}

/// The references of a text, in order.
pub fn find(text: &[u8]) -> Vec<Reference<'_>> {
    let mut found: Vec<Reference<'_>> = Vec::new();
    for at in memmem::find_iter(text, MARK) {
        let free = found.last().map_or(0, |last| last.span.end);
        if at < free {
            continue;
        }
        let before = &text[free..at];
        let start = if before.ends_with(b"secret") { at - b"secret".len() } else { at };
        found.extend(read(text, start, at + MARK.len()));
    }
    found
}

/// Parses the reference whose scheme begins at `at`.
fn read(text: &[u8], start: usize, at: usize) -> Option<Reference<'_>> {
    let rest = &text[at..];
    let length = rest.iter().take(MOST_SCHEME + 1).take_while(|b| b.is_ascii_alphanumeric()).count();
    let behind = rest[length..].strip_prefix(b"://").filter(|_| length > 0 && length <= MOST_SCHEME)?;
    let ends = |b: &u8| *b == b'+' || *b == b' ' || b.is_ascii_control();
    let run = &behind[..behind.iter().position(ends).unwrap_or(behind.len())];
    // A quote or a comma at the end belongs to surrounding JSON or a list, not to the reference.
    let kept = run.iter().rposition(|b| !matches!(b, b'"' | b',')).map_or(0, |last| last + 1);
    let body = std::str::from_utf8(&run[..kept]).ok().filter(|body| !body.is_empty())?;
    let mut end = at + length + b"://".len() + kept;
    if kept == run.len() && text.get(end) == Some(&b'+') {
        end += 1;
    }
    let (front, fragment) = body.split_once('#').unwrap_or((body, ""));
    let (path, parameters) = front.split_once('?').unwrap_or((front, ""));
    Some(Reference {
        span: start..end,
        scheme: std::str::from_utf8(&rest[..length]).ok()?,
        path,
        parameters,
        fragment: fragment.trim_start_matches('/'),
    })
}

#[cfg(test)]
mod tests {
    use super::find;

    fn shown(text: &str) -> Vec<[&str; 5]> {
        let all = find(text.as_bytes());
        all.into_iter().map(|r| [&text[r.span], r.scheme, r.path, r.parameters, r.fragment]).collect()
    }

    #[test]
    fn references_are_found_and_taken_apart() {
        let whole = "ref+vault://secret/app?version=2#/user";
        assert_eq!(shown(whole), [[whole, "vault", "secret/app", "version=2", "user"]]);
        let inside = "a secretref+awssecrets://x+b ref+awsssm:///p, \"ref+doppler://a/b#K\"";
        assert_eq!(
            shown(inside),
            [
                ["secretref+awssecrets://x+", "awssecrets", "x", "", ""],
                ["ref+awsssm:///p", "awsssm", "/p", "", ""],
                ["ref+doppler://a/b#K", "doppler", "a/b", "", "K"],
            ]
        );
        let two = "ref+vault://a#/b+ref+vault://a#/c+";
        assert_eq!(shown(two).len(), 2);
        for text in
            ["ref+", "ref+://x", "ref+vault:/x", "ref+vault://", "ref+a b://x", "href+x", "ref+vault://\","]
        {
            assert_eq!(shown(text), Vec::<[&str; 5]>::new(), "{text}");
        }
    }
}
