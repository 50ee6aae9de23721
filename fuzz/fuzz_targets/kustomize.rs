//! Any tree of small files is built or refused: no panic, no hang, nothing read from outside the tree.
#![no_main]

use bytes::Bytes;
use keyfill_diag::Cx;
use keyfill_files::{Decrypt, DecryptError, MemoryFiles};
use keyfill_kustomize::{BuildRequest, Outside, build};
use keyfill_yaml::{Body, to_yaml};
use libfuzzer_sys::fuzz_target;
use std::time::Duration;

/// Paths of the files that an input makes, one for each of its parts. A NUL byte ends a part.
const PATHS: [&str; 8] = [
    "kustomization.yaml",
    "a.yaml",
    "patch.yaml",
    "base/kustomization.yaml",
    "base/b.yaml",
    "component/kustomization.yaml",
    "config.yaml",
    "vars.env",
];

/// Treats every file as already decrypted, so that the fuzzer also reaches generators of the kind ksops.
struct Open;

impl Decrypt for Open {
    fn is_encrypted(&self, _: &str, _: &[u8]) -> bool {
        false
    }

    fn decrypt(&self, _: &str, bytes: &[u8], _: &Cx) -> Result<Bytes, DecryptError> {
        Ok(Bytes::copy_from_slice(bytes))
    }
}

fuzz_target!(|input: &[u8]| {
    let parts = input.split(|b| *b == 0).map(<[u8]>::to_vec);
    let files: MemoryFiles = PATHS.into_iter().zip(parts).collect();
    let mut cx = Cx::with_time(Duration::from_secs(5));
    cx.limits.depth = 100;
    cx.limits.nodes = 50_000;
    if let Ok(built) = build(&files, &BuildRequest::default(), Outside { decrypt: &Open, ..Outside::default() }, &cx) {
        for document in &built.documents {
            if let Body::Tree(node) = &document.body {
                to_yaml(&**node);
            }
        }
    }
});
