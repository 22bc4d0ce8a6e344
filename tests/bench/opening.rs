//! Opens letters over and over, so that `scripts/bench` can weigh the CPU of it: `opening MODE
//! TIMES KEY LETTER…`
//!
//! `bare` is Sequoia alone on the armor, with the buffer that we use; `in-process` our whole
//! reading; `worker` the keyholder and a fresh reader for each letter, one after the other.
//! `beside` prints how long small letters take alone, and while a large one (the last letter) is
//! being opened.

#![allow(clippy::print_stdout, reason = "scripts/bench reads it")]

use sealdesk::adapters::opener::{OpenerClient, OpenerEndpoint};
use sealdesk::mime::OwnAddresses;
use sealdesk::model::reading::Wanted;
use sealdesk::openpgp::{Purpose, SecretKeys};
use sealdesk::ports::{LetterOctets, Opener};
use sealdesk::reading::{Position, read};
use sequoia_openpgp::cert::Cert;
use sequoia_openpgp::crypto::{KeyPair, SessionKey};
use sequoia_openpgp::packet::{PKESK, SKESK};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::parse::stream::{
    DecryptionHelper, DecryptorBuilder, MessageStructure, VerificationHelper,
};
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::types::SymmetricAlgorithm;
use std::io::Read;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, times, key, letters @ ..] = arguments.as_slice() else {
        panic!("usage: opening bare|in-process|worker|beside TIMES KEY LETTER…")
    };
    let times: usize = times.parse().expect("TIMES is a number");
    let octets: Vec<Vec<u8>> = letters
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    if mode == "beside" {
        return beside(times, key, &octets);
    }
    let opened = match mode.as_str() {
        "bare" => bare(times, key, &octets),
        "in-process" => in_process(times, key, &octets),
        "worker" => worker(times, key, &octets),
        other => panic!("no mode {other}"),
    };
    assert!(opened > 0, "nothing was opened");
}

struct Helper(Vec<KeyPair>);

impl VerificationHelper for Helper {
    fn get_certs(
        &mut self,
        _: &[sequoia_openpgp::KeyHandle],
    ) -> sequoia_openpgp::Result<Vec<Cert>> {
        Ok(Vec::new())
    }
    fn check(&mut self, _: MessageStructure<'_>) -> sequoia_openpgp::Result<()> {
        Ok(())
    }
}

impl DecryptionHelper for Helper {
    fn decrypt(
        &mut self,
        pkesks: &[PKESK],
        _: &[SKESK],
        algorithm: Option<SymmetricAlgorithm>,
        decrypt: &mut dyn FnMut(Option<SymmetricAlgorithm>, &SessionKey) -> bool,
    ) -> sequoia_openpgp::Result<Option<Cert>> {
        let mut pairs = self.0.clone();
        let opens = pkesks.iter().any(|pkesk| {
            let named = |pair: &&mut KeyPair| {
                pkesk.recipient().is_some_and(|handle| {
                    sequoia_openpgp::KeyHandle::from(pair.public().fingerprint()).aliases(&handle)
                })
            };
            let mut opens = pairs
                .iter_mut()
                .filter(named)
                .filter_map(|pair| pkesk.decrypt(pair, algorithm));
            opens.any(|(algorithm, key)| decrypt(algorithm, &key))
        });
        assert!(opens, "no key opens it");
        Ok(None)
    }
}

fn bare(times: usize, key: &str, letters: &[Vec<u8>]) -> usize {
    let cert = Cert::from_file(key).unwrap();
    let pairs: Vec<KeyPair> = cert
        .keys()
        .unencrypted_secret()
        .filter(|k| k.key().pk_algo().for_encryption())
        .map(|k| k.key().clone().into_keypair().unwrap())
        .collect();
    let policy = StandardPolicy::new();
    let armor: Vec<&[u8]> = letters
        .iter()
        .map(|l| &l[memchr::memmem::find(l, b"-----BEGIN PGP MESSAGE").unwrap()..])
        .collect();
    let mut octets = 0;
    for n in 0..times {
        let armor = armor[n % armor.len()];
        let buffer = armor.len().clamp(16 * 1024, 256 * 1024);
        let mut decryptor = DecryptorBuilder::from_bytes(armor)
            .unwrap()
            .buffer_size(buffer)
            .with_policy(&policy, None, Helper(pairs.clone()))
            .unwrap();
        let mut plaintext = Vec::new();
        decryptor.read_to_end(&mut plaintext).unwrap();
        octets += plaintext.len();
    }
    octets
}

fn in_process(times: usize, key: &str, letters: &[Vec<u8>]) -> usize {
    sealdesk::triage::warm_up();
    let mut keys = SecretKeys::load(&std::fs::read(key).unwrap(), Purpose::Mail, None).unwrap();
    (0..times)
        .map(|n| opened(read(&letters[n % letters.len()], &mut keys, &Position::default()).reading))
        .sum()
}

fn client(key: &str) -> OpenerClient {
    let program = std::env::current_exe()
        .unwrap()
        .parent()
        .unwrap()
        .join("../sealdesk");
    let arguments = ["opener", "--no-config", "--key", key]
        .map(str::to_owned)
        .to_vec();
    OpenerClient::new(
        OpenerEndpoint::Child { program, arguments },
        OwnAddresses::default(),
    )
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn beside(times: usize, key: &str, letters: &[Vec<u8>]) {
    let [small @ .., large] = letters else {
        panic!("no letters")
    };
    let client = client(key);
    let read = async |letter: &[u8]| {
        let start = std::time::Instant::now();
        opened(
            client
                .read(LetterOctets::Raw(letter.to_vec()), None, &[], Wanted::FACTS)
                .await
                .unwrap()
                .reading,
        );
        start.elapsed().as_secs_f64() * 1000.0
    };
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    runtime().block_on(async {
        read(&small[0]).await; // the opener starts
        let mut alone = Vec::new();
        for n in 0..times {
            alone.push(read(&small[n % small.len()]).await);
        }
        let ended = std::cell::Cell::new(false);
        let big = async {
            for _ in 0..3 {
                read(large).await;
            }
            ended.set(true);
        };
        let meanwhile = async {
            let mut beside = Vec::new();
            while !ended.get() {
                beside.push(read(&small[beside.len() % small.len()]).await);
            }
            beside
        };
        let ((), beside) = tokio::join!(big, meanwhile);
        println!(
            "{:.2} {:.2} {}",
            median(alone),
            median(beside.clone()),
            beside.len()
        );
    });
}

fn worker(times: usize, key: &str, letters: &[Vec<u8>]) -> usize {
    let client = client(key);
    runtime().block_on(async {
        let mut octets = 0;
        for n in 0..times {
            let letter = LetterOctets::Raw(letters[n % letters.len()].clone());
            octets += opened(
                client
                    .read(letter, None, &[], Wanted::FACTS)
                    .await
                    .unwrap()
                    .reading,
            );
        }
        octets
    })
}

fn opened(reading: sealdesk::model::reading::Reading) -> usize {
    assert!(reading.protection.shut.is_none(), "{:?}", reading.faults);
    reading.text.len()
        + reading
            .attachments
            .iter()
            .map(|a| a.octets as usize)
            .sum::<usize>()
}
