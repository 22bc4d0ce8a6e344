//! `sealdesk key`: makes, takes over, shows and hands out keys.

use super::screen;
use crate::config;
use crate::openpgp::{self, GeneratedKey, Profile};
use crate::wiring::read_certificates;
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Makes, takes over, shows and hands out keys
#[derive(Args)]
pub struct Key {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Makes a key for the desk, and the storage key that seals what rests
    New {
        /// The address that reporters write to
        #[arg(long)]
        address: String,
        /// The name in the user ID
        #[arg(long, default_value = "Security Team")]
        name: String,
        /// Which kind of certificate
        #[arg(long, value_enum, default_value_t = ProfileName::V4)]
        profile: ProfileName,
        /// The folder that the four files go into; nothing in it is overwritten
        #[arg(long, value_name = "DIR", default_value = "keys")]
        out: PathBuf,
    },
    /// Takes over an existing GnuPG key and re-issues its self-signatures, so that letters to it can be opened
    Adopt {
        /// The secret key, from `gpg --export-secret-keys --armor KEY`
        file: PathBuf,
        /// A file that holds its passphrase
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        #[arg(long, value_name = "DIR", default_value = "keys")]
        out: PathBuf,
    },
    /// Shows what is in a file of keys or certificates
    Inspect {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Prints the certificate in a file, without what others signed: ready to be published
    Export {
        file: PathBuf,
        /// Binary instead of ASCII armor
        #[arg(long)]
        binary: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum ProfileName {
    /// Version 4, Ed25519 and Curve25519: every program reads it
    V4,
    /// Version 6 (RFC 9580)
    Rfc9580,
    /// Version 6 with ML-KEM-768+X25519 and ML-DSA-65+Ed25519 (RFC 9980)
    Pqc,
}

pub fn run(args: Key) -> Result<()> {
    match args.verb {
        Verb::New { address, name, profile, out } => {
            let address = crate::model::address::Address::parse(&address).with_context(|| format!("--address {address:?}"))?;
            let profile = match profile {
                ProfileName::V4 => Profile::V4,
                ProfileName::Rfc9580 => Profile::Rfc9580,
                ProfileName::Pqc => Profile::Pqc,
            };
            let key = openpgp::generate(address.as_str(), &name, profile)?;
            write_pair(&out, "security", &key)?;
            if !out.join("storage.secret.asc").exists() {
                write_pair(&out, "storage", &openpgp::generate_storage("sealdesk storage")?)?;
            }
            if profile != Profile::V4 {
                screen::print("A key answer always carries a version 4 certificate too: list both under keys.certificates.\n")?;
            }
            screen::print("Publish security.asc; give the two .secret.asc files to the opener alone, and keep a copy offline.\n")?;
            Ok(())
        }
        Verb::Adopt { file, passphrase_file, out } => {
            let octets = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let passphrase = passphrase_file.map(|p| config::secret("--passphrase-file", &p)).transpose()?;
            let key = openpgp::adopt(&octets, passphrase.as_ref().map(|p| p.expose()))?;
            write_pair(&out, "security", &key)?;
            if !out.join("storage.secret.asc").exists() {
                write_pair(&out, "storage", &openpgp::generate_storage("sealdesk storage")?)?;
            }
            screen::print(&format!("Publish {} wherever the old certificate stands, and refresh key servers:\n", out.join("security.asc").display()))?;
            screen::print("until reporters fetch it, GnuPG 2.3 and later may still send packet type 20, which few programs open besides this desk.\n")?;
            Ok(())
        }
        Verb::Inspect { files } => files.iter().try_for_each(|file| inspect(file)),
        Verb::Export { file, binary } => {
            let certificates = read_certificates(&file)?;
            for certificate in certificates {
                let minimal = certificate.minimal()?;
                let octets = if binary { minimal.binary()? } else { minimal.armored()?.into_bytes() };
                std::io::stdout().write_all(&octets)?;
            }
            Ok(())
        }
    }
}

fn inspect(file: &Path) -> Result<()> {
    for certificate in read_certificates(file)? {
        let until = certificate.expires().map_or_else(|| "never".to_owned(), |t| t.strftime("%Y-%m-%d").to_string());
        screen::print(&format!("{}\n", file.display()))?;
        screen::print(&format!("  fingerprint  {}\n", certificate.fingerprint()))?;
        screen::print(&format!("  version      {}\n", certificate.version()))?;
        screen::print(&format!("  addresses    {}\n", certificate.addresses().join(", ")))?;
        screen::print(&format!("  algorithms   {}\n", certificate.algorithms()))?;
        screen::print(&format!("  expires      {until}\n"))?;
        screen::print(&format!("  encryption   {}\n", certificate.usable_for_encryption().map_or_else(|e| e.to_string(), |()| "usable".to_owned())))?;
        if certificate.invites_gnupg_ocb() {
            screen::print("  warning      it invites GnuPG 2.3 and later to send packet type 20, which few programs open: run sealdesk key adopt\n")?;
        }
    }
    Ok(())
}

fn write_pair(folder: &Path, stem: &str, key: &GeneratedKey) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let secret = folder.join(format!("{stem}.secret.asc"));
    let public = folder.join(format!("{stem}.asc"));
    if secret.exists() || public.exists() {
        bail!("{} exists; move it away first: a key is never overwritten", if secret.exists() { secret.display() } else { public.display() });
    }
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&secret).with_context(|| format!("cannot write {}", secret.display()))?;
    file.write_all(key.secret_armored.expose())?;
    std::fs::write(&public, &key.public_armored).with_context(|| format!("cannot write {}", public.display()))?;
    screen::print(&format!("{}  {}\n", key.fingerprint, secret.display()))?;
    screen::print(&format!("{}  {}\n", key.fingerprint, public.display()))?;
    Ok(())
}
