//! How are keys of S/MIME taken over, and what is in a certificate of theirs?

use super::files::write_files;
use crate::adapters::clock::SystemClock;
use crate::cli::screen;
use crate::config;
use crate::model::secret::Secret;
use crate::ports::Clock;
use crate::smime::{self, AdoptedPair, Certificate};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// Digits of a fingerprint in the names of files: enough to tell a desk's own apart.
const NAME_DIGITS: usize = 8;

/// Whether files are PKCS#12, or PEM with private keys or certificates of X.509.
pub(super) fn is_smime(file: &Secret) -> bool {
    let text = String::from_utf8_lossy(file.expose());
    smime::is_packed(file) || smime::is_private(file) || smime::is_certificate(&text)
}

/// Takes over the keys of these files, and says what is to be done with what it writes.
pub(super) fn adopt(files: &[Secret], passphrase_file: Option<&Path>, out: &Path) -> Result<()> {
    let passphrase = passphrase_file
        .map(|p| config::secret("--passphrase-file", p))
        .transpose()?;
    let adopted = smime::adopt(files, passphrase.as_ref().map(|p| p.expose()))?;
    let mut written = Vec::new();
    for pair in &adopted {
        written.push(write(pair, out)?);
        tell(&pair.certificate)?;
    }
    let listed = |at: fn(&(PathBuf, PathBuf)) -> &PathBuf| {
        let paths = written
            .iter()
            .map(|w| format!("{:?}", at(w).display().to_string()));
        paths.collect::<Vec<_>>().join(", ")
    };
    screen::print(&format!(
        "\nNext: add to the config\n\n  [opener]\n  smime_keys = [{}]\n\n  [smime]\n  certificates = \
         [{}]\n  roots = [\"…\"]   # the roots that reporters' certificates lead to, in PEM\n\n\
         Under systemd the opener's unit needs a LoadCredential= for each key. Restart the opener, \
         then the desk, and run `sealdesk check`.\nThe private keys are written without a \
         passphrase: have systemd seal them (docs/src/custody.md), and keep a copy offline.\n",
        listed(|(secret, _)| secret),
        listed(|(_, public)| public),
    ))
}

fn write(pair: &AdoptedPair, out: &Path) -> Result<(PathBuf, PathBuf)> {
    let fingerprint = pair.certificate.fingerprint();
    let digits = &fingerprint[..NAME_DIGITS.min(fingerprint.len())];
    let stem = format!("smime-{}", digits.to_ascii_lowercase());
    let paths = (
        out.join(format!("{stem}.secret.pem")),
        out.join(format!("{stem}.pem")),
    );
    write_files(
        (&paths.0, pair.secret.expose()),
        (&paths.1, pair.public.as_bytes()),
        &fingerprint,
    )?;
    Ok(paths)
}

/// Warns of what makes a certificate of little use.
fn tell(certificate: &Certificate) -> Result<()> {
    let now = SystemClock.now();
    if certificate.addresses().is_empty() {
        screen::print("  warning      it names no address: mail programs will not choose it\n")?;
    }
    if !certificate.can_encrypt(now) {
        screen::print(
            "  warning      letters can't be sealed to it now: it ended, or is not for that\n",
        )?;
    }
    if !certificate.can_sign(now) {
        screen::print("  warning      it can't sign mail now: it ended, or is not for that\n")?;
    }
    Ok(())
}

/// Shows the certificates of a file.
pub(super) fn inspect(file: &Path, octets: &[u8]) -> Result<()> {
    let found = smime::certificates(octets).with_context(|| format!("in {}", file.display()))?;
    let now = SystemClock.now();
    let usable = |is: bool| if is { "usable" } else { "not usable" };
    for certificate in found {
        let day = |at: Option<jiff::Timestamp>| {
            at.map_or_else(|| "?".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
        };
        let rows = [
            ("fingerprint", certificate.fingerprint()),
            ("version", "S/MIME".to_owned()),
            ("holder", certificate.subject()),
            ("issuer", certificate.issuer()),
            ("addresses", certificate.addresses().join(", ")),
            ("algorithms", certificate.algorithms()),
            ("begins", day(certificate.begins())),
            ("expires", day(certificate.expires())),
            (
                "encryption",
                usable(certificate.can_encrypt(now)).to_owned(),
            ),
            ("signing", usable(certificate.can_sign(now)).to_owned()),
        ];
        screen::print(&format!("{}\n", file.display()))?;
        for (name, value) in rows {
            screen::print(&format!("  {name:<12} {value}\n"))?;
        }
    }
    Ok(())
}
