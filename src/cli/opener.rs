//! `sealdesk opener`: the process that holds the keys. Started by systemd or by the desk, not by
//! people.

use crate::adapters::opener::{self, CallSource, Holdings};
use crate::cli::CONFIG_PATH;
use crate::config::{self, Settings};
use crate::model::address::Address;
use crate::model::limits::Limits;
use crate::model::page::PageAccess;
use crate::model::secret::Secret;
use crate::openpgp::{Purpose, SecretKeys};
use crate::smime::{self, SmimeKeys};
use crate::wiring::{identity, read_certificates};
use anyhow::{Context, Result, anyhow};
use clap::Args;
use std::path::{Path, PathBuf};

/// Holds the keys and opens letters, in a jail.
#[derive(Args)]
pub struct OpenerArgs {
    /// The config file
    #[arg(long, value_name = "FILE", default_value = CONFIG_PATH)]
    config: PathBuf,
    /// Mail keys without a config, for `sealdesk open`
    #[arg(long = "key", value_name = "FILE")]
    keys: Vec<PathBuf>,
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[arg(long)]
    allow_without_jail: bool,
    /// Reads no config although no key is given
    #[arg(long, hide = true)]
    no_config: bool,
}

/// Runs in a process that has no other thread; returns the exit code.
pub fn run(args: &OpenerArgs) -> Result<u8> {
    // Whoever began it by a link to itself would show the link's name.
    nix::sys::prctl::set_name(c"sealdesk")?;
    let doorway = doorway()?;
    let bare = args.no_config || !args.keys.is_empty();
    let settings = if bare {
        None
    } else {
        Some(config::load(&args.config)?)
    };
    let allow = args.allow_without_jail
        || settings
            .as_ref()
            .is_some_and(|s| s.opener.allow_without_jail);
    let limits = settings.as_ref().map_or(Limits::MAX, |s| s.limits);
    let load = || match &settings {
        Some(settings) => holdings(settings),
        None => bare_holdings(args),
    };
    let code = opener::serve(
        doorway,
        || load().map_err(|e| format!("{e:#}")),
        &limits,
        allow,
    )?;
    Ok(u8::try_from(code).unwrap_or(1))
}

/// systemd's socket where there is one (sd_listen_fds), else what the desk passed as standard
/// input.
fn doorway() -> Result<CallSource> {
    let first = sd_notify::listen_fds()
        .context("reading LISTEN_FDS")?
        .next();
    Ok(match first {
        Some(number) => CallSource::Listener(opener::take_stdin(number)),
        None => CallSource::Passed(opener::take_stdin(0)),
    })
}

fn bare_holdings(args: &OpenerArgs) -> Result<Holdings> {
    let passphrase = args
        .passphrase_file
        .as_ref()
        .map(|p| config::secret("--passphrase-file", p))
        .transpose()?;
    let passphrase = passphrase.as_ref().map(|p| p.expose());
    let (smime, openpgp): (Vec<PathBuf>, Vec<PathBuf>) =
        args.keys.iter().cloned().partition(|path| is_pem(path));
    let mail = load_keys(&openpgp, Purpose::Mail, passphrase)?;
    let smime = load_smime_keys(&smime, passphrase)?;
    Ok(Holdings {
        mail,
        smime,
        storage: None,
        identity: None,
        responders: Vec::new(),
        page_users: Vec::new(),
        distributors: Vec::new(),
        lists: Vec::new(),
    })
}

fn load_keys(paths: &[PathBuf], purpose: Purpose, passphrase: Option<&[u8]>) -> Result<SecretKeys> {
    let mut all = SecretKeys::none(purpose);
    for path in paths {
        let octets = std::fs::read(path)
            .with_context(|| format!("cannot read the key file {}", path.display()))?;
        let keys = SecretKeys::load(&octets, purpose, passphrase)
            .with_context(|| format!("in the key file {}", path.display()))?;
        all = all.and(keys);
    }
    Ok(all)
}

/// Whether a file holds a private key of S/MIME: what can't be read is told by whoever loads it.
fn is_pem(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|octets| smime::is_private(&Secret::new(octets)))
}

fn load_smime_keys(paths: &[PathBuf], passphrase: Option<&[u8]>) -> Result<SmimeKeys> {
    let mut all = SmimeKeys::default();
    for path in paths {
        let octets = std::fs::read(path)
            .with_context(|| format!("cannot read the key file {}", path.display()))?;
        let keys = SmimeKeys::load(Secret::new(octets).expose(), passphrase)
            .with_context(|| format!("in the key file {}", path.display()))?;
        all = all.and(keys);
    }
    Ok(all)
}

