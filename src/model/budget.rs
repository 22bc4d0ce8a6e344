//! How much work is left for one letter? One account for all of its parts, layers and signatures
//! together.
//!
//! A limit a layer is not enough: five layers of sixteen messages each are a million messages. So
//! each step of reading draws on the same account, and once one of its sums is used up, nothing
//! more of the letter is opened. What a letter may cost grows with its size, so that a flood costs
//! its sender as much as it costs us.

use super::limits::{
    BINDINGS_MAX, CERTIFICATIONS_MAX, COMPRESSIONS_MAX, EXPANSION_FREE_OCTETS, Limits,
    MESSAGES_MAX, PACKETS_OF_LETTER_MAX, PARTS_OF_LETTER_MAX, PLAINTEXT_TYPICAL_OCTETS,
    RECIPIENTS_MAX, SCANNED_OCTETS_MAX, SIGNATURES_MAX, TEXT_FREE_OCTETS, TEXT_RATIO_MAX,
};
use std::cell::Cell;
use std::time::Duration;

/// What a letter draws on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    /// Tries to open or to verify a message of OpenPGP or S/MIME.
    Messages,
    /// OpenPGP packets.
    Packets,
    /// Compressed packets: each inside another passes all octets on once more.
    Compressions,
    /// Signatures that are checked.
    Signatures,
    /// Signatures of certificates on themselves, which are verified when one is read.
    Certifications,
    /// Signatures of certificates times what they may stand below.
    Bindings,
    /// Session keys that the keyholder is asked for.
    Recipients,
    /// Octets that come out of messages.
    Plaintext,
    /// Octets times the signatures over them.
    Hashed,
    /// Parts and headers of entities.
    Parts,
    /// Octets of entities that are parsed.
    Parsed,
    /// Octets that are looked through for boundaries.
    Scanned,
}

const SUMS: usize = Sum::Scanned as usize + 1;

/// The letter costs more than a letter may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the letter costs more work than one letter may")]
pub struct Overspent;

/// The account of one letter.
#[derive(Debug)]
pub struct Budget {
    pub limits: Limits,
    /// Octets of plaintext in one message: two of them may be opened, and one is held in memory.
    pub message_octets: u64,
    /// Octets of text that are kept of it: what rests of a letter grows with its size too.
    pub text_octets: u64,
    left: [Cell<u64>; SUMS],
    /// The processor time of this process, and how much of it the letter may use.
    cpu: fn() -> Duration,
    cpu_end: Duration,
    overspent: Cell<bool>,
}

impl Budget {
    /// For a stranger's letter of so many octets.
    pub fn of_letter(octets: usize, limits: &Limits, cpu: fn() -> Duration) -> Self {
        let octets = octets as u64;
        let expanded =
            EXPANSION_FREE_OCTETS.saturating_add(limits.expansion_ratio.saturating_mul(octets));
        let plaintext = limits
            .plaintext_octets
            .min(expanded)
            .min(PLAINTEXT_TYPICAL_OCTETS.max(2 * octets));
        let budget = Self::with(limits, cpu, |sum| match sum {
            Sum::Messages => MESSAGES_MAX,
            Sum::Packets => PACKETS_OF_LETTER_MAX,
            Sum::Compressions => COMPRESSIONS_MAX,
            Sum::Signatures => SIGNATURES_MAX,
            Sum::Certifications => CERTIFICATIONS_MAX,
            Sum::Bindings => BINDINGS_MAX,
            Sum::Recipients => RECIPIENTS_MAX,
            // A message whose signer's certificate is inside is opened twice.
            Sum::Plaintext => 2 * plaintext,
            Sum::Hashed => 2 * plaintext + 2 * octets,
            Sum::Parts => PARTS_OF_LETTER_MAX,
            Sum::Parsed => 3 * (octets + plaintext),
            Sum::Scanned => SCANNED_OCTETS_MAX as u64,
        });
        // The kernel's own limit comes later, and ends the reader: here it still says what it read.
        let cpu_end = cpu() + limits.for_letter(octets).reading_cpu();
        let text_octets = limits
            .text_octets
            .min(TEXT_FREE_OCTETS + TEXT_RATIO_MAX * octets);
        Self {
            message_octets: plaintext,
            text_octets,
            cpu_end,
            ..budget
        }
    }

    /// For what the desk itself sealed: it was paid for when it came.
    pub fn ours() -> Self {
        Self::with(&Limits::MAX, || Duration::ZERO, |_| u64::MAX)
    }

    fn with(limits: &Limits, cpu: fn() -> Duration, start: impl Fn(Sum) -> u64) -> Self {
        use Sum::{
            Bindings, Certifications, Compressions, Hashed, Messages, Packets, Parsed, Parts,
            Plaintext, Recipients, Scanned, Signatures,
        };
        let sums = [
            Messages,
            Packets,
            Compressions,
            Signatures,
            Certifications,
            Bindings,
            Recipients,
            Plaintext,
            Hashed,
            Parts,
            Parsed,
            Scanned,
        ];
        Self {
            limits: *limits,
            message_octets: u64::MAX,
            text_octets: limits.text_octets,
            left: sums.map(|sum| Cell::new(start(sum))),
            cpu,
            cpu_end: Duration::MAX,
            overspent: Cell::new(false),
        }
    }

    /// Draws so much. Once anything was overdrawn, everything is.
    pub fn draw(&self, sum: Sum, amount: u64) -> Result<(), Overspent> {
        let left = &self.left[sum as usize];
        let enough = left.get() >= amount && !self.is_overspent();
        left.set(left.get().saturating_sub(amount));
        if enough {
            return Ok(());
        }
        self.overspent.set(true);
        Err(Overspent)
    }

    /// Notes that one message took more than its share: nothing more of the letter is read.
    pub fn overspend(&self) {
        self.overspent.set(true);
    }

    /// What is left of a sum.
    pub fn left(&self, sum: Sum) -> u64 {
        self.left[sum as usize].get()
    }

    /// Whether nothing more of the letter may be read: a sum is used up, or its time is.
    pub fn is_overspent(&self) -> bool {
        if !self.overspent.get() && (self.cpu)() > self.cpu_end {
            self.overspent.set(true);
        }
        self.overspent.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_letter_may_cost_grows_with_its_size_and_ends() {
        let plaintext = |octets| {
            Budget::of_letter(octets, &Limits::MAX, || Duration::ZERO).left(Sum::Plaintext) / 2
        };
        assert_eq!(
            plaintext(900),
            EXPANSION_FREE_OCTETS + 900 * Limits::MAX.expansion_ratio
        );
        assert_eq!(plaintext(10 << 20), PLAINTEXT_TYPICAL_OCTETS);
        assert_eq!(plaintext(90 << 20), Limits::MAX.plaintext_octets);
    }

    #[test]
    fn whoever_overdraws_one_sum_gets_nothing_more() {
        let budget = Budget::of_letter(1_000, &Limits::MAX, || Duration::ZERO);
        assert_eq!(budget.draw(Sum::Messages, MESSAGES_MAX), Ok(()));
        assert_eq!(budget.draw(Sum::Messages, 1), Err(Overspent));
        assert_eq!(budget.draw(Sum::Packets, 1), Err(Overspent));
        assert!(budget.is_overspent());
    }

    #[test]
    fn time_is_a_sum_too() {
        let late = || Duration::from_secs(1_000);
        let budget = Budget {
            cpu: late,
            ..Budget::of_letter(1_000, &Limits::MAX, || Duration::ZERO)
        };
        assert_eq!(budget.draw(Sum::Packets, 1), Err(Overspent));
    }
}
