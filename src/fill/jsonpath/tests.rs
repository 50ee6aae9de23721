//! Tests that templates print what client-go prints, and of the few cases in which keyfill prints a better result.

use super::{JsonPathError, Template};
use keyfill_diag::Cx;
use keyfill_yaml::Value;

/// Decodes JSON; integers stay exact.
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
    Ok(Template::parse(template)?.execute(&json(STORE), &Cx::default())?.text)
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
        // Some fail because of too many results. No template may panic or run without end.
        let _ = Template::parse(template).expect("it parses").execute(&value, &Cx::default());
    }
}

#[test]
fn loops_inside_each_other_are_bounded() {
    let nested = |n: usize| format!("{}{}", "{range @}".repeat(n), "{end}".repeat(n));
    let error = Template::parse(&nested(20_000)).expect_err("far too many");
    assert_eq!(error.to_string(), "more than 32 ranges inside each other");
    assert!(Template::parse(&nested(32)).is_ok());
    // Each loop counts for the nesting limit even without an `{end}`.
    assert!(Template::parse(&"{range @}".repeat(20_000)).is_err());
}

#[test]
fn work_is_bounded_by_steps() {
    let deep = json(&format!("{}1{}", "[".repeat(60), "]".repeat(60)));
    let many = format!("{}{}", "{range ..}".repeat(9), "{end}".repeat(9));
    let wide = json(&format!("[{}]", vec!["[1,2,3,4,5,6,7,8]"; 1_000].join(",")));
    for (value, template) in [
        (&deep, many.as_str()),
        (&wide, "{range ..}{range ..}{end}{range ..}{@}{end}{end}"),
        (&wide, "{range ..}{range ..}{[?(@[0] == 3)]}{end}{end}"),
        (&wide, "{range ..}{range [*]}{range [*]}{$..}{end}{end}{end}"),
    ] {
        let start = std::time::Instant::now();
        let _ = Template::parse(template).expect("it parses").execute(value, &Cx::default());
        assert!(start.elapsed().as_secs() < 20, "{template}");
    }
    let text = Value::Str("x".repeat(3_000_000).into());
    let error = Template::parse("{.*}").expect("it parses").execute(&text, &Cx::default());
    assert_eq!(error.expect_err("a step a byte").to_string(), "the template takes too many steps");
}

#[test]
fn an_execution_ends_with_its_run() {
    let cx = Cx::default();
    cx.cancel.cancel();
    let wide = json(&format!("[{}]", vec!["1"; 100_000].join(",")));
    let stopped = Template::parse("{[*]}").expect("it parses").execute(&wide, &cx);
    assert_eq!(stopped.expect_err("it is cancelled").to_string(), "the run was cancelled");
}

#[test]
fn what_is_not_there_is_told_apart_from_what_is_empty() {
    let run = |template: &str| Template::parse(template)?.execute(&json(STORE), &Cx::default());
    for absent in ["{.nope}", "{.books[9].title}", "{.books[0].nope}"] {
        assert!(run(absent).is_err_and(|error| error.is_not_found()), "{absent}");
    }
    for nothing in ["{.z}", "{.books[?(@.title==\"Q\")].price}", "{.empty[*]}"] {
        assert!(run(nothing).expect("it prints").nothing, "{nothing}");
    }
    for something in ["{.name}", "x{.z}", "{.empty}", "{.z}{.name}", ""] {
        assert!(!run(something).expect("it prints").nothing, "{something}");
    }
}

/// A pseudorandom generator with a fixed seed.
struct Dice(u64);

impl Dice {
    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        from[usize::try_from(self.0 % from.len() as u64).expect("a small number")]
    }
}

/// Any template is parsed or refused with an error, and executed or refused with an error.
#[test]
fn random_templates_never_panic() {
    let value = json(STORE);
    let alphabet = [
        "{", "}", ".", "..", "[", "]", "*", "?(", ")", "@", "name", "books", "0", "-1", ":", ",", "'", "\"",
        "\\", "range ", "end", "==", " ",
    ];
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for _ in 0..20_000 {
        let template: String = std::iter::once("{").chain((0..10).map(|_| dice.pick(&alphabet))).collect();
        if let Ok(template) = Template::parse(&template) {
            let _ = template.execute(&value, &Cx::default());
        }
    }
}

