//! Files that the real SOPS encrypted for PGP keys of the real GnuPG.

use crate::{printed, said};
use keyfill_testkit::{Gpg, Run, oracle};
use std::path::Path;
use std::process::Command;

/// Encrypts a file with SOPS for PGP keys; `None` if SOPS is not installed.
fn encrypted(gpg: &Gpg, keys: &str, name: &str, text: &str) -> Option<Vec<u8>> {
    let sops = oracle("sops")?;
    gpg.write(name, text);
    let out = Command::new(sops)
        .env("GNUPGHOME", gpg.home())
        .current_dir(gpg.home())
        .args(["encrypt", "--pgp", keys, name])
        .output()
        .expect("sops can be started");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Some(out.stdout)
}

/// Decrypts a file with SOPS and the keys of GnuPG.
fn decrypted(gpg: &Gpg, name: &str, text: &[u8]) -> Option<Vec<u8>> {
    let name = format!("sealed-{name}");
    gpg.write(&name, text);
    let sops = oracle("sops")?;
    let out = Command::new(sops)
        .env("GNUPGHOME", gpg.home())
        .current_dir(gpg.home())
        .args(["decrypt", &name])
        .output()
        .expect("sops can be started");
    out.status.success().then_some(out.stdout)
}

/// Exports a secret key of GnuPG to a file.
fn exported(gpg: &Gpg, key: &str, passphrase: &str) -> std::path::PathBuf {
    gpg.write("secret.asc", gpg.print(&["--passphrase", passphrase, "--armor", "--export-secret-keys", key]))
}

/// The arguments to generate from a folder of plain YAML.
const GENERATE: [&str; 6] = ["generate", "app", "--source", "file", "--secrets-file", "s.yaml"];

/// A run of keyfill that may decrypt and has no secret key.
fn keyfill(args: &[&str]) -> Run {
    let run = Run::of(env!("CARGO_BIN_EXE_keyfill")).args(args).env("KEYFILL_SOPS", "true");
    run.file(".git/HEAD", "").file("s.yaml", "{}")
}

/// A run of keyfill with secret keys of PGP and none of age.
fn with(keys: &Path, args: &[&str]) -> Run {
    keyfill(args).env("KEYFILL_SOPS_PGP_KEY_FILE", keys)
}

const SECRET: &str =
    "apiVersion: v1\nkind: Secret\nmetadata:\n    name: db\nstringData:\n    password: hush-of-pgp\n";

#[test]
fn each_format_is_decrypted_to_the_same_bytes_as_by_sops() {
    let Some(gpg) = Gpg::new() else { return };
    for (kind, usage) in [("default", "default"), ("rsa2048", "encrypt,sign,cert")] {
        let key = gpg.key(kind, kind, usage, "");
        let file = exported(&gpg, &key, "");
        for (name, text) in [
            ("a.yaml", "a: hush-1\nb: [1, 2.5, true]\n# hush\nc: {d: hush-2}\n"),
            ("a.json", "{\"a\": \"hush-1\", \"b\": [1, {\"c\": null}]}\n"),
            ("a.env", "A=hush-1\n# note\nB=hush 2\n"),
            ("a.ini", "[one]\na = hush-1\n"),
            ("a.bin", "hush\0bytes"),
        ] {
            let Some(sealed) = encrypted(&gpg, &key, name, text) else { return };
            let expected = decrypted(&gpg, name, &sealed).expect("sops decrypts its own");
            // The output of the kustomization has the decrypted bytes unchanged.
            let run = with(&file, &["render", "app"])
                .file(&format!("app/sealed-{name}"), &sealed)
                .file("app/kustomization.yaml", "generators: [g.yaml]\n")
                .file("app/g.yaml", format!("apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata:\n  name: g\nsecretFrom:\n- metadata: {{name: made}}\n  binaryFiles: [k=sealed-{name}]\n"));
            let text = printed(&run.run());
            use base64::Engine as _;
            let line = format!("  k: {}", base64::engine::general_purpose::STANDARD.encode(&expected));
            assert!(text.lines().any(|found| found == line), "{kind} {name}: {line} in\n{text}");
        }
    }
}

