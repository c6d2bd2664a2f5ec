//! Two real servers and a real enforcer, as processes in a namespace.

use crate::network::{Namespace, wait_until};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub const SOON: Duration = Duration::from_secs(15);
const TOKEN: &str = "The-Token-That-Nobody-May-See";
const WRONG_TOKEN: &str = "A-Wrong-Token-That-Nobody-May-See";

const DATA: &str = r#"
[[subscriber]]
login = "open"
contract = "1"
access = "static"
ip = "10.9.0.2"
balance = "10"
[[subscriber]]
login = "shut"
contract = "2"
access = "static"
ip = "10.9.0.66"
blocked = true
"#;

/// A headgate with a directory of its own.
pub struct Machine<'a> {
    namespace: &'a Namespace,
    directory: PathBuf,
    process: Option<Child>,
}

impl<'a> Machine<'a> {
    pub fn new(namespace: &'a Namespace, directory: &Path, name: &str, more: &str) -> Machine<'a> {
        let directory = directory.join(name);
        fs::create_dir_all(&directory).unwrap();
        let path = directory.display();
        let text = format!(
            "[server]\nname = \"{name}\"\nstate-dir = \"{path}\"\ncontrol-socket = \"{path}/control.sock\"\n\
             [store]\nurl = \"sqlite:{path}/headgate.db\"\n[radius]\nauth = []\nacct = []\n\
             [system-api]\nlisten = []\n[cabinet]\nlisten = []\n[cgrates]\ntcp = []\nhttp = []\n\
             [metrics]\nlisten = []\n[log]\nlevel = \"debug\"\nruntime-log = \"{path}/runtime.log\"\n{more}"
        );
        fs::write(directory.join("headgate.toml"), text).unwrap();
        Machine { namespace, directory, process: None }
    }

    pub fn server(namespace: &'a Namespace, directory: &Path, name: &str, port: u16) -> Machine<'a> {
        let more = format!(
            "[management]\nlisten = [\"127.0.0.1:{port}\"]\n\
             [[management.feed-token]]\nname = \"nas1\"\ntoken = \"{TOKEN}\"\n"
        );
        let mut server = Machine::new(namespace, directory, name, &more);
        let data = server.directory.join("data.toml");
        fs::write(&data, DATA).unwrap();
        server.run(&["load", data.to_str().unwrap()]);
        server.start("serve");
        wait_until("every door is open", SOON, || server.log().contains("headgate is ready"));
        server
    }

    pub fn program(&self, words: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace.name, env!("CARGO_BIN_EXE_headgate")]);
        command.args(words).arg("--config").arg(self.directory.join("headgate.toml")).env("NO_COLOR", "1");
        command
    }

    pub fn run(&self, words: &[&str]) -> String {
        let output = self.program(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn start(&mut self, command: &str) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.directory.join("log")).unwrap();
        let output = log.try_clone().unwrap();
        self.process = Some(self.program(&[command]).stderr(log).stdout(output).spawn().unwrap());
    }

    pub fn hang_up(&self) {
        let process = self.process.as_ref().unwrap();
        let done = Command::new("kill").args(["-HUP", &process.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    /// kill -9; the process that `ip netns exec` became.
    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    fn certificate(&self) -> Vec<u8> {
        fs::read(self.directory.join("tls-certificate.pem")).unwrap()
    }
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- {}\n{}", self.directory.display(), self.log());
        }
    }
}

/// An enforcer of both servers. Guards of ports differ between them, so this one guards none.
fn enforcer<'a>(
    namespace: &'a Namespace,
    directory: &Path,
    token: &str,
    servers: &[&Machine],
) -> Machine<'a> {
    let ca = directory.join("ca.pem");
    let certificates: Vec<u8> = servers.iter().flat_map(|server| server.certificate()).collect();
    fs::write(&ca, certificates).unwrap();
    let more = format!(
        "[management]\nlisten = []\n[enforcement]\n\
         servers = [\"https://127.0.0.1:8443\", \"https://localhost:9443\"]\n\
         token = \"{token}\"\nca = \"{}\"\nlan = [\"lan0\"]\nprotect-ports = false\n",
        ca.display()
    );
    Machine::new(namespace, directory, "nas", &more)
}

fn is(namespace: &Namespace, set: &str, address: &str) -> bool {
    namespace.set(set).is_some_and(|elements| elements == [address])
}

