//! What do reporters find who look for us? Our own published copies, fetched as they would.

use crate::model::Timestamp;
use crate::model::timeline::ENDS_WITHIN_DAYS;
use crate::openpgp;
use crate::ports::PortError;
use std::time::Duration;

/// Neither a certificate nor a security.txt is larger.
const OCTETS_MAX: usize = 256 * 1024;

const FETCH_S: u64 = 30;

/// What must be found.
pub struct Expected {
    /// Fingerprint, and when it ends.
    pub certificates: Vec<(String, Option<Timestamp>)>,
    pub address: String,
}

/// Fetches one copy; what is wrong with it, if anything.
pub async fn differs(
    url: &str,
    expected: &Expected,
    now: Timestamp,
) -> Result<Option<String>, PortError> {
    let octets = fetch(url).await?;
    if url.ends_with("security.txt") {
        return Ok(security_txt(
            &String::from_utf8_lossy(&octets),
            expected,
            now,
        ));
    }
    let Ok(found) = openpgp::certificates(&octets) else {
        return Ok(Some("no certificate is found there".to_owned()));
    };
    let ours = |fingerprint: &str| {
        expected
            .certificates
            .iter()
            .find(|(own, _)| own == fingerprint)
    };
    for certificate in &found {
        match ours(&certificate.fingerprint()) {
            None => {
                return Ok(Some(format!(
                    "it holds {}, which is none of keys.certificates",
                    certificate.fingerprint()
                )));
            }
            Some((_, ends)) if *ends != certificate.expires() => {
                return Ok(Some(format!(
                    "its copy of {} ends at another time than ours: publish ours again",
                    certificate.fingerprint()
                )));
            }
            Some(_) => {}
        }
    }
    // The one in use; others need not stand in every place.
    let missing = expected
        .certificates
        .first()
        .filter(|(own, _)| !found.iter().any(|c| c.fingerprint() == *own));
    Ok(missing.map(|(own, _)| format!("it lacks {own}: publish it there")))
}

fn security_txt(text: &str, expected: &Expected, now: Timestamp) -> Option<String> {
    let values = |name: &str| -> Vec<&str> {
        let fields = text
            .lines()
            .filter_map(|line| line.split_once(':'))
            .filter(|(field, _)| field.trim().eq_ignore_ascii_case(name));
        fields.map(|(_, value)| value.trim()).collect()
    };
    if !values("Contact")
        .iter()
        .any(|c| c.eq_ignore_ascii_case(&format!("mailto:{}", expected.address)))
    {
        return Some(format!("no Contact in it is mailto:{}", expected.address));
    }
    let expires = values("Expires")
        .first()
        .and_then(|at| at.parse::<Timestamp>().ok());
    let Some(expires) = expires else {
        return Some("it has no Expires (RFC 9116 section 2.5.5)".to_owned());
    };
    if expires.duration_since(now).as_hours() < ENDS_WITHIN_DAYS[0] * 24 {
        return Some(format!(
            "it ends on {}: publish it again",
            expires.strftime("%Y-%m-%d")
        ));
    }
    let fingerprints: Vec<String> = values("Encryption")
        .iter()
        .filter_map(|v| v.strip_prefix("openpgp4fpr:"))
        .map(str::to_uppercase)
        .collect();
    let strange = fingerprints
        .iter()
        .find(|f| !expected.certificates.iter().any(|(own, _)| own == *f));
    strange.map(|f| format!("it names the certificate {f}, which is none of keys.certificates"))
}

async fn fetch(url: &str) -> Result<Vec<u8>, PortError> {
    let fault = |e: reqwest::Error| {
        PortError::passing(format!("{url} cannot be fetched")).because(e.without_url())
    };
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(FETCH_S))
        .redirect(reqwest::redirect::Policy::limited(3))
        .build()
        .map_err(fault)?;
    let mut answer = client
        .get(url)
        .send()
        .await
        .and_then(reqwest::Response::error_for_status)
        .map_err(fault)?;
    let mut octets = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(fault)? {
        octets.extend_from_slice(&piece);
        if octets.len() > OCTETS_MAX {
            return Err(PortError::passing(format!(
                "{url} is longer than {OCTETS_MAX} octets"
            )));
        }
    }
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_security_txt_is_held_against_what_we_hold() {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let expected = Expected {
            certificates: vec![("AB".repeat(20), None)],
            address: "security@example.org".to_owned(),
        };
        let good = format!(
            "Contact: mailto:security@example.org\nExpires: 2027-01-01T00:00:00Z\nEncryption: \
             openpgp4fpr:{}\n",
            "ab".repeat(20)
        );
        assert_eq!(security_txt(&good, &expected, now), None);
        for (from, to, why) in [
            ("security@", "old@", "Contact"),
            ("2027-01-01", "2026-11-15", "ends on 2026-11-15"),
            ("Expires", "Expired", "no Expires"),
            ("fpr:ab", "fpr:cd", "none of keys.certificates"),
        ] {
            assert!(
                security_txt(&good.replace(from, to), &expected, now)
                    .unwrap()
                    .contains(why),
                "{to}"
            );
        }
    }
}
