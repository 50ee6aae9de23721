//! The command line as users see it: exit codes, complete output or none, bad input, and use under the official
//! tools' names.

mod bounds;
mod check;
mod official;

use keyfill_testkit::Run;

const KEYFILL: &str = env!("CARGO_BIN_EXE_keyfill");
const SECRETS: &str = "secret/data/app: {user: alice-value, pass: hush-value}\n";

fn generate() -> Run {
    Run::of(KEYFILL)
        .args(["generate", "-", "--source", "file", "--secrets-file", "s.yaml"])
        .file("s.yaml", SECRETS)
}

fn generate_folder() -> Run {
    Run::of(KEYFILL)
        .args(["generate", "app", "--root", ".", "--source", "file", "--secrets-file", "s.yaml"])
        .file("s.yaml", SECRETS)
}

/// Asserts that a run fails with this exit code, with nothing on stdout, and with a word but no secret on stderr.
fn fails(run: Run, code: i32, word: &str) {
    let outcome = run.run();
    let said = &outcome.stderr;
    assert!(outcome.stdout.is_empty(), "something was printed: {}", outcome.text());
    assert_eq!(outcome.code, Some(code), "{said}");
    assert!(said.to_lowercase().contains(word), "{word:?} is missing in: {said}");
    assert!(!said.contains("-value"), "a secret is in: {said}");
}

#[test]
fn every_class_has_its_exit_code() {
    fails(Run::of(KEYFILL).args(["generate", "--nope"]), 2, "--nope");
    fails(Run::of(KEYFILL).args(["generate"]), 2, "path");
    fails(generate().stdin("a: [\n<path:x#y>"), 3, "yaml");
    fails(generate().stdin("kind: X\na: <path:secret/data/app#usr>\n"), 4, "user");
    fails(
        Run::of(KEYFILL)
            .args(["generate", "-", "--deadline", "1s"])
            .env("VAULT_ADDR", "http://127.0.0.1:9")
            .env("VAULT_TOKEN", "hush-value")
            .stdin("kind: X\na: <path:secret/data/app#user>\n"),
        5,
        "127.0.0.1:9",
    );
    fails(
        generate().env("KEYFILL_ALLOWED_PATHS", "other/*").stdin("kind: X\na: <path:secret/data/app#user>\n"),
        6,
        "secret/data/app",
    );
    fails(generate().stdin(""), 3, "empty");
}

#[test]
fn what_cannot_be_read_has_the_class_of_its_reason() {
    let in_tree = |args: &[&str]| {
        let all = [args, &["--source", "file", "--secrets-file", "s.yaml"]].concat();
        Run::of(KEYFILL)
            .args(all)
            .file("s.yaml", SECRETS)
            .file("app/a.yaml", "kind: X\n")
            .file("none/README", "")
    };
    fails(in_tree(&["generate", "nowhere"]), 3, "nowhere");
    fails(in_tree(&["generate", "none"]), 3, "holds no");
    fails(in_tree(&["generate", "app", "--root", "none"]), 6, "outside");
    fails(in_tree(&["generate", "app", "--root", "nowhere"]), 2, "--root nowhere");
    fails(in_tree(&["generate", "app", "--set-image", "x"]), 2, "name=new");
    fails(in_tree(&["generate", "app", "-f", "nowhere.yaml"]), 3, "nowhere.yaml");
    fails(in_tree(&["generate", "app"]).env("KEYFILL_ENGINE", "fast"), 2, "keyfill_engine");
    fails(
        in_tree(&["generate", "app"]).env("ARGOCD_ENV_HELM_ARGS", "--post-renderer x"),
        2,
        "--post-renderer",
    );
    // With no store at all, the error names the two ways to configure one.
    fails(Run::of(KEYFILL).args(["generate", "-"]).stdin("kind: X\n"), 2, "vault_addr");
}

#[test]
fn an_error_in_one_document_keeps_all_from_being_printed() {
    fails(
        generate()
            .stdin("kind: A\nv: <path:secret/data/app#user>\n---\nkind: B\nv: <path:secret/data/app#nope>\n"),
        4,
        "nope",
    );
}

#[test]
fn documents_without_placeholders_leave_byte_for_byte() {
    let text = "# a comment\nb:   1\na: 'x' # y\n--- # second\nkind: X\r\nlist:\n    - a\n---\nkind: Z\nv: <path:secret/data/app#user>\n";
    let outcome = generate().stdin(text).run();
    let want = text.replace("<path:secret/data/app#user>", "alice-value");
    assert_eq!(outcome.text(), want, "{}", outcome.stderr);
}

