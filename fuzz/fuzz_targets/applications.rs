//! Applications and ApplicationSets in a repository are read or noted: generators, templates and `templatePatch` end
//! in time, without a panic.
//!
//! The input are parts with a zero byte between them: the spec of a set, and two files for its generators.
#![no_main]

include!("modules.rs");

use keyfill_diag::Cx;
use keyfill_files::MemoryFiles;
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;
use std::time::Duration;

/// The files that generators read; the first one is the set.
const PATHS: [&str; 3] = ["set.yaml", "apps/a/config.json", "apps/b/config.yaml"];

/// How long a set may take before it is asked to stop.
const TIME: Duration = Duration::from_secs(2);

/// The processor time of this process: a clock goes on while a fuzzer is stopped.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock is there, and the call writes to a value that is.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

fuzz_target!(|input: &[u8]| {
    let mut parts = input.split(|byte| *byte == 0).map(<[u8]>::to_vec);
    let spec = parts.next().unwrap_or_default();
    let mut set = b"apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: set}\n".to_vec();
    set.extend_from_slice(&spec);
    let files: MemoryFiles = PATHS.into_iter().zip(std::iter::once(set).chain(parts)).collect();
    let mut cx = Cx::with_time(TIME);
    cx.limits.depth = 100;
    cx.limits.nodes = 50_000;
    let (start, mut notes) = (processor_time(), BTreeSet::new());
    let repository = ["https://example.com/repository.git".to_owned()];
    let _ = diff::apps::application::read(&files, &repository, &mut notes, &cx);
    assert!(processor_time() - start < TIME + Duration::from_secs(3), "it goes on after its deadline");
});
