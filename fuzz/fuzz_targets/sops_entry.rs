//! One entry of an encrypted file's metadata, as the supervisor of `serve` gets it from a worker: decrypting it with
//! the secret keys that are there ends, in little time, and gives at most a key's bytes.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyfill_diag::Cx;
use keyfill_sops::{Identities, Keys, MasterKey};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use std::time::Duration;

/// Keys that protect nothing: those of the kept files in tests.
static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let mut identities = Identities::new();
    let key = include_str!("../../crates/keyfill-sops/tests/data/key.txt");
    identities.add_keys(key).expect("the key is good");
    let mut keys = Keys { identities, ..Keys::default() };
    let key = include_bytes!("../../crates/keyfill-pgp/tests/data/secret.asc");
    keys.pgp.add(key).expect("the key is good");
    keys
});

/// Far above what 32 recipients cost with the address sanitizer.
const MOST_TIME: Duration = Duration::from_secs(5);

/// A block of armor around bytes, so that what is fuzzed are packets and stanzas, not base64.
fn armored(begin: &str, end: &str, bytes: &[u8]) -> String {
    let base64 = STANDARD.encode(bytes);
    let lines: Vec<&str> = base64.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("{begin}\n{}\n{end}\n", lines.join("\n"))
}

/// The processor time of this process: a clock goes on while a fuzzer is stopped.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock is there, and the call writes to a value that is.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

fuzz_target!(|data: &[u8]| {
    let [kind, bytes @ ..] = data else { return };
    let text = || String::from_utf8_lossy(bytes).into_owned();
    let age = |enc| MasterKey::Age { recipient: "age1".to_owned(), enc };
    let pgp = |enc| MasterKey::Pgp { fingerprint: "A".to_owned(), enc };
    let key = match kind % 4 {
        0 => age(text()),
        1 => age(armored("-----BEGIN AGE ENCRYPTED FILE-----", "-----END AGE ENCRYPTED FILE-----", bytes)),
        2 => pgp(text()),
        _ => pgp(armored("-----BEGIN PGP MESSAGE-----\n", "-----END PGP MESSAGE-----", bytes)),
    };
    let start = processor_time();
    if let Ok(opened) = KEYS.decrypt(&key, &Cx::with_time(Duration::from_secs(5))) {
        assert!(opened.bytes().len() <= 256, "it is no data key");
    }
    assert!(processor_time() - start < MOST_TIME, "an entry costs too much");
});
