//! The store `sops`: the path of a placeholder is an encrypted file of the tree.

use crate::{encrypted, key_file, keyfill, printed, said};
use keyfill_testkit::{Run, oracle};

const MANIFEST: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData:\n  a: <path:PATH>\n";

fn generate(path: &str) -> Run {
    keyfill(&["generate", "app/x.yaml"])
        .env("KEYFILL_SOPS", "")
        .env("AVP_TYPE", "sops")
        .file("app/x.yaml", MANIFEST.replace("PATH", path))
}

#[test]
fn placeholders_name_a_file_relative_to_the_app_and_a_key_in_it() {
    for (path, value) in [
        ("values.enc.yaml#port", "5432"),
        ("./values.enc.yaml#db | jsonPath {.password}", "hush-of-values"),
        ("../app/values.enc.yaml#port", "5432"),
        ("vars.enc.env#TOKEN", "hush-of-env"),
        ("secret.enc.yaml#kind", "Secret"),
    ] {
        let text = printed(&generate(path).run());
        assert!(text.contains(value), "{path}: {text}");
    }
}

#[test]
fn a_placeholder_without_an_encrypted_file_in_the_tree_is_an_error() {
    for (path, code, what) in [
        ("value.enc.yaml#port", 4, "did you mean values.enc.yaml"),
        ("values.enc.yaml#prot", 4, "port"),
        ("x.yaml#a", 3, "no metadata of SOPS"),
        ("../../out.yaml#a", 6, "outside the tree"),
        ("/etc/passwd#a", 6, "is absolute"),
        ("..#a", 3, "path"),
    ] {
        let said = said(&generate(path).run(), code);
        assert!(said.contains(what), "{path}: {said}");
    }
    let allowed = generate("values.enc.yaml#port").env("KEYFILL_ALLOWED_PATHS", "secrets/*");
    assert!(said(&allowed.run(), 6).contains("KEYFILL_ALLOWED_PATHS"));
    let no_key = generate("values.enc.yaml#port").env("SOPS_AGE_KEY_FILE", "");
    assert!(said(&no_key.run(), 5).contains("SOPS_AGE_KEY_FILE"));
}

#[test]
fn the_official_plugin_prints_the_same() {
    let Some(official) = oracle("argocd-vault-plugin") else { return };
    let annotated = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\n  annotations: {avp.kubernetes.io/path: values.enc.yaml}\n\
                     stringData:\n  a: <port>\n  c: <db | jsonPath {.user}>\n";
    let inline = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: y}\ndata:\n  a: <path:values.enc.yaml#db | jsonPath {.password}>\n";
    let missing = MANIFEST.replace("PATH", "values.enc.yaml#none");
    let folder = tempfile::tempdir().expect("a folder");
    let ours = folder.path().join("argocd-vault-plugin");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_keyfill"), &ours).expect("a link");
    for text in [annotated, inline, &missing] {
        let run = |program: &std::path::Path| {
            Run::of(program)
                .args(["generate", "-"])
                .env("AVP_TYPE", "sops")
                .env("SOPS_AGE_KEY_FILE", key_file())
                .file("values.enc.yaml", encrypted("values.enc.yaml"))
                .stdin(text)
                .run()
        };
        let (theirs, mine) = (run(&official), run(&ours));
        assert_eq!(
            (mine.code, mine.text()),
            (theirs.code, theirs.text()),
            "{text}\n{}\n{}",
            theirs.stderr,
            mine.stderr
        );
        assert!(!mine.stderr.contains("hush"), "{}", mine.stderr);
    }
}
