//! Bounds of a run: time, memory, links, and what authors may set.

use crate::{KEYFILL, SECRETS, fails, generate, generate_folder};
use keyfill_testkit::Run;

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
