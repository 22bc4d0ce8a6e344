//! How does ciphertext become proven plaintext, and how do we seal and sign?
//!
//! The only user of sequoia. Everything crosses this border as octets, hexadecimal fingerprints and
//! our own nouns. Two dangers shape it: Sequoia hands out octets beyond its buffer before MDC or
//! AEAD has proven them, so [`open()`] keeps all of it until the end; and secret keys must not meet
//! parsers, so [`open()`] asks for session keys through [`SessionKeys`] and never sees a secret
//! key.

mod armor;
mod certificate;
mod cipher;
mod generate;
mod gnupg;
mod keys;
mod open;
mod preferences;
mod rsa;
mod seal;
mod stream;
mod token_seal;
mod verify;
mod wkd;

pub use certificate::{Certificate, NotRead, certificates, strangers_certificates};
pub use generate::{
    AdoptedKey, GeneratedKey, Profile, adopt, generate, generate_storage, successor,
};
pub use keys::{Purpose, SecretKeys, sign_cleartext};
pub use open::{
    Opened, SessionKey, SessionKeys, Unopened, digest, is_sealed, open, signatures_in, unsealed,
};
pub use preferences::{PreferenceChanges, UnwantedPreference};
pub use seal::{SealTo, armored_message, seal_packets};
pub use stream::open_into;
pub use token_seal::{open_under, seal_under};
pub use verify::{SignatureFound, verify_detached, verify_message};
pub use wkd::wkd_name;

/// What could not be done with OpenPGP material. The cause is in `source`, never in the text.
#[derive(Debug, thiserror::Error)]
pub enum OpenPgpError {
    #[error("no OpenPGP certificate could be read")]
    NotACertificate(#[source] sequoia_openpgp::anyhow::Error),
    #[error("the file holds no OpenPGP {0}")]
    Absent(&'static str),
    #[error(
        "certificate {0} has no usable key for {1}: it may be expired or revoked; extend or \
         replace it"
    )]
    NoUsableKey(String, &'static str),
    #[error(
        "secret key {0} is protected by a passphrase that was not given: set opener.passphrase_file"
    )]
    Locked(String),
    #[error("OpenPGP operation failed: {0}")]
    Operation(&'static str, #[source] sequoia_openpgp::anyhow::Error),
}

impl OpenPgpError {
    fn operation(what: &'static str) -> impl FnOnce(sequoia_openpgp::anyhow::Error) -> Self {
        move |err| Self::Operation(what, err)
    }
}

/// Loads every lazy part of the crypto library, so that nothing needs a file once a jail is shut.
pub fn warm_up() -> Result<(), OpenPgpError> {
    let key = generate_storage("warm-up")?;
    let keys = SecretKeys::load(key.secret_armored.expose(), Purpose::Storage, None)?;
    let to = SealTo::new(&certificates(key.public_armored.as_bytes())?)?;
    let sealed = to.seal(b"warm-up")?;
    let mut keys = keys;
    open(
        &sealed,
        &mut keys,
        &[],
        &crate::model::budget::Budget::ours(),
    )
    .map(drop)
    .map_err(|_| OpenPgpError::Absent("self-test result"))
}

/// What `--version` and `check` say about the cryptography inside.
pub fn backend() -> String {
    format!(
        "sequoia-openpgp {} with {}",
        sequoia_openpgp::VERSION,
        sequoia_openpgp::crypto::backend()
    )
}

/// The algorithms that this build can use: of keys, ciphers, AEAD modes and hashes.
pub fn algorithms() -> [(&'static str, String); 4] {
    use sequoia_openpgp::types::{
        AEADAlgorithm, HashAlgorithm, PublicKeyAlgorithm, SymmetricAlgorithm,
    };
    let listed = |names: Vec<String>| names.join(", ");
    [
        (
            "keys",
            listed(
                PublicKeyAlgorithm::variants()
                    .filter(|a| a.is_supported())
                    .map(|a| format!("{a:?}"))
                    .collect(),
            ),
        ),
        (
            "ciphers",
            listed(
                SymmetricAlgorithm::variants()
                    .filter(|a| a.is_supported())
                    .map(|a| format!("{a:?}"))
                    .collect(),
            ),
        ),
        (
            "AEAD",
            listed(
                AEADAlgorithm::variants()
                    .filter(|a| a.is_supported())
                    .map(|a| format!("{a:?}"))
                    .collect(),
            ),
        ),
        (
            "hashes",
            listed(
                HashAlgorithm::variants()
                    .filter(|a| a.is_supported())
                    .map(|a| format!("{a:?}"))
                    .collect(),
            ),
        ),
    ]
}

/// Runs Sequoia on a stranger's octets. It panics on some that are cut off in the wrong place (seen
/// with 2.4.2 where a container ends inside its first block); that must cost the letter its
/// content, and not its reader.
fn guarded<T>(run: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).ok()
}

fn policy() -> &'static sequoia_openpgp::policy::StandardPolicy<'static> {
    static POLICY: std::sync::OnceLock<sequoia_openpgp::policy::StandardPolicy<'static>> =
        std::sync::OnceLock::new();
    POLICY.get_or_init(sequoia_openpgp::policy::StandardPolicy::new)
}

/// As [`policy()`], for opening letters alone: it takes ciphers that are out of use too. Nobody
/// forges a letter by that, because the container must still prove its integrity: packets without
/// an MDC (type 9) are refused as before, and session keys of ECDH come in AES alone.
fn policy_for_opening() -> &'static sequoia_openpgp::policy::StandardPolicy<'static> {
    static POLICY: std::sync::OnceLock<sequoia_openpgp::policy::StandardPolicy<'static>> =
        std::sync::OnceLock::new();
    POLICY.get_or_init(|| {
        let mut policy = sequoia_openpgp::policy::StandardPolicy::new();
        cipher::old().for_each(|old| policy.accept_symmetric_algo(old));
        policy
    })
}
