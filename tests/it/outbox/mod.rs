//! Events to webhooks and commands: the server as a process, receivers of our own, and signatures checked by somebody
//! else's code.

mod delivery;
mod receiver;
mod trouble;

use crate::network::wait_until;
use receiver::Receiver;
use serde_json::Value;
use std::fs;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(15);

const DATA: &str = r#"
[[plan]]
name = "home-20"
fee = "300.00"
rate-in = 20000
rate-out = 20000
[[plan]]
name = "home-50"
fee = "500.00"
rate-in = 50000
rate-out = 50000
[[subscriber]]
login = "ivanov"
password = "secret-word"
contract = "1001"
name = "Иванов Иван"
plan = "home-20"
access = "static"
ip = "10.9.0.2"
balance = "150.00"
[[subscriber]]
login = "petrov"
password = "secret-word"
contract = "1002"
access = "static"
ip = "10.9.0.3"
balance = "100.00"
"#;

/// A server with its database, to be killed and started again.
struct Server {
    dir: tempfile::TempDir,
    process: Option<Child>,
}

impl Server {
    /// With this `[notify]`, loaded and started.
    fn start(notify: &str) -> Server {
        let mut server = Server::loaded(notify);
        server.serve();
        server
    }

    /// Loaded, not started.
    fn loaded(notify: &str) -> Server {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().display();
        let config = format!(
            "[server]\nstate-dir = \"{path}/state\"\ncontrol-socket = \"{path}/control.sock\"\n\
             [store]\nurl = \"sqlite:{path}/state/headgate.db\"\n[radius]\nauth = []\nacct = []\n\
             [system-api]\nlisten = []\n[cabinet]\nlisten = []\n[management]\nlisten = []\n\
             [cgrates]\ntcp = []\nhttp = []\n[metrics]\nlisten = []\n[billing]\n\
             require-synchronised-clock = false\n{notify}\n"
        );
        fs::write(dir.path().join("headgate.toml"), config).unwrap();
        fs::write(dir.path().join("data.toml"), DATA).unwrap();
        let server = Server { dir, process: None };
        let data = server.path("data.toml");
        server.headgate(&["load", &data]);
        server
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    fn program(&self, words: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_headgate"));
        program.args(words).arg("--config").arg(self.path("headgate.toml")).stdin(Stdio::null());
        program
    }

    fn run(&self, words: &[&str]) -> Output {
        self.program(words).output().unwrap()
    }

    /// Runs a command that must succeed; its standard output.
    fn headgate(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, words: &[&str]) -> Value {
        let words: Vec<&str> = words.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&self.headgate(&words)).unwrap()
    }

    fn serve(&mut self) {
        let log = fs::File::options().create(true).append(true).open(self.path("server.log")).unwrap();
        let serve = self.program(&["serve"]).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.process = Some(serve);
        wait_until("the server answers", SOON, || self.run(&["status"]).status.success());
    }

    /// SIGKILL.
    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("server.log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

/// A `[[notify.webhook]]` for a receiver.
fn webhook(name: &str, receiver: &Receiver, events: &str) -> String {
    let url = receiver.url();
    format!(
        "[[notify.webhook]]\nname = \"{name}\"\nurl = \"{url}\"\nsecrets = \"{SECRET}\"\nevents = [{events}]\n"
    )
}

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
