//! The opener's few verbs sign, encrypt and decrypt no octets of a caller's choice, even for a desk
//! that was taken over.
//!
//! The caller here speaks as a desk would, over the same kind of socket, and says what a desk never
//! says.

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use sealdesk::adapters::opener::pass_descriptor;
use sealdesk::model::reading::Wanted;
use sealdesk::openpgp::{SealTo, certificates};
use std::fs;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const SEALDESK: &str = env!("CARGO_BIN_EXE_sealdesk");

struct Opener {
    folder: tempfile::TempDir,
    child: Child,
    control: OwnedFd,
}

/// A user who is nobody else's, where this test may choose.
fn nobody() -> Option<u32> {
    nix::unistd::geteuid().is_root().then_some(65534)
}

fn key(folder: &Path, name: &str, address: &str) {
    let made = Command::new(SEALDESK)
        .args(["key", "new", "--address", address, "--name", name, "--out"])
        .arg(folder.join(name))
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
}

impl Opener {
    /// Runs as nobody where it can: what it must be safe from is another process of the same user.
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        key(folder.path(), "desk", "security@desk.example");
        key(folder.path(), "rita", "rita@desk.example");
        let w = folder.path().display();
        let config = format!(
            "[desk]\naddress = \"security@desk.example\"\nname = \"Desk\"\nstate = \
             \"{w}/state\"\n[keys]\ncertificates = \
             [\"{w}/desk/security.asc\"]\nstorage_certificate = \
             \"{w}/desk/storage.asc\"\n[opener]\nsecret_keys = \
             [\"{w}/desk/security.secret.asc\"]\nstorage_key = \
             \"{w}/desk/storage.secret.asc\"\n[[mailbox]]\nkind = \"maildir\"\nname = \"m\"\npath \
             = \"{w}/m\"\n[courier]\nkind = \"folder\"\npath = \"{w}/out\"\n[tracker]\nkind = \
             \"folder\"\npath = \"{w}/drafts\"\n[[responder]]\nname = \"Rita\"\naddress = \
             \"rita@desk.example\"\ncertificate = \"{w}/rita/security.asc\"\n[[responder]]\nname = \
             \"Rosa\"\naddress = \"rosa@desk.example\"\ncertificate = \
             \"{w}/rita/security.asc\"\npage = \"none\"\n[page]\nurl = \
             \"https://desk.example\"\n"
        );
        fs::write(folder.path().join("sealdesk.toml"), config).unwrap();
        if let Some(nobody) = nobody() {
            let given = Command::new("chown")
                .args(["-R", &nobody.to_string()])
                .arg(folder.path())
                .status()
                .unwrap();
            assert!(given.success());
        }
        let (control, theirs) = socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::SOCK_CLOEXEC,
        )
        .unwrap();
        let child = Command::new(SEALDESK)
            .args(["opener", "--config"])
            .arg(folder.path().join("sealdesk.toml"))
            .env("SEALDESK_STRIKE", "1")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .uid(nobody().unwrap_or_else(|| nix::unistd::geteuid().as_raw()))
            .spawn()
            .unwrap();
        Self {
            folder,
            child,
            control,
        }
    }

    /// A client of an opener of its own, by the same config.
    fn client(&self) -> sealdesk::adapters::opener::OpenerClient {
        use sealdesk::adapters::opener::{OpenerClient, OpenerEndpoint};
        let config = self.folder.path().join("sealdesk.toml");
        let arguments = ["opener", "--config"].map(str::to_owned);
        OpenerClient::new(
            OpenerEndpoint::Child {
                program: SEALDESK.into(),
                arguments: arguments
                    .into_iter()
                    .chain([config.display().to_string()])
                    .collect(),
            },
            sealdesk::mime::OwnAddresses::default(),
        )
    }

    fn certificate(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    fn connect(&self) -> UnixStream {
        let (ours, theirs) = UnixStream::pair().unwrap();
        pass_descriptor(self.control.as_fd(), theirs.as_fd()).unwrap();
        ours.set_read_timeout(Some(std::time::Duration::from_secs(20)))
            .unwrap();
        ours
    }

    /// Says a verb and its frames; the status octet, and all that follows.
    fn say(&self, verb: u8, frames: &[&[u8]]) -> (Option<u8>, Vec<u8>) {
        let mut stream = self.connect();
        let mut said = vec![verb];
        for frame in frames {
            said.extend((frame.len() as u64).to_le_bytes());
            said.extend_from_slice(frame);
        }
        let _ = stream.write_all(&said);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let status = (!answer.is_empty()).then(|| answer.remove(0));
        (status, answer)
    }

    fn sealed_to(&self, name: &str, octets: &[u8]) -> Vec<u8> {
        SealTo::new(&certificates(self.certificate(name).as_bytes()).unwrap())
            .unwrap()
            .seal(octets)
            .unwrap()
    }
}

