//! Official binaries beside keyfill, and keyfill under argocd-vault-plugin's name.

use crate::{KEYFILL, SECRETS, fails};
use keyfill_testkit::{Run, oracle, workspace};

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