#[test]
fn an_enforcer_goes_on_with_the_next_server_and_with_none_also_over_its_own_restart() {
    let nas = Namespace::new("nas");
    let directory = tempfile::tempdir().unwrap();
    let mut first = Machine::server(&nas, directory.path(), "one", 8443);
    let mut second = Machine::server(&nas, directory.path(), "two", 9443);
    let mut enforcer = enforcer(&nas, directory.path(), TOKEN, &[&first, &second]);
    enforcer.start("enforce");
    wait_until("the first server's state", SOON, || {
        is(&nas, "up4", "10.9.0.2") && is(&nas, "blocked4", "10.9.0.66")
    });
    let followers: serde_json::Value = serde_json::from_str(&first.run(&["status", "--json"])).unwrap();
    assert_eq!(followers["followers"][0]["name"], "nas1", "{followers}");
    assert_eq!(followers["followers"][0]["address"], "127.0.0.1");
    assert!(first.run(&["status"]).contains("nas1"));

    // Whatever is done to the table from here on is heard.
    let changes = Changes::hear(&nas);
    first.kill();
    wait_until("the second server is followed", SOON, || {
        enforcer.log().contains("server=https://localhost:9443")
    });
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(changes.so_far(), "", "the same state from another server changes nothing in the kernel");
    second.run(&["block", "open", "--reason", "test"]);
    wait_until("what the second server says", SOON, || {
        nas.set("blocked4").is_some_and(|set| set == ["10.9.0.2", "10.9.0.66"])
    });
    drop(changes);

    second.kill();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(nas.set("blocked4").unwrap().len(), 2, "with no server everything stays");
    // The state is written once a second at most.
    let saved = enforcer.directory.join("enforce.state");
    wait_until("the state is saved", SOON, || {
        fs::read_to_string(&saved).is_ok_and(|state| state.contains("blocked 10.9.0.2/32"))
    });
    enforcer.kill();
    nas.must("nft flush ruleset");
    enforcer.start("enforce");
    wait_until("the saved state, with no server in reach", SOON, || {
        nas.set("blocked4").is_some_and(|set| set == ["10.9.0.2", "10.9.0.66"])
    });
    second.start("serve");
    wait_until("the server is back", SOON, || second.program(&["status"]).output().unwrap().status.success());
    second.run(&["unblock", "open"]);
    wait_until("and is followed again", SOON, || is(&nas, "up4", "10.9.0.2"));
    for machine in [&first, &second, &enforcer] {
        assert_no_secret(machine);
    }
}

#[test]
fn a_wrong_token_is_said_in_both_logs_and_shown_in_none() {
    let nas = Namespace::new("nas");
    let directory = tempfile::tempdir().unwrap();
    let server = Machine::server(&nas, directory.path(), "one", 8443);
    let mut enforcer = enforcer(&nas, directory.path(), WRONG_TOKEN, &[&server]);
    enforcer.start("enforce");
    wait_until("the enforcer says why", SOON, || {
        enforcer.log().contains("status 401: the token is not one of")
    });
    wait_until("the server says who", SOON, || server.log().contains("asked for with a wrong token"));
    assert!(server.log().contains("source=127.0.0.1"));
    assert_no_secret(&server);
    assert_no_secret(&enforcer);
    // Neither the certificate nor a private key is in the logs, and the key is the owner's.
    assert!(!server.log().contains("PRIVATE KEY"));
}

/// Logs of every level, of the door and of the enforcer, show no token.
fn assert_no_secret(machine: &Machine) {
    for file in ["log", "runtime.log", "enforce.state"] {
        let text = fs::read_to_string(machine.directory.join(file)).unwrap_or_default();
        for secret in [TOKEN, WRONG_TOKEN] {
            assert!(!text.contains(secret), "{file}: {text}");
        }
    }
}

/// What `nft monitor` hears, into a file.
struct Changes {
    monitor: Child,
    file: tempfile::NamedTempFile,
}

impl Changes {
    fn hear(namespace: &Namespace) -> Changes {
        let file = tempfile::NamedTempFile::new().unwrap();
        let output = file.reopen().unwrap();
        let words = ["netns", "exec", &namespace.name, "nft", "monitor"];
        let monitor = Command::new("ip").args(words).stdout(output).stderr(Stdio::null()).spawn().unwrap();
        let changes = Changes { monitor, file };
        // A change of its own tells when it listens.
        wait_until("nft monitor listens", SOON, || {
            namespace.must("nft add table ip heard; nft delete table ip heard");
            changes.heard().contains("heard")
        });
        changes
    }

    fn heard(&self) -> String {
        fs::read_to_string(self.file.path()).unwrap()
    }

    /// Lines about our table.
    fn so_far(&self) -> String {
        self.heard().lines().filter(|line| line.contains("headgate")).collect()
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        let _ = self.monitor.kill();
        let _ = self.monitor.wait();
    }
}
