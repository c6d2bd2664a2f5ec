//! The management door: the feed over TLS, asked by curl, by the enforcer's client and by the enforcer itself.

mod door;
pub mod failover;
mod reload;
mod trust;

use crate::fixture::Fixture;
use headgate::config::{AllowList, CertificateFiles, Config, Management};
use headgate::doors::http::{Door, Limits};
use headgate::doors::management;
use headgate::doors::tls::{Identity, SelfSigned, TlsListener, certificate_path};
use headgate::enforcement::{Server, Settings};
use headgate::model::SecretText;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Of the follower `nas1`.
const TOKEN: &str = "Long-Token.of~nas1+/=";

const DATA: &str = r#"
    [[subscriber]]
    login = "ivanov"
    contract = "1001"
    access = "static"
    ip = "10.9.0.2"
    balance = "150"
"#;

/// A server's middle with the door open on loopback.
struct Open {
    fixture: Fixture,
    directory: tempfile::TempDir,
    identity: Arc<Identity>,
    door: Arc<management::Management>,
    address: SocketAddr,
    _stop: watch::Sender<bool>,
}

fn settings() -> Management {
    let text =
        format!("[[management.feed-token]]\nname = \"nas1\"\ntoken = [\"{TOKEN}\", \"the-next-one\"]\n");
    Config::parse("test", &text).unwrap().management
}

impl Open {
    async fn start() -> Open {
        Open::with(CertificateFiles::SelfSigned, management::Management::limits()).await
    }

    async fn with(files: CertificateFiles, limits: Limits) -> Open {
        let fixture = Fixture::new();
        fixture.load(DATA).await;
        let directory = tempfile::tempdir().unwrap();
        let identity = Identity::open(&files, SelfSigned::new(directory.path(), "edge1", &[])).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let door = Arc::new(management::Management::new(
            Arc::clone(&fixture.operations),
            fixture.reports(),
            settings(),
        ));
        let (stop_sender, stop) = watch::channel(false);
        let served = Door::new(Arc::clone(&door), limits, stop);
        let listener = TlsListener::new(listener, Arc::clone(&identity));
        tokio::spawn(async move { served.serve(listener).await });
        Open { fixture, directory, identity, door, address, _stop: stop_sender }
    }

    fn certificate(&self) -> PathBuf {
        certificate_path(self.directory.path())
    }

    /// What curl gets for `words` and a path: status line, headers and body, or its error.
    fn curl(&self, words: &[&str], path: &str) -> Result<String, String> {
        let output = Command::new("curl")
            .args(["-s", "-S", "-i", "--http1.1", "--noproxy", "*", "--max-time", "20", "--cacert"])
            .arg(self.certificate())
            .args(words)
            .arg(format!("https://localhost:{}{path}", self.address.port()))
            .output()
            .unwrap();
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).unwrap())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// The same with the right token.
    fn ask(&self, words: &[&str], path: &str) -> String {
        let authorization = format!("Authorization: Bearer {TOKEN}");
        self.curl(&[&["-H", &authorization], words].concat(), path).unwrap()
    }

    /// The enforcer's idea of this server, or why there is none.
    fn server(&self, ca: PathBuf) -> Result<Server, String> {
        self.server_named("127.0.0.1", ca)
    }

    fn server_named(&self, host: &str, ca: PathBuf) -> Result<Server, String> {
        let settings = Settings {
            servers: vec![format!("https://{host}:{}", self.address.port())],
            token: Some(SecretText::new(TOKEN)),
            ca: Some(ca),
            ..Settings::default()
        };
        Server::all(&settings).map(|mut all| all.remove(0)).map_err(|error| error.to_string())
    }
}

/// Nobody is let in by address.
fn closed() -> Management {
    Management { allow: AllowList::parse("192.0.2.1").unwrap(), ..settings() }
}
