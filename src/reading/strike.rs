//! How does a reader end badly in a test? As its letter asks, where the test allows it.

use nix::sys::socket::{MsgFlags, Shutdown, send, shutdown};

/// What a reader is told to do by a letter of a test: `strike-this-reader: loop`.
const STRIKE: &str = "strike-this-reader: ";

/// Has a reader overflow its stack, loop, stay without doing anything, take 10 GiB, end, or say on
/// all of its sockets that it is done, hang up and stay, as the text of its letter asks; or end
/// where facts are wanted of it. Does nothing without the feature, or where `SEALDESK_STRIKE` is
/// not set.
pub fn strike(text: &str, words_alone: bool) {
    if !fail::has_failpoints() || std::env::var_os("SEALDESK_STRIKE").is_none() {
        return;
    }
    match text
        .split_once(STRIKE)
        .and_then(|(_, rest)| rest.split_whitespace().next())
    {
        Some("overflow") => drop(std::hint::black_box(deeper(0))),
        Some("loop") => loop {
            std::hint::spin_loop();
        },
        Some("stay") => stay(),
        Some("hang-up") => {
            for socket in 0..DESCRIPTORS_MAX {
                // The word for it is the opener's `wire::DONE`.
                let _ = send(
                    socket,
                    b"d",
                    MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT,
                );
                let _ = shutdown(socket, Shutdown::Both);
            }
            stay()
        }
        Some("balloon") => drop(std::hint::black_box(vec![1u8; 10 << 30])),
        Some("end") => std::process::abort(),
        Some("facts") if !words_alone => std::process::abort(),
        _ => {}
    }
}

/// A reader has a handful.
const DESCRIPTORS_MAX: i32 = 64;

fn stay() -> ! {
    loop {
        let _ = nix::poll::poll(&mut [], nix::poll::PollTimeout::NONE);
    }
}

#[expect(unconditional_recursion, reason = "that is what it is for")]
fn deeper(depth: u64) -> u64 {
    std::hint::black_box(deeper(std::hint::black_box(depth + 1)) + 1)
}
