//! `sealdesk open`: opens one letter without any config, in the same jailed reader.

use crate::adapters::opener::{OWN_PROGRAM, OpenerClient, OpenerEndpoint};
use crate::cli::{exit, screen};
use crate::mime::{self, OwnAddresses};
use crate::model::letter::Dmarc;
use crate::model::limits::Limits;
use crate::model::reading::{LetterKind, Protection, Reading, Shut, SignatureVerdict, Wanted};
use crate::model::secret::Secret;
use crate::openpgp;
use crate::ports::{LetterOctets, OpenedLetter, Opener, OpenerError};
use crate::smime;
use crate::wiring;
use anyhow::{Context, Result};
use clap::Args;
use std::collections::HashMap;
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Opens one letter and prints one JSON object.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 the letter was read, 3 it stays shut, 4 a limit refused it, 2 \
        wrong usage, 1 our own failure.\n\nExample: sealdesk open --key security.secret.asc \
        --cert ada.asc --attachments /tmp/files letter.eml"
)]
pub struct Open {
    /// A file of secret keys, armored or binary, or of S/MIME in PEM; may be repeated. Signatures are
    /// checked with their public halves too
    #[arg(long = "key", value_name = "FILE")]
    keys: Vec<PathBuf>,
    /// A file of certificates that signatures are checked with; may be repeated
    #[arg(long = "cert", value_name = "FILE")]
    certs: Vec<PathBuf>,
    /// A file of roots in PEM that certificates of S/MIME must lead to; may be repeated
    #[arg(long = "smime-root", value_name = "FILE")]
    smime_roots: Vec<PathBuf>,
    /// A file that holds the passphrase of the keys
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Writes the attachments into this folder, under safe names
    #[arg(long, value_name = "DIR")]
    attachments: Option<PathBuf>,
    /// Prints the SHA-256 of a PGP/MIME letter's ciphertext, as an acknowledgement states it, and
    /// opens nothing
    #[arg(long, conflicts_with_all = ["attachments", "keys", "certs"])]
    digest: bool,
    /// Accepts a kernel without Landlock or seccomp
    #[arg(long)]
    allow_without_jail: bool,
    /// The letter, or - for standard input
    #[arg(value_name = "FILE")]
    letter: PathBuf,
}

/// Ends with [`exit::SHUT`] or [`exit::LIMIT`] where the letter was not opened.
pub async fn run(args: Open) -> Result<u8> {
    let octets = letter(&args.letter)?;
    // The public halves of keys check signatures too; the secret ones go no further here.
    let mut certificates = armored_certificates("certificate", &args.certs)?;
    certificates.extend(armored_certificates("key", &args.keys)?);
    let client = client(&args)?;
    if args.digest {
        return print_digest(&client, octets, &args.letter).await;
    }
    let head = octets[..mime::header_block_end(&octets)].to_vec();
    let opened = match client
        .read(
            LetterOctets::Raw(octets),
            None,
            &certificates,
            Wanted {
                files: args.attachments.is_some(),
                ..Wanted::FACTS
            },
        )
        .await
    {
        // The reader's limits of memory, time and stack end it; the letter is to blame.
        Err(OpenerError::Died) => OpenedLetter {
            reading: unreadable(&head),
            files: Vec::new(),
        },
        other => other.context("the letter could not be read")?,
    };
    if let Some(folder) = &args.attachments {
        let files = opened
            .reading
            .attachments
            .iter()
            .map(|a| a.name.as_str())
            .zip(&opened.files);
        write_files(folder, files)?;
    }
    let mut reading = opened.reading;
    reading.certificates.clear();
    screen::print_json(&reading)?;
    Ok(code(&reading))
}

/// The certificates of these files, each armored.
fn armored_certificates(what: &str, paths: &[PathBuf]) -> Result<Vec<String>> {
    let mut certificates = Vec::new();
    for path in paths {
        // Wiped afterwards: it may hold secret keys.
        let file = Secret::new(
            std::fs::read(path)
                .with_context(|| format!("cannot read the {what} file {}", path.display()))?,
        );
        let text = String::from_utf8_lossy(file.expose());
        if smime::is_certificate(&text) {
            let found = smime::certificates(file.expose())
                .with_context(|| format!("in {}", path.display()))?;
            certificates.extend(found.iter().map(smime::Certificate::pem));
            continue;
        }
        for certificate in openpgp::certificates(file.expose())
            .with_context(|| format!("in {}", path.display()))?
        {
            certificates.push(certificate.armored()?);
        }
    }
    Ok(certificates)
}

