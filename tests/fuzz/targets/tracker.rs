//! A stranger's words in a tracker: whatever he wrote, Markdown shows no link, image, HTML, mention
//! or marker of his.
#![no_main]

#[path = "../panics.rs"]
mod panics;

use libfuzzer_sys::fuzz_target;
use pulldown_cmark::{Event, Options, Parser, Tag};
use sealdesk::compose::{Measure, advisory, marker};
use sealdesk::model::Timestamp;
use sealdesk::model::ids::CaseId;
use sealdesk::openpgp::{Purpose, SecretKeys};
use sealdesk::reading::{Position, read};

fuzz_target!(|octets: &[u8]| {
    static SILENCE: std::sync::Once = std::sync::Once::new();
    SILENCE.call_once(panics::silence);
    let letter = [
        b"From: ada@reporter.example\nContent-Type: text/plain; charset=utf-8\nSubject: ",
        octets,
    ]
    .concat();
    let reading = read(
        &letter,
        &mut SecretKeys::none(Purpose::Mail),
        &Position::default(),
    )
    .reading;
    let case = CaseId::from_random([7; 10]);
    let advisory = advisory(
        &case,
        &reading,
        Measure::Full,
        Timestamp::UNIX_EPOCH,
        b"secret",
    );
    let ours = marker(b"secret", &case);
    assert_eq!(
        advisory.description.trim_end().lines().last(),
        Some(ours.as_str())
    );
    assert_eq!(advisory.description.matches(&ours).count(), 1);
    assert!(!advisory.summary.contains(['\n', '@', '<', '\u{202e}']));
    let mut in_code = false;
    for event in Parser::new_ext(&advisory.description, Options::all()) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(pulldown_cmark::TagEnd::CodeBlock) => in_code = false,
            Event::Start(Tag::Link { .. } | Tag::Image { .. }) => panic!("a link or an image"),
            Event::Html(html) | Event::InlineHtml(html) => assert!(
                html.trim().is_empty() || ours.starts_with(html.trim()),
                "HTML: {html}"
            ),
            Event::Text(text) if !in_code => {
                assert!(!text.contains('@') && !text.contains("://"), "{text}")
            }
            _ => {}
        }
    }
});
