//! The seccomp filter: it allows only the system calls that rendering needs.
//!
//! Other calls fail with EPERM, so that a library that tries more than it needs can go on.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};
use std::collections::BTreeMap;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Calls that are allowed whatever their arguments.
const ALWAYS: &[i64] = &[
    // For the channel, and for reading the archive that came over it.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_recvmsg,
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_close,
    libc::SYS_fcntl,
    libc::SYS_ppoll,
    // For memory.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    // For threads, time, and signals to the process itself.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_set_tid_address,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getrusage,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_getrandom,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Further calls that are always allowed and that only this architecture has.
#[cfg(target_arch = "x86_64")]
const ALSO: &[i64] = &[libc::SYS_poll, libc::SYS_time, libc::SYS_gettimeofday, libc::SYS_arch_prctl];
#[cfg(not(target_arch = "x86_64"))]
const ALSO: &[i64] = &[libc::SYS_gettimeofday];

/// Filters the system calls of this thread and of those that it starts later. Returns `false` if the kernel or the
/// architecture does not support it.
pub fn filter() -> bool {
    // Landlock sets this too, but may be missing.
    if rustix::thread::set_no_new_privs(true).is_err() {
        return false;
    }
    let (Some(allowed), Some(clone3)) = (allowed(), without_clone3()) else { return false };
    // Both filters are in force. The short one must come first: the long one forbids to add a filter.
    seccompiler::apply_filter(&clone3).is_ok() && seccompiler::apply_filter(&allowed).is_ok()
}

fn allowed() -> Option<BpfProgram> {
    let mut rules: Rules = ALWAYS.iter().chain(ALSO).map(|call| (*call, Vec::new())).collect();
    // The other filter refuses clone3, with another error.
    rules.insert(libc::SYS_clone3, Vec::new());
    // Memory must not be executable.
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.insert(call, vec![argument(2, SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64), 0)?]);
    }
    // A new thread is allowed, a new process is not.
    let thread = libc::CLONE_THREAD as u64;
    rules.insert(libc::SYS_clone, vec![argument(0, SeccompCmpOp::MaskedEq(thread), thread)?]);
    // Limits may be read, which is needed to find the size of the stack, but not set.
    rules.insert(libc::SYS_prlimit64, vec![argument(2, SeccompCmpOp::Eq, 0)?]);
    // A program aborts by a signal to itself.
    let own = u64::from(std::process::id());
    rules.insert(libc::SYS_tgkill, vec![argument(0, SeccompCmpOp::Eq, own)?]);
    // Setting the names of threads and memory areas, and the size of pages.
    let names = [libc::PR_SET_NAME, libc::PR_SET_THP_DISABLE, libc::PR_SET_VMA];
    let named = names.into_iter().map(|name| argument(0, SeccompCmpOp::Eq, name as u64));
    rules.insert(libc::SYS_prctl, named.collect::<Option<_>>()?);
    program(rules, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow)
}

/// A filter for clone3, whose arguments are in memory, where a filter cannot read them. The call fails as if it did
/// not exist, so that the C library uses clone.
fn without_clone3() -> Option<BpfProgram> {
    let rules = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    program(rules, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32))
}

fn argument(index: u8, is: SeccompCmpOp, value: u64) -> Option<SeccompRule> {
    let condition = SeccompCondition::new(index, SeccompCmpArgLen::Qword, is, value).ok()?;
    SeccompRule::new(vec![condition]).ok()
}

fn program(rules: Rules, others: SeccompAction, these: SeccompAction) -> Option<BpfProgram> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).ok()?;
    SeccompFilter::new(rules, others, these, arch).ok()?.try_into().ok()
}
