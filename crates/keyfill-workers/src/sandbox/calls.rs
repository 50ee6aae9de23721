//! seccomp: the system calls that computing needs, and no others.
//!
//! What is not on the list fails with EPERM, so that a library which asks for more than it needs goes on without.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};
use std::collections::BTreeMap;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Calls that are allowed whatever their arguments.
const ALWAYS: &[i64] = &[
    // The channel, and reading the archive that came over it.
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
    // Memory.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    // Threads, time, signals to oneself.
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

/// The same that only this architecture has.
#[cfg(target_arch = "x86_64")]
const ALSO: &[i64] = &[libc::SYS_poll, libc::SYS_time, libc::SYS_gettimeofday, libc::SYS_arch_prctl];
#[cfg(not(target_arch = "x86_64"))]
const ALSO: &[i64] = &[libc::SYS_gettimeofday];

/// Filters this thread's calls and those of threads to come; `false` where the kernel or the architecture cannot.
pub fn filter() -> bool {
    // Landlock may be missing and has then not done it.
    if rustix::thread::set_no_new_privs(true).is_err() {
        return false;
    }
    let (Some(allowed), Some(clone3)) = (allowed(), without_clone3()) else { return false };
    // Both hold. The short one comes first: once the long list is in force no filter can be added.
    seccompiler::apply_filter(&clone3).is_ok() && seccompiler::apply_filter(&allowed).is_ok()
}

fn allowed() -> Option<BpfProgram> {
    let mut rules: Rules = ALWAYS.iter().chain(ALSO).map(|call| (*call, Vec::new())).collect();
    // The other filter's to refuse, with an error of its own.
    rules.insert(libc::SYS_clone3, Vec::new());
    // Pages that can be run are never asked for.
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.insert(call, vec![argument(2, SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64), 0)?]);
    }
    // A new thread, and no new process.
    let thread = libc::CLONE_THREAD as u64;
    rules.insert(libc::SYS_clone, vec![argument(0, SeccompCmpOp::MaskedEq(thread), thread)?]);
    // A limit says how much of the stack is left: limits are read, and not set.
    rules.insert(libc::SYS_prlimit64, vec![argument(2, SeccompCmpOp::Eq, 0)?]);
    // A signal to oneself is how a program aborts.
    let own = u64::from(std::process::id());
    rules.insert(libc::SYS_tgkill, vec![argument(0, SeccompCmpOp::Eq, own)?]);
    // Naming a thread, and the size of pages.
    let names = [libc::PR_SET_NAME, libc::PR_SET_THP_DISABLE, libc::PR_SET_VMA];
    let named = names.into_iter().map(|name| argument(0, SeccompCmpOp::Eq, name as u64));
    rules.insert(libc::SYS_prctl, named.collect::<Option<_>>()?);
    program(rules, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow)
}

/// What clone3 is asked for lies in memory, where a filter cannot look: it does not exist, and the C library calls
/// clone instead.
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
