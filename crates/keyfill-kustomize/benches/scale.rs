//! Cost by size: resources, patches, bases inside each other, files. Each is measured at several sizes, so that
//! it shows when it grows faster than the input.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use keyfill_diag::Cx;
use keyfill_files::{MemoryFiles, TreePath};
use keyfill_kustomize::{BuildRequest, Outside, build};
use keyfill_yaml::{Body, to_yaml};
use std::fmt::Write as _;
use std::time::Duration;

fn deployment(n: usize) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web-{n}\n  labels: {{app: web-{n}}}\nspec:\n  replicas: 2\n  \
         selector:\n    matchLabels: {{app: web-{n}}}\n  template:\n    metadata:\n      labels: {{app: web-{n}}}\n    spec:\n      \
         containers:\n      - name: web\n        image: registry.example.com/team/web:v1\n        envFrom:\n        - configMapRef: \
         {{name: settings-{n}}}\n        ports:\n        - {{containerPort: 8080, name: http}}\n"
    )
}

fn config_map(n: usize) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings-{n}\ndata:\n  level: info\n  number: \"{n}\"\n"
    )
}

/// Deployments and config maps that they refer to, in one file, with all names, labels and images changed.
fn resources(count: usize) -> MemoryFiles {
    let mut text = String::new();
    for n in 0..count / 2 {
        let _ = writeln!(text, "{}---\n{}---", deployment(n), config_map(n));
    }
    let kustomization = "resources: [all.yaml]\nnamePrefix: a-\nnamespace: one\nlabels: [{pairs: {team: x}, includeSelectors: true}]\n\
                         images: [{name: registry.example.com/team/web, newTag: v2}]\n";
    tree([("kustomization.yaml".to_owned(), kustomization.to_owned()), ("all.yaml".to_owned(), text)])
}

/// A patch for each of as many deployments, in turn a merge and a JSON patch.
fn patches(count: usize) -> MemoryFiles {
    let mut kustomization = "resources: [all.yaml]\npatches:\n".to_owned();
    let mut text = String::new();
    for n in 0..count {
        let _ = writeln!(text, "{}---", deployment(n));
        let patch = if n % 2 == 0 {
            format!(
                "- patch: |-\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {{name: web-{n}}}\n    spec: {{replicas: {n}}}\n"
            )
        } else {
            format!(
                "- target: {{kind: Deployment, name: web-{n}}}\n  patch: '[{{\"op\": \"replace\", \"path\": \"/spec/replicas\", \
                 \"value\": {n}}}]'\n"
            )
        };
        kustomization.push_str(&patch);
    }
    tree([("kustomization.yaml".to_owned(), kustomization), ("all.yaml".to_owned(), text)])
}

/// Bases inside each other; each adds a deployment and changes the names of all below.
fn bases(count: usize) -> MemoryFiles {
    let mut files = Vec::new();
    let mut folder = String::new();
    for n in 0..count {
        let below = if n + 1 < count { ", base" } else { "" };
        let text = format!("resources: [own.yaml{below}]\nnamePrefix: p-\n");
        files.push((format!("{folder}kustomization.yaml"), text));
        files.push((format!("{folder}own.yaml"), format!("{}---\n{}", deployment(n), config_map(n))));
        folder.push_str("base/");
    }
    tree(files)
}

/// A resource in each of many files.
fn files(count: usize) -> MemoryFiles {
    let mut list = "resources:\n".to_owned();
    let mut all = Vec::new();
    for n in 0..count {
        let _ = writeln!(list, "- r{n}.yaml");
        all.push((format!("r{n}.yaml"), config_map(n)));
    }
    all.push(("kustomization.yaml".to_owned(), list));
    tree(all)
}

fn tree(files: impl IntoIterator<Item = (String, String)>) -> MemoryFiles {
    files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect()
}

/// Builds a tree and writes it.
fn run(files: &MemoryFiles) -> usize {
    let request = BuildRequest { root: Some(TreePath::root()), ..BuildRequest::default() };
    let built = build(files, &request, Outside::default(), &Cx::default()).expect("the tree builds");
    let size = |body: &Body| match body {
        Body::Raw(bytes) => bytes.len(),
        Body::Tree(node) => to_yaml(&**node).len(),
    };
    built.documents.iter().map(|d| size(&d.body)).sum()
}

fn scale(c: &mut Criterion) {
    type Make = fn(usize) -> MemoryFiles;
    let rows: [(&str, [usize; 3], Make); 4] = [
        ("resources", [1_000, 2_000, 4_000], resources),
        ("patches", [250, 500, 1_000], patches),
        ("bases", [12, 25, 50], bases),
        ("files", [2_500, 5_000, 10_000], files),
    ];
    for (name, sizes, make) in rows {
        let mut group = c.benchmark_group(name);
        group
            .sample_size(10)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(2));
        for size in sizes {
            let files = make(size);
            // Each base changes the names of all below it: the work is what is renamed, not how many they are.
            let work = if name == "bases" { size * (size + 1) } else { size };
            group.throughput(Throughput::Elements(work as u64));
            group.bench_with_input(BenchmarkId::from_parameter(size), &files, |b, files| {
                b.iter(|| run(files));
            });
        }
        group.finish();
    }
}

criterion_group!(all, scale);
criterion_main!(all);
