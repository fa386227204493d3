//! What the child may still do once it reads an upload: read the upload, write its output, compute. Files by Landlock
//! (<https://docs.kernel.org/userspace-api/landlock.html>), system calls by a seccomp list of those that are needed
//! (<https://docs.kernel.org/userspace-api/seccomp_filter.html>). Both set `no_new_privs`. A decoder that an upload took
//! over finds no network, no other program, no other file, and nothing in its environment.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

/// What is asked of the kernel (Linux 6.12); an older one gives what it has.
const WANTED: ABI = ABI::V6;

/// The files that stay within reach. A folder stands for all below it.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    pub read: Vec<PathBuf>,
    pub write: Vec<PathBuf>,
}

impl Reach {
    /// An upload to read, with the files that the links in its folders lead to: collections of studies are often
    /// folders of links.
    pub(super) fn reading(upload: &Path) -> Self {
        let mut read = vec![upload.to_owned()];
        let mut open = vec![upload.to_owned()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => open.push(entry.path()),
                    Ok(kind) if kind.is_symlink() => {
                        let file = fs::canonicalize(entry.path()).ok().filter(|path| path.is_file());
                        read.extend(file);
                    }
                    Ok(_) | Err(_) => {}
                }
            }
        }
        Self {
            read,
            write: Vec::new(),
        }
    }

    pub(super) fn writing(mut self, paths: impl IntoIterator<Item = PathBuf>) -> Self {
        self.write.extend(paths);
        self
    }
}

/// What the kernel holds a process to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confinement {
    /// Landlock holds, whole or as far as this kernel knows it.
    pub files: bool,
    /// The list of system calls holds.
    pub calls: bool,
}

impl Confinement {
    pub fn is_whole(self) -> bool {
        self.files && self.calls
    }
}

/// Confines the calling thread and all that it starts; to be called before there are others. There is no way back.
pub fn confine(reach: &Reach) -> Confinement {
    Confinement {
        files: confine_files(reach).unwrap_or(false),
        calls: confine_calls().is_ok(),
    }
}

/// What [`confine`] would do on this machine, tried on a thread that ends afterwards.
pub fn probe() -> Confinement {
    let none = Confinement {
        files: false,
        calls: false,
    };
    thread::spawn(|| confine(&Reach::default()))
        .join()
        .unwrap_or(none)
}

fn confine_files(reach: &Reach) -> Result<bool, RulesetError> {
    let reading = AccessFs::ReadFile | AccessFs::ReadDir;
    let writing = AccessFs::from_all(WANTED) & !AccessFs::Execute;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(WANTED))?
        .handle_access(AccessNet::from_all(WANTED))?
        .scope(Scope::from_all(WANTED))?
        .create()?
        .add_rules(path_beneath_rules(&reach.read, reading))?
        .add_rules(path_beneath_rules(&reach.write, writing))?
        .restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

/// What a program of Rust and C that computes with threads, reads and writes files needs on Linux with glibc. Whatever is not
/// here is refused with EPERM; ADR 1601 says over which uploads `strace` saw no such refusal.
const CALLS: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_copy_file_range,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_faccessat,
    libc::SYS_fadvise64,
    libc::SYS_fallocate,
    libc::SYS_fcntl,
    libc::SYS_fdatasync,
    libc::SYS_fstat,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_futex,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mkdirat,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_prlimit64,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sendfile,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_sigaltstack,
    libc::SYS_splice,
    libc::SYS_statx,
    libc::SYS_sysinfo,
    libc::SYS_tgkill,
    libc::SYS_uname,
    libc::SYS_unlinkat,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Those that only older machines still have beside their successors.
#[cfg(target_arch = "x86_64")]
const OLDER_CALLS: &[i64] = &[
    libc::SYS_access,
    libc::SYS_arch_prctl,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_open,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_stat,
    libc::SYS_time,
    libc::SYS_unlink,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER_CALLS: &[i64] = &[];

fn confine_calls() -> Result<(), Box<dyn std::error::Error>> {
    let arch = ARCH.try_into()?;
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = CALLS
        .iter()
        .chain(OLDER_CALLS)
        .map(|call| (*call, Vec::new()))
        .collect();
    // Threads, but no processes.
    let thread = u64::try_from(libc::CLONE_THREAD)?;
    rules.insert(
        libc::SYS_clone,
        vec![argument_is(0, SeccompCmpOp::MaskedEq(thread), thread)?],
    );
    // A thread's name; glibc names its arenas.
    let named = [libc::PR_SET_NAME, libc::PR_SET_VMA];
    let named: Result<Vec<_>, _> = named
        .into_iter()
        .map(|option| argument_is(0, SeccompCmpOp::Eq, u64::try_from(option)?))
        .collect();
    rules.insert(libc::SYS_prctl, named?);
    let refused = SeccompAction::Errno(u32::try_from(libc::EPERM)?);
    // The flags of clone3 lie behind a pointer, which no filter follows: told that the kernel has none, glibc takes
    // clone. Of two filters the stricter holds, so the list lets it pass.
    rules.insert(libc::SYS_clone3, Vec::new());
    let unknown = SeccompAction::Errno(u32::try_from(libc::ENOSYS)?);
    let clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let clone3: BpfProgram = SeccompFilter::new(clone3, SeccompAction::Allow, unknown, arch)?.try_into()?;
    let list: BpfProgram = SeccompFilter::new(rules, refused, SeccompAction::Allow, arch)?.try_into()?;
    apply_filter(&clone3)?;
    apply_filter(&list)?;
    Ok(())
}

fn argument_is(
    index: u8,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompRule, Box<dyn std::error::Error>> {
    let condition = SeccompCondition::new(index, SeccompCmpArgLen::Dword, operator, value)?;
    Ok(SeccompRule::new(vec![condition])?)
}
