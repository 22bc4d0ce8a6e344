//! People who write to the desk, with the programs that people use.

use super::servers::run;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Somebody with GnuPG.
pub struct Person {
    pub address: String,
    pub home: PathBuf,
}

impl Person {
    /// Makes a key with GnuPG and learns the desk's certificate.
    pub fn with_gpg(world: &Path, address: &str, desk: &Path) -> Self {
        let home = world.join("people").join(address);
        fs::create_dir_all(&home).unwrap();
        run(Command::new("chmod").arg("700").arg(&home));
        let person = Self {
            address: address.to_owned(),
            home,
        };
        person.gpg(
            &[
                "--quick-gen-key",
                address,
                "future-default",
                "default",
                "never",
            ],
            "",
        );
        person.gpg(&["--import", &desk.display().to_string()], "");
        person
    }

    /// Takes over a secret key that the world made, and learns the desk's certificate.
    pub fn with_key(world: &Path, address: &str, secret: &Path, desk: &Path) -> Self {
        let home = world.join("people").join(address);
        fs::create_dir_all(&home).unwrap();
        run(Command::new("chmod").arg("700").arg(&home));
        let person = Self {
            address: address.to_owned(),
            home,
        };
        for key in [secret, desk] {
            person.gpg(&["--import", &key.display().to_string()], "");
        }
        person
    }

    pub fn gpg(&self, arguments: &[&str], input: &str) -> String {
        self.try_gpg(arguments, input)
            .unwrap_or_else(|e| panic!("gpg {arguments:?}: {e}"))
    }

