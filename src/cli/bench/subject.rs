//! The server under test: a directory of its own with a configuration, users and an embedded database, and the
//! process that serves from it on loopback. Stopped and removed when the value is dropped.

use super::BenchError;
use super::args::{Mode, RadiusArgs};
use super::process::{descriptors, resident_kib};
use super::radius::radius;
use super::request::user_address;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

pub const SECRET: &str = "testing123";
/// From start to the first right answer.
const READY_WAIT: Duration = Duration::from_secs(60);
const STOP_WAIT: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Lines of the server's log shown when it fails.
const LOG_LINES_SHOWN: usize = 20;

/// A child process that does not outlive its owner.
pub struct Process {
    child: Child,
    name: &'static str,
}

impl Process {
    pub fn spawn(name: &'static str, command: &mut Command) -> Result<Process, BenchError> {
        let child = command
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| BenchError::Failed(format!("cannot start {name}: {error}")))?;
        Ok(Process { child, name })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// None while it runs.
    pub fn ended(&mut self) -> Option<String> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(format!("{} ended with {status}", self.name)),
            Err(error) => Some(format!("{} is gone: {error}", self.name)),
        }
    }
}

impl Drop for Process {
    /// Asks it to end, then makes it.
    fn drop(&mut self) {
        if let Ok(pid) = libc::pid_t::try_from(self.child.id())
            && self.ended().is_none()
        {
            // SAFETY: no pointers; the child has not been waited for, so the number is still its own.
            unsafe { libc::kill(pid, libc::SIGTERM) };
        }
        let end = Instant::now() + STOP_WAIT;
        while self.ended().is_none() && Instant::now() < end {
            thread::sleep(LOOK_EVERY);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Removed with everything in it, unless it is to be kept.
pub(super) struct Directory {
    pub path: PathBuf,
    keep: bool,
}

impl Directory {
    pub fn make(keep: bool) -> Result<Directory, BenchError> {
        let mut random = [0u8; 8];
        getrandom::fill(&mut random).map_err(|error| BenchError::Failed(error.to_string()))?;
        let name = format!("headgate-bench-{:016x}", u64::from_le_bytes(random));
        let path = std::env::temp_dir().join(name);
        fs::DirBuilder::new().mode(0o700).create(&path).map_err(BenchError::system)?;
        Ok(Directory { path, keep })
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if self.keep {
            eprintln!("kept: {}", self.path.display());
        } else if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("cannot remove {}: {error}", self.path.display());
        }
    }
}

/// Fields are dropped in order: the process before its directory.
pub struct Subject {
    process: Process,
    directory: Directory,
    pub auth: SocketAddr,
    pub acct: SocketAddr,
}

impl Subject {
    /// Loads `users` users with `program load`, starts `program serve` and waits until it answers a login and an
    /// accounting record.
    pub fn start(program: &Path, users: usize, keep: bool) -> Result<Subject, BenchError> {
        let directory = Directory::make(keep)?;
        let (auth, acct) = (free_address()?, free_address()?);
        let config = directory.path.join("headgate.toml");
        let data = directory.path.join("data.toml");
        write(&config, &configuration(&directory.path, auth, acct))?;
        write(&data, &data_file(users))?;
        let loaded = Command::new(program)
            .arg("load")
            .arg(&data)
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| BenchError::Failed(format!("cannot start {}: {error}", program.display())))?;
        if !loaded.status.success() {
            let text = String::from_utf8_lossy(&loaded.stderr).into_owned();
            return Err(BenchError::Failed(format!("load ended with {}: {}", loaded.status, tail(&text))));
        }
        let log = File::create(directory.path.join("serve.log")).map_err(BenchError::system)?;
        let copy = log.try_clone().map_err(BenchError::system)?;
        let mut command = Command::new(program);
        command.arg("serve").arg("--config").arg(&config).stdout(copy).stderr(log);
        let process = Process::spawn("the server", &mut command)?;
        let mut subject = Subject { process, directory, auth, acct };
        subject.wait_ready(users)?;
        Ok(subject)
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Resident KiB and open descriptors.
    ///
    /// # Errors
    /// When the server has ended, with the end of its log.
    pub fn footprint(&mut self) -> Result<(u64, usize), BenchError> {
        self.still_running()?;
        Ok((resident_kib(self.pid()).unwrap_or(0), descriptors(self.pid()).unwrap_or(0)))
    }

    pub fn still_running(&mut self) -> Result<(), BenchError> {
        match self.process.ended() {
            None => Ok(()),
            Some(text) => {
                let log = fs::read_to_string(self.directory.path.join("serve.log")).unwrap_or_default();
                Err(BenchError::Failed(format!("{text}\n{}", tail(&log))))
            }
        }
    }

    fn wait_ready(&mut self, users: usize) -> Result<(), BenchError> {
        let end = Instant::now() + READY_WAIT;
        for (address, mode) in [(self.auth, Mode::Pap), (self.acct, Mode::Acct)] {
            while !answers(address, mode, users)? {
                self.still_running()?;
                if Instant::now() > end {
                    let wait = READY_WAIT.as_secs();
                    return Err(BenchError::Failed(format!(
                        "no right answer to {} within {wait} s",
                        mode.as_str()
                    )));
                }
                thread::sleep(LOOK_EVERY);
            }
        }
        Ok(())
    }
}

/// True when one request of this mode is answered as it should be.
fn answers(address: SocketAddr, mode: Mode, users: usize) -> Result<bool, BenchError> {
    let (address, users) = (address.to_string(), users.to_string());
    let words = ["--server", &address, "--mode", mode.as_str(), "--users", &users, "--secret", SECRET];
    let once = ["--count", "1", "--warmup", "0", "--seconds", "1", "--timeout-ms", "300", "--sessions", "1"];
    let report = radius(&RadiusArgs::from_words(words.into_iter().chain(once))?)?;
    Ok(report.replies == 1 && report.faults() == 0)
}

/// A UDP port of loopback that was free a moment ago.
pub fn free_address() -> Result<SocketAddr, BenchError> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(BenchError::system)?;
    socket.local_addr().map_err(BenchError::system)
}

/// Only RADIUS is open; whatever else the server offers is closed.
fn configuration(directory: &Path, auth: SocketAddr, acct: SocketAddr) -> String {
    let directory = directory.display();
    format!(
        r#"[server]
name = "bench"
state-dir = "{directory}"
control-socket = "{directory}/control.sock"

[store]
url = "sqlite:{directory}/headgate.db"

[radius]
auth = ["{auth}"]
acct = ["{acct}"]

[system-api]
listen = []

[cabinet]
listen = []

[management]
listen = []

[cgrates]
tcp = []
http = []

[metrics]
listen = []
"#
    )
}

/// One NAS on loopback, one plan, and the users that the generator logs in, each with an address of its own.
fn data_file(users: usize) -> String {
    let mut text = format!(
        r#"[[plan]]
name = "bench"
fee = "0"
period = "none"
rate-in = 20000
rate-out = 20000

[[nas]]
name = "bench"
address = "127.0.0.1"
secret = "{SECRET}"
vendor = "mikrotik"
coa-port = 0
"#
    );
    for number in 0..users {
        let address = Ipv4Addr::from(user_address(number));
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n[[subscriber]]\nlogin = \"u{number:06}\"\npassword = \"p{number:06}\"\ncontract = \"c{number:06}\"\n\
             plan = \"bench\"\nnas = \"bench\"\nip = \"{address}\"\nsessions-max = 0\nbalance = \"100.00\"\n"
        );
    }
    text
}

