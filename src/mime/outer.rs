//! What stands on the envelope? The header block alone, and whether a machine may answer.
//!
//! RFC 3834 section 2 and what is seen in the wild decide; DMARC is believed only from our own
//! server's Authentication-Results (RFC 8601 section 5), or as the desk found it itself.

mod fields;

use super::authentication::{
    Verdicts, covers_addressing, covers_reply_to, covers_structure, first_word, is_covered,
};
use super::{HEADER_BLOCK_OCTETS_MAX, tolerant};
use crate::model::Timestamp;
use crate::model::address::{Address, ReplyAddress};
use crate::model::ids::MessageId;
use crate::model::letter::{Dmarc, NoAnswer, Outer};
use fields::{all, first_raw, ids};
pub(super) use fields::{all_raw, is_spelt_throughout, single};
use mail_parser::{Message, MimeHeaders};
use serde::{Deserialize, Serialize};

/// From where we look at a letter: what is ours.
#[derive(Clone, Debug, Default)]
pub struct OwnAddresses {
    /// Every address that the desk receives or sends under.
    pub ours: Vec<Address>,
    /// Lists through which security@ itself is delivered.
    pub own_lists: Vec<OwnList>,
    /// The senders of our web forms: who filled in one stands in Reply-To.
    pub forms: Vec<Address>,
    /// The authserv-id of our own mail server; without it DMARC is what the desk found itself.
    pub authserv_id: Option<String>,
}

/// A list that delivers to the desk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnList {
    /// Its List-Id (RFC 2919), without brackets.
    pub id: String,
    /// It writes who wrote into X-Original-From, as Google Groups does. Where a list does not,
    /// anybody may have written that field.
    pub writes_original_from: bool,
}

impl OwnList {
    /// Whether an address is the list's own: `NAME@DOMAIN` of the List-Id `NAME.DOMAIN`.
    fn is_at(&self, address: &Address) -> bool {
        format!("{}.{}", address.local(), address.domain()).eq_ignore_ascii_case(&self.id)
    }
}

/// Where the header block of a letter ends: after the first empty line, at most 256 KiB in.
pub fn header_block_end(octets: &[u8]) -> usize {
    header_end(octets).unwrap_or(octets.len().min(HEADER_BLOCK_OCTETS_MAX))
}

/// The same, where that line is among these octets.
pub fn header_end(octets: &[u8]) -> Option<usize> {
    let window = &octets[..octets.len().min(HEADER_BLOCK_OCTETS_MAX)];
    // Blank lines in front of the first field end nothing.
    let mut at = window.len() - tolerant::letter_start(window).len();
    for line in window[at..].split_inclusive(|b| *b == b'\n') {
        at += line.len();
        if matches!(line, b"\n" | b"\r\n") {
            return Some(at);
        }
    }
    None
}

/// Reads the header block. Never fails: what can't be read is absent. `found`: what the desk found
/// itself of DMARC.
pub fn outer(head: &[u8], addresses: &OwnAddresses, found: Dmarc) -> Outer {
    let head = tolerant::letter_start(&head[..header_block_end(head)]);
    let message = tolerant::parse_headers(head);
    let writer = Writer::find(&message, addresses, found);
    let is_endless = head.len() >= HEADER_BLOCK_OCTETS_MAX;
    let answer = answer(&message, addresses, &writer, is_endless);
    let Writer {
        originator, dmarc, ..
    } = writer;
    Outer {
        message_id: message.message_id().and_then(MessageId::parse),
        date: message
            .date()
            .and_then(|d| Timestamp::from_second(d.to_timestamp()).ok()),
        threads: ids(message.references())
            .into_iter()
            .chain(ids(message.in_reply_to()))
            .collect(),
        recipients: ["To", "Cc", "Delivered-To", "X-Original-To"]
            .iter()
            .flat_map(|field| all(&message, field))
            .collect(),
        addressees: ["To", "Cc"]
            .iter()
            .flat_map(|field| all(&message, field))
            .collect(),
        addressing_signed: originator
            .as_ref()
            .is_some_and(|from| covers_addressing(&message, from.organisation())),
        subject: message.subject().unwrap_or_default().to_owned(),
        sealed_outside: is_multipart_of(&message, "encrypted"),
        automatic: automatic(&message),
        autocrypt_signed: all_raw(&message, "Autocrypt").len() == 1
            && originator
                .as_ref()
                .is_some_and(|from| is_covered(&message, "autocrypt", from.organisation())),
        body_signed: originator
            .as_ref()
            .is_some_and(|from| covers_structure(&message, from.organisation())),
        originator,
        dmarc,
        answer,
    }
}

