//! Report extraction: any text gives a report whose fields have the form that they promise.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealdesk::model::product::OwnProduct;
use sealdesk::model::report::TextPlace;
use sealdesk::triage::{ReportFile, ReportInput, Seen, kind, report};

fuzz_target!(|octets: &[u8]| {
    let text = String::from_utf8_lossy(octets);
    let (subject, body) = text.split_once('\n').unwrap_or(("", &text));
    let _ = kind(&Seen {
        subject,
        text: body,
        from: Some("ada@reporter.example"),
        ..Seen::default()
    });
    // The same octets as a letter, and as the record that came with it.
    let record = |name| ReportFile {
        name,
        media_type: "text/plain",
        octets: body.as_bytes(),
    };
    let acme = OwnProduct {
        name: "acme".to_owned(),
        releases: vec!["2.3".to_owned()],
        ..OwnProduct::default()
    };
    let report = report(&ReportInput {
        subject,
        text: body,
        files: &[record("record.yaml"), record("record.json")],
        written: Some(jiff::civil::date(2026, 11, 3)),
        products: &[acme],
        words: None,
    });
    // Each fact rests on words that stand where it says.
    for evidence in &report.evidence {
        if let TextPlace::Text { from, to, .. } = evidence.place {
            assert!(body.get(from as usize..to as usize).is_some());
        }
    }
    assert!(report.affected.iter().all(|a| {
        a.ranges
            .iter()
            .all(|r| r.fixed.is_none() || r.last_affected.is_none() || !report.read_from.is_empty())
    }));
    assert!(
        report
            .cve_ids
            .iter()
            .all(|id| id.starts_with("CVE-") && id.is_ascii())
    );
    assert!(report.cwe_ids.iter().all(|id| {
        id.strip_prefix("CWE-")
            .is_some_and(|n| n.parse::<u32>().is_ok())
    }));
    assert!(
        report
            .cvss
            .is_none_or(|vector| vector.is_ascii() && vector.contains('/'))
    );
    assert!(report.summary.chars().count() <= 200);
});
