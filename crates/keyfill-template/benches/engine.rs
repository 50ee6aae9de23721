//! Parsing and executing one template. `go test -bench .` in `tests/oracles/template` does the same with Go.
#![allow(missing_docs)]

use criterion::{Criterion, criterion_group, criterion_main};
use keyfill_diag::Cx;
use keyfill_template::funcs::FAMILIES;
use keyfill_template::function::Registry;
use keyfill_template::value::Value;
use keyfill_template::{Execution, MissingKey, Templates};
use std::hint::black_box;
use std::sync::Arc;

const TEXT: &[u8] = include_bytes!("deployment.tpl");
const VALUES: &[u8] = include_bytes!("values.json");

fn engine(criterion: &mut Criterion) {
    let empty = Templates::new("root", Registry::new(FAMILIES)).with_missing_key(MissingKey::Zero);
    let values =
        keyfill_yaml::load_value(VALUES, &keyfill_yaml::Limits::default()).expect("the values are JSON");
    let values = Value::from(&values);
    criterion.bench_function("parse", |bencher| {
        bencher.iter(|| {
            let mut templates = empty.clone();
            templates.parse("main", black_box(TEXT)).expect("the template is good");
            templates
        });
    });
    let mut templates = empty.clone();
    templates.parse("main", TEXT).expect("the template is good");
    let templates = Arc::new(templates);
    let mut execution = Execution::new(&Cx::with_time(std::time::Duration::from_secs(3_600)));
    criterion.bench_function("execute", |bencher| {
        bencher.iter(|| {
            // Each execution has its own limits. Only the deadline is shared here.
            execution = Execution::new(&execution.cx().clone());
            execution.render(&templates, "main", black_box(&values)).expect("the template executes")
        });
    });
}

criterion_group!(benches, engine);
criterion_main!(benches);
