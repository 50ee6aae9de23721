//! Tests of the placeholder language.

use super::{Argument, Call, Fault, Found, Placeholder, Target, find, parse};

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
    let with_keys = |text: &str| find(text.as_bytes(), true).is_text_to_avp(0);
    assert!(
        !with_keys("<path:p#>") && with_keys("<path:p#\n>"),
        "on one line it is a placeholder of the key form"
    );
}

fn parsed(token: &str) -> Result<Placeholder, Fault> {
    parse(token.as_bytes(), true)
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

/// The modifiers of a token, each with its words: `p:` plain, `q:` quoted, `<>` a placeholder.
fn calls(token: &str) -> Result<Vec<String>, Fault> {
    let word = |word: &Argument| match word {
        Argument::Plain(text) => format!("p:{text}"),
        Argument::Quoted(text) => format!("q:{text}"),
        Argument::Placeholder(inner) => format!("<{}>", inner.target.key()),
    };
    let call = |call: &Call| {
        let words: Vec<String> = call.words.iter().map(word).collect();
        let words = if words.is_empty() { call.argument.clone() } else { words.join(" ") };
        format!("{}[{words}]", call.name)
    };
    Ok(parsed(token)?.calls.iter().map(call).collect())
}

#[test]
fn modifiers_follow_behind_bars() {
    for (token, expected) in [
        ("<k|base64encode>", vec!["base64encode[]"]),
        ("<k | jsonPath  {.a}   {.b} | indent 4 >", vec!["jsonPath[{.a}   {.b}]", "indent[p:4]"]),
        ("<k | default \"a | b\"|upper>", vec!["default[q:a | b]", "upper[]"]),
        ("<k | default 'a>b#c'>", vec!["default[q:a>b#c]"]),
        ("<k | default {\"a\": \"b>c\"}>", vec!["default[p:{\"a\": p:\"b>c\"}]"]),
        ("<k | replace \"\" ' '>", vec!["replace[q: q: ]"]),
        (
            "<k | jsonPath {.a[?(@.b > \"x|y\")].c} | trim>",
            vec!["jsonPath[{.a[?(@.b > \"x|y\")].c}]", "trim[]"],
        ),
        ("<k | jsonPath it's {.a}>", vec!["jsonPath[it's {.a}]"]),
        ("<k | jsonPath \"{.a}|{.b}\">", vec!["jsonPath[\"{.a}|{.b}\"]"]),
        ("<k | default <path:a#b | upper>>", vec!["default[<b>]"]),
        ("<k | default <other>>", vec!["default[<other>]"]),
    ] {
        assert_eq!(calls(token), Ok(expected.into_iter().map(str::to_owned).collect()), "{token}");
    }
    for (token, fault) in [
        ("<k | >", Fault::EmptyModifier),
        ("<k || upper>", Fault::EmptyModifier),
        ("<k | default it's>", Fault::UnbalancedQuote),
        ("<k | default \"a\"b>", Fault::BehindQuote),
        ("<path:a#k | default a<b>", Fault::BareBracket),
        ("<k | default x<path:a#b>>", Fault::BareBracket),
        ("<k | default \"<path:a#b>\">", Fault::QuotedPlaceholder),
        ("<k | default <path:a#b>x>", Fault::BesidePlaceholder),
        ("<k | jsonPath {.a>", Fault::UnclosedBrace),
        ("<k | jsonPath <path:a#b>>", Fault::BesidePlaceholder),
    ] {
        assert_eq!(calls(token), Err(fault), "{token}");
    }
    let many = format!("<k{}>", " | trim".repeat(17));
    assert_eq!(calls(&many), Err(Fault::TooManyModifiers));
    let deep = format!("{}k{}", "<a | default ".repeat(9), ">".repeat(9));
    assert_eq!(calls(&deep), Err(Fault::NestedTooDeep));
}

#[test]
fn what_quotes_and_braces_protect_does_not_end_a_placeholder() {
    assert_eq!(found("<path:p#k | default \"a>b\">!", false), ["<path:p#k | default \"a>b\">"]);
    assert_eq!(found("x <k | default \"a>b\"> <l>", true), ["<k | default \"a>b\">", "<l>"]);
    assert_eq!(found("it's <k> and \"<l>\"", true), ["<k>", "<l>"]);
    assert_eq!(found("<path:kv/{{ app.name | upper }}#k>", false), ["<path:kv/{{ app.name | upper }}#k>"]);
    assert_eq!(found("<path:p#list | join #>", false), ["<path:p#list | join #>"]);
    assert_eq!(found("a < b | c \"d", true), [""; 0]);
    assert_eq!(found("<k | default \"x\n\">", true), [""; 0], "the key form ends with its line");
    assert_eq!(found("<k | default \"x> y", true), ["UnbalancedQuote <k | default \"x> y"]);
}

#[test]
fn broken_ones_without_number_are_read_in_time() {
    for piece in [
        "<path:nokey> ",
        "<path:a#b | default \"> '",
        "<path:",
        "<path:a#b | jsonPath {",
        "<a | b \"> ",
        "<<",
    ] {
        let text = piece.repeat(60_000);
        for keys in [false, true] {
            let start = std::time::Instant::now();
            let mut finder = find(text.as_bytes(), keys);
            let mut count = 0;
            while let Some(found) = finder.next() {
                let (Found::Placeholder(span) | Found::Broken(span, _)) = found;
                let _ = finder.is_text_to_avp(span.start);
                count += 1;
            }
            assert!(start.elapsed().as_secs() < 20, "{piece:?} {keys} {count}");
        }
    }
    let long = format!("<path:a#b | default {}>", "x".repeat(70_000));
    assert!(found(&long, false)[0].starts_with("TooLong "));
}

#[test]
fn malformed_ones_are_refused() {
    assert_eq!(parsed("<>"), Err(Fault::NoName));
    assert_eq!(parsed("<path:a>"), Err(Fault::NoKey));
    assert_eq!(parsed("<path:a#>"), Err(Fault::EmptyKey));
    assert_eq!(parsed("<path: #k>"), Err(Fault::EmptyPath));
    assert_eq!(parsed("<path:a#b#c#d>"), Err(Fault::TooManyParts));
    assert_eq!(parsed("<path:a\nb#k>"), Err(Fault::ControlCharacter));
    assert_eq!(parse(b"<\xff>", true), Err(Fault::NotText));
}

/// In random texts the placeholders that are found are in order, do not overlap and lie inside the text.
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
                    let _ = parse(&text.as_bytes()[span], keys);
                }
            }
        }
    }
}
