//! Tests of the modifiers: a table of chains with their results, and errors.

use super::{Circumstances, MODIFIERS, Takes, prepare};
use crate::fill::datum::Datum;
use crate::fill::placeholder::parse;
use keyfill_diag::Cx;
use keyfill_yaml::Value;

/// Applies a chain of modifiers, written as in a placeholder after the first `|`, to a value.
fn run(value: Datum, chain: &str) -> Result<Datum, String> {
    let placeholder = parse(format!("<k | {chain}>").as_bytes(), false).expect("a placeholder");
    let has_default = placeholder.calls.iter().any(|call| call.name == "default");
    let given = Circumstances { avp: false, has_default, identity: "Secret/a", cx: &Cx::default() };
    placeholder.calls.iter().try_fold(value, |datum, call| {
        let action = prepare(call, false).map_err(|error| error.message)?;
        action.apply(&datum, &given).map_err(|message| format!("{}: {message}", action.name()))
    })
}

/// The resulting text; for other results `(type)`.
fn text(value: &str, chain: &str) -> String {
    match run(Datum::text(value), chain) {
        Ok(Datum::Value(Value::Str(text))) => text.to_string(),
        Ok(other) => format!("({})", other.type_name()),
        Err(message) => format!("error: {message}"),
    }
}

#[test]
fn every_row_of_the_table_is_unique_and_told_about() {
    for (i, modifier) in MODIFIERS.iter().enumerate() {
        assert!(!modifier.name.is_empty() && !modifier.about.is_empty());
        assert!(MODIFIERS[..i].iter().all(|other| other.name != modifier.name), "{} twice", modifier.name);
        assert!(!modifier.about.ends_with('.'), "{}", modifier.name);
    }
}

#[test]
fn every_modifier_passes_a_missing_value_on() {
    for modifier in MODIFIERS.iter().filter(|m| m.name != "default") {
        let argument = match modifier.takes {
            Takes::Nothing | Takes::OptionalText => "",
            Takes::Level => "2",
            Takes::Template => "{.a}",
            Takes::Text => "x",
            Takes::TwoTexts => "x y",
        };
        let result = run(Datum::Missing, &format!("{} {argument}", modifier.name));
        assert!(matches!(result, Ok(Datum::Missing)), "{}", modifier.name);
    }
    assert!(
        matches!(run(Datum::Missing, "base64decode | default x"), Ok(Datum::Value(Value::Str(t))) if t == "x")
    );
}

#[test]
fn strings_are_changed() {
    for (value, chain, expected) in [
        ("naïve text\n", "base64encode", "bmHDr3ZlIHRleHQK"),
        ("aGVsbG8g\nd29ybGQ=", "base64decode", "hello world"),
        ("//5B", "base64decode", "(binary)"),
        ("//5B", "base64decode | base64encode", "//5B"),
        ("one\ntwo\nthree", "indent 4", "one\n    two\n    three"),
        ("a:\n  b: 1\n\n  c: 2  \n", "indent 2", "a:\n  b: 1\n  c: 2\n"),
        ("x", "indent 0", "x"),
        ("s3cr3t", "sha256sum", "4e738ca5563c06cfd0018299933d58db1dd8bf97f6973dc99bf6cdc64b5550bd"),
        ("a b/c?é~", "urlencode", "a%20b%2Fc%3F%C3%A9~"),
        ("say \"hi\"\n<b>", "quote", "\"say \\\"hi\\\"\\n<b>\""),
        (" x\n", "trim", "x"),
        ("Ab", "upper | lower", "ab"),
        ("Ab", "upper", "AB"),
        ("x", "default y", "x"),
        ("[1,\"b\",true]", "jsonParse | join", "1,b,true"),
        ("[1,\"b\",true]", "jsonParse | join \", \"", "1, b, true"),
        ("{\"b\":\"<x>\",\"a\":[1.0,null]}", "jsonParse | toJson", "{\"a\":[1,null],\"b\":\"<x>\"}"),
        ("x", "toJson", "\"x\""),
        ("{\"a\":{\"b\":7}}", "jsonPath {.a.b}", "7"),
        ("{\"a\":1234567}", "jsonPath {.a}", "1234567"),
        ("{\"a\":\"x\"}", "jsonPath a:   {.a}", "a: x"),
        ("{\"a\":[1]}", "jsonParse", "(map)"),
    ] {
        assert_eq!(text(value, chain), expected, "{value:?} | {chain}");
    }
}

#[test]
fn default_takes_quoted_and_empty_text() {
    let default = |chain| match run(Datum::Missing, chain) {
        Ok(Datum::Value(Value::Str(text))) => text.to_string(),
        other => panic!("{chain}: {other:?}"),
    };
    assert_eq!(default("default none given"), "none given");
    assert_eq!(default("default \" a  b \""), " a  b ");
    assert_eq!(default("default ''"), "");
    assert!(matches!(run(Datum::Value(Value::Null), "default x"), Ok(Datum::Value(Value::Str(_)))));
}

