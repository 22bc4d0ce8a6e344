//! What time is it? The only place that asks the machine.

use crate::model::Timestamp;
use crate::ports::Clock;

/// The machine's clock, the only one that is asked outside of tests.
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the one place")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