fn holdings(settings: &Settings) -> Result<Holdings> {
    let OwnKeys {
        mail,
        smime,
        storage,
    } = own_keys(settings)?;
    let responders = responder_certificates(settings)?;
    let distributors = distributor_certificates(settings)?;
    Ok(Holdings {
        mail,
        smime,
        storage: Some(storage),
        identity: Some(identity(settings)?),
        responders,
        page_users: page_users(settings)?,
        distributors,
        lists: settings.announcement_lists.clone(),
    })
}

/// Every key that the config names.
struct OwnKeys {
    mail: SecretKeys,
    smime: SmimeKeys,
    storage: SecretKeys,
}

fn own_keys(settings: &Settings) -> Result<OwnKeys> {
    let section = &settings.opener;
    let passphrase = section
        .passphrase_file
        .as_ref()
        .map(|p| config::secret("opener.passphrase_file", p))
        .transpose()?;
    let passphrase = passphrase.as_ref().map(|p| p.expose());
    let checked = |key: &'static str, path: &PathBuf| -> Result<PathBuf> {
        config::secret(key, path)?;
        Ok(config::expanded(key, path)?)
    };
    let paths = section
        .secret_keys
        .iter()
        .map(|p| checked("opener.secret_keys", p))
        .collect::<Result<Vec<_>>>()?;
    if paths.is_empty() {
        return Err(anyhow!(
            "opener.secret_keys names no file: make a key with `sealdesk key new`"
        ));
    }
    let mail = load_keys(&paths, Purpose::Mail, passphrase)?;
    let smime = section
        .smime_keys
        .iter()
        .map(|p| checked("opener.smime_keys", p))
        .collect::<Result<Vec<_>>>()?;
    let smime = load_smime_keys(&smime, passphrase)?;
    let storage = section
        .storage_key
        .as_ref()
        .ok_or_else(|| anyhow!("opener.storage_key is not set: `sealdesk key new` makes one"))?;
    let storage = load_keys(
        &[checked("opener.storage_key", storage)?],
        Purpose::Storage,
        passphrase,
    )?;
    Ok(OwnKeys {
        mail,
        smime,
        storage,
    })
}

/// The responders who may sign in to the page.
fn page_users(settings: &Settings) -> Result<Vec<Address>> {
    let may_sign_in = |responder: &&config::ResponderSection| responder.page != PageAccess::None;
    let users = settings.responders.iter().filter(may_sign_in);
    users
        .map(|responder| {
            Address::parse(&responder.address).map_err(|e| anyhow!("responder.address: {e}"))
        })
        .collect()
}

/// Each responder's address, and a certificate of theirs, armored.
fn responder_certificates(settings: &Settings) -> Result<Vec<(Address, String)>> {
    let mut responders = Vec::new();
    for responder in &settings.responders {
        let address =
            Address::parse(&responder.address).map_err(|e| anyhow!("responder.address: {e}"))?;
        let path = config::expanded("responder.certificate", &responder.certificate)?;
        // One that cannot be read or that ended is refused at each call, which is heard; it must
        // not keep letters shut.
        responders.extend(readable(address, &path));
    }
    Ok(responders)
}

/// Each distributor's address, and a certificate of theirs, armored.
fn distributor_certificates(settings: &Settings) -> Result<Vec<(Address, String)>> {
    let mut distributors = Vec::new();
    for distributor in settings
        .distributors
        .iter()
        .filter(|d| d.removed_on.is_none())
    {
        let address = Address::parse(&distributor.address)
            .map_err(|e| anyhow!("distributor.address: {e}"))?;
        // One that cannot be read is refused at each notice, which is heard; it must not keep
        // letters shut.
        let path = config::expanded("distributor.certificate", &distributor.certificate)?;
        distributors.extend(readable(address, &path));
    }
    Ok(distributors)
}

/// The certificates in a file for this address, armored; none where it can't be read, which is
/// logged.
fn readable(address: Address, path: &Path) -> Vec<(Address, String)> {
    let armored = armored_certificates(path).unwrap_or_else(|err| {
        tracing::warn!(
            error = %format!("{err:#}"),
            "the certificate of a recipient cannot be read"
        );
        Vec::new()
    });
    let theirs = armored.into_iter();
    theirs.map(|armored| (address.clone(), armored)).collect()
}

fn armored_certificates(path: &Path) -> Result<Vec<String>> {
    read_certificates(path)?
        .iter()
        .map(|certificate| Ok(certificate.armored()?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_cannot_be_read_keeps_no_letter_shut() {
        let folder = tempfile::tempdir().unwrap();
        let broken = folder.path().join("broken.asc");
        std::fs::write(&broken, "no certificate").unwrap();
        let address = Address::parse("rita@team.example").unwrap();
        for path in [broken, folder.path().join("absent.asc")] {
            assert!(readable(address.clone(), &path).is_empty(), "{path:?}");
        }
    }
}
