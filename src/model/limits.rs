//! How much work is one letter worth? The limits that bound what a reader does with a stranger's
//! letter.
//!
//! An operator may lower the fields of [`Limits`] (`[limits]` in the config) and raise none of
//! them: they are what the tests and the fuzzing have proven. The constants below are about form
//! and are nobody's business. A letter over a limit is kept, acknowledged and shown to a human as
//! it came.

use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// What one letter may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Octets of a letter that is read.
    pub letter_octets: u64,
    /// Parts of one entity; each becomes a text or a file.
    pub parts: u64,
    /// Content-Type fields of one entity: parts and nesting together.
    pub content_types: u64,
    /// Lines of header of one entity.
    pub header_lines: u64,
    /// Octets of one Content-Type field: its parameters cost more than their length.
    pub header_field_octets: u64,
    /// Encryption, signature and forwarding layers inside one another.
    pub layers: u64,
    /// Hidden recipients tried in one message: each costs private operations with every key.
    pub hidden_recipients: u64,
    /// Octets of plaintext in a letter; beyond it lies a bomb.
    pub plaintext_octets: u64,
    /// A letter of which more than this many times its own octets come out is a bomb too.
    pub expansion_ratio: u64,
    /// Octets of text that are kept in a reading; the whole stays in the letter.
    pub text_octets: u64,
    /// A reader's address space, code and all.
    pub reader_memory_octets: u64,
    /// A reader's processor time.
    pub reader_cpu_s: u64,
    /// A reader's life, busy or not.
    pub reader_life_s: u64,
}

const MIB: u64 = 1024 * 1024;

/// Mail servers take letters of about this size; larger ones are rare.
const COMMON_LETTER_OCTETS: u64 = 25 * MIB;

/// Processor time and address space of a reader for a letter of common size. A build without
/// optimisation is ten times slower.
const READER_CPU_S: u64 = if cfg!(debug_assertions) { 20 } else { 2 };
const READER_MEMORY_OCTETS: u64 = 384 * MIB;

impl Limits {
    /// The highest value of each, and its default.
    pub const MAX: Self = Self {
        letter_octets: 96 * MIB,
        parts: 1_000,
        content_types: 400,
        header_lines: 4_000,
        header_field_octets: 16 * 1024,
        layers: 5,
        hidden_recipients: 16,
        plaintext_octets: 128 * MIB,
        expansion_ratio: 200,
        text_octets: 4 * MIB,
        reader_memory_octets: 1536 * MIB,
        reader_cpu_s: 20,
        reader_life_s: 120,
    };

    /// The lowest value of each: below it, ordinary letters stay shut, or no reader starts at all.
    const MIN: Self = Self {
        letter_octets: 64 * 1024,
        parts: 10,
        content_types: 10,
        header_lines: 100,
        header_field_octets: 1024,
        layers: 2,
        hidden_recipients: 1,
        plaintext_octets: 64 * 1024,
        expansion_ratio: 10,
        text_octets: 16 * 1024,
        reader_memory_octets: 256 * MIB,
        reader_cpu_s: 1,
        reader_life_s: 5,
    };

    /// Refuses what is above the desk's own limits, or too low to work with.
    pub fn check(&self) -> Result<(), LimitRefused> {
        let of = |limits: &Self| limits.with_names();
        for (((name, value), (_, max)), (_, min)) in
            of(self).into_iter().zip(of(&Self::MAX)).zip(of(&Self::MIN))
        {
            if value > max {
                return Err(LimitRefused::TooHigh { name, value, max });
            }
            if value < min {
                return Err(LimitRefused::TooLow { name, value, min });
            }
        }
        if self.reader_cpu_s > self.reader_life_s {
            return Err(LimitRefused::CpuBeyondLife);
        }
        Ok(())
    }

    /// What a reader may use for a letter of so many octets: one of up to 25 MiB costs no more than
    /// 2 s and 384 MiB, whatever is in it, and a larger one as much in proportion.
    pub fn for_letter(&self, octets: u64) -> Self {
        let times = octets.div_ceil(COMMON_LETTER_OCTETS).max(1);
        Self {
            reader_cpu_s: self.reader_cpu_s.min(times * READER_CPU_S),
            reader_memory_octets: self.reader_memory_octets.min(times * READER_MEMORY_OCTETS),
            ..*self
        }
    }

    /// Processor time after which a reader opens nothing more of a letter, and still says what it
    /// read so far.
    pub fn reading_cpu(&self) -> Duration {
        Duration::from_millis(self.reader_cpu_s * 750)
    }

