//! No template makes jsonpath panic, run too long, or print too much. The input is a template, a newline, and JSON.
#![no_main]

// The modules of the root package that are fuzzed: a binary cannot be a dependency.
#[allow(dead_code)]
#[path = "../../src/fill/datum.rs"]
mod datum;
#[allow(dead_code)]
#[path = "../../src/fill/json.rs"]
mod json;
#[allow(dead_code)]
#[path = "../../src/fill/jsonpath/mod.rs"]
mod jsonpath;

use json::{Numbers, parse};
use jsonpath::Template;
use keyfill_diag::Cx;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (template, json) = text.split_once('\n').unwrap_or((text, "{}"));
    if let (Ok(template), Ok(value)) = (Template::parse(template), parse(json.as_bytes(), Numbers::Exact)) {
        let _ = template.execute(&value, &Cx::default());
    }
});
