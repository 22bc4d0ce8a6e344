//! What can a process of the opener still do? No file, no socket, no program, no look at another
//! process.
//!
//! Landlock without any path, then a seccomp allow-list; both stay for ever. What is refused gets
//! EPERM: libraries that try a file they can do without go on, and a test proves that nothing gets
//! through.

use super::sys;
use crate::model::limits::Limits;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus,
    Scope,
};
use nix::sys::resource::{Resource, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};
use std::collections::BTreeMap;

/// Who is jailed. Each may do what its work needs and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JailRole {
    /// Accepts calls, passes descriptors on, decrypts PKESKs and signs.
    Keyholder,
    /// Forks readers.
    Zygote,
    /// Opens one letter.
    Reader,
}

/// What of the jail could not be put up; a process of the opener then does not start, unless the
/// config allows it.
#[derive(Debug, thiserror::Error)]
pub enum JailError {
    #[error("this kernel has no Landlock")]
    NoLandlock,
    #[error("Landlock refused: {0}")]
    Landlock(#[from] landlock::RulesetError),
    #[error("seccomp refused: {0}")]
    Seccomp(#[from] seccompiler::Error),
    #[error("a limit could not be set: {0}")]
    Limit(#[from] nix::errno::Errno),
}

/// No core dump, no ptrace by others of the same user.
pub fn harden_process() -> Result<(), JailError> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    nix::sys::prctl::set_dumpable(false)?;
    Ok(())
}

/// A jail, ready to be entered. The zygote prepares one for all its readers.
pub struct Jail {
    role: JailRole,
    limits: Limits,
    /// Absent where the kernel lacks the means and that is accepted.
    filters: Option<Vec<BpfProgram>>,
    allow_without: bool,
}

impl Jail {
    /// Compiles the filter. With `allow_without` a machine that lacks the means is accepted.
    pub fn prepare(
        role: JailRole,
        limits: &Limits,
        allow_without: bool,
    ) -> Result<Self, JailError> {
        let filters = match filters(role) {
            Ok(filters) => Some(filters),
            Err(_) if allow_without => None,
            Err(err) => return Err(err.into()),
        };
        Ok(Self {
            role,
            limits: *limits,
            filters,
            allow_without,
        })
    }

    /// Shuts the jail around this process, for ever.
    pub fn enter(&self) -> Result<(), JailError> {
        match self.shut() {
            Err(JailError::NoLandlock | JailError::Seccomp(_) | JailError::Landlock(_))
                if self.allow_without =>
            {
                Ok(())
            }
            other => other,
        }
    }

    fn shut(&self) -> Result<(), JailError> {
        if self.role == JailRole::Reader {
            limit_reader(&self.limits)?;
            sys::end_after(u32::try_from(self.limits.reader_life_s).unwrap_or(u32::MAX));
        } else {
            // A reader inherits the zygote's ruleset.
            no_paths()?;
        }
        // The last of them allows no further one.
        for filter in self.filters.iter().flatten() {
            seccompiler::apply_filter(filter)?;
        }
        Ok(())
    }
}

/// Bounds this process's memory and processor time. They can be lowered again, and never raised.
pub fn limit_reader(limits: &Limits) -> Result<(), JailError> {
    setrlimit(
        Resource::RLIMIT_AS,
        limits.reader_memory_octets,
        limits.reader_memory_octets,
    )?;
    setrlimit(
        Resource::RLIMIT_CPU,
        limits.reader_cpu_s,
        limits.reader_cpu_s,
    )?;
    Ok(())
}

/// What is put up, one after the other. A reader inherits the zygote's end at signals.
fn filters(role: JailRole) -> Result<Vec<BpfProgram>, seccompiler::Error> {
    let mut filters = Vec::new();
    if role != JailRole::Reader {
        filters.push(ending_at_signals()?);
    }
    filters.push(compiled(role)?);
    Ok(filters)
}

fn compiled(role: JailRole) -> Result<BpfProgram, seccompiler::Error> {
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    program(allowed(role), refused, SeccompAction::Allow)
}

/// Ends a process that signals one of its threads. Nobody does but one who aborts, as where memory
/// runs out; were that refused, abort() would fault at its end, again and again.
fn ending_at_signals() -> Result<BpfProgram, seccompiler::Error> {
    let signals = [libc::SYS_tgkill, libc::SYS_tkill];
    let signals = signals.into_iter().map(|call| (call, Vec::new()));
    program(
        signals.collect(),
        SeccompAction::Allow,
        SeccompAction::KillProcess,
    )
}

fn program(
    rules: Rules,
    otherwise: SeccompAction,
    of_rules: SeccompAction,
) -> Result<BpfProgram, seccompiler::Error> {
    let architecture = std::env::consts::ARCH
        .try_into()
        .map_err(seccompiler::Error::Backend)?;
    let filter = SeccompFilter::new(rules, otherwise, of_rules, architecture);
    filter
        .and_then(TryInto::try_into)
        .map_err(seccompiler::Error::Backend)
}

/// A Landlock ruleset that handles everything this kernel knows and allows nothing.
fn no_paths() -> Result<(), JailError> {
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V5))?
        .handle_access(AccessNet::from_all(ABI::V5))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .restrict_self()?;
    if status.ruleset == RulesetStatus::NotEnforced {
        Err(JailError::NoLandlock)
    } else {
        Ok(())
    }
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Open descriptors, memory, time, randomness, the end.
const CALLS_OF_ALL: &[libc::c_long] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_sendto,
    libc::SYS_recvfrom,
    libc::SYS_shutdown,
    libc::SYS_ppoll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_getrandom,
    libc::SYS_futex,
    libc::SYS_clock_gettime,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigreturn,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Connections are accepted, and descriptors passed on.
const CALLS_OF_KEYHOLDER: &[libc::c_long] = &[
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_accept4,
    libc::SYS_sendmsg,
    libc::SYS_recvmsg,
    libc::SYS_socketpair,
];

/// Readers are begun, given their descriptors, and waited for.
const CALLS_OF_ZYGOTE: &[libc::c_long] = &[
    libc::SYS_rt_sigprocmask,
    libc::SYS_sendmsg,
    libc::SYS_recvmsg,
    libc::SYS_getppid,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_wait4,
    ALARM,
];

/// A reader may block no signal: its alarm must end it.
const CALLS_OF_READER: &[libc::c_long] = &[];

/// What fcntl may do: nothing that makes another descriptor.
const FCNTL_COMMANDS: [libc::c_int; 4] =
    [libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_SETFL];

/// With any of these, clone makes a thread or a namespace, and not a process.
const CLONE_FLAGS_REFUSED: libc::c_int = libc::CLONE_VM
    | libc::CLONE_THREAD
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS;

/// The allow-list of a role: each system call, with the conditions of which one must hold.
fn allowed(role: JailRole) -> Rules {
    let of_role = match role {
        JailRole::Reader => CALLS_OF_READER,
        JailRole::Keyholder => CALLS_OF_KEYHOLDER,
        JailRole::Zygote => CALLS_OF_ZYGOTE,
    };
    let mut rules: Rules = [CALLS_OF_ALL, of_role]
        .concat()
        .into_iter()
        .map(|call| (call, Vec::new()))
        .collect();
    // Memory may never become code.
    let data_only = condition(2, SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64), 0);
    rules.insert(libc::SYS_mmap, vec![rule(data_only.clone())]);
    rules.insert(libc::SYS_mprotect, vec![rule(data_only)]);
    rules.insert(
        libc::SYS_fcntl,
        FCNTL_COMMANDS
            .iter()
            .map(|command| rule(condition(1, SeccompCmpOp::Eq, *command as u64)))
            .collect(),
    );
    match role {
        JailRole::Reader => allow_lower_limits(&mut rules),
        JailRole::Zygote => allow_forks(&mut rules),
        JailRole::Keyholder => {}
    }
    rules
}