    fn with_names(&self) -> [(&'static str, u64); 13] {
        [
            ("letter_octets", self.letter_octets),
            ("parts", self.parts),
            ("content_types", self.content_types),
            ("header_lines", self.header_lines),
            ("header_field_octets", self.header_field_octets),
            ("layers", self.layers),
            ("hidden_recipients", self.hidden_recipients),
            ("plaintext_octets", self.plaintext_octets),
            ("expansion_ratio", self.expansion_ratio),
            ("text_octets", self.text_octets),
            ("reader_memory_octets", self.reader_memory_octets),
            ("reader_cpu_s", self.reader_cpu_s),
            ("reader_life_s", self.reader_life_s),
        ]
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::MAX
    }
}

/// Why a limit of the config is not taken. Its text names the key and what mends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitRefused {
    #[error(
        "{name} = {value} is above {max}, the highest that is known to be safe: lower it, or \
         leave it out"
    )]
    TooHigh {
        name: &'static str,
        value: u64,
        max: u64,
    },
    #[error("{name} = {value} is below {min}: ordinary letters would stay shut")]
    TooLow {
        name: &'static str,
        value: u64,
        min: u64,
    },
    #[error("reader_cpu_s is more than reader_life_s: a reader cannot work longer than it lives")]
    CpuBeyondLife,
}

// What costs most is counted above. What follows bounds single forms.

/// A boundary that is missing is looked for to the end, once for each multipart: their product is
/// the work, in the whole letter.
pub const SCANNED_OCTETS_MAX: usize = 1024 * 1024 * 1024;

/// Places in a multipart where a boundary might stand: each could become a part of some hundred
/// octets.
pub const DASHES_MAX: usize = 200_000;

/// Forwarded letters read in one letter.
pub const FORWARDED_MAX: usize = 8;

/// OpenPGP blocks opened in one text; what follows stays as it stood.
pub const BLOCKS_MAX: usize = 16;

/// Uuencoded files that are taken out of one text; what follows stays as it stood.
pub const UUENCODED_FILES_MAX: usize = 16;

/// OpenPGP files opened in one letter.
pub const SEALED_FILES_MAX: usize = 8;

/// A larger file is not shown among the text.
pub const SHOWN_FILE_OCTETS_MAX: usize = 256 * 1024;

/// Certificates that are looked at in one letter.
pub const CERTIFICATES_MAX: usize = 8;

/// A larger certificate is not read: post-quantum ones take about 30,000 octets.
pub const CERTIFICATE_OCTETS_MAX: usize = 64 * 1024;

/// A longer signature part is not looked at: thousands of packets in it would cost minutes.
pub const SIGNATURE_OCTETS_MAX: usize = 64 * 1024;

/// Packets of one message; beyond them somebody wants to cost us time: Sequoia's grammar looks at
/// all of them for each.
pub const PACKETS_MAX: usize = 1_000;

/// Signatures of one message: Sequoia hashes up to 25 MiB for each of them before it hands out the
/// first octet, so that they are counted before it begins. Six people may sign one report.
pub const SIGNATURES_OF_MESSAGE_MAX: u64 = 6;

/// A right signature that is dated further ahead counts as a wrong one. The widest mistake of a
/// time zone is 26 hours; a clock may be a day off as well.
pub const SIGNATURE_EARLY_HOURS_MAX: u64 = 48;

/// Tries to open or to verify a message of OpenPGP or S/MIME, in a whole letter.
pub const MESSAGES_MAX: u64 = 40;
/// OpenPGP packets of a whole letter, in all of its messages.
pub const PACKETS_OF_LETTER_MAX: u64 = 2_000;
/// Compressed packets of a whole letter: two for each message that may be tried.
pub const COMPRESSIONS_MAX: u64 = 2 * MESSAGES_MAX;
/// Signatures that are checked in a whole letter.
pub const SIGNATURES_MAX: u64 = 100;
/// Of a whole letter: signatures of certificates on themselves, verified when one is read.
pub const CERTIFICATIONS_MAX: u64 = 400;

/// Of a whole letter: signatures of a certificate times its keys and user IDs. Sequoia tries each
/// that does not fit on every one of them. The certificate of a keysigning party has some 10,000.
pub const BINDINGS_MAX: u64 = 100_000;
/// Session keys that the keyholder is asked for in a whole letter.
pub const RECIPIENTS_MAX: u64 = 300;
/// Parts and headers of all entities of a whole letter.
pub const PARTS_OF_LETTER_MAX: u64 = 1_500;

