//! The listener over TLS: client certificates, and calls that come to the wrong kind of port.

use super::{DATA, Server, settings};
use crate::fixture::Fixture;
use crate::wire::{Answer, exchange};
use headgate::config::CertificateFiles;
use headgate::doors::http::Door;
use headgate::doors::payments::Payments;
use headgate::doors::tls::{Identity, SelfSigned, TlsListener, certificate_path};
use headgate::operations::EventQuery;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use sha2::{Digest, Sha256};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

const CHECK: &str = "?command=check&txn_id=1&account=1001";

fn authority(directory: &Path, name: &str) -> (PathBuf, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let path = directory.join(format!("{name}.pem"));
    fs::write(&path, parameters.self_signed(&key).unwrap().pem()).unwrap();
    (path, Issuer::new(parameters, key))
}

/// Writes certificate and key of a client in one file; gives its fingerprint.
fn issue(directory: &Path, name: &str, by: &Issuer<'_, KeyPair>) -> String {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    let made = parameters.signed_by(&key, by).unwrap();
    fs::write(directory.join(format!("{name}.pem")), made.pem() + &key.serialize_pem()).unwrap();
    Sha256::digest(made.der()).iter().map(|octet| format!("{octet:02X}")).collect::<Vec<_>>().join(":")
}

/// The door over TLS.
struct Open {
    fixture: Fixture,
    directory: tempfile::TempDir,
    identity: Arc<Identity>,
    address: SocketAddr,
    _stop: watch::Sender<bool>,
}

impl Open {
    async fn start(directory: tempfile::TempDir, client_ca: Option<&Path>, config: &str) -> Open {
        let fixture = Fixture::new();
        fixture.load(DATA).await;
        let self_signed = SelfSigned::new(directory.path(), "edge1", &[]);
        let identity =
            Identity::open_for_clients(&CertificateFiles::SelfSigned, client_ca, self_signed).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let door = Payments::new(Arc::clone(&fixture.operations), settings(config), None);
        let (stop, stopped) = watch::channel(false);
        let served = Door::new(door, Payments::limits(), stopped);
        let listener = TlsListener::new(listener, Arc::clone(&identity));
        tokio::spawn(async move { served.serve(listener).await });
        Open { fixture, directory, identity, address, _stop: stop }
    }

    /// What curl gets with a client's certificate, or its error.
    fn curl(&self, client: Option<&str>, path: &str) -> Result<String, String> {
        let mut curl = Command::new("curl");
        curl.args(["-s", "-S", "-i", "--http1.1", "--noproxy", "*", "--max-time", "20", "--cacert"]);
        curl.arg(certificate_path(self.directory.path()));
        if let Some(client) = client {
            curl.arg("--cert").arg(self.directory.path().join(format!("{client}.pem")));
        }
        let output =
            curl.arg(format!("https://localhost:{}{path}{CHECK}", self.address.port())).output().unwrap();
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout).unwrap()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    async fn last_event(&self) -> (String, String) {
        let event = self.fixture.operations.events(&EventQuery::default()).await.pop().unwrap();
        (event.result, event.text)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_is_looked_at_where_an_operator_has_one() {
    let directory = tempfile::tempdir().unwrap();
    let (ca, issuer) = authority(directory.path(), "operators");
    let (_, foreign) = authority(directory.path(), "foreign");
    issue(directory.path(), "bank", &issuer);
    let fingerprint = issue(directory.path(), "other", &issuer);
    issue(directory.path(), "stranger", &foreign);
    let config = format!(
        "[payments]\nclient-ca = \"/unused.pem\"\n\
         [[payments.operator]]\ncode = \"bank\"\ndialect = \"osmp\"\nallow = \"127.0.0.1\"\n\
         client-certificate = \"bank\"\npath = \"/bank\"\n\
         [[payments.operator]]\ncode = \"pinned\"\ndialect = \"osmp\"\nallow = \"127.0.0.1\"\n\
         client-certificate = \"sha256:{fingerprint}\"\npath = \"/pinned\"\n\
         [[payments.operator]]\ncode = \"open\"\ndialect = \"osmp\"\nallow = \"127.0.0.1\"\npath = \"/open\"\n"
    );
    let open = Open::start(directory, Some(&ca), &config).await;
    for (client, path, status) in [
        (Some("bank"), "/bank", "200"),
        (Some("other"), "/bank", "403"),
        (None, "/bank", "403"),
        (Some("other"), "/pinned", "200"),
        (Some("bank"), "/pinned", "403"),
        (None, "/open", "200"),
        (Some("bank"), "/open", "200"),
    ] {
        let answer = open.curl(client, path).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{client:?} {path}: {answer}");
        if status == "403" {
            assert!(answer.ends_with("a client certificate is needed\n"), "{answer}");
            assert_eq!(open.last_event().await.0, "no-certificate");
        }
    }
    // Not even a handshake for what nobody known has signed.
    assert!(open.curl(Some("stranger"), "/open").is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_is_exchanged_while_the_door_is_open() {
    let directory = tempfile::tempdir().unwrap();
    let (ca, issuer) = authority(directory.path(), "old");
    let (new_ca, new_issuer) = authority(directory.path(), "new");
    issue(directory.path(), "before", &issuer);
    issue(directory.path(), "after", &new_issuer);
    let config = "[[payments.operator]]\ncode = \"open\"\ndialect = \"osmp\"\nallow = \"127.0.0.1\"\n";
    let open = Open::start(directory, Some(&ca), config).await;
    assert!(open.curl(Some("before"), "/osmp").is_ok() && open.curl(Some("after"), "/osmp").is_err());
    let reload = |ca: &Path| open.identity.reload_for_clients(&CertificateFiles::SelfSigned, Some(ca));
    let wrong = reload(Path::new("/nowhere.pem")).unwrap_err().to_string();
    assert!(wrong.contains("/nowhere.pem"), "{wrong}");
    assert!(open.curl(Some("before"), "/osmp").is_ok(), "the old one stays");
    reload(&new_ca).unwrap();
    assert!(open.curl(Some("before"), "/osmp").is_err() && open.curl(Some("after"), "/osmp").is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn http_on_the_tls_port_is_told_so_and_remembered() {
    let open = Open::start(tempfile::tempdir().unwrap(), None, super::CONFIG).await;
    let request = format!("GET /osmp{CHECK} HTTP/1.1\r\nHost: x\r\n\r\n");
    let answer = Answer::parse(exchange(Ipv4Addr::LOCALHOST, open.address, request.as_bytes()).await);
    assert_eq!(answer.status, 400);
    assert_eq!(answer.body, "this port speaks TLS: ask it with https:// instead of http://\n");
    let (result, text) = open.last_event().await;
    assert_eq!(result, "http-on-tls-port");
    assert!(text.contains("has to call https://"), "{text}");
    assert!(open.curl(None, "/osmp").unwrap().starts_with("HTTP/1.1 200 "), "TLS goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_on_the_http_port_is_ended_at_once_and_remembered() {
    let server = Server::start().await;
    let output = Command::new("curl")
        .args(["-s", "-S", "-k", "--noproxy", "*", "--max-time", "20"])
        .arg(format!("https://127.0.0.1:{}/osmp", server.address.port()))
        .output()
        .unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr).to_lowercase();
    assert!(error.contains("alert") || error.contains("handshake"), "{error}");
    let event = server.events().await.pop().unwrap();
    assert_eq!((event.result.as_str(), event.answer.as_str()), ("tls-on-http-port", "a TLS alert"));
}
