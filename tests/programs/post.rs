//! The letters as they lie on the mail server.

use super::people::Person;
use super::servers::{run, wait_for};
use super::world::World;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

#[derive(Clone, Debug)]
pub struct Letter {
    pub octets: String,
}

/// What signatures of the senders' mail servers cover.
#[derive(Clone, Copy, PartialEq)]
pub enum Dkim {
    /// The usual fields.
    Covers,
    /// Autocrypt too, so that a certificate in it is its sender's.
    CoversAutocrypt,
}

/// Does for letters of these tests what a mail server does that checks DMARC and finds it passed.
pub fn proves(world: &World, dkim: Dkim) {
    let etc = world.path().join("postfix/etc");
    let checks = etc.join("dmarc");
    let lines = ["reporter.example", "desk.example"].map(|domain| {
        let pattern = domain.replace('.', "\\.");
        let passed = format!(
            "/^From:.*@{pattern}/ PREPEND Authentication-Results: mx.desk.example; dmarc=pass \
             header.from={domain}\n"
        );
        let covered = format!(
            "/^Autocrypt:.*@{pattern}/ PREPEND DKIM-Signature: v=1; d={domain}; \
             h=From:Autocrypt; b=x\n"
        );
        if dkim == Dkim::CoversAutocrypt {
            passed + &covered
        } else {
            passed
        }
    });
    fs::write(&checks, lines.concat()).unwrap();
    let map = format!("header_checks=regexp:{}", checks.display());
    let set = ["-e", &map, "nested_header_checks="];
    run(Command::new("postconf").arg("-c").arg(&etc).args(set));
    run(Command::new("postfix").arg("-c").arg(&etc).arg("reload"));
}

/// All letters in a mailbox, whichever folder they were moved to.
pub fn letters(world: &World, address: &str) -> Vec<Letter> {
    fn walk(folder: &Path, found: &mut Vec<Letter>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if ["new", "cur"].iter().any(|sub| folder.ends_with(sub)) {
                // One that is moved meanwhile is found on the next look.
                if let Ok(octets) = fs::read(&path) {
                    let octets = String::from_utf8_lossy(&octets).replace("\r\n", "\n");
                    found.push(Letter { octets });
                }
            }
        }
    }
    let (local, domain) = address.split_once('@').unwrap();
    let mut found = Vec::new();
    walk(
        &world.path().join(format!("mail/{domain}/{local}/Maildir")),
        &mut found,
    );
    found
}

/// The one letter that this holds for; waits for it.
pub fn arrived(
    world: &World,
    address: &str,
    what: &str,
    is_it: impl Fn(&Letter) -> bool,
) -> Letter {
    let mut found = None;
    wait_for(&format!("{what}, to {address}"), || {
        found = letters(world, address).into_iter().find(|l| is_it(l));
        found.is_some()
    });
    found.unwrap()
}

impl Letter {
    /// A field of the outer header, unfolded.
    pub fn field(&self, name: &str) -> Option<String> {
        let head = self.octets.split("\n\n").next().unwrap_or_default();
        let unfolded = head.replace("\n ", " ").replace("\n\t", " ");
        let start = format!("{}:", name.to_ascii_lowercase());
        unfolded
            .lines()
            .find(|line| line.to_ascii_lowercase().starts_with(&start))
            .map(|line| line[start.len()..].trim().to_owned())
    }

    pub fn id(&self) -> String {
        let id = self.field("Message-ID").unwrap_or_default();
        id.trim_matches(['<', '>']).to_owned()
    }

    pub fn from(&self, address: &str) -> bool {
        self.field("From")
            .is_some_and(|from| from.contains(address))
    }

    pub fn sealed(&self) -> bool {
        self.field("Content-Type")
            .is_some_and(|kind| kind.starts_with("multipart/encrypted"))
    }

    /// Nothing of these words stands in it for anybody to read.
    pub fn hides(&self, words: &str) {
        assert!(self.sealed(), "not encrypted: {}", self.octets);
        assert!(!self.octets.contains(words), "{words} stands in clear");
    }

    /// What was encrypted, by a key of the reader's; GnuPG says that its signature is good and of
    /// this address.
    pub fn opened_by(&self, reader: &Person, signer: &str) -> String {
        let armored = &self.octets[self
            .octets
            .find("-----BEGIN PGP MESSAGE-----")
            .unwrap_or_else(|| panic!("not encrypted: {}", self.octets))..];
        let shown = reader.gpg(&["--status-fd", "1", "--decrypt"], armored);
        let good = shown
            .lines()
            .any(|line| line.starts_with("[GNUPG:] GOODSIG") && line.contains(signer));
        assert!(good, "no good signature by {signer}: {shown}");
        shown
    }

    /// How many keys it is encrypted to.
    pub fn recipients(&self, reader: &Person) -> usize {
        let from = self.octets.find("-----BEGIN PGP MESSAGE-----").unwrap();
        let packets = reader.gpg(
            &["--list-only", "--status-fd", "1", "--decrypt"],
            &self.octets[from..],
        );
        packets.matches("[GNUPG:] ENC_TO").count()
    }
}

/// A case, as `case show` tells it.
pub fn case_shows(world: &World, id: &str) -> String {
    let (code, shown, fault) = world.command(&["case", "show", id]);
    assert_eq!(code, 0, "{fault}");
    shown
}

/// The open cases, as `case list` names them.
pub fn open_cases(world: &World) -> Vec<Value> {
    let cases = world.json(&["case", "list", "--json"]);
    cases.as_array().unwrap().clone()
}