#[test]
fn ksops_generators_give_the_same_as_in_the_official_kustomize() {
    let Some(gpg) = Gpg::new() else { return };
    let (Some(kustomize), Some(ksops)) = (oracle("kustomize"), oracle("ksops")) else { return };
    let key = gpg.key("owner", "default", "default", "");
    let Some(sealed) = encrypted(&gpg, &key, "secret.yaml", SECRET) else { return };
    let generator = "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata:\n  name: g\n  annotations:\n    config.kubernetes.io/function: |\n      exec:\n        path: ksops\nfiles: [sealed.yaml]\n";
    let ours = with(&exported(&gpg, &key, ""), &["render", "app"])
        .file("app/sealed.yaml", &sealed)
        .file("app/kustomization.yaml", "namePrefix: p-\ngenerators: [g.yaml]\n")
        .file("app/g.yaml", generator);
    let ours = printed(&ours.run());
    assert!(ours.contains("password: hush-of-pgp") && ours.contains("name: p-db"), "{ours}");
    gpg.write("sealed.yaml", &sealed);
    gpg.write("kustomization.yaml", "namePrefix: p-\ngenerators: [g.yaml]\n");
    gpg.write("g.yaml", generator);
    let path = format!(
        "{}:{}",
        ksops.parent().expect("a folder").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let theirs = Command::new(kustomize)
        .env("GNUPGHOME", gpg.home())
        .env("PATH", path)
        .current_dir(gpg.home())
        .args(["build", "--enable-alpha-plugins", "--enable-exec", "."])
        .output()
        .expect("kustomize can be started");
    assert_eq!(ours, String::from_utf8_lossy(&theirs.stdout), "{}", String::from_utf8_lossy(&theirs.stderr));
}

#[test]
fn a_key_that_cannot_be_used_is_reported_with_a_hint() {
    let (Some(gpg), Some(others)) = (Gpg::new(), Gpg::new()) else { return };
    let key = gpg.key("owner", "default", "default", "");
    let Some(sealed) = encrypted(&gpg, &key, "secret.yaml", SECRET) else { return };
    let of = |keys: &Path| with(keys, &GENERATE).file("app/secret.yaml", &sealed);
    let tells = |keys: &Path, sealed: &[u8], words: &[&str]| {
        let told = said(&of(keys).file("app/secret.yaml", sealed).run(), 5);
        for word in words.iter().chain(&["app/secret.yaml"]) {
            assert!(told.contains(word), "{word}: {told}");
        }
    };
    let other = others.key("other", "default", "default", "");
    tells(
        &exported(&others, &other, ""),
        &sealed,
        &["there is no secret key for it", &key, "export the secret key"],
    );
    let none = said(&keyfill(&GENERATE).file("app/secret.yaml", &sealed).run(), 5);
    assert!(
        none.contains("no secret key of PGP is set up") && none.contains("KEYFILL_SOPS_PGP_KEY_FILE"),
        "{none}"
    );
    tells(
        Path::new("/nowhere/secret.asc"),
        &sealed,
        &["KEYFILL_SOPS_PGP_KEY_FILE names /nowhere/secret.asc"],
    );
    let public = gpg.write("public.asc", gpg.print(&["--armor", "--export"]));
    tells(&public, &sealed, &["it holds public keys only", "gpg --export-secret-keys"]);
    let locked = gpg.key("locked", "default", "default", "word");
    let Some(for_locked) = encrypted(&gpg, &locked, "locked.yaml", SECRET) else { return };
    tells(&exported(&gpg, &locked, "word"), &for_locked, &["is protected by a passphrase", "passwd"]);
    // The PGP message with the data key was changed.
    let text = String::from_utf8(sealed.clone()).expect("text");
    let broken = text.replace("-----BEGIN PGP MESSAGE-----", "-----BEGIN PGP SIGNATURE-----");
    tells(&exported(&gpg, &key, ""), broken.as_bytes(), &["it is not an encrypted message"]);
}

#[test]
fn an_administrator_may_keep_keys_of_pgp_from_apps() {
    let Some(gpg) = Gpg::new() else { return };
    let key = gpg.key("owner", "default", "default", "");
    let Some(sealed) = encrypted(&gpg, &key, "secret.yaml", SECRET) else { return };
    let file = exported(&gpg, &key, "");
    let run = |allowed: &str| {
        with(&file, &GENERATE).env("KEYFILL_SOPS_KEYS", allowed).file("app/secret.yaml", &sealed)
    };
    assert!(printed(&run("pgp").run()).contains("hush-of-pgp"));
    assert!(said(&run("age").run(), 5).contains("KEYFILL_SOPS_KEYS"));
}
