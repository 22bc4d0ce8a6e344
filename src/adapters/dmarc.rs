//! Was a letter sent by whom its From names? Checked by DNS, where no Authentication-Results of our
//! own server says it.
//!
//! DKIM (RFC 6376) alone proves: what a Received field says of the client is our server's word only
//! where that server writes it, so SPF (RFC 7208) can keep a letter from failing, and makes none
//! pass.

use crate::mime;
use crate::model::letter::{BodyDigests, Dmarc};
use crate::ports::{Authenticator, PortError};
use async_trait::async_trait;
use futures::FutureExt;
use mail_auth::common::crypto::HashAlgorithm;
use mail_auth::dkim::Canonicalization;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use mail_auth::hickory_resolver::system_conf::read_system_conf;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{AuthenticatedMessage, DmarcOutput, DmarcResult, MessageAuthenticator, SpfOutput};
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// A letter whose domain's servers are silent is not waited for any longer.
const LETTER_S: u64 = 5;
const LOOKUP_MS: u64 = 1_500;
const LOOKUPS: usize = 2;

/// Answers of DNS kept, each for its own time.
const ANSWERS_KEPT: u64 = 4_096;

/// Signatures of one letter that are looked at: each costs a question to somebody's DNS.
const SIGNATURES_MAX: usize = 5;

/// Fields that one signature may name.
const SIGNED_FIELDS_MAX: usize = 100;

/// Checks DMARC, DKIM and SPF by a resolver, and remembers its answers.
pub struct DnsAuthenticator {
    dns: MessageAuthenticator,
    /// Our own name, for SPF's macros.
    host: String,
}

impl DnsAuthenticator {
    /// Asks the resolvers of this machine, or this one alone.
    pub fn new(resolver: Option<SocketAddr>, host: &str) -> Result<Self, PortError> {
        let (config, mut options) = match resolver {
            None => read_system_conf().map_err(|e| {
                PortError::lasting("desk.resolver: the system's resolvers cannot be read")
                    .because(e)
            })?,
            Some(at) => {
                let mut server = NameServerConfig::udp_and_tcp(at.ip());
                server
                    .connections
                    .iter_mut()
                    .for_each(|c| c.port = at.port());
                (
                    ResolverConfig::from_parts(None, Vec::new(), vec![server]),
                    ResolverOpts::default(),
                )
            }
        };
        options.timeout = Duration::from_millis(LOOKUP_MS);
        options.attempts = LOOKUPS;
        options.cache_size = ANSWERS_KEPT;
        Ok(Self {
            dns: MessageAuthenticator::new(config, options)
                .map_err(|e| PortError::lasting("desk.resolver").because(e))?,
            host: host.to_owned(),
        })
    }

    async fn judge(&self, head: &[u8], bodies: Option<&BodyDigests>) -> Result<Dmarc, PortError> {
        let path = mime::path(head);
        let Some(mut message) = AuthenticatedMessage::parse(path.fields) else {
            return Ok(Dmarc::Unknown);
        };
        let Some(from) = agreed_from_domain(&message, &path) else {
            return Ok(Dmarc::Unknown);
        };
        fill_body_digests(&mut message, bodies);
        keep_aligned_signatures(&mut message, &from);
        let dkim = self.dns.verify_dkim(&message).await;
        let sender = domain_of(&path.return_path);
        let spf = self.verify_spf(&path, &from, sender).await;
        let found = self
            .dns
            .verify_dmarc(DmarcParameters::new(&message, &dkim, sender, &spf))
            .await;
        conclude(&found, path.client.is_some())
    }

    /// Asks SPF about the client that the letter came from, where its sender's domain is akin to
    /// From's.
    async fn verify_spf(&self, path: &mime::Path<'_>, from: &str, sender: &str) -> SpfOutput {
        match &path.client {
            Some((client, hello)) if akin(from, sender) => {
                self.dns
                    .verify_spf(SpfParameters::verify_mail_from(
                        *client,
                        hello,
                        &self.host,
                        &path.return_path,
                    ))
                    .await
            }
            _ => SpfOutput::new(String::new()),
        }
    }
}

fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// The domain of the one originator. Two parsers that read two originators prove neither.
fn agreed_from_domain(message: &AuthenticatedMessage<'_>, path: &mime::Path<'_>) -> Option<String> {
    let [from] = message.from.as_slice() else {
        return None;
    };
    path.from
        .as_ref()
        .is_some_and(|ours| ours.as_str().eq_ignore_ascii_case(from))
        .then(|| domain_of(from).to_owned())
}

