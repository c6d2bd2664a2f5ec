//! The certificate that clients are shown. It can be exchanged while connections go on.

use super::self_signed::SelfSigned;
use crate::config::CertificateFiles;
use parking_lot::RwLock;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// A chain of any length that somebody uses is far below this, octets.
const PEM_OCTETS_MAX: u64 = 256 * 1024;
/// Certificates of one chain.
const CHAIN_MAX: usize = 16;

/// Why there is no certificate to show. All of it is for the operator to mend.
#[derive(Debug)]
pub enum TlsError {
    /// A file cannot be read or written.
    File(PathBuf, io::Error),
    /// A file does not hold what it should.
    Content(PathBuf, String),
    /// Certificate and key do not fit each other, or no self-signed one can be made.
    Unusable(String),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsError::File(path, error) => write!(f, "{}: {error}", path.display()),
            TlsError::Content(path, what) => write!(f, "{}: {what}", path.display()),
            TlsError::Unusable(what) => write!(f, "TLS certificate: {what}"),
        }
    }
}

impl std::error::Error for TlsError {}

/// Certificate chain and key in use. A connection keeps those that it began with.
pub struct Identity {
    /// Makes the one that is kept in the state directory.
    self_signed: SelfSigned,
    current: RwLock<TlsAcceptor>,
}

impl Identity {
    /// Reads the files, or those of the self-signed certificate, which are made when they are not there.
    pub fn open(files: &CertificateFiles, self_signed: SelfSigned) -> Result<Arc<Identity>, TlsError> {
        Identity::open_for_clients(files, None, self_signed)
    }

    /// The same, and clients are asked for certificates that one of the authorities in this file (PEM) has signed. A
    /// client without one is let in, a client with a wrong one is not.
    pub fn open_for_clients(
        files: &CertificateFiles,
        client_ca: Option<&Path>,
        self_signed: SelfSigned,
    ) -> Result<Arc<Identity>, TlsError> {
        let current = RwLock::new(acceptor(files, client_ca, &self_signed)?);
        Ok(Arc::new(Identity { self_signed, current }))
    }

    /// Reads them again: connections from now on see what is there now. After an error the old one goes on.
    pub fn reload(&self, files: &CertificateFiles) -> Result<(), TlsError> {
        self.reload_for_clients(files, None)
    }

    /// The same for what [`Identity::open_for_clients`] has read.
    pub fn reload_for_clients(
        &self,
        files: &CertificateFiles,
        client_ca: Option<&Path>,
    ) -> Result<(), TlsError> {
        let new = acceptor(files, client_ca, &self.self_signed)?;
        *self.current.write() = new;
        Ok(())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.current.read().clone()
    }
}

fn acceptor(
    files: &CertificateFiles,
    client_ca: Option<&Path>,
    self_signed: &SelfSigned,
) -> Result<TlsAcceptor, TlsError> {
    let (certificate, key) = match files {
        CertificateFiles::Given { certificate, key } => (certificate.clone(), key.clone()),
        CertificateFiles::SelfSigned => self_signed.made()?,
    };
    let (chain, secret) = (chain(&certificate)?, private_key(&key)?);
    let provider = Arc::new(ring::default_provider());
    let clients = clients(client_ca, &provider)?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .and_then(|builder| builder.with_client_cert_verifier(clients).with_single_cert(chain, secret));
    let mut config = config.map_err(|error| {
        TlsError::Unusable(format!("{} with {}: {error}", certificate.display(), key.display()))
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Who looks at the certificates of clients.
fn clients(
    client_ca: Option<&Path>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let Some(path) = client_ca else { return Ok(WebPkiClientVerifier::no_client_auth()) };
    let mut roots = RootCertStore::empty();
    for authority in chain(path)? {
        roots.add(authority).map_err(|error| {
            TlsError::Content(
                path.to_owned(),
                format!("holds what is no certificate of an authority: {error}"),
            )
        })?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .allow_unauthenticated()
        .build()
        .map_err(|error| TlsError::Content(path.to_owned(), error.to_string()))
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let content = |what: String| TlsError::Content(path.to_owned(), what);
    let pem = read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).take(CHAIN_MAX + 1).collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err(content("holds no certificate (PEM)".into())),
        Ok(chain) if chain.len() > CHAIN_MAX => {
            Err(content(format!("holds more than {CHAIN_MAX} certificates")))
        }
        Ok(chain) => Ok(chain),
        Err(error) => Err(content(format!("is not PEM: {error}"))),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let pem = zeroize::Zeroizing::new(read(path)?);
    // The error says what kind of thing is wrong, never what stands there.
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        TlsError::Content(path.to_owned(), "holds no private key (PEM, without a password)".into())
    })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let mut content = Vec::new();
    File::open(path)
        .and_then(|file| file.take(PEM_OCTETS_MAX).read_to_end(&mut content))
        .map_err(|error| TlsError::File(path.to_owned(), error))?;
    Ok(content)
}
