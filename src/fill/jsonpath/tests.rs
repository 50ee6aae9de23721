//! Templates beside what `kubectl`'s library prints for them, and our few better answers.

use super::Template;
use crate::fill::jsonpath::JsonPathError;
use keyfill_yaml::Value;

/// JSON as a value, integers exact.
fn json(text: &str) -> Value {
    fn value(json: serde_json::Value) -> Value {
        match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(b) => Value::Bool(b),
            serde_json::Value::Number(n) => {
                n.as_i64().map_or_else(|| Value::Float(n.as_f64().expect("a float")), Value::Int)
            }
            serde_json::Value::String(text) => Value::Str(text.into()),
            serde_json::Value::Array(items) => Value::Seq(items.into_iter().map(value).collect()),
            serde_json::Value::Object(entries) => {
                Value::Map(entries.into_iter().map(|(k, v)| (k.into(), value(v))).collect())
            }
        }
    }
    value(serde_json::from_str(text).expect("JSON"))
}

const STORE: &str = r#"{
    "name": "shop", "open": true, "n": 8443, "big": 1234567, "f": 1.5, "z": null, "html": "<a&b>",
    "books": [
        {"title": "A", "price": 8.95, "tags": ["x", "y"]},
        {"title": "B", "price": 12},
        {"title": "C", "price": 8}
    ],
    "labels": {"web/html": "15", "k8s-app": "20", "a.b": "dotted", "sp ace": "s"},
    "empty": [], "days": ["mo", "tu", "we", "th", "fr"]
}"#;

fn run(template: &str) -> Result<String, JsonPathError> {
    Template::parse(template)?.execute(&json(STORE))
}

fn printed(template: &str) -> String {
    run(template).unwrap_or_else(|error| format!("error: {error}"))
}

