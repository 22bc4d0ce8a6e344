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
