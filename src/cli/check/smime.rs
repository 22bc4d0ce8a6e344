//! Can the desk open and answer S/MIME?

use super::Findings;
use super::certificates::ends;
use crate::adapters::clock::SystemClock;
use crate::config::Settings;
use crate::ports::Clock;
use crate::smime::Certificate;
use crate::wiring;

/// The roots go to the opener with each letter.
const ROOTS_OCTETS_MAX: usize = 256 * 1024;

pub(super) fn check(settings: &Settings, findings: &mut Findings) {
    let section = &settings.smime;
    let keys = settings.opener.smime_keys.len();
    if section.certificates.is_empty() && section.roots.is_empty() && keys == 0 {
        return; // no S/MIME, on purpose
    }
    let own = wiring::smime_certificates("smime.certificates", &section.certificates);
    let listed = |found: &Vec<Certificate>| format!("{} with their chains", found.len());
    if let Some(found) = findings.take("S/MIME certificates", own, listed) {
        found.iter().for_each(|one| check_own(one, findings));
        let is_ours = |one: &Certificate| one.is_of(settings.address.as_str());
        if !found.iter().any(is_ours) {
            let why = format!(
                "no certificate of smime.certificates names {}: mail programs will not choose it",
                settings.address
            );
            findings.warn("S/MIME certificates", &why);
        }
    }
    let roots = wiring::smime_certificates("smime.roots", &section.roots);
    let counted = |found: &Vec<Certificate>| format!("{} are trusted", found.len());
    let Some(roots) = findings.take("S/MIME roots", roots, counted) else {
        return;
    };
    if roots.is_empty() {
        let why = "smime.roots names none: no signature is believed unless its certificate is \
            pinned, and letters in CBC never count as proven";
        findings.warn("S/MIME roots", why);
    }
    if roots.iter().map(|root| root.pem().len()).sum::<usize>() > ROOTS_OCTETS_MAX {
        let why = "smime.roots are more than 256 KiB: name the few that your reporters use, or no \
            letter can be read";
        findings.bad("S/MIME roots", why);
    }
    for root in &roots {
        ends(
            root.expires(),
            &format!("S/MIME root {}", root.subject()),
            findings,
        );
    }
}

fn check_own(certificate: &Certificate, findings: &mut Findings) {
    let what = format!("S/MIME certificate {}", certificate.subject());
    ends(certificate.expires(), &what, findings);
    let now = SystemClock.now();
    if !certificate.addresses().is_empty() && !certificate.can_encrypt(now) {
        findings.warn(
            &what,
            "letters can't be sealed to it: it ended, or is for signing alone",
        );
    }
}

/// What the opener must hold: one key for each certificate of ours that names an address.
pub(super) fn check_held(settings: &Settings, lines: &[String], findings: &mut Findings) {
    let section = &settings.smime;
    let own = wiring::smime_certificates("smime.certificates", &section.certificates);
    for certificate in own.unwrap_or_default() {
        let is_leaf = !certificate.addresses().is_empty();
        let is_held = lines
            .iter()
            .any(|line| line.contains(&certificate.fingerprint()));
        if is_leaf && !is_held {
            let why = format!(
                "it does not hold the private key of {}: letters to it would stay shut; add it to \
                 opener.smime_keys",
                certificate.subject()
            );
            findings.bad("opener", &why);
        }
    }
}
