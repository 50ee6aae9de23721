//! Decrypts files that the real SOPS encrypted: those in `tests/data`, and generated ones if the real SOPS is
//! installed.

mod faults;
mod generated;
mod kept;

use keyfill_diag::Cx;
use keyfill_sops::{Decrypted, Error, Format, Identities, Keys};
use std::path::PathBuf;

/// The folder of the test files. The secret keys in it protect nothing.
fn data() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(data().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// All secret keys for the test files.
fn keys() -> Keys {
    let mut identities = Identities::new();
    for name in ["key.txt", "key2.txt"] {
        identities.add_keys(&String::from_utf8_lossy(&read(name))).expect("the keys are good");
    }
    for name in ["id_ed25519", "id_rsa"] {
        identities.add_ssh_key(&String::from_utf8_lossy(&read(name))).expect("the key is good");
    }
    Keys { identities, ..Keys::default() }
}

fn decrypt(text: &[u8], name: &str, keys: &Keys) -> Result<Decrypted, Error> {
    keyfill_sops::decrypt(text, Format::of_path(name), keys, &Cx::default())
}
