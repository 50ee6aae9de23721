//! The command line as users see it: exit codes, complete output or none, bad input, and use under the official
//! tools' names.

use keyfill_testkit::{Run, oracle, workspace};

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

#[test]
fn bombs_end_in_time() {
    let mut bomb = String::from("kind: X\nx: <path:secret/data/app#user>\na0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for i in 1..12 {
        let before = i - 1;
        let items = vec![format!("*a{before}"); 9].join(",");
        bomb.push_str(&format!("a{i}: &a{i} [{items}]\n"));
    }
    let deep = format!(
        "kind: X\nx: <path:secret/data/app#user>\na: {}{}\n",
        "[".repeat(200_000),
        "]".repeat(200_000)
    );
    for text in [bomb, deep] {
        let start = std::time::Instant::now();
        let outcome = generate().stdin(text).run();
        assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
        assert!(start.elapsed().as_secs() < 20);
    }
}

#[cfg(unix)]
#[test]
fn links_out_of_the_tree_are_refused() {
    let link = |files: &[(&str, &str)], place: &str| {
        let run = files.iter().fold(generate_folder(), |run, (path, text)| run.file(path, text));
        std::os::unix::fs::symlink("/etc/passwd", run.work().join(place)).expect("a link");
        run
    };
    let kustomization = [("app/kustomization.yaml", "resources: [out.yaml]\n")];
    fails(link(&kustomization, "app/out.yaml"), 6, "app/out.yaml: leaves the tree");
    let chart = [
        ("app/Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n"),
        ("app/templates/a.yaml", "kind: X\n"),
    ];
    fails(link(&chart, "app/templates/out.yaml"), 6, "app/templates/out.yaml: leaves the tree");
    let plain = [("app/a.yaml", "kind: X\n")];
    fails(link(&plain, "app/out.yaml"), 6, "app/out.yaml: leaves the tree");
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
fn called_as_avp_every_error_exits_with_one() {
    #[cfg(unix)]
    {
        let dir = tempfile::tempdir().expect("a folder");
        let link = dir.path().join("argocd-vault-plugin");
        std::os::unix::fs::symlink(KEYFILL, &link).expect("a link");
        fails(Run::of(&link).args(["generate", "--nope"]), 1, "--nope");
        fails(Run::of(&link).args(["generate", "-"]).stdin("a: b\n"), 1, "avp_type");
        let outcome = Run::of(&link)
            .args(["generate", "-"])
            .env("AVP_TYPE", "file")
            .env("KEYFILL_SECRETS_FILE", "s.yaml")
            .file("s.yaml", SECRETS)
            .stdin("kind: X\nb: 2\na: <path:secret/data/app#user>\n")
            .run();
        assert_eq!(outcome.text(), "a: alice-value\nb: 2\nkind: X\n---\n");
    }
}

#[test]
fn check_maps_changed_files_to_their_roots() {
    let tree = |run: Run| {
        run.file("base/kustomization.yaml", "resources: [s.yaml]\n")
            .file(
                "base/s.yaml",
                "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: \"<path:x#y | nope>\"}\n",
            )
            .file("dev/kustomization.yaml", "resources: [../base]\nnamePrefix: dev-\n")
            .file("other/kustomization.yaml", "resources: [missing.yaml]\n")
    };
    let run = |args: &[&str]| tree(Run::of(KEYFILL).args(["check", "--root", "."]).args(args)).run();
    let outcome = run(&["base/s.yaml"]);
    let said = outcome.text();
    assert!(outcome.code == Some(3) && said.contains("nope") && !said.contains("missing.yaml"), "{said}");
    let outcome = run(&["--format", "json"]);
    assert!(
        outcome.text().contains("missing.yaml") && outcome.text().lines().all(|l| l.starts_with('{')),
        "{}",
        outcome.text()
    );
    let outcome = run(&["--format", "sarif", "dev"]);
    let log: serde_json::Value = serde_json::from_str(&outcome.text()).expect("SARIF is JSON");
    assert_eq!(log["version"], "2.1.0");
}

#[test]
fn check_does_not_pass_a_mistyped_folder() {
    let check = |paths: &[&str]| {
        Run::of(KEYFILL).args([&["check"], paths].concat()).file("app/a.yaml", "kind: X\n").run()
    };
    let mistyped = check(&["ap"]);
    assert_eq!(mistyped.code, Some(2), "{}", mistyped.stderr);
    assert!(mistyped.stderr.contains("ap does not exist"), "{}", mistyped.stderr);
    let deleted_and_changed = check(&["README.md", "app/a.yaml"]);
    assert_eq!(deleted_and_changed.code, Some(0), "{}", deleted_and_changed.stderr);
    assert!(
        deleted_and_changed.text().contains("README.md does not exist"),
        "{}",
        deleted_and_changed.text()
    );
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
fn check_compares_with_known_secrets() {
    let run = |text: &str| {
        Run::of(KEYFILL)
            .args(["check", "--root", ".", "--known-secrets", "s.yaml", "app.yaml"])
            .file("s.yaml", SECRETS)
            .file("app.yaml", text)
            .run()
    };
    let good = run("apiVersion: v1\nkind: X\na: <path:secret/data/app#user>\n");
    assert_eq!(good.code, Some(0), "{}", good.stderr);
    assert!(good.text().starts_with("1 root, 1 file, 0 errors, 0 warnings in "), "{}", good.text());
    let bad = run("apiVersion: v1\nkind: X\na: <path:secret/data/app#usr>\nb: <path:secret/data/ap#user>\n");
    let said = bad.text();
    assert!(said.contains("did you mean user?") && said.contains("did you mean secret/data/app?"), "{said}");
    assert!(bad.code == Some(4) && !said.contains("-value"), "{said}");
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
fn the_official_binaries_print_the_same() {
    let (Some(kustomize), Some(helm)) = (oracle("kustomize"), oracle("helm")) else { return };
    let app = workspace().join("testdata/quickstart/app");
    for (folder, engine) in
        [(app.clone(), "verify"), (app.clone(), "exec"), (app.join("charts/cache"), "verify")]
    {
        let outcome = Run::of(KEYFILL)
            .args(["render", "--enable-helm", "--helm-compat", "3", "--engine", engine])
            .args([&folder])
            .env("KEYFILL_KUSTOMIZE", &kustomize)
            .env("KEYFILL_HELM", &helm)
            .run();
        assert_eq!(outcome.code, Some(0), "{engine}: {}", outcome.stderr);
    }
}

#[test]
fn the_official_helm_renders_a_chart_that_lies_in_no_work_tree() {
    let Some(helm) = oracle("helm") else { return };
    let outcome = Run::of(KEYFILL)
        .args(["render", "chart", "--values", "prod.yaml", "--helm-compat", "3", "--engine", "verify"])
        .env("KEYFILL_HELM", &helm)
        .file("prod.yaml", "port: 8080\n")
        .file("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n")
        .file("chart/templates/service.yaml", "kind: Service\nport: {{ .Values.port }}\n")
        .run();
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.text().contains("port: 8080"), "{}", outcome.text());
}

#[test]
fn a_missing_dependency_is_named_in_keyfills_words_though_helm_is_there() {
    let (Some(kustomize), Some(helm)) = (oracle("kustomize"), oracle("helm")) else { return };
    let chart = "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies:\n- name: cache\n  version: 1.0.0\n  repository: https://charts.example.com\n";
    let charts = "helmCharts: [{name: web}]\n";
    let run = |args: &[&str]| {
        let run = Run::of(KEYFILL).args(args).env("KEYFILL_KUSTOMIZE", &kustomize).env("KEYFILL_HELM", &helm);
        run.file(".git/HEAD", "")
            .file("app/charts/web/Chart.yaml", chart)
            .file("app/charts/web/values.yaml", "a: 1\n")
            .file("app/kustomization.yaml", charts)
            .run()
    };
    for folder in ["app/charts/web", "app"] {
        let outcome = run(&["render", "--fetch", "off", "--enable-helm", folder]);
        assert_eq!((outcome.code, outcome.text().as_str()), (Some(3), ""), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("the chart needs cache 1.0.0"), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains("missing in charts/ directory"), "{}", outcome.stderr);
        let checked = run(&["check", folder]);
        let said = format!("{}{}", checked.text(), checked.stderr);
        assert!(checked.code == Some(0) && said.contains("warning: the chart needs cache"), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn a_program_that_a_plugin_starts_finds_what_it_reads() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(kustomize) = oracle("kustomize") else { return };
    // A replacement for ksops: it decrypts the files that its configuration names, with a key from elsewhere in
    // the tree.
    let program =
        "#!/bin/sh\ncat > /dev/null\nkey=$(cat ../keys/age.txt)\nsed \"s/ENC/$key/\" secret.enc.yaml\n";
    let generator = "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata:\n  name: s\n  annotations:\n    \
                     config.kubernetes.io/function: |\n      exec:\n        path: ./plugin\nfiles: [secret.enc.yaml]\n";
    let secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  a: ENC\n";
    let run = Run::of(KEYFILL)
        .args(["render", "app", "--root", ".", "--engine", "exec", "--enable-alpha-plugins", "--enable-exec"])
        .env("KEYFILL_KUSTOMIZE", kustomize)
        .file("app/kustomization.yaml", "generators: [g.yaml]\n")
        .file("app/g.yaml", generator)
        .file("app/secret.enc.yaml", secret)
        .file("app/plugin", program)
        .file("keys/age.txt", "open");
    let plugin = run.work().join("app/plugin");
    std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    let outcome = run.run();
    assert!(outcome.text().contains("a: open"), "{}{}", outcome.text(), outcome.stderr);
}

#[cfg(unix)]
#[test]
fn a_base_behind_a_link_is_copied_for_the_official_binary() {
    let Some(kustomize) = oracle("kustomize") else { return };
    let run = Run::of(KEYFILL)
        .args(["render", "app", "--root", ".", "--engine", "exec"])
        .env("KEYFILL_KUSTOMIZE", kustomize)
        .file("app/kustomization.yaml", "resources: [base]\n")
        .file("real/kustomization.yaml", "resources: [../cm.yaml]\n")
        .file("cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: linked}\n");
    std::os::unix::fs::symlink("../real", run.work().join("app/base")).expect("a link");
    let outcome = run.args(["--load-restrictor", "LoadRestrictionsNone"]).run();
    assert!(outcome.text().contains("name: linked"), "{}{}", outcome.text(), outcome.stderr);
}

#[test]
fn check_of_a_whole_repository_gives_no_false_alarm() {
    let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: x}\nspec: {path: ./a}\n";
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: b}\n";
    let files = [
        ("ansible/site.yaml", "- hosts: all\n  tasks: []\n"),
        ("ansible/realm.json", "{\"realm\": \"x\"}\n"),
        ("ansible/t.yaml", "{% for x in y %}\n- {{ x }}\n{% endfor %}\n"),
        ("go/t.yaml", "apiVersion: v1\nkind: ConfigMap\ndata:\n{{ range .x }}\n  a: b\n{{ end }}\n"),
        (
            "addons/agent.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Pod\ncpu: {{ cpu }} m\n  {{ more }}\n",
        ),
        ("ansible/vault.yml", "$ANSIBLE_VAULT;1.1;AES256\n3130\n"),
        ("ansible/tasks.yml", "- name: a\n  x: !vault |\n    $ANSIBLE_VAULT;1.1\n"),
        ("mkdocs.yml", "site_name: x\nx: !!python/name:a.b ''\n"),
        ("ytt.yml", "#@ load(\"@ytt:data\", \"data\")\n#@ x = 1\n---\na: #@ x\n"),
        ("skaffold.yaml", "apiVersion: skaffold/v4\nkind: Config\nmetadata: {name: x}\n"),
        ("helmfile.yaml", "releases:\n- name: a\n  values: [{{ .Environment.Name }}.yaml]\n"),
        ("Kptfile", "apiVersion: kpt.dev/v1\nkind: Kptfile\n"),
        ("terraform/x.yaml", "users:\n%{ for u in users ~}\n- ${u}\n%{ endfor ~}\n"),
        ("i18n/en.yml", "en: {hello: \"Hello <name>\"}\n"),
        ("openapi.yaml", "openapi: 3.0.0\npaths: {/a: {get: {description: \"<path>\"}}}\n"),
        (
            "crds/a.yaml",
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a.x}\n",
        ),
        ("multi.yaml", "a: 1\n---\nb: 2\n"),
        ("tsconfig.json", "// comment\n{\"a\": {},}\n"),
        ("renovate.json", "{\"extends\": [\"config:base\"]}\n"),
        ("skeleton/Chart.yaml", "apiVersion: v2\nname: ${{ values.name }}\nversion: 0.1.0\n"),
        ("role/kustomization.yaml", "resources:\n{% for x in y %}\n- {{ x }}\n{% endfor %}\n"),
        (
            "sops/s.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: 'ENC[AES256_GCM,data:x]'}\nsops: {}\n",
        ),
        (
            "substituted/s.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: '${PASSWORD_BASE64}'}\n",
        ),
        ("compose.yaml", "services:\n  web: {image: x}\n"),
        (".github/workflows/x.yaml", "on: push\njobs: {}\n"),
        (".gitlab-ci.yml", "stages: [a\n"),
        ("flux/kustomization.yaml", flux),
        (
            "part/kustomization.yaml",
            "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\npatches: [{path: p.yaml, target: {kind: Nope}}]\n",
        ),
        ("part/p.yaml", "- op: remove\n  path: /data\n"),
        ("app/kustomization.yaml", "resources: [cm.yaml]\ntransformers: [t.yaml]\n"),
        (
            "app/t.yaml",
            "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: p}\npath: p.yaml\ntarget: {kind: ConfigMap}\n",
        ),
        ("app/p.yaml", "- op: add\n  path: /data/c\n  value: d\n"),
        ("app/cm.yaml", manifest),
        ("plain/cm.yaml", manifest),
        ("plain/values.yaml", "password: <path:secret/data/app#user>\n"),
        ("legacy/cm.yaml", "kind: ConfigMap\nmetadata: {name: x}\n"),
        (".keyfillignore", "/legacy/\n"),
        ("old/cm.yaml", "kind: ConfigMap\nmetadata: {name: x}\n"),
    ];
    let run = Run::of(KEYFILL).args(["check", "--root", ".", "--exclude", "old/**"]);
    let outcome = files.iter().fold(run, |run, (path, text)| run.file(path, text)).run();
    let said = outcome.text();
    assert!(
        outcome.code == Some(0) && said.starts_with("8 roots, ") && said.contains(" 0 errors, 0 warnings"),
        "{said}"
    );
}

#[test]
fn a_plain_value_in_the_data_of_a_secret_is_named_and_not_shown() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata:\n  a: plain hush\n";
    for files in [
        &[("a/s.yaml", secret)][..],
        &[("a/kustomization.yaml", "resources: [s.yaml]\n"), ("a/s.yaml", secret)],
    ] {
        let run = Run::of(KEYFILL).args(["check", "--root", "."]);
        let said = files.iter().fold(run, |run, (path, text)| run.file(path, text)).run().text();
        assert!(
            said.contains("a/s.yaml:5") && said.contains("stringData") && !said.contains("hush"),
            "{said}"
        );
    }
}

