//! What does one answer of a server say?

use crate::adapters::imap::dialogue::{DialogueError, Row};
use async_imap::imap_proto::{
    AttributeValue, MailboxDatum, MessageSection, Response, SectionPath, Status,
};
use std::borrow::Cow;

pub(super) fn is_news(response: &Response<'_>) -> Result<bool, DialogueError> {
    match response {
        Response::Data {
            status: Status::Bye,
            ..
        } => Err(DialogueError::Gone),
        Response::MailboxData(MailboxDatum::Exists(_)) => Ok(true),
        _ => Ok(false),
    }
}

pub(super) fn finished(
    sent: &str,
    answered: &str,
    status: &Status,
    information: Option<Cow<'_, str>>,
) -> Result<(), DialogueError> {
    if sent != answered {
        return Err(DialogueError::Odd("it answers a command that was not sent"));
    }
    match status {
        Status::Ok => Ok(()),
        Status::No => Err(DialogueError::No(
            information.unwrap_or_default().into_owned(),
        )),
        Status::Bad => Err(DialogueError::Bad),
        _ => Err(DialogueError::Odd("it answers neither OK nor NO nor BAD")),
    }
}

pub(super) fn weight(response: &Response<'_>) -> usize {
    match response {
        Response::Fetch(_, attributes) => attributes
            .iter()
            .map(|a| match a {
                AttributeValue::BodySection {
                    data: Some(data), ..
                } => data.len(),
                _ => 64,
            })
            .sum(),
        Response::MailboxData(MailboxDatum::Search(found)) => found.len() * 4,
        _ => 128,
    }
}

pub(super) fn row(attributes: Vec<AttributeValue<'_>>) -> Row {
    let mut row = Row::default();
    for attribute in attributes {
        match attribute {
            AttributeValue::Uid(uid) => row.uid = Some(uid),
            AttributeValue::Rfc822Size(size) => row.size = Some(size),
            AttributeValue::InternalDate(date) => row.internal_date = Some(date.into_owned()),
            AttributeValue::BodySection {
                section: None | Some(SectionPath::Full(MessageSection::Text)),
                index,
                data: Some(data),
            } => {
                row.body = Some((index.unwrap_or(0), data.into_owned()));
            }
            _ => {}
        }
    }
    row
}
