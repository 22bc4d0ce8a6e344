//! What does the project's security policy promise, and by when? Each counts from the arrival of the report.

use jiff::SignedDuration;

/// Engineers who know the code are brought in.
pub const FIX_TEAM_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// A fix is worked out in private.
pub const FIX_WITHIN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// It is released, and the reporter is told before.
pub const RELEASE_WITHIN: SignedDuration = SignedDuration::from_hours(21 * 24);
