//! Which letters does the demo write? One of each kind, as strangers' programs would write them.

use crate::openpgp::{self, Certificate, OpenPgpError, SecretKeys};

/// A sample letter and what it shows.
pub struct Sample {
    pub name: &'static str,
    pub octets: String,
}

/// Who takes part.
pub struct Cast<'a> {
    pub desk: &'a [Certificate],
    pub stranger: &'a [Certificate],
    pub ada: &'a SecretKeys,
    pub ada_armored: &'a str,
}

const REPORT: &str = "Hello,\r\n\r\nI found a path traversal (CWE-22) in acme-web version 2.3.1 \
    and earlier: an\r\nunauthenticated request reads any file of the service user.\r\n\r\nTo \
    reproduce:\r\n\r\n1. Start acme-web 2.3.1 with the default config.\r\n2. curl --path-as-is \
    http://localhost:8080/static/../../etc/passwd\r\n3. The file comes back with status \
    200.\r\n\r\nCVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N\r\n\r\nI keep this private until a \
    fix is released.\r\n\r\nAda\r\n";

const MARKDOWN: &str = "# Stored XSS in the member list\n\n## Product\n\nacme-forum\n\n## \
    Affected versions\n\n- 1.4.0\n- 1.4.1\n\n## Severity\n\nHigh (CWE-79)\n\n## Steps to \
    reproduce\n\n1. Set the display name to `<script>alert(1)</script>`.\n2. Open the member list \
    as an administrator.\n\n## Disclosure\n\nI will publish a write-up on 2027-03-01.\n";

fn head(from: &str, subject: &str, id: &str) -> String {
    let path = from
        .rsplit('<')
        .next()
        .unwrap_or(from)
        .trim_end_matches('>');
    format!(
        "Return-Path: <{path}>\nFrom: {from}\nTo: Demo Security <security@demo.example>\nSubject: \
         {subject}\nMessage-ID: <{id}>\nMIME-Version: 1.0\n"
    )
}

/// A letter that is written in clear.
struct ClearLetter {
    name: &'static str,
    from: &'static str,
    subject: &'static str,
    id: &'static str,
    /// The fields after those that all have, an empty line, and the body.
    rest: &'static str,
}

impl ClearLetter {
    fn sample(&self) -> Sample {
        Sample {
            name: self.name,
            octets: head(self.from, self.subject, self.id) + self.rest,
        }
    }
}

const KEY_REQUEST: ClearLetter = ClearLetter {
    name: "key request",
    from: "Dan <dan@fourth.example>",
    subject: "PGP key",
    id: "key-1@fourth.example",
    rest: "Content-Type: text/plain\n\nHello, could you please send me your public PGP key?\nI \
        would like to report a problem.\n\nDan\n",
};

const FOLLOW_UP: ClearLetter = ClearLetter {
    name: "follow-up",
    from: "Ada Reporter <ada@reporter.example>",
    subject: "Re: your letter",
    id: "follow-1@reporter.example",
    rest: "Authentication-Results: mx.demo.example; dmarc=pass \
        header.from=reporter.example\nIn-Reply-To: <report-1@reporter.example>\nReferences: \
        <report-1@reporter.example>\nContent-Type: text/plain\n\nVersion 2.3.0 is affected as \
        well.\n\nAda\n",
};

const OUT_OF_OFFICE: ClearLetter = ClearLetter {
    name: "out of office",
    from: "Eve <eve@fifth.example>",
    subject: "Automatic reply: your letter",
    id: "ooo-1@fifth.example",
    rest: "Auto-Submitted: auto-replied\nContent-Type: text/plain\n\nI am away until Monday.\n",
};

const ALREADY_PUBLIC: ClearLetter = ClearLetter {
    name: "already public",
    from: "Gus <gus@seventh.example>",
    subject: "Your bug is public",
    id: "public-1@seventh.example",
    rest: "Content-Type: text/plain\n\nThe vulnerability CVE-2026-12345 in acme-web 2.1.0 is \
        already public: it was posted on a forum yesterday.\n",
};

const MAILING_LIST: ClearLetter = ClearLetter {
    name: "a mailing list",
    from: "News <news@list.example>",
    subject: "Weekly digest",
    id: "list-1@list.example",
    rest: "List-Id: <weekly.list.example>\nPrecedence: bulk\nContent-Type: text/plain\n\nThis \
        week in security.\n",
};

