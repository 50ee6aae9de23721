//! Splits the output of a template into documents as helm does: at lines that begin with `---`, whatever follows
//! on the line. YAML syntax is not considered.

use crate::request::HelmCompat;
use keyfill_go::unicode::is_space;
use keyfill_go::utf8;
use memchr::memmem;

/// The documents of a text, without the white space that helm removes around them.
pub(crate) fn manifests(text: &[u8], helm: HelmCompat) -> Vec<&[u8]> {
    match helm {
        HelmCompat::V3 => split_v3(trim(text)),
        HelmCompat::V4 => split_v4(trim_start(text)),
    }
}

/// A separator of helm v3 is `---` at the beginning of the text or of a line, with all white space around it. A
/// second `---` with only white space before it is therefore content.
fn split_v3(text: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut begin = if text.starts_with(b"---") { skip_blanks(text, 3) } else { 0 };
    while let Some(at) = memmem::find(&text[begin..], b"\n---").map(|at| begin + at) {
        let mut end = at;
        while end > begin && is_blank(text[end - 1]) {
            end -= 1;
        }
        found.push(&text[begin..end]);
        begin = skip_blanks(text, at + 4);
    }
    found.push(&text[begin..]);
    found.retain(|part| !part.is_empty());
    found.into_iter().map(trim).collect()
}

/// A separator of helm v4 is `---` at the beginning of a line, with the spaces and tabs after it.
fn split_v4(text: &[u8]) -> Vec<&[u8]> {
    let next_line = |from: usize| memmem::find(&text[from..], b"\n---").map(|at| from + at + 1);
    let mut found = Vec::new();
    let mut begin = 0;
    let mut next = if text.starts_with(b"---") { Some(0) } else { next_line(0) };
    loop {
        let part = &text[begin..next.unwrap_or(text.len())];
        if !trim(part).is_empty() {
            found.push(trim_start(part));
        }
        let Some(separator) = next else { return found };
        begin = separator + 3;
        while text.get(begin).is_some_and(|b| matches!(b, b' ' | b'\t')) {
            begin += 1;
        }
        next = next_line(begin);
    }
}

/// Whether Go's `\s` matches a byte.
fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
}

fn skip_blanks(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|b| is_blank(*b)) {
        at += 1;
    }
    at
}

/// `strings.TrimSpace`
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    trim_end(trim_start(text))
}

/// `strings.TrimLeftFunc` with `unicode.IsSpace`.
pub(crate) fn trim_start(mut text: &[u8]) -> &[u8] {
    while let Some(rune) = utf8::decode(text) {
        if !is_space(rune.char) {
            break;
        }
        text = &text[rune.len..];
    }
    text
}

/// `strings.TrimRightFunc` with `unicode.IsSpace`.
pub(crate) fn trim_end(mut text: &[u8]) -> &[u8] {
    while let Some(rune) = utf8::decode_last(text) {
        if !is_space(rune.char) {
            break;
        }
        text = &text[..text.len() - rune.len];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::manifests;
    use crate::request::HelmCompat::{V3, V4};

    #[test]
    fn documents_are_split_as_by_helm_3() {
        for (text, want) in [
            ("a: 1\n", vec!["a: 1"]),
            ("---\na: 1\n---\nb: 2\n", vec!["a: 1", "b: 2"]),
            ("\n\n---   \n\n  a: 1\n", vec!["a: 1"]),
            ("a\n---\n---\nb\n", vec!["a", "---\nb"]),
            ("a\n---b\n", vec!["a", "b"]),
            ("a\n--- # note\nb\n", vec!["a", "# note\nb"]),
            ("a ---\nb\n", vec!["a ---\nb"]),
            ("----\na", vec!["-\na"]),
            ("---\n---\n---\n", vec!["---"]),
            ("a: |\n  x\n\n\n---\nb\n", vec!["a: |\n  x", "b"]),
        ] {
            let got: Vec<&str> =
                manifests(text.as_bytes(), V3).into_iter().map(|d| std::str::from_utf8(d).unwrap()).collect();
            assert_eq!(got, want, "{text:?}");
        }
    }

    #[test]
    fn documents_are_split_as_by_helm_4() {
        for (text, want) in [
            ("a: 1\n", vec!["a: 1\n"]),
            ("---\na: 1\n\n---\nb: 2\n", vec!["a: 1\n\n", "b: 2\n"]),
            ("a\n---\n---\nb\n", vec!["a\n", "b\n"]),
            ("a\n---b\n", vec!["a\n", "b\n"]),
            (" \n---\n", vec![]),
        ] {
            let got: Vec<&str> =
                manifests(text.as_bytes(), V4).into_iter().map(|d| std::str::from_utf8(d).unwrap()).collect();
            assert_eq!(got, want, "{text:?}");
        }
    }
}
