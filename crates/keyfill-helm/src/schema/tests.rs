use super::{Failure, check};
use keyfill_diag::Cx;
use keyfill_template::value::{Map, Value};
use std::time::{Duration, Instant};

/// The problems; or with `!` in front, why the values could not be checked.
fn problems(schema: &str, values: &str) -> String {
    let values = keyfill_yaml::load_value(values.as_bytes(), &keyfill_yaml::Limits::default()).unwrap();
    let Value::Map(values) = Value::from(&values) else { panic!("values are a map") };
    shown(schema, &values)
}

fn shown(schema: &str, values: &Map) -> String {
    match check(schema.as_bytes(), values, &Cx::with_time(Duration::from_secs(20))) {
        Ok(verdict) => verdict.problems.join("\n"),
        Err(Failure::Wrong(why)) => format!("!{why}"),
        Err(Failure::Elsewhere(url)) => format!("!elsewhere {url}"),
        Err(Failure::Stopped(why)) => format!("!{why}"),
    }
}

#[test]
fn rules_hold_as_in_helm() {
    for (schema, good, bad) in [
        (r#"{"properties":{"p":{"type":"integer"}}}"#, "p: 1.0", "p: 1.5"),
        (r#"{"properties":{"p":{"type":["string","null"]}}}"#, "p: null", "p: 1"),
        (r#"{"properties":{"p":{"const":1}}}"#, "p: 1.0", "p: 2"),
        (r#"{"properties":{"p":{"enum":["a",[1]]}}}"#, "p: [1.0]", "p: b"),
        (r#"{"properties":{"p":{"minimum":2,"exclusiveMaximum":3}}}"#, "p: 2", "p: 3"),
        (r#"{"properties":{"p":{"minimum":-1e400,"maximum":1e3}}}"#, "p: 1000", "p: 1001"),
        (r#"{"properties":{"p":{"maximum":1e400},"q":{"minimum":1e400}}}"#, "p: 1", "q: 1"),
        (r#"{"properties":{"p":{"maxItems":1e400}}}"#, "p: []", "p: [1]"),
        (r#"{"properties":{"p":{"minItems":1e19,"maxItems":1}}}"#, "p: []", "p: [1, 2]"),
        (r#"{"properties":{"p":{"multipleOf":0.1}}}"#, "p: 0.3", "p: 0.35"),
        (r#"{"properties":{"p":{"minLength":2,"maxLength":3}}}"#, "p: äöü", "p: a"),
        (r#"{"properties":{"p":{"pattern":"[\\d-\\w]$"}}}"#, "p: a1-", "p: a1!"),
        (r#"{"properties":{"p":{"uniqueItems":true}}}"#, "p: [1, 2]", "p: [1, 1.0]"),
        (r#"{"properties":{"p":{"prefixItems":[{}],"items":{"type":"string"}}}}"#, "p: [1, a]", "p: [1, 2]"),
        (r#"{"properties":{"p":{"contains":{"const":1},"minContains":2}}}"#, "p: [1, 1]", "p: [1]"),
        (r#"{"required":["p"]}"#, "p: 1", "q: 1"),
        (r#"{"patternProperties":{"^x":{"type":"number"}},"additionalProperties":false}"#, "x1: 1", "y: 1"),
        (r#"{"propertyNames":{"maxLength":2}}"#, "ab: 1", "abc: 1"),
        (r#"{"dependentRequired":{"a":["b"]}}"#, "{a: 1, b: 1}", "a: 1"),
        (r#"{"dependentSchemas":{"a":{"required":["b"]}}}"#, "{a: 1, b: 1}", "a: 1"),
        (r#"{"dependencies":{"a":["b"]}}"#, "{a: 1, b: 1}", "a: 1"),
        (r#"{"if":{"required":["a"]},"then":{"required":["b"]},"else":{"required":["c"]}}"#, "c: 1", "a: 1"),
        (r#"{"not":{"required":["a"]}}"#, "b: 1", "a: 1"),
        (r##"{"$ref":"#/$defs/x","$defs":{"x":{"required":["a"]}}}"##, "a: 1", "b: 1"),
        (r##"{"$ref":"#x","$defs":{"x":{"$anchor":"x","required":["a"]}}}"##, "a: 1", "b: 1"),
        (
            r##"{"$id":"https://e.org/a","$ref":"b","$defs":{"x":{"$id":"b","required":["a"]}}}"##,
            "a: 1",
            "b: 1",
        ),
        (r#"{"allOf":[{"properties":{"a":{}}}],"unevaluatedProperties":false}"#, "a: 1", "b: 1"),
        (
            r#"{"$schema":"http://json-schema.org/draft-04/schema#","properties":{"p":{"additionalProperties":false}}}"#,
            "p: {}",
            "p: {a: 1}",
        ),
        (
            r#"{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"p":{"format":"ipv4"}}}"#,
            "p: 10.0.0.1",
            "p: ten",
        ),
        (
            r#"{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"p":{"items":[{"type":"string"}],"additionalItems":false}}}"#,
            "p: [a]",
            "p: [a, b]",
        ),
    ] {
        assert_eq!(problems(schema, good), "", "{schema} {good}");
        let said = problems(schema, bad);
        assert!(!said.is_empty() && !said.starts_with('!'), "{schema} {bad}: {said}");
    }
}

#[test]
fn properties_and_branches_are_named() {
    let schema = r##"{"type":"object","additionalProperties":false,"allOf":[{"$ref":"#/$defs/v"}],"$defs":{"v":{"properties":{"image":{}}}}}"##;
    assert_eq!(problems(schema, "imagee: 1"), "- at '': additional properties 'imagee' not allowed");
    let schema =
        r#"{"properties":{"auth":{"oneOf":[{"required":["secret"]},{"required":["user","password"]}]}}}"#;
    assert_eq!(
        problems(schema, "auth: {user: x}"),
        "- at '/auth': 'oneOf' failed, none matched\n  - at '/auth': missing property 'secret'\n  - at '/auth': missing property 'password'"
    );
    let schema =
        r#"{"properties":{"a":{"anyOf":[{"type":"string"},{"properties":{"b":{"type":"integer"}}}]}}}"#;
    assert!(problems(schema, "a: {b: x}").ends_with("  - at '/a/b': got string, want integer"));
}

#[test]
fn an_invalid_schema_is_reported_with_the_place_of_the_error() {
    for (schema, why) in [
        (
            r#"{"properties":{"a":{"properties":{"p":{"title":1}}}}}"#,
            "!at /properties/a/properties/p/title: got number, want string",
        ),
        (r#"{"type":"text"}"#, "!at /type: value must be one of"),
        (r#"{"required":"a"}"#, "!at /required: got string, want array"),
        (r#"{"minLength":-1}"#, "!at /minLength: minimum: got -1, want 0"),
        (r#"{"anyOf":[]}"#, "!at /anyOf: minItems: got 0, want 1"),
        (
            r#"{"$schema":"http://json-schema.org/draft-07/schema#","enum":[]}"#,
            "!at /enum: minItems: got 0, want 1",
        ),
        (r#"{"properties":{"a":1}}"#, "!at /properties/a: got number, want boolean or object"),
        (r#"{"pattern":"a++"}"#, "!at /pattern: 'a++' is not a regular expression of Go"),
        (r#"{"patternProperties":{"(?!a)":{}}}"#, "!at /patternProperties: '(?!a)'"),
        (r##"{"$ref":"#/nowhere"}"##, "!at /nowhere: a reference points here"),
        (r##"{"$id":"#x"}"##, "!at /$id: '#x' does not match pattern"),
        (r#"{"$anchor":"a b"}"#, "!at /$anchor: 'a b' does not match pattern"),
        (r#"{"items":[{}]}"#, "!at /items: got array, want boolean or object"),
        (r#"{"#, "!it is not JSON"),
    ] {
        let said = problems(schema, "a: 1");
        assert!(said.starts_with(why), "{schema}: {said}");
    }
}

#[test]
fn other_documents_are_named_and_urns_ignored() {
    assert_eq!(problems(r#"{"$ref":"http://e.org/p.json"}"#, "a: 1"), "!elsewhere http://e.org/p.json");
    assert_eq!(problems(r#"{"$ref":"p.json#/x"}"#, "a: 1"), "!elsewhere file:///p.json");
    assert_eq!(problems(r#"{"$ref":"http://json-schema.org/draft-07/schema#"}"#, "type: object"), "");
    assert!(!problems(r#"{"$ref":"http://json-schema.org/draft-07/schema#"}"#, "type: 1").is_empty());
    let verdict = check(br#"{"$ref":"urn:example:x"}"#, &Map::new(), &Cx::default());
    assert!(verdict.is_ok_and(|verdict| verdict.ignored.contains("urn:example:x")));
}

#[test]
fn definitions_that_refer_to_each_other_many_times_cost_little() {
    let start = Instant::now();
    let mut defs: Vec<String> = (0..60)
        .map(|n| {
            format!(
                r##""d{n}":{{"anyOf":[{{"$ref":"#/$defs/d{}"}},{{"$ref":"#/$defs/d{}"}}]}}"##,
                n + 1,
                n + 1
            )
        })
        .collect();
    defs.push(r#""d60":{"type":"string"}"#.into());
    let schema =
        format!(r##"{{"properties":{{"p":{{"$ref":"#/$defs/d0"}}}},"$defs":{{{}}}}}"##, defs.join(","));
    let said = problems(&schema, "p: 1");
    assert!(said.lines().count() < 100 && said.contains("'anyOf' failed"), "{said}");
    // The same with nested values.
    let schema = r##"{"$defs":{"n":{"properties":{"a":{"anyOf":[{"$ref":"#/$defs/n"},{"$ref":"#/$defs/n"}]}},"additionalProperties":{"type":"string"}}},"$ref":"#/$defs/n"}"##;
    let mut values = "{b: 1}".to_owned();
    for _ in 0..80 {
        values = format!("{{a: {values}}}");
    }
    assert!(!problems(schema, &values).is_empty());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn circular_references_and_long_chains_end() {
    assert!(!problems(r##"{"$ref":"#"}"##, "a: 1").is_empty());
    let chain: Vec<String> =
        (0..15_000).map(|n| format!(r##""d{n}":{{"$ref":"#/$defs/d{}"}}"##, n + 1)).collect();
    let schema =
        format!(r##"{{"$ref":"#/$defs/d0","$defs":{{{},"d15000":{{"type":"string"}}}}}}"##, chain.join(","));
    assert!(problems(&schema, "a: 1").contains("got object, want string"));
}

#[test]
fn a_check_stops_when_the_deadline_is_exceeded() {
    let cx = Cx::with_time(Duration::ZERO);
    assert!(matches!(check(b"{}", &Map::new(), &cx), Err(Failure::Stopped(_))));
}
