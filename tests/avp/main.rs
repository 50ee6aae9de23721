//! Generated documents are filled by the official argocd-vault-plugin and by keyfill called as
//! `argocd-vault-plugin`, from one real Vault. Both must print the same bytes, or both must fail.
//!
//! `KEYFILL_CASES` (100) and `KEYFILL_SEED` (1) set the number of documents and the seed of the generator.
//! Differences that COMPATIBILITY.md lists are not generated.

#![cfg(unix)]

mod documents;
mod secrets;

use documents::Generator;
use keyfill_testkit::{Outcome, ROOT_TOKEN, Run, Vault, oracle};
use std::path::Path;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

fn run(program: &Path, vault: &Vault, text: &str) -> Outcome {
    Run::of(program)
        .args(["generate", "-"])
        .env("VAULT_ADDR", vault.address())
        .env("VAULT_TOKEN", ROOT_TOKEN)
        .env("AVP_TYPE", "vault")
        .env("AVP_AUTH_TYPE", "token")
        .stdin(text)
        .run()
}

#[test]
fn generated_documents_come_out_the_same() {
    let (Some(official), Some(vault)) = (oracle("argocd-vault-plugin"), Vault::start()) else { return };
    secrets::write(&vault);
    let folder = tempfile::tempdir().expect("a folder");
    let ours = folder.path().join("argocd-vault-plugin");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_keyfill"), &ours).expect("a link");
    let (cases, seed) = (setting("KEYFILL_CASES", 100), setting("KEYFILL_SEED", 1));
    let mut filled = 0;
    for case in 0..cases {
        let text = Generator::new(seed.wrapping_mul(1_000_003).wrapping_add(case)).stream();
        let (theirs, mine) = (run(&official, &vault, &text), run(&ours, &vault, &text));
        let both = (theirs.code == Some(0), mine.code == Some(0));
        filled += u64::from(both.0);
        assert_eq!(
            (both.0, if both.0 { theirs.text() } else { String::new() }),
            (both.1, mine.text()),
            "case {case} of seed {seed}:\n{text}\nargocd-vault-plugin said: {}\nkeyfill said: {}",
            theirs.stderr,
            mine.stderr
        );
    }
    println!("{cases} streams, {filled} of them filled, no difference");
    assert!(filled * 2 > cases, "most streams must be good for the comparison to mean something");
}