/// Text that is kept of any letter, and so many times its octets more: prose is compressed to a
/// quarter at best.
pub const TEXT_FREE_OCTETS: u64 = 64 * 1024;
/// Octets of text that are kept for each octet of the letter, beyond the free ones.
pub const TEXT_RATIO_MAX: u64 = 8;

/// Plaintext of a letter that is smaller than half of it: reports bring archives and logs, and
/// nearly all of them fit here.
pub const PLAINTEXT_TYPICAL_OCTETS: u64 = 48 * MIB;

/// Named recipients asked about: one that is not ours costs a look at its name.
pub const NAMED_RECIPIENTS_MAX: usize = 100;

/// Small letters may expand freely up to this size.
pub const EXPANSION_FREE_OCTETS: u64 = 4 * MIB;

/// HTML of one part that is laid out; of more, and of what is beyond the limits below, the tags
/// are only taken out.
pub const HTML_OCTETS_MAX: usize = 1024 * 1024;

/// Tags in it.
pub const HTML_TAGS_MAX: usize = 20_000;

/// Octets of one tag, and its attributes: html5ever compares each with all before it.
pub const HTML_TAG_OCTETS_MAX: usize = 16 * 1024;
/// Attributes of one tag.
pub const HTML_ATTRIBUTES_MAX: usize = 200;

/// Elements in it inside one another: laying out recurses. Fifty tables, for newsletters.
pub const HTML_NESTING_MAX: usize = 150;

/// Octets of HTML in which the `<meta>` that names its charset is looked for.
pub const HTML_META_OCTETS_MAX: usize = 4 * 1024;

/// HTML parts of one entity that are laid out.
pub const HTML_PARTS_MAX: usize = 8;

/// A larger archive is not listed: its list may take many times its octets.
pub const ARCHIVE_OCTETS_MAX: usize = 16 * 1024 * 1024;

/// Octets of a text that are decoded: armor in it may be as long as a letter.
pub const DECODED_OCTETS_MAX: usize = 36 * 1024 * 1024;

/// Of a text in another charset, and of HTML: neither is armor, and both take several times their
/// octets.
pub const CONVERTED_OCTETS_MAX: usize = 8 * 1024 * 1024;

/// Octets of a text from which its charset is guessed.
pub const GUESSED_OCTETS_MAX: usize = 64 * 1024;

/// Entries of an archive that are listed, and characters of a name in the list.
pub const ARCHIVE_ENTRIES_MAX: usize = 50;
/// Characters of an entry's name in that list; the rest is cut off.
pub const ARCHIVE_NAME_CHARACTERS_MAX: usize = 200;

/// mail-parser keeps offsets in 32 bits.
const _: () = assert!(Limits::MAX.letter_octets < u32::MAX as u64);
const _: () = assert!(EXPANSION_FREE_OCTETS < Limits::MAX.plaintext_octets);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_gets_what_its_size_is_worth_and_never_more_than_the_limits() {
        let cpu_s = |octets| Limits::MAX.for_letter(octets).reader_cpu_s;
        assert_eq!(
            (cpu_s(0), cpu_s(COMMON_LETTER_OCTETS)),
            (READER_CPU_S, READER_CPU_S)
        );
        assert_eq!(
            cpu_s(COMMON_LETTER_OCTETS + 1),
            (2 * READER_CPU_S).min(Limits::MAX.reader_cpu_s)
        );
        assert_eq!(
            Limits::MAX.for_letter(96 * MIB).reader_memory_octets,
            Limits::MAX.reader_memory_octets
        );
        assert_eq!(Limits::MIN.for_letter(96 * MIB), Limits::MIN);
    }

    #[test]
    fn a_limit_can_be_lowered_and_never_raised() {
        assert_eq!(Limits::MAX.check(), Ok(()));
        assert_eq!(Limits::MIN.check(), Ok(()));
        for n in 0..Limits::MAX.with_names().len() {
            let (name, max) = Limits::MAX.with_names()[n];
            let (_, min) = Limits::MIN.with_names()[n];
            assert!(min < max, "{name}");
            for (value, word) in [(max + 1, "above"), (min - 1, "below")] {
                let limits: Limits = toml::from_str(&format!("{name} = {value}")).unwrap();
                let refused = limits.check().unwrap_err().to_string();
                assert!(
                    refused.contains(name) && refused.contains(word),
                    "{refused}"
                );
            }
        }
    }
}