impl Drop for Opener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const GOOD: Option<u8> = Some(0);

fn holds(answer: &[u8], words: &[u8]) -> bool {
    memchr::memmem::find(answer, words).is_some()
}

#[test]
fn no_verb_but_the_nine_is_known() {
    let opener = Opener::start();
    let pkesk = opener.sealed_to("desk/security.asc", b"words of a reporter");
    for verb in 0..=255u8 {
        if b"rshgucxiw".contains(&verb) {
            continue;
        }
        // A reader's questions and the keyholder's own orders to it are among these.
        let (status, answer) = opener.say(verb, &[&pkesk, &pkesk]);
        assert!(status != GOOD, "{verb}: {answer:?}");
        assert!(!holds(&answer, b"words of a reporter"));
    }
    assert_eq!(opener.say(b'i', &[]).0, GOOD);
}

#[test]
fn what_was_sealed_to_the_desk_by_mail_cannot_be_unsealed_as_octets() {
    let opener = Opener::start();
    let own = opener.sealed_to("desk/storage.asc", b"a reading");
    let (status, answer) = opener.say(b'u', &[&own]);
    assert!(status == GOOD && holds(&answer, b"a reading"));
    let mail = opener.sealed_to("desk/security.asc", b"\x00\x01 octets of a file");
    let (status, answer) = opener.say(b'u', &[&mail]);
    assert!(
        status != GOOD && !holds(&answer, b"octets of a file"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    // Nor does wrapping it help.
    let wrapped = opener.sealed_to("desk/storage.asc", &mail);
    let (_, answer) = opener.say(b'u', &[&wrapped]);
    assert!(!holds(&answer, b"octets of a file"));
}

#[test]
fn only_the_keyholders_own_words_are_signed() {
    let opener = Opener::start();
    let stranger = opener.certificate("rita/security.asc");
    let call = |to: &str, extra: &str| {
        format!(
            "{{\"kind\":\"call\",\"to\":\"{to}\",\"message_id\":\"m@desk.example\",\"case\":null,\"reason\":\"letter-unreadable\",\"at\":\"2026-11-22T12:00:00Z\"{extra}}}"
        )
    };
    let acknowledgement = |to: &str, case: &str, id: &str| {
        serde_json::json!({
            "kind": "acknowledgement", "to": to, "case": case, "message_id": id, "in_reply_to": null,
            "received_at": "2026-11-22T11:00:00Z", "at": "2026-11-22T12:00:00Z", "certificate": stranger,
        })
        .to_string()
    };
    let good = acknowledgement("ada@reporter.example", "SD-7K3QF2MX9A", "m@desk.example");
    let (status, answer) = opener.say(b'c', &[good.as_bytes()]);
    assert!(status == GOOD, "{}", String::from_utf8_lossy(&answer));
    let sign_in = |to: &str, link: &str, code: &str, words: &str| {
        serde_json::json!({
            "kind": "sign-in", "to": to, "message_id": "m@desk.example", "at": "2026-11-22T12:00:00Z",
            "ticket": { "link": link, "code": code, "words": words },
        })
        .to_string()
    };
    let letter = sign_in("rita@desk.example", "aZ_-9", "7K3Q-F2MX", "amber otter");
    let (status, answer) = opener.say(b'c', &[letter.as_bytes()]);
    assert!(
        status == GOOD && holds(&answer, b"BEGIN PGP MESSAGE"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    let free = "I, the security team, say that eve is right";
    for wrong in [
        // To somebody who is no responder of the opener's own config.
        call("eve@elsewhere.example", ""),
        serde_json::json!({
            "kind": "announcement", "to": "eve@elsewhere.example", "message_id": "m@desk.example", "subject": free, "text": free, "at": "2026-11-22T12:00:00Z",
        })
        .to_string(),
        serde_json::json!({
            "kind": "notice", "to": "eve@elsewhere.example", "case": "SD-7K3QF2MX9A", "message_id": "m@desk.example",
            "embargo_until": "2026-12-01T16:00:00Z", "text": free, "at": "2026-11-22T12:00:00Z",
        })
        .to_string(),
        // To somebody who may not sign in to the page, and with words that are no ticket.
        sign_in("eve@elsewhere.example", "aZ_-9", "7K3Q-F2MX", "amber otter"),
        sign_in("rosa@desk.example", "aZ_-9", "7K3Q-F2MX", "amber otter"),
        sign_in("rita@desk.example", "x\r\nhttps://evil.example", "7K3Q-F2MX", "amber otter"),
        sign_in("rita@desk.example", "aZ_-9", free, "amber otter"),
        sign_in("rita@desk.example", "aZ_-9", "7K3Q-F2MX", free),
        // Free words in each field that is text.
        acknowledgement("ada@reporter.example", free, "m@desk.example"),
        acknowledgement("ada@reporter.example", "SD-7K3QF2MX9A", &format!("m@desk.example>\r\n\r\n{free}")),
        acknowledgement(&format!("ada@reporter.example\r\n\r\n{free}"), "SD-7K3QF2MX9A", "m@desk.example"),
        acknowledgement(&format!("{free} <ada@reporter.example>"), "SD-7K3QF2MX9A", "m@desk.example"),
        call("rita@desk.example", &format!(",\"text\":\"{free}\"")).replace("letter-unreadable", free),
        good.replace("\"in_reply_to\"", &format!("\"digest\":\"{free}\",\"in_reply_to\"")),
        format!("{{\"kind\":\"signature\",\"octets\":\"{free}\"}}"),
        free.to_owned(),
    ] {
        let (status, answer) = opener.say(b'c', &[wrong.as_bytes()]);
        assert!(status != GOOD, "{wrong}: {}", String::from_utf8_lossy(&answer));
        assert!(!holds(&answer, b"BEGIN PGP"), "{wrong}");
    }
}

#[test]
fn what_a_letter_shows_outside_is_told_without_any_mail_key() {
    let opener = Opener::start();
    let letter = |words: &[u8]| {
        let armored =
            sealdesk::openpgp::armored_message(&opener.sealed_to("desk/security.asc", words))
                .unwrap();
        format!(
            "From: ada@reporter.example\nContent-Type: multipart/encrypted; \
             boundary=b\n\n--b\nContent-Type: application/pgp-encrypted\n\nVersion: \
             1\n--b\nContent-Type: application/octet-stream\n\n{armored}\n--b--\n"
        )
    };
    let call =
        br#"{"ours":[],"own_lists":[],"authserv_id":null,"certificates":[],"with_files":false}"#;
    let told = |verb, letter: &[u8]| {
        let (status, answer) = opener.say(verb, &[call, letter]);
        assert!(
            status == GOOD && !holds(&answer, b"words of a reporter"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
        serde_json::from_slice::<serde_json::Value>(&answer[8..]).unwrap()
    };
    let outside = told(b'g', letter(b"words of a reporter").as_bytes());
    assert_eq!(
        (
            outside["digest"].as_str().map(str::len),
            &outside["in_clear"]
        ),
        (Some(64), &serde_json::json!(false))
    );
    let at_rest = opener.sealed_to(
        "desk/storage.asc",
        letter(b"words of a reporter").as_bytes(),
    );
    assert_eq!(
        told(b'h', &at_rest)["digest"].as_str().map(str::len),
        Some(64)
    );
}

/// Replies have free words. An opener can't know who wrote them; it signs few.
#[test]
fn replies_are_few() {
    let opener = Opener::start();
    let reply = |n: u32| {
        serde_json::json!({
            "kind": "reply", "to": "ada@reporter.example", "case": "SD-7K3QF2MX9A", "message_id": format!("{n}@desk.example"), "in_reply_to": null,
            "text": "Thank you.", "at": "2026-11-22T12:00:00Z", "certificate": null,
        })
        .to_string()
    };
    let signed = (0..70)
        .filter(|n| opener.say(b'c', &[reply(*n).as_bytes()]).0 == GOOD)
        .count();
    assert!((60..=61).contains(&signed), "{signed}");
}

#[test]
fn a_process_that_read_a_letter_takes_no_second_one() {
    let opener = Opener::start();
    let call =
        br#"{"ours":[],"own_lists":[],"authserv_id":null,"certificates":[],"with_files":false}"#;
    let letter =
        |words: &str| format!("From: ada@reporter.example\nSubject: s\n\n{words}\n").into_bytes();
    let said = |letter: &[u8]| {
        let mut said = vec![b'r'];
        for frame in [&call[..], letter] {
            said.extend((frame.len() as u64).to_le_bytes());
            said.extend_from_slice(frame);
        }
        said
    };
    let mut stream = opener.connect();
    stream
        .write_all(
            &[
                said(&letter("the first one")),
                said(&letter("the second one")),
            ]
            .concat(),
        )
        .unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(holds(&answer, b"the first one") && !holds(&answer, b"the second one"));
}

/// A large letter goes from its spool file to its reader; one whose file was cut costs itself and
/// not the opener.
#[test]
fn a_large_letter_is_passed_on_piece_by_piece_and_a_cut_one_is_refused() {
    use sealdesk::ports::{LetterOctets, Opener as _, OpenerError};
    let opener = Opener::start();
    let letter = format!(
        "From: ada@reporter.example\nSubject: s\n\n{}the end\n",
        "words of a report\n".repeat(20_000)
    );
    let path = opener.folder.path().join("letter");
    fs::write(
        &path,
        opener.sealed_to("desk/storage.asc", letter.as_bytes()),
    )
    .unwrap();
    let octets = fs::metadata(&path).unwrap().len();
    let client = opener.client();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let sealed = async |octets| LetterOctets::SealedFile {
            file: tokio::fs::File::open(&path).await.unwrap(),
            octets,
        };
        let cut = client
            .read(sealed(octets + 1).await, None, &[], Wanted::FACTS)
            .await;
        assert!(
            matches!(&cut, Err(OpenerError::Refused(why)) if why.contains("spool")),
            "{cut:?}"
        );
        let read = client
            .read(sealed(octets).await, None, &[], Wanted::FACTS)
            .await
            .unwrap();
        assert!(read.reading.text.ends_with("the end\n"));
    });
}

/// A backlog wants more than the keyholder takes in a second: it waits, and nothing fails.
#[test]
fn more_letters_than_the_keyholder_composes_in_a_second_wait_their_turn() {
    use sealdesk::model::publication::SecurityTxt;
    use sealdesk::ports::Opener as _;
    let opener = Opener::start();
    let client = opener.client();
    let fields = SecurityTxt {
        canonical: Vec::new(),
        encryption: Vec::new(),
        policy: None,
        languages: Vec::new(),
        expires: "2026-12-31T00:00:00Z".parse().unwrap(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let calls = (0..250).map(|_| client.security_txt(&fields));
        for done in futures::future::join_all(calls).await {
            done.unwrap();
        }
    });
}

/// The processes that a process began and did not reap.
fn children(pid: u32) -> Vec<u32> {
    let listed = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let listed = listed.unwrap_or_default();
    let numbers = listed.split_whitespace().map(|pid| pid.parse().unwrap());
    numbers.collect()
}

const READ_CALL: &[u8] =
    br#"{"ours":[],"own_lists":[],"authserv_id":null,"certificates":[],"with_files":false}"#;

/// A reader that was taken over may say that it is done, hang up on both sides and live on: its
/// place is not free before it is no more.
#[test]
fn no_more_readers_live_than_there_are_places_whatever_they_say() {
    let opener = Opener::start();
    assert_eq!(opener.say(b'i', &[]).0, GOOD);
    let zygote = children(opener.child.id())[0];
    let mut most = 0;
    for _ in 0..9 {
        opener.say(
            b'r',
            &[READ_CALL, b"Subject: s\n\nstrike-this-reader: hang-up\n"],
        );
        most = most.max(children(zygote).len());
    }
    assert!((2..=6).contains(&most), "{most} readers at once");
    // And they are ended long before their life is over.
    let begun = std::time::Instant::now();
    while !children(zygote).is_empty() {
        assert!(begun.elapsed().as_secs() < 60, "{:?}", children(zygote));
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let (status, answer) = opener.say(b'r', &[READ_CALL, b"Subject: s\n\nwords\n"]);
    assert!(status == GOOD && holds(&answer, b"words"));
}

/// Whoever said that it is done and had to be killed died all the same: so many deaths start the
/// opener anew.
#[test]
fn who_says_that_it_is_done_and_stays_counts_as_dead() {
    let mut opener = Opener::start();
    for _ in 0..16 {
        opener.say(
            b'r',
            &[READ_CALL, b"Subject: s\n\nstrike-this-reader: hang-up\n"],
        );
    }
    let begun = std::time::Instant::now();
    loop {
        match opener.child.try_wait().unwrap() {
            Some(status) => return assert_eq!(status.code(), Some(75)),
            None => assert!(begun.elapsed().as_secs() < 60, "it lives on"),
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// A zygote that ends takes its readers with it, whatever they do.
#[test]
fn no_reader_outlives_its_zygote() {
    let opener = Opener::start();
    assert_eq!(opener.say(b'i', &[]).0, GOOD);
    let zygote = children(opener.child.id())[0];
    opener.say(
        b'r',
        &[READ_CALL, b"Subject: s\n\nstrike-this-reader: hang-up\n"],
    );
    let reader = children(zygote)[0];
    let pid = |number: u32| nix::unistd::Pid::from_raw(number as i32);
    nix::sys::signal::kill(pid(zygote), nix::sys::signal::Signal::SIGKILL).unwrap();
    let begun = std::time::Instant::now();
    let is_gone = || {
        let state = fs::read_to_string(format!("/proc/{reader}/stat"));
        state.is_err() || state.is_ok_and(|state| state.contains(") Z "))
    };
    while !is_gone() {
        assert!(begun.elapsed().as_secs() < 60, "it lives on");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn nobody_of_the_same_user_can_look_inside() {
    let opener = Opener::start();
    assert_eq!(opener.say(b'i', &[]).0, GOOD);
    let keyholder = opener.child.id();
    let zygote =
        fs::read_to_string(format!("/proc/{keyholder}/task/{keyholder}/children")).unwrap();
    for pid in [keyholder, zygote.trim().parse().unwrap()] {
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let core: Vec<&str> = limits
            .lines()
            .find(|l| l.starts_with("Max core file size"))
            .unwrap()
            .split_whitespace()
            .collect();
        assert_eq!(&core[4..6], ["0", "0"], "{pid}");
        // What this file is guarded by is the kernel's check for ptrace.
        let look = |pid: &str| {
            let user = nobody().unwrap_or_else(|| nix::unistd::geteuid().as_raw());
            Command::new("cat")
                .arg(format!("/proc/{pid}/environ"))
                .uid(user)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap()
                .success()
        };
        assert!(
            look("self") && !look(&pid.to_string()),
            "{pid} can be looked into"
        );
    }
}
