//! The bytes of a folder of a commit are read or refused, whatever the content store or a server gives.
#![no_main]

use keyfill_fetch::folder_of;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let mut folder = b"keyfill folder 1\n".to_vec();
    folder.extend_from_slice(body);
    folder_of(folder);
    folder_of(body.to_vec());
});
