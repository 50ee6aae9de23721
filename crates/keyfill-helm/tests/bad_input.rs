//! Hostile and broken charts give a clear error, soon, and with limited memory.

#![allow(clippy::unwrap_used)]

use flate2::Compression;
use flate2::write::GzEncoder;
use keyfill_diag::{Class, Cx, Report as _};
use keyfill_files::{MemoryFiles, NoFetch, TreePath};
use keyfill_helm::{Error, HelmCompat, TemplateRequest, ValuesSource, template};
use std::io::Write as _;
use std::time::{Duration, Instant};

const CHART: &str = "apiVersion: v2\nname: bad\nversion: 1.0.0\n";

fn chart(files: &[(&str, &[u8])]) -> MemoryFiles {
    let mut tree: MemoryFiles = [("Chart.yaml", CHART)].into_iter().collect();
    for (path, content) in files {
        tree.insert(TreePath::new(path).unwrap(), content.to_vec());
    }
    tree
}

/// The error of a chart, which must be returned within some seconds.
fn error_of(tree: &MemoryFiles, request: &TemplateRequest) -> Error {
    let start = Instant::now();
    let mut cx = Cx::with_time(Duration::from_secs(4));
    cx.limits.output_bytes = 32 << 20;
    let error = template(tree, request, &NoFetch, &cx).expect_err("the chart is bad");
    assert!(start.elapsed() < Duration::from_secs(8), "took {:?}: {error}", start.elapsed());
    error
}

fn fails(files: &[(&str, &[u8])], piece: &str) {
    let error = error_of(&chart(files), &TemplateRequest::new(TreePath::root()));
    assert!(error.to_string().contains(piece), "{error} does not hold {piece:?}");
    assert_eq!(error.class(), Class::Render, "{error}");
}

fn template_fails(text: &str, piece: &str) {
    fails(&[("templates/x.yaml", text.as_bytes())], piece);
}

