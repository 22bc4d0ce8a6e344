//! Does a human report a finding, do they beg, or did a scanner write it? The class ranks, and
//! never silences.

use super::patterns;
use crate::model::report::Class;

patterns! {
    MONEY = r"(?i)\b(bount(y|ies)|rewards?|hall of fame|swag|paypal|compensation|appreciation (token|amount)|monetary|payout|gift|payment|money|paid|reward program|bug bounty)\b";
    // What a scanner says of every site, and what nobody can attack by itself.
    PETTY = r"(?i)\b(spf|dmarc|dkim|x-frame-options|clickjack\w*|x-xss-protection|content-security-policy|csp|hsts|strict-transport-security|security headers?|missing headers?|http headers?|x-content-type-options|referrer-policy|permissions-policy|cookie (flag|without)|httponly|secure flag|autocomplete|server (banner|version)|banner disclosure|version disclosure|weak ciphers?|tls ?1\.[01]|ssl labs|dnssec|caa record|bimi|options method|trace method|rate limit(ing)?|email spoofing|spoof(ed|ing)? (e-?)?mails?|wp-json|xmlrpc\.php|robots\.txt|directory listing|open ports?)\b";
    SCANNER = r"(?im)^\s*(nmap scan report|starting nmap|- nikto v|\+ (server|target (ip|host|port)|osvdb|the (x-|anti))|zap (scanning )?report|nessus|plugin (id|output|family)|burp (suite|scanner)|issue detail|risk level\s*:|alert\s*:|\[(info|low|medium|high|critical)\] \[|\[[\w:-]+\] \[(http|ssl|dns|tcp|network)\] \[(info|low|medium|high|critical|unknown)\]|.*\(trivy|total: \d+ \(|[a-z@/._-]+\s+\*|.*npm audit|# npm audit report|\d+ vulnerabilities \(|testssl|sslyze|qualys|openvas|acunetix|wpscan|detectify|risk factor|see also|\|_?http-|\d+/tcp +(open|filtered|closed)|plugin name|severity +cve|library +vulnerability|confidence ?: )";
    TOOL = r"(?i)\b(nmap|nikto|owasp zap|zaproxy|nessus|openvas|burp( suite)? scan\w*|acunetix|qualys|trivy|grype|npm audit|snyk (scan|report|test)|sslscan|testssl|ssl labs|wpscan|nuclei|dependabot|automated (scan|tool)|vulnerability scan(ner)?|scan(ner)? (report|result|output)s?)\b";
    NO_HARM = r"(?i)\b(dear (sir|team|admin)|sir/madam|ethical hacker|white ?hat|independent (security )?researcher|kindly|i am (a )?(security|bug) (researcher|hunter)|waiting for your (positive )?(reply|response))\b";
    // The list by its usual names, and the wish to be on it.
    LIST = r"(?i)\b(private|embargo(ed)?|pre-?disclosure|vendor|distributors?'?|distro|early[- ](warning|notification)|advance(d)? (notice|notification)|security[- ]notification) (\w+ ){0,2}(distributors?'? )?(list|program(me)?|group|notifications?|members(hip)?)\b|\b(distributors?|distributions?) (list|membership)\b";
    JOINS = r"(?i)\b(apply|application|applying|join|joining|membership|member of|be added|add (us|our|me)|request(ing)? (access|membership|to (be|join))|subscribe|inclusion|be (included|on|part of)|put us on|become (a )?(private )?(distributor|member)|sign up|vouch(ed|es)?)\b";
    GRAVE = r"(?i)\b(overflow|use[- ]after[- ]free|remote code|code execution|rce|injection|traversal|out[- ]of[- ]bounds|deseriali|privilege escalation|auth\w* bypass|bypass|stored xss|stored cross|ssrf|xxe|double free|memory corruption|segfault|segmentation fault|crash)";
}

/// Lines that look like a tool's, for the letter to be its output.
const SCANNER_LINES: usize = 3;

/// `shown`: it says how to reproduce it, and on which version.
pub(super) fn class(
    subject: &str,
    text: &str,
    only_records_of_scanners: bool,
    shown: bool,
) -> Class {
    let whole = format!("{subject}\n{text}");
    let petty = PETTY.find_iter(&whole).count();
    let grave = GRAVE.find_iter(&whole).count();
    let lines = SCANNER.find_iter(text).count();
    // What a human adds to a tool's lines counts for itself.
    let own = text.lines().filter(|line| {
        !SCANNER.is_match(line) && !line.trim_start().starts_with(['|', '+', '[', '-', '*'])
    });
    let finds = GRAVE.is_match(subject) || own.clone().any(|line| GRAVE.is_match(line));
    let by_tool = (lines >= SCANNER_LINES && TOOL.is_match(&whole)) || lines >= 2 * SCANNER_LINES;
    if only_records_of_scanners || (by_tool && !(finds && shown)) {
        return Class::Scanner;
    }
    if LIST.is_match(&whole) && JOINS.is_match(&whole) && grave == 0 {
        return Class::Application;
    }
    let begs = MONEY.is_match(&whole) && petty > 0 && grave <= petty / 2;
    let pleads = NO_HARM.find_iter(&whole).count() >= 1 && petty >= 2 && grave == 0;
    // Someone who asks for money before they say what they found.
    let teases = MONEY.find_iter(&whole).count() >= 2 && grave == 0 && NO_HARM.is_match(&whole);
    if (begs || pleads || teases) && !shown {
        Class::BegBounty
    } else {
        Class::Report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asks_for_money_and_says_little_is_a_beg_bounty() {
        let beg = "Dear team,\nI am a security researcher. Your domain has no DMARC record, \
            anyone can spoof mails. Is there a bounty?\n";
        assert_eq!(class("Bug", beg, false, false), Class::BegBounty);
        assert_eq!(
            class(
                "Heap overflow",
                "A crafted PNG overflows the heap in 1.2. Do you have a bug bounty?",
                false,
                false
            ),
            Class::Report
        );
        let grave = "Anyone can read all private messages.\nSteps:\n1. open /m/1\n2. read\nIn \
            1.2. Any reward, or a bounty? Your mail has no DMARC either.";
        assert_eq!(class("messages", grave, false, true), Class::Report);
        let application = "Hello, we maintain the Example Linux distribution and would like to be \
            added to your private distributors list. Stack Inc. vouches for us, and we accept \
            your embargo policy.";
        assert_eq!(
            class("Application", application, false, false),
            Class::Application
        );
        let report = "A crafted file overflows the heap; please tell your private distributors \
            list, and add us as reporters.";
        assert_eq!(class("Heap overflow", report, false, false), Class::Report);
        let scan = "Starting Nmap 7.94\nNmap scan report for acme.example\n22/tcp open \
            ssh\n80/tcp open http\n443/tcp open https\n";
        assert_eq!(class("scan", scan, false, false), Class::Scanner);
    }
}
