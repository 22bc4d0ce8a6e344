//! What the page for responders sends to the desk: any octets are a question or none, and any line a
//! command about this case, help, or a sentence that says why not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealdesk::control::page::{PageRequest, SessionRequest};
use sealdesk::grammar::parse_line;
use sealdesk::model::ids::CaseId;
use sealdesk::model::page::{PageUrl, SignInTicket};

fuzz_target!(|octets: &[u8]| {
    let request = serde_json::from_slice::<PageRequest>(octets);
    let written = match request {
        Ok(PageRequest::Session {
            ask: SessionRequest::Command { line, .. },
            ..
        }) => Some(line),
        _ => None,
    };
    let text = String::from_utf8_lossy(octets);
    let case = CaseId::from_random([3; 10]);
    let line = written.as_deref().unwrap_or(&text);
    if let Err(why) = parse_line(&case, line, 16) {
        assert!(!why.is_empty());
    }
    if let Ok(url) = PageUrl::try_from(text.clone().into_owned()) {
        assert!(url.origin().ends_with(url.host()));
        assert!(url.origin().bytes().all(|b| b.is_ascii_graphic()));
    }
    let (link, rest) = text.split_once(' ').unwrap_or((&text, ""));
    let (code, words) = rest.split_once(' ').unwrap_or((rest, ""));
    if SignInTicket::new(link.to_owned(), code.to_owned(), words.to_owned()).is_ok() {
        assert!(text.bytes().all(|b| b.is_ascii_graphic() || b == b' '));
    }
});
