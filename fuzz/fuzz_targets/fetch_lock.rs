//! Any lock file is read or refused. One that was read survives being written and read again.
#![no_main]

use keyfill_fetch::Lock;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(lock) = Lock::parse(text) {
        assert_eq!(Lock::parse(&lock.to_string()), Ok(lock));
    }
});
