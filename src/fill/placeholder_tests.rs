//! Tests of the placeholder language.

use super::{Call, Fault, Found, Placeholder, Target, find, parse};

/// The placeholders of a text, and the broken ones with their fault.
fn found(text: &str, keys: bool) -> Vec<String> {
    find(text.as_bytes(), keys)
        .map(|f| match f {
            Found::Placeholder(span) => text[span].to_owned(),
            Found::Broken(span, fault) => format!("{fault:?} {}", &text[span]),
        })
        .collect()
}

#[test]
fn a_placeholder_ends_at_the_first_bracket() {
    assert_eq!(found("<a> <b>", true), ["<a>", "<b>"]);
    assert_eq!(found("<path:p#a>-<path:p#b#2>", false), ["<path:p#a>", "<path:p#b#2>"]);
    assert_eq!(found("<<user>>", true), ["<<user>"]);
    assert_eq!(found("a <> b", true), ["<>"]);
    assert_eq!(found("x <b>tag</b> <path:p#k> < 3", false), ["<path:p#k>"]);
    assert_eq!(found("1 < 2\n<a>", true), ["<a>"]);
}

#[test]
fn only_the_path_form_spans_lines() {
    assert_eq!(found("<path:p#k\n>", false), ["<path:p#k\n>"]);
    assert_eq!(found("<path:p#k\n>", true), ["<path:p#k\n>"]);
    assert_eq!(found("<k\n>", true), [""; 0]);
    assert_eq!(found("<path:p#k\nx <b>", false), ["Unclosed <path:p#k"]);
    assert_eq!(found("< path:p#k>", false), [""; 0]);
    assert_eq!(found("<PATH:p#k>", false), [""; 0]);
}

#[test]
fn what_begins_as_the_path_form_and_is_none_is_found_as_broken() {
    assert_eq!(found("a <path:p#k b\nc", false), ["Unclosed <path:p#k b"]);
    assert_eq!(found("<path:p> #x>", false), ["NoKey <path:p>"]);
    assert_eq!(found("<path:#k>", false), ["EmptyPath <path:#k>"]);
    assert_eq!(found("<path:p#>", false), ["EmptyKey <path:p#>"]);
    assert_eq!(found("<path:p#k#>", false), ["EmptyVersion <path:p#k#>"]);
    assert_eq!(found("<path:p#k#1#x>", false), ["TooManyParts <path:p#k#1#x>"]);
    assert_eq!(found("<path:p#k | jsonPath {.a#b#c#d}>", false), ["<path:p#k | jsonPath {.a#b#c#d}>"]);
}

#[test]
fn a_broken_one_does_not_hide_the_next() {
    let text = "<path:a <path:b#c> <path:d";
    assert_eq!(found(text, false), ["Unclosed <path:a ", "<path:b#c>", "Unclosed <path:d"]);
    let text = "<path:a#1#2#3> <path:b#c>";
    assert_eq!(found(text, false), ["TooManyParts <path:a#1#2#3>", "<path:b#c>"]);
}

#[test]
fn avp_reads_some_broken_ones_as_text() {
    let is_text = |text: &str| find(text.as_bytes(), false).is_text_to_avp(0);
    assert!(is_text("<path:p#k"));
    assert!(is_text("<path:p#k#1#x>"));
    assert!(is_text("<path:p>"));
    assert!(is_text("<path:#k>"));
    assert!(!is_text("<path:p#k>"));
    assert!(!is_text("<path:p> and #this>"));
    assert!(!is_text("<path:p#k\n#2>"));
}

fn parsed(token: &str) -> Result<Placeholder, Fault> {
    parse(token.as_bytes())
}

#[test]
fn a_placeholder_names_a_key_or_a_path() {
    let key = |name: &str| Ok(Placeholder { target: Target::Key(name.into()), calls: Vec::new() });
    assert_eq!(parsed("<user>"), key("user"));
    assert_eq!(parsed("<  user name >"), key("user name"));
    assert_eq!(parsed("<<user>"), key("user"));
    let path = |path: &str, key: &str, version: Option<&str>| {
        let version = version.map(str::to_owned);
        let target = Target::Path { path: path.into(), key: key.into(), version };
        Ok(Placeholder { target, calls: Vec::new() })
    };
    assert_eq!(parsed("<path:a/b# k\n>"), path("a/b", "k", None));
    assert_eq!(parsed("<path:a/b#k#3>"), path("a/b", "k", Some("3")));
    assert_eq!(parsed("< path:a/b#k>"), path("a/b", "k", None));
}

#[test]
fn modifiers_follow_behind_bars() {
    let calls = |token| parsed(token).map(|p| p.calls);
    let call = |name: &str, argument: &str| Call { name: name.into(), argument: argument.into() };
    assert_eq!(calls("<k|base64encode>"), Ok(vec![call("base64encode", "")]));
    assert_eq!(
        calls("<k | jsonPath  {.a}   {.b} | indent 4 >"),
        Ok(vec![call("jsonPath", "{.a}   {.b}"), call("indent", "4")])
    );
    assert_eq!(calls("<k | >"), Err(Fault::EmptyModifier));
    assert_eq!(calls("<k || upper>"), Err(Fault::EmptyModifier));
}

#[test]
fn malformed_ones_are_refused() {
    assert_eq!(parsed("<>"), Err(Fault::NoName));
    assert_eq!(parsed("<path:a>"), Err(Fault::NoKey));
    assert_eq!(parsed("<path:a#>"), Err(Fault::EmptyKey));
    assert_eq!(parsed("<path: #k>"), Err(Fault::EmptyPath));
    assert_eq!(parsed("<path:a#b#c#d>"), Err(Fault::TooManyParts));
    assert_eq!(parsed("<path:a\nb#k>"), Err(Fault::ControlCharacter));
    assert_eq!(parse(b"<\xff>"), Err(Fault::NotText));
}

/// Whatever the text, the findings are in order, do not overlap and lie inside it.
#[test]
fn findings_never_overlap() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let alphabet = ["<", ">", "path:", "#", "|", "\n", " ", "a", "é", "<path:", "k>"];
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..12 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text.push_str(alphabet[usize::try_from(state % alphabet.len() as u64).expect("a small number")]);
        }
        for keys in [false, true] {
            let mut end = 0;
            for found in find(text.as_bytes(), keys) {
                if let Found::Placeholder(span) = found {
                    assert!(span.start >= end && span.end > span.start, "{text:?}");
                    end = span.end;
                    let _ = parse(&text.as_bytes()[span]);
                }
            }
        }
    }
}
