//! Inputs of an author that would overflow the stack or take very long, and the errors that they end with.

use keyfill_diag::{Class, Cx, Report as _};
use keyfill_files::{MemoryFiles, TreePath};
use keyfill_kustomize::{BuildRequest, Built, Error, Outside, build};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

fn run(tree: &[(String, String)], cx: &Cx) -> Result<Built, Error> {
    let files: MemoryFiles = tree.iter().map(|(path, text)| (path.as_str(), text.clone())).collect();
    let request = BuildRequest { root: Some(TreePath::root()), ..BuildRequest::default() };
    build(&files, &request, Outside::default(), cx)
}

fn file(path: &str, text: impl Into<String>) -> (String, String) {
    (path.to_owned(), text.into())
}

fn map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{a: b}}\n---\n")
}

fn message(tree: &[(String, String)]) -> String {
    run(tree, &Cx::default()).expect_err("it is refused").message().to_owned()
}

/// Checks that the build stops soon after its deadline, with an error that says so.
fn ends_at_its_deadline(tree: &[(String, String)]) {
    let start = Instant::now();
    let error = run(tree, &Cx::with_time(Duration::from_millis(300))).expect_err("it takes longer");
    assert_eq!(error.class(), Class::Other, "{error}");
    assert!(error.message().contains("deadline"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(20), "it ended after {:?}", start.elapsed());
}

#[test]
fn many_patches_over_many_resources_end_at_the_deadline() {
    let resources: String = (0..4_000).map(|n| map(&format!("m{n}"))).collect();
    let json = "- target: {name: \".*\"}\n  patch: \"- {op: add, path: /data/x, value: y}\"\n";
    let merge = "- target: {kind: ConfigMap}\n  patch: \"{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {c: d}}\"\n";
    for patch in [json, merge] {
        let text = format!("resources: [r.yaml]\npatches:\n{}", patch.repeat(4_000));
        ends_at_its_deadline(&[file("kustomization.yaml", text), file("r.yaml", resources.clone())]);
    }
}

#[test]
fn many_images_and_labels_over_many_resources_end_at_the_deadline() {
    let resources: String = (0..4_000).map(|n| map(&format!("m{n}"))).collect();
    let mut images = String::from("resources: [r.yaml]\nimages:\n");
    let mut labels = String::from("resources: [r.yaml]\nlabels:\n");
    for n in 0..4_000 {
        writeln!(images, "- {{name: 'a(b|c){n}', newTag: x}}").expect("a string");
        writeln!(labels, "- pairs: {{l{n}: x}}").expect("a string");
    }
    for text in [images, labels] {
        ends_at_its_deadline(&[file("kustomization.yaml", text), file("r.yaml", resources.clone())]);
    }
}

#[test]
fn a_merge_of_lists_without_keys_ends_at_the_deadline() {
    let items =
        |letter: char| (0..6_000).map(|n| format!("{{containerPort: {n}, {letter}: x}}")).collect::<Vec<_>>();
    let pod = |letter| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n  - name: c\n    ports: [{}]\n",
            items(letter).join(",")
        )
    };
    let text = "resources: [r.yaml]\npatches: [{path: p.yaml}]\n";
    ends_at_its_deadline(&[
        file("kustomization.yaml", text),
        file("r.yaml", pod('a')),
        file("p.yaml", pod('b')),
    ]);
}

#[test]
fn objects_cannot_become_nested_deeper_than_the_parser_allows() {
    let nested = |levels: usize| format!("{}{}", "{\"x\":".repeat(levels) + "1", "}".repeat(levels));
    let mut operations = Vec::new();
    for n in 0..50 {
        let path = format!("/data{}", "/x".repeat(1 + 100 * n));
        operations.push(format!("{{\"op\":\"add\",\"path\":\"{path}\",\"value\":{}}}", nested(100)));
    }
    let patch = format!("[{}]", operations.join(","));
    let text = "resources: [r.yaml]\npatches:\n- path: p.json\n  target: {kind: ConfigMap}\n";
    let tree = [file("kustomization.yaml", text), file("r.yaml", map("m")), file("p.json", patch)];
    assert!(message(&tree).contains("nested deeper"), "{}", message(&tree));

    let path = format!("data{}", ".x".repeat(100_000));
    let text = format!(
        "resources: [r.yaml]\nreplacements:\n- source: {{kind: ConfigMap, fieldPath: metadata}}\n  targets:\n  - select: {{kind: ConfigMap}}\n    fieldPaths: [{path}]\n    options: {{create: true}}\n"
    );
    let tree = [file("kustomization.yaml", text), file("r.yaml", map("m"))];
    assert!(message(&tree).contains("nested deeper"));

    let path = format!("data{}", "/x".repeat(100_000));
    let text = format!(
        "resources: [r.yaml]\nlabels:\n- pairs: {{a: b}}\n  fields:\n  - {{path: {path}, create: true}}\n"
    );
    let tree = [file("kustomization.yaml", text), file("r.yaml", map("m"))];
    assert!(message(&tree).contains("steps"));
}