#[test]
fn templates_print_as_kubectl_prints_them() {
    for (template, expected) in [
        ("plain text", "plain text"),
        ("", ""),
        ("}", "}"),
        ("{.name}", "shop"),
        ("{$.name}", "shop"),
        ("{@.name}", "shop"),
        ("{ .name }", "shop"),
        ("name={.name};", "name=shop;"),
        ("{.open} {.n} {.f} {.z}", "true 8443 1.5 null"),
        ("{.books[0].title}", "A"),
        ("{.books[-1].title}", "C"),
        ("{.books[-1:].title}", "C"),
        ("{.books[*].title}", "A B C"),
        ("{.books[0:2].title}", "A B"),
        ("{.days[:2]}", "mo tu"),
        ("{.days[::2]}", "mo we fr"),
        ("{.days[1:4:2]}", "tu th"),
        ("{.days[1:-1]}", "tu we th"),
        ("{.days[0:0]}", ""),
        ("{.days[1,3]}", "tu th"),
        ("{.days[0, -1]}", "mo fr"),
        ("{['name','n']}", "shop 8443"),
        ("{.days}", r#"["mo","tu","we","th","fr"]"#),
        ("{.books[1]}", r#"{"price":12,"title":"B"}"#),
        ("{.html}", "<a&b>"),
        ("{.books[0].tags}", r#"["x","y"]"#),
        ("{.labels.web/html}", "15"),
        ("{.labels.k8s-app}", "20"),
        (r"{.labels.a\.b}", "dotted"),
        (r"{.labels['a\.b']}", "dotted"),
        ("{['name']}", "shop"),
        ("{.labels['k8s-app']}", "20"),
        ("{..title}", "A B C"),
        ("{..price}", "8.95 12 8"),
        ("{...price}", "8.95 12 8"),
        (r#"{.books[?(@.title=="B")].price}"#, "12"),
        ("{.books[?(@.title=='B')].price}", "12"),
        (r#"{.books[?(@.title!="B")].title}"#, "A C"),
        (r#"{.books[?(@.title>"A")].title}"#, "B C"),
        ("{.books[?(@.tags)].title}", "A"),
        ("{.books[?(@.title == \"a) b\")].title}", ""),
        ("{range .books[*]}{.title}={.price};{end}", "A=8.95;B=12;C=8;"),
        ("{range .books[*]}[{range .tags[*]}{@}{end}]{end}", "error: tags is not found"),
        ("{range .books[0]}{range .tags[*]}{@},{end}{.title}{end}!", "x,y,A!"),
        ("{\"{\"}{'}'}{\"\\n\\t\\u00e9\\\"\"}", "{}\n\té\""),
        (r#"{.name}{"\n"}{.n}"#, "shop\n8443"),
        ("{1}{-2}{1.5}{true}", "1-21.5true"),
        ("{.days[?(@==\"mo\")]}", "mo"),
    ] {
        assert_eq!(printed(template), expected, "{template}");
    }
}

#[test]
fn better_answers_than_the_library_gives() {
    for (template, expected) in [
        ("{.big}", "1234567"),
        ("{.books[?(@.price>8.5)].title}", "A B"),
        ("{.books[?(@.price==12)].title}", "B"),
        ("{.books[?(@.price<=8)].title}", "C"),
        ("{.labels['sp ace']}", "s"),
        ("{[\"name\"]}", "shop"),
        ("{range .empty[*]}{.title}{end}.", "."),
        ("{.labels.*}", "dotted 20 s 15"),
    ] {
        assert_eq!(printed(template), expected, "{template}");
    }
}

#[test]
fn errors_say_what_is_wrong() {
    for (template, expected) in [
        ("{.nope}", "nope is not found"),
        ("{.name.first}", "first is not found"),
        ("{.name", "unclosed action"),
        ("{.name\n}", "unclosed action"),
        ("{hello}", "unrecognized identifier hello"),
        ("{.name[0]}", "a string is not array or slice"),
        ("{.days[7]}", "array index out of bounds: index 7, length 5"),
        ("{.days[-7]}", "array index out of bounds: index -2, length 5"),
        ("{.days[0:9]}", "array index out of bounds: index 8, length 5"),
        ("{.days[3:1]}", "starting index 3 is greater than ending index 1"),
        ("{.days[0:3:0]}", "step must be > 0"),
        ("{.days[x]}", "invalid array index x"),
        ("{.days[1:2:3:4]}", "invalid array index 1:2:3:4"),
        ("{.days[0}", "unterminated array"),
        ("{.books[?(@.price<>10)]}", "unrecognized filter operator <>"),
        ("{.books[?(@.title==1)]}", "incompatible types for comparison: string and number"),
        ("{.books[?(@.price==12]}", "unterminated filter"),
        ("{.books[?(@.price==12)}", "unclosed array expect ]"),
        ("{.name[?(@.a)]}", "a string is not array or slice and cannot be filtered"),
        ("{end}", "not in range, nothing to end"),
        ("{range .days[*]}{@}{end}{end}", "not in range, nothing to end"),
        ("{range .days[*]}{@}", "range without an {end}"),
        ("{.........name}", "invalid multiple recursive descent"),
        ("{\"abc}", "unterminated quoted string"),
        ("{\"\\q\"}", "invalid escape in a quoted string"),
        ("{.a & .b}", "unrecognized character in action: '&'"),
        ("{1.2.3}", "cannot parse number 1.2.3"),
    ] {
        assert_eq!(printed(template), format!("error: {expected}"), "{template}");
    }
}

#[test]
fn hostile_templates_end() {
    let nested = format!("{{{}1{}}}", "[?(".repeat(10_000), ")]".repeat(10_000));
    assert!(Template::parse(&nested).is_err());
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let value = json(&deep);
    for template in ["{..}", "{..[0]}", "{...*...*...*}", "{range ...*}{range ...*}{..}{end}{end}"] {
        // Some fail for too many results; none panics or runs on.
        let _ = Template::parse(template).expect("it parses").execute(&value);
    }
}

/// Whatever the template, it is read or refused, and executed or refused.
#[test]
fn random_templates_never_panic() {
    let value = json(STORE);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let alphabet = [
        "{", "}", ".", "..", "[", "]", "*", "?(", ")", "@", "name", "books", "0", "-1", ":", ",", "'", "\"",
        "\\", "range ", "end", "==", " ",
    ];
    for _ in 0..20_000 {
        let mut template = String::from("{");
        for _ in 0..10 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            template
                .push_str(alphabet[usize::try_from(state % alphabet.len() as u64).expect("a small number")]);
        }
        if let Ok(template) = Template::parse(&template) {
            let _ = template.execute(&value);
        }
    }
}
