//! Whom the enforcer trusts: authorities that the operator named, and certificates that the operator copied.

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// One authority or a few servers' certificates; a system's whole list of authorities is not meant, octets.
const PEM_OCTETS_MAX: u64 = 1024 * 1024;
const CERTIFICATES_MAX: usize = 256;

/// Trusts what the PEM file at `ca` says; the error is for the operator.
pub(super) fn trusting(ca: &Path) -> Result<Arc<ClientConfig>, String> {
    let mut pem = Vec::new();
    File::open(ca)
        .and_then(|file| file.take(PEM_OCTETS_MAX).read_to_end(&mut pem))
        .map_err(|error| error.to_string())?;
    let trusted: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).take(CERTIFICATES_MAX).collect();
    let trusted = trusted.map_err(|error| format!("is not PEM: {error}"))?;
    if trusted.is_empty() {
        return Err("holds no certificate (PEM)".to_owned());
    }
    let verifier = Trusted::new(trusted)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// A server's certificate is right when it is one of these, whatever it says of names and times, or when it leads to
/// one of them by the usual rules (RFC 5280) and names the server.
#[derive(Debug)]
struct Trusted {
    certificates: Vec<CertificateDer<'static>>,
    chains: Arc<WebPkiServerVerifier>,
}

impl Trusted {
    fn new(certificates: Vec<CertificateDer<'static>>) -> Result<Trusted, String> {
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots
                .add(certificate.clone())
                .map_err(|error| format!("a certificate is not understood: {error}"))?;
        }
        let provider = Arc::new(ring::default_provider());
        let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        Ok(Trusted { certificates, chains: chains.map_err(|error| error.to_string())? })
    }
}

impl ServerCertVerifier for Trusted {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.certificates.iter().any(|certificate| certificate == end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        self.chains.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    // That the server has the key of its certificate is checked for the copied ones too.

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}
