//! Does a server's NO or BAD say that a human must mend something, or that it may pass?
//!
//! By its response code (RFC 5530), else by its words: many servers send no code. A desk that waits
//! for what never comes right says so in `status` and by a call; one that ends at what would have
//! passed is not there when it does. So what nobody knows passes.

/// Codes that say nothing against us.
const PASSING_CODES: [&str; 4] = ["[UNAVAILABLE]", "[LIMIT]", "[INUSE]", "[SERVERBUG]"];

/// Codes that only a human can mend.
const LASTING_CODES: [&str; 8] = [
    "[AUTHENTICATIONFAILED]",
    "[AUTHORIZATIONFAILED]",
    "[EXPIRED]",
    "[PRIVACYREQUIRED]",
    "[CONTACTADMIN]",
    "[NOPERM]",
    "[NONEXISTENT]",
    "[CANNOT]",
];

/// What servers write where they are busy, broken or have had enough of us.
const PASSING_WORDS: [&str; 19] = [
    "too many",
    "simultaneous",
    "try again",
    "try later",
    "later",
    "temporar",
    "unavailable",
    "busy",
    "in use",
    "overload",
    "timed out",
    "timeout",
    "internal",
    "server error",
    "maintenance",
    "not connected",
    "limit",
    "exceeded",
    "system error",
];

/// What servers say where something went wrong within them.
const OWN_FAULT_CODES: [&str; 1] = ["[SERVERBUG]"];
const OWN_FAULT_WORDS: [&str; 3] = ["internal", "server error", "system error"];

/// What servers write where our login is wrong.
const LASTING_WORDS: [&str; 14] = [
    "invalid",
    "incorrect",
    "wrong",
    "fail",
    "denied",
    "password",
    "credential",
    "disabled",
    "unauthori",
    "reject",
    "not allowed",
    "expired",
    "unknown user",
    "not permitted",
];

/// Whether only a human can mend what made a server refuse a login with these words.
pub(super) fn login_is_wrong(words: &str) -> bool {
    match by_code(words) {
        Some(lasts) => lasts,
        None => !has(words, &PASSING_WORDS) && has(words, &LASTING_WORDS),
    }
}

/// Whether a response code says that only a human can mend it; `None`: none of them says either.
pub(super) fn by_code(words: &str) -> Option<bool> {
    let upper = words.to_ascii_uppercase();
    let any = |codes: &[&str]| codes.iter().any(|code| upper.contains(code));
    if any(&PASSING_CODES) {
        Some(false)
    } else {
        any(&LASTING_CODES).then_some(true)
    }
}

/// Whether a server that refuses a letter is busy or away, and says nothing of this one. What it
/// calls a fault of its own is as often the fault of one letter that it can't read.
pub(super) fn gives_nothing_now(words: &str) -> bool {
    let upper = words.to_ascii_uppercase();
    if OWN_FAULT_CODES.iter().any(|code| upper.contains(code)) {
        return false;
    }
    match by_code(words) {
        Some(lasts) => !lasts,
        None => has(words, &PASSING_WORDS) && !has(words, &OWN_FAULT_WORDS),
    }
}

/// Whether a server's words say that it is busy or broken.
pub(super) fn may_pass(words: &str) -> bool {
    by_code(words) == Some(false) || has(words, &PASSING_WORDS)
}

fn has(words: &str, any: &[&str]) -> bool {
    // Gmail ends every refusal so.
    let words = words.to_ascii_lowercase().replace("(failure)", "");
    any.iter().any(|part| words.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_from_a_letter_that_cannot_be_read() {
        let outage = [
            "[UNAVAILABLE] the storage is away",
            "[INUSE] Mailbox is locked",
            "[LIMIT] slow down",
            "Server Unavailable. 15",
            "try again later",
        ];
        let of_the_letter = [
            "[SERVERBUG] Internal error occurred. Refer to server log for more information.",
            "[SERVERBUG] try again later",
            "internal error",
            "System Error (Failure)",
            "[CANNOT] too many parts",
            "it is corrupt",
            "",
        ];
        for words in outage {
            assert!(gives_nothing_now(words), "{words}");
        }
        for words in of_the_letter {
            assert!(!gives_nothing_now(words), "{words}");
        }
    }

    #[test]
    fn what_may_pass_is_told_from_a_wrong_login() {
        let wrong = [
            "[AUTHENTICATIONFAILED] Invalid credentials (Failure)",
            "[ALERT] Application-specific password required",
            "LOGIN failed.",
            "AUTHENTICATE failed.",
            "[AUTHENTICATIONFAILED] try again later",
            "Logins disabled for this account",
        ];
        let passing = [
            "[ALERT] Too many simultaneous connections. (Failure)",
            "Server Unavailable. 15",
            "[UNAVAILABLE] Temporary authentication failure. [mail:2026-11-28 03:00:00]",
            "[LIMIT] maximum number of connections",
            "Login failed: internal error",
            "[ALERT] Account exceeded command or bandwidth limits. (Failure)",
            "System Error (Failure)",
            "",
            "Ha sido imposible",
        ];
        for words in wrong {
            assert!(login_is_wrong(words), "{words}");
        }
        for words in passing {
            assert!(!login_is_wrong(words), "{words}");
        }
    }
}