#[test]
fn bad_input_is_told_with_its_place() {
    let cases: [(&[u8], &str); 9] = [
        (b"\x7fELF\x02\x01\x00\x00", "binary"),
        (b"kind: X\na: <path:secret/data/app\n", "<path:"),
        (b"kind: X\na: <path:secret/data/app#user | nope>\n", "nope"),
        (b"kind: X\na: \"\xff\xfe <path:secret/data/app#user>\"\n", "utf-8"),
        (b"kind: X\n\ta: <path:secret/data/app#user>\n", "tab"),
        (b"kind: X\na: *nowhere\nb: <path:secret/data/app#user>\n", "nowhere"),
        (b"kind: X\na: <path:../secret/data/app#user>\n", ".."),
        (b"kind: X\na: <path:secret/data/nope#user>\n", "secret/data/nope"),
        (b"kind: X\na: !!int <path:secret/data/app#user>\n", "int"),
    ];
    for (text, word) in cases {
        let outcome = generate().stdin(text).run();
        let said = outcome.stderr.to_lowercase();
        assert!(outcome.stdout.is_empty() && outcome.code != Some(0), "{:?}", String::from_utf8_lossy(text));
        assert!(said.contains(word), "{word:?} is missing in: {said}");
    }
}

/// Argo CD deletes objects that are not in the output, so a file must never be skipped silently.
#[cfg(unix)]
#[test]
fn a_manifest_that_cannot_be_read_fails_the_run() {
    use std::os::unix::ffi::OsStrExt as _;
    let with = |entry: &dyn Fn(&std::path::Path)| {
        let run = generate_folder().file("app/a.yaml", "apiVersion: v1\nkind: X\n");
        entry(&run.work().join("app"));
        run
    };
    let dangling = with(&|app| std::os::unix::fs::symlink("nowhere", app.join("b.yaml")).expect("a link"));
    fails(dangling, 3, "app/b.yaml: no such file");
    let pipe = with(&|app| {
        let made =
            std::process::Command::new("mkfifo").arg(app.join("sub.yml")).status().expect("mkfifo runs");
        assert!(made.success());
    });
    fails(pipe, 3, "app/sub.yml: is neither a file");
    let nameless = with(&|app| {
        let name = std::ffi::OsStr::from_bytes(b"\xff.yaml");
        std::fs::write(app.join(name), "apiVersion: v1\nkind: X\n").expect("a file");
    });
    fails(nameless, 3, ".yaml: no such file");
    // A broken link that is not named like a manifest is ignored.
    let other = with(&|app| std::os::unix::fs::symlink("nowhere", app.join("notes")).expect("a link"));
    assert_eq!(other.run().text(), "apiVersion: v1\nkind: X\n");
}

