//! Any template text over any values: no panic, no hang, no more than the limits allow.
//!
//! The input is a template, a zero byte, and YAML.
#![no_main]

use keyfill_diag::{Cx, Limits};
use keyfill_template::function::Registry;
use keyfill_template::funcs::FAMILIES;
use keyfill_template::value::Value;
use keyfill_template::{Execution, MissingKey, Templates};
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

static REGISTRY: LazyLock<Arc<Registry>> = LazyLock::new(|| Arc::new(Registry::new(FAMILIES)));

fuzz_target!(|input: &[u8]| {
    let (text, yaml) = match input.iter().position(|byte| *byte == 0) {
        Some(at) => (&input[..at], &input[at + 1..]),
        None => (input, &b"a: {b: [1, two, null]}"[..]),
    };
    let data = keyfill_yaml::load_value(yaml, &keyfill_yaml::Limits::default())
        .map_or(Value::Nil, |value| Value::from(&value));
    let mut templates = Templates::new("gotpl", Arc::clone(&REGISTRY)).with_missing_key(MissingKey::Zero);
    if templates.parse("main", text).is_err() {
        return;
    }
    let limits = Limits { steps: 100_000, output_bytes: 1 << 20, depth: 200, ..Limits::default() };
    let cx = Cx { limits, ..Cx::with_time(Duration::from_secs(2)) };
    let start = Instant::now();
    if let Ok(out) = Execution::new(&cx).render(&Arc::new(templates), "main", &data) {
        assert!(out.len() <= 4 << 20);
    }
    // Functions that make keys or hash passwords are slow, but must end.
    assert!(start.elapsed() < Duration::from_secs(30));
});
