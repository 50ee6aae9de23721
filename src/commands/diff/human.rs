//! Prints differences for people, on a terminal.

use super::{remarks, summary};
use crate::diff::lines::{self, Line, Piece};
use crate::diff::{FieldChange, ImageChange, ObjectDiff, Presence, ReferenceChange, Report, RootDiff};
use crate::{escape, report};
use std::fmt::Write as _;

/// The most lines of an added or removed object that are shown.
const MOST_CONTENT: usize = 60;
/// The most uses of a reference or an image that are shown.
const MOST_PLACES: usize = 4;

/// Adds colours to texts; `Paint(false)` adds none.
struct Paint(bool);

impl Paint {
    fn with(&self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn sign(&self, sign: char, text: &str) -> String {
        match sign {
            '+' => self.with("32", text),
            '-' => self.with("31", text),
            '~' => self.with("33", text),
            '@' => self.with("2", text),
            _ => text.to_owned(),
        }
    }

    /// A text with the different words highlighted.
    fn pieces(&self, sign: char, pieces: &[Piece]) -> String {
        let strong = if sign == '+' { "1;4;32" } else { "1;4;31" };
        let is_whole = pieces.iter().all(|piece| piece.differs);
        let piece = |piece: &Piece| {
            let text = escape::one_line(&piece.text);
            if piece.differs && !is_whole { self.with(strong, &text) } else { self.sign(sign, &text) }
        };
        pieces.iter().map(piece).collect()
    }
}

/// The whole report.
pub fn text(report: &Report, coloured: bool) -> String {
    let (mut text, paint) = (String::new(), Paint(coloured));
    for root in &report.roots {
        root_text(&mut text, root, &paint);
        text.push('\n');
    }
    for note in &report.notes {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "note: {}", escape::one_line(note));
    }
    let (base, head) = (escape::one_line(&report.base), escape::one_line(&report.head));
    let _ = writeln!(text, "{base} -> {head}: {}", summary(report));
    text
}

fn root_text(text: &mut String, root: &RootDiff, paint: &Paint) {
    let name = paint.with("1", &escape::one_line(&root.name));
    let presence = match root.presence {
        Presence::Changed => String::new(),
        other => format!(" ({})", other.name()),
    };
    let _ = writeln!(text, "{name}{presence}: {}", root.counts());
    for failure in &root.failures {
        let _ = writeln!(
            text,
            "  {}",
            paint.sign('-', &format!("cannot be rendered in {}", escape::one_line(&failure.side)))
        );
        for problem in &failure.problems {
            for line in report::human(problem).lines() {
                let _ = writeln!(text, "    {line}");
            }
        }
    }
    for warning in &root.warnings {
        for line in report::human(warning).lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    for object in &root.objects {
        object_text(text, object, paint);
    }
    if !root.images.is_empty() {
        let _ = writeln!(text, "  images");
        root.images.iter().for_each(|image| image_text(text, image, paint));
    }
    if !root.secrets.is_empty() {
        let _ = writeln!(text, "  secrets");
        root.secrets.iter().for_each(|change| reference_text(text, change, paint));
    }
}

fn object_text(text: &mut String, object: &ObjectDiff, paint: &Paint) {
    let sign = object.presence.sign();
    let name = format!("{sign} {}", escape::one_line(&object.id.to_string()));
    let remarks = remarks(object);
    let remarks = match remarks.is_empty() {
        true => String::new(),
        false => paint.with("35", &escape::one_line(&format!(" ({})", remarks.join("; ")))),
    };
    let _ = writeln!(text, "  {}{remarks}", paint.sign(sign, &name));
    for change in &object.fields {
        field_text(text, change, paint);
    }
    if let Some(content) = &object.content {
        let lines = lines::all(sign, &lines::shown(content));
        let shown = lines.len().min(MOST_CONTENT);
        lines[..shown].iter().for_each(|line| line_text(text, line, paint));
        if lines.len() > shown {
            let _ = writeln!(
                text,
                "      {}",
                paint.sign('@', &format!("and {} more lines", lines.len() - shown))
            );
        }
    }
}

fn field_text(text: &mut String, change: &FieldChange, paint: &Paint) {
    let path = change.path.to_string();
    let path = escape::one_line(&path);
    let order = if change.is_order { " (order)" } else { "" };
    if let Some((before, after)) = lines::on_one_line(change) {
        let (before, after) = (paint.pieces('-', &before), paint.pieces('+', &after));
        let _ = writeln!(text, "      {path}: {before} -> {after}");
        return;
    }
    let _ = writeln!(text, "      {path}{order}");
    lines::of(change).iter().for_each(|line| line_text(text, line, paint));
}

fn line_text(text: &mut String, line: &Line, paint: &Paint) {
    let pieces = paint.pieces(line.sign, &line.pieces);
    let _ = writeln!(text, "      {} {pieces}", paint.sign(line.sign, &line.sign.to_string()));
}

fn image_text(text: &mut String, image: &ImageChange, paint: &Paint) {
    let none = "none".to_owned();
    let before = paint.sign('-', &escape::one_line(image.before.as_ref().unwrap_or(&none)));
    let after = paint.sign('+', &escape::one_line(image.after.as_ref().unwrap_or(&none)));
    let _ = writeln!(text, "    {before} -> {after}  {}", places(&image.used_by));
}

fn reference_text(text: &mut String, change: &ReferenceChange, paint: &Paint) {
    let shown = |sign, reference: &Option<crate::diff::secrets::Reference>| {
        reference.as_ref().map(|r| paint.sign(sign, &escape::one_line(&r.to_string())))
    };
    let both: Vec<String> =
        [shown('-', &change.before), shown('+', &change.after)].into_iter().flatten().collect();
    let _ = writeln!(text, "    {}: {}  {}", change.kind.name(), both.join(" -> "), places(&change.used_by));
}

/// The uses of something: the first ones, and the number of the others.
fn places(all: &[String]) -> String {
    let shown: Vec<_> = all.iter().take(MOST_PLACES).map(|place| escape::one_line(place)).collect();
    let more = all.len() - shown.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("({}{more})", shown.join(", "))
}