#[test]
fn endless_recursion_ends() {
    template_fails(r#"{{ define "r" }}{{ include "r" . }}{{ end }}{{ include "r" . }}"#, "nested");
    template_fails(r#"{{ define "r" }}{{ template "r" . }}{{ end }}{{ template "r" . }}"#, "depth");
    template_fails(
        r#"{{ define "a" }}{{ include "b" . }}{{ end }}{{ define "b" }}{{ include "a" . }}{{ end }}{{ include "a" . }}"#,
        "",
    );
}

#[test]
fn tpl_bombs_end() {
    let values = b"x: '{{ tpl .Values.x . }}{{ tpl .Values.x . }}'\n";
    fails(&[("values.yaml", values), ("templates/x.yaml", b"{{ tpl .Values.x . }}")], "");
    // Every level calls the next one ten times.
    let mut values = String::from("a12: '.'\n");
    for n in 0..12 {
        values.push_str(&format!("a{n}: '{}'\n", format!("{{{{ tpl .Values.a{} . }}}}", n + 1).repeat(10)));
    }
    let root = b"{{ tpl .Values.a0 . }}";
    fails(&[("values.yaml", values.as_bytes()), ("templates/x.yaml", root)], "");
}

#[test]
fn huge_results_are_refused() {
    template_fails(r#"{{ repeat 2000000000 "x" }}"#, "");
    template_fails("{{ until 2000000000 }}", "");
    template_fails("{{ untilStep 0 2000000000 1 }}", "");
    template_fails(
        r#"{{ $s := "xxxxxxxx" }}{{ range until 60 }}{{ $s = print $s $s }}{{ end }}{{ $s }}"#,
        "",
    );
    template_fails(
        r#"{{ $l := list 1 }}{{ range until 60 }}{{ $l = concat $l $l }}{{ end }}{{ len $l }}"#,
        "",
    );
    template_fails(
        "{{ range until 10000 }}{{ range until 10000 }}{{ range until 10000 }}{{ end }}{{ end }}{{ end }}",
        "",
    );
    template_fails(r#"{{ range until 100000 }}{{ printf "%1000d" 1 }}{{ end }}"#, "");
    template_fails(r#"{{ printf "%999999999d" 1 }}{{ fail "too wide is not printed" }}"#, "");
}

#[test]
fn values_that_contain_themselves_are_refused() {
    template_fails(r#"{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ toYaml $d }}{{ fail "seen" }}"#, "seen");
    template_fails(r#"{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ $d }}"#, "");
    template_fails(r#"{{ $_ := set .Values "v" .Values }}{{ deepCopy .Values }}"#, "");
}

#[test]
fn values_must_be_a_map() {
    fails(&[("values.yaml", b"- a\n")], "must be a map");
    fails(&[("values.yaml", b"just text\n")], "must be a map");
    fails(&[("values.yaml", b"a: [\n")], "cannot load values.yaml");
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..12 {
        let item = format!("*a{}", n - 1);
        bomb.push_str(&format!("a{n}: &a{n} [{}]\n", vec![item; 10].join(", ")));
    }
    fails(&[("values.yaml", bomb.as_bytes())], "cannot load values.yaml");
    let nested = format!("a: {}1{}\n", "[".repeat(5_000), "]".repeat(5_000));
    fails(&[("values.yaml", nested.as_bytes())], "cannot load values.yaml");
}

#[test]
fn user_values_are_limited_and_never_shown() {
    let tree = chart(&[]);
    let mut request = TemplateRequest::new(TreePath::root());
    request.values.push(ValuesSource::Set("a[70000]=hush".into()));
    let error = error_of(&tree, &request);
    assert_eq!(error.class(), Class::Usage);
    assert!(!format!("{error:?}{error}{request:?}").contains("hush"), "{error:?}");
}

#[test]
fn lists_that_an_index_fills_are_limited() {
    let mut request = TemplateRequest::new(TreePath::root());
    let lists: Vec<String> = (0..400).map(|n| format!("a[{n}][65535]=1")).collect();
    request.values.push(ValuesSource::Set(lists.join(",")));
    assert!(error_of(&chart(&[]), &request).to_string().contains("4000000 items"));
}

#[test]
fn aliases_of_aliases_are_limited() {
    let mut files: Vec<(String, String)> = Vec::new();
    let mut folder = String::new();
    for _ in 0..24 {
        let text = "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies:\n\
                    - {name: c, version: 1.0.0, alias: a}\n- {name: c, version: 1.0.0, alias: b}\n";
        files.push((format!("{folder}Chart.yaml"), text.into()));
        folder.push_str("charts/c/");
    }
    files.push((format!("{folder}Chart.yaml"), "apiVersion: v2\nname: c\nversion: 1.0.0\n".into()));
    let tree: MemoryFiles = files.into_iter().collect();
    let request = TemplateRequest::new(TreePath::root());
    assert!(error_of(&tree, &request).to_string().contains("more than 20000 charts"));
}

#[test]
fn values_of_many_entries_merge_in_time() {
    let many: String = (0..200_000).map(|n| format!("key{n}: {n}\n")).collect();
    let mut request = TemplateRequest::new(TreePath::root());
    for name in ["a", "b"] {
        request.values.push(ValuesSource::Text { name: name.into(), text: many.clone() });
    }
    let flags: Vec<String> = (0..100_000).map(|n| format!("key{n}=1")).collect();
    request.values.push(ValuesSource::Set(flags.join(",")));
    let cx = Cx::with_time(Duration::from_secs(20));
    assert!(template(&chart(&[]), &request, &NoFetch, &cx).is_ok());
}

#[test]
fn globals_of_many_subcharts_end_at_the_deadline() {
    let globals: String = (0..2_000).map(|n| format!("  k{n}: {{a: {{b: c}}}}\n")).collect();
    let mut tree = chart(&[("values.yaml", format!("global:\n{globals}").as_bytes())]);
    for n in 0..1_500 {
        let chart = format!("apiVersion: v2\nname: s{n}\nversion: 1.0.0\n");
        tree.insert(TreePath::new(&format!("charts/s{n}/Chart.yaml")).unwrap(), chart.into_bytes());
    }
    let start = Instant::now();
    let cx = Cx::with_time(Duration::from_millis(300));
    let error = template(&tree, &TemplateRequest::new(TreePath::root()), &NoFetch, &cx).expect_err("no time");
    assert!(error.to_string().contains("deadline"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(3), "it ended after {:?}", start.elapsed());
}

#[test]
fn large_texts_written_many_times_are_refused() {
    let big = r#"{{ $s := repeat 10000000 "x" }}{{ $l := list }}{{ range until 1000 }}{{ $l = append $l $s }}{{ end }}"#;
    for write in
        ["toYaml $l", "toJson $l", "toYamlPretty $l", "print $l", "join \"\" $l", "toToml (dict \"a\" $l)"]
    {
        template_fails(&format!("{big}{{{{ {write} }}}}"), "");
    }
    let verbs = "%[1]s".repeat(100);
    template_fails(&format!(r#"{{{{ $s := repeat 10000000 "x" }}}}{{{{ printf "{verbs}" $s }}}}"#), "");
    let padded = "%[1]1000000d".repeat(1_000);
    template_fails(&format!(r#"{{{{ printf "{padded}" 1 }}}}"#), "");
    template_fails(r#"{{ splitList "," (repeat 30000000 ",") }}"#, "");
}

#[test]
fn paths_outside_the_tree_are_forbidden() {
    let tree = chart(&[("sub/Chart.yaml", b"apiVersion: v2\nname: sub\nversion: 1.0.0\ndependencies:\n- {name: x, version: 1.0.0, repository: 'file://../../x'}\n")]);
    let error = error_of(&tree, &TemplateRequest::new(TreePath::new("sub").unwrap()));
    assert!(error.to_string().contains("outside the tree"), "{error}");
}

/// An archive with entries of any name: `tar`'s own builder would refuse the bad ones.
fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = GzEncoder::new(Vec::new(), Compression::fast());
    for (name, data) in entries {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        zip.write_all(header.as_bytes()).unwrap();
        zip.write_all(data).unwrap();
        zip.write_all(&vec![0; (512 - data.len() % 512) % 512]).unwrap();
    }
    zip.write_all(&[0; 1024]).unwrap();
    zip.finish().unwrap()
}

const SUB: &[u8] = b"apiVersion: v2\nname: sub\nversion: 1.0.0\n";

#[test]
fn paths_in_archives_may_not_leave_the_chart() {
    for (name, piece) in [
        ("sub/../../etc/passwd", "parent directory"),
        ("sub//etc/passwd", "absolute"),
        ("sub/..", "parent directory"),
        ("sub/.", "outside the base directory"),
        ("sub", "outside the base directory"),
        ("sub\\..\\..\\x", "parent directory"),
        ("sub/c:/x", "illegally named"),
        ("Chart.yaml/x", "not in base directory"),
    ] {
        let data = archive(&[("sub/Chart.yaml", SUB), (name, b"x")]);
        fails(&[("charts/sub.tgz", &data)], piece);
    }
}

#[test]
fn broken_archives_are_refused() {
    let whole = archive(&[("sub/Chart.yaml", SUB), ("sub/templates/x.yaml", b"a: 1\n")]);
    fails(&[("charts/sub.tgz", &whole[..whole.len() / 2])], "broken");
    fails(&[("charts/sub.tgz", b"\x1f\x8b\x08 not gzip at all")], "broken");
    fails(&[("charts/sub.tgz", b"plain")], "not gzipped");
    fails(&[("charts/sub.tgz", &archive(&[]))], "no files");
    fails(&[("charts/sub.tgz", &archive(&[("sub/README.md", b"x")]))], "Chart.yaml file is missing");
}

#[test]
fn archives_that_unpack_to_too_much_are_refused() {
    // helm 3 limits the size of each file, helm 4 that of all files together.
    let large = vec![0; (5 << 20) + 1];
    let tree = chart(&[("charts/sub.tgz", &archive(&[("sub/Chart.yaml", SUB), ("sub/large", &large)]))]);
    let helm_3 = TemplateRequest { helm: HelmCompat::V3, ..TemplateRequest::new(TreePath::root()) };
    assert!(error_of(&tree, &helm_3).to_string().contains("larger than"));
    assert!(template(&tree, &TemplateRequest::new(TreePath::root()), &NoFetch, &Cx::default()).is_ok());
    let part = vec![0; 5 << 20];
    let names: Vec<String> = (0..21).map(|n| format!("sub/f{n}")).collect();
    let entries: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &part[..])).collect();
    fails(&[("charts/sub.tgz", &archive(&entries))], "too large");
}

#[test]
fn of_two_files_with_one_name_the_last_is_used() {
    let data = archive(&[
        ("sub/Chart.yaml", SUB),
        ("sub/templates/x.yaml", b"first: 1\n"),
        ("sub/templates/x.yaml", b"second: 2\n"),
    ]);
    let tree = chart(&[("charts/sub.tgz", &data)]);
    let rendered =
        template(&tree, &TemplateRequest::new(TreePath::root()), &NoFetch, &Cx::default()).unwrap();
    let text = String::from_utf8(rendered.text()).unwrap();
    assert_eq!(text, "---\n# Source: bad/charts/sub/templates/x.yaml\nsecond: 2\n");
}

#[test]
fn a_run_can_be_stopped() {
    let cx = Cx::default();
    cx.cancel.cancel();
    let error = template(&chart(&[]), &TemplateRequest::new(TreePath::root()), &NoFetch, &cx).unwrap_err();
    assert!(error.to_string().contains("cancelled"), "{error}");
}

/// The place of a chart's error, and its hint.
fn place_of(files: &[(&str, &[u8])]) -> (String, String) {
    let error = error_of(&chart(files), &TemplateRequest::new(TreePath::root()));
    let diagnostic = error.diagnostics().remove(0);
    let place = diagnostic.place;
    (
        format!("{}:{}", place.file.unwrap_or_default(), place.line.unwrap_or(0)),
        diagnostic.hint.unwrap_or_default(),
    )
}

fn message_of(files: &[(&str, &[u8])]) -> String {
    let error = error_of(&chart(files), &TemplateRequest::new(TreePath::root()));
    error.diagnostics().remove(0).message
}

#[test]
fn an_error_in_a_file_of_the_chart_has_its_line() {
    let head = "apiVersion: v2\nname: bad\n";
    for (file, text, place) in [
        ("Chart.yaml", "apiVersion: v2\nname: bad\nversion: one\n", "Chart.yaml:3"),
        ("Chart.yaml", "apiVersion: v3\nname: bad\nversion: 1.0.0\n", "Chart.yaml:1"),
        ("Chart.yaml", "- a\n", "Chart.yaml:1"),
        ("Chart.yaml", &format!("{head}version: 1.0.0\ntype: odd\n"), "Chart.yaml:4"),
        ("Chart.yaml", &format!("{head}version: 1.0.0\nkubeVersion: '>=9'\n"), "Chart.yaml:4"),
        ("Chart.yaml", &format!("{head}version: 1.0.0\ndependencies:\n- {{name: a}}\n- ~\n"), "Chart.yaml:6"),
        ("Chart.yaml", &format!("{head}version: 1.0.0\nkeywords: x\n"), "Chart.yaml:4"),
        ("Chart.lock", "digest: x\ngenerated: yesterday\n", "Chart.lock:2"),
        ("Chart.lock", "a: [\n", "Chart.lock:1"),
        ("values.yaml", "- a\n", "values.yaml:1"),
        ("values.yaml", "a: 1\nb: [\n", "values.yaml:2"),
        ("templates/x.yaml", "a: b\n{{ if true }}\nc: d\n", "templates/x.yaml:3"),
    ] {
        assert_eq!(place_of(&[(file, text.as_bytes())]).0, place, "{text}");
    }
}

#[test]
fn an_error_about_values_of_a_subchart_has_the_line_that_sets_them() {
    let chart = b"apiVersion: v2\nname: bad\nversion: 1.0.0\n";
    let child = b"apiVersion: v2\nname: sub\nversion: 1.0.0\n";
    let files: [(&str, &[u8]); 3] =
        [("Chart.yaml", chart), ("charts/sub/Chart.yaml", child), ("values.yaml", b"a: 1\nsub: text\n")];
    assert_eq!(place_of(&files).0, "values.yaml:2");
}

#[test]
fn the_wrong_line_of_a_text_that_tpl_executes_is_shown() {
    for (text, says) in [
        ("x: |\n  a: 1\n  b={{ .Values.q.r }}\n", "gotpl:2:13: b={{ .Values.q.r }}"),
        ("x: |\n  a: 1\n  b={{ .Values.q\n", "gotpl:2: b={{ .Values.q"),
        ("x: |\n  ok\n  b={{ nope }}\n", "gotpl:2: b={{ nope }}"),
        ("x: |\n  l1\n  {{ if true }}l2\n\n\n", "gotpl:2: {{ if true }}l2"),
        ("x: \"{{ fail `boo` }}\"\n", "gotpl:1:4: {{ fail `boo` }}"),
    ] {
        let template: (&str, &[u8]) = ("templates/x.yaml", b"a: {{ tpl .Values.x . | quote }}\n");
        let files = [template, ("values.yaml", text.as_bytes())];
        let error = error_of(&chart(&files), &TemplateRequest::new(TreePath::root()));
        let trail = error.diagnostics().remove(0).trail;
        assert!(trail.iter().any(|step| step.ends_with(says)), "{text}: {trail:?}");
    }
}

#[test]
fn a_document_that_is_no_object_is_shown() {
    for (text, says) in [
        ("# c\n- a\n- b\n", "\n2 | - a\n"),
        ("apiVersion: v1\nkind: A\nmetadata:\n  annotations: text\n", "\n4 |   annotations: text\n"),
        ("apiVersion: v1\nkind: [A]\n", "\n2 | kind: [A]\n"),
    ] {
        let message = message_of(&[("templates/x.yaml", text.as_bytes())]);
        assert!(message.contains(says), "{text}: {message}");
    }
}

#[test]
fn an_action_without_end_is_named() {
    for (text, line) in [
        ("{{ if true }}\n{{ range .Values.a }}\nx\n{{ end }}\n", 1),
        ("a\n{{ define \"h\" }}\n{{ if true }}x{{ end }}\n", 2),
    ] {
        let (_, hint) = place_of(&[("templates/x.yaml", text.as_bytes())]);
        assert_eq!(hint, format!("the action that begins in line {line} has no {{{{ end }}}}"));
    }
}
