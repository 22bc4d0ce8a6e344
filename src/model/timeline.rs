//! What does the project's security policy promise, and by when? Each counts from the arrival of the report; and when is
//! what we publish about to end?

use jiff::SignedDuration;

/// So many days before a certificate or a security.txt ends humans hear of it, and again when it has ended.
pub const ENDS_WITHIN_DAYS: [i64; 3] = [60, 14, 0];

/// Engineers who know the code are brought in.
pub const FIX_TEAM_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// A fix is worked out in private.
pub const FIX_WITHIN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// It is released, and the reporter is told before.
pub const RELEASE_WITHIN: SignedDuration = SignedDuration::from_hours(21 * 24);
