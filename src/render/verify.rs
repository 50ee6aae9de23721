//! Both engines on one root: the native result, or an error with a diff where they differ.

use super::options::Options;
use super::{Rendered, exec, native};
use crate::discover::Root;
use crate::emit::Output;
use crate::outside::Outside;
use crate::report::Failure;
use anyhow::Result;
use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_files::Files;

/// How many lines of a diff are shown.
const MOST_LINES: usize = 60;

/// Renders with both. It is an error when one of them fails, and when they differ.
pub fn render(
    files: &dyn Files,
    root: &Root,
    options: &Options,
    outside: &Outside,
    cx: &Cx,
) -> Result<Rendered> {
    let official = exec::render(files, root, options, outside, cx)?;
    let native = native::render(files, root, options, outside, cx)?;
    let ours = Output::of(&native.documents, cx)?.to_bytes();
    if ours == official {
        return Ok(Rendered { engine: "verify", ..native });
    }
    let message =
        format!("keyfill and the official tool differ on {}\n{}", root.dir, diff(&official, &ours, cx));
    let hint = "please report it; --engine exec gives the official tool's result";
    Err(Failure::from(Diagnostic::error(Class::Render, message).hint(hint)).into())
}

/// What differs; roughly, where the time ends before that is found.
fn diff(official: &[u8], ours: &[u8], cx: &Cx) -> String {
    let (official, ours) = (String::from_utf8_lossy(official), String::from_utf8_lossy(ours));
    let diff = similar::TextDiff::configure().deadline(cx.deadline).diff_lines(&*official, &*ours);
    let text = diff.unified_diff().context_radius(3).header("official", "keyfill").to_string();
    let lines: Vec<&str> = text.lines().collect();
    let more = lines.len().saturating_sub(MOST_LINES);
    let mut shown = lines[..lines.len() - more].join("\n");
    if more > 0 {
        shown.push_str(&format!("\n... and {more} lines more"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::diff as diff_within;
    use keyfill_diag::Cx;

    fn diff(official: &[u8], ours: &[u8]) -> String {
        diff_within(official, ours, &Cx::default())
    }

    #[test]
    fn the_diff_shows_what_differs() {
        let text = diff(b"a\nb\nc\n", b"a\nx\nc\n");
        assert!(text.contains("-b") && text.contains("+x"), "{text}");
        let long: String = (0..500).map(|i| format!("{i}\n")).collect();
        assert!(diff(long.as_bytes(), b"").ends_with("lines more"));
    }
}
