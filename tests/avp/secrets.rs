//! The secrets that the generated documents name: values of every shape that is common in Vault.

use keyfill_testkit::Vault;
use serde_json::{Value, json};

/// Strings that YAML, JSON and shells often misread.
pub const TEXTS: [(&str, &str); 34] = [
    ("user", "alice"),
    ("pass", "p@ss: word #1"),
    ("number", "5432"),
    ("float", "1.50"),
    ("bool", "true"),
    ("sum", "81111e1"),
    ("empty", ""),
    ("lines", "line one\nline two\n"),
    ("indented", "  lead\n\ttab\n\nend"),
    ("unicode", "héllo ☃ 😀"),
    ("quotes", "\"q\" 's'"),
    ("colon", "a: b"),
    ("dash", "- x"),
    ("star", "*x"),
    ("tilde", "~"),
    ("null", "null"),
    ("date", "2020-01-01"),
    ("octal", "0777"),
    ("hex", "0x1F"),
    ("with-dash", "dashed"),
    ("with.dot", "dotted"),
    ("long", "word word word word word word word word word word word word word word word word word word"),
    ("windows", "a\r\nb"),
    ("placeholder", "<user>"),
    ("dollar", "$1 ${x}"),
    ("backslash", "a\\b"),
    ("space", " lead"),
    ("trail", "trail "),
    ("hash", "#x"),
    ("percent", "%x"),
    ("bracket", "[a]"),
    ("brace", "{a}"),
    ("no", "no"),
    ("infinite", ".inf"),
];

/// JSON, YAML and base64 texts, each with the modifiers that accept it.
pub const STRUCTURED: [(&str, &str, &[&str]); 3] = [
    (
        "json",
        r#"{"a":{"b":[1,2,{"c":"d"}]},"n":1.50,"s":"<x>&","t":true}"#,
        &["jsonPath {.a.b[2].c}", "jsonPath {.n}", "jsonPath {.a.b}", "jsonPath {.s}", "jsonPath {.a.b[*]}"],
    ),
    ("yaml", "a: 1\nb:\n  - x\n  - y: z\n", &["indent 3", "base64encode", "sha256sum"]),
    (
        "base64",
        "aGVsbG8gd29ybGQ=",
        &["base64decode", "base64decode | base64encode", "base64decode | sha256sum"],
    ),
];

/// Keys whose values are not texts. Their placeholders are always the whole value of a field.
pub const WHOLE: [&str; 6] = ["n", "f", "negative", "big", "t", "map"];

/// Writes the secrets below `secret/data/app` in two versions, and below `kv1/app` of an engine of version 1.
pub fn write(vault: &Vault) {
    let mut all = serde_json::Map::new();
    let structured = STRUCTURED.iter().map(|(key, text, _)| (key, text));
    for (key, text) in TEXTS.iter().map(|(key, text)| (key, text)).chain(structured) {
        all.insert((*key).to_owned(), json!(text));
    }
    let whole = [
        json!(5432),
        json!(1.5),
        json!(-3),
        json!(12_345_678_901_u64),
        json!(true),
        json!({"x": 1, "y": "z"}),
    ];
    all.extend(WHOLE.iter().map(|key| (*key).to_owned()).zip(whole));
    vault.write("sys/mounts/kv1", &json!({"type": "kv", "options": {"version": "1"}}));
    vault.write("kv1/app", &Value::Object(all.clone()));
    vault.put("secret/data/app", &Value::Object(all.clone()));
    all.insert("user".to_owned(), json!("bob"));
    vault.put("secret/data/app", &Value::Object(all));
}
