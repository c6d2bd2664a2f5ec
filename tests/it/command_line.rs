//! The program as a process: exit codes, signals, pipes.

use crate::network::{Namespace, wait_until};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

/// A configuration with every network door closed.
struct Installed {
    dir: tempfile::TempDir,
}

impl Installed {
    fn new(more: &str) -> Installed {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().display();
        let text = format!(
            "[server]\nstate-dir = \"{path}/state\"\ncontrol-socket = \"{path}/control.sock\"\n\
             [store]\nurl = \"sqlite:{path}/state/headgate.db\"\n[radius]\nauth = []\nacct = []\n\
             [system-api]\nlisten = []\n[cabinet]\nlisten = []\n[cgrates]\ntcp = []\nhttp = []\n[metrics]\nlisten = []\n\
             [enforcement]\nservers = [\"unix:{path}/control.sock\"]\n{more}\n"
        );
        fs::write(dir.path().join("headgate.toml"), text).unwrap();
        Installed { dir }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn program(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headgate"));
        command.args(words).arg("--config").arg(self.path("headgate.toml")).stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.program(words).output().unwrap()
    }

    fn serve(&self) -> Running {
        let log = fs::File::create(self.path("server.log")).unwrap();
        let server = Running(self.program(&["serve"]).stderr(log).spawn().unwrap());
        wait_until("the server answers", SOON, || self.run(&["status"]).status.success());
        server
    }

    /// How often the right to write was taken.
    fn lease_epoch(&self) -> i64 {
        let store = rusqlite::Connection::open(self.path("state/headgate.db")).unwrap();
        store.query_row("SELECT epoch FROM writer_lease", [], |row| row.get(0)).unwrap()
    }
}

/// Killed when dropped.
struct Running(Child);

impl Running {
    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn holds(path: &Path, text: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|whole| whole.contains(text))
}

#[test]
fn an_enforcer_survives_a_hangup_and_says_that_nothing_is_read_again() {
    let nas = Namespace::new("nas");
    let installed = Installed::new("lan = []");
    let log = installed.path("enforcer.log");
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &nas.name, env!("CARGO_BIN_EXE_headgate"), "enforce", "--config"]);
    command.arg(installed.path("headgate.toml")).stderr(fs::File::create(&log).unwrap());
    let mut enforcer = Running(command.spawn().unwrap());
    wait_until("it has started", SOON, || holds(&log, "no saved state"));
    for _ in 0..2 {
        enforcer.signal("-HUP");
    }
    wait_until("it says so", SOON, || holds(&log, "restart to take a changed configuration"));
    assert_eq!(enforcer.0.try_wait().unwrap(), None);
    enforcer.signal("-TERM");
    assert!(enforcer.0.wait().unwrap().success());
}

#[test]
fn a_command_whose_reader_has_gone_ends_quietly() {
    let installed = Installed::new("");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = installed.program(&["check"]).stdout(writer).output().unwrap();
    assert_eq!((output.status.signal(), said(&output).as_str()), (Some(libc::SIGPIPE), ""));
}

#[test]
fn a_captive_address_that_nobody_reaches_is_refused_with_its_place_by_check_and_enforce() {
    for address in ["127.0.0.1:8080", "0.0.0.0:8080", "[::1]:8080", "[::ffff:127.0.0.1]:8080"] {
        let installed = Installed::new(&format!("captive = \"{address}\""));
        let place = format!("{}:20: enforcement.captive: ", installed.path("headgate.toml").display());
        for command in ["check", "enforce"] {
            let output = installed.run(&[command]);
            assert_eq!(output.status.code(), Some(78), "{command}: {output:?}");
            assert!(said(&output).starts_with(&place), "{command}: {output:?}");
        }
    }
}

#[test]
fn a_second_server_leaves_the_first_ones_lease_alone() {
    let installed = Installed::new("");
    let mut server = installed.serve();
    let epoch = installed.lease_epoch();
    let second = installed.run(&["serve"]);
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    assert!(said(&second).contains("another server answers there"), "{second:?}");
    // Without the socket the spool's lock tells.
    fs::remove_file(installed.path("control.sock")).unwrap();
    let third = installed.run(&["serve"]);
    assert_eq!(third.status.code(), Some(1), "{third:?}");
    assert!(said(&third).contains("another process uses this spool"), "{third:?}");
    assert_eq!(installed.lease_epoch(), epoch);
    assert_eq!(server.0.try_wait().unwrap(), None);
}

#[test]
fn rating_data_is_loaded_with_and_without_a_server_and_twice_changes_nothing() {
    let installed = Installed::new("");
    let dir = installed.path("rating");
    fs::create_dir(&dir).unwrap();
    let load = |more: &[&str]| {
        let mut words = vec!["load", "--format", "cgrates", dir.to_str().unwrap()];
        words.extend(more);
        installed.run(&words)
    };
    assert!(said(&load(&[])).contains("expected a directory with ap.json"));
    for (name, text) in ["ap.json", "dest.json", "tp.json", "ub.json"].iter().zip(crate::cgrates::FILES) {
        fs::write(dir.join(name), text).unwrap();
    }
    let told = |output: &Output| String::from_utf8(output.stdout.clone()).unwrap();
    assert!(told(&load(&["--dry-run"])).contains(": 8 added, 0 changed, 0 unchanged (dry run"));
    assert!(told(&load(&[])).contains(": 8 added, 0 changed, 0 unchanged"));
    let _server = installed.serve();
    assert!(told(&load(&[])).contains(": 0 added, 0 changed, 8 unchanged"));
    fs::write(dir.join("ap.json"), "[{\"CstmId\":\"vdf\"}]").unwrap();
    let refused = load(&[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("nothing was loaded: ap.json: element 1: Subject"), "{refused:?}");
}