/// When a letter arrived: by the topmost Received field, which our own server wrote, else by its
/// Date.
pub fn arrival(head: &[u8]) -> Option<Timestamp> {
    let head = tolerant::letter_start(&head[..header_block_end(head)]);
    let message = tolerant::parse_headers(head);
    let received = message.received_all().next();
    received
        .and_then(|received| received.date.as_ref())
        .or(message.date())
        .and_then(|date| Timestamp::from_second(date.to_timestamp()).ok())
}

/// Who wrote a letter, as its header block shows it.
struct Writer {
    originator: Option<Address>,
    /// What is proven of the originator.
    dmarc: Dmarc,
    /// A list of ours delivered it: what its header says of lists forbids no answer.
    through_own_list: bool,
    /// A form of ours sent it: its return path is the form's.
    by_own_form: bool,
}

impl Writer {
    /// A list that rewrites From for DMARC's sake says elsewhere who wrote. Anybody can write our
    /// List-Id: it is the list that speaks where From is its own address, and that was proven.
    fn find(message: &Message<'_>, addresses: &OwnAddresses, found: Dmarc) -> Self {
        let from = single(message, "From");
        let own_list = own_list(message, addresses);
        let verdicts = addresses
            .authserv_id
            .as_deref()
            .map(|id| Verdicts::of(message, id));
        let verdict = match (&verdicts, &from) {
            (None, _) => found,
            (Some(verdicts), Some(from)) => verdicts.dmarc(from.domain()),
            (Some(_), None) => Dmarc::Unknown,
        };
        let rewriting = own_list.filter(|own| from.as_ref().is_some_and(|from| own.is_at(from)));
        let is_proven = |from: &Address| {
            verdict == Dmarc::Pass
                || verdicts
                    .as_ref()
                    .is_some_and(|v| v.is_signed_by(from.domain()))
        };
        let speaking = rewriting.filter(|_| from.as_ref().is_some_and(is_proven));
        let through_own_list = own_list.is_some() && (rewriting.is_none() || speaking.is_some());
        let form = from
            .as_ref()
            .filter(|from| addresses.forms.iter().any(|form| form.same_mailbox(from)))
            .filter(|from| is_proven(from))
            .and_then(|_| single(message, "Reply-To"));
        let by_own_form = form.is_some();
        let originator = match speaking {
            Some(list) => behind_list(message, list, addresses).or(from),
            None => form.or(from),
        };
        let dmarc = match verdict {
            // What a list or a form says of who wrote is proven by nobody.
            Dmarc::Pass if own_list.is_some() || by_own_form => Dmarc::Unknown,
            verdict => verdict,
        };
        Self {
            originator,
            dmarc,
            through_own_list,
            by_own_form,
        }
    }
}

/// The list of ours that a letter names as its own, where it names one.
fn own_list<'a>(message: &Message<'_>, addresses: &'a OwnAddresses) -> Option<&'a OwnList> {
    let values = all_raw(message, "List-Id");
    let [id] = values.as_slice() else {
        return None;
    };
    let mut lists = addresses.own_lists.iter();
    lists.find(|own| list_id_is(id, &own.id))
}

/// Whom a machine may answer, or the first reason why it may not.
fn answer(
    message: &Message<'_>,
    addresses: &OwnAddresses,
    writer: &Writer,
    is_endless: bool,
) -> Result<ReplyAddress, NoAnswer> {
    let originator = writer.originator.as_ref();
    let own_list = writer.through_own_list;
    if let Some(why) = refusal(message, addresses, writer) {
        return Err(why);
    }
    // Beyond what is read there could stand anything.
    if is_endless {
        return Err(NoAnswer::EndlessHeader);
    }
    let originator = originator.ok_or(NoAnswer::NoSingleFrom)?;
    let reply_to = single(message, "Reply-To").filter(|_| !own_list && !writer.by_own_form);
    if is_unknown_form(originator, reply_to.as_ref(), addresses) {
        return Err(NoAnswer::WebForm);
    }
    // A signed letter can be sent again with a Reply-To that its signature does not cover, and every
    // mailbox of a large provider is of one organisation.
    let believed = reply_to.filter(|_| {
        writer.dmarc != Dmarc::Pass || covers_reply_to(message, originator.organisation())
    });
    answer_address(originator, believed)
}

