//! Tests of the whole fill stage with a store in memory.

use super::{FillOptions, Filled, PathPolicy, check, fill};
use crate::app::App;
use crate::report::Failure;
use keyfill_diag::{Class, Cx, Diagnostic, Report as _};
use keyfill_secrets::{BoxFuture, Error, Keys, Reads, SecretData, SecretRef, Source};
use keyfill_yaml::{Body, Document, Entry, Map, Node, Origin, Scalar};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A store in memory: secrets by `path`, `path@version` or `namespace:path`. Reading another path fails as in a
/// real store.
struct Memory(HashMap<String, Arc<SecretData>>);

impl Source for Memory {
    fn read_keys<'a>(
        &'a self,
        secret: &'a SecretRef,
        _: &'a Keys,
        _: &'a Cx,
    ) -> BoxFuture<'a, Result<Arc<SecretData>, Error>> {
        let version = secret.version.as_ref().map(|version| format!("@{version}")).unwrap_or_default();
        let namespace = secret.namespace.as_ref().map(|name| format!("{name}:")).unwrap_or_default();
        let name = format!("{namespace}{}{version}", secret.path);
        Box::pin(async move {
            match self.0.get(&name) {
                Some(data) => Ok(Arc::clone(data)),
                // Only the crate can make a store's error: here by decoding JSON that is not an object.
                None => Err(SecretData::from_json("0", &name).expect_err("no object")),
            }
        })
    }

    fn has_namespaces(&self, _: &SecretRef) -> bool {
        true
    }
}

fn store(secrets: &[(&str, &str)]) -> Arc<dyn Source> {
    let read = |(path, json): &(&str, &str)| {
        ((*path).to_owned(), Arc::new(SecretData::from_json(json, path).expect("JSON")))
    };
    Arc::new(Memory(secrets.iter().map(read).collect()))
}

const APP: &str = r#"{"user": "alice", "password": "s3cr3t-hush", "n": 5432, "f": 1.10, "t": true, "z": null,
    "sha": "81111e1", "m": {"a": 1}, "bin": "//5B", "url": "a/b"}"#;

