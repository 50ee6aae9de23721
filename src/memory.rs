//! The allocator of the process: it counts the memory in use, and sets the page size.
//!
//! Bytes in use are counted, since a run's memory limit ([`keyfill_diag::Memory`]) is checked against them between
//! units of work. Each thread keeps its own sum and adds it to the common one once it has changed by [`UNCOUNTED`]
//! bytes, so that most allocations need no access to shared memory.
//!
//! The allocator asks for huge pages for its arenas. A small run would hold megabytes of which it touches a few
//! pages; a large one spends a third of its time on page faults without them. If the kernel does not support the
//! call, it has no effect.

use crate::discover::RootKind;
#[cfg(unix)]
use crate::overrun;
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// The allocator of the process. Small pages are set at the first allocation, which is before `main`. Else the
/// first page of the first arena would be a huge one, and filling it with zeros would take a tenth of the time of
/// a small run.
pub struct Allocator;

/// Disables core dumps, which would contain secrets, for this process and the programs that it starts.
pub fn keep_out_of_core_dumps() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let maximum = getrlimit(Resource::Core).maximum;
        // Lowering one's own limit is always allowed.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum });
    }
}

/// Whether the first allocation is over.
static STARTED: AtomicBool = AtomicBool::new(false);

/// Bytes in use, without the sums that threads have not added yet.
static IN_USE: AtomicI64 = AtomicI64::new(0);

/// A thread's own sum stays between minus and plus this number of bytes.
const UNCOUNTED: i64 = 64 << 10;

thread_local! {
    /// What this thread has allocated, less what it has freed, since it last added to `IN_USE`.
    static OWN: Cell<i64> = const { Cell::new(0) };
}

/// Bytes that the process has allocated and not freed, accurate to 64 KiB per thread.
pub fn in_use() -> u64 {
    u64::try_from(IN_USE.load(Ordering::Relaxed)).unwrap_or(0)
}

/// The default memory limit of a run, in bytes: 1 GiB.
pub const DEFAULT_LIMIT: u64 = 1 << 30;

/// A limit on the memory of a run, in bytes.
pub fn limited(limit: u64) -> keyfill_diag::Memory {
    keyfill_diag::Memory::limited(limit, in_use)
}

/// Counts a change of the memory in use. It must not allocate: the thread-local value needs neither an initializer
/// nor a destructor, and a thread that is ending is no longer counted.
#[inline]
fn count(change: i64) {
    let _ = OWN.try_with(|own| {
        let sum = own.get() + change;
        if sum.abs() < UNCOUNTED {
            own.set(sum);
        } else {
            own.set(0);
            let before = IN_USE.fetch_add(sum, Ordering::Relaxed);
            if before + sum > END_ABOVE.load(Ordering::Relaxed) {
                exhausted();
            }
        }
    });
}

/// A size as a signed number. A layout's size never exceeds `isize::MAX`.
#[inline]
fn bytes(size: usize) -> i64 {
    size as i64
}

impl Allocator {
    #[inline]
    fn start() {
        if !STARTED.load(Ordering::Relaxed) {
            STARTED.store(true, Ordering::Relaxed);
            in_small_pages();
        }
    }
}

// SAFETY: each call is forwarded to mimalloc with its arguments, and the result is returned unchanged, so mimalloc
// keeps the contract. A null pointer is returned as well, or the process ends. The additional work neither
// allocates nor panics: one system call at the first allocation, and the count, which is kept in a thread-local
// value without destructor and an atomic.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::start();
        count(bytes(layout.size()));
        given(unsafe { mimalloc::MiMalloc.alloc(layout) })
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::start();
        count(bytes(layout.size()));
        given(unsafe { mimalloc::MiMalloc.alloc_zeroed(layout) })
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(bytes(size) - bytes(layout.size()));
        given(unsafe { mimalloc::MiMalloc.realloc(pointer, layout, size) })
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-bytes(layout.size()));
        unsafe { mimalloc::MiMalloc.dealloc(pointer, layout) }
    }
}

/// If more bytes than this are in use, the process ends itself.
static END_ABOVE: AtomicI64 = AtomicI64::new(i64::MAX);

/// The exit code with which a command line ends itself; 0 in a worker, which uses another code.
#[cfg(unix)]
static CODE_OF_COMMAND: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);

/// Like [`end_above`], for a command line: the process ends with a message and this exit code.
#[cfg(unix)]
pub fn end_run_above(bytes: u64, code: u8) {
    CODE_OF_COMMAND.store(code, Ordering::Relaxed);
    end_above(bytes);
}

/// From now on the process ends itself if it uses more than this number of bytes, or the system has no memory
/// left. A special exit code tells the supervisor the reason.
#[cfg(unix)]
pub fn end_above(bytes: u64) {
    END_ABOVE.store(i64::try_from(bytes).unwrap_or(i64::MAX), Ordering::Relaxed);
}

/// Returns the pointer; if it is null, ends the process as [`end_above`] demands.
#[inline]
fn given(pointer: *mut u8) -> *mut u8 {
    if pointer.is_null() {
        exhausted();
    }
    pointer
}

#[cold]
fn exhausted() {
    #[cfg(unix)]
    if END_ABOVE.load(Ordering::Relaxed) != i64::MAX {
        // This neither allocates nor takes a lock.
        match CODE_OF_COMMAND.load(Ordering::Relaxed) {
            0 => overrun::write_and_end("", keyfill_workers::OUT_OF_MEMORY),
            code => overrun::write_and_end(TOO_MUCH, i32::from(code)),
        }
    }
}

/// The message of a command line that ends itself because it uses too much memory.
#[cfg(unix)]
const TOO_MUCH: &str = "error: the run exceeds its memory limit, and did not stop by itself\n  help: look for values \
                        that multiply, or raise --memory\n";

/// Sets small pages: at the start, and for runs that need little memory or run for long.
fn in_small_pages() {
    set(true);
}

/// Sets the page size for a process that renders one root and then ends. Charts need several megabytes, for which
/// huge pages are faster.
pub fn prepare(kind: Option<RootKind>) {
    if kind == Some(RootKind::Chart) {
        in_huge_pages();
    }
}

fn in_huge_pages() {
    set(false);
}

#[cfg(target_os = "linux")]
fn set(small: bool) {
    rustix::thread::disable_transparent_huge_pages(small).ok();
}

#[cfg(not(target_os = "linux"))]
fn set(_: bool) {}

#[cfg(test)]
mod tests {
    use super::in_use;

    #[test]
    fn what_is_allocated_is_counted_until_it_is_freed() {
        const SIZE: u64 = 256 << 20;
        let before = in_use();
        let large = vec![0_u8; SIZE as usize];
        // Other tests allocate at the same time, but nothing of this size.
        assert!(in_use() >= before / 2 + SIZE - (64 << 20), "{} then {}", before, in_use());
        let held = in_use();
        drop(large);
        assert!(in_use() < held - SIZE / 2);
    }
}