/// Under which names web servers send what was filled in.
const WEB_SERVERS: [&str; 7] = [
    "apache",
    "nobody",
    "webform",
    "webmaster",
    "wordpress",
    "www",
    "www-data",
];

/// Whether somebody at our own organisation, or a web server, asks for answers at an address
/// elsewhere: whoever filled in a form waits there.
fn is_unknown_form(
    originator: &Address,
    reply_to: Option<&Address>,
    addresses: &OwnAddresses,
) -> bool {
    let is_elsewhere = reply_to.is_some_and(|to| to.organisation() != originator.organisation());
    let local = originator.local().to_ascii_lowercase();
    let is_ours = addresses
        .ours
        .iter()
        .any(|ours| ours.organisation() == originator.organisation());
    is_elsewhere && (is_ours || WEB_SERVERS.contains(&local.as_str()))
}

fn is_multipart_of(message: &Message<'_>, subtype: &str) -> bool {
    message.content_type().is_some_and(|ct| {
        ct.ctype().eq_ignore_ascii_case("multipart")
            && ct
                .subtype()
                .is_some_and(|s| s.eq_ignore_ascii_case(subtype))
    })
}

/// The first reason that forbids an automatic answer, whoever it would go to.
fn refusal(message: &Message<'_>, addresses: &OwnAddresses, writer: &Writer) -> Option<NoAnswer> {
    let own_list = writer.through_own_list;
    if writer.originator.as_ref().is_some_and(|from| {
        addresses
            .ours
            .iter()
            .any(|ours| ours.same_mailbox(from) || ours.tag_of(from).is_some())
    }) {
        return Some(NoAnswer::Ourselves);
    }
    if automatic(message) {
        let generated = all_raw(message, "Auto-Submitted")
            .iter()
            .any(|v| first_word(v).eq_ignore_ascii_case("auto-generated"));
        return Some(if generated {
            NoAnswer::AutoGenerated
        } else {
            NoAnswer::AutoSubmitted
        });
    }
    if is_multipart_of(message, "report") {
        return Some(NoAnswer::DeliveryReport);
    }
    if !own_list
        && message.headers().iter().any(|h| {
            h.name()
                .get(..5)
                .is_some_and(|start| start.eq_ignore_ascii_case("List-"))
        })
    {
        return Some(NoAnswer::List);
    }
    let bulk = |word: &str| {
        matches!(word, "bulk" | "junk" | "auto_reply") || (word == "list" && !own_list)
    };
    if all_raw(message, "Precedence")
        .iter()
        .any(|v| bulk(&first_word(v).to_ascii_lowercase()))
    {
        return Some(NoAnswer::Precedence);
    }
    if all_raw(message, "X-Auto-Response-Suppress")
        .iter()
        .any(|v| !v.eq_ignore_ascii_case("none"))
    {
        return Some(NoAnswer::Suppressed);
    }
    // Our server writes Return-Path on top at final delivery (RFC 5321 section 4.4); a list's own
    // says nothing of the originator. An empty one anywhere is a machine's, whoever wrote the
    // others.
    let says_who_wrote = !own_list && !writer.by_own_form;
    for path in all_raw(message, "Return-Path")
        .iter()
        .filter(|_| says_who_wrote)
    {
        if let Err(why) = ReplyAddress::from_return_path(path) {
            return Some(NoAnswer::ReturnPath(why));
        }
    }
    (writer.dmarc == Dmarc::Fail).then_some(NoAnswer::DmarcFailed)
}

