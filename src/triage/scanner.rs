//! Did a tool write it? Its lines look alike, and no human says what they found.

use super::lexicon::Concept;
use super::own_words::OwnWords;
use super::patterns;
use super::units::Unit;

patterns! {
    // How well-known tools print.
    PRINTED = r"(?im)^\s*(nmap scan report|starting nmap|- nikto v|\+ (server|target (ip|host|port)|osvdb|the (x-|anti))|zap (scanning )?report|nessus|plugin (id|output|family)|burp (suite|scanner)|issue detail|risk level\s*:|alert\s*:|\[(info|low|medium|high|critical)\] \[|\[[\w:-]+\] \[(http|ssl|dns|tcp|network)\] \[(info|low|medium|high|critical|unknown)\]|.*\(trivy|total: \d+ \(|[a-z@/._-]+\s+\*|.*npm audit|# npm audit report|\d+ vulnerabilities \(|testssl|sslyze|qualys|openvas|acunetix|wpscan|detectify|risk factor|see also|\|_?http-|\d+/tcp +(open|filtered|closed)|plugin name|severity +cve|library +vulnerability|confidence ?: |.*\bCVE-[0-9]{4}-[0-9]+\b.*\b(critical|high|medium|low|moderate)\b|.*\b(critical|high|medium|low|moderate)\b.*\bCVE-[0-9]{4}-[0-9]+\b)";
    CVE = r"(?i)\bCVE-[0-9]{4}-[0-9]{4,7}\b";
}

/// Lines that look like a tool's, for the letter to be its output.
const LINES_MIN: usize = 3;

/// Whether a letter is the output of a tool. `is_complete`: it says how to reproduce what it found,
/// and in which version.
pub(super) fn is_output(own: &OwnWords<'_>, text: &str, is_complete: bool) -> bool {
    let printed = PRINTED.find_iter(text).count();
    let rows = own.units().filter(|unit| is_row(unit)).count().max(printed);
    let names_tool = own.say(Concept::Scan);
    let by_itself = own.say(Concept::Automated);
    let by_tool = rows >= LINES_MIN && names_tool
        || rows >= 2 * LINES_MIN
        || by_itself && names_tool && rows > 0
        || own.words_for(Concept::Automated) >= LINES_MIN && names_tool
        || by_itself && own.head_says(Concept::Scan) && !own.say(Concept::Finds);
    by_tool && !(own.find() && (is_complete || !by_itself))
}

/// A finding as tools list them: an identifier or a bracket, and a rating.
fn is_row(unit: &Unit) -> bool {
    let rates = [
        Concept::Critical,
        Concept::High,
        Concept::Medium,
        Concept::Low,
    ];
    let is_rated = rates.into_iter().any(|rating| unit.says(rating));
    is_rated && (CVE.is_match(&unit.text) || unit.text.starts_with(['[', '【', '+', '|']))
}
