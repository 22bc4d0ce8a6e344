//! How does a connection become private? TLS by rustls, with a CA file or a pinned certificate; a
//! word with plaintext goes to loopback only, which the config has proven.

pub mod login;
pub mod oauth;
pub mod rest;
pub mod serve;

use crate::ports::PortError;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Connecting, and the handshake.
pub const CONNECT_S: u64 = 30;

/// Whom a connection trusts.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// A PEM file: this CA and no other.
    pub ca_file: Option<std::path::PathBuf>,
    /// The SHA-256 of the server's certificate: this certificate and no other.
    pub pin: Option<[u8; 32]>,
}

/// A TLS configuration for this trust.
pub fn tls(trust: &Trust) -> Result<Arc<ClientConfig>, PortError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| PortError::lasting("TLS cannot be set up").because(e))?;
    if let Some(pin) = trust.pin {
        let verifier = Arc::new(Pinned { pin, provider });
        return Ok(Arc::new(
            builder
                .dangerous()
                .with_custom_certificate_verifier(verifier)
                .with_no_client_auth(),
        ));
    }
    let roots = match &trust.ca_file {
        Some(path) => roots_in(path)?,
        None => system_roots()?,
    };
    Ok(Arc::new(
        builder.with_root_certificates(roots).with_no_client_auth(),
    ))
}

fn roots_in(path: &Path) -> Result<RootCertStore, PortError> {
    let unreadable = |e: rustls::pki_types::pem::Error| {
        PortError::lasting(format!("cannot read the CA file {}", path.display())).because(e)
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        roots.add(certificate.map_err(unreadable)?).map_err(|e| {
            PortError::lasting(format!(
                "the CA file {} holds no usable certificate",
                path.display()
            ))
            .because(e)
        })?;
    }
    if roots.is_empty() {
        Err(PortError::lasting(format!(
            "the CA file {} holds no certificate",
            path.display()
        )))
    } else {
        Ok(roots)
    }
}

fn system_roots() -> Result<RootCertStore, PortError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(PortError::lasting(
            "this machine has no CA certificates: install the package \
            ca-certificates, or set ca_file",
        ));
    }
    Ok(roots)
}

/// Connects, with small packets sent at once.
pub async fn connect(host: &str, port: u16) -> Result<TcpStream, PortError> {
    let connected = tokio::time::timeout(
        Duration::from_secs(CONNECT_S),
        TcpStream::connect((host, port)),
    )
    .await;
    let stream = match connected {
        Ok(Ok(stream)) => stream,
        Ok(Err(err)) => {
            return Err(PortError::passing(format!("cannot reach {host}:{port}")).because(err));
        }
        Err(_) => {
            return Err(PortError::passing(format!(
                "cannot reach {host}:{port} within {CONNECT_S} s"
            )));
        }
    };
    stream
        .set_nodelay(true)
        .map_err(|e| PortError::passing(format!("{host}:{port}")).because(e))?;
    Ok(stream)
}

/// Makes a connection private.
pub async fn secure(
    stream: TcpStream,
    host: &str,
    config: Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, PortError> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| PortError::lasting(format!("{host:?} is not a host name")))?;
    let handshake = TlsConnector::from(config).connect(name, stream);
    match tokio::time::timeout(Duration::from_secs(CONNECT_S), handshake).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(err)) => Err(explained(host, err)),
        Err(_) => Err(PortError::passing(format!(
            "{host} did not finish the TLS handshake within {CONNECT_S} s"
        ))),
    }
}

/// TLS faults in the operator's words.
fn explained(host: &str, err: std::io::Error) -> PortError {
    let text = err.to_string();
    let mend = if text.contains("CaUsedAsEndEntity") {
        "its certificate is self-signed without basicConstraints=CA:FALSE: make a new one with \
         it, or pin this one with certificate_sha256"
    } else if text.contains("UnknownIssuer") {
        "its certificate is not by a CA that this machine trusts: set ca_file, or pin it with \
         certificate_sha256"
    } else if text.contains("NotValidForName") {
        "its certificate is for another name: set host to the name in it"
    } else if text.contains("Expired") {
        "its certificate has expired: renew it on the server"
    } else if text.contains("pinned") {
        "its certificate is not the pinned one: if it was renewed on purpose, update \
         certificate_sha256"
    } else if text.contains("invalid peer certificate") {
        "its certificate is not acceptable: mend it on the server, or pin it with \
         certificate_sha256"
    } else {
        return PortError::passing(format!("TLS with {host} failed")).because(err);
    };
    PortError::lasting(format!("TLS with {host} failed: {mend} ({text})"))
}

/// Accepts one certificate by its digest. The handshake's signatures are checked all the same, so
/// whoever answers must hold its key.
#[derive(Debug)]
struct Pinned {
    pin: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let digest: [u8; 32] = Sha256::digest(certificate).into();
        if digest == self.pin {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General(
                "not the pinned certificate".to_owned(),
            ))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
