//! Prints differences as a comment on a pull request: collapsed, and within GitHub's size limit.

use super::{count, remarks, summary};
use crate::diff::lines::{self, Line};
use crate::diff::{FieldChange, ImageChange, ObjectDiff, Presence, ReferenceChange, Report, RootDiff};
use crate::{escape, report};

/// The longest comment on GitHub, in characters; GitLab allows more.
pub const MOST: usize = 65_536;
/// Characters reserved for the sentence with the number of omitted objects.
const TAIL: usize = 300;
/// The most characters of one object that are shown.
const MOST_OBJECT: usize = 16_000;
/// The most uses of a reference or an image that are shown.
const MOST_PLACES: usize = 5;

/// A text of bounded size.
#[derive(Default)]
struct Bounded {
    text: String,
    characters: usize,
}

impl Bounded {
    /// Adds a piece completely or not at all; `false` if it does not fit. `reserved` characters must stay free.
    fn add(&mut self, piece: &str, reserved: usize) -> bool {
        let characters = piece.chars().count();
        if self.characters + characters + reserved + TAIL > MOST {
            return false;
        }
        self.text.push_str(piece);
        self.characters += characters;
        true
    }
}

/// The whole comment.
pub fn text(report: &Report) -> String {
    let mut out = Bounded::default();
    let sides = format!("{} → {}", code(&report.base), code(&report.head));
    out.add(&format!("### keyfill diff: {sides}\n\n{}\n\n", summary(report)), 0);
    let (mut objects, mut roots, mut notes) = (0, 0, 0);
    for root in &report.roots {
        let left_out = root_text(&mut out, root);
        if let Some(left_out) = left_out {
            objects += left_out;
            roots += 1;
        }
    }
    for note in &report.notes {
        notes += usize::from(!out.add(&format!("- {}\n", code(note)), 0));
    }
    if roots + notes > 0 {
        let (objects, roots) = (count(objects, "object"), count(roots, "root"));
        let notes = if notes > 0 { format!(" and {}", count(notes, "note")) } else { String::new() };
        out.text.push_str(&format!(
            "\n**Not shown, since a comment is bounded: {objects} of {roots}{notes}.**\n"
        ));
    }
    out.text
}

const END: &str = "</details>\n\n";

/// Adds a root. Returns the number of objects that did not fit; `None` if all did.
fn root_text(out: &mut Bounded, root: &RootDiff) -> Option<usize> {
    let presence = match root.presence {
        Presence::Changed => String::new(),
        other => format!(" ({})", other.name()),
    };
    let is_open = if root.failures.is_empty() { "" } else { " open" };
    let mut head = format!(
        "<details{is_open}><summary><b>{}</b>{presence}: {}</summary>\n\n",
        html_code(&root.name),
        root.counts()
    );
    for failure in &root.failures {
        let problems: String = failure.problems.iter().map(report::human).collect();
        head.push_str(&format!(
            "Cannot be rendered in {}:\n\n{}",
            code(&failure.side),
            fenced("", &cut(&problems))
        ));
    }
    if !root.images.is_empty() {
        head.push_str("Images:\n\n");
        head.extend(root.images.iter().map(image));
        head.push('\n');
    }
    if !root.secrets.is_empty() {
        head.push_str("Secrets:\n\n");
        head.extend(root.secrets.iter().map(reference));
        head.push('\n');
    }
    if !out.add(&head, END.len()) {
        return Some(root.objects.len());
    }
    let added = root.objects.iter().take_while(|one| out.add(&object(one), END.len())).count();
    out.text.push_str(END);
    out.characters += END.len();
    (added < root.objects.len()).then_some(root.objects.len() - added)
}

fn object(object: &ObjectDiff) -> String {
    let remarks = remarks(object);
    let remarks =
        if remarks.is_empty() { String::new() } else { format!(" {}", html_code(&remarks.join("; "))) };
    let sign = object.presence.sign();
    let mut body = String::new();
    for change in &object.fields {
        field(&mut body, change);
    }
    if let Some(content) = &object.content {
        lines::all(sign, &lines::shown(content)).iter().for_each(|line| push(&mut body, line));
    }
    let name = html_code(&format!("{sign} {}", object.id));
    format!("<details><summary>{name}{remarks}</summary>\n\n{}{END}", fenced("diff", &cut(&body)))
}

fn field(body: &mut String, change: &FieldChange) {
    let order = if change.is_order { " (order)" } else { "" };
    let path = change.path.to_string();
    body.push_str(&format!("@@ {}{order} @@\n", escape::one_line(&path)));
    lines::of(change).iter().for_each(|line| push(body, line));
}

fn push(body: &mut String, line: &Line) {
    let sign = if line.sign == '@' { '#' } else { line.sign };
    let text = line.text();
    body.push_str(&format!("{sign} {}\n", escape::one_line(&text)));
}

fn image(image: &ImageChange) -> String {
    let shown =
        |image: &Option<String>| image.as_ref().map_or_else(|| "none".to_owned(), |image| code(image));
    format!("- {} → {} ({})\n", shown(&image.before), shown(&image.after), places(&image.used_by))
}

fn reference(change: &ReferenceChange) -> String {
    let both: Vec<String> = [&change.before, &change.after]
        .into_iter()
        .flatten()
        .map(|reference| code(&reference.to_string()))
        .collect();
    format!("- {}: {} ({})\n", change.kind.name(), both.join(" → "), places(&change.used_by))
}

fn places(all: &[String]) -> String {
    let shown: Vec<String> = all.iter().take(MOST_PLACES).map(|place| code(place)).collect();
    let more = all.len() - shown.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", shown.join(", "))
}

/// Cuts a text that is too long, and appends the number of omitted lines.
fn cut(body: &str) -> String {
    let Some((end, _)) = body.char_indices().nth(MOST_OBJECT) else { return body.to_owned() };
    let end = body[..end].rfind('\n').map_or(end, |at| at + 1);
    format!("{}# and {} more lines\n", &body[..end], body[end..].lines().count())
}

/// A code block whose fence is longer than any in the text.
fn fenced(language: &str, body: &str) -> String {
    let longest = body.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat((longest + 1).max(3));
    let end = if body.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{language}\n{body}{end}{fence}\n\n")
}

/// Untrusted text as inline code in Markdown, so that nothing in it has a meaning.
fn code(text: &str) -> String {
    let text = escape::one_line(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let ticks = "`".repeat(longest + 1);
    let blank = if text.starts_with('`') || text.ends_with('`') || text.is_empty() { " " } else { "" };
    format!("{ticks}{blank}{text}{blank}{ticks}")
}

/// The same in HTML, with characters that have a meaning in Markdown as numeric references.
fn html_code(text: &str) -> String {
    let mut out = String::from("<code>");
    for c in escape::one_line(text).chars() {
        match c {
            c if c.is_alphanumeric() || " ./-:,;()=+~".contains(c) => out.push(c),
            c => out.push_str(&format!("&#{};", u32::from(c))),
        }
    }
    out.push_str("</code>");
    out
}
