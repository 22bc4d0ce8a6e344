//! Which system calls need `unsafe`? All of them are here.
#![allow(
    unsafe_code,
    reason = "fork, and taking ownership of descriptors that the kernel passed"
)]

use nix::errno::Errno;
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg,
    sendmsg, socketpair,
};
use nix::unistd::ForkResult;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Forks a process that has a single thread, so that the child may do anything.
pub(super) fn fork() -> Result<ForkResult, Errno> {
    // SAFETY: every caller runs in a process that never made a second thread.
    unsafe { nix::unistd::fork() }
}

/// Ends this process at once, without destructors of what was inherited.
pub(super) fn end(code: i32) -> ! {
    // SAFETY: _exit is always sound.
    unsafe { libc::_exit(code) }
}

/// A fault in memory ends this process, and those that it forks. Rust's own handler would put the
/// default back first, which the jail refuses, so that the fault came again for ever.
pub(super) fn end_at_faults() -> Result<(), Errno> {
    for fault in [Signal::SIGSEGV, Signal::SIGBUS] {
        // SAFETY: the default action runs no code of ours.
        unsafe { signal(fault, SigHandler::SigDfl) }?;
    }
    Ok(())
}

/// A connected pair of stream sockets.
pub(super) fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    socketpair(
        AddressFamily::Unix,
        SockType::Stream,
        None,
        SockFlag::SOCK_CLOEXEC,
    )
}

/// A connected pair that keeps messages apart.
pub(super) fn message_pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    socketpair(
        AddressFamily::Unix,
        SockType::SeqPacket,
        None,
        SockFlag::SOCK_CLOEXEC,
    )
}

/// A few octets, and the descriptors that came with them.
pub(super) type Message = (Vec<u8>, Vec<OwnedFd>);

/// Octets of the longest message between processes of the opener.
const MESSAGE_OCTETS_MAX: usize = 8;

/// Sends a message of a few octets with some descriptors, or none.
pub(super) fn send_message(
    socket: BorrowedFd<'_>,
    octets: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> Result<(), Errno> {
    let raw: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let rights = if raw.is_empty() { &[] } else { &rights[..] };
    sendmsg::<()>(
        socket.as_raw_fd(),
        &[IoSlice::new(octets)],
        rights,
        MsgFlags::MSG_NOSIGNAL,
        None,
    )
    .map(drop)
}

/// Receives a message and its descriptors; `None` when the other side is gone.
pub(super) fn receive_message(socket: BorrowedFd<'_>) -> Result<Option<Message>, Errno> {
    let mut octets = [0u8; MESSAGE_OCTETS_MAX];
    let mut space = nix::cmsg_space!([RawFd; 4]);
    let mut data = [IoSliceMut::new(&mut octets)];
    let message = recvmsg::<()>(
        socket.as_raw_fd(),
        &mut data,
        Some(&mut space),
        MsgFlags::MSG_CMSG_CLOEXEC,
    )?;
    let length = message.bytes;
    if length == 0 {
        return Ok(None);
    }
    let mut descriptors = Vec::new();
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(raw) = control {
            // SAFETY: the kernel has just made these descriptors for us, and nobody else knows
            // them.
            descriptors.extend(
                raw.into_iter()
                    .map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }),
            );
        }
    }
    Ok(Some((octets[..length].to_vec(), descriptors)))
}

/// Passes one end of a call to an opener that was started as a child.
pub fn pass_descriptor(socket: BorrowedFd<'_>, descriptor: BorrowedFd<'_>) -> Result<(), Errno> {
    send_message(socket, b"c", &[descriptor])
}

/// Accepts one call on a listening socket.
pub(super) fn accept(listener: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let raw = nix::sys::socket::accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC)?;
    // SAFETY: accept4 has just made it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// The descriptor that was inherited under this number: standard input, or one of systemd's
/// sockets.
pub fn take_stdin(number: RawFd) -> OwnedFd {
    // SAFETY: called once at start for a descriptor that the parent passed to us for this purpose.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// The processor time that this process used so far.
pub(super) fn cpu_time() -> std::time::Duration {
    use nix::time::{ClockId, clock_gettime};
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)
        .map(Into::into)
        .unwrap_or_default()
}

/// Has the kernel end this process after so many seconds.
pub(super) fn end_after(seconds: u32) {
    // SAFETY: alarm has no memory effects; SIGALRM keeps its default, which ends the process.
    unsafe { libc::alarm(seconds) };
}

/// Has the allocator keep what it got from the kernel: a reader lives too briefly to give anything
/// back, and memory that it took anew would cost it a page fault for each page.
pub(super) fn keep_memory() {
    // SAFETY: mallopt only sets two numbers of the allocator; 0 as its answer means that it did
    // not.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MMAP_THRESHOLD_OCTETS);
        libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
    }
}

/// glibc's largest on 64 bits: what is larger is mapped apart.
const MMAP_THRESHOLD_OCTETS: libc::c_int = 32 * 1024 * 1024;

/// Closes a descriptor that this process inherited and must not have.
pub(super) fn close_inherited(number: RawFd) {
    // SAFETY: the caller is a forked child that never uses the owner of this descriptor again.
    unsafe { libc::close(number) };
}

/// Points standard input, output and error at nothing, so that a process that meets plaintext can
/// tell nobody.
pub(super) fn silence() -> Result<(), Errno> {
    let null = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")
        .map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(0)))?;
    for number in 0..=2 {
        // SAFETY: dup2 onto the three standard descriptors, which nothing in this process owns.
        if unsafe { libc::dup2(null.as_raw_fd(), number) } < 0 {
            return Err(Errno::last());
        }
    }
    Ok(())
}
