//! Where is a secret key, while the desk runs? In the keyholder's memory at most: every other
//! process is searched.

use super::people::{Person, head, pgp_mime};
use super::servers::wait_for;
use super::world::World;
use sequoia_openpgp::crypto::mpi::SecretKeyMaterial;
use sequoia_openpgp::parse::Parse;
use std::io::{Read, Seek, SeekFrom};

/// The secret numbers of a key file, as they stand in packets and the other way round.
fn secrets(path: &std::path::Path) -> Vec<Vec<u8>> {
    let cert = sequoia_openpgp::Cert::from_file(path).unwrap();
    let mut found = Vec::new();
    for key in cert.keys().unencrypted_secret() {
        let sequoia_openpgp::packet::key::SecretKeyMaterial::Unencrypted(secret) =
            key.key().secret()
        else {
            panic!("a locked key")
        };
        secret.map(|material| match material {
            SecretKeyMaterial::EdDSA { scalar } | SecretKeyMaterial::ECDH { scalar } => {
                found.push(scalar.value().to_vec())
            }
            other => panic!("an unexpected key: {other:?}"),
        });
    }
    assert!(found.len() >= 2);
    let reversed: Vec<Vec<u8>> = found
        .iter()
        .map(|s| s.iter().rev().copied().collect())
        .collect();
    found.into_iter().chain(reversed).collect()
}

/// Which of these stand in the memory of a process; `None` when it has ended.
fn found_in(pid: u32, needles: &[Vec<u8>]) -> Option<Vec<usize>> {
    let mut memory = std::fs::File::open(format!("/proc/{pid}/mem")).ok()?;
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let mut found = Vec::new();
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (from, to) = fields.next().unwrap().split_once('-').unwrap();
        let (from, to) = (
            u64::from_str_radix(from, 16).unwrap(),
            u64::from_str_radix(to, 16).unwrap(),
        );
        if !fields.next().unwrap().starts_with('r') || line.contains("[v") {
            continue;
        }
        let mut octets = vec![0; (to - from) as usize];
        let read = memory
            .seek(SeekFrom::Start(from))
            .and_then(|_| memory.read_exact(&mut octets));
        if read.is_err() {
            continue; // beyond the end of a mapped file
        }
        found.extend(
            needles
                .iter()
                .enumerate()
                .filter(|(_, needle)| memchr::memmem::find(&octets, needle).is_some())
                .map(|(n, _)| n),
        );
    }
    found.sort_unstable();
    found.dedup();
    Some(found)
}

fn children(pid: u32) -> Vec<u32> {
    let listed = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    listed
        .split_whitespace()
        .map(|pid| pid.parse().unwrap())
        .collect()
}

#[test]
fn no_process_but_the_keyholder_ever_holds_a_secret_key() {
    let world = World::new();
    let ada = Person::with_gpg(
        world.path(),
        "ada@reporter.example",
        &world.desk_certificate(),
    );
    let desk = world.open_with(&[("SEALDESK_STRIKE", "1")]);
    world.submit(
        "ada@reporter.example",
        &(head("ada@reporter.example", "...", "s1@reporter.example")
            + &pgp_mime(&ada.sealed(
                "security@desk.example",
                "Content-Type: text/plain\n\nXSS in acme 1.2\n",
            ))),
    );
    world.settle(1);
    let keyholder = *children(desk.pid())
        .first()
        .expect("the keyholder is the desk's child");
    let zygote = *children(keyholder)
        .first()
        .expect("the zygote is the keyholder's child");
    let mut needles = secrets(&world.path().join("keys/security.secret.asc"));
    needles.extend(secrets(&world.path().join("keys/storage.secret.asc")));
    let secret_needles = needles.len();
    // What each of them does hold, so that a search which finds nothing has looked.
    needles.push(b"sealdesk: internal error".to_vec());
    for (name, pid) in [
        ("desk", desk.pid()),
        ("zygote, from which readers are made", zygote),
    ] {
        let found = found_in(pid, &needles);
        assert_eq!(found, Some(vec![secret_needles]), "in the {name}");
    }
    // A reader that has been given a letter, opened it, and now goes in circles.
    let circling = "Content-Type: text/plain\n\nXSS in acme 1.3\nstrike-this-reader: loop\n";
    world.submit(
        "ada@reporter.example",
        &(head("ada@reporter.example", "...", "s2@reporter.example")
            + &pgp_mime(&ada.sealed("security@desk.example", circling))),
    );
    // It is found by what the letter says: readers come and go, and one that has not opened its
    // letter yet would prove nothing.
    needles.push(b"strike-this-reader: loop".to_vec());
    wait_for("a reader that has opened its letter", || {
        let readers = children(zygote).into_iter();
        let mut found = readers.filter_map(|reader| found_in(reader, &needles));
        found.any(|found| {
            let secrets = found.iter().any(|at| *at < secret_needles);
            assert!(!secrets, "a reader holds a secret key: {found:?}");
            found == [secret_needles, secret_needles + 1]
        })
    });
    // No core dump can carry one out, and no process of the same user can look inside.
    for pid in [keyholder, zygote] {
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let core: Vec<&str> = limits
            .lines()
            .find(|l| l.starts_with("Max core file size"))
            .unwrap()
            .split_whitespace()
            .collect();
        assert_eq!(&core[4..6], ["0", "0"], "{pid}");
    }
    desk.stop();
}
