//! Generates calls of every function, with arguments of the accepted types and of others.

use super::arguments::argument;
use super::calls::{CALLS, CALLS_OF_HELM_4};
use super::case::{Case, Mode};
use super::source::Source;

/// The data that calls refer to: every type that JSON has, and texts that functions understand.
const DATA: &str = r#"{
"nil":null,"t":true,"f":false,"zero":0,"one":1,"n":-7,"half":2.5,"big":1e21,"tiny":1e-9,"e":"","s":"hello world",
"u":"Ünï çødé ǆ ß İ日本 Ⅷ","l":["b","a","c"],"mixed":[1,"two",null,{"k":"v"},[3],true,0,"",1.5,1],"el":[],
"nested":[[1,2],[3]],"m":{"a":1,"b":{"c":"x","d":[1]},"z":""},"em":{},"m2":{"a":0,"b":{"e":false},"new":[1]},
"json":"{\"a\":[1,2.5,\"x\"],\"b\":null}","yaml":"a: 1\nb:\n  - x\n  - y: [1, 2]\n","url":"https://u:p@h.example:8443/a%20b?q=1#top"}"#;

/// A call of a function. Its result is printed with its type, plain and as JSON.
pub fn case(source: &mut Source, mode: Mode) -> Case {
    let known = CALLS.len() + if mode == Mode::Helm4 { CALLS_OF_HELM_4.len() } else { 0 };
    let place = source.below(known);
    let (name, args, open) =
        CALLS.get(place).copied().unwrap_or_else(|| CALLS_OF_HELM_4[place - CALLS.len()]);
    let mut call = name.to_owned();
    for (index, arg) in args.iter().enumerate() {
        let last = index + 1 == args.len();
        let times = if open && last { source.below(4) } else { 1 };
        for _ in 0..times {
            call.push(' ');
            call.push_str(&argument(source, *arg));
        }
    }
    // Sometimes there is one argument too many, or the last one is missing.
    if source.one_in(60) {
        call.push_str(" 1");
    }
    if name.contains('(') {
        call.push(')');
    }
    let show = if source.one_in(3) { "toJson" } else { "toRawJson" };
    let text = format!(
        "{{{{ $r := {call} }}}}{}{{{{ printf \"%T|%v|%q\" $r $r (toString $r) }}}}|{{{{ {show} $r }}}}",
        without_parser_texts(name)
    );
    Case::one(text, DATA)
}

/// The messages of our TOML parser differ from those of Go's, and those of our YAML parser differ if a text is not
/// UTF-8 or ends in the middle of its last line. So only the fact that there is an error is compared.
fn without_parser_texts(name: &str) -> &'static str {
    match name {
        "fromYaml" | "fromToml" => {
            r#"{{ if kindIs "map" $r }}{{ if hasKey $r "Error" }}{{ $r = "error" }}{{ end }}{{ end }}"#
        }
        "fromYamlArray" => {
            r#"{{ if contains "error converting YAML" (toString $r) }}{{ $r = "error" }}{{ end }}"#
        }
        "toToml (fromToml" => r#"{{ if contains "Error = " $r }}{{ $r = "error" }}{{ end }}"#,
        _ => "",
    }
}