#[test]
fn documents_nested_too_deep_are_refused_in_every_field() {
    let deep = "- ".repeat(200_000);
    let head = "resources: [r.yaml]\n";
    for text in [
        "patches: [{path: x.yaml}]\n",
        "patchesStrategicMerge: [x.yaml]\n",
        "patchesJson6902: [{path: x.yaml, target: {version: v1, kind: ConfigMap, name: m}}]\n",
        "replacements: [{path: x.yaml}]\n",
        "configurations: [x.yaml]\n",
        "crds: [x.yaml]\n",
        "transformers: [x.yaml]\n",
        "openapi: {path: x.yaml}\n",
    ] {
        let tree = [
            file("kustomization.yaml", format!("{head}{text}")),
            file("r.yaml", map("m")),
            file("x.yaml", deep.clone()),
        ];
        assert!(message(&tree).contains("nested deeper"), "{text}: {}", message(&tree));
    }
    let tree = [file("kustomization.yaml", deep)];
    assert!(message(&tree).contains("nested deeper"));
}

#[test]
fn components_that_each_list_the_next_one_twice_are_refused() {
    let component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n";
    let mut tree = vec![
        file("kustomization.yaml", "resources: [r.yaml]\ncomponents: [c0, c0]\n"),
        file("r.yaml", map("m")),
    ];
    for n in 0..40 {
        let next = format!("../c{}", n + 1);
        tree.push(file(
            &format!("c{n}/kustomization.yaml"),
            format!("{component}components: [{next}, {next}]\n"),
        ));
    }
    tree.push(file("c40/kustomization.yaml", format!("{component}commonAnnotations: {{a: b}}\n")));
    assert!(message(&tree).contains("kustomizations are built"), "{}", message(&tree));
}

#[test]
fn definitions_that_each_refer_to_the_next_one_twice_are_refused() {
    let mut crds = String::from(
        "T: {Schema: {properties: {kind: {}, apiVersion: {}, metadata: {}, a: {$ref: D0}, b: {$ref: D0}}}}\n",
    );
    for n in 0..50 {
        let next = n + 1;
        writeln!(crds, "D{n}: {{Schema: {{properties: {{a: {{$ref: D{next}}}, b: {{$ref: D{next}}}}}}}}}")
            .expect("a string");
    }
    let tree = [
        file("kustomization.yaml", "resources: [r.yaml]\ncrds: [c.yaml]\n"),
        file("r.yaml", map("m")),
        file("c.yaml", crds),
    ];
    assert!(message(&tree).contains("refer to each other"), "{}", message(&tree));
}

#[test]
fn variables_without_a_closing_bracket_take_no_quadratic_time() {
    let text = "$(".repeat(500_000);
    let resources = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {{containers: [{{name: c, command: [\"{text}\"]}}]}}\n"
    );
    let kustomization =
        "resources: [r.yaml]\nvars:\n- name: A\n  objref: {kind: Pod, name: p, apiVersion: v1}\n";
    let tree = [file("kustomization.yaml", kustomization), file("r.yaml", resources)];
    assert!(run(&tree, &Cx::default()).is_ok());
}

#[test]
fn long_names_are_cut_in_messages() {
    let long = "x".repeat(1_000_000);
    let patch = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {long}}}\n");
    let tree = [
        file("kustomization.yaml", "resources: [r.yaml]\npatches: [{path: p.yaml}]\n"),
        file("r.yaml", map(&format!("{long}y"))),
        file("p.yaml", patch),
    ];
    assert!(message(&tree).len() < 10_000);
}

#[test]
fn many_paths_into_a_large_document_in_a_field_end_at_the_deadline() {
    let document = format!(r#"{{"a": 1, "b": [{}1]}}"#, "1,".repeat(100_000));
    let resource =
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{a: b, j: '{document}'}}\n");
    let paths = "data.j.a,".repeat(3_000);
    let text = format!(
        "resources: [r.yaml]\nreplacements:\n- source: {{kind: ConfigMap, name: c, fieldPath: data.a}}\n  targets:\n  - select: {{kind: ConfigMap}}\n    fieldPaths: [{paths}]\n"
    );
    ends_at_its_deadline(&[file("kustomization.yaml", text), file("r.yaml", resource)]);
}