/// Gives the message the digests of its body, which was read elsewhere.
fn fill_body_digests(message: &mut AuthenticatedMessage<'_>, bodies: Option<&BodyDigests>) {
    for (form, algorithm, _, digest) in &mut message.body_hashes {
        *digest = match (form, algorithm, bodies) {
            (Canonicalization::Simple, HashAlgorithm::Sha256, Some(bodies)) => {
                bodies.simple.clone()
            }
            (Canonicalization::Relaxed, HashAlgorithm::Sha256, Some(bodies)) => {
                bodies.relaxed.clone()
            }
            _ => Vec::new(),
        };
    }
}

/// Drops the signatures that cannot prove From's domain, and all beyond a bounded number.
fn keep_aligned_signatures(message: &mut AuthenticatedMessage<'_>, from: &str) {
    // RFC 6376 section 5.4: a signature that leaves From out signs nobody's letter.
    message.dkim_headers.retain(|s| {
        s.header.h.len() <= SIGNED_FIELDS_MAX
            && s.header
                .h
                .iter()
                .any(|field| field.eq_ignore_ascii_case("from"))
    });
    // One of another organisation proves nothing here, and asking for its key would leave the
    // answer to whoever owns that domain.
    message.dkim_headers.retain(|s| akin(from, &s.header.d));
    message.dkim_headers.truncate(SIGNATURES_MAX);
}

/// What DNS's answers say of the letter.
fn conclude(found: &DmarcOutput, has_client: bool) -> Result<Dmarc, PortError> {
    if found.dkim_result() == &DmarcResult::Pass {
        return Ok(Dmarc::Pass);
    }
    let is_silent = |result: &DmarcResult| matches!(result, DmarcResult::TempError(_));
    if is_silent(found.dkim_result()) || is_silent(found.spf_result()) {
        return Err(PortError::passing(
            "DNS gives no answer on the domain of a letter",
        ));
    }
    let is_published = found.dmarc_record().is_some();
    let passes_spf = found.spf_result() == &DmarcResult::Pass;
    Ok(if is_published && has_client && !passes_spf {
        Dmarc::Fail
    } else {
        Dmarc::Unknown
    })
}

/// Whether two domains are of one organisation: only then can they be aligned (RFC 9989 section
/// 4.10.2).
fn akin(first: &str, second: &str) -> bool {
    let organisation = |domain: &str| psl::domain_str(domain).unwrap_or(domain).to_owned();
    organisation(&first.to_ascii_lowercase()) == organisation(&second.to_ascii_lowercase())
}

#[async_trait]
impl Authenticator for DnsAuthenticator {
    async fn dmarc(&self, head: &[u8], bodies: Option<&BodyDigests>) -> Result<Dmarc, PortError> {
        let judged = AssertUnwindSafe(self.judge(head, bodies)).catch_unwind();
        match tokio::time::timeout(Duration::from_secs(LETTER_S), judged).await {
            Ok(Ok(verdict)) => verdict,
            // What its parser cannot bear is nobody's proof.
            Ok(Err(_)) => Ok(Dmarc::Unknown),
            Err(_) => Err(PortError::passing(format!(
                "DNS gave no answer on the domain of a letter within {LETTER_S} s"
            ))),
        }
    }

    async fn probe(&self, domain: &str) -> Result<String, PortError> {
        use mail_auth::{DnsError, Error};
        match self.dns.txt_raw_lookup(format!("_dmarc.{domain}.")).await {
            Ok(_) => Ok(format!(
                "checked here, by DNS; {domain} publishes a policy of its own"
            )),
            Err(Error::Dns(DnsError::RecordNotFound(_))) => Ok(format!(
                "checked here, by DNS; {domain} itself publishes no DMARC policy"
            )),
            Err(err) => Err(PortError::passing(format!(
                "DNS does not answer: {err}; set desk.authserv_id or desk.resolver"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_faculties_of_one_university_are_akin_and_two_tenants_of_a_registry_are_not() {
        assert!(
            akin("cs.univ.example", "mail.UNIV.example") && akin("univ.example", "univ.example")
        );
        assert!(!akin("a.co.uk", "b.co.uk") && !akin("univ.example", "other.example"));
    }
}
