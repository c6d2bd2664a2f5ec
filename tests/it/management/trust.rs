//! Whom the enforcer's client trusts, and certificates exchanged while serving.

use super::Open;
use headgate::config::CertificateFiles;
use headgate::doors::management::Management;
use headgate::enforcement::{Connection, Server, Settings};
use headgate::model::SecretText;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);

/// The status of one GET of the feed, or why there was none.
fn status(server: &Server) -> Result<u16, String> {
    let stop = AtomicBool::new(false);
    let mut connection = Connection::open(server, &stop).map_err(|error| error.to_string())?;
    connection.get("/feed", PATIENCE).map(|answer| answer.status).map_err(|error| error.to_string())
}

/// Writes certificate and key for `names`, by the authority if there is one.
fn issue(directory: &Path, name: &str, names: &[&str], by: Option<&Issuer<'_, KeyPair>>) -> CertificateFiles {
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let parameters = CertificateParams::new(names).unwrap();
    let made = match by {
        Some(issuer) => parameters.signed_by(&key, issuer).unwrap(),
        None => parameters.self_signed(&key).unwrap(),
    };
    let at = |kind: &str| directory.join(format!("{name}.{kind}.pem"));
    fs::write(at("certificate"), made.pem()).unwrap();
    fs::write(at("key"), key.serialize_pem()).unwrap();
    CertificateFiles::Given { certificate: at("certificate"), key: at("key") }
}

fn authority(directory: &Path, name: &str) -> (PathBuf, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let path = directory.join(format!("{name}.pem"));
    fs::write(&path, parameters.self_signed(&key).unwrap().pem()).unwrap();
    (path, Issuer::new(parameters, key))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_self_signed_certificate_that_was_copied_is_trusted_whatever_name_it_has() {
    let directory = tempfile::tempdir().unwrap();
    let files = issue(directory.path(), "server", &["somewhere.else"], None);
    let open = Open::with(files, Management::limits()).await;
    let copied = directory.path().join("server.certificate.pem");
    assert_eq!(status(&open.server(copied.clone()).unwrap()), Ok(200));
    assert_eq!(status(&open.server_named("localhost", copied).unwrap()), Ok(200));

    issue(directory.path(), "other", &["127.0.0.1", "localhost"], None);
    let other = open.server(directory.path().join("other.certificate.pem")).unwrap();
    let why = status(&other).unwrap_err();
    assert!(why.contains("certificate"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authoritys_certificate_is_trusted_for_its_name_only() {
    let directory = tempfile::tempdir().unwrap();
    let (ca, issuer) = authority(directory.path(), "ca");
    let (foreign, _) = authority(directory.path(), "foreign");
    let open =
        Open::with(issue(directory.path(), "server", &["localhost"], Some(&issuer)), Management::limits())
            .await;
    assert_eq!(status(&open.server_named("localhost", ca.clone()).unwrap()), Ok(200));
    let why = status(&open.server_named("127.0.0.1", ca.clone()).unwrap()).unwrap_err();
    assert!(why.contains("name"), "{why}");
    let why = status(&open.server_named("localhost", foreign.clone()).unwrap()).unwrap_err();
    assert!(why.contains("UnknownIssuer"), "{why}");
    // Several may stand in one file, while one is being changed for another.
    let both = directory.path().join("both.pem");
    fs::write(&both, [fs::read(&foreign).unwrap(), fs::read(&ca).unwrap()].concat()).unwrap();
    assert_eq!(status(&open.server_named("localhost", both).unwrap()), Ok(200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_answered_and_an_impossible_setting_refused_by_name() {
    let open = Open::start().await;
    let settings = Settings {
        servers: vec![format!("https://{}", open.address)],
        token: Some(SecretText::new("wrong")),
        ca: Some(open.certificate()),
        ..Settings::default()
    };
    assert_eq!(status(&Server::all(&settings).unwrap()[0]), Ok(401));
    let empty = open.directory.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    for (settings, said) in [
        (Settings { ca: None, ..settings.clone() }, "needs `ca`"),
        (Settings { token: None, ..settings.clone() }, "needs `ca` and `token`"),
        (
            Settings { ca: Some("/nowhere/ca.pem".into()), ..settings.clone() },
            "/nowhere/ca.pem: No such file",
        ),
        (Settings { ca: Some(empty), ..settings.clone() }, "holds no certificate"),
        (Settings { servers: vec!["http://b".into()], ..settings.clone() }, "http://b"),
    ] {
        let why = Server::all(&settings).map(|_| ()).unwrap_err().to_string();
        assert!(why.contains(said), "{why}");
        assert!(!why.contains("wrong"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_exchanged_while_connections_go_on() {
    let open = Open::start().await;
    let old = open.server(open.certificate()).unwrap();
    let stop = AtomicBool::new(false);
    let mut connection = Connection::open(&old, &stop).unwrap();
    assert_eq!(connection.get("/feed", PATIENCE).unwrap().status, 200);
    let files = issue(open.directory.path(), "new", &["localhost"], None);
    open.identity.reload(&files).unwrap();
    assert_eq!(connection.get("/feed", PATIENCE).unwrap().status, 200, "the open connection");
    assert!(status(&old).unwrap_err().contains("certificate"), "new ones see the new certificate");
    let new = open.server(open.directory.path().join("new.certificate.pem")).unwrap();
    assert_eq!(status(&new), Ok(200));
    assert_eq!(connection.post("/feed", b"{}", PATIENCE).unwrap().status, 405, "a POST gets there too");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_to_stop_ends_its_wait_at_once() {
    let open = Open::start().await;
    let server = open.server(open.certificate()).unwrap();
    let stop = AtomicBool::new(false);
    let cursor = open.fixture.operations.directory.cursor();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let mut connection = Connection::open(&server, &stop).unwrap();
            connection.get(&format!("/feed?wait=25&since={cursor}"), PATIENCE * 4)
        });
        std::thread::sleep(Duration::from_millis(700));
        assert!(!waiting.is_finished());
        stop.store(true, Ordering::Relaxed);
        let start = Instant::now();
        assert!(waiting.join().unwrap().is_err());
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    });
}
