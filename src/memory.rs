//! How the kernel hands out memory: page by page, or in pages of two megabytes.
//!
//! The allocator asks for huge pages for its arenas. A small run would hold megabytes of which it touches a
//! few pages; a large one spends a third of its time on page faults without them. Where the kernel does not
//! know the call nothing is lost.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicBool, Ordering};

/// The allocator of the process. Small pages are chosen at the first allocation, which comes before `main`:
/// else the first page of the first arena would be a huge one, and filling it with zeros a tenth of a small run.
pub struct Allocator;

/// Whether the first allocation is over.
static STARTED: AtomicBool = AtomicBool::new(false);

impl Allocator {
    #[inline]
    fn start() {
        if !STARTED.load(Ordering::Relaxed) {
            STARTED.store(true, Ordering::Relaxed);
            in_small_pages();
        }
    }
}

// SAFETY: each call goes on to mimalloc with the arguments it came with, and its result goes back unchanged,
// so mimalloc keeps the contract. What is done before neither allocates nor panics: it is one system call.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::start();
        unsafe { mimalloc::MiMalloc.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::start();
        unsafe { mimalloc::MiMalloc.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        unsafe { mimalloc::MiMalloc.realloc(pointer, layout, size) }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { mimalloc::MiMalloc.dealloc(pointer, layout) }
    }
}

/// For the start, and for runs that stay small or stay for long.
fn in_small_pages() {
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
