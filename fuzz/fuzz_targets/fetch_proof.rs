//! What a signature says is read or refused, and so is a file of submodules: no address in it looks like an
//! option.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let _ = keyfill_fetch::claims_of(text);
    let of = "https://host.example:8443/org/app.git";
    if let Ok(url) = keyfill_kustomize::submodule_address(text, "lib", of) {
        assert!(!url.starts_with('-') && !url.contains(char::is_control), "{url:?}");
    }
});
