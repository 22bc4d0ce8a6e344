//! No process of the opener can open a path or a socket, start a program, or look at another
//! process.
//!
//! Each probe runs in a forked child that enters the real jail; the parent reads what it was told.
#![allow(
    unsafe_code,
    reason = "the probes are the system calls that must not work"
)]

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use sealdesk::adapters::opener::jail::{self, Jail, JailRole};
use sealdesk::model::limits::Limits;
use std::ffi::CString;

const ROLES: [JailRole; 3] = [JailRole::Keyholder, JailRole::Zygote, JailRole::Reader];

/// Runs a probe in the jail; its exit code.
fn jailed(role: JailRole, probe: fn() -> i32) -> WaitStatus {
    // SAFETY: the child makes system calls and ends with _exit; it takes no lock that another
    // thread may hold.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => waitpid(child, None).unwrap(),
        ForkResult::Child => {
            let enter =
                |role| Jail::prepare(role, &Limits::MAX, false).and_then(|jail| jail.enter());
            // A reader inherits the zygote's ruleset, as it does in life.
            let entered = if role == JailRole::Reader {
                enter(JailRole::Zygote).and_then(|()| enter(role))
            } else {
                enter(role)
            };
            let code = if entered.is_ok() { probe() } else { 99 };
            unsafe { libc::_exit(code) }
        }
    }
}

fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// The errno that a call ended with, or 0 where it went through.
fn refused(result: i64) -> i32 {
    if result >= 0 { 0 } else { errno() }
}

fn check(what: &str, probe: fn() -> i32) {
    for role in ROLES {
        let status = jailed(role, probe);
        let held = matches!(status, WaitStatus::Exited(_, code) if code == libc::EPERM || code == libc::EACCES);
        assert!(held, "{role:?} could {what}: {status:?}");
    }
}

#[test]
fn no_path_can_be_opened_made_or_asked_about() {
    check("read a file", || {
        refused(i64::from(unsafe {
            libc::open(c"/etc/passwd".as_ptr(), libc::O_RDONLY)
        }))
    });
    check("make a file", || {
        refused(i64::from(unsafe {
            libc::open(
                c"/tmp/sealdesk-jail".as_ptr(),
                libc::O_WRONLY | libc::O_CREAT,
                0o600,
            )
        }))
    });
    check("list a folder", || {
        refused(i64::from(unsafe {
            libc::open(c"/".as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY)
        }))
    });
    check("ask about a file", || {
        let mut stat = unsafe { std::mem::zeroed::<libc::stat>() };
        refused(i64::from(unsafe {
            libc::stat(c"/etc/passwd".as_ptr(), &raw mut stat)
        }))
    });
    check("remove a file", || {
        refused(i64::from(unsafe {
            libc::unlink(c"/tmp/sealdesk-jail".as_ptr())
        }))
    });
}

#[test]
fn no_socket_can_be_made() {
    check("make an internet socket", || {
        refused(i64::from(unsafe {
            libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0)
        }))
    });
    check("make a unix socket", || {
        refused(i64::from(unsafe {
            libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)
        }))
    });
    check("make a netlink socket", || {
        refused(i64::from(unsafe {
            libc::socket(libc::AF_NETLINK, libc::SOCK_RAW, 0)
        }))
    });
}

#[test]
fn no_program_can_be_started() {
    check("start a program", || {
        let path = CString::new("/bin/true").unwrap();
        let arguments = [path.as_ptr(), std::ptr::null()];
        refused(i64::from(unsafe {
            libc::execv(path.as_ptr(), arguments.as_ptr())
        }))
    });
    check("make memory into code", || {
        let memory = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                4096,
                libc::PROT_READ | libc::PROT_EXEC,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if memory == libc::MAP_FAILED {
            errno()
        } else {
            0
        }
    });
}

#[test]
fn no_other_process_can_be_touched() {
    check("trace a process", || {
        refused(unsafe { libc::ptrace(libc::PTRACE_ATTACH, libc::getppid(), 0, 0) })
    });
    check("signal a process", || {
        refused(i64::from(unsafe { libc::kill(libc::getppid(), 0) }))
    });
    check("read a process's memory", || {
        let mut octet = 0u8;
        let local = libc::iovec {
            iov_base: (&raw mut octet).cast(),
            iov_len: 1,
        };
        let remote = libc::iovec {
            iov_base: 0x1000 as *mut libc::c_void,
            iov_len: 1,
        };
        refused(unsafe {
            libc::process_vm_readv(
                libc::getppid(),
                &raw const local,
                1,
                &raw const remote,
                1,
                0,
            )
        } as i64)
    });
}

