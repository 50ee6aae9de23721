//! How the kernel hands out memory: page by page, or in pages of two megabytes.
//!
//! The allocator asks for huge pages for its arenas. A small run would hold megabytes of which it touches a
//! few pages; a large one spends a third of its time on page faults without them. Where the kernel does not
//! know the call nothing is lost.

/// For the start, and for runs that stay small or stay for long.
pub fn in_small_pages() {
    set(true);
}

/// For a run that is known to need several megabytes, and soon ends.
pub fn in_huge_pages() {
    set(false);
}

#[cfg(target_os = "linux")]
fn set(small: bool) {
    rustix::thread::disable_transparent_huge_pages(small).ok();
}

#[cfg(not(target_os = "linux"))]
fn set(_: bool) {}