/// Once a reader knows how large its letter is, it lowers what it may use; without a capability
/// nobody raises it again.
fn allow_lower_limits(rules: &mut Rules) {
    let of_itself = |resource: &u32| {
        let own = condition(0, SeccompCmpOp::Eq, 0);
        SeccompRule::new(vec![own, condition(1, SeccompCmpOp::Eq, *resource as u64)])
    };
    rules.insert(
        libc::SYS_prlimit64,
        [libc::RLIMIT_AS, libc::RLIMIT_CPU]
            .iter()
            .filter_map(|resource| of_itself(resource).ok())
            .collect(),
    );
}

/// fork, and no thread and no namespace; what a reader sets for itself before its own, narrower
/// filter.
fn allow_forks(rules: &mut Rules) {
    let no_other = SeccompCmpOp::MaskedEq(CLONE_FLAGS_REFUSED as u64);
    rules.insert(libc::SYS_clone, vec![rule(condition(0, no_other, 0))]);
    // It ends readers that outlive their time, and can do nothing else to a process.
    rules.insert(
        libc::SYS_kill,
        vec![rule(condition(1, SeccompCmpOp::Eq, libc::SIGKILL as u64))],
    );
    rules.insert(
        libc::SYS_prlimit64,
        vec![rule(condition(0, SeccompCmpOp::Eq, 0))],
    );
    let narrowing = [libc::PR_SET_NO_NEW_PRIVS, libc::PR_SET_PDEATHSIG];
    rules.insert(
        libc::SYS_prctl,
        narrowing
            .iter()
            .map(|option| rule(condition(0, SeccompCmpOp::Eq, *option as u64)))
            .collect(),
    );
    rules.insert(
        libc::SYS_seccomp,
        vec![rule(condition(
            0,
            SeccompCmpOp::Eq,
            u64::from(libc::SECCOMP_SET_MODE_FILTER),
        ))],
    );
}

fn condition(argument: u8, op: SeccompCmpOp, value: u64) -> SeccompCondition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, op, value)
        .expect("a constant condition on an argument below 6")
}

fn rule(condition: SeccompCondition) -> SeccompRule {
    SeccompRule::new(vec![condition]).expect("a rule with one condition")
}

/// What `alarm` is made of.
#[cfg(target_arch = "x86_64")]
const ALARM: libc::c_long = libc::SYS_alarm;
#[cfg(not(target_arch = "x86_64"))]
const ALARM: libc::c_long = libc::SYS_setitimer;
