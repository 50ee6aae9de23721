//! The cases of `testdata/language.txt`: outputs and error messages of Go.

use keyfill_diag::Cx;
use keyfill_template::funcs::GO;
use keyfill_template::function::Registry;
use keyfill_template::value::Value;
use keyfill_template::{Error, Execution, MissingKey, Templates};
use std::sync::Arc;

const CASES: &str = include_str!("../testdata/language.txt");
const DATA: &[u8] = include_bytes!("../testdata/data.json");

/// One case of the file.
struct Case<'a> {
    name: &'a str,
    missing_key: MissingKey,
    text: &'a str,
    want: &'a str,
    fails: bool,
}

fn cases() -> Vec<Case<'static>> {
    let read = |block: &'static str| {
        let block = block.strip_suffix('\n').unwrap_or(block);
        let (head, rest) = block.split_once('\n').expect("a case has a name and a text");
        let (name, option) = head.rsplit_once(" (").expect("a case says its missingkey option");
        let missing_key = match option {
            "zero)" => MissingKey::Zero,
            "error)" => MissingKey::Error,
            _ => MissingKey::Default,
        };
        let good = rest.find("\n=\n");
        let at = good.or_else(|| rest.find("\n!\n")).expect("a case has an outcome");
        Case { name, missing_key, text: &rest[..at], want: &rest[at + 3..], fails: good.is_none() }
    };
    CASES.split("\n# ").skip(1).map(read).collect()
}

fn run(case: &Case<'_>) -> Result<Vec<u8>, Error> {
    let data = keyfill_yaml::load_value(DATA, &keyfill_yaml::Limits::default()).expect("the data are JSON");
    let mut templates = Templates::new("root", Registry::new(&[GO])).with_missing_key(case.missing_key);
    templates.parse("main", case.text.as_bytes())?;
    Execution::new(&Cx::default()).render(&Arc::new(templates), "main", &Value::from(&data))
}

#[test]
fn every_case_is_as_in_go() {
    let cases = cases();
    assert!(cases.len() > 90, "{} cases", cases.len());
    for case in &cases {
        let (got, failed) = match run(case) {
            Ok(out) => (String::from_utf8_lossy(&out).into_owned(), false),
            Err(error) => (error.to_string(), true),
        };
        assert_eq!((got.as_str(), failed), (case.want, case.fails), "{}", case.name);
    }
}
