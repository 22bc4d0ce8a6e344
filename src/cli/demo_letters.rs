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

/// In the order in which they arrive.
pub fn samples(cast: &Cast<'_>) -> Result<Vec<Sample>, OpenPgpError> {
    let sealed = |text: &str, to: &[Certificate]| -> Result<String, OpenPgpError> {
        let packets = cast.ada.sign_message(text.as_bytes())?;
        Ok(openpgp::armored_message(&openpgp::seal_packets(to, &packets)?)?.replace('\r', ""))
    };
    let pgp_mime = |armored: &str| {
        format!(
            "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; \
             boundary=\"b1\"\n\n--b1\nContent-Type: application/pgp-encrypted\n\nVersion: \
             1\n\n--b1\nContent-Type: application/octet-stream; \
             name=\"encrypted.asc\"\n\n{armored}\n--b1--\n"
        )
    };
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
    let autocrypt = format!("Autocrypt: addr=ada@reporter.example; keydata={keydata}\n");
    let proven =
        "Authentication-Results: mx.demo.example; dmarc=pass header.from=reporter.example\n";
    Ok(vec![
        Sample {
            name: "PGP/MIME, encrypted and signed",
            octets: head(
                "Ada Reporter \
            <ada@reporter.example>",
                "...",
                "report-1@reporter.example",
            ) + &autocrypt
                + &pgp_mime(&sealed(&inner, cast.desk)?),
        },
        Sample {
            name: "inline PGP",
            octets: head(
                "Ben <ben@other.example>",
                "security issue",
                "report-2@other.example",
            ) + "Content-Type: \
            text/plain\n\n"
                + &sealed(
                    "The \
            API of acme-web 2.2.0 leaks session tokens (CWE-532).\n\nSteps to reproduce:\n\n1. \
            Turn on debug logging.\n2. Log in and read the log.\n",
                    cast.desk,
                )?,
        },
        Sample {
            name: "clear, Markdown",
            octets: head(
                "Cleo <cleo@third.example>",
                "Stored XSS \
            in the member list",
                "report-3@third.example",
            ) + "Content-Type: \
            text/plain; charset=utf-8\n\n"
                + MARKDOWN,
        },
        Sample {
            name: "key request",
            octets: head(
                "Dan <dan@fourth.example>",
                "PGP key",
                "key-1@fourth.example",
            ) + "Content-Type: \
            text/plain\n\nHello, could you please send me your public PGP key?\nI would like to \
            report a problem.\n\nDan\n",
        },
        Sample {
            name: "follow-up",
            octets: head(
                "Ada Reporter <ada@reporter.example>",
                "Re: your \
            letter",
                "follow-1@reporter.example",
            ) + proven
                + "In-Reply-To: \
            <report-1@reporter.example>\nReferences: <report-1@reporter.example>\nContent-Type: \
            text/plain\n\nVersion 2.3.0 is affected as well.\n\nAda\n",
        },
        Sample {
            name: "out of office",
            octets: head(
                "Eve <eve@fifth.example>",
                "Automatic reply: \
            your letter",
                "ooo-1@fifth.example",
            ) + "Auto-Submitted: \
            auto-replied\nContent-Type: text/plain\n\nI am away until Monday.\n",
        },
        Sample {
            name: "delivery report (DSN)",
            octets: "Return-Path: <>\nFrom: Mail Delivery \
            System <MAILER-DAEMON@mx.demo.example>\nTo: security@demo.example\nSubject: \
            Undelivered Mail Returned to Sender\nMessage-ID: \
            <dsn-1@mx.demo.example>\nAuto-Submitted: auto-replied\nMIME-Version: \
            1.0\nContent-Type: multipart/report; report-type=delivery-status; \
            boundary=\"r\"\n\n--r\nContent-Type: text/plain\n\nThe mail could not be \
            delivered.\n--r\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; \
            mx.demo.example\n\nFinal-Recipient: rfc822; nobody@gone.example\nAction: \
            failed\nStatus: 5.1.1\n--r--\n"
                .to_owned(),
        },
        Sample {
            name: "encrypted to somebody else",
            octets: head("Fay <fay@sixth.example>", "...", "report-4@sixth.example")
                + &pgp_mime(&sealed(
                    "This \
            one cannot be read.\n",
                    cast.stranger,
                )?),
        },
        Sample {
            name: "already public",
            octets: head(
                "Gus <gus@seventh.example>",
                "Your bug is \
            public",
                "public-1@seventh.example",
            ) + "Content-Type: \
            text/plain\n\nThe vulnerability CVE-2026-12345 in acme-web 2.1.0 is already public: \
            it was posted on a forum yesterday.\n",
        },
        Sample {
            name: "a mailing list",
            octets: head(
                "News <news@list.example>",
                "Weekly digest",
                "list-1@list.example",
            ) + "List-Id: \
            <weekly.list.example>\nPrecedence: bulk\nContent-Type: text/plain\n\nThis week in \
            security.\n",
        },
    ])
}
