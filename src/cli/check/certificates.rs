//! Are the certificates good: the desk's own, those of responders, and those of distributors?

use super::{Findings, smime};
use crate::adapters::clock::SystemClock;
use crate::config::Settings;
use crate::model::Timestamp;
use crate::model::timeline::ENDS_WITHIN_DAYS;
use crate::openpgp::Certificate;
use crate::ports::Clock;
use crate::wiring;
use std::path::Path;

pub(super) fn check(settings: &Settings, findings: &mut Findings) {
    for path in &settings.certificates {
        check_own_file(path, settings, findings);
    }
    findings.take("storage", wiring::seal_to(settings), |_| {
        "what rests is sealed to the storage certificate and to each responder".to_owned()
    });
    smime::check(settings, findings);
    check_responders(settings, findings);
    check_distributors(settings, findings);
}

fn check_own_file(path: &Path, settings: &Settings, findings: &mut Findings) {
    let read = wiring::read_certificates(path);
    let Some(found) = findings.take("certificate", read, |c| {
        format!(
            "{} ({})",
            path.display(),
            c.iter()
                .map(Certificate::fingerprint)
                .collect::<Vec<_>>()
                .join(", ")
        )
    }) else {
        return;
    };
    for certificate in &found {
        check_own(certificate, path, settings, findings);
    }
    if !found.iter().any(|c| c.version() <= 4) && settings.certificates.len() == 1 {
        findings.warn(
            "certificate",
            "there is none of version 4: many reporters cannot write to it",
        );
    }
}

fn check_own(certificate: &Certificate, path: &Path, settings: &Settings, findings: &mut Findings) {
    judge(
        certificate,
        &format!("certificate {}", path.display()),
        findings,
    );
    if !certificate.is_of(settings.address.as_str()) {
        findings.warn(
            "certificate",
            &format!(
                "no user ID of it names {}: mail programs will not choose it",
                settings.address
            ),
        );
    }
    for unwanted in certificate.unwanted_preferences() {
        let mend = "run sealdesk key adopt, and publish what it makes";
        findings.warn("certificate", &format!("{unwanted}: {mend}"));
    }
}

fn check_responders(settings: &Settings, findings: &mut Findings) {
    let responders = match wiring::responders(settings) {
        Ok(responders) => responders,
        Err(err) => return findings.bad("responders", &format!("{err:#}")),
    };
    for (responder, section) in responders.into_iter().zip(&settings.responders) {
        let what = format!("responder {}", section.name);
        match responder.fault {
            Some(why) => findings.bad(&what, &why),
            None => ends(responder.ends, &what, findings),
        }
    }
}

fn check_distributors(settings: &Settings, findings: &mut Findings) {
    let distributors = match wiring::distributors(settings) {
        Ok(distributors) => distributors,
        Err(err) => return findings.bad("distributors", &format!("{err:#}")),
    };
    for distributor in distributors.iter().filter(|d| d.removed_on.is_none()) {
        let what = format!("distributor {}", distributor.name);
        match &distributor.fault {
            Some(why) => findings.bad(&what, why),
            None => {
                let vouched = format!(
                    "vouched for by {}, embargo accepted on {}",
                    distributor.vouched_by, distributor.embargo_accepted_on
                );
                findings.good(&what, &vouched);
                ends(distributor.ends, &what, findings);
            }
        }
        if distributor.criteria.is_empty() {
            findings.warn(&what, "no criterion of the policy is noted as checked");
        }
    }
}

fn judge(certificate: &Certificate, what: &str, findings: &mut Findings) {
    if let Err(err) = certificate.usable_for_encryption() {
        return findings.bad(what, &err.to_string());
    }
    ends(certificate.expires(), what, findings);
}

pub(super) fn ends(ends: Option<Timestamp>, what: &str, findings: &mut Findings) {
    let now = SystemClock.now();
    if let Some(ends) = ends {
        let left = ends.duration_since(now).as_hours() / 24;
        if left < ENDS_WITHIN_DAYS[0] {
            findings.warn(
                what,
                &format!(
                    "it expires in {left} days, on {}: extend it and publish it again",
                    ends.strftime("%Y-%m-%d")
                ),
            );
        }
    }
}
