//! Payloads of signatures, texts, keys and messages of OpenPGP, and `.gitmodules` files are read or refused. No
//! address from a `.gitmodules` file looks like an option of a command.
#![no_main]

use keyfill_pgp::{Keyring, SecretKeys};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

/// A test key.
const KEY: &[u8] = include_bytes!("../../crates/keyfill-pgp/tests/data/secret.asc");

static KEYS: LazyLock<(Keyring, SecretKeys)> = LazyLock::new(|| {
    let mut secret = SecretKeys::default();
    secret.add(KEY).expect("the key is good");
    (Keyring::read(KEY).expect("the key is good"), secret)
});

fuzz_target!(|text: &[u8]| {
    let _ = keyfill_fetch::claims_of(text);
    let (ring, secret) = &*KEYS;
    let _ = ring.signed_text(text);
    let _ = Keyring::read(text);
    if let Ok(message) = std::str::from_utf8(text)
        && let Ok(content) = secret.decrypt(message, 64)
    {
        assert!(content.len() <= 64);
    }
    let of = "https://host.example:8443/org/app.git";
    if let Ok(url) = keyfill_kustomize::submodule_address(text, "lib", of) {
        assert!(!url.starts_with('-') && !url.contains(char::is_control), "{url:?}");
    }
});