#[test]
fn what_no_base64_is_gets_a_warning_with_the_habits_of_argocd_vault_plugin() {
    for (section, kind, value, says) in [
        ("data", "Secret", "<path:kv/app#n>", "is a number"),
        ("data", "Secret", "<path:kv/app#t>", "is a bool"),
        ("data", "Secret", "<path:kv/app#p>", "is not"),
        ("stringData", "Secret", "<path:kv/app#p>", ""),
        ("data", "ConfigMap", "<path:kv/app#p>", ""),
    ] {
        let text = format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: s}}\n{section}:\n  a: {value}\n");
        let secrets = "kv/app: {n: 12345, t: true, p: 'plain hush'}\n";
        let run = Run::of(KEYFILL).args(["generate", "-", "--compat", "avp", "--source", "file"]);
        let outcome =
            run.args(["--secrets-file", "s.yaml"]).file("s.yaml", secrets).stdin(text.as_str()).run();
        let said = &outcome.stderr;
        assert_eq!(outcome.code, Some(0), "{said}");
        assert_eq!(said.contains("base64"), !says.is_empty(), "{value}: {said}");
        assert!(said.contains(says) && !said.contains("hush"), "{value}: {said}");
    }
}

#[test]
fn check_warns_of_what_only_another_place_can_render() {
    let chart = "apiVersion: v2\nname: c\nversion: 0.1.0\n";
    let wants = "a: {{ required \"the host is missing\" .Values.host }}\n";
    let files = [
        ("ksops/kustomization.yaml", "generators: [g.yaml]\n"),
        ("ksops/g.yaml", "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata: {name: s}\nfiles: [s.yaml]\n"),
        ("remote/kustomization.yaml", "resources:\n- https://h.example/org/repo\n"),
        ("chart/Chart.yaml", chart),
        ("chart/templates/x.yaml", wants),
        (
            "missing/Chart.yaml",
            "apiVersion: v2\nname: m\nversion: 0.1.0\ndependencies: [{name: d, version: '1'}]\n",
        ),
        (
            "alias/Chart.yaml",
            "apiVersion: v2\nname: n\nversion: 0.1.0\ndependencies: [{name: e, version: '1', repository: '@ours'}]\n",
        ),
    ];
    let check = |flags: &[&str]| {
        let run = Run::of(KEYFILL).args([&["check", "--root", "."], flags].concat());
        files.iter().fold(run, |run, (path, text)| run.file(path, text)).run()
    };
    let outcome = check(&[]);
    let said = outcome.text();
    assert!(outcome.code == Some(0) && said.contains("0 errors, 5 warnings"), "{said}");
    for word in [
        "ksops",
        "h.example",
        "@ours",
        "the host is missing",
        "chart/templates/x.yaml:1",
        "helm dependency build",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert_eq!(check(&["--set", "port=1"]).code, Some(3), "values were given, and it refuses them");
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
fn a_values_file_of_a_kustomizations_chart_is_named() {
    let said = Run::of(KEYFILL)
        .args(["render", ".", "--enable-helm"])
        .file("kustomization.yaml", "helmCharts:\n- name: c\n  additionalValuesFiles: [v.yaml]\n")
        .file("charts/c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\n")
        .file("charts/c/values.yaml", "a: b\n")
        .file("v.yaml", "a: b\nc: d: e\n")
        .run()
        .stderr;
    assert!(
        said.contains("--> v.yaml:2:5") && said.contains("helmCharts[0] in kustomization.yaml:2"),
        "{said}"
    );
}

#[test]
fn a_kustomization_of_flux_is_told_from_one_of_kustomize() {
    let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: x}\nspec: {path: ./a}\n";
    let render = || Run::of(KEYFILL).args(["render", "."]);
    fails(render().file("kustomization.yaml", flux), 3, "manifest of flux");
    let run = render().file("kustomization.yaml", "resources: [sub]\n").file("sub/kustomization.yaml", flux);
    fails(run, 3, "only flux's kustomization has a `spec`");
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
fn a_failing_renderer_fails_the_run() {
    let Some(kustomize) = oracle("kustomize") else { return };
    let run = Run::of(KEYFILL)
        .args(["generate", ".", "--engine", "exec", "--source", "file", "--secrets-file", "s.yaml"])
        .env("KEYFILL_KUSTOMIZE", kustomize)
        .file("s.yaml", SECRETS)
        .file("kustomization.yaml", "resources: [nope.yaml]\n");
    fails(run, 3, "nope.yaml");
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_leaves_no_child_and_no_output() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::{Command, Stdio};
    let dir = tempfile::tempdir().expect("a folder");
    let slow = dir.path().join("slow");
    // The unusual number of seconds identifies this test's child among all processes.
    std::fs::write(&slow, "#!/bin/sh\nexec sleep 73.25\n").expect("a file");
    std::fs::set_permissions(&slow, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    std::fs::write(dir.path().join("kustomization.yaml"), "resources: []\n").expect("a file");
    let keyfill = Command::new(KEYFILL)
        .args(["render", ".", "--engine", "exec"])
        .current_dir(dir.path())
        .env("KEYFILL_KUSTOMIZE", &slow)
        .env("TMPDIR", dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("keyfill starts");
    std::thread::sleep(std::time::Duration::from_millis(500));
    let alive =
        || Command::new("pgrep").args(["-f", "sleep 73.25"]).output().expect("pgrep runs").status.success();
    assert!(alive(), "the renderer runs");
    assert!(
        Command::new("kill")
            .args(["-TERM", &keyfill.id().to_string()])
            .status()
            .expect("kill runs")
            .success()
    );
    let output = keyfill.wait_with_output().expect("it ends");
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(!alive() && output.stdout.is_empty() && output.status.code() == Some(143), "{:?}", output.status);
    let left = std::fs::read_dir(dir.path()).expect("the folder").flatten();
    assert!(
        !left.into_iter().any(|e| e.file_name().to_string_lossy().starts_with("keyfill-")),
        "the copy is gone"
    );
}

fn check() -> Run {
    Run::of(KEYFILL).args(["check", "in.yaml"])
}

/// Runs `check`, asserts its exit code and returns its report.
fn checks(run: Run, code: i32) -> String {
    let outcome = run.run();
    assert_eq!(outcome.code, Some(code), "{}{}", outcome.text(), outcome.stderr);
    outcome.text() + &outcome.stderr
}

#[test]
fn check_looks_into_the_kinds_that_generate_fills() {
    let input = || {
        check().file(
            "in.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: <path:x#y | nope>}\n",
        )
    };
    assert!(checks(input(), 3).contains("nope"));
    checks(input().env("KEYFILL_KINDS", "Secret"), 0);
    checks(input().args(["--kinds", "Secret,Deployment"]), 0);
    checks(input().env("KEYFILL_KINDS", "Secret").args(["--kinds", "ConfigMap"]), 3);
    checks(input().file("c.yaml", "KEYFILL_KINDS: Secret\n").args(["-c", "c.yaml"]), 0);
}

#[test]
fn check_takes_any_value_for_what_only_argo_cd_knows() {
    let path = "apiVersion: v1\nkind: X\nmetadata: {name: a}\na: <path:kv/data/{{ env.CLUSTER }}/{{ app.project }}#k>\n";
    let input = || check().file("in.yaml", path);
    checks(input().env("KEYFILL_APP_ENV", "CLUSTER"), 0);
    checks(input().env("KEYFILL_APP_ENV", "CLUSTER").env("CLUSTER", "eu"), 0);
    assert!(checks(input().env("KEYFILL_APP_ENV", "REGION"), 3).contains("CLUSTER"));
}

#[test]
fn check_refuses_the_paths_and_settings_that_generate_refuses() {
    let input = || {
        check().file("in.yaml", "apiVersion: v1\nkind: X\nmetadata: {name: a}\na: <path:kv/data/team/x#k>\n")
    };
    let policy = |globs: &str| input().env("KEYFILL_ALLOWED_PATHS", globs);
    checks(policy("kv/data/{{ app.project }}/*"), 0);
    checks(policy("kv/data/{{ app.project }}/*").env("ARGOCD_APP_PROJECT_NAME", "team"), 0);
    checks(policy("kv/data/{{ app.project }}/*").env("ARGOCD_APP_PROJECT_NAME", "other"), 6);
    checks(policy("secret/*"), 6);
    checks(input().env("AVP_PATH_VALIDATION", "^secret/"), 6);
    assert!(checks(input().env("AVP_PATH_VALIDATION", "("), 2).contains("AVP_PATH_VALIDATION"));
    assert!(checks(input().env("KEYFILL_DEADLINE", "soon"), 2).contains("KEYFILL_DEADLINE"));
    assert!(checks(input().env("KEYFILL_MEMORY", "much"), 2).contains("KEYFILL_MEMORY"));
    assert!(checks(input().env("KEYFILL_ENGINE", "fast"), 2).contains("KEYFILL_ENGINE"));
    let dropped =
        input().env("VAULT_ADDR", "https://v.example.com").env("ARGOCD_ENV_VAULT_NAMESPACE", "team");
    assert!(checks(dropped, 6).contains("VAULT_NAMESPACE"));
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
fn what_an_author_sets_in_vain_refuses_the_run() {
    let with = |name: &str, value: &str| {
        Run::of(KEYFILL)
            .args(["generate", "-", "--deadline", "1s"])
            .env("VAULT_ADDR", "http://127.0.0.1:9")
            .env("VAULT_TOKEN", "hush-value")
            .env(name, value)
            .stdin("kind: X\na: <path:secret/data/app#user>\n")
    };
    fails(with("ARGOCD_ENV_VAULT_NAMESPACE", "team"), 6, "keyfill_app_may_set");
    fails(with("ARGOCD_ENV_VAULT_TOKEN", "own-value"), 6, "vault_token");
    fails(with("ARGOCD_ENV_VAULT_ADDR", "https://evil.example.com"), 6, "vault_addr");
    fails(with("ARGOCD_ENV_AVP_TYPE", "vault"), 5, "127.0.0.1:9");
    fails(with("ARGOCD_ENV_VAULT_NAMESPACE", "team").env("VAULT_NAMESPACE", "team"), 5, "127.0.0.1:9");
    fails(with("ARGOCD_ENV_VAULT_SKIP_VERIFY", "true"), 5, "not used");
}

#[test]
fn an_authors_own_vault_is_a_public_one_unless_the_administrator_lists_it() {
    let with = |address: &str| {
        Run::of(KEYFILL)
            .args(["generate", "-", "--deadline", "1s"])
            .env("ARGOCD_APP_NAME", "a")
            .env("ARGOCD_ENV_VAULT_ADDR", address)
            .env("ARGOCD_ENV_VAULT_TOKEN", "own-value")
            .stdin("kind: X\na: <path:secret/data/app#user>\n")
    };
    for address in
        ["unix:///run/x.sock", "http://127.0.0.1:9", "http://vault.vault.svc:8200", "http://[::1]:9"]
    {
        fails(with(address), 6, "keyfill_app_addresses");
    }
    fails(with("http://127.0.0.1:9").env("KEYFILL_APP_ADDRESSES", "http://127.0.0.1:*"), 5, "127.0.0.1:9");
    let as_avp = |address: &str| with(address).env("ARGOCD_ENV_AVP_TYPE", "vault").args(["--compat", "avp"]);
    fails(as_avp("http://127.0.0.1:9"), 1, "127.0.0.1:9");
    fails(as_avp("unix:///run/x.sock"), 1, "keyfill_app_addresses");
}

#[test]
fn a_run_is_refused_more_memory_than_it_may_use() {
    let large = Run::of(KEYFILL)
        .args(["render", "app", "--root", ".", "--memory", "64Mi"])
        .file("app/Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n")
        .file(
            "app/templates/t.yaml",
            "{{ range until 200000 }}{{ $_ := set $.Values (toString .) (repeat 1000 \"x\") }}{{ end }}\n",
        );
    fails(large, 3, "memory limit of 64 mib");
}

#[test]
fn of_many_warnings_the_first_are_printed_and_the_others_counted() {
    let mut run = Run::of(KEYFILL).args(["render", "app", "--root", "."]);
    let bases: Vec<String> = (0..300).map(|n| format!("b{n}")).collect();
    run = run.file("app/kustomization.yaml", format!("bases: [{}]\n", bases.join(", ")));
    for base in &bases {
        run = run
            .file(&format!("app/{base}/kustomization.yaml"), "commonLabels: {a: b}\nresources: [r.yaml]\n")
            .file(
                &format!("app/{base}/r.yaml"),
                format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {base}}}\n"),
            );
    }
    let outcome = run.run();
    let said = outcome.stderr;
    assert_eq!(outcome.code, Some(0), "{said}");
    assert_eq!(said.matches("warning: ").count(), 101, "{said}");
    assert!(said.contains("more that are not shown"), "{said}");
}

#[test]
fn words_of_a_command_that_is_wrong_act_on_no_terminal() {
    let hostile = "x\u{1b}[2J\u{9b}1m\u{202e}\n::error file=x::forged";
    for words in [vec![hostile], vec!["generate", "--bad", hostile], vec!["check", "--format", hostile]] {
        let outcome = Run::of(KEYFILL).args(&words).run();
        let said = outcome.stderr;
        assert_eq!(outcome.code, Some(2), "{said}");
        assert!(!said.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{said:?}");
        assert!(said.lines().all(|line| !line.trim_start().starts_with("::error")), "{said:?}");
    }
}

/// A run with an injected fault. Release builds cannot inject faults, so these tests are skipped there.
fn with_fault(fault: &str) -> Option<Run> {
    let made = || {
        let run = Run::of(KEYFILL).args(["generate", "-", "--source", "file", "--secrets-file", "s.yaml"]);
        let run = run.file("s.yaml", SECRETS).stdin("kind: X\na: <path:secret/data/app#user>\n");
        run.env("ARGOCD_ENV_KEYFILL_TEST_FAULT", fault)
    };
    cfg!(debug_assertions).then(made)
}

#[test]
fn a_run_that_asks_nobody_ends_within_a_second_of_its_deadline() {
    for (compat, code) in [("keyfill", 3), ("avp", 1)] {
        let Some(run) = with_fault("spin") else { return };
        let start = std::time::Instant::now();
        fails(run.args(["--deadline", "1s", "--compat", compat]), code, "did not stop by itself");
        let took = start.elapsed();
        assert!(took.as_secs_f64() > 1.0 && took.as_secs_f64() < 2.0, "{took:?}");
    }
}

#[test]
fn a_run_that_asks_nobody_ends_a_quarter_above_its_memory() {
    for (compat, code) in [("keyfill", 3), ("avp", 1)] {
        let Some(run) = with_fault("memory") else { return };
        fails(run.args(["--memory", "64Mi", "--compat", compat]), code, "exceeds its memory limit, and did");
    }
}

#[test]
fn a_result_that_is_late_since_its_reader_is_slow_is_printed_whole() {
    let text = format!("kind: X\na: {}\n", "x".repeat(1 << 20));
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.yaml"), &text).expect("a file");
    std::fs::write(folder.path().join("keyfill.secrets.yaml"), SECRETS).expect("a file");
    let mut child = std::process::Command::new(KEYFILL)
        .args(["generate", "a.yaml", "--deadline", "1s", "--source", "file"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    let mut printed = String::new();
    let stdout = child.stdout.as_mut().expect("it is piped");
    std::io::Read::read_to_string(stdout, &mut printed).expect("it is read");
    assert!(child.wait().expect("it ends").success() && printed == text, "{}", printed.len());
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