fn reads() -> Reads {
    let secrets = [
        ("kv/app", APP),
        ("kv/app@1", r#"{"user": "old"}"#),
        ("kv/team/shop", r#"{"k": "v"}"#),
        ("red:kv/app", r#"{"user": "rita"}"#),
    ];
    Reads::new(store(&secrets))
}

fn document(text: &str) -> Document {
    let origin = Origin { file: Some("app.yaml".into()), line: 1, index: 1, ..Origin::default() };
    Document { before: bytes::Bytes::new(), body: Body::Raw(text.to_owned().into()), origin }
}

fn run(documents: Vec<Document>, options: &FillOptions) -> (Result<Filled, Failure>, usize) {
    run_within(documents, options, &Cx::default())
}

fn run_within(documents: Vec<Document>, options: &FillOptions, cx: &Cx) -> (Result<Filled, Failure>, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let reads = reads();
    let filled = runtime.block_on(fill(documents, options, &reads, cx));
    (filled, reads.count())
}

fn text_of(document: &Document) -> String {
    match &document.body {
        Body::Raw(text) => String::from_utf8(text.to_vec()).expect("UTF-8"),
        Body::Tree(_) => "(tree)".to_owned(),
    }
}

/// The filled document, or the error.
fn filled(text: &str) -> String {
    match run(vec![document(text)], &FillOptions::default()).0 {
        Ok(filled) => text_of(&filled.documents[0]),
        Err(error) => format!("error: {error}"),
    }
}

/// The problems of filling one document.
fn problems(text: &str) -> Vec<Diagnostic> {
    let (result, _) = run(vec![document(text)], &FillOptions::default());
    let error = result.expect_err("it has problems");
    for shown in [format!("{error}"), format!("{error:?}")] {
        assert!(!shown.contains("hush"), "a value is in {shown}");
    }
    error.problems().to_vec()
}

fn widget(spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Widget\nmetadata:\n  annotations:\n    avp.kubernetes.io/path: kv/app\nspec:\n{spec}"
    )
}

#[test]
fn values_keep_their_types() {
    let spec = "  a: <n>\n  b: <f>\n  c: <t>\n  d: <sha>\n  e: <m>\n  f: x<n><t>\n";
    assert_eq!(
        filled(&widget(spec)),
        widget("  a: 5432\n  b: 1.1\n  c: true\n  d: 81111e1\n  e:\n    a: 1\n  f: x5432true\n")
            .replace("d: 81111e1", "d: \"81111e1\"")
    );
}

#[test]
fn a_document_without_placeholders_is_not_touched() {
    let text = "kind:   Widget # keep\nspec: {b: 1, a: <x>}\n";
    assert_eq!(filled(text), text);
    let secret = "kind:   Secret # keep\ndata: {b: aGk=, a: PGI+}\n";
    assert_eq!(filled(secret), secret);
    let ignored =
        "kind: A\nmetadata: {annotations: {avp.kubernetes.io/ignore: true}}\nx: <path:kv/app#user>\n";
    assert_eq!(filled(ignored), ignored);
}

#[test]
fn lists_inside_lists_and_items_of_lists_are_filled() {
    let list = "kind: List\nitems:\n- kind: ConfigMap\n  metadata:\n    annotations:\n      avp.kubernetes.io/path: kv/app\n  data:\n    num: <n>\n    l: [[<user>]]\n- kind: Widget\n  num: <path:kv/app#n>\n  x: <user>\n";
    let expected = "items:\n- data:\n    l:\n    - - alice\n    num: \"5432\"\n  kind: ConfigMap\n  metadata:\n    annotations:\n      avp.kubernetes.io/path: kv/app\n- kind: Widget\n  num: 5432\n  x: <user>\nkind: List\n";
    assert_eq!(filled(list), expected);
}

#[test]
fn base64_of_a_secret_is_filled_inside() {
    let secret = "kind: Secret\nmetadata:\n  annotations:\n    avp.kubernetes.io/path: kv/app\ndata:\n  a: PHVzZXI+\n  b: PGJpbiB8IGJhc2U2NGRlY29kZT4=\n  c: PG4+\nstringData:\n  num: <n>\n";
    let expected = "data:\n  a: YWxpY2U=\n  b: //5B\n  c: NTQzMg==\nkind: Secret\nmetadata:\n  annotations:\n    avp.kubernetes.io/path: kv/app\nstringData:\n  num: \"5432\"\n";
    assert_eq!(filled(secret), expected);
}

#[test]
fn a_hundred_documents_with_one_path_are_one_read() {
    let documents: Vec<Document> = (0..100).map(|_| document(&widget("  a: <user>\n"))).collect();
    let (result, reads) = run(documents, &FillOptions::default());
    let filled = result.expect("it fills");
    assert_eq!((reads, filled.filled, filled.placeholders), (1, vec![true; 100], 100));
}

#[test]
fn nothing_is_read_when_nothing_is_to_be_filled_or_something_is_wrong() {
    let (result, reads) = run(vec![document(&widget("  a: b\n"))], &FillOptions::default());
    assert!(result.is_ok_and(|filled| filled.placeholders == 0) && reads == 0);
    let (result, reads) =
        run(vec![document(&widget("  a: <user>\n  b: <user | rot13>\n"))], &FillOptions::default());
    assert!(result.is_err() && reads == 0);
}

#[test]
fn all_problems_are_messages_with_their_places() {
    let text = widget(
        "  a: <usr>\n  b: \"x <user>\\n<nope>\"\n  c:\n  - <path:kv/absent#k>\n  d: <user | jsonPath {.a}>\n",
    );
    let found = problems(&text);
    let messages: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(messages.len(), 4, "{messages:#?}");
    assert_eq!(
        messages[0],
        "app.yaml:7:6 (document 1, spec.a): Widget: <usr>: the key usr is missing in the secret kv/app"
    );
    assert_eq!(found[0].hint.as_deref(), Some("did you mean user?"));
    assert_eq!(found[0].place.source_line.as_deref(), Some("  a: <usr>"));
    assert_eq!(found[0].place.width, 5);
    assert!(
        messages[1].starts_with("app.yaml:8:17 (document 1, spec.b): Widget: <nope>: the key nope"),
        "{}",
        messages[1]
    );
    assert!(
        messages[2].starts_with("app.yaml:10:5 (document 1, spec.c[0]): Widget: kv/absent"),
        "{}",
        messages[2]
    );
    assert!(messages[3].contains("jsonPath: the value is not valid JSON"), "{}", messages[3]);
}

#[test]
fn an_empty_path_annotation_matters_only_to_key_placeholders() {
    let empty = |spec: &str| widget(spec).replace("path: kv/app", "path: \"\"");
    assert_eq!(filled(&empty("  a: <path:kv/app#user>\n")), empty("  a: alice\n"));
    assert!(problems(&empty("  a: <user>\n")).remove(0).message.contains("empty"));
    let avp = FillOptions { compat_avp: true, ..FillOptions::default() };
    let (result, reads) = run(vec![document(&empty("  a: plain\n"))], &avp);
    assert!(result.is_ok() && reads == 0);
}

#[test]
fn problems_of_types_name_what_to_do() {
    let message = |spec: &str| problems(&widget(spec)).remove(0).message;
    assert!(message("  a: x<m>\n").contains("the value is a map: it cannot stand inside text; pick from it"));
    assert!(message("  a: <bin | base64decode>\n").contains("<bin | base64decode>: the value is binary"));
    assert!(message("  a: <z>\n").contains("the key z of the secret kv/app is null"));
    assert!(message("  a: <path:kv/app#user\n").contains("is not closed"));
    assert!(message("  a: <path:kv/app>\n").contains("names no key"));
}

#[test]
fn templates_of_paths_and_the_policy() {
    let app = App { name: Some("shop".into()), namespace: Some("team".into()), project: Some("blue".into()) };
    let policy = PathPolicy::default().allow("X", "kv/{{ app.namespace }}/*", &app).expect("a glob");
    let options = FillOptions { app, policy, ..FillOptions::default() };
    let one = |text: &str| run(vec![document(text)], &options).0;
    let done = one("kind: A\nx: <path:/kv/{{ app.namespace }}/{{ app.name }}#k>\n").expect("it fills");
    assert_eq!(text_of(&done.documents[0]), "kind: A\nx: v\n");
    let error = one("kind: A\nx: <path:kv/app#user>\n").expect_err("not allowed");
    assert!(error.to_string().contains("<path:kv/app#user>: the path kv/app is not among"), "{error}");
    assert_eq!(error.problems()[0].class, Class::Forbidden);
    let error = one("kind: A\nx: <path:kv/team/../app#user>\n").expect_err("not allowed");
    assert_eq!(error.problems()[0].class, Class::Forbidden);
}

#[test]
fn remove_missing_takes_entries_out() {
    let text = "kind: Secret\nmetadata:\n  annotations:\n    avp.kubernetes.io/remove-missing: \"true\"\nstringData:\n  a: <path:kv/app#user>\n  b: x <path:kv/app#nope>\n  c: <path:kv/app#nope | default d>\n";
    assert!(filled(text).ends_with("stringData:\n  a: alice\n  c: d\n"), "{}", filled(text));
}

#[test]
fn only_chosen_kinds_are_filled() {
    let options = FillOptions { kinds: vec!["Secret".into()], ..FillOptions::default() };
    let text = "kind: A\nx: <path:kv/app#user>\n";
    let (result, reads) =
        run(vec![document(text), document("kind: Secret\nx: <path:kv/app#user#1>\n")], &options);
    let done = result.expect("it fills");
    assert_eq!((text_of(&done.documents[0]).as_str(), reads), (text, 1));
    assert_eq!(text_of(&done.documents[1]), "kind: Secret\nx: old\n");
}

#[test]
fn avp_prints_every_document_and_keeps_broken_placeholders() {
    let options = FillOptions { compat_avp: true, ..FillOptions::default() };
    let texts = [
        "kind:   A\nb: {a: 1}\n",
        "# empty\n",
        "kind: A\nx: <path:kv/app#user#1#2>\n",
        "kind: A\nl: [[<path:kv/app#user>]]\n",
    ];
    let (result, _) = run(texts.into_iter().map(document).collect(), &options);
    let done = result.expect("it fills");
    let texts: Vec<String> = done.documents.iter().map(text_of).collect();
    assert_eq!(
        texts,
        [
            "b:\n  a: 1\nkind: A\n",
            "kind: A\nx: <path:kv/app#user#1#2>\n",
            "kind: A\nl:\n- - <path:kv/app#user>\n---\n"
        ]
    );
    assert_eq!(done.warnings.len(), 1);
}

#[test]
fn a_tree_is_filled_without_being_read_again() {
    let entry = |key: &str, value: Node| Entry { key: Scalar::plain(key), value };
    let node = Node::Map(Map {
        entries: vec![
            entry("kind", Node::plain("A")),
            entry("n", Node::plain("yes")),
            entry("x", Node::plain("<path:kv/app#n>")),
        ],
        location: keyfill_yaml::Location::new(keyfill_yaml::FileId::UNKNOWN, 3),
        ..Map::default()
    });
    let tree = Document { body: Body::Tree(Arc::new(node)), ..document("") };
    let (result, _) = run(vec![tree], &FillOptions::default());
    assert_eq!(text_of(&result.expect("it fills").documents[0]), "kind: A\n\"n\": \"yes\"\nx: 5432\n");
}

#[test]
fn check_finds_what_is_wrong_without_values() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let look = |text: &str, known: bool| {
        let reads = reads();
        let known = known.then_some(&reads);
        runtime.block_on(check(&[document(text)], &FillOptions::default(), known, &Cx::default()))
    };
    assert_eq!(look("kind: A\nx: <path:kv/app#user | upper>\n", true), []);
    assert_eq!(
        look("kind: A\nx: <path:kv/app#user | uper>\n", false)[0].hint.as_deref(),
        Some("did you mean upper?")
    );
    assert_eq!(look("kind: [\n", false).len(), 1);
    let base32 = look("kind: A\nx: a=HRYGC5DIHJVXML3EMF2GCL3BOBYCG5LTMVZD4===\n", false);
    assert!(base32[0].message.contains("changed by base32"), "{base32:?}");
    assert_eq!(look("kind: A\nx: <path:kv/app#nope>\n", false), []);
    assert_eq!(look("kind: A\nx: <path:kv/app#nope>\n", true)[0].class, Class::Missing);
    assert_eq!(look("kind: A\nx: <path:kv/app#nope | default x>\n", true), []);
    assert_eq!(look("kind: A\nx: <path:kv/absent#k>\n", true).len(), 1);
    let misspelt = "kind: A\nmetadata: {annotations: {avp.kubernetes.io/pth: a}}\n";
    assert_eq!(look(misspelt, false)[0].hint.as_deref(), Some("did you mean avp.kubernetes.io/path?"));
}

/// In random documents text around placeholders is not changed, and values are inserted unchanged.
#[test]
fn no_byte_outside_of_placeholders_is_lost_or_changed() {
    let pieces = [
        "a",
        "é",
        "\u{1F600}",
        " ",
        "\n",
        ":",
        "#",
        "<",
        ">",
        "'",
        "\"",
        "\\",
        "- ",
        "{}",
        "<user>",
        "<path:kv/app#url>",
        "\t",
        "0",
        "~",
    ];
    let mut state = 0x1234_5678_9abc_def1_u64;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let reads = reads();
    let mut tried = 0;
    for _ in 0..3_000 {
        let mut text = String::new();
        for _ in 0..10 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text.push_str(pieces[usize::try_from(state % pieces.len() as u64).expect("a small number")]);
        }
        let expected = text.replace("<path:kv/app#url>", "a/b");
        if expected.replace("<user>", "").contains("<path:") || text.contains("<<path") {
            continue;
        }
        let value = keyfill_yaml::Value::Str(text.as_str().into());
        let body = keyfill_yaml::Value::Map(vec![
            ("kind".into(), keyfill_yaml::Value::Str("A".into())),
            ("x".into(), value),
        ]);
        let before = String::from_utf8(keyfill_yaml::to_yaml(&body)).expect("UTF-8");
        let done =
            runtime.block_on(fill(vec![document(&before)], &FillOptions::default(), &reads, &Cx::default()));
        let done = text_of(&done.expect("it fills").documents[0]);
        let read =
            keyfill_yaml::load_object(done.as_bytes(), &keyfill_yaml::Limits::default()).expect("YAML");
        assert_eq!(read.get("x").and_then(keyfill_yaml::Value::as_str), Some(expected.as_str()), "{text:?}");
        tried += 1;
    }
    assert!(tried > 2_000, "{tried}");
}

