//! Who makes readers, and who ends them? A process that holds no key and no letter, forked before
//! any key was loaded.
//!
//! A reader may be taken over by its letter, so nothing that it does itself bounds its life: the
//! zygote kills it.

use super::jail::{self, Jail, JailRole};
use super::{reader, sys};
use crate::model::limits::Limits;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

/// How often children are looked after while there are any, in milliseconds.
const LOOK_MS: u16 = 500;

/// The keyholder's end of the zygote.
pub struct Zygote {
    control: OwnedFd,
}

impl Zygote {
    /// Has a reader forked for one call: the desk's connection, and the socket for session keys.
    pub fn fork_reader(
        &self,
        verb: u8,
        desk: BorrowedFd<'_>,
        keys: BorrowedFd<'_>,
    ) -> Result<(), Errno> {
        sys::send_descriptors(self.control.as_fd(), verb, &[desk, keys])
    }

    /// The keyholder's end of the zygote's socket: it can be read when the zygote has ended.
    pub fn control(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }
}

/// Forks the zygote; it dies with its parent.
pub fn spawn(doorway: RawFd, limits: &Limits, allow_without_jail: bool) -> Result<Zygote, Errno> {
    let (ours, theirs) = sys::message_pair()?;
    match sys::fork()? {
        ForkResult::Parent { .. } => Ok(Zygote { control: ours }),
        ForkResult::Child => {
            drop(ours);
            // Neither the zygote nor its readers may take calls, or speak where the keyholder logs.
            if doorway > 2 {
                sys::close_inherited(doorway);
            }
            if sys::silence().is_err() {
                sys::end(1);
            }
            let code = if live(&theirs, limits, allow_without_jail).is_ok() {
                0
            } else {
                1
            };
            sys::end(code)
        }
    }
}

fn live(
    control: &OwnedFd,
    limits: &Limits,
    allow_without_jail: bool,
) -> Result<(), jail::JailError> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    sys::keep_memory();
    jail::harden_process()?;
    let readers = Jail::prepare(JailRole::Reader, limits, allow_without_jail)?;
    Jail::prepare(JailRole::Zygote, limits, allow_without_jail)?.enter()?;
    let mut children = Children {
        alive: Vec::new(),
        life: Duration::from_secs(limits.reader_life_s),
    };
    loop {
        children.look_after();
        let patience = if children.alive.is_empty() {
            PollTimeout::NONE
        } else {
            PollTimeout::from(LOOK_MS)
        };
        match poll(
            &mut [PollFd::new(control.as_fd(), PollFlags::POLLIN)],
            patience,
        ) {
            Ok(0) | Err(Errno::EINTR) => continue,
            Ok(_) => {}
            Err(err) => return Err(err.into()),
        }
        let Ok(Some((verb, descriptors))) = sys::receive_descriptors(control.as_fd()) else {
            return Ok(());
        };
        let Ok([desk, keys]) = <[OwnedFd; 2]>::try_from(descriptors) else {
            continue;
        };
        match sys::fork() {
            Ok(ForkResult::Child) => {
                sys::close_inherited(control.as_raw_fd());
                let code = match readers.enter() {
                    Ok(()) => reader::serve(verb, &desk, &keys, limits),
                    Err(_) => 1,
                };
                sys::end(code);
            }
            Ok(ForkResult::Parent { child }) => children.alive.push((child, Instant::now())),
            Err(_) => {} // its sockets close, and the keyholder counts a death
        }
    }
}

/// The readers that were not reaped yet: until then no other process can have the number of one.
struct Children {
    alive: Vec<(Pid, Instant)>,
    life: Duration,
}

impl Children {
    /// Reaps those that ended, and kills those that outlived their time, whatever signals they
    /// block.
    fn look_after(&mut self) {
        while let Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) =
            waitpid(None, Some(WaitPidFlag::WNOHANG))
        {
            self.alive.retain(|(child, _)| *child != pid);
        }
        for (child, _) in self
            .alive
            .iter()
            .filter(|(_, since)| since.elapsed() > self.life)
        {
            let _ = kill(*child, Signal::SIGKILL);
        }
    }
}
