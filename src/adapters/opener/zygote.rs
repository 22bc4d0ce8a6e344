//! Who makes readers? A process that holds no key and no letter, forked before any key was loaded.

use super::jail::{self, Jail, Role};
use super::{reader, sys};
use crate::model::limits::Limits;
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::ForkResult;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// The keyholder's end of the zygote.
pub struct Zygote {
    control: OwnedFd,
}

impl Zygote {
    /// Has a reader forked for one call: the desk's connection, and the socket for session keys.
    pub fn fork_reader(&self, verb: u8, desk: BorrowedFd<'_>, keys: BorrowedFd<'_>) -> Result<(), Errno> {
        sys::send_descriptors(self.control.as_fd(), verb, &[desk, keys])
    }

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
            let code = if live(&theirs, limits, allow_without_jail).is_ok() { 0 } else { 1 };
            sys::end(code)
        }
    }
}

fn live(control: &OwnedFd, limits: &Limits, allow_without_jail: bool) -> Result<(), jail::JailError> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    sys::ignore_children()?;
    sys::keep_memory();
    jail::harden_process()?;
    let readers = Jail::prepare(Role::Reader, limits, allow_without_jail)?;
    Jail::prepare(Role::Zygote, limits, allow_without_jail)?.enter()?;
    while let Ok(Some((verb, descriptors))) = sys::receive_descriptors(control.as_fd()) {
        let Ok([desk, keys]) = <[OwnedFd; 2]>::try_from(descriptors) else { continue };
        if matches!(sys::fork(), Ok(ForkResult::Child)) {
            sys::close_inherited(control.as_raw_fd());
            let code = match readers.enter() {
                Ok(()) => reader::serve(verb, &desk, &keys, limits),
                Err(_) => 1,
            };
            sys::end(code);
        }
    }
    Ok(())
}