/// RFC 3834 section 2: "no" means that a person sent it; anything else is a machine.
fn automatic(message: &Message<'_>) -> bool {
    all_raw(message, "Auto-Submitted")
        .iter()
        .any(|v| !first_word(v).eq_ignore_ascii_case("no"))
        || [
            "X-Autoreply",
            "X-Autorespond",
            "X-Autoresponse",
            "X-Vacation",
        ]
        .iter()
        .any(|f| first_raw(message, f).is_some())
}

/// Who wrote what an own list delivers, where it put its own address into From: Google Groups keeps
/// the old From, Mailman puts the writer into Reply-To, perhaps beside the list.
fn behind_list(
    message: &Message<'_>,
    own_list: &OwnList,
    addresses: &OwnAddresses,
) -> Option<Address> {
    let old_from = single(message, "X-Original-From").filter(|_| own_list.writes_original_from);
    let list = single(message, "From");
    let is_list = |a: &Address| {
        addresses
            .ours
            .iter()
            .chain(&list)
            .any(|own| own.same_mailbox(a))
    };
    let repliers: Vec<Address> = all(message, "Reply-To")
        .into_iter()
        .filter(|a| !is_list(a))
        .collect();
    old_from.or(match repliers.as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    })
}

/// The single From, or Reply-To where both belong to one organisation.
fn answer_address(
    originator: &Address,
    reply_to: Option<Address>,
) -> Result<ReplyAddress, NoAnswer> {
    let aligned = reply_to.filter(|to| to.organisation() == originator.organisation());
    ReplyAddress::prove(aligned.unwrap_or_else(|| originator.clone())).map_err(NoAnswer::Originator)
}

