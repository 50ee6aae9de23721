//! A text that is parsed and written again must equal what yaml.v3 writes for it.

use super::EditDocument;
use crate::Limits;

fn again(text: &str) -> String {
    match EditDocument::read(text.as_bytes(), &Limits::default()) {
        Ok(document) => document.map_or_else(String::new, |d| d.write()),
        Err(e) => format!("error: {}", e.message()),
    }
}

#[test]
fn a_text_in_the_style_of_yaml_v3_is_written_unchanged() {
    for text in [
        "# head\n\n# above\na: 1 # behind\n# below\n\nb: {c: [1, 2], d: 'x'}\n",
        "a: &x\n  b: \"c\"\nd: *x\n",
        "a: |\n  text\n  more\nb: >-\n  folded\n",
        "list:\n- a # one\n# two\n- b\n",
    ] {
        assert_eq!(again(text), text);
    }
}

#[test]
fn other_styles_are_written_as_yaml_v3_writes_them() {
    assert_eq!(again("a:\n    - b:   c\n"), "a:\n- b: c\n");
    assert_eq!(again("<<: {a: b}\n"), "!!merge <<: {a: b}\n");
    assert_eq!(again("a: [1,\n  2]\n"), "a: [1, 2]\n");
}
