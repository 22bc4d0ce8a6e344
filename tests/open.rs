//! `sealdesk open` on letters by GnuPG, sq, RNP, openpgp.js and PGPy: each `NAME.eml` has its
//! expectation beside it.
//!
//! `tests/mail/make` and `tests/mail/make-zoo` made them. An expectation names what must hold;
//! other fields are free.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

fn mail(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/mail")
        .join(name)
}

fn open(arguments: &[&str], letter: &Path) -> (i32, Value, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sealdesk"))
        .arg("open")
        .args(arguments)
        .arg(letter)
        .output()
        .unwrap();
    let json = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (
        output.status.code().unwrap_or(-1),
        json,
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// Every field that the expectation names has that value.
fn check(at: &str, expected: &Value, got: &Value) {
    match expected {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(name, value)| check(&format!("{at}.{name}"), value, &got[name])),
        Value::Array(values) => {
            assert_eq!(
                values.len(),
                got.as_array().map_or(0, Vec::len),
                "{at}: {got}"
            );
            values
                .iter()
                .enumerate()
                .for_each(|(n, value)| check(&format!("{at}.{n}"), value, &got[n]));
        }
        _ => assert_eq!(expected, got, "{at}"),
    }
}

#[test]
fn every_letter_opens_as_its_expectation_says() {
    assert!(check_folder("", &["keys/desk.tsk"], "keys/ada.asc") >= 18);
}

#[test]
fn every_shape_of_the_zoo_opens_as_its_expectation_says() {
    assert!(
        check_folder(
            "zoo",
            &["keys/desk.tsk", "keys/zoo.tsk"],
            "keys/zoo-ada.asc"
        ) >= 133
    );
}

/// Letters that try to pass another's words for a signer's, to hide words, or to borrow a
/// signature.
#[test]
fn no_letter_is_called_signed_by_someone_who_did_not_sign_all_of_it() {
    assert!(
        check_folder(
            "fooling",
            &["keys/desk.tsk", "keys/zoo.tsk"],
            "keys/fooling.asc"
        ) >= 25
    );
}

/// Letters of S/MIME by OpenSSL, gpgsm and NSS.
#[test]
fn every_letter_of_smime_opens_as_its_expectation_says() {
    assert!(check_smime_folder("smime") >= 36);
}

/// Signatures of S/MIME by the wrong person, at the wrong time, by nobody's authority, or over
/// something else: none is believed, and nothing that CBC encrypts is proven by them.
#[test]
fn no_letter_of_smime_is_believed_for_a_signature_that_proves_nothing() {
    assert!(check_smime_folder("smime-fooling") >= 22);
}

fn check_smime_folder(folder: &str) -> usize {
    let file = |option: &str, name: &str| [option.to_owned(), mail(name).display().to_string()];
    let arguments = [
        file("--key", "keys/smime-desk.pem"),
        file("--key", "keys/rfc9216-bob.pem"),
        file("--smime-root", "keys/smime-root.pem"),
        file("--cert", "keys/smime-own.pem"),
        file("--cert", "keys/rfc9216-alice.pem"),
    ];
    check_letters(folder, &arguments.concat())
}

/// Opens every letter of a folder; how many there were.
fn check_folder(folder: &str, keys: &[&str], cert: &str) -> usize {
    let mut arguments: Vec<String> = keys
        .iter()
        .flat_map(|key| ["--key".to_owned(), mail(key).display().to_string()])
        .collect();
    arguments.extend(["--cert".to_owned(), mail(cert).display().to_string()]);
    check_letters(folder, &arguments)
}

fn check_letters(folder: &str, arguments: &[String]) -> usize {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut letters = 0;
    for entry in std::fs::read_dir(mail(folder))
        .unwrap()
        .flatten()
        .filter(|e| e.path().extension().is_some_and(|x| x == "eml"))
    {
        let path = entry.path();
        let expectation = std::fs::read_to_string(path.with_extension("json"))
            .unwrap_or_else(|_| panic!("{} has no expectation", path.display()));
        let mut expected: Value = serde_json::from_str(&expectation).unwrap();
        let (code, got, err) = open(&arguments, &path);
        let fields = expected.as_object_mut().unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(fields.remove("exit").unwrap(), code, "{name}: {err}");
        let part = fields.remove("text_contains").unwrap();
        assert!(
            got["text"]
                .as_str()
                .unwrap()
                .contains(part.as_str().unwrap()),
            "{name}: {}",
            got["text"]
        );
        check(&name, &expected, &got);
        letters += 1;
    }
    letters
}

#[test]
fn wrong_usage_and_our_own_failures_have_codes_of_their_own() {
    let letter = mail("inline.eml");
    assert_eq!(open(&["--nonsense"], &letter).0, 2);
    let (code, _, err) = open(&["--key", "/nowhere/key"], &letter);
    assert!(code == 1 && err.contains("/nowhere/key"), "{err}");
    let (code, _, err) = open(&["--key", letter.to_str().unwrap()], &letter);
    assert!(code == 1, "{err}");
    assert_eq!(open(&[], Path::new("/nowhere/letter")).0, 1);
}

#[test]
fn attachments_go_where_they_are_told_under_safe_names() {
    let folder = tempfile::tempdir().unwrap();
    let letter = folder.path().join("letter.eml");
    let part = "--x\nContent-Type: application/octet-stream\nContent-Disposition: attachment; \
        filename=\"../../../evil.sh\"\n\nhi\n";
    std::fs::write(
        &letter,
        format!(
            "From: a@b.example\nSubject: s\nMIME-Version: \
        1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nsee \
        file\n{part}{part}--x--\n"
        ),
    )
    .unwrap();
    let out = folder.path().join("out");
    let (code, got, err) = open(&["--attachments", out.to_str().unwrap()], &letter);
    assert_eq!(code, 0, "{err}");
    assert_eq!(got["attachments"].as_array().unwrap().len(), 2);
    let mut names: Vec<_> = std::fs::read_dir(out)
        .unwrap()
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["2-evil.sh", "evil.sh"]);
}