#[test]
fn only_the_zygote_can_fork() {
    for (role, may) in [
        (JailRole::Keyholder, false),
        (JailRole::Zygote, true),
        (JailRole::Reader, false),
    ] {
        let status = jailed(role, || match unsafe { fork() } {
            Ok(ForkResult::Child) => unsafe { libc::_exit(0) },
            Ok(ForkResult::Parent { .. }) => 0,
            Err(errno) => errno as i32,
        });
        assert_eq!(
            status,
            WaitStatus::Exited(status.pid().unwrap(), if may { 0 } else { libc::EPERM }),
            "{role:?}"
        );
    }
}

#[test]
fn a_reader_cannot_balloon_or_loop_for_ever() {
    let balloon = jailed(JailRole::Reader, || {
        let memory = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                10 << 30,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if memory == libc::MAP_FAILED {
            errno()
        } else {
            0
        }
    });
    assert_eq!(
        balloon,
        WaitStatus::Exited(balloon.pid().unwrap(), libc::ENOMEM)
    );
}

#[test]
fn a_reader_can_neither_block_nor_ignore_what_ends_it() {
    let blocked = jailed(JailRole::Reader, || {
        let all = u64::MAX;
        // SAFETY: the kernel copies eight octets from `all`.
        refused(unsafe {
            libc::syscall(
                libc::SYS_rt_sigprocmask,
                libc::SIG_BLOCK,
                &raw const all,
                std::ptr::null_mut::<u64>(),
                8,
            )
        })
    });
    assert_eq!(
        blocked,
        WaitStatus::Exited(blocked.pid().unwrap(), libc::EPERM)
    );
    let ignored = jailed(JailRole::Reader, || {
        if unsafe { libc::signal(libc::SIGALRM, libc::SIG_IGN) } == libc::SIG_ERR {
            errno()
        } else {
            0
        }
    });
    assert_eq!(
        ignored,
        WaitStatus::Exited(ignored.pid().unwrap(), libc::EPERM)
    );
}

#[test]
fn a_reader_lowers_its_own_memory_and_time_and_changes_no_other_limit() {
    let lowered = jailed(JailRole::Reader, || {
        i32::from(jail::limit_reader(&Limits::MAX.for_letter(1)).is_err())
    });
    assert_eq!(lowered, WaitStatus::Exited(lowered.pid().unwrap(), 0));
    let probes: [fn() -> i32; 2] = [
        || {
            let none = libc::rlimit {
                rlim_cur: 0,
                rlim_max: 0,
            };
            refused(i64::from(unsafe {
                libc::setrlimit(libc::RLIMIT_NOFILE, &raw const none)
            }))
        },
        || {
            let none = libc::rlimit {
                rlim_cur: 0,
                rlim_max: 0,
            };
            refused(i64::from(unsafe {
                libc::prlimit(
                    libc::getppid(),
                    libc::RLIMIT_CPU,
                    &raw const none,
                    std::ptr::null_mut(),
                )
            }))
        },
    ];
    for probe in probes {
        let status = jailed(JailRole::Reader, probe);
        assert_eq!(
            status,
            WaitStatus::Exited(status.pid().unwrap(), libc::EPERM)
        );
    }
}

#[test]
fn a_zygote_can_kill_and_do_nothing_else_to_a_process() {
    for (signal, refused_with) in [
        (0, libc::EPERM),
        (libc::SIGTERM, libc::EPERM),
        (libc::SIGSTOP, libc::EPERM),
    ] {
        static SIGNAL: std::sync::atomic::AtomicI32 = std::sync::atomic::AtomicI32::new(0);
        SIGNAL.store(signal, std::sync::atomic::Ordering::SeqCst);
        let status = jailed(JailRole::Zygote, || {
            refused(i64::from(unsafe {
                libc::kill(
                    libc::getpid(),
                    SIGNAL.load(std::sync::atomic::Ordering::SeqCst),
                )
            }))
        });
        assert_eq!(
            status,
            WaitStatus::Exited(status.pid().unwrap(), refused_with),
            "{signal}"
        );
    }
    let killed = jailed(JailRole::Zygote, || {
        refused(i64::from(unsafe {
            libc::kill(libc::getpid(), libc::SIGKILL)
        }))
    });
    assert!(
        matches!(
            killed,
            WaitStatus::Signaled(_, nix::sys::signal::Signal::SIGKILL, _)
        ),
        "{killed:?}"
    );
}
