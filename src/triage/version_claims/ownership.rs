//! Is a version of the product, or of other software that the letter names?

use super::{Reader, is_one_of};
use crate::triage::lexicon::{Concept, Said};
use crate::triage::units::UnitKind;
use crate::triage::version::Version;

/// Other software whose version often stands in a report.
const FOREIGN: &str = "\
    apache nginx php python node node.js nodejs java jdk jre openjdk ubuntu debian windows \
    macos ios android chrome chromium firefox safari edge linux kernel docker kubernetes k8s \
    mysql mariadb postgres postgresql sqlite redis tls tlsv ssl sslv http https openssl curl \
    gcc clang go golang rust rustc ruby perl npm pip burp nikto nmap zap nessus cvss cvssv3 rfc \
    gunicorn lighttpd uvicorn haproxy caddy tomcat jetty wildfly envoy traefik podman npm yarn pnpm \
    laravel django flask rails spring express phpggc sqlmap metasploit ghidra frida ffuf semgrep codeql \
    libsodium boringssl mbedtls wolfssl gnutls zlib libxml2 cmake bash zsh iis exchange outlook mongodb elasticsearch \
    jquery react fedora centos rhel alpine suse leap arch mac os glibc libc llvm asan valgrind \
    afl++ trivy grype section chapter table figure cvss: score step port";

/// Whether a word names other software.
pub(super) fn is_foreign(word: &str) -> bool {
    is_one_of(FOREIGN, word)
}

impl Reader<'_> {
    /// Whether a version is of the product, and not of what else is named.
    pub(super) fn is_ours(&self, version: &Version) -> bool {
        let start = self.mark(version);
        let head = self.text[..start].trim_end();
        let word = head
            .rsplit(|c: char| {
                c.is_whitespace() || matches!(c, '(' | ',' | ':' | '"' | '`' | '/' | '（')
            })
            .next()
            .unwrap_or_default();
        let name = word.trim_end_matches(['-', '@', '=', '/']);
        let is_named = |name: &str| {
            self.context.products.iter().any(|p| {
                p == name || p.ends_with(&format!(" {name}")) || p.ends_with(&format!("-{name}"))
            })
        };
        if is_named(name) {
            return true;
        }
        if version.is_release {
            return true;
        }
        if self.is_score(start) {
            return false;
        }
        if is_day(&version.text) {
            return false;
        }
        let is_year = version.text.len() == 4 && version.text.starts_with("20");
        if version.is_bare_number && is_year {
            return false;
        }
        if is_foreign(name) {
            return false;
        }
        if self.is_unlike_releases(version, word) {
            return false;
        }
        if version.is_bare_number {
            return self.is_bare_version(version, head, word);
        }
        let before = is_foreign;
        // "Apache HTTP Server 2.4", "Python version 3.11", "Ubuntu 22.04 LTS": a foreign name near before it.
        let tail = &head[head.floor_char_boundary(head.len().saturating_sub(28))..];
        let last_clause = tail
            .rsplit([',', ';', '.', '(', '（', '，'])
            .next()
            .unwrap_or_default();
        let words: Vec<&str> = last_clause.split_whitespace().collect();
        let near = words.iter().rev().take(3);
        let is_foreign =
            near.clone().any(|word| before(word)) && !near.clone().any(|word| is_named(word));
        let is_address = version.text.split('.').count() == 4
            && version.text.split('.').all(|n| n.parse::<u8>().is_ok())
            && !version.is_marked;
        !is_foreign && !is_address && !self.is_of_stranger(name, start)
    }

    /// Where our releases are known, a version whose first number none of them has, nor comes next, is
    /// of something else that runs there.
    fn is_unlike_releases(&self, version: &Version, word: &str) -> bool {
        let first = |text: &str| {
            let text = text.rsplit(':').next().unwrap_or_default();
            let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
            let end = digits.find(|c: char| !c.is_ascii_digit());
            digits[..end.unwrap_or(digits.len())].parse::<u64>().ok()
        };
        let Some(number) = first(&version.text) else {
            return false;
        };
        let known: Vec<u64> = self
            .context
            .releases
            .iter()
            .filter_map(|r| first(r))
            .collect();
        let (Some(low), Some(high)) = (known.iter().min(), known.iter().max()) else {
            return false;
        };
        let says_version = |said: &Said| said.concept == Concept::VersionWord;
        let is_called =
            self.said.iter().any(says_version) || word.is_empty() || self.given.is_some();
        let is_like = low.saturating_sub(2) <= number && number <= high + 1;
        !(is_like || is_called && number < *low)
    }

    /// Whether a number without a dot is a version: after a word for it, or in a list of them.
    fn is_bare_version(&self, version: &Version, head: &str, word: &str) -> bool {
        // `1）…` begins an item.
        let after = self.text[version.range.end..].chars().next();
        let is_item = head.is_empty() && matches!(after, Some(')' | '）' | '、'));
        let says_version = |said: &Said| said.concept == Concept::VersionWord;
        let key = self.unit.key.as_ref();
        let is_of_versions = key.is_some_and(|key| key.said.iter().any(says_version));
        if is_item || self.unit.kind == UnitKind::Cell && !is_of_versions {
            return false;
        }
        let start = self.mark(version);
        let is_called = self.said.iter().any(|said| {
            says_version(said)
                && said.range.end <= start
                && self.text[said.range.end..start].trim().is_empty()
        });
        let compared = head.ends_with(['<', '>', '=', '≤', '≥']);
        let is_listed = self.given.is_some() && (compared || head.is_empty());
        (is_called || version.is_marked || is_listed)
            && version.text.len() <= 6
            && !word.contains(['=', '/', '&', '?'])
    }

    /// "Severity Low (3.3)": a number right after a rating.
    fn is_score(&self, start: usize) -> bool {
        let rates = |said: &&Said| {
            matches!(
                said.concept,
                Concept::Critical
                    | Concept::High
                    | Concept::Medium
                    | Concept::Low
                    | Concept::NoSeverity
                    | Concept::SeverityWord
            ) && said.range.end <= start
        };
        let mut rating = self.said.iter().filter(rates);
        rating.any(|said| {
            let gap = self.text[said.range.end..start].trim();
            gap.is_empty() || matches!(gap, "(" | "（" | ":" | "/" | "-" | "=")
        })
    }

    /// Where our releases are known, what does not exist and follows a name that is not ours is
    /// somebody else's.
    fn is_of_stranger(&self, name: &str, start: usize) -> bool {
        let is_word = name.chars().count() > 3 && name.chars().all(char::is_alphabetic);
        let is_said = self.said.iter().any(|said| {
            said.range.start < start
                && self.text[said.range.end.min(start)..start]
                    .trim()
                    .is_empty()
        });
        !self.context.releases.is_empty()
            && is_word
            && !is_said
            && !is_one_of(super::operators::FILLERS, name)
    }
}

/// `26.02.2027` is a day.
fn is_day(version: &str) -> bool {
    let parts: Vec<&str> = version.split('.').collect();
    let number = |part: &str| part.parse::<u32>().ok();
    match parts.as_slice() {
        [day, month, year] => {
            year.len() == 4
                && number(day).is_some_and(|day| day <= 31)
                && number(month).is_some_and(|month| month <= 12)
        }
        _ => false,
    }
}
