//! Where may the plug be pulled in a test? Named steps, compiled in only with the feature
//! `failpoints`.
//!
//! `SEALDESK_KILL_AT=admitted:2` ends the process with SIGKILL when it passes the step `admitted`
//! for the second time.

/// The steps, in the order in which a letter passes them.
pub const STEPS: [&str; 9] = [
    "spooled",
    "admitted",
    "settled",
    "read",
    "reading-committed",
    "leased",
    "composed",
    "carried-out",
    "effect-settled",
];

/// Passes a named step.
macro_rules! step {
    ($name:literal) => {
        fail::fail_point!($name)
    };
}
pub(crate) use step;

/// Has the process die at the step that the environment names. Does nothing without the feature.
pub fn arm_from_environment() -> Result<(), String> {
    let Ok(wanted) = std::env::var("SEALDESK_KILL_AT") else {
        return Ok(());
    };
    if !fail::has_failpoints() {
        return Err("SEALDESK_KILL_AT is set, but this build has no failpoints".to_owned());
    }
    let (name, time) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    let time: u32 = time
        .parse()
        .map_err(|_| format!("SEALDESK_KILL_AT: {time:?} is not a number"))?;
    let step = STEPS
        .iter()
        .find(|step| **step == name)
        .ok_or_else(|| format!("SEALDESK_KILL_AT: no step is called {name:?}"))?;
    let passed = std::sync::atomic::AtomicU32::new(0);
    fail::cfg_callback(*step, move || {
        if passed.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1 == time {
            let _ =
                nix::sys::signal::kill(nix::unistd::getpid(), nix::sys::signal::Signal::SIGKILL);
        }
    })
}

/// What a reader is told to do by a letter of a test: `strike-this-reader: loop`.
const STRIKE: &str = "strike-this-reader: ";

/// Has a reader overflow its stack, loop, stay without doing anything, take 10 GiB or end, as the
/// text of its letter asks. Does nothing without the feature, or where `SEALDESK_STRIKE` is not
/// set.
pub fn strike(text: &str) {
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
        Some("stay") => loop {
            let _ = nix::poll::poll(&mut [], nix::poll::PollTimeout::NONE);
        },
        Some("balloon") => drop(std::hint::black_box(vec![1u8; 10 << 30])),
        Some("end") => std::process::abort(),
        _ => {}
    }
}

#[expect(unconditional_recursion, reason = "that is what it is for")]
fn deeper(depth: u64) -> u64 {
    std::hint::black_box(deeper(std::hint::black_box(depth + 1)) + 1)
}