fn write(path: &Path, text: &str) -> Result<(), BenchError> {
    fs::write(path, text)
        .map_err(|error| BenchError::Failed(format!("cannot write {}: {error}", path.display())))
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.len().saturating_sub(LOG_LINES_SHOWN);
    lines.get(first..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DataFile;

    #[test]
    fn the_users_of_the_data_file_are_those_of_the_generator() {
        let data: DataFile = toml::from_str(&data_file(300)).unwrap();
        assert_eq!((data.plan.len(), data.nas.len(), data.subscriber.len()), (1, 1, 300));
        let last = data.subscriber.last().unwrap();
        assert_eq!(last.login, "u000299");
        assert_eq!(last.password.as_ref().unwrap().expose(), "p000299");
        assert_eq!(last.ip.as_deref(), Some("100.64.1.43"));
    }

    #[test]
    fn the_configuration_is_toml_and_opens_nothing_but_radius() {
        let address: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let table: toml::Table = configuration(Path::new("/tmp/x"), address, address).parse().unwrap();
        for (section, key) in [("system-api", "listen"), ("cabinet", "listen")] {
            assert_eq!(table[section][key].as_array().unwrap().len(), 0, "{section}");
        }
        assert_eq!(table["radius"]["auth"][0].as_str(), Some("127.0.0.1:1"));
    }

    #[test]
    fn a_server_that_does_not_start_is_reported() {
        let error = Subject::start(Path::new("/bin/false"), 2, false).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("load ended with"), "{error}");
        let error = Subject::start(Path::new("/bin/true"), 2, false).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("the server ended with"), "{error}");
    }

    #[test]
    fn the_directory_is_private_and_goes_away_with_its_contents() {
        use std::os::unix::fs::PermissionsExt;
        let directory = Directory::make(false).unwrap();
        let path = directory.path.clone();
        write(&path.join("inner"), "x").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        drop(directory);
        assert!(!path.exists());
    }
}
