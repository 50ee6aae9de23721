//! Functions whose results differ from run to run, and the limits of functions that may need much time or memory.

use keyfill_diag::{Cx, Limits};
use keyfill_template::funcs::{FAMILIES, Seed};
use keyfill_template::function::Registry;
use keyfill_template::value::Value;
use keyfill_template::{Error, Execution, Templates};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn render_with(execution: &mut Execution, text: &str) -> Result<String, Error> {
    let mut templates = Templates::new("root", Arc::new(Registry::new(FAMILIES)));
    templates.parse("main", text.as_bytes())?;
    let out = execution.render(&Arc::new(templates), "main", &Value::Nil)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn cx() -> Cx {
    let limits = Limits { output_bytes: 1 << 20, ..Limits::default() };
    Cx { limits, ..Cx::with_time(Duration::from_secs(60)) }
}

fn render(text: &str) -> String {
    render_with(&mut Execution::new(&cx()), text).expect("renders")
}

fn seeded(seed: u64, text: &str) -> String {
    let mut execution = Execution::new(&cx());
    execution.provide(Seed(seed));
    render_with(&mut execution, text).expect("renders")
}

#[test]
fn a_result_that_would_be_too_large_is_refused_before_it_is_made() {
    for text in [
        r#"{{ repeat 9223372036854775807 "ab" }}"#,
        r#"{{ repeat 1000000000000 " " | len }}"#,
        "{{ until 9223372036854775807 | len }}",
        "{{ untilStep 0 9223372036854775807 1 | len }}",
        "{{ untilStep 0 -9223372036854775808 -1 | len }}",
        "{{ seq 9223372036854775806 }}",
        r#"{{ indent 1000000000000 "a\nb" }}"#,
        "{{ randAlphaNum 1000000000000 }}",
        "{{ randBytes 1000000000000 }}",
        r#"{{ $x := repeat 100000 "a" }}{{ replace "" $x $x }}"#,
        r#"{{ $x := repeat 100000 "a" }}{{ regexReplaceAll "" $x "$0$x$x" }}{{ regexReplaceAll "a" $x $x }}"#,
        r#"{{ $x := "ab" }}{{ range until 60 }}{{ $x = printf "%s%s" $x $x }}{{ end }}"#,
        r#"{{ $x := "ab" }}{{ range until 60 }}{{ $x = cat $x $x }}{{ end }}"#,
        r#"{{ $x := list 1 2 }}{{ range until 60 }}{{ $x = concat $x $x }}{{ end }}"#,
        r#"{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ toToml $d }}"#,
        r#"{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ deepCopy $d }}"#,
        r#"{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ quote $d }}"#,
        r#"{{ $d := dict "d" (dict) }}{{ $_ := set $d "d" $d }}{{ $e := dict }}{{ $_ := set $e "d" $e }}{{ merge $d $e }}"#,
        r#"{{ wrapWith 1 (repeat 10000 "x") (repeat 10000 "y") }}"#,
    ] {
        let begin = Instant::now();
        let error = render_with(&mut Execution::new(&cx()), text).expect_err(text);
        assert!(error.is_limit(), "{text}: {error}");
        assert!(begin.elapsed() < Duration::from_secs(10), "{text}");
    }
}

#[test]
fn regular_expressions_that_grow_too_large_are_refused() {
    for expression in ["(((a{100}){10}){10})", "(a{1000}){1000}", r"(\\pL{500}){2}", r"\\pL{1000}"] {
        let text = format!(r#"{{{{ regexMatch "{expression}" "a" }}}}"#);
        assert_eq!(render(&text), "false", "{expression}");
    }
    let begin = Instant::now();
    render(r#"{{ $x := repeat 5000 "a" }}{{ regexMatch "^(a+)+$" (print $x "b") }}"#);
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_seed_makes_random_functions_repeat() {
    let text = r#"{{ randAlpha 20 }} {{ randInt 0 1000000 }} {{ shuffle "abcdefgh" }} {{ uuidv4 }}
        {{ genPrivateKey "ed25519" }} {{ randBytes 9 }} {{ bcrypt "x" }} {{ encryptAES "k" "text" }}"#;
    assert_eq!(seeded(7, text), seeded(7, text));
    assert_ne!(seeded(7, text), seeded(8, text));
    assert_ne!(render(text), render(text));
}

#[test]
fn random_strings_have_the_requested_length_and_letters() {
    let only = |text: String, accept: fn(&u8) -> bool| {
        assert_eq!(text.len(), 200);
        assert!(text.bytes().all(|b| accept(&b)), "{text}");
    };
    only(render("{{ randAlpha 200 }}"), u8::is_ascii_alphabetic);
    only(render("{{ randNumeric 200 }}"), u8::is_ascii_digit);
    only(render("{{ randAlphaNum 200 }}"), u8::is_ascii_alphanumeric);
    only(render("{{ randAscii 200 }}"), |b| (b' '..=b'~').contains(b));
    assert_eq!(render("{{ randAlpha 0 }}{{ randAlpha -1 }}"), "");
    for number in render("{{ range until 200 }}{{ randInt -3 4 }} {{ end }}").split_whitespace() {
        let number: i64 = number.parse().expect("a number");
        assert!((-3..4).contains(&number));
    }
    assert!(render_with(&mut Execution::new(&cx()), "{{ randInt 3 3 }}").is_err());
    assert_eq!(render(r#"{{ shuffle "äbc" | splitList "" | sortAlpha | join "" }}"#), "bcä");
    let uuid = render("{{ uuidv4 }}");
    let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12]);
    assert!(uuid.as_bytes()[14] == b'4' && b"89ab".contains(&uuid.as_bytes()[19]), "{uuid}");
}

#[test]
fn hashed_and_derived_passwords_are_those_of_sprig() {
    let hash = render(r#"{{ htpasswd "user" "secret" }}"#);
    assert!(hash.starts_with("user:$2a$10$") && hash.len() == 65, "{hash}");
    assert!(bcrypt::verify("secret", &hash[5..]).expect("a hash"));
    assert_eq!(render(r#"{{ htpasswd "a:b" "x" }}"#), "invalid username: a:b");
    let long = render(r#"{{ bcrypt (repeat 73 "x") }}"#);
    assert_eq!(long, "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes");
    for (kind, password) in [
        ("long", "ZedaFaxcZaso9*"),
        ("maximum", "pf4zS1LjCg&LjhsZ7T2~"),
        ("medium", "ZedJuz8$"),
        ("pin", "6685"),
    ] {
        let text = format!(r#"{{{{ derivePassword 1 "{kind}" "password" "user" "example.com" }}}}"#);
        assert_eq!(render(&text), password);
    }
    assert_eq!(render(r#"{{ derivePassword 1 "none" "p" "u" "s" }}"#), "cannot find password template none");
    assert_eq!(render(r#"{{ encryptAES "key" "some text" | decryptAES "key" }}"#), "some text");
}

#[test]
fn json_has_bytes_that_are_not_utf_8_as_each_helm_writes_them() -> Result<(), Error> {
    let text = r#"{{ $x := b64dec "Yf9i" }}{{ toJson $x }} {{ mustToJson $x }} {{ toPrettyJson $x }} {{ toRawJson $x }}"#;
    for (registry, written) in [(Registry::helm_3(), r#""a\ufffdb""#), (Registry::helm_4(), "\"a\u{fffd}b\"")]
    {
        let mut templates = Templates::new("root", Arc::new(registry));
        templates.parse("main", text.as_bytes())?;
        let out = Execution::new(&cx()).render(&Arc::new(templates), "main", &Value::Nil)?;
        assert_eq!(String::from_utf8_lossy(&out), [written; 4].join(" "));
    }
    Ok(())
}