#[test]
fn a_manifest_reads_from_a_namespace_that_the_administrator_allows() {
    let text = "kind: Widget\nmetadata:\n  annotations:\n    avp.kubernetes.io/path: kv/app\n    \
                keyfill.dev/vault-namespace: red\nspec: {a: <user>, b: '<path:kv/app#user>'}\n";
    let other = "kind: Widget\nspec: {a: '<path:kv/app#user>'}\n";
    let policy = PathPolicy::default().allow_namespaces("red", &App::default());
    let options = FillOptions { policy, ..FillOptions::default() };
    let (result, reads) = run(vec![document(text), document(other)], &options);
    let filled = result.expect("the namespace is allowed");
    assert!(text_of(&filled.documents[0]).ends_with("  a: rita\n  b: rita\n"));
    assert!(text_of(&filled.documents[1]).ends_with("a: alice\n"), "the annotation counts for its document");
    assert_eq!(reads, 2);
    let (result, reads) = run(vec![document(text)], &FillOptions::default());
    let error = result.expect_err("no namespace is allowed by itself");
    assert!(error.to_string().contains("KEYFILL_APP_NAMESPACES"), "{error}");
    assert_eq!((error.class(), reads), (Class::Forbidden, 0));
}

#[test]
fn what_was_encoded_twice_is_filled_and_what_was_cut_off_is_named() {
    use base64::Engine as _;
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let placeholder = "<path:kv/app#user>";
    for before in ["", ":", "::"] {
        for (inner, value) in [
            (base64(placeholder), base64("alice")),
            ("\\u003cpath:kv/app#user\\u003e".to_owned(), "alice".to_owned()),
            ("%3Cpath%3Akv%2Fapp%23user%3E".to_owned(), "alice".to_owned()),
        ] {
            let text = |inside: &str| base64(&format!("{before}{inside}"));
            assert_eq!(filled(&format!("a: x {} y\n", text(&inner))), format!("a: x {} y\n", text(&value)));
        }
    }
    for lost in [
        "PHBhdGg6a3Yv",
        "PHBhdGg6a3YvYXBwI3VzZXI%2B",
        "Jmx0O3BhdGg6a3YvYXBwI3VzZXImZ3Q7",
        "<Path:Kv/App#User>",
    ] {
        let text = format!("kind: W\na: {lost}\n");
        let (result, _) = run(vec![document(&text)], &FillOptions::default());
        let filled = result.expect("it stays as it is");
        assert_eq!((text_of(&filled.documents[0]), filled.warnings.len()), (text, 1), "{lost}");
    }
    let other = "a: x ISF4d1lYUm9PISE= y\n";
    assert_eq!(filled(other), other, "base64 of something else");
}

