//! Which of our letters does a mail system speak of, and what became of it? (RFC 3464, and reports
//! that follow no standard)

use super::entity::Entity;
use crate::model::ids::MessageId;
use crate::model::reading::{Delivery, DeliveryOutcome};

/// Of a report so much is looked at: what matters stands at its beginning, before the copy of a
/// long letter.
const LOOKED_AT_OCTETS: usize = 256 * 1024;

/// A report speaks of one letter; the ids of its thread stand beside it.
const MESSAGE_IDS_MAX: usize = 16;

/// Fields that name letters, in the report itself and in the copy that it returns.
const NAMING: [&str; 6] = [
    "message-id",
    "in-reply-to",
    "references",
    "original-message-id",
    "x-original-message-id",
    "x-ms-exchange-parent-message-id",
];

/// What stands in the whole letter, part by part: programs put the returned header into every kind
/// of part, or into the text.
pub fn delivery(letter: &Entity<'_>) -> Option<Delivery> {
    let mut found = Lines::default();
    found.read(&letter.octets[..letter.octets.len().min(LOOKED_AT_OCTETS)]);
    // Parts under a transfer encoding are not readable as they stand.
    for file in letter.files() {
        found.read(&file.octets[..file.octets.len().min(LOOKED_AT_OCTETS)]);
    }
    let outcome = found.outcome.unwrap_or(if found.delayed {
        DeliveryOutcome::Delayed
    } else {
        DeliveryOutcome::Failed
    });
    (!found.message_ids.is_empty() || found.outcome.is_some()).then_some(Delivery {
        outcome,
        message_ids: found.message_ids,
    })
}

#[derive(Default)]
struct Lines {
    /// Words in which servers without a standard say that they go on trying.
    delayed: bool,
    outcome: Option<DeliveryOutcome>,
    message_ids: Vec<String>,
}

impl Lines {
    fn read(&mut self, octets: &[u8]) {
        let text = String::from_utf8_lossy(octets);
        let lower = text.to_ascii_lowercase();
        self.delayed |= [
            "delayed",
            "will be retried",
            "still being retried",
            "will continue to",
            "not been delivered yet",
        ]
        .iter()
        .any(|w| lower.contains(w));
        let mut naming = false;
        for line in text.lines() {
            // Sendmail and Exim indent what they return; a fold continues the field before it.
            let (field, value) = match line.trim_start_matches(['>', ' ', '\t']).split_once(':') {
                Some((name, value)) if is_field_name(name) => (name.to_ascii_lowercase(), value),
                _ if naming && line.starts_with([' ', '\t']) => {
                    self.ids(line);
                    continue;
                }
                _ => {
                    naming = false;
                    continue;
                }
            };
            naming = NAMING.contains(&field.as_str());
            if naming {
                self.ids(value);
            } else if field == "action" {
                self.action(value.trim());
            } else if field == "disposition" {
                self.action("delivered"); // a receipt (RFC 8098): somebody has it
            }
        }
    }

    fn ids(&mut self, text: &str) {
        for id in text
            .split('<')
            .skip(1)
            .filter_map(|rest| MessageId::parse(rest.split_once('>')?.0))
        {
            if self.message_ids.len() < MESSAGE_IDS_MAX
                && !self.message_ids.iter().any(|known| known == id.as_str())
            {
                self.message_ids.push(id.as_str().to_owned());
            }
        }
    }

    /// RFC 3464 section 2.3.3. Of several recipients the worst outcome counts.
    fn action(&mut self, word: &str) {
        let outcome = match word.to_ascii_lowercase().split_whitespace().next() {
            Some("failed") => DeliveryOutcome::Failed,
            Some("delayed") => DeliveryOutcome::Delayed,
            Some("delivered" | "relayed" | "expanded") => DeliveryOutcome::Arrived,
            _ => return,
        };
        let rank = |o: DeliveryOutcome| match o {
            DeliveryOutcome::Arrived => 0,
            DeliveryOutcome::Delayed => 1,
            DeliveryOutcome::Failed => 2,
        };
        if self.outcome.is_none_or(|known| rank(known) < rank(outcome)) {
            self.outcome = Some(outcome);
        }
    }
}

fn is_field_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 40
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::budget::Budget;

    fn check(letter: &str, outcome: DeliveryOutcome, ids: &[&str]) {
        let found = delivery(&Entity::letter(letter.as_bytes(), &Budget::ours()).unwrap()).unwrap();
        assert_eq!(
            (
                found.outcome,
                found
                    .message_ids
                    .iter()
                    .map(String::as_str)
                    .collect::<Vec<_>>()
            ),
            (outcome, ids.to_vec()),
            "{letter}"
        );
    }

    #[test]
    fn a_report_of_the_standard_is_read() {
        let report = |action: &str| {
            format!(
                "From: MAILER-DAEMON@mx\nMessage-ID: <d1@mx>\nContent-Type: multipart/report; \
                 report-type=delivery-status; boundary=b\n\n--b\n\nSorry.\n--b\nContent-Type: \
                 message/delivery-status\n\nReporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; \
                 ada@b\nAction: {action}\nStatus: 5.1.1\n--b\nContent-Type: \
                 text/rfc822-headers\n\nMessage-ID:\n <ours@desk>\nSubject: x\n--b--\n"
            )
        };
        check(
            &report("failed"),
            DeliveryOutcome::Failed,
            &["d1@mx", "ours@desk"],
        );
        check(
            &report("delayed"),
            DeliveryOutcome::Delayed,
            &["d1@mx", "ours@desk"],
        );
        check(
            &report("delivered (to mailbox)"),
            DeliveryOutcome::Arrived,
            &["d1@mx", "ours@desk"],
        );
    }

    #[test]
    fn a_report_in_plain_words_is_read() {
        let qmail = "From: MAILER-DAEMON@mx\nSubject: failure notice\n\nHi. This is the \
            qmail-send program.\n\n<ada@b>:\nno mailbox here\n\n--- Below this line is a copy of \
            the message.\n\nReturn-Path: <x@desk>\nMessage-ID: <ours@desk>\nFrom: x@desk\n";
        check(qmail, DeliveryOutcome::Failed, &["ours@desk"]);
        let exim = "From: Mail Delivery System <postmaster@mx>\nSubject: Mail delivery \
            failed\n\nThis message was created automatically.\n\n------ This is a copy of your \
            message, including all the headers. ------\n\n  Message-Id: <ours@desk>\n";
        check(exim, DeliveryOutcome::Failed, &["ours@desk"]);
        let delayed = exim.replace(
            "This message was",
            "Delivery is delayed and will be retried. This message was",
        );
        check(&delayed, DeliveryOutcome::Delayed, &["ours@desk"]);
        let receipt = "From: ada@b\nContent-Type: multipart/report; \
            report-type=disposition-notification; boundary=b\n\n--b\n\nRead.\n--b\nContent-Type: \
            message/disposition-notification\n\nOriginal-Message-ID: <ours@desk>\nDisposition: \
            manual-action/MDN-sent-manually; displayed\n--b--\n";
        check(receipt, DeliveryOutcome::Arrived, &["ours@desk"]);
    }
}