/// Maps have one key each, since client-go walks maps in random order.
const NESTED: &str =
    r#"{"a": {"b": {"c": [1, 2.5, "x", true, null, {"d": "e"}, [0, ["y"]], "<z>", 999999]}}}"#;

fn random_template(dice: &mut Dice) -> String {
    let steps = [
        ".a",
        ".b",
        ".c",
        ".d",
        "..",
        "..c",
        "..d",
        ".*",
        "[0]",
        "[1]",
        "[-1]",
        "[5]",
        "[6]",
        "[*]",
        "[0:2]",
        "[:]",
        "[1:]",
        "[:-1]",
        "[::2]",
        "[2:9]",
        "[0,2]",
        "['a','a']",
        "['a']",
        "[?(@.d)]",
        "[?(@.d==\"e\")]",
        "[?(@.d!='e')]",
        "[?(@>\"w\")]",
        "[?(@==true)]",
        " ",
        "@",
        "$",
        "\"q\"",
        "'s'",
        "7",
        "true",
        "nope",
        "\\.",
    ];
    let mut template = String::new();
    for _ in 0..dice.pick(&["1", "2", "3"]).parse().expect("a digit") {
        template.push_str(dice.pick(&["", "text ", "{range .a.b.c[*]}", "{end}", "{range .a}"]));
        template.push('{');
        template.push_str(dice.pick(&[".a.b.c", ".a.b", "", "..c"]));
        for _ in 0..dice.pick(&["0", "1", "2", "3"]).parse().expect("a digit") {
            template.push_str(dice.pick(&steps));
        }
        template.push_str(dice.pick(&["}", "}", "}", "} ", ""]));
    }
    template
}

/// Compares random templates with client-go: keyfill prints what client-go prints, and refuses what it refuses,
/// except where keyfill is better on purpose.
#[test]
fn answers_are_those_of_client_go() {
    let Some(oracle) = keyfill_testkit::oracle("jsonpath-oracle") else { return };
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let templates: Vec<String> = (0..50_000).map(|_| random_template(&mut dice)).collect();
    let answers = ask(&oracle, &templates);
    let value = json(NESTED);
    let mut compared = 0;
    for (template, (text, error)) in templates.iter().zip(answers) {
        let ours = Template::parse(template).and_then(|t| Ok(t.execute(&value, &Cx::default())?.text));
        match (ours, error) {
            (Ok(ours), None) => {
                // client-go prints null as `null` or `<no value>`, depending on loops.
                assert_eq!(ours, text.replace("<no value>", "null"), "{template}");
                compared += 1;
            }
            (Err(_), Some(_)) => {}
            (Err(error), None) => {
                assert_eq!(error.to_string(), "range without an {end}", "{template} gives {text}");
            }
            (Ok(ours), Some(error)) => {
                let better =
                    ["incompatible types for comparison", "nope is not found", "invalid type for comparison"];
                assert!(better.iter().any(|b| error.contains(b)), "{template}: {error}, but we print {ours}");
            }
        }
    }
    assert!(compared > 2_000, "{compared}");
}

fn ask(oracle: &std::path::Path, templates: &[String]) -> Vec<(String, Option<String>)> {
    use std::io::Write as _;
    let mut child = std::process::Command::new(oracle)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the oracle starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let questions: String = templates
        .iter()
        .map(|template| format!("{}\n", serde_json::json!({"template": template, "input": NESTED})))
        .collect();
    let writer = std::thread::spawn(move || stdin.write_all(questions.as_bytes()));
    let output = child.wait_with_output().expect("the oracle ends");
    writer.join().expect("no panic").expect("it reads all");
    let answer = |line: &str| {
        let answer: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let field = |name: &str| answer[name].as_str().map(str::to_owned);
        (field("text").unwrap_or_default(), field("error"))
    };
    String::from_utf8(output.stdout).expect("UTF-8").lines().map(answer).collect()
}
