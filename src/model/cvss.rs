//! How severe is a vulnerability? A vector of FIRST's Common Vulnerability Scoring System, with its
//! score and rating.

/// A vector that was understood: version 2, 3.0, 3.1 or 4.0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rated {
    /// 0 to 100: the score in tenths.
    pub tenths: u8,
    /// `critical`, `high`, `medium`, `low` or `none`.
    pub rating: String,
}

/// Rates a vector with all its base metrics; the crate accepts one of version 3 without some.
pub fn rate(vector: &str) -> Option<Rated> {
    let parsed: cvss::Cvss = vector.parse().ok()?;
    let whole = match &parsed {
        cvss::Cvss::CvssV30(v) | cvss::Cvss::CvssV31(v) => {
            v.av.is_some()
                && v.ac.is_some()
                && v.pr.is_some()
                && v.ui.is_some()
                && v.s.is_some()
                && v.c.is_some()
                && v.i.is_some()
                && v.a.is_some()
        }
        _ => true,
    };
    whole.then(|| Rated {
        tenths: (parsed.score() * 10.0).round() as u8,
        rating: parsed.severity().as_str().to_ascii_lowercase(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_scored_as_first_scores_it() {
        let rated = |vector: &str| rate(vector).map(|r| (r.tenths, r.rating));
        // The examples of the specifications: CVE-2013-1937 and CVE-2014-0160 (3.1 examples),
        // CVE-2012-1516 (2.0), CVE-2022-41741 (4.0).
        assert_eq!(
            rated("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N"),
            Some((61, "medium".to_owned()))
        );
        assert_eq!(
            rated("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"),
            Some((75, "high".to_owned()))
        );
        assert_eq!(
            rated("CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"),
            Some((73, "high".to_owned()))
        );
        assert_eq!(
            rated("AV:N/AC:L/Au:S/C:C/I:C/A:C"),
            Some((90, "high".to_owned()))
        );
        assert_eq!(rated("CVSS:3.1/AV:N"), None);
    }
}