#[test]
fn a_release_is_named_by_a_template() {
    let named = |template: &str| {
        Run::of(KEYFILL)
            .args(["render", ".", "--name-template", template])
            .file("Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n")
            .file("templates/a.yaml", "kind: X\nname: {{ .Release.Name }}\n")
            .env("VAULT_TOKEN", "hush-value")
            .run()
    };
    let outcome = named(r#"web-{{ "A" | lower }}"#);
    assert!(outcome.text().contains("name: web-a"), "{}", outcome.stderr);
    let environment = named(r#"{{ env "VAULT_TOKEN" }}"#);
    assert_eq!(environment.code, Some(2), "{}", environment.stderr);
    assert!(!environment.stderr.contains("hush-value"));
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let commands = [
        "generate",
        "render",
        "check",
        "refs",
        "edit",
        "doctor",
        "discover",
        "settings",
        "version",
        "completions",
        "man",
    ];
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = Run::of(KEYFILL).args(["completions", shell]).run().text();
        for command in commands {
            assert!(script.contains(command), "{shell} does not complete {command}");
        }
    }
    let page = Run::of(KEYFILL).args(["man"]).run().text();
    assert!(page.contains(".TH keyfill 1") && page.contains("Exit codes: 0 fine"), "{page}");
    for command in commands {
        let page = Run::of(KEYFILL).args(["man", command]).run().text();
        assert!(page.contains(&format!(".TH keyfill-{command} 1")), "{page}");
    }
    fails(Run::of(KEYFILL).args(["man", "nope"]), 2, "nope");
}

#[test]
fn discover_prints_what_is_ours() {
    let tree = |run: Run| {
        run.file("a/kustomization.yaml", "resources: [s.yaml]\n")
            .file("a/s.yaml", "kind: Secret\nstringData: {a: <path:x#y>}\n")
            .file("b/kustomization.yaml", "resources: [s.yaml]\n")
            .file("b/s.yaml", "kind: Secret\n")
    };
    let run = |args: &[&str]| tree(Run::of(KEYFILL).args(["discover", "."]).args(args)).run();
    assert_eq!((run(&[]).text().as_str(), run(&[]).code), ("a\n", Some(0)));
    assert_eq!(run(&["--any"]).text(), "a\nb\n");
    let nothing = tree(Run::of(KEYFILL).args(["discover", "b"])).run();
    assert_eq!((nothing.text().as_str(), nothing.code), ("", Some(0)));
}

#[test]
fn what_only_a_read_needs_is_wrong_only_then_as_in_argocd_vault_plugin() {
    let avp = |text: &str| {
        let run = Run::of(KEYFILL).args(["generate", "-", "--compat", "avp"]).stdin(text);
        run.env("AVP_TYPE", "vault").env("AVP_AUTH_TYPE", "token").env("VAULT_TOKEN", "hush-value")
    };
    let plain = "kind: X\na: b\n";
    let used = "kind: X\na: <path:secret/data/app#user>\n";
    let outcome = avp(plain).env("VAULT_ADDR", "http://127.0.0.1:9").env("AVP_KV_VERSION", "9").run();
    assert_eq!(
        (outcome.code, outcome.text().as_str()),
        (Some(0), "a: b\nkind: X\n---\n"),
        "{}",
        outcome.stderr
    );
    assert_eq!(avp(plain).run().code, Some(0), "no address is needed");
    fails(avp(used), 1, "vault_addr");
    fails(avp(used).env("VAULT_ADDR", "http://127.0.0.1:9").env("AVP_KV_VERSION", "9"), 1, "avp_kv_version");
}

#[test]
fn a_misspelt_variable_is_named() {
    let outcome = generate().env("AVP_TYP", "vault").stdin("kind: X\n").run();
    assert!(outcome.stderr.contains("AVP_TYP") && outcome.stderr.contains("AVP_TYPE?"), "{}", outcome.stderr);
    let of_author = generate()
        .env("ARGOCD_APP_NAME", "a")
        .env("VAULT_ADDR", "http://127.0.0.1:9")
        .env("VAULT_TOKEN", "hush-value")
        .env("ARGOCD_ENV_vault_namespace", "team");
    let text = "kind: X\na: <path:secret/data/app#user>\n";
    fails(of_author.env("KEYFILL_SOURCE", "vault").stdin(text), 6, "vault_namespace");
}

#[test]
fn what_a_file_ends_without_is_missing_in_its_last_line() {
    let app = |file: &str, text: &str| {
        let run = Run::of(KEYFILL).args(["render", "."]).file("kustomization.yaml", "resources: [a.yaml]\n");
        run.file(file, text).run().stderr
    };
    let said = app("a.yaml", "kind: A\nx: [\n");
    assert!(said.contains("--> a.yaml:2:5") && said.contains("2 | x: ["), "{said}");
}

#[test]
fn switches_are_read_as_pflag_does() {
    let render = |flags: &[&str]| {
        Run::of(KEYFILL)
            .args([&["render", "."], flags].concat())
            .file("kustomization.yaml", "resources: [a.yaml]\n")
            .file("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
    };
    for flags in [
        &["--enable-helm=true"][..],
        &["--enable-helm", "--enable-helm=false"],
        &["--load-restrictor", "none", "--load-restrictor=LoadRestrictionsRootOnly"],
    ] {
        let outcome = render(flags).run();
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    }
    fails(render(&["--enable-helm=perhaps"]), 2, "--enable-helm=perhaps");
}

#[test]
fn a_mistake_in_a_manifest_does_not_hide_behind_a_missing_store() {
    let broken = Run::of(KEYFILL)
        .args(["generate", "app", "--root", "."])
        .file("app/kustomization.yaml", "resources: [gone.yaml]\n");
    fails(broken, 3, "gone.yaml");
}

#[test]
fn an_empty_render_is_printed_as_nothing() {
    let empty = Run::of(KEYFILL)
        .args(["render", "app", "--root", "."])
        .file("app/Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n")
        .file("app/templates/none.yaml", "{{ if false }}a: 1{{ end }}\n");
    let outcome = empty.run();
    assert_eq!((outcome.text().trim(), outcome.code), ("", Some(0)), "{}", outcome.stderr);
}

#[test]
fn verbose_output_names_what_is_read_and_no_secret() {
    for flag in ["-v", "--verbose", "--verbose-sensitive-output"] {
        let run = generate().args([flag]).env("VAULT_TOKEN", "hush-value");
        let outcome = run.stdin("kind: X\na: <path:secret/data/app#user>\n").run();
        let said = outcome.stderr;
        assert!(said.contains("reading secret/data/app (version latest)"), "{flag}: {said}");
        assert!(said.contains("secret/data/app was read: 2 keys"), "{flag}: {said}");
        assert!(said.contains("VAULT_TOKEN = (secret) (set by administrator)"), "{flag}: {said}");
        assert!(!said.contains("-value"), "{flag}: {said}");
    }
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n";
    let check = Run::of(KEYFILL).args(["check", "-v", "--root", "."]).file("a/cm.yaml", map).run();
    assert!(check.stderr.contains("checking a"), "{}", check.stderr);
}