const DELIVERY_REPORT: &str = "Return-Path: <>\nFrom: Mail Delivery System \
    <MAILER-DAEMON@mx.demo.example>\nTo: security@demo.example\nSubject: Undelivered Mail \
    Returned to Sender\nMessage-ID: <dsn-1@mx.demo.example>\nAuto-Submitted: \
    auto-replied\nMIME-Version: 1.0\nContent-Type: multipart/report; \
    report-type=delivery-status; boundary=\"r\"\n\n--r\nContent-Type: text/plain\n\nThe mail \
    could not be delivered.\n--r\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; \
    mx.demo.example\n\nFinal-Recipient: rfc822; nobody@gone.example\nAction: failed\nStatus: \
    5.1.1\n--r--\n";

/// In the order in which they arrive.
pub fn samples(cast: &Cast<'_>) -> Result<Vec<Sample>, OpenPgpError> {
    Ok(vec![
        pgp_mime_report(cast)?,
        inline_report(cast)?,
        Sample {
            name: "clear, Markdown",
            octets: head(
                "Cleo <cleo@third.example>",
                "Stored XSS in the member list",
                "report-3@third.example",
            ) + "Content-Type: text/plain; charset=utf-8\n\n"
                + MARKDOWN,
        },
        KEY_REQUEST.sample(),
        FOLLOW_UP.sample(),
        OUT_OF_OFFICE.sample(),
        Sample {
            name: "delivery report (DSN)",
            octets: DELIVERY_REPORT.to_owned(),
        },
        Sample {
            name: "encrypted to somebody else",
            octets: head("Fay <fay@sixth.example>", "...", "report-4@sixth.example")
                + &pgp_mime(&seal(cast, "This one cannot be read.\n", cast.stranger)?),
        },
        ALREADY_PUBLIC.sample(),
        MAILING_LIST.sample(),
    ])
}

/// Signs a text as Ada and encrypts it, armored.
fn seal(cast: &Cast<'_>, text: &str, to: &[Certificate]) -> Result<String, OpenPgpError> {
    let packets = cast.ada.sign_message(text.as_bytes())?;
    Ok(openpgp::armored_message(&openpgp::seal_packets(to, &packets)?)?.replace('\r', ""))
}

/// The rest of a PGP/MIME letter (RFC 3156) around an armored message.
fn pgp_mime(armored: &str) -> String {
    format!(
        "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; \
         boundary=\"b1\"\n\n--b1\nContent-Type: application/pgp-encrypted\n\nVersion: \
         1\n\n--b1\nContent-Type: application/octet-stream; \
         name=\"encrypted.asc\"\n\n{armored}\n--b1--\n"
    )
}

/// With an attachment inside, and the sender's certificate in the Autocrypt field.
fn pgp_mime_report(cast: &Cast<'_>) -> Result<Sample, OpenPgpError> {
    let inner = format!(
        "Subject: Path traversal in acme-web 2.3.1\r\nContent-Type: multipart/mixed; \
         boundary=\"b2\"; protected-headers=\"v1\"\r\n\r\n--b2\r\nContent-Type: text/plain; \
         charset=utf-8\r\n\r\n{REPORT}\r\n--b2\r\nContent-Type: text/x-python; \
         name=\"poc.py\"\r\nContent-Disposition: attachment; \
         filename=\"poc.py\"\r\n\r\nprint('GET /static/../../etc/passwd')\r\n--b2--\r\n"
    );
    let keydata: String = cast
        .ada_armored
        .lines()
        .skip_while(|l| !l.is_empty())
        .filter(|l| !l.starts_with(['-', '=']))
        .collect();
    // What she writes later joins her case, since her server's word stands on both.
    let fields = format!(
        "Authentication-Results: mx.demo.example; dmarc=pass header.from=reporter.example\nAutocrypt: \
         addr=ada@reporter.example; keydata={keydata}\n"
    );
    Ok(Sample {
        name: "PGP/MIME, encrypted and signed",
        octets: head(
            "Ada Reporter <ada@reporter.example>",
            "...",
            "report-1@reporter.example",
        ) + &fields
            + &pgp_mime(&seal(cast, &inner, cast.desk)?),
    })
}

fn inline_report(cast: &Cast<'_>) -> Result<Sample, OpenPgpError> {
    let text = "The API of acme-web 2.2.0 leaks session tokens (CWE-532).\n\nSteps to \
        reproduce:\n\n1. Turn on debug logging.\n2. Log in and read the log.\n";
    Ok(Sample {
        name: "inline PGP",
        octets: head(
            "Ben <ben@other.example>",
            "security issue",
            "report-2@other.example",
        ) + "Content-Type: text/plain\n\n"
            + &seal(cast, text, cast.desk)?,
    })
}
