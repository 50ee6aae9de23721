//! Prints differences as one HTML page without scripts and requests, usable by keyboard, on a phone, in light and
//! dark mode. Text of authors is escaped, and the content security policy forbids scripts.

use super::{remarks, summary};
use crate::diff::lines::{self, Line};
use crate::diff::{FieldChange, ImageChange, ObjectDiff, Presence, ReferenceChange, Report, RootDiff};
use crate::{escape, report};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;

const STYLE: &str = include_str!("page.css");
/// The most objects that are shown expanded; if there are more, all are collapsed.
const MOST_OPEN: usize = 20;

/// The page.
pub fn page(report: &Report) -> String {
    let objects: usize = report.roots.iter().map(|root| root.objects.len()).sum();
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; img-src data:; base-uri 'none'; form-action 'none'"
    );
    let title = format!("keyfill diff: {} → {}", text(&report.base), text(&report.head));
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" \
         content=\"{policy}\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta \
         name=\"referrer\" content=\"no-referrer\">\n<link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the differences</a>\n\
         <header><h1>keyfill diff: <code>{}</code> → <code>{}</code></h1>\n<p>{}</p></header>\n",
        text(&report.base),
        text(&report.head),
        text(&summary(report)),
    );
    if report.roots.len() > 1 {
        out.push_str("<nav aria-label=\"Roots\"><ul>\n");
        for (at, root) in report.roots.iter().enumerate() {
            let (name, counts) = (text(&root.name).into_owned(), root.counts());
            let failed = if root.failures.is_empty() { "" } else { " <span class=\"warn\">failed</span>" };
            out.push_str(&format!(
                "<li><a href=\"#root-{at}\"><code>{name}</code></a> <span class=\"soft\">{counts}</span>{failed}</li>\n"
            ));
        }
        out.push_str("</ul></nav>\n");
    }
    out.push_str("<main id=\"main\" tabindex=\"-1\">\n");
    for (at, root) in report.roots.iter().enumerate() {
        section(&mut out, at, root, objects <= MOST_OPEN);
    }
    if !report.notes.is_empty() {
        out.push_str("<section aria-labelledby=\"notes\"><h2 id=\"notes\">Notes</h2><ul>\n");
        out.extend(report.notes.iter().map(|note| format!("<li>{}</li>\n", text(note))));
        out.push_str("</ul></section>\n");
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn section(out: &mut String, at: usize, root: &RootDiff, is_open: bool) {
    let presence = match root.presence {
        Presence::Changed => String::new(),
        other => format!(" <span class=\"badge\">{}</span>", other.name()),
    };
    out.push_str(&format!(
        "<section aria-labelledby=\"root-{at}\"><h2 id=\"root-{at}\" tabindex=\"-1\"><code>{}</code>{presence}</h2>\n<p \
         class=\"soft\">{}</p>\n",
        text(&root.name),
        root.counts()
    ));
    for failure in &root.failures {
        let problems: String = failure.problems.iter().map(report::human).collect();
        out.push_str(&format!(
            "<p class=\"warn\"><strong>Cannot be rendered in {}</strong></p>\n<pre tabindex=\"0\" class=\"text\">{}</pre>\n",
            text(&failure.side),
            block(&problems)
        ));
    }
    list(out, "Images", &root.images, image);
    list(out, "Secrets", &root.secrets, reference);
    for one in &root.objects {
        object(out, one, is_open);
    }
    for warning in &root.warnings {
        out.push_str(&format!(
            "<pre tabindex=\"0\" class=\"text warn\">{}</pre>\n",
            block(&report::human(warning))
        ));
    }
    out.push_str("</section>\n");
}

fn list<T>(out: &mut String, name: &str, all: &[T], item: impl Fn(&T) -> String) {
    if all.is_empty() {
        return;
    }
    out.push_str(&format!("<h3>{name}</h3>\n<ul>\n"));
    out.extend(all.iter().map(|one| format!("<li>{}</li>\n", item(one))));
    out.push_str("</ul>\n");
}

fn image(image: &ImageChange) -> String {
    let side = |class: &str, image: &Option<String>| match image {
        Some(image) => format!("<code class=\"{class}\">{}</code>", text(image)),
        None => "none".to_owned(),
    };
    let (before, after) = (side("del", &image.before), side("add", &image.after));
    format!("{before} → {after} <span class=\"soft\">{}</span>", text(&image.used_by.join(", ")))
}

fn reference(change: &ReferenceChange) -> String {
    let side = |class: &str, reference: &Option<crate::diff::secrets::Reference>| {
        reference.as_ref().map(|r| format!("<code class=\"{class}\">{}</code>", text(&r.to_string())))
    };
    let both: Vec<String> =
        [side("del", &change.before), side("add", &change.after)].into_iter().flatten().collect();
    let used_by = change.used_by.join(", ");
    format!("{}: {} <span class=\"soft\">{}</span>", change.kind.name(), both.join(" → "), text(&used_by))
}

fn object(out: &mut String, object: &ObjectDiff, is_open: bool) {
    let (class, word) = match object.presence {
        Presence::Added => ("add", "added"),
        Presence::Removed => ("del", "removed"),
        Presence::Changed => ("warn", "changed"),
    };
    let open = if is_open && object.content.is_none() { " open" } else { "" };
    let badge = |remark: &String| format!(" <span class=\"badge\">{}</span>", text(remark));
    let badges: String = remarks(object).iter().map(badge).collect();
    out.push_str(&format!(
        "<details{open}><summary><span class=\"sign {class}\" aria-label=\"{word}\" role=\"img\">{}</span><code>{}</code>{badges}</summary>\n",
        object.presence.sign(),
        text(&object.id.to_string())
    ));
    for change in &object.fields {
        field(out, change);
    }
    if let Some(content) = &object.content {
        pre(out, &lines::all(object.presence.sign(), &lines::shown(content)), "the whole object");
    }
    out.push_str("</details>\n");
}

fn field(out: &mut String, change: &FieldChange) {
    let path = change.path.to_string();
    let order = if change.is_order { " (order)" } else { "" };
    out.push_str(&format!("<p class=\"path\"><code>{}</code>{order}</p>\n", text(&path)));
    pre(out, &lines::of(change), &path);
}

fn pre(out: &mut String, lines: &[Line], label: &str) {
    // A scrollable region must be reachable by keyboard and have a label.
    out.push_str(&format!("<pre tabindex=\"0\" role=\"region\" aria-label=\"{}\">", text(label)));
    for line in lines {
        let (class, tag) = match line.sign {
            '+' => ("l add", "ins"),
            '-' => ("l del", "del"),
            '@' => ("l soft", ""),
            _ => ("l", ""),
        };
        let is_whole = line.pieces.iter().all(|piece| piece.differs);
        out.push_str(&format!("<span class=\"{class}\">{} ", line.sign));
        for piece in &line.pieces {
            let shown = text(&piece.text);
            match piece.differs && !is_whole && !tag.is_empty() {
                true => out.push_str(&format!("<{tag}>{shown}</{tag}>")),
                false => out.push_str(&shown),
            }
        }
        out.push_str("</span>");
    }
    out.push_str("</pre>\n");
}

/// Escapes untrusted text in one line, for content and for quoted attributes.
fn text(text: &str) -> Cow<'_, str> {
    match escape::one_line(text) {
        Cow::Borrowed(text) => marked(text),
        Cow::Owned(text) => marked(&text).into_owned().into(),
    }
}

/// The same, but line breaks stay.
fn block(text: &str) -> String {
    marked(&escape::lines(text)).into_owned()
}

fn marked(text: &str) -> Cow<'_, str> {
    const MARKS: [char; 5] = ['&', '<', '>', '"', '\''];
    if !text.contains(MARKS) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out.into()
}
