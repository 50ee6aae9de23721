use super::{html, human, markdown};
use crate::diff::fields::{FieldChange, Path, Step};
use crate::diff::{ObjectDiff, ObjectId, Presence, Report, RootDiff};
use keyfill_yaml::Value;

/// A report of `roots` roots with `objects` objects each, in which every text is `hostile`.
fn report(hostile: &str, roots: usize, objects: usize) -> Report {
    let value = |text: &str| Some(Value::Str(text.into()));
    let object = |at: usize| ObjectDiff {
        id: ObjectId { kind: hostile.to_owned(), name: format!("{hostile}{at}"), ..ObjectId::default() },
        renamed_from: None,
        presence: Presence::Changed,
        hooks: vec![hostile.to_owned()],
        replaced_by: Vec::new(),
        fields: vec![FieldChange {
            path: Path(vec![Step::Key(hostile.to_owned())]),
            before: value(&format!("{hostile}\none\n")),
            after: value(&format!("{hostile}\ntwo\n")),
            is_order: false,
        }],
        content: None,
    };
    let root = |at: usize| RootDiff {
        name: format!("{hostile}{at}"),
        objects: (0..objects).map(object).collect(),
        ..RootDiff::default()
    };
    Report {
        base: hostile.to_owned(),
        head: hostile.to_owned(),
        roots: (0..roots).map(root).collect(),
        notes: vec![hostile.to_owned()],
        ..Report::default()
    }
}

const HOSTILE: &str = "</code></details>```\n````x`<script>alert(1)</script>'\"&\u{1b}[31m\u{202e}@team ![x](https://e.example)";

#[test]
fn a_page_holds_authors_text_as_text() {
    let page = html::page(&report(HOSTILE, 2, 2));
    assert!(!page.contains("<script") && !page.contains("\u{1b}") && !page.contains('\u{202e}'));
    // There are only tags that the page itself uses.
    let known = [
        "a", "body", "code", "del", "details", "h1", "h2", "h3", "head", "header", "html", "ins", "li",
        "link", "main", "meta", "nav", "p", "pre", "section", "span", "style", "summary", "title", "ul",
        "!DOCTYPE", "strong",
    ];
    for tag in page.split('<').skip(1) {
        let name = tag.trim_start_matches('/').split([' ', '>', '\n']).next().unwrap_or_default();
        assert!(known.contains(&name), "{name}");
    }
    assert!(page.contains("default-src 'none'"), "{page}");
    for address in ["=\"http", "='http", "=http", "url("] {
        assert!(!page.contains(address), "{address}: no address is linked");
    }
}

#[test]
fn a_comment_holds_authors_text_as_code() {
    let text = markdown::text(&report(HOSTILE, 1, 1));
    // A block's fence is longer than any inside it, so that the content is shown literally.
    let is_fence = |line: &&str| line.starts_with("`````");
    assert_eq!(text.lines().filter(is_fence).count() % 2, 0, "{text}");
    let outside: Vec<&str> = text.split("\n`````").step_by(2).collect();
    assert!(outside.iter().all(|part| !part.contains("</code></details>```\n")), "{text}");
    // Outside of blocks an author's text is inline code.
    assert_eq!(text.matches("<details").count() - text.matches("x`<details").count(), 2, "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("</details>")).count(), 2, "{text}");
    assert!(
        text.lines().filter(|line| line.contains("alert(1)")).all(|line| line.contains('`')
            || line.contains("&#")
            || line.starts_with("@@")
            || line.starts_with("  ")),
        "{text}"
    );
}

#[test]
fn a_comment_is_bounded_and_counts_what_is_left_out() {
    let text = markdown::text(&report("näme", 40, 200));
    assert!(text.chars().count() <= markdown::MOST, "{}", text.chars().count());
    let tail = text.lines().last().unwrap_or_default();
    let shown = text.matches("<details>").count();
    assert!(shown > 200 && tail.contains("Not shown") && tail.contains("roots"), "{tail}");
    // Every `<details>` is closed.
    assert_eq!(text.matches("<details").count(), text.matches("</details>").count());
    // The shown and the counted objects together are all objects.
    let roots = text.matches("</summary>").count() - text.matches("<summary><code>~").count();
    let objects = text.matches("<summary><code>~").count();
    let counted: usize =
        tail.split(": ").nth(1).and_then(|t| t.split(' ').next()).unwrap_or("").parse().unwrap();
    assert_eq!(objects + counted, 40 * 200, "{roots} roots");
}

#[test]
fn a_terminal_is_not_acted_on() {
    for coloured in [false, true] {
        let text = human::text(&report(HOSTILE, 1, 1), coloured);
        assert!(!text.contains('\u{202e}') && !text.contains("\u{1b}[31m\u{202e}"), "{text}");
        assert_eq!(text.contains('\u{1b}'), coloured);
    }
}
