//! `keyfill check`: what it finds, and where it gives no false alarm.

use crate::{KEYFILL, SECRETS, fails};
use keyfill_testkit::Run;

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