#[test]
fn a_run_that_asks_for_too_many_secrets_reads_none() {
    let ask = |count: usize| {
        let mut text = String::from("kind: ConfigMap\ndata:\n  x: ");
        (0..count).for_each(|n| text.push_str(&format!("<path:kv/{n}#k>")));
        run(vec![document(&text)], &FillOptions::default())
    };
    let (result, read) = ask(super::MOST_SECRETS + 1);
    let error = result.expect_err("one too many");
    assert_eq!((error.class(), read), (Class::Forbidden, 0));
    assert!(error.to_string().contains("more than 20000 secrets"), "{error}");
    assert_eq!(ask(super::MOST_SECRETS).1, super::MOST_SECRETS, "as many as are allowed are read");
}

#[test]
fn a_string_of_many_placeholders_ends_at_the_deadline() {
    let one = format!("<path:kv/app#user{}>", " | sha512sum".repeat(16));
    let text = format!("kind: ConfigMap\ndata:\n  x: {}\n", one.repeat(60_000));
    for milliseconds in [100, 600, 1_200] {
        let (start, time) = (Instant::now(), Duration::from_millis(milliseconds));
        let (result, _) = run_within(vec![document(&text)], &FillOptions::default(), &Cx::with_time(time));
        let error = result.expect_err("it takes longer").to_string();
        assert!(error.contains("the deadline has passed"), "{error}");
        assert!(start.elapsed() < time + Duration::from_secs(1), "{:?}", start.elapsed());
    }
}
