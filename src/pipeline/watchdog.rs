//! Do the loops still move? Each beats as it goes on; the watchdog is fed only while all of them
//! do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// All loops of a desk.
#[derive(Clone)]
pub struct Watchdog {
    start: Instant,
    beats: Vec<(String, Duration, Arc<AtomicU64>)>,
}

/// One loop's place in it.
#[derive(Clone)]
pub struct Beat {
    start: Instant,
    at: Arc<AtomicU64>,
}

impl Default for Watchdog {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            beats: Vec::new(),
        }
    }
}

impl Watchdog {
    /// Adds a loop that must go on at least once in `at_most`.
    pub fn beat(&mut self, name: &str, at_most: Duration) -> Beat {
        let at = Arc::new(AtomicU64::new(self.start.elapsed().as_millis() as u64));
        self.beats.push((name.to_owned(), at_most, Arc::clone(&at)));
        Beat {
            start: self.start,
            at,
        }
    }

    /// The first loop that stands still.
    pub fn stalled(&self) -> Option<&str> {
        let now = self.start.elapsed().as_millis() as u64;
        let stalled = self.beats.iter().find(|(_, at_most, at)| {
            now.saturating_sub(at.load(Ordering::Relaxed)) > at_most.as_millis() as u64
        });
        stalled.map(|(name, _, _)| name.as_str())
    }
}

impl Beat {
    /// The loop goes on.
    pub fn now(&self) {
        self.at
            .store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_stands_still_is_named() {
        let mut watchdog = Watchdog::default();
        let _fast = watchdog.beat("fast", Duration::from_secs(60));
        assert_eq!(watchdog.stalled(), None);
        let slow = watchdog.beat("slow", Duration::ZERO);
        std::thread::sleep(Duration::from_millis(3));
        assert_eq!(watchdog.stalled(), Some("slow"));
        slow.now();
    }
}