/// An opener that this process starts, with the keys of the command line and no config.
fn client(args: &Open) -> Result<OpenerClient> {
    let mut arguments = vec!["opener".to_owned(), "--no-config".to_owned()];
    for path in &args.keys {
        arguments.extend(["--key".to_owned(), path.display().to_string()]);
    }
    if let Some(path) = &args.passphrase_file {
        arguments.extend(["--passphrase-file".to_owned(), path.display().to_string()]);
    }
    if args.allow_without_jail {
        arguments.push("--allow-without-jail".to_owned());
    }
    let client = OpenerClient::new(
        OpenerEndpoint::Child {
            program: OWN_PROGRAM.into(),
            arguments,
        },
        OwnAddresses::default(),
    );
    let roots = wiring::smime_certificates("--smime-root", &args.smime_roots)?;
    let pem = roots.iter().map(smime::Certificate::pem).collect();
    Ok(client.with_smime(pem, false))
}

async fn print_digest(client: &OpenerClient, octets: Vec<u8>, path: &Path) -> Result<u8> {
    let outside = client
        .outside(LetterOctets::Raw(octets))
        .await
        .context("the letter could not be read")?;
    let digest = outside
        .digest
        .with_context(|| format!("{} is no PGP/MIME letter: it has no digest", path.display()))?;
    screen::print(&format!("{digest}\n"))?;
    Ok(exit::GOOD)
}

/// What can be said of a letter on which its reader ended.
fn unreadable(head: &[u8]) -> Reading {
    let outer = mime::outer(head, &OwnAddresses::default(), Dmarc::Unknown);
    Reading {
        kind: LetterKind::Report,
        from: outer.originator.map(|a| a.as_str().to_owned()),
        subject: Some(outer.subject),
        subject_protected: false,
        message_id: outer.message_id.map(|id| id.as_str().to_owned()),
        date: outer.date.map(|d| d.to_string()),
        protection: Protection {
            shut: Some(Shut::Limit),
            ..Protection::default()
        },
        parts: Vec::new(),
        sealed: outer.sealed_outside,
        signature: SignatureVerdict::default(),
        text: String::new(),
        attachments: Vec::new(),
        automatic_reply_allowed: outer.answer.is_ok(),
        report: None,
        asks_for_certificate: false,
        language: None,
        delivery: None,
        sealed_to: None,
        signed_to: Vec::new(),
        signed_threads: Vec::new(),
        faults: vec!["reading it took more memory, time or stack than a letter may".to_owned()],
        certificates: Vec::new(),
    }
}

fn code(reading: &Reading) -> u8 {
    match reading.protection.shut {
        None => exit::GOOD,
        Some(Shut::Limit) => exit::LIMIT,
        Some(Shut::NoKey | Shut::Integrity | Shut::Unsupported) => exit::SHUT,
    }
}

fn letter(path: &Path) -> Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut octets = Vec::new();
        std::io::stdin()
            .lock()
            .take(Limits::MAX.letter_octets + 1)
            .read_to_end(&mut octets)
            .context("cannot read standard input")?;
        return Ok(octets);
    }
    std::fs::read(path).with_context(|| format!("cannot read the letter {}", path.display()))
}

/// Writes files under their safe names; a name that is taken gets a number before it, and nothing
/// is overwritten.
pub(super) fn write_files<'a>(
    folder: &Path,
    files: impl Iterator<Item = (&'a str, &'a Vec<u8>)>,
) -> Result<Vec<PathBuf>> {
    // What was sealed is for whoever ran this, and for nobody else on the machine.
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder);
    made.with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let mut next: HashMap<String, usize> = HashMap::new();
    let mut written = Vec::new();
    for (name, octets) in files {
        let safe = mime::safe_name(name);
        loop {
            let n = next.entry(safe.clone()).or_insert(0);
            *n += 1;
            let path = folder.join(if *n == 1 {
                safe.clone()
            } else {
                format!("{n}-{safe}")
            });
            let made = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path);
            match made {
                Ok(mut file) => {
                    std::io::Write::write_all(&mut file, octets)
                        .with_context(|| format!("cannot write {}", path.display()))?;
                    written.push(path);
                    break;
                }
                Err(err) if err.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(err) => {
                    return Err(err).with_context(|| format!("cannot write {}", path.display()));
                }
            }
        }
    }
    Ok(written)
}
