//! Encrypted files are written by app authors, so any text may come, in any of the formats: reading it ends, and
//! errors quote no value.

#![no_main]

use keyfill_diag::Cx;
use keyfill_sops::{Format, Identities, Keys, decrypt, is_encrypted};
use libfuzzer_sys::fuzz_target;
use std::time::Duration;

/// The test key of age for the files in crates/keyfill-sops/tests/data.
const KEY: &str = include_str!("../../crates/keyfill-sops/tests/data/key.txt");

/// A test key of PGP.
const PGP_KEY: &[u8] = include_bytes!("../../crates/keyfill-pgp/tests/data/secret.asc");

fuzz_target!(|data: &[u8]| {
    let [format, text @ ..] = data else { return };
    let format = match format % 5 {
        0 => Format::Yaml,
        1 => Format::Json,
        2 => Format::Dotenv,
        3 => Format::Ini,
        _ => Format::Binary,
    };
    let mut identities = Identities::new();
    identities.add_keys(KEY).expect("the key is good");
    let mut keys = Keys { identities, ..Keys::default() };
    keys.pgp.add(PGP_KEY).expect("the key is good");
    let _ = is_encrypted(text, format);
    if let Ok(decrypted) = decrypt(text, format, &keys, &Cx::with_time(Duration::from_secs(5))) {
        let _ = decrypted.text();
    }
});
