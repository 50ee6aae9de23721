//! Templates that would take endless time or memory end with an error. Diagnostics say where and what to do.

use keyfill_diag::{Class, Cx, Limits, Report as _};
use keyfill_template::funcs::FAMILIES;
use keyfill_template::function::Registry;
use keyfill_template::value::{Map, Value};
use keyfill_template::{Error, Execution, MissingKey, Templates};
use std::sync::Arc;
use std::time::Duration;

fn render(texts: &[(&str, &str)], cx: &Cx) -> Result<Vec<u8>, Error> {
    let mut templates = Templates::new("gotpl", Registry::new(FAMILIES)).with_missing_key(MissingKey::Zero);
    for (name, text) in texts {
        templates.parse(name, text.as_bytes())?;
    }
    let image: Map = [("tag", "1")].into_iter().collect();
    let values: Map = [("image", Value::Map(image))].into_iter().collect();
    let data: Map = [("Values", Value::Map(values))].into_iter().collect();
    Execution::new(cx).render(&Arc::new(templates), "main", &Value::Map(data))
}

fn fails(text: &str, cx: &Cx) -> Error {
    render(&[("main", text)], cx).expect_err("it is to fail")
}

#[test]
fn recursion_ends() {
    let cx = Cx::default();
    let error = fails("{{define \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}", &cx);
    assert!(error.is_limit() && error.to_string().contains("exceeded maximum template depth"), "{error}");
    let error = fails("{{define \"a\"}}{{include \"a\" .}}{{end}}{{include \"a\" .}}", &cx);
    assert!(error.message().contains("nested reference name: a"), "{}", error.message());
    let error = fails("{{define \"a\"}}{{tpl \"{{include \\\"a\\\" .}}\" .}}{{end}}{{include \"a\" .}}", &cx);
    assert!(error.to_string().contains("error during tpl function execution"));
    assert!(error.diagnostics()[0].trail.len() < 20);
}

#[test]
fn nesting_in_a_template_ends() {
    let cx = Cx::default();
    let deep = format!("{{{{{}1{}}}}}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(fails(&deep, &cx).message().contains("max expression depth exceeded"));
    let deep = format!("{}{}", "{{if true}}".repeat(100_000), "{{end}}".repeat(100_000));
    assert!(fails(&deep, &cx).message().contains("max expression depth exceeded"));
    let deep = format!("{}x{}", "{{if true}}".repeat(900), "{{end}}".repeat(900));
    assert_eq!(render(&[("main", &deep)], &cx).ok().as_deref(), Some(&b"x"[..]));
    let deep = format!("{{{{{}1{}}}}}", "(".repeat(900), ")".repeat(900));
    assert_eq!(render(&[("main", &deep)], &cx).ok().as_deref(), Some(&b"1"[..]));
}

/// A limit may be reached at any step, also at the first step of a template that has fewer nodes than its caller.
#[test]
fn a_limit_may_be_reached_at_any_step() {
    let text = "{{define \"a\"}}x{{end}}{{range 9999}}{{if true}}{{template \"a\"}}{{end}}{{include \"a\" .}}{{end}}";
    for steps in 4_096..4_136 {
        let cx = Cx { limits: Limits { steps, ..Limits::default() }, ..Cx::with_time(Duration::ZERO) };
        assert!(fails(text, &cx).is_limit(), "{steps} steps");
    }
}

#[test]
fn loops_and_growth_end() {
    let limits = Limits { steps: 100_000, output_bytes: 1 << 20, ..Limits::default() };
    let cx = Cx { limits, ..Cx::default() };
    assert!(fails("{{range 9223372036854775807}}{{end}}", &cx).is_limit());
    assert!(fails("{{range 99999}}{{range 99999}}x{{end}}{{end}}", &cx).is_limit());
    assert!(fails("{{$x := \"x\"}}{{range 100}}{{$x = print $x $x}}{{end}}", &cx).is_limit());
    assert!(fails("{{$x := list 1}}{{range 99999}}{{$x = list $x}}{{end}}{{$x}}", &cx).is_limit());
    assert!(fails("{{$d := dict}}{{$_ := set $d \"d\" $d}}{{$d}}", &cx).is_limit());
    let late = Cx::with_time(Duration::ZERO);
    assert!(fails("{{range 9223372036854775807}}{{end}}", &late).message().contains("deadline"));
}

#[test]
fn a_diagnostic_names_the_place_and_the_templates_that_led_there() {
    let texts = [
        ("_helpers.tpl", "{{define \"img\"}}\n  {{.Values.image.tog.x}}{{end}}"),
        ("main", "a: {{include \"img\" .}}"),
    ];
    let error = render(&texts, &Cx::default()).expect_err("a nil in a chain fails");
    let diagnostic = &error.diagnostics()[0];
    assert_eq!(diagnostic.class, Class::Render);
    assert_eq!(diagnostic.message, "nil pointer evaluating interface {}.x");
    assert_eq!(diagnostic.place.to_string(), "_helpers.tpl:2:12");
    assert_eq!(
        diagnostic.hint.as_deref(),
        Some(".Values.image.tog is not set; did you mean .Values.image.tag?")
    );
    assert_eq!(diagnostic.trail.len(), 2);
    assert_eq!(
        error.to_string(),
        "template: main:1:5: executing \"main\" at <include \"img\" .>: error calling include: \
         template: _helpers.tpl:2:11: executing \"img\" at <.Values.image.tog.x>: nil pointer evaluating interface {}.x"
    );
}

#[test]
fn a_misspelt_name_gets_a_hint() {
    let cx = Cx::default();
    assert_eq!(fails("{{qoute 1}}", &cx).hint(), Some("did you mean quote?"));
    let error = fails("{{define \"app.labels\"}}{{end}}{{include \"app.lables\" .}}", &cx);
    assert_eq!(error.hint(), Some("did you mean \"app.labels\"?"));
}

#[test]
fn one_set_serves_several_threads() {
    let mut templates = Templates::new("gotpl", Registry::new(FAMILIES));
    templates.parse("main", b"{{range until 3}}{{.}}{{end}}").expect("the template is good");
    let templates = Arc::new(templates);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let out = Execution::new(&Cx::default()).render(&templates, "main", &Value::Nil);
                assert_eq!(out.ok().as_deref(), Some(&b"012"[..]));
            });
        }
    });
}

