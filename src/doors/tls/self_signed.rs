//! The certificate of a server that was given none: made once, kept in the state directory, to be copied to followers.

use super::TlsError;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const CERTIFICATE_FILE: &str = "tls-certificate.pem";
const KEY_FILE: &str = "tls-key.pem";
const CERTIFICATE_MODE: u32 = 0o644;
const KEY_MODE: u32 = 0o600;
/// Names of the certificate at most; listening addresses beyond are left out.
const NAMES_MAX: usize = 64;

/// Where the certificate is kept and what it says when it is made.
#[derive(Clone, Debug)]
pub struct SelfSigned {
    directory: PathBuf,
    /// The first one is the subject.
    names: Vec<String>,
}

/// Where the self-signed certificate stands, for those who copy it.
pub fn certificate_path(state_dir: &Path) -> PathBuf {
    state_dir.join(CERTIFICATE_FILE)
}

impl SelfSigned {
    /// Names: the server's own, the host's, `localhost`, loopback and the addresses that are listened on.
    pub fn new(state_dir: &Path, server_name: &str, listen: &[SocketAddr]) -> SelfSigned {
        let mut names = vec![server_name.to_owned()];
        names.extend(host_name());
        names.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
        let addresses = listen.iter().map(|address| address.ip().to_canonical());
        names.extend(addresses.filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string()));
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names.truncate(NAMES_MAX);
        SelfSigned { directory: state_dir.to_owned(), names }
    }

    /// Paths of certificate and key, which are made unless both are there.
    pub(super) fn made(&self) -> Result<(PathBuf, PathBuf), TlsError> {
        let (certificate, key) = (certificate_path(&self.directory), self.directory.join(KEY_FILE));
        if !(certificate.exists() && key.exists()) {
            fs::create_dir_all(&self.directory)
                .map_err(|error| TlsError::File(self.directory.clone(), error))?;
            let unusable = |error: rcgen::Error| TlsError::Unusable(format!("cannot be made: {error}"));
            let pair = KeyPair::generate().map_err(unusable)?;
            let made =
                self.parameters().and_then(|parameters| parameters.self_signed(&pair)).map_err(unusable)?;
            // The certificate last: both or none are there, whenever the power fails.
            keep(&key, KEY_MODE, zeroize::Zeroizing::new(pair.serialize_pem()).as_bytes())?;
            keep(&certificate, CERTIFICATE_MODE, made.pem().as_bytes())?;
            tracing::info!(certificate = %certificate.display(), "a self-signed TLS certificate was made");
        }
        Ok((certificate, key))
    }

    fn parameters(&self) -> Result<CertificateParams, rcgen::Error> {
        let mut parameters = CertificateParams::new(self.names.clone())?;
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, self.names.first().map_or("headgate", String::as_str));
        parameters.distinguished_name = subject;
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // It is trusted by being copied, and taken back by being deleted. An end would only be an outage years later,
        // and a beginning today one for every NAS without a clock of its own (RFC 5280, section 4.1.2.5).
        parameters.not_before = date_time_ymd(2000, 1, 1);
        parameters.not_after = date_time_ymd(9999, 12, 31);
        Ok(parameters)
    }
}

/// The host's name, if it is one that may stand in a certificate.
fn host_name() -> Option<String> {
    // Not from /proc/sys, which a hardened unit does not see.
    let text = fs::read_to_string("/etc/hostname").ok()?;
    let name = text.trim();
    let fits = !name.is_empty()
        && name.len() <= 253
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    fits.then(|| name.to_owned())
}

/// Puts a whole file in its place, or none.
fn keep(path: &Path, mode: u32, content: &[u8]) -> Result<(), TlsError> {
    let new = path.with_extension("pem.new");
    let write = || -> io::Result<()> {
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
    };
    write().map_err(|error| TlsError::File(path.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CertificateFiles;
    use crate::doors::tls::Identity;
    use std::os::unix::fs::PermissionsExt;

    fn self_signed(directory: &Path) -> SelfSigned {
        let listen = ["0.0.0.0:8443", "192.0.2.1:8443", "[2001:db8::1]:8443"];
        SelfSigned::new(directory, "edge1", &listen.map(|address| address.parse().unwrap()))
    }

    #[test]
    fn the_certificate_is_made_once_with_a_key_that_only_its_owner_reads() {
        let directory = tempfile::tempdir().unwrap();
        let (certificate, key) = self_signed(directory.path()).made().unwrap();
        let first = fs::read(&certificate).unwrap();
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, KEY_MODE);
        assert!(self_signed(directory.path()).made().is_ok());
        assert_eq!(fs::read(&certificate).unwrap(), first, "kept");
        fs::remove_file(&key).unwrap();
        assert!(self_signed(directory.path()).made().is_ok());
        assert_ne!(fs::read(&certificate).unwrap(), first, "a certificate without its key is of no use");
    }

    #[test]
    fn the_certificate_names_the_server_localhost_and_what_is_listened_on() {
        let names = self_signed(Path::new("/nowhere")).names;
        for name in ["edge1", "localhost", "127.0.0.1", "::1", "192.0.2.1", "2001:db8::1"] {
            assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
        }
        assert!(!names.iter().any(|name| name == "0.0.0.0"));
        assert_eq!(names.first().map(String::as_str), Some("edge1"));
    }

    #[test]
    fn a_certificate_that_does_not_fit_its_key_is_refused_and_the_old_one_goes_on() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (certificate, key) = self_signed(one.path()).made().unwrap();
        let (foreign, _) = self_signed(other.path()).made().unwrap();
        let identity = Identity::open(&CertificateFiles::SelfSigned, self_signed(one.path())).unwrap();
        for (certificate, key, said) in [
            (&foreign, &key, "tls-certificate.pem with "),
            (&key, &key, "holds no certificate"),
            (&certificate, &certificate, "holds no private key"),
            (&PathBuf::from("/nowhere/x.pem"), &key, "/nowhere/x.pem: No such file"),
        ] {
            let files = CertificateFiles::Given { certificate: certificate.clone(), key: key.clone() };
            let error = identity.reload(&files).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
            assert!(!error.contains("PRIVATE KEY"), "{error}");
        }
        identity.reload(&CertificateFiles::Given { certificate, key }).unwrap();
    }
}
