//! Renders one root with both engines: returns the native result, or an error with a diff if they differ.

use super::options::Options;
use super::{Rendered, exec, native};
use crate::discover::Root;
use crate::edit_script;
use crate::emit::Output;
use crate::outside::Outside;
use crate::report::Failure;
use anyhow::Result;
use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_files::Files;
use similar::{DiffTag, group_diff_ops};

/// The most lines of a diff that are shown.
const MOST_LINES: usize = 60;
/// How many unchanged lines are shown around a difference.
const AROUND: usize = 3;

/// Renders with both engines. It is an error if one of them fails, or if the results differ.
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

/// The diff of two results; not minimal if the deadline passes while it is computed.
fn diff(official: &[u8], ours: &[u8], cx: &Cx) -> String {
    let (official, ours) = (String::from_utf8_lossy(official), String::from_utf8_lossy(ours));
    let lines_of = |text| -> Vec<&str> { str::split(text, '\n').collect() };
    let (old, new) = (lines_of(&official), lines_of(&ours));
    let mut lines = vec!["--- official".to_owned(), "+++ keyfill".to_owned()];
    for group in group_diff_ops(edit_script::operations(&old, &new, cx.deadline), AROUND) {
        if let Some(op) = group.first() {
            lines.push(format!("@@ line {} @@", op.old_range().start + 1));
        }
        for op in group {
            let (tag, removed, added) = op.as_tag_tuple();
            if tag == DiffTag::Equal {
                lines.extend(old[removed].iter().map(|line| format!(" {line}")));
            } else {
                lines.extend(old[removed].iter().map(|line| format!("-{line}")));
                lines.extend(new[added].iter().map(|line| format!("+{line}")));
            }
        }
    }
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
