//! Kinds of faults that were once found in real letters, each made small, with variants. A row names
//! the fields that matter and all their values; none says that the field must be empty.

use crate::printed::{kind, values};
use sealdesk::model::product::OwnProduct;

/// A letter, and what it must be read as.
struct Row {
    /// Which kind of fault it is.
    number: u8,
    subject: &'static str,
    text: &'static str,
    /// A field, and its values set apart by `|`.
    expected: &'static [(&'static str, &'static str)],
}

const fn row(
    number: u8,
    subject: &'static str,
    text: &'static str,
    expected: &'static [(&'static str, &'static str)],
) -> Row {
    Row {
        number,
        subject,
        text,
        expected,
    }
}

const XSS: &str = "XSS in acme-web";

const ROWS: &[Row] = &[
    // What will be public is not public.
    row(
        1,
        XSS,
        "The issue will be publicly disclosed on 2026-12-01.",
        &[("intent", "public"), ("public-date", "2026-12-01")],
    ),
    row(
        1,
        XSS,
        "Die Lücke wird am 1. Dezember 2026 veröffentlicht.",
        &[("intent", "public"), ("public-date", "2026-12-01")],
    ),
    // Telling the vendor publishes nothing.
    row(
        2,
        XSS,
        "I disclosed this to the vendor last week.",
        &[("intent", "")],
    ),
    row(
        2,
        XSS,
        "J'ai signalé la faille à l'éditeur la semaine dernière.",
        &[("intent", "")],
    ),
    // What somebody posted is public.
    row(
        3,
        XSS,
        "There is a public exploit at https://example.org/x.py",
        &[("intent", "already-public")],
    ),
    row(
        3,
        XSS,
        "The PoC is public since yesterday.",
        &[("intent", "already-public")],
    ),
    row(
        3,
        XSS,
        "Someone outside of the embargo has posted a PoC.",
        &[("intent", "already-public")],
    ),
    row(
        3,
        XSS,
        "It was posted to oss-security today.",
        &[("intent", "already-public")],
    ),
    row(3, XSS, "PoC已公开。", &[("intent", "already-public")]),
    // Plans on a condition are plans.
    row(
        4,
        XSS,
        "If I do not hear anything from you until 17th January 2027, I am releasing the technical \
         details.",
        &[("intent", "public"), ("public-date", "2027-01-17")],
    ),
    row(
        4,
        XSS,
        "If no patch is available after 120 days we will release a limited public advisory.",
        &[("intent", "public")],
    ),
    // A version takes the role that its own clause gives.
    row(
        5,
        XSS,
        "acme 2.3.1 is affected, 2.3.2 is not.",
        &[("affected", "2.3.1"), ("not-affected", "2.3.2")],
    ),
    row(
        5,
        XSS,
        "Vulnerable: 2.3.1\nNot vulnerable: 2.3.2\n",
        &[("affected", "2.3.1"), ("not-affected", "2.3.2")],
    ),
    row(
        5,
        XSS,
        "The fix was released in version 8.4.0.",
        &[("affected", ""), ("fixed", "8.4.0")],
    ),
    row(5, XSS, "Version 3.X.X is safe.", &[("affected", "")]),
    row(
        5,
        XSS,
        "A versão 2.3.1 é afetada, a 2.3.2 não.",
        &[("affected", "2.3.1"), ("not-affected", "2.3.2")],
    ),
    // A name is what people call a product, and no word beside a version.
    row(
        6,
        "Path traversal in acme-web",
        "I tested version 2.3.1.",
        &[("product", "acme-web"), ("affected", "2.3.1")],
    ),
    row(
        7,
        "XSS",
        "Hi Alexis, there is an XSS in acme-web (v2.3.1).",
        &[("product", "acme-web"), ("affected", "2.3.1")],
    ),
    row(
        8,
        "CVE-2026-5736: acme-web session fixation",
        "Details follow.",
        &[("product", "acme-web")],
    ),
    // A question about a finding is no finding.
    row(
        10,
        "scanner",
        "Our scanner flags CVE-2021-44228 in your image. Is that a false positive?",
        &[("kind", "question"), ("affected", ""), ("product", "")],
    ),
    row(
        10,
        "CVE-2026-31877",
        "Ist acme-web 2.3.1 von CVE-2026-31877 betroffen, oder ist das ein Fehlalarm?",
        &[("kind", "question"), ("affected", "")],
    ),
    // What could happen has not happened.
    row(
        11,
        XSS,
        "Authentication is not required to exploit this vulnerability.",
        &[("exploited", "")],
    ),
    row(
        11,
        XSS,
        "These can be exploited by attackers.",
        &[("exploited", "")],
    ),
    row(
        11,
        XSS,
        "We might publish earlier if it gets exploited in the wild.",
        &[("exploited", "")],
    ),
    row(
        12,
        XSS,
        "Customers of ours were breached through this.",
        &[("exploited", "true")],
    ),
    row(
        12,
        XSS,
        "Dois clientes nossos foram invadidos por esta falha.",
        &[("exploited", "true")],
    ),
    // Of a time line the day of publication counts.
    row(
        13,
        XSS,
        "## Disclosure timeline\n\n- 2026-10-01 discovered\n- 2026-10-12 reported to you\n- \
         2027-01-10 public disclosure\n",
        &[("intent", "public"), ("public-date", "2027-01-10")],
    ),
    // Days are written in many ways.
    row(
        14,
        XSS,
        "We plan to publish on 13 November 2026.",
        &[("public-date", "2026-11-13")],
    ),
    row(
        14,
        XSS,
        "We plan to publish on 13/11/2026.",
        &[("public-date", "2026-11-13")],
    ),
    row(
        14,
        XSS,
        "We plan to publish on 2026/11/13.",
        &[("public-date", "2026-11-13")],
    ),
    row(
        14,
        XSS,
        "We plan to publish in two weeks.",
        &[("public-date", "2026-11-17")],
    ),
    row(
        14,
        XSS,
        "Wir veröffentlichen das am 13. November 2026.",
        &[("public-date", "2026-11-13")],
    ),
    row(
        14,
        XSS,
        "There is an embargo until 1. December 2026.",
        &[("public-date", "2026-12-01")],
    ),
    row(
        14,
        XSS,
        "We plan to publish on 03/04/2027.",
        &[("intent", "public"), ("public-date", "")],
    ),
    row(
        14,
        XSS,
        "公開予定日は2026年11月13日です。",
        &[("public-date", "2026-11-13")],
    ),
    // Nobody wrote a form's placeholders.
    row(
        15,
        "Stored XSS in names",
        "Severity: [Critical/High/Medium/Low]\nAffected versions: [Version numbers or \"all \
         versions\"]\n",
        &[
            ("severity", ""),
            ("affected", ""),
            ("title", "Stored XSS in names"),
        ],
    ),
    // A greeting is no title.
    row(
        16,
        "Stored XSS in names",
        "Hello security team, Hope you are doing well :)\n\nThe name is not escaped.",
        &[("title", "Stored XSS in names")],
    ),
    row(
        16,
        "security issue",
        "Hello security team, Hope you are doing well :)\n\nI found an SQL injection in the search.",
        &[("title", "I found an SQL injection in the search")],
    ),
    // What is attached or linked is no step.
    row(
        17,
        XSS,
        "Tell us if you have trouble to reproduce them.",
        &[("steps", "")],
    ),
    row(
        17,
        XSS,
        "Note: I attached POC in the attachment.",
        &[("steps", "")],
    ),
    // Fixes are said in many ways.
    row(
        18,
        XSS,
        "The issue is fixed in acme-web 5.2.9 and 5.1.21.",
        &[("fixed", "5.2.9|5.1.21"), ("affected", "")],
    ),
    row(
        18,
        XSS,
        "Please upgrade to 2.10.0, 3.0.1.",
        &[("fixed", "2.10.0|3.0.1")],
    ),
    row(
        18,
        XSS,
        "2.3.2 contains a fix.",
        &[("fixed", "2.3.2"), ("affected", "")],
    ),
    // Ranges, too.
    row(
        19,
        "XSS in acme-web 2.3.1",
        "Details follow.",
        &[("affected", "2.3.1")],
    ),
    row(
        19,
        XSS,
        "Affected versions: <= 5.2.8 and <= 5.1.20",
        &[("affected", "<= 5.2.8|<= 5.1.20")],
    ),
    row(
        19,
        XSS,
        "It affects 5.40 and various earlier versions.",
        &[("affected", "<= 5.40")],
    ),
    row(
        19,
        XSS,
        "It affects 5.8.*.",
        &[("affected", ">= 5.8, < 5.9")],
    ),
    row(
        19,
        XSS,
        "Version tested:6.6-rc3",
        &[("affected", "6.6-rc3")],
    ),
    // Versions of other software say nothing.
    row(
        20,
        XSS,
        "The answer:\n\n```\nServer: Apache/2.4.58\n- Nikto v2.1.6\n<?xml version=\"1.0\"?>\n```\n",
        &[("affected", "")],
    ),
    row(
        20,
        XSS,
        "I tested it behind Apache 2.4 on Ubuntu 22.04.",
        &[("affected", "")],
    ),
    // "Private" may be said of anything.
    row(
        21,
        XSS,
        "An attacker reads private messages of other users.",
        &[("intent", "")],
    ),
    row(
        21,
        XSS,
        "The name is not escaped.\n\n-- \nThis e-mail is private and confidential.",
        &[("intent", "")],
    ),
    // In any of eight languages.
    row(
        22,
        "XSS",
        "影响版本：<= 3.2.3\n危害定级：严重\n",
        &[("affected", "<= 3.2.3"), ("severity", "critical")],
    ),
    row(
        22,
        "XSS",
        "v1.6.2-GA2 之前的版本受影响。",
        &[("affected", "< 1.6.2-GA2")],
    ),
    row(
        22,
        "XSS",
        "Уязвимы версии до 2.4.1, исправлено в 2.4.1.",
        &[("affected", "< 2.4.1"), ("fixed", "2.4.1")],
    ),
    // Vulnerabilities are listed in many ways, and impacts are listed, too.
    row(
        23,
        "Two vulnerabilities",
        "This report consists of two vulnerabilities.\n\n#1 XSS in search\n\ntext\n\n#2 SSRF in \
         fetch\n\ntext\n",
        &[("vulnerability", "XSS in search|SSRF in fetch")],
    ),
    row(
        23,
        XSS,
        "There is one bug.\n\nImpact:\n\n- an attacker steals sessions\n- an attacker reads names\n",
        &[("vulnerability", "")],
    ),
    // A letter that only quotes passes on what it quotes.
    row(
        24,
        "FW: overflow",
        "> acme 5.16.14 has a heap overflow in the parser.\n",
        &[("affected", "5.16.14")],
    ),
    // Credit goes to a name.
    row(
        25,
        XSS,
        "This vulnerability was discovered by Zhao Example of Labs.",
        &[("credit-name", "Zhao Example of Labs")],
    ),
    row(
        25,
        XSS,
        "It rejects anonymous writes without mentioning it.",
        &[("credit", ""), ("credit-name", "")],
    ),
    // Identifiers of other bugs are not of this report.
    row(
        26,
        XSS,
        "It is similar to CVE-2019-16254, see https://example.org/cve-2019-16254.",
        &[("cve", "")],
    ),
    // Who misses the key gets it.
    row(
        27,
        "Your PGP key",
        "Your published PGP key has expired in March. Please publish a new key!",
        &[("kind", "key-request")],
    ),
    row(
        27,
        "PGP-Schlüssel abgelaufen",
        "Ihr PGP-Schlüssel ist seit März abgelaufen. Können Sie mir den aktuellen zusenden?",
        &[("kind", "key-request")],
    ),
    // Letters that report nothing.
    row(
        28,
        "Thank you",
        "Thank you for fixing it so soon, great work!",
        &[("kind", "thanks")],
    ),
    row(
        28,
        "Locked out",
        "I lost access to my account, please help.",
        &[("kind", "business")],
    ),
    row(
        28,
        "Invoice 2026-11",
        "Please find our invoice attached.",
        &[("kind", "business")],
    ),
    row(
        28,
        "Questionnaire",
        "Please fill in our supplier security questionnaire until Friday.",
        &[("kind", "business")],
    ),
    row(
        28,
        "Pentest offer",
        "Did you know that 80% of projects are vulnerable? Our experts and our platform find it. \
         Do you have 15 minutes for a quick demo?",
        &[("kind", "sales")],
    ),
    row(
        28,
        "list",
        "Please add security@linux.example to your pre-announcement list.",
        &[("kind", "application")],
    ),
    row(
        28,
        "bounty",
        "Hi, I found 1 critical issue, do you have a bug bounty program?",
        &[("kind", "bounty-question")],
    ),
    // Who was told?
    row(
        29,
        XSS,
        "I sent email to my email at Google.",
        &[("others-told", "")],
    ),
    row(
        29,
        XSS,
        "I submitted it to the WPScan database.",
        &[("others-told", "true")],
    ),
    // A rating is a rating where it calls the vulnerability so.
    row(
        30,
        "bug",
        "This is a critical security flaw.",
        &[("severity", "critical")],
    ),
    row(
        30,
        "bugs",
        "We found 2 critical vulnerabilities.",
        &[("severity", "critical")],
    ),
    row(
        30,
        "bug",
        "A critical number of users has a high score.",
        &[("severity", "")],
    ),
    // Who does not know says neither, and nobody ticked a placeholder.
    row(
        31,
        XSS,
        "Exploited in the wild: [ ] yes [ ] no [x] unknown",
        &[("exploited", "")],
    ),
    row(
        31,
        XSS,
        "Has this been exploited? [Yes/No]",
        &[("exploited", "")],
    ),
    row(
        31,
        XSS,
        "Ausgenutzt wird es meines Wissens nicht.",
        &[("exploited", "false")],
    ),
    row(
        31,
        XSS,
        "Ich habe es nicht ausgenutzt, nur nachgestellt.",
        &[("exploited", "")],
    ),
    // Of boxes the one that is ticked says it.
    row(
        32,
        XSS,
        "Do you want credit? [ ] no [x] yes, as: Lale Demir [ ] anonymous",
        &[("credit", "wanted"), ("credit-name", "Lale Demir")],
    ),
    // What is denied, a condition of others, or a heading alone plans nothing.
    row(
        33,
        XSS,
        "Eine Veröffentlichung ist nicht beabsichtigt.",
        &[("intent", "")],
    ),
    row(
        33,
        XSS,
        "If the maker publishes an advisory, he would like to be named in it.",
        &[("intent", "")],
    ),
    row(
        33,
        XSS,
        "No rush, but I will publish on 1 March 2027.",
        &[("intent", "public"), ("public-date", "2027-03-01")],
    ),
    row(
        33,
        XSS,
        "Any client can fill the disk without publishing messages.",
        &[("intent", "")],
    ),
    row(
        33,
        XSS,
        "Private & confidential. If you are not the addressee, delete it.",
        &[("intent", "")],
    ),
    // A period that counts from what has not happened names no day.
    row(
        34,
        XSS,
        "We will publish 30 days after your confirmation.",
        &[("public-date", "")],
    ),
    // Somebody who was told weighs more than those who were not.
    row(
        35,
        XSS,
        "Nobody else knows. The national CERT was told on Monday.",
        &[("others-told", "true")],
    ),
    // A verb has its own version; to have looked at one says nothing beside what was seen.
    row(
        36,
        XSS,
        "I have now checked 5.1.0 as well, and it is not affected.",
        &[("affected", ""), ("not-affected", "5.1.0")],
    ),
    row(
        36,
        XSS,
        "In 2.0.0 ist es genauso, 1.9.0 dagegen maskiert die Namen.",
        &[("affected", "2.0.0")],
    ),
    row(
        36,
        XSS,
        "Two bugs are below in acme-web 3.1.0.",
        &[("affected", "3.1.0")],
    ),
    // What a letter compares with is another's.
    row(
        37,
        XSS,
        "This resembles CVE-2025-71203 in another proxy.",
        &[("cve", "")],
    ),
    // What is run, asked of a server or printed is no place in the source.
    row(
        38,
        XSS,
        "The flaw is in src/net.rs. I ran: python3 nest.py 9000",
        &[("file", "src/net.rs")],
    ),
    row(
        38,
        XSS,
        "I asked for /admin/export.php and got it.",
        &[("file", "")],
    ),
    row(
        38,
        XSS,
        "In the log I see a login \"svc_field\" that we never made.",
        &[("function", "")],
    ),
    row(
        38,
        XSS,
        "Stelle: `src/Import/Reader.php`, Methode `readPlan`",
        &[("file", "src/Import/Reader.php"), ("function", "readPlan")],
    ),
];

#[test]
fn what_was_once_misread_is_read() {
    let acme = OwnProduct {
        name: "acme-web".to_owned(),
        aliases: vec!["acme".to_owned()],
        ..OwnProduct::default()
    };
    let mut wrong = Vec::new();
    for row in ROWS {
        let letter = format!(
            "From: Ada <ada@reporter.example>\r\nTo: security@acme.example\r\nDate: Tue, 3 Nov 2026 \
             09:00:00 +0000\r\nSubject: {}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; \
             charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}",
            row.subject,
            row.text.replace('\n', "\r\n")
        );
        let reading = crate::read_whole(letter.as_bytes(), vec![acme.clone()]);
        for (field, expected) in row.expected {
            let read = match *field {
                "kind" => vec![kind(&reading).to_owned()],
                field => values(field, &reading, None),
            };
            let expected: Vec<&str> = expected.split('|').filter(|v| !v.is_empty()).collect();
            if read != expected {
                let Row { number, text, .. } = row;
                wrong.push(format!(
                    "{number}: {field} {read:?} instead of {expected:?}: {text}"
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} rows:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