#[test]
fn values_whose_shared_parts_multiply_are_refused_soon() {
    let doubled = "{{ $a := dict \"k\" 1 }}{{ $b := dict \"k\" 1 }}\
                   {{ range until 60 }}{{ $a = dict \"x\" $a \"y\" $a }}{{ $b = dict \"x\" $b \"y\" $b }}{{ end }}";
    for call in [
        "toJson $a",
        "toPrettyJson $a",
        "mustToRawJson $a",
        "toYaml $a",
        "toYamlPretty $a",
        "toToml $a",
        "deepCopy $a",
        "print $a",
        "printf \"%v\" $a",
        "toString $a",
        "quote $a",
        "join \",\" (list $a)",
        "$a",
        "deepEqual $a $b",
        "list $a $b | uniq",
        "has $a (list $b)",
        "without (list $a) $b",
        "merge $a $b",
        "mergeOverwrite $a $b",
    ] {
        // The call must end by the limit, not by the deadline.
        let limits = Limits { nodes: 1_000_000, ..Limits::default() };
        let cx = Cx { limits, ..Cx::with_time(Duration::from_secs(600)) };
        let error = fails(&format!("{doubled}{{{{ {call} }}}}"), &cx);
        assert!(error.to_string().contains("limit allows"), "{call}: {error}");
    }
    // Go detects that the map contains itself. helm's toJson and toYaml then return an empty text.
    let own = r#"{{ $d := dict "a" 1 }}{{ $_ := set $d "self" $d }}[{{ toJson $d }}{{ toYaml $d }}]"#;
    let text = render(&[("main", own)], &Cx::with_time(Duration::from_secs(60))).expect("it renders");
    assert_eq!(text, b"[]");
}

#[test]
fn parsing_ends_at_the_deadline_and_many_definitions_cost_no_more_than_their_text() {
    let parse = |text: &str, cx: &Cx| {
        Templates::new("gotpl", Registry::new(FAMILIES)).parse_in("main", text.as_bytes(), cx)
    };
    let definitions: String = (0..100_000).map(|n| format!("{{{{define \"a{n}\"}}}}x{{{{end}}}}")).collect();
    // If each name were compared with all names before it, this would take minutes.
    parse(&definitions, &Cx::with_time(Duration::from_secs(30))).expect("it is parsed in time");
    let variables: String = (0..100_000).map(|n| format!("{{{{ $a{n} := 1 }}}}")).collect();
    let error = parse(&variables, &Cx::with_time(Duration::ZERO)).expect_err("there is no time");
    assert!(error.is_limit() && error.to_string().contains("deadline"), "{error}");
}
