//! Any pack of git with a correct checksum is read or refused: no panic, no hang, no more memory than its objects
//! may take.
#![no_main]

use keyfill_diag::Cx;
use keyfill_fetch::Pack;
use libfuzzer_sys::fuzz_target;
use sha1::{Digest as _, Sha1};
use std::time::Duration;

fuzz_target!(|body: &[u8]| {
    let mut pack = body.to_vec();
    pack.extend_from_slice(&Sha1::digest(body));
    let _ = Pack::read(&pack, &Cx::with_time(Duration::from_secs(5)));
    let _ = Pack::read(body, &Cx::with_time(Duration::from_secs(5)));
});
