//! Who makes readers, and who ends them? A process that holds no key and no letter, forked before
//! any key was loaded.
//!
//! A reader may be taken over by its letter, so nothing that it does or says bounds its life or
//! frees its place: the zygote kills it, and tells the keyholder once it is no more.

use super::jail::{self, Jail, JailRole};
use super::{READERS_MAX, reader, sys};
use crate::model::limits::Limits;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, getpid, getppid};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

/// How often it is looked whether a child outlived its time, in milliseconds.
const LOOK_MS: u16 = 500;

// What the keyholder says to the zygote, before the number of a place.
/// The verb of its call follows; with the desk's connection and the socket for session keys.
const FORK: u8 = b'f';
/// Whoever is in that place is to be killed.
const KILL: u8 = b'x';

/// The keyholder's end of the zygote.
pub struct Zygote {
    control: OwnedFd,
}

/// What became of a reader, as its parent saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reaped {
    /// Its place, which is free again.
    pub place: u8,
    /// It ended by itself: no signal and no limit ended it.
    pub by_itself: bool,
}

impl Zygote {
    /// Has a reader forked in a free place for one call: the desk's connection, and the socket for
    /// session keys.
    pub fn fork_reader(
        &self,
        place: u8,
        verb: u8,
        desk: BorrowedFd<'_>,
        keys: BorrowedFd<'_>,
    ) -> Result<(), Errno> {
        sys::send_message(self.control.as_fd(), &[FORK, place, verb], &[desk, keys])
    }

    /// Has the reader in a place killed. It is heard of once more, when it was reaped.
    pub fn kill(&self, place: u8) -> Result<(), Errno> {
        sys::send_message(self.control.as_fd(), &[KILL, place], &[])
    }

    /// The next reader that was reaped; `None` when the zygote is gone.
    pub fn reaped(&self) -> Result<Option<Reaped>, Errno> {
        match sys::receive_message(self.control.as_fd())? {
            Some((message, _)) => match message[..] {
                [place, by_itself] => Ok(Some(Reaped {
                    place,
                    by_itself: by_itself != 0,
                })),
                _ => Err(Errno::EBADMSG),
            },
            None => Ok(None),
        }
    }

    /// The keyholder's end of the zygote's socket: it can be read when a reader was reaped, or the
    /// zygote has ended.
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
    sys::end_at_faults()?;
    jail::harden_process()?;
    let ended = child_ended()?;
    let readers = Jail::prepare(JailRole::Reader, limits, allow_without_jail)?;
    Jail::prepare(JailRole::Zygote, limits, allow_without_jail)?.enter()?;
    let mut zygote = Parent {
        control,
        ended,
        readers,
        limits,
        children: [None; READERS_MAX],
    };
    loop {
        zygote.look_after()?;
        let patience = if zygote.children.iter().all(Option::is_none) {
            PollTimeout::NONE
        } else {
            PollTimeout::from(LOOK_MS)
        };
        let mut watched = [
            PollFd::new(control.as_fd(), PollFlags::POLLIN),
            PollFd::new(zygote.ended.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut watched, patience) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(err) => return Err(err.into()),
        }
        if !watched[0].any().unwrap_or(false) {
            continue;
        }
        let Ok(Some((message, descriptors))) = sys::receive_message(control.as_fd()) else {
            return Ok(());
        };
        match message[..] {
            [FORK, place, verb] => zygote.fork(place, verb, descriptors)?,
            [KILL, place] => zygote.kill(place),
            _ => {}
        }
    }
}

/// Can be read when a child ended. Children inherit that SIGCHLD is blocked, which means nothing to
/// them.
fn child_ended() -> Result<SignalFd, Errno> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGCHLD);
    signals.thread_block()?;
    SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

/// A reader that was not reaped yet: until then no other process can have its number.
#[derive(Clone, Copy)]
struct Child {
    pid: Pid,
    since: Instant,
}

/// The parent of all readers.
struct Parent<'a> {
    control: &'a OwnedFd,
    ended: SignalFd,
    readers: Jail,
    limits: &'a Limits,
    /// By their places.
    children: [Option<Child>; READERS_MAX],
}

impl Parent<'_> {
    /// Forks a reader, where its place is there and free: whatever the keyholder believes, no more
    /// readers live than there are places.
    fn fork(&mut self, place: u8, verb: u8, descriptors: Vec<OwnedFd>) -> Result<(), Errno> {
        let Ok([desk, keys]) = <[OwnedFd; 2]>::try_from(descriptors) else {
            return Ok(());
        };
        let Some(free @ None) = self.children.get_mut(usize::from(place)) else {
            return Ok(());
        };
        let parent = getpid();
        match sys::fork() {
            Ok(ForkResult::Child) => {
                sys::close_inherited(self.control.as_raw_fd());
                sys::close_inherited(self.ended.as_raw_fd());
                // It dies with the zygote, also with one that died before this was said.
                let bound = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).is_ok();
                let code = if bound && getppid() == parent && self.readers.enter().is_ok() {
                    reader::serve(verb, &desk, &keys, self.limits)
                } else {
                    1
                };
                sys::end(code);
            }
            Ok(ForkResult::Parent { child }) => {
                *free = Some(Child {
                    pid: child,
                    since: Instant::now(),
                });
                Ok(())
            }
            // Its sockets close, and the keyholder counts a death.
            Err(_) => self.tell(place, false),
        }
    }

    /// Reaps those that ended and tells the keyholder; kills those that outlived their time,
    /// whatever signals they block.
    fn look_after(&mut self) -> Result<(), Errno> {
        while let Ok(Some(_)) = self.ended.read_signal() {}
        loop {
            let (pid, by_itself) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, _)) => (pid, true),
                Ok(WaitStatus::Signaled(pid, ..)) => (pid, false),
                _ => break,
            };
            let place = self
                .children
                .iter()
                .position(|child| child.is_some_and(|child| child.pid == pid));
            if let Some(place) = place {
                self.children[place] = None;
                self.tell(place as u8, by_itself)?;
            }
        }
        let life = Duration::from_secs(self.limits.reader_life_s);
        for child in self.children.iter().flatten() {
            if child.since.elapsed() > life {
                let _ = kill(child.pid, Signal::SIGKILL);
            }
        }
        Ok(())
    }

    fn kill(&self, place: u8) {
        if let Some(Some(child)) = self.children.get(usize::from(place)) {
            let _ = kill(child.pid, Signal::SIGKILL);
        }
    }

    fn tell(&self, place: u8, by_itself: bool) -> Result<(), Errno> {
        sys::send_message(self.control.as_fd(), &[place, u8::from(by_itself)], &[])
    }
}
