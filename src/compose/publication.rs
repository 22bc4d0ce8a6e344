//! What do we publish so that reporters find us? security.txt (RFC 9116), and a section for
//! SECURITY.md.

use super::{ComposeError, DeskIdentity};
use crate::model::publication::SecurityTxt;
use jiff::SignedDuration;

/// The lines of a security.txt, not yet signed.
pub fn security_txt(fields: &SecurityTxt, identity: &DeskIdentity) -> Result<String, ComposeError> {
    let current = identity
        .certificates
        .first()
        .ok_or(ComposeError::NoCertificate)?;
    let mut lines = vec![
        format!("Contact: mailto:{}", identity.address),
        format!("Expires: {}", fields.expires.strftime("%Y-%m-%dT%H:%M:%SZ")),
    ];
    lines.extend(
        fields
            .encryption
            .iter()
            .map(|url| format!("Encryption: {}", url.as_str())),
    );
    lines.push(format!(
        "Encryption: openpgp4fpr:{}",
        current.fingerprint.to_lowercase()
    ));
    if !fields.languages.is_empty() {
        let languages: Vec<&str> = fields.languages.iter().map(|l| l.as_str()).collect();
        lines.push(format!("Preferred-Languages: {}", languages.join(", ")));
    }
    lines.extend(
        fields
            .canonical
            .iter()
            .map(|url| format!("Canonical: {}", url.as_str())),
    );
    lines.extend(
        fields
            .policy
            .iter()
            .map(|url| format!("Policy: {}", url.as_str())),
    );
    Ok(lines.join("\n") + "\n")
}

/// A section to be pasted into a SECURITY.md.
pub fn security_md(
    identity: &DeskIdentity,
    acknowledge_within: SignedDuration,
) -> Result<String, ComposeError> {
    let current = identity
        .certificates
        .first()
        .ok_or(ComposeError::NoCertificate)?;
    let address = &identity.address;
    let days = |span: SignedDuration| span.as_hours() / 24;
    Ok(format!(
        "## Reporting a vulnerability\n\nPlease write to <{address}>, in any language and with \
         any mail program. You have an answer within\n{hours} hours. Please do not open a public \
         issue.\n\nTo write encrypted, use our OpenPGP certificate. Mail programs that know Web \
         Key Directories find it\nby themselves; `gpg --locate-keys {address}` does too, and a \
         mail to <{address}> that says\n\"send key\" brings it. Its fingerprint is\n\n    \
         {fingerprint}\n\nWe aim to work out a fix in private within {fix} days and to release it \
         within {release}, and we tell you before.\n",
        hours = acknowledge_within.as_hours(),
        fingerprint = super::mail::spaced(&current.fingerprint),
        fix = days(identity.timeline.fix.to),
        release = days(identity.timeline.release.to),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::{OwnCertificate, Templates};
    use crate::model::Timestamp;
    use crate::model::address::Address;
    use crate::model::language::Language;
    use crate::model::timeline::Timeline;

    #[test]
    fn a_security_txt_has_the_fields_of_the_standard() {
        let own = OwnCertificate {
            fingerprint: "AB".repeat(20),
            version: 4,
            armored: String::new(),
            binary: Vec::new(),
        };
        let address = Address::parse("security@example.org").unwrap();
        let identity = DeskIdentity {
            address,
            name: "Team".to_owned(),
            certificates: vec![own],
            smime: Vec::new(),
            templates: Templates::load(None).unwrap(),
            language: Language::English,
            timeline: Timeline::default(),
            page: None,
        };
        let fields = SecurityTxt {
            canonical: vec![
                "https://example.org/.well-known/security.txt"
                    .to_owned()
                    .try_into()
                    .unwrap(),
            ],
            encryption: Vec::new(),
            policy: None,
            languages: vec![
                "en".to_owned().try_into().unwrap(),
                "de".to_owned().try_into().unwrap(),
            ],
            expires: Timestamp::from_second(1_790_000_000).unwrap(),
        };
        let text = security_txt(&fields, &identity).unwrap();
        let expected = "Contact: mailto:security@example.org\nExpires: \
            2026-09-21T14:13:20Z\nEncryption: \
            openpgp4fpr:abababababababababababababababababababab\nPreferred-Languages: en, \
            de\nCanonical: https://example.org/.well-known/security.txt\n";
        assert_eq!(text, expected);
        let section = security_md(&identity, SignedDuration::from_hours(48)).unwrap();
        assert!(
            section.contains("ABAB ABAB") && section.contains("within\n48 hours"),
            "{section}"
        );
    }
}