/// Every letter of the development corpus, where it exists.
fn corpus() -> Vec<PathBuf> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    if !corpus.is_dir() {
        eprintln!("no corpus here; skipped");
        return Vec::new();
    }
    let (mut folders, mut letters) = (vec![corpus], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.components().any(|c| c.as_os_str() == "mail") {
                letters.push(path);
            }
        }
    }
    assert!(letters.len() > 100);
    letters
}

#[test]
fn the_shared_corpus_never_crashes_a_reader_and_no_machine_in_it_is_answered() {
    for path in corpus() {
        let (code, got, err) = open(&[], &path);
        let shown = path.display().to_string();
        assert!(
            matches!(code, 0 | 3 | 4) && got.is_object(),
            "{shown}: {code} {err}"
        );
        let answered = got["automatic_reply_allowed"] == true;
        let machine = [
            "/bounces/",
            "/bounce.eml",
            "ndn",
            "/dsn_",
            "mailinglist",
            "tlsrpt",
            "disposition_notification",
        ]
        .iter()
        .any(|mark| shown.contains(mark));
        assert!(!(machine && answered), "{shown}: a machine is answered");
        // A human is answered wherever there is an address to answer to.
        let from = got["from"].as_str().unwrap_or_default();
        let reachable = from.rsplit_once('@').is_some_and(|(local, domain)| {
            domain.contains('.') && !local.contains("noreply") && !local.contains("donotreply")
        });
        let human = matches!(
            got["kind"].as_str(),
            Some("report" | "follow-up" | "key-request" | "disclosure-notice")
        );
        if human && reachable && !shown.contains("not_bounces") {
            assert!(answered, "{shown}: a human is not answered");
        }
    }
}
