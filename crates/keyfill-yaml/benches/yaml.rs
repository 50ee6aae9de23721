//! Throughput of the loaders, the writer and the split, on text like that of CustomResourceDefinitions.
//!
//! The text is made here; KEYFILL_BENCH_YAML names files (separated by `:`) to use instead.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use keyfill_yaml::{Limits, Step, load_nodes, load_value, locate, split_stream, to_json, to_yaml};
use std::fmt::Write as _;
use std::hint::black_box;

/// A few megabytes of nested schemas with descriptions, as CRDs have them.
fn schemas() -> String {
    let mut out = String::new();
    for crd in 0..24 {
        let _ = write!(
            out,
            "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  annotations:\n    \
             controller-gen.kubebuilder.io/version: v0.16.2\n  name: kind{crd}s.example.org\nspec:\n  group: example.org\n  \
             names:\n    kind: Kind{crd}\n    plural: kind{crd}s\n  scope: Namespaced\n  versions:\n  - name: v1\n    schema:\n      \
             openAPIV3Schema:\n"
        );
        schema(&mut out, 8, 5, crd);
        out.push_str("    served: true\n    storage: true\n");
    }
    out
}

fn schema(out: &mut String, indent: usize, depth: usize, seed: usize) {
    let pad = " ".repeat(indent);
    let _ = writeln!(
        out,
        "{pad}description: |-\n{pad}  Field {seed} says what the controller does when the pod is\n{pad}  gone. More info: https://kubernetes.io/docs/concepts/\n{pad}  It is optional."
    );
    if depth == 0 {
        let kinds = ["string", "integer", "boolean"];
        let _ = writeln!(
            out,
            "{pad}type: {}\n{pad}default: \"{seed}\"\n{pad}maxLength: {}",
            kinds[seed % 3],
            seed * 7
        );
        return;
    }
    let _ = writeln!(out, "{pad}properties:");
    for field in 0..4 {
        let _ = writeln!(out, "{pad}  field{field}Name:");
        schema(out, indent + 4, depth - 1, seed + field);
    }
    let _ = writeln!(
        out,
        "{pad}required:\n{pad}- field0Name\n{pad}- field1Name\n{pad}type: object\n{pad}x-kubernetes-map-type: atomic"
    );
}

fn text() -> String {
    let Some(files) = std::env::var_os("KEYFILL_BENCH_YAML") else { return schemas() };
    let mut out = String::new();
    for file in std::env::split_paths(&files) {
        out.push_str("---\n");
        out.push_str(
            &std::fs::read_to_string(&file).expect("a file that KEYFILL_BENCH_YAML names can be read"),
        );
        out.push('\n');
    }
    out
}

fn benches(c: &mut Criterion) {
    let text = text();
    let limits = Limits::default();
    let nodes = load_nodes(text.as_bytes(), &limits).expect("the text is valid");
    let bodies: Vec<&[u8]> = split_stream(text.as_bytes()).map(|p| &text.as_bytes()[p.body]).collect();
    let values: Vec<_> = bodies.iter().map(|b| load_value(b, &limits).expect("the text is valid")).collect();
    let printed: usize = nodes.iter().map(|n| to_yaml(n).len()).sum();
    let json: usize = values.iter().map(|v| to_json(v).len()).sum();

    let mut group = c.benchmark_group("yaml");
    group.sample_size(20).throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("load_nodes", |b| b.iter(|| load_nodes(black_box(text.as_bytes()), &limits)));
    group.bench_function("load_value", |b| {
        b.iter(|| {
            bodies.iter().map(|body| load_value(black_box(body), &limits)).filter(Result::is_ok).count()
        });
    });
    group.bench_function("split_stream", |b| b.iter(|| split_stream(black_box(text.as_bytes())).count()));
    group.bench_function("locate", |b| b.iter(|| locate(black_box(text.as_bytes()), &[Step::Key("spec")])));
    group.throughput(Throughput::Bytes(printed as u64));
    group.bench_function("to_yaml(nodes)", |b| {
        b.iter(|| nodes.iter().map(|node| to_yaml(black_box(node)).len()).sum::<usize>());
    });
    group.bench_function("to_yaml(values)", |b| {
        b.iter(|| values.iter().map(|value| to_yaml(black_box(value)).len()).sum::<usize>());
    });
    group.throughput(Throughput::Bytes(json as u64));
    group.bench_function("to_json(values)", |b| {
        b.iter(|| values.iter().map(|value| to_json(black_box(value)).len()).sum::<usize>());
    });
    group.finish();
}

/// Throughput at growing size and growing depth: it stays where it is when the cost is linear.
fn growth(c: &mut Criterion) {
    let limits = Limits::default();
    let mut group = c.benchmark_group("yaml growth");
    group.sample_size(10);
    let mut measure = |what: &str, size: usize, text: &str| {
        let nodes = load_nodes(text.as_bytes(), &limits).expect("the text is valid");
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(BenchmarkId::new(format!("load, {what}"), size), |b| {
            b.iter(|| load_nodes(black_box(text.as_bytes()), &limits));
        });
        group.bench_function(BenchmarkId::new(format!("print, {what}"), size), |b| {
            b.iter(|| nodes.iter().map(|node| to_yaml(black_box(node)).len()).sum::<usize>());
        });
    };
    for entries in [25_000, 50_000, 100_000, 200_000] {
        let text: String = (0..entries).map(|n| format!("key{n}: a value of entry {n}\n")).collect();
        measure("entries of one mapping", entries, &text);
    }
    // Flow style, since the indentation of block style makes the text itself grow with the square.
    for depth in [100, 200, 400, 800] {
        let one = format!("- {}x{}\n", "[".repeat(depth), "]".repeat(depth));
        measure("depth", depth, &one.repeat(200_000 / depth));
    }
    group.finish();
}

criterion_group!(group, benches, growth);
criterion_main!(group);