fn list_id_is(value: &str, own: &str) -> bool {
    let inner = value
        .rsplit_once('<')
        .map_or(value, |(_, id)| id)
        .trim_end_matches('>')
        .trim();
    inner.eq_ignore_ascii_case(own.trim_start_matches('<').trim_end_matches('>'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(id: &str) -> OwnList {
        OwnList {
            id: id.to_owned(),
            writes_original_from: true,
        }
    }

    fn own() -> OwnAddresses {
        OwnAddresses {
            ours: vec![Address::parse("security@desk.example").unwrap()],
            own_lists: vec![list("security.desk.example")],
            forms: vec![Address::parse("noreply@desk.example").unwrap()],
            authserv_id: Some("mx.desk.example".to_owned()),
        }
    }

    fn check(head: &str, expected: Result<&str, &str>) {
        let read = outer(format!("{head}\r\n\r\n").as_bytes(), &own(), Dmarc::Unknown);
        let got = read
            .answer
            .map(|a| a.address().to_string())
            .map_err(|why| why.to_string());
        match (&got, expected) {
            (Ok(to), Ok(want)) => assert_eq!(to, want, "{head}"),
            (Err(why), Err(want)) => assert!(why.contains(want), "{head}: {why}"),
            _ => panic!("{head}: {got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_person_is_answered_and_a_machine_is_not() {
        check(
            "Return-Path: <a@b.example>\r\nFrom: A <a@b.example>",
            Ok("a@b.example"),
        );
        check("From: a@b.example\r\nAuto-Submitted: no", Ok("a@b.example"));
        check(
            "From: a@b.example\r\nAuto-Submitted: auto-replied (vacation)",
            Err("Auto-Submitted"),
        );
        check("Return-Path: <>\r\nFrom: a@b.example", Err("empty"));
        check(
            "From: a@b.example\r\nContent-Type: multipart/report; boundary=x",
            Err("multipart/report"),
        );
        check(
            "From: a@b.example\r\nList-Id: <x.example>",
            Err("mailing list"),
        );
        check("From: a@b.example\r\nPrecedence: bulk", Err("Precedence"));
        check(
            "From: a@b.example\r\nX-Auto-Response-Suppress: All",
            Err("no automatic response"),
        );
        check("From: security@desk.example", Err("ourselves"));
        check("From: MAILER-DAEMON@b.example", Err("daemon"));
        check("From: a@b.example, c@d.example", Err("single originator"));
        check(
            "From: a@b.example\r\nFrom: c@d.example",
            Err("single originator"),
        );
        check("From: a@[192.0.2.7]", Err("address literal"));
    }

    #[test]
    fn what_a_web_form_sends_is_from_whoever_filled_it_in() {
        let proven = "Authentication-Results: mx.desk.example; dmarc=pass header.from=desk.example";
        let form = "Return-Path: <noreply@desk.example>\r\nFrom: noreply@desk.example";
        let filled = "Reply-To: ada@b.example";
        check(
            &format!("{proven}\r\n{form}\r\n{filled}"),
            Ok("ada@b.example"),
        );
        // Nobody proved that the form sent it.
        check(&format!("{form}\r\n{filled}"), Err("cannot be answered"));
        // Forms that the config does not name.
        for from in ["wordpress@c.example", "team@desk.example"] {
            let head = format!("From: {from}\r\n{filled}");
            check(&head, Err("a web form seems to have sent it"));
        }
        check("From: wordpress@c.example", Ok("wordpress@c.example"));
        let head = format!("{proven}\r\n{form}\r\n{filled}\r\n\r\n");
        let read = outer(head.as_bytes(), &own(), Dmarc::Unknown);
        let originator = read.originator.map(|from| from.to_string());
        assert_eq!(originator.as_deref(), Some("ada@b.example"));
        assert_eq!(read.dmarc, Dmarc::Unknown, "a form proves nobody");
    }

    #[test]
    fn reply_to_is_used_only_within_the_originators_organisation() {
        check(
            "From: a@mail.b.example\r\nReply-To: c@b.example",
            Ok("c@b.example"),
        );
        check(
            "From: a@b.example\r\nReply-To: victim@other.example",
            Ok("a@b.example"),
        );
    }

    #[test]
    fn a_proven_letter_is_answered_where_its_signature_says() {
        let head = "Authentication-Results: mx.desk.example; dmarc=pass \
                    header.from=mail.example\r\nFrom: ada@mail.example\r\nReply-To: \
                    eve@mail.example\r\nDKIM-Signature: v=1; d=mail.example; s=s; b=AA; h=";
        check(&format!("{head}from:subject"), Ok("ada@mail.example"));
        check(&format!("{head}from:reply-to"), Ok("eve@mail.example"));
        // Without a signature, the server of the From's own organisation sent it just so.
        let unsigned = head.split("\r\nDKIM-Signature").next().unwrap();
        check(unsigned, Ok("eve@mail.example"));
    }

    #[test]
    fn dmarc_is_believed_from_our_own_server_alone() {
        let fail = "From: a@b.example\r\nAuthentication-Results: mx.desk.example; spf=pass; \
            dmarc=fail (p=none) header.from=b.example";
        check(fail, Err("DMARC failed"));
        check(
            "From: a@b.example\r\nAuthentication-Results: mx.b.example; dmarc=fail",
            Ok("a@b.example"),
        );
        let pass = outer(
            b"From: a@b.example\r\nAuthentication-Results: mx.desk.example (dmarc=fail); \
                dmarc=pass header.from=b.example\r\n\r\n",
            &own(),
            Dmarc::Unknown,
        );
        assert_eq!(pass.dmarc, Dmarc::Pass);
    }

    #[test]
    fn our_own_list_delivers_people() {
        let proof = "Authentication-Results: mx.desk.example; dmarc=pass header.from=desk.example";
        let head = "From: A via Security <security@desk.example>\r\nX-Original-From: A \
            <a@b.example>\r\nList-Id: Security <security.desk.example>\r\nPrecedence: \
            list\r\nReturn-Path: <security+bounces@desk.example>";
        check(&format!("{proof}\r\n{head}"), Ok("a@b.example"));
        check(
            &format!(
                "Authentication-Results: mx.desk.example; dkim=pass header.d=desk.example\r\n{head}"
            ),
            Ok("a@b.example"),
        );
        // A list that nobody proved is nobody's, and neither is one of a domain that ours only ends
        // with.
        check(head, Err("ourselves"));
        let borrowed = head.replace("security@desk.example>", "x@k.example>");
        check(
            &format!(
                "Authentication-Results: mx.desk.example; dmarc=pass \
                 header.from=k.example\r\n{borrowed}"
            ),
            Ok("x@k.example"),
        );
        // X-Original-From is believed where the config says that this list writes it.
        let strict = OwnAddresses {
            own_lists: vec![OwnList {
                writes_original_from: false,
                ..list("security.desk.example")
            }],
            ..own()
        };
        assert!(
            outer(
                format!("{proof}\r\n{head}\r\n\r\n").as_bytes(),
                &strict,
                Dmarc::Unknown
            )
            .answer
            .is_err()
        );
        // Whoever borrows the List-Id speaks for themselves, and a list that is disproved for
        // nobody.
        check(
            &head.replace("security@desk.example>", "mallory@elsewhere.example>"),
            Ok("mallory@elsewhere.example"),
        );
        check(
            &format!("Authentication-Results: mx.desk.example; dmarc=fail\r\n{head}"),
            Err("ourselves"),
        );
    }

    /// A server that strips forged fields knows them by their exact names.
    #[test]
    fn a_field_whose_name_is_bent_says_nothing() {
        let own = OwnAddresses {
            authserv_id: Some("mx.desk.example".to_owned()),
            ..OwnAddresses::default()
        };
        let verdict = |name: &str| {
            let letter = format!(
                "{name} mx.desk.example; dmarc=pass header.from=b.example\r\nFrom: \
                 ada@b.example\r\n\r\nx"
            );
            outer(letter.as_bytes(), &own, Dmarc::Unknown).dmarc
        };
        assert_eq!(verdict("Authentication-Results:"), Dmarc::Pass);
        assert_eq!(verdict("AUTHENTICATION-RESULTS:"), Dmarc::Pass);
        for bent in [
            "Authentication-Results :",
            "Authentication-Results\t:",
            "Authentication- Results:",
            "Auth entication-Results:",
            ":Authentication-Results:",
            "Authentication-\x0cResults:",
        ] {
            assert_eq!(verdict(bent), Dmarc::Unknown, "{bent:?}");
        }
        let from = |name: &str| {
            let letter = format!("{name} ada@b.example\r\n\r\nx");
            outer(letter.as_bytes(), &own, Dmarc::Unknown).originator
        };
        assert!(from("From:").is_some() && from("From :").is_none());
    }

    /// Letters as Google Groups and Mailman pass them on when the writer's domain has a DMARC
    /// policy.
    #[test]
    fn what_lists_deliver_is_answered_to_who_wrote_it() {
        let own = |list_id: &str, desk: &str| OwnAddresses {
            forms: Vec::new(),
            ours: vec![Address::parse(desk).unwrap()],
            own_lists: vec![list(list_id)],
            authserv_id: Some("mx.desk.example".to_owned()),
        };
        let lists = [
            (
                &include_bytes!("../../tests/mail/lists/google-groups.eml")[..],
                own("security.desk.example", "security@desk.example"),
            ),
            (
                &include_bytes!("../../tests/mail/lists/mailman3.eml")[..],
                own("security.lists.desk.example", "security@lists.desk.example"),
            ),
            (
                &include_bytes!("../../tests/mail/lists/mailman2.eml")[..],
                own("security.lists.desk.example", "security@lists.desk.example"),
            ),
        ];
        for (letter, own) in lists {
            let read = outer(letter, &own, Dmarc::Unknown);
            assert_eq!(
                read.answer.map(|a| a.address().to_string()),
                Ok("ada@reporter.example".to_owned())
            );
            assert_eq!(
                read.dmarc,
                Dmarc::Unknown,
                "what a list says of who wrote is proven by nobody"
            );
            // Somebody else's list is a list.
            let stranger = OwnAddresses {
                own_lists: Vec::new(),
                ..own
            };
            assert!(outer(letter, &stranger, Dmarc::Unknown).answer.is_err());
        }
    }

    #[test]
    fn threads_and_recipients_are_read() {
        let read = outer(
            b"From: a@b.example\nTo: Desk <security@desk.example>\nDelivered-To: \
                security+k3@desk.example\nReferences: <1@x> <2@x>\nIn-Reply-To: <3@x>\n\nbody",
            &own(),
            Dmarc::Unknown,
        );
        assert_eq!(
            read.threads
                .iter()
                .map(MessageId::as_str)
                .collect::<Vec<_>>(),
            ["1@x", "2@x", "3@x"]
        );
        assert_eq!(read.recipients.len(), 2);
    }
}
