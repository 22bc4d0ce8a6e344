//! What does one letter say, how was it protected, and which files did it bring?

use super::case_id;
use crate::compose::proof_of_from;
use crate::compose::{TextPart, text_parts};
use crate::control::page::{LetterScreen, SessionRequest};
use crate::control::{AttachmentFile, LetterView, SealedLetter};
use crate::page::forms::Fields;
use crate::page::words::{Moment, from, protection};
use crate::page::{Failure, Frame, Page};
use crate::ports::ReadingState;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::sync::Arc;

/// A letter as it is shown, alone or among others.
#[derive(Serialize)]
pub(super) struct LetterShown {
    number: i64,
    received_at: Moment,
    octets: u64,
    sha256: String,
    /// Why nothing of it is shown.
    state: Option<&'static str>,
    from: String,
    /// What says that it is from them.
    proof: &'static str,
    subject: Option<String>,
    date: Option<String>,
    protection: String,
    beware: bool,
    faults: Vec<String>,
    text: Vec<PartShown>,
    /// It goes on where it stands alone.
    is_cut: bool,
    files: Vec<FileShown>,
}

/// A stretch of a letter's text.
#[derive(Serialize)]
struct PartShown {
    /// Lines of a quotation, which is folded; 0 for what is shown.
    quoted_lines: usize,
    text: String,
}

#[derive(Serialize)]
struct FileShown {
    n: usize,
    name: String,
    media_type: String,
    octets: u64,
    sha256: String,
    contents: Vec<String>,
}

#[derive(Serialize)]
struct LetterPage {
    id: String,
    letter: LetterShown,
    shut: Vec<String>,
}

impl LetterShown {
    /// `folds`: long quotations are folded; `characters_max`: what is beyond is left out.
    pub fn of(letter: &LetterView, folds: bool, characters_max: usize) -> Self {
        let mut shown = Self {
            number: letter.intake,
            received_at: Moment::of(letter.received_at),
            octets: letter.octets,
            sha256: letter.sha256.clone(),
            state: None,
            from: String::new(),
            proof: "",
            subject: None,
            date: None,
            protection: String::new(),
            beware: false,
            faults: Vec::new(),
            text: Vec::new(),
            is_cut: false,
            files: Vec::new(),
        };
        let Some(reading) = &letter.reading else {
            shown.state = Some(state(letter.state));
            return shown;
        };
        (shown.protection, shown.beware) = protection(reading);
        shown.from = from(reading);
        shown.proof = proof_of_from(letter.dmarc, reading);
        shown.subject = reading.subject.clone();
        shown.date = reading.date.clone();
        shown.faults = reading.faults.clone();
        let end = reading.text.char_indices().nth(characters_max);
        shown.is_cut = end.is_some();
        let end = end.map_or(reading.text.len(), |(at, _)| at);
        shown.text = parts(&reading.text[..end], folds);
        let files = reading.attachments.iter().enumerate();
        shown.files = files
            .map(|(n, file)| FileShown {
                n,
                name: file.name.clone(),
                media_type: file.media_type.clone(),
                octets: file.octets,
                sha256: file.sha256.clone(),
                contents: file.contents.clone(),
            })
            .collect();
        shown
    }
}

fn parts(text: &str, folds: bool) -> Vec<PartShown> {
    let mut shown: Vec<PartShown> = Vec::new();
    for part in text_parts(text, folds) {
        match (part, shown.last_mut()) {
            (TextPart::Quotation(lines), _) => shown.push(PartShown {
                quoted_lines: lines.len(),
                text: lines.join("\n"),
            }),
            (TextPart::Line(line), Some(last)) if last.quoted_lines == 0 => {
                last.text.push('\n');
                last.text.push_str(line);
            }
            (TextPart::Line(line), _) => shown.push(PartShown {
                quoted_lines: 0,
                text: line.to_owned(),
            }),
        }
    }
    shown
}

/// Why a letter has no reading.
fn state(state: ReadingState) -> &'static str {
    match state {
        ReadingState::Unread => "It was not read yet.",
        ReadingState::SetAside => {
            "Two readers ended on it, so it is not opened here: sealdesk case export takes it out."
        }
        ReadingState::Old => "It is from before the desk began to answer, and was not read.",
        ReadingState::Copy => "It is a copy of what the team sent, and is not read.",
        ReadingState::Purged => "It was erased with its case.",
        ReadingState::Read | ReadingState::Shut => "It is not opened here.",
    }
}

pub(in crate::page) async fn show(
    State(page): State<Arc<Page>>,
    Path((id, intake)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let shown = async {
        let (id, intake) = (case_id(&id)?, number(&intake)?);
        let ask = SessionRequest::Letter { id, intake };
        let (who, screen) = page.ask::<LetterScreen>(&headers, ask).await?;
        let shown = LetterPage {
            id: screen.line.id.to_string(),
            letter: LetterShown::of(&screen.letter, true, usize::MAX),
            shut: screen.shut,
        };
        let title = format!("{}, letter {intake}", shown.id);
        Ok(page.show("letter.html", Frame::new(title, Some(&who)), &shown))
    };
    page.answer(shown.await)
}

fn number(text: &str) -> Result<i64, Failure> {
    text.parse()
        .map_err(|_| Failure::Malformed("A letter has a number: open it from its case."))
}

/// The letter with its files, encrypted to who asks.
pub(in crate::page) async fn sealed(
    State(page): State<Arc<Page>>,
    Path((id, intake)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let sent = async {
        let (id, intake) = (case_id(&id)?, number(&intake)?);
        let name = format!("{id}-{intake}.eml.asc");
        let ask = SessionRequest::SealedLetter { id, intake };
        let (_, sealed) = page.ask::<SealedLetter>(&headers, ask).await?;
        Ok(as_file(&name, sealed.armored.into_bytes()))
    };
    page.answer(sent.await)
}

/// One of its files as it is. A form asks for it, so that no prefetching and no link of others does.
pub(in crate::page) async fn file(
    State(page): State<Arc<Page>>,
    Path((id, intake)): Path<(String, String)>,
    request: Request,
) -> Response {
    let sent = async {
        let (id, intake) = (case_id(&id)?, number(&intake)?);
        let (parts, body) = request.into_parts();
        let n = Fields::of_body(body).await?.number("n");
        let n = n.ok_or(Failure::Malformed("Which file is wanted is not said."))?;
        let ask = SessionRequest::File { id, intake, n };
        let (_, file) = page.ask::<AttachmentFile>(&parts.headers, ask).await?;
        let octets = file.decoded().map_err(|_| Failure::Damaged)?;
        Ok(as_file(&file.name, octets))
    };
    page.answer(sent.await)
}

/// Octets that no browser shows: always a file, never of a type, and in a sandbox all the same.
fn as_file(name: &str, octets: Vec<u8>) -> Response {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let plain: String = name
        .chars()
        .map(|c| if is_plain(c) { c } else { '_' })
        .take(100)
        .collect();
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{plain}\""));
    let mut response = octets.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(
        header::CONTENT_DISPOSITION,
        disposition.unwrap_or(HeaderValue::from_static("attachment")),
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("sandbox; default-src 'none'"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_plain_name_and_no_type() {
        let response = as_file("a\"; x=\r\n\u{202E}é/../.html", b"<script>".to_vec());
        let header = |name| response.headers()[name].to_str().unwrap();
        assert_eq!(
            header("content-disposition"),
            "attachment; filename=\"a___x______.._.html\""
        );
        assert_eq!(header("content-type"), "application/octet-stream");
        assert!(header("content-security-policy").starts_with("sandbox;"));
    }
}