#[test]
fn refusals_name_the_modifier_and_never_the_value() {
    for (value, chain, expected) in [
        ("aGVsbG8*hush", "base64decode", "error: base64decode: the value is not valid base64"),
        ("{hush", "jsonParse", "error: jsonParse: the value is not valid JSON (its line 1, column 2)"),
        ("1 2", "jsonParse", "error: jsonParse: the value is not valid JSON (its line 1, column 3)"),
        ("hush", "jsonPath {.a}", "error: jsonPath: the value is not valid JSON (its line 1, column 1)"),
        ("{}", "jsonPath {.nope}", "error: jsonPath: nope is not found"),
        ("x", "jsonPath {.a[}", "error: jsonPath: unterminated array"),
        ("x", "jsonPath", "error: jsonPath: needs a template such as {.user}"),
        ("x", "base64encode std", "error: base64encode: takes no argument, but has \"std\""),
        ("x", "indent", "error: indent: needs a number of spaces"),
        ("x", "indent four", "error: indent: \"four\" is not a number of spaces (0 to 1000)"),
        ("x", "indent -1", "error: indent: \"-1\" is not a number of spaces (0 to 1000)"),
        ("x", "default", "error: default: needs a text; the empty one is \"\""),
        ("x", "join", "error: join: takes a list, but the value is a string"),
        ("[[1]]", "jsonParse | join", "error: join: the list holds a list, not text"),
        ("[1]", "jsonParse | upper", "error: upper: takes a string, number or bool, but the value is a list"),
        ("x", "rot13", "error: there is no modifier rot13"),
    ] {
        assert_eq!(text(value, chain), expected, "{chain}");
    }
}

#[test]
fn a_number_counts_as_its_text() {
    let number = || Datum::Value(Value::Number("5".into()));
    for (chain, expected) in [
        ("base64encode", "NQ=="),
        ("b64url", "NQ=="),
        ("indent 2", "5"),
        ("sha256sum", "ef2d127de37b942baad06145e54b0c619a1f22327b2ebbcfbec78f5564afe39d"),
        ("quote", "\"5\""),
        ("urlencode", "5"),
        ("upper", "5"),
        ("string", "5"),
        ("replace 5 six", "six"),
        ("jsonPath {@}", "5"),
    ] {
        assert!(matches!(run(number(), chain), Ok(Datum::Value(Value::Str(t))) if t == expected), "{chain}");
    }
    assert!(matches!(run(number(), "jsonParse"), Ok(Datum::Value(Value::Int(5)))));
    let cx = Cx::default();
    let avp = Circumstances { avp: true, has_default: false, identity: "", cx: &cx };
    let encode =
        prepare(&parse(b"<k | base64encode>", false).expect("a placeholder").calls[0], false).expect("known");
    assert_eq!(
        encode.apply(&number(), &avp).err().as_deref(),
        Some("takes a string, but the value is a number")
    );
}

#[test]
fn hashes_of_passwords_are_stable_and_differ_between_places() {
    let cx = Cx::default();
    let hash = |password: &str, identity: &str| {
        let call = &parse(b"<k | bcrypt>", false).expect("a placeholder").calls[0];
        let given = Circumstances { avp: false, has_default: false, identity, cx: &cx };
        match prepare(call, false).expect("known").apply(&Datum::text(password), &given) {
            Ok(Datum::Value(Value::Str(text))) => text.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let first = hash("hush", "a");
    assert!(first.starts_with("$2a$10$") && bcrypt::verify("hush", &first).expect("a hash"), "{first}");
    assert_eq!(first, hash("hush", "a"));
    assert!(first[..29] != hash("hush", "b")[..29] && first[..29] != hash("hush2", "a")[..29]);
    assert_eq!(
        text(&"x".repeat(73), "bcrypt"),
        "error: bcrypt: a password of more than 72 bytes would be cut off"
    );
}

#[test]
fn values_do_not_grow_without_bounds() {
    let long = "x\n".repeat(100_000);
    for chain in [
        &"toJson | ".repeat(15) as &str,
        "replace x xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "indent 1000",
    ] {
        let error = text(&long, chain.trim_end_matches(" | "));
        assert!(
            error.contains("the value would be larger than 8 MiB"),
            "{chain}: {}",
            &error[..error.len().min(80)]
        );
    }
    let deep = format!("{}1{}", "[".repeat(120), format!("{}]", ",1".repeat(9_000)).repeat(120));
    assert!(text(&deep, "jsonParse | toYaml").contains("larger than 8 MiB"));
}

#[test]
fn a_near_miss_is_named() {
    let placeholder = parse(b"<k | Base64Encode>", true).expect("a placeholder");
    let error = prepare(&placeholder.calls[0], false).expect_err("case matters");
    assert_eq!(error.hint.as_deref(), Some("did you mean base64encode?"));
    let placeholder = parse(b"<k | zzz>", true).expect("a placeholder");
    let hint = prepare(&placeholder.calls[0], false).expect_err("unknown").hint.unwrap_or_default();
    assert!(hint.starts_with("there are base64encode, base64decode, "), "{hint}");
}

#[test]
fn parsed_integers_are_exact_unless_avp_is_followed() {
    let action =
        prepare(&parse(b"<k | jsonParse>", true).expect("a placeholder").calls[0], false).expect("known");
    let cx = Cx::default();
    let given = |avp| Circumstances { avp, has_default: false, identity: "", cx: &cx };
    let parsed = |avp| match action.apply(&Datum::text("9007199254740993"), &given(avp)) {
        Ok(Datum::Value(value)) => value,
        other => panic!("{other:?}"),
    };
    assert_eq!(parsed(false), Value::Int(9_007_199_254_740_993));
    assert_eq!(parsed(true), Value::Float(9_007_199_254_740_992.0));
}

#[test]
fn a_negative_indent_is_none_as_in_argocd_vault_plugin() {
    let placeholder = parse(b"<k | indent -1>", true).expect("a placeholder");
    let call = &placeholder.calls[0];
    assert!(prepare(call, false).is_err());
    let given = Circumstances { avp: true, has_default: false, identity: "", cx: &Cx::default() };
    let made = prepare(call, true).expect("AVP takes it").apply(&Datum::text("a\n  b"), &given);
    assert_eq!(made.ok().and_then(|made| made.as_bytes().map(<[u8]>::to_vec)), Some(b"a\nb".to_vec()));
}
