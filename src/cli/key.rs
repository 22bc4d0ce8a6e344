//! `sealdesk key`: makes, takes over, replaces, shows and publishes keys.

mod files;
mod smime;

use crate::adapters::clock::SystemClock;
use crate::cli::{exit, screen};
use crate::config;
use crate::model::secret::Secret;
use crate::openpgp::{self, PreferenceChanges, Profile, Purpose, SecretKeys};
use crate::ports::Clock;
use crate::wiring::{self, read_certificates};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use files::write_pair;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Makes, takes over, replaces, shows and publishes keys
#[derive(Args)]
pub struct Key {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Makes a key for the desk, and the storage key that seals what rests. The primary key
    /// certifies and signs, so that every program accepts the signatures
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
    /// Takes over an existing GnuPG key, or keys of S/MIME with their certificates. Of a GnuPG key
    /// the self-signatures are re-issued, so that letters to it can be opened: they ask for AES, and
    /// no longer for what the desk can't open
    Adopt {
        /// The secret key, from `gpg --export-secret-keys --armor KEY`; or, for S/MIME, PKCS#12
        /// (.p12, .pfx) or PEM, where a key and its certificate may stand in two files, and several
        /// keys in as many
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
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
    /// Writes what the world should find: a Web Key Directory (advanced and direct), a signed
    /// security.txt, a section for SECURITY.md
    Publish {
        /// The config file
        #[arg(long, value_name = "FILE", default_value = crate::cli::CONFIG_PATH)]
        config: PathBuf,
        /// The folder that becomes the root of a web server
        #[arg(long, value_name = "DIR", default_value = "public")]
        out: PathBuf,
    },
    /// Makes the successor of a key, and a statement that both of them sign. The old key stays in
    /// use beside it
    Rotate {
        /// The secret key in use
        file: PathBuf,
        /// A file that holds its passphrase
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        /// Which kind of certificate the successor is
        #[arg(long, value_enum, default_value_t = ProfileName::V4)]
        profile: ProfileName,
        /// The folder that the new files go into; nothing in it is overwritten
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
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
pub(super) enum ProfileName {
    /// Version 4, Ed25519 and Curve25519: every program reads it
    V4,
    /// Version 6 (RFC 9580)
    Rfc9580,
    /// Version 6 with ML-KEM-768+X25519 and ML-DSA-65+Ed25519 (RFC 9980)
    Pqc,
}

/// Only `publish` needs a config; everything else works on files alone.
pub async fn run(args: Key) -> Result<u8> {
    match args.verb {
        Verb::Publish { config, out } => publish(&config, &out).await?,
        verb => run_offline(verb)?,
    }
    Ok(exit::GOOD)
}

fn run_offline(verb: Verb) -> Result<()> {
    match verb {
        Verb::Publish { .. } => Ok(()),
        Verb::Rotate {
            file,
            passphrase_file,
            profile,
            out,
        } => rotate(&file, passphrase_file.as_deref(), profile, &out),
        Verb::New {
            address,
            name,
            profile,
            out,
        } => make_new(&address, &name, profile, &out),
        Verb::Adopt {
            files,
            passphrase_file,
            out,
        } => adopt(&files, passphrase_file.as_deref(), &out),
        Verb::Inspect { files } => files.iter().try_for_each(|file| inspect(file)),
        Verb::Export { file, binary } => export(&file, binary),
    }
}

fn make_new(address: &str, name: &str, profile: ProfileName, out: &Path) -> Result<()> {
    let address = crate::model::address::Address::parse(address)
        .with_context(|| format!("--address {address:?}"))?;
    make_mail(address.as_str(), name, profile, out)?;
    make_storage(out)?;
    if profile.profile() != Profile::V4 {
        screen::print(
            "A key answer always carries a version 4 certificate too: list both under \
             keys.certificates.\n",
        )?;
    }
    screen::print(
        "Publish security.asc; give the two .secret.asc files to the opener alone, and \
         keep a copy offline.\n",
    )
}

/// Makes keys that exist already fit for the desk.
fn adopt(files: &[PathBuf], passphrase_file: Option<&Path>, out: &Path) -> Result<()> {
    let read = |file: &PathBuf| -> Result<Secret> {
        let octets = std::fs::read(file);
        Ok(Secret::new(octets.with_context(|| {
            format!("cannot read {}", file.display())
        })?))
    };
    let secrets = files.iter().map(read).collect::<Result<Vec<_>>>()?;
    if secrets.iter().any(smime::is_smime) {
        return smime::adopt(&secrets, passphrase_file, out);
    }
    match secrets.as_slice() {
        [one] => adopt_openpgp(one.expose(), passphrase_file, out),
        _ => bail!("adopt one OpenPGP key at a time"),
    }
}

fn adopt_openpgp(octets: &[u8], passphrase_file: Option<&Path>, out: &Path) -> Result<()> {
    let passphrase = passphrase_file
        .map(|p| config::secret("--passphrase-file", p))
        .transpose()?;
    let adopted = openpgp::adopt(octets, passphrase.as_ref().map(|p| p.expose()))?;
    write_pair(out, "security", &adopted.key)?;
    make_storage(out)?;
    tell_changes(&adopted.changes)?;
    screen::print(&format!(
        "Publish {} wherever the old certificate stands, and refresh key servers:\n",
        out.join("security.asc").display()
    ))?;
    screen::print(
        "until reporters fetch it, GnuPG 2.3 and later may still send packet type 20, \
         which few programs open besides this desk.\n",
    )
}

/// What the certificate asks of senders from now on.
fn tell_changes(changes: &PreferenceChanges) -> Result<()> {
    if !changes.dropped.is_empty() {
        screen::print(&format!(
            "It no longer asks for what the desk cannot open or should not get: {}.\n",
            changes.dropped.join(", ")
        ))?;
    }
    if changes.added_aes {
        screen::print("It asks for AES, which it did not before.\n")?;
    }
    Ok(())
}

fn export(file: &Path, binary: bool) -> Result<()> {
    for certificate in read_certificates(file)? {
        let minimal = certificate.minimal()?;
        let octets = if binary {
            minimal.binary()?
        } else {
            minimal.armored()?.into_bytes()
        };
        std::io::stdout().write_all(&octets)?;
    }
    Ok(())
}

/// Makes a key for the desk.
pub(super) fn make_mail(address: &str, name: &str, profile: ProfileName, out: &Path) -> Result<()> {
    write_pair(
        out,
        "security",
        &openpgp::generate(address, name, profile.profile())?,
    )
}

/// Makes a storage key, where none is.
pub(super) fn make_storage(out: &Path) -> Result<()> {
    if out.join("storage.secret.asc").exists() {
        Ok(())
    } else {
        write_pair(
            out,
            "storage",
            &openpgp::generate_storage("sealdesk storage")?,
        )
    }
}

impl ProfileName {
    fn profile(self) -> Profile {
        match self {
            Self::V4 => Profile::V4,
            Self::Rfc9580 => Profile::Rfc9580,
            Self::Pqc => Profile::Pqc,
        }
    }
}

pub(super) async fn publish(config: &Path, out: &Path) -> Result<()> {
    let settings = config::load(config)?;
    let opener = wiring::opener(&settings)?;
    let pages = wiring::pages(&settings, &opener, SystemClock.now()).await?;
    let files = pages
        .into_iter()
        .map(|page| (page.path.trim_start_matches('/').to_owned(), page.octets));
    let section = (
        "SECURITY.md".to_owned(),
        wiring::security_md(&settings)?.into_bytes(),
    );
    for (name, octets) in files.chain([section]) {
        let path = out.join(name);
        let folder = path.parent().unwrap_or(out);
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        std::fs::write(&path, octets)
            .with_context(|| format!("cannot write {}", path.display()))?;
        screen::print(&format!("{}\n", path.display()))?;
    }
    let domain = settings.address.domain();
    screen::print(&format!(
        "\nServe this folder at https://{domain}/ and, for the advanced method, at \
         https://openpgpkey.{domain}/;\npaste SECURITY.md into your repository's. Publish again \
         after each change of a key, and before security.txt ends.\n"
    ))
}

fn rotate(
    file: &Path,
    passphrase_file: Option<&Path>,
    profile: ProfileName,
    out: &Path,
) -> Result<()> {
    let octets = Secret::new(
        std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?,
    );
    let passphrase = passphrase_file
        .map(|p| config::secret("--passphrase-file", p))
        .transpose()?;
    let old = SecretKeys::load(
        octets.expose(),
        Purpose::Mail,
        passphrase.as_ref().map(|p| p.expose()),
    )
    .with_context(|| format!("in {}", file.display()))?;
    let certificates = old.public();
    let before = certificates.first().context("the file holds no key")?;
    let address = before
        .addresses()
        .into_iter()
        .next()
        .with_context(|| format!("no user ID in {} names an address", file.display()))?;
    let key = openpgp::successor(before, profile.profile())?;
    write_pair(out, "security", &key)?;
    if passphrase.is_some() {
        screen::print(
            "The new secret key has no passphrase: give it one, or have systemd seal it \
             (docs/src/custody.md).\n",
        )?;
    }
    let new = SecretKeys::load(key.secret_armored.expose(), Purpose::Mail, None)?;
    let today = SystemClock.now().strftime("%-d %B %Y");
    let text = format!(
        "{today}\n\nThe OpenPGP certificate of <{address}> is replaced.\n\n  old  {}\n  new  \
         {}\n\nPlease fetch the new one and encrypt to it. Letters to the old one are still \
         opened until it ends.\nThis statement is signed by both.\n",
        before.fingerprint(),
        key.fingerprint
    );
    let statement = out.join("transition.txt");
    std::fs::write(&statement, openpgp::sign_cleartext(&text, &[&old, &new])?)
        .with_context(|| format!("cannot write {}", statement.display()))?;
    screen::print(&format!(
        "{}\n\nNext: put {out}/security.asc in front of the old file in keys.certificates, and \
         add {out}/security.secret.asc in front of the\nold one in opener.secret_keys; keep both \
         while letters still come to the old one (sealdesk status counts them). Under systemd the \
         opener's unit needs a\nLoadCredential= for the new secret. Restart the opener, then the \
         desk, run `sealdesk check` and `sealdesk key publish`, and publish transition.txt beside \
         them.\n",
        statement.display(),
        out = out.display()
    ))
}

fn inspect(file: &Path) -> Result<()> {
    let octets = Secret::new(
        std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?,
    );
    if smime::is_smime(&octets) {
        return smime::inspect(file, octets.expose());
    }
    for certificate in read_certificates(file)? {
        let until = certificate.expires().map_or_else(
            || "never".to_owned(),
            |t| t.strftime("%Y-%m-%d").to_string(),
        );
        screen::print(&format!("{}\n", file.display()))?;
        screen::print(&format!("  fingerprint  {}\n", certificate.fingerprint()))?;
        screen::print(&format!("  version      {}\n", certificate.version()))?;
        screen::print(&format!(
            "  addresses    {}\n",
            certificate.addresses().join(", ")
        ))?;
        screen::print(&format!("  algorithms   {}\n", certificate.algorithms()))?;
        screen::print(&format!("  expires      {until}\n"))?;
        screen::print(&format!(
            "  encryption   {}\n",
            certificate
                .usable_for_encryption()
                .map_or_else(|e| e.to_string(), |()| "usable".to_owned())
        ))?;
        for unwanted in certificate.unwanted_preferences() {
            screen::print(&format!(
                "  warning      {unwanted}: run sealdesk key adopt\n"
            ))?;
        }
    }
    Ok(())
}