    pub fn try_gpg(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        use std::io::Write;
        let mut child = Command::new("gpg")
            .env("GNUPGHOME", &self.home)
            .args([
                "--batch",
                "--yes",
                "--passphrase",
                "",
                "--pinentry-mode",
                "loopback",
                "--trust-model",
                "always",
                "--armor",
            ])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("gpg is not installed: run make setup");
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    pub fn certificate(&self) -> String {
        self.gpg(&["--export", &self.address], "")
    }

    /// Encrypted to the desk and signed by this person.
    pub fn sealed(&self, desk: &str, text: &str) -> String {
        self.gpg(
            &[
                "--local-user",
                &self.address,
                "--recipient",
                desk,
                "--sign",
                "--encrypt",
            ],
            text,
        )
    }

    /// An Autocrypt header with this person's certificate.
    pub fn autocrypt(&self) -> String {
        let armored = self.certificate();
        let base64: String = armored
            .lines()
            .skip_while(|l| !l.is_empty())
            .filter(|l| !l.starts_with(['-', '=']))
            .collect();
        format!("Autocrypt: addr={}; keydata={base64}\n", self.address)
    }

    /// Opens a PGP/MIME or signed letter of the desk; returns its text, having checked the
    /// signature.
    pub fn open(&self, letter: &str) -> String {
        let letter = letter.replace("\r\n", "\n");
        if let Some(from) = letter.find("-----BEGIN PGP MESSAGE-----") {
            let status = self.gpg(&["--status-fd", "1", "--decrypt"], &letter[from..]);
            assert!(status.contains("[GNUPG:] GOODSIG"), "{status}");
            return status;
        }
        let boundary = letter
            .split("boundary=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .expect("a signed letter");
        let parts: Vec<&str> = letter.split(&format!("--{boundary}\n")).collect();
        let signed = parts[1].strip_suffix('\n').unwrap().replace('\n', "\r\n");
        let signature = &parts[2][parts[2].find("-----BEGIN").unwrap()..];
        let (data, detached) = (self.home.join("data"), self.home.join("data.asc"));
        fs::write(&data, &signed).unwrap();
        fs::write(&detached, signature).unwrap();
        let status = self.gpg(
            &[
                "--status-fd",
                "1",
                "--verify",
                &detached.display().to_string(),
                &data.display().to_string(),
            ],
            "",
        );
        assert!(status.contains("[GNUPG:] GOODSIG"), "{status}");
        signed
    }
}

/// What a web mailer does: openpgp.js and a browser's MIME parser.
pub fn webmail(arguments: &[&str], input: &str) -> String {
    use std::io::Write;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/webmail/webmail.mjs");
    let mut child = Command::new("node")
        .arg(script)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node: run make setup");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "webmail {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Armor by sq, encrypted to a certificate file.
pub fn sealed_by_sq(desk: &Path, text: &str) -> String {
    piped(
        Command::new("sq")
            .args(["encrypt", "--recipient-cert"])
            .arg(desk),
        text,
    )
}

/// Armor by RNP, encrypted to a certificate file.
pub fn sealed_by_rnp(world: &Path, desk: &Path, text: &str) -> String {
    let home = world.join("people/rnp");
    fs::create_dir_all(&home).unwrap();
    run(Command::new("rnpkeys")
        .arg("--homedir")
        .arg(&home)
        .arg("--import")
        .arg(desk));
    piped(
        Command::new("rnp").arg("--homedir").arg(&home).args([
            "--armor",
            "--encrypt",
            "--recipient",
            "security@desk.example",
            "--output",
            "-",
        ]),
        text,
    )
}

/// Somebody whose mail program opens letters with RNP, as Thunderbird's does.
pub struct RnpPerson(PathBuf);

impl RnpPerson {
    pub fn new(world: &Path, address: &str, desk: &Path) -> Self {
        let home = world.join("people").join(format!("rnp-{address}"));
        fs::create_dir_all(&home).unwrap();
        run(Command::new("rnpkeys").arg("--homedir").arg(&home).args([
            "--generate-key",
            "--userid",
            address,
            "--password",
            "",
        ]));
        run(Command::new("rnpkeys")
            .arg("--homedir")
            .arg(&home)
            .arg("--import")
            .arg(desk));
        Self(home)
    }

    pub fn autocrypt(&self, address: &str) -> String {
        let armored = run(Command::new("rnpkeys")
            .arg("--homedir")
            .arg(&self.0)
            .args(["--export-key", address]));
        let base64: String = armored
            .lines()
            .filter(|line| {
                !line.is_empty() && !line.starts_with(['-', '=']) && !line.contains(": ")
            })
            .collect();
        format!("Autocrypt: addr={address}; keydata={base64}\n")
    }

    /// Opens a PGP/MIME letter; its text, and what RNP says of the signature.
    pub fn open(&self, letter: &str) -> (String, String) {
        use std::io::Write;
        let letter = letter.replace("\r\n", "\n");
        let armored = &letter[letter
            .find("-----BEGIN PGP MESSAGE-----")
            .expect("an encrypted letter")..];
        let mut rnp = Command::new("rnp");
        rnp.arg("--homedir")
            .arg(&self.0)
            .args(["--password", "", "--decrypt", "--output", "-"]);
        let mut child = rnp
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(armored.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }
}

fn piped(command: &mut Command, input: &str) -> String {
    use std::io::Write;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{command:?}: {e}: run make setup"));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What our own mail server says of a reporter whom DMARC proves.
pub const PROVEN: &str =
    "Authentication-Results: mx.desk.example; dmarc=pass header.from=reporter.example\n";

/// The head of a letter.
pub fn head(from: &str, subject: &str, id: &str) -> String {
    format!(
        "From: {from}\nTo: security@desk.example\nSubject: {subject}\nMessage-ID: <{id}>\nDate: \
         Sun, 22 Nov 2026 12:00:00 +0000\nMIME-Version: 1.0\n"
    )
}

pub fn pgp_mime(armored: &str) -> String {
    format!(
        "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; \
         boundary=\"b1\"\n\n--b1\nContent-Type: application/pgp-encrypted\n\nVersion: \
         1\n\n--b1\nContent-Type: application/octet-stream; \
         name=\"encrypted.asc\"\n\n{armored}\n--b1--\n"
    )
}
